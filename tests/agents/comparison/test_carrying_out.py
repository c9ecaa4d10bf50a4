"""Cells carried out by a program that only pretends to train."""

import os
import time
from pathlib import Path

import pytest

from agents.comparison.carrying_out import Failure, Workshop, carry_out, command_of
from agents.comparison.catalogue import cells_of
from agents.comparison.results import Result

PROGRAM = """
import json, os, pathlib, sys, time
options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
folder, seed = pathlib.Path(options["--run_dir"]), int(options["--seed"])
diary = pathlib.Path("diary")
with diary.open("a") as file:
    file.write(f"begin {seed} {os.getpid()} {os.environ.get('OMP_THREAD_LIMIT')}\\n")
if seed == 13:
    sys.exit("the loss is not finite")
time.sleep(float(os.environ["PRETEND_SECONDS"]))
folder.mkdir()
look = {"env_steps": 50_000, "seconds": 9.0, "choose/mean_return": 450.0 + seed, "time/choose": 2.0}
(folder / "metrics.jsonl").write_text(json.dumps(look) + "\\n")
(folder / "evaluation.json").write_text(json.dumps({"mean_return": 400.0 + seed}))
with diary.open("a") as file:
    file.write(f"end {seed}\\n")
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with nothing but the program."""
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "train_agent.py").write_text(PROGRAM)
    (tmp_path / "runs").mkdir()
    monkeypatch.setenv("PRETEND_SECONDS", "0")
    return tmp_path


def diary(root: Path) -> list[list[str]]:
    return [line.split() for line in (root / "diary").read_text().splitlines()]


def outcomes(root: Path, seeds: list[int], together: int = 1) -> list[Result | Failure]:
    cells = cells_of(["cartpole"], ["dqn"], seeds)
    return list(carry_out(cells, Workshop(root, root / "runs", together)))


def test_a_result_tells_what_the_run_wrote(root):
    (result,) = outcomes(root, [5])
    (cell,) = cells_of(["cartpole"], ["dqn"], [5])
    assert isinstance(result, Result)
    assert (result.task, result.agent, result.seed) == ("cartpole", "dqn", 5)
    assert (result.score, result.env_steps, result.seconds) == (405.0, 50_000, 7.0)
    assert result.curve == [[50_000, 7.0, 455.0]]
    assert result.definition == cell.definition
    assert result.command == command_of(cell)
    assert result.command.startswith(
        "python scripts/train_agent.py --config configs/classic/cartpole_dqn.yaml"
    )
    assert (result.provenance.commit, result.provenance.together) == (None, 1)
    assert diary(root)[0][3] == "None", "alone it may use every thread"


def test_a_training_that_fails_is_told_and_the_others_go_on(root):
    failure, result = outcomes(root, [13, 1])
    assert isinstance(failure, Failure)
    assert (failure.cell.seed, failure.message) == (13, "the loss is not finite")
    assert isinstance(result, Result)


def test_side_by_side_means_so_many_at_once_with_a_thread_each(root, monkeypatch):
    monkeypatch.setenv("PRETEND_SECONDS", "0.4")
    found = outcomes(root, [0, 1, 2], together=2)
    assert sorted(result.seed for result in found if isinstance(result, Result)) == [0, 1, 2]
    words, running, most = diary(root), 0, 0
    for word, *_ in words:
        running += 1 if word == "begin" else -1
        most = max(most, running)
    assert most == 2
    assert {word[3] for word in words if word[0] == "begin"} == {"1"}


def test_who_stops_leaves_nothing_running(root, monkeypatch):
    monkeypatch.setenv("PRETEND_SECONDS", "60")
    cells = cells_of(["cartpole"], ["dqn"], [0, 1])

    def interrupted(_):
        deadline = time.monotonic() + 30
        while not ((root / "diary").exists() and len(diary(root)) == 2) and time.monotonic() < deadline:
            os.sched_yield()
        raise KeyboardInterrupt

    monkeypatch.setattr("agents.comparison.carrying_out.time.sleep", interrupted)
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        list(carry_out(cells, Workshop(root, root / "runs", 2)))
    assert time.monotonic() - start < 40
    for word in diary(root):
        with pytest.raises(ProcessLookupError):
            os.kill(int(word[2]), 0)
