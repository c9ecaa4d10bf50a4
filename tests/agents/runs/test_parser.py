from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from agents.runs.errors import InterruptedRunError, RunError, require
from agents.runs.parser import exit_status, parse_options


@dataclass(frozen=True)
class SmallOptions:
    """Options of a small program."""

    run: Path
    """Where."""
    episodes: int = 100
    """How many."""

    def __post_init__(self) -> None:
        require(self.episodes >= 1, "episodes", self.episodes, "at least 1")


def test_a_small_program_reads_its_record():
    options = parse_options(SmallOptions, ["runs/x", "--episodes", "3"], "")
    assert options == SmallOptions(Path("runs/x"), 3)
    with pytest.raises(RunError, match="episodes is 0; it must be at least 1"):
        parse_options(SmallOptions, ["runs/x", "--episodes", "0"], "")
    with pytest.raises(RunError, match="run"):
        parse_options(SmallOptions, [], "")


@dataclass(frozen=True)
class Nested:
    """Options with a dictionary."""

    kwargs: dict[str, Any] = field(default_factory=dict)
    """What an environment takes."""


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.5", 0.5),
        ("2", 2),
        ("1e-3", 0.001),
        ("true", True),
        ("[1, 2]", [1, 2]),
        ("noisy", "noisy"),
        ("{", "{"),
    ],
)
def test_a_value_deep_in_a_dictionary_is_read_as_one_beside_it(text: str, value: object):
    options = parse_options(Nested, ["--kwargs.camera.pitch", text, "--kwargs.camera.height", "2.5"], "")
    assert options.kwargs == {"camera": {"pitch": value, "height": 2.5}}
    assert type(options.kwargs["camera"]["pitch"]) is type(value)


def test_dictionaries_may_be_deeper():
    options = parse_options(Nested, ["--kwargs.a.b.c", "3", "--kwargs.a.b.d", "4", "--kwargs.a.e", "5"], "")
    assert options.kwargs == {"a": {"b": {"c": 3, "d": 4}, "e": 5}}
    with pytest.raises(RunError, match="kwargs.a.b is 3; b.c has no place in it"):
        parse_options(Nested, ["--kwargs.a.b", "3", "--kwargs.a.b.c", "4"], "")


def test_what_the_disk_refuses_is_one_sentence(capsys: pytest.CaptureFixture[str]):
    assert exit_status(lambda: failing(FileNotFoundError(2, "No such file", "x"))) == 2
    assert capsys.readouterr().err == "[Errno 2] No such file: 'x'\n"


def failing(fault: Exception) -> None:
    raise fault


@pytest.mark.parametrize(
    ("fault", "status"),
    [(RunError("bad input"), 2), (RunError("diverged", 1), 1), (InterruptedRunError("stopped"), 130)],
)
def test_what_ends_a_program_is_printed_and_told_by_the_status(
    fault: RunError, status: int, capsys: pytest.CaptureFixture[str]
):
    assert exit_status(lambda: failing(fault)) == status
    assert capsys.readouterr().err == f"{fault}\n"


def test_too_little_memory_is_one_sentence(capsys: pytest.CaptureFixture[str]):
    assert exit_status(lambda: failing(MemoryError("Unable to allocate 1 TiB"))) == 2
    assert capsys.readouterr().err == "there is not enough memory: Unable to allocate 1 TiB\n"


def test_a_program_that_ends_well_has_status_zero():
    assert exit_status(lambda: None) == 0


def test_a_fault_of_ours_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        exit_status(lambda: failing(ZeroDivisionError()))


def test_a_positional_named_like_an_option_is_explained():
    with pytest.raises(RunError, match="^there is no option run; run stands without a name$"):
        parse_options(SmallOptions, ["--run", "runs/x"], "")
