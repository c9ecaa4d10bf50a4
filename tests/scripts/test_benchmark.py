"""The benchmarks' own bookkeeping; what they measure is not for a test to say."""

import json
from pathlib import Path
from typing import Any

import pytest
import task_speed

import learning_speed
import simulation_speed
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


class _Batch:
    """A batch whose first rate is far off, as when the machine does something else."""

    calls: list[int]

    def __init__(self, num_envs: int, threads: int, **kwargs: Any) -> None:
        self._num_envs, self._rates = num_envs, iter([1e9])

    def rate(self) -> float:
        self.calls.append(self._num_envs)
        return next(self._rates, 10.0 * (self._num_envs + 16))

    def close(self) -> None:
        self.calls.append(-self._num_envs)


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Whose rates were asked for, one after the other; negative where a batch is closed."""
    monkeypatch.setattr(_Batch, "calls", [], raising=False)
    for module in (simulation_speed, task_speed):
        monkeypatch.setattr(module, "Batch", _Batch)
    return _Batch.calls


def test_a_rate_is_the_median_of_its_windows(batches: list[int]):
    assert simulation_speed.batch_rate(16, 1, 0.01) == 320.0
    assert batches[-1] == -16


def test_batches_take_turns_with_as_many_steps_each(batches: list[int]):
    rows = list(task_speed.by_size(64, 1, 0.01))
    assert [row["value"] for row in rows] == [320.0, 800.0, 2.5]  # the dearest environment over the cheapest
    assert [row["unit"] for row in rows] == ["steps/s", "steps/s", "×"]
    assert batches[: 2 * 80] == 2 * (64 * [16] + 16 * [64])
    assert batches[-2:] == [-16, -64]


def test_where_no_batch_is_so_small_nothing_is_compared(batches: list[int]):
    assert list(task_speed.by_size(8, 1, 0.01)) == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["simulations"], "suite is 'simulations'; it must be simulation or learning or perception"),
        (
            ["simulation", "--json", "/dev/null"],
            "json is '/dev/null'; it must be a file in a folder that exists",
        ),
        (["learning", "--seconds", "0"], "seconds is 0.0; it must be above 0"),
        (
            ["learning", "--seeds", "[-1]"],
            "seeds is [-1]; it must be one or more whole numbers, 0 or greater",
        ),
        (["learning", "--tasks", "[]"], "tasks is []; it must be one or more names, or left out"),
        (["learning", "--agents", "[]"], "agents is []; it must be one or more names, or left out"),
        (["learning", "--seeds", "[]"], "seeds is []; it must be one or more whole numbers, 0 or greater"),
    ],
)
def test_a_fault_is_one_sentence(arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]):
    assert benchmark.main(arguments) == 2
    assert capsys.readouterr().err == f"{sentence}\n"


def test_the_time_to_solve_ends_at_the_first_good_look_and_leaves_out_the_looking():
    records = [
        {"seconds": 1.0, "loss": 2.0},
        {"seconds": 4.0, "choose/success_rate": 0.89, "time/choose": 1.5},
        {"seconds": 6.0, "choose/success_rate": 0.9, "time/choose": 0.25},
        {"seconds": 7.0, "choose/success_rate": 1.0, "time/choose": 0.5},
    ]
    assert learning_speed.seconds_to_solve(records) == 6.0 - 1.75
    assert learning_speed.seconds_to_solve(records[:2]) is None


def test_times_are_means_over_seeds():
    row = learning_speed.against_pixels("solved", [1.0, 3.0], [10.0, 11.0], {"limit": 9})
    assert (row["value"], row["peer_value"], row["ratio"]) == (2.0, 10.5, 5.2)
    assert row["settings"] == {"limit": 9, "features": [1.0, 3.0]}


@pytest.mark.parametrize(("ours", "theirs"), [([1.0, None], [3.0, 3.0]), ([1.0, 1.0], [None, 3.0])])
def test_a_mark_that_one_seed_did_not_reach_has_no_mean_and_no_ratio(ours: list, theirs: list):
    row = learning_speed.against_pixels("solved", ours, theirs, {})
    assert row["ratio"] is None
    assert (row["value"], row["peer_value"]) == (
        None if None in ours else 1.0,
        None if None in theirs else 3.0,
    )


@pytest.mark.slow
def test_perception_is_measured_with_its_share_of_the_arithmetic(tmp_path: Path):
    path = tmp_path / "out.json"
    assert benchmark.main(["perception", "--seconds", "0.05", "--json", str(path)]) == 0
    rows = {row["name"]: row for row in json.loads(path.read_text())}
    peak = rows["float32 matrix product"]["value"] * 1e9
    for name in ("pose and classes, tiny", "whole scenes, tiny"):
        rate, work = rows[f"training, {name}"]["value"], rows[f"training, {name}: arithmetic"]["value"]
        share = rows[f"training, {name}: share of the matrix product's"]["value"]
        assert share == pytest.approx(rate * work * 1e6 / peak, rel=0.01)
        assert 0 < share < 1
    assert rows["labelled scenes made"]["value"] > 0
