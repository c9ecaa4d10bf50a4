"""The benchmarks' own bookkeeping; what they measure is not for a test to say."""

import json
from pathlib import Path

import pytest

import learning_speed
from scripts import benchmark

FAST = ["simulation", "--seconds", "0.05", "--num_envs", "8", "--peers", "false"]


@pytest.mark.slow
def test_every_row_says_what_was_measured_and_how(tmp_path: Path):
    out = tmp_path / "out.json"
    assert benchmark.main([*FAST, "--json", str(out)]) == 0
    rows = json.loads(out.read_text())
    assert len({row["name"] for row in rows}) == len(rows) >= 7
    for row in rows:
        assert list(row) == ["name", "value", "unit", "peer", "peer_value", "ratio", "settings"]
        assert row["value"] > 0
        assert row["unit"] in ("steps/s", "s")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["simulations"], "suite is 'simulations'; it must be simulation or learning"),
        (["learning", "--seconds", "0"], "seconds is 0.0; it must be above 0"),
        (["learning", "--seed", "-1"], "seed is -1; it must be 0 or greater"),
    ],
)
def test_a_fault_is_one_sentence(arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]):
    assert benchmark.main(arguments) == 2
    assert capsys.readouterr().err == f"{sentence}\n"


def test_the_time_to_solve_is_that_of_the_first_good_look():
    records = [
        {"seconds": 1.0, "loss": 2.0},
        {"seconds": 2.0, "choose/success_rate": 0.89},
        {"seconds": 3.0, "choose/success_rate": 0.9},
        {"seconds": 4.0, "choose/success_rate": 1.0},
    ]
    assert learning_speed.seconds_to_solve(records) == 3.0
    assert learning_speed.seconds_to_solve(records[:2]) is None


@pytest.mark.parametrize(("ratio", "told"), [(3.456, 3.5), (None, None)])
def test_a_mark_that_was_not_reached_has_no_ratio(ratio: float | None, told: float | None):
    row = learning_speed.row(("solved", "s"), 2.0, ("peer", None), ratio, {})
    assert (row["ratio"], row["peer_value"]) == (told, None)
