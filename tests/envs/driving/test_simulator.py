"""Episodes: where they start, on which road, when they end."""

import subprocess
import sys

import numpy as np
import pytest

from envs.driving.config import DrivingConfig
from envs.driving.labels import POSE
from envs.driving.params import CONTROL_STEP
from envs.driving.records import ROW

MANY = 3000


@pytest.fixture(scope="module")
def starts(make_simulator):
    return make_simulator(MANY)


def lengths(simulator) -> np.ndarray:
    levels = simulator.rows["level"]
    return simulator.roads.counts[levels] * simulator.roads.spacings[levels]


def test_cars_start_on_the_road_looking_along_it(starts) -> None:
    poses = starts.poses()[0]
    assert np.abs(poses[:, 0]).max() < 1.51
    assert np.abs(poses[:, 1]).max() < 0.16
    assert np.abs(poses[:, 0]).max() > 1.45
    assert np.abs(poses[:, 1]).max() > 0.145
    assert len(POSE) == poses.shape[1]


def test_starts_are_balanced(starts) -> None:
    rows = starts.rows
    for name in ("mirror", "direction"):
        assert set(np.unique(rows[name])) == {-1.0, 1.0}
        assert abs(rows[name].mean()) < 0.06
    assert abs(np.corrcoef(rows["mirror"], rows["direction"])[0, 1]) < 0.06
    assert rows["vx"].min() >= 0.0
    assert rows["vx"].max() < 8.0
    assert rows["vx"].mean() == pytest.approx(4.0, abs=0.15)
    poses = starts.poses()[0]
    assert np.abs(poses[:, :2].mean(0)).max() < 0.06, "neither to the left nor to the right"
    assert abs(np.median(poses[:, 2])) < 0.01, "bends to the left and to the right alike"
    share = rows["nearest"] / starts.roads.counts[rows["level"]]
    assert np.histogram(share, 10, (0.0, 1.0))[0].min() > 0.8 * MANY / 10


def test_every_road_is_driven_as_often(starts) -> None:
    counts = np.bincount(starts.rows["level"], minlength=4)
    assert counts.min() > 0.9 * MANY / 4
    assert len(counts) == 4


def test_cars_start_at_rest_but_for_their_speed(starts) -> None:
    for name in ("vy", "yaw_rate", "steer", "acceleration", "travelled", "furthest", "step"):
        assert (starts.rows[name] == 0).all(), name
    assert not starts.rows["ended"].any()
    assert (starts.rows["episode"] == 0).all()


def test_the_place_on_the_road_is_followed_wherever_the_car_goes(make_simulator, reference_road) -> None:
    simulator = make_simulator(12, seed=9, split="ood")
    rng, everyone = np.random.default_rng(0), np.ones(12, np.bool_)
    for _ in range(40):
        simulator.step(everyone, rng.uniform(-0.4, 0.9, (12, 2)).astype(np.float32))
        simulator.rows["ended"] = False
    kept = 0
    for row in simulator.rows:
        road = reference_road("ood", int(row["level"]))
        left, along, _ = road.place(np.array([[row["x"], row["y"]]], np.float64))[0]
        if abs(left) > 4.5:
            continue
        kept += 1
        assert row["offset"] == pytest.approx(left, abs=0.02)
        gap = (
            row["nearest"] * road.spacing + row["advance"] - along + road.lap / 2
        ) % road.lap - road.lap / 2
        assert abs(gap) < 0.06
    assert kept >= 4


def test_travelled_metres_are_those_along_the_road(make_simulator, reference_road) -> None:
    simulator = make_simulator(8, seed=3)
    roads = [reference_road("train", int(level)) for level in simulator.rows["level"]]

    def along() -> np.ndarray:
        places = [[row["x"], row["y"]] for row in simulator.rows]
        return np.array(
            [road.place(np.array([place], float))[0, 1] for road, place in zip(roads, places, strict=True)]
        )

    before = along()
    for _ in range(15):
        simulator.step(np.ones(8, np.bool_), np.tile(np.array([0.0, 0.5], np.float32), (8, 1)))
    laps = np.array([road.lap for road in roads])
    gone = (along() - before + laps / 2) % laps - laps / 2
    expected = gone * simulator.rows["direction"]
    np.testing.assert_allclose(simulator.rows["travelled"], expected, atol=0.06)
    assert (expected > 0.5).all()


@pytest.mark.parametrize("gap", [0.05, 0.3, 3.0])
def test_a_lap_is_over_when_its_last_metre_is_driven(make_simulator, gap: float) -> None:
    simulator = make_simulator(4, seed=1)
    rows, everyone = simulator.rows, np.ones(4, np.bool_)
    rows["vx"], rows["offset"] = 5.0, 0.0
    rows["travelled"] = rows["furthest"] = lengths(simulator) - gap
    for _ in range(40):
        missing = lengths(simulator) - rows["furthest"]
        outcome = simulator.step(everyone & ~rows["ended"], np.zeros((4, 2), np.float32))
        for n in np.flatnonzero(outcome.truncated):
            assert missing[n] > 0.0
            assert rows["furthest"][n] >= lengths(simulator)[n]
        running = ~rows["ended"]
        assert (rows["furthest"][running] < lengths(simulator)[running]).all()
        if rows["ended"].all():
            return
    pytest.fail("no row finished its lap")


def test_going_back_over_the_start_does_not_count_as_a_lap(make_simulator) -> None:
    simulator = make_simulator(6, seed=5)
    rows, everyone = simulator.rows, np.ones(6, np.bool_)
    rows["direction"] *= -1.0
    for _ in range(20):
        outcome = simulator.step(everyone, np.zeros((6, 2), np.float32))
        assert not outcome.truncated.any()
    assert (rows["travelled"] <= 0.0).all()
    assert (rows["furthest"] == 0.0).all()


def test_time_runs_out_at_six_metres_a_second(make_simulator) -> None:
    simulator = make_simulator(5, seed=2)
    rows, everyone = simulator.rows, np.ones(5, np.bool_)
    rows["vx"] = 0.0
    limit = np.ceil(lengths(simulator) / DrivingConfig.cruise_speed / CONTROL_STEP).astype(int)
    rows["step"] = limit - 3
    ends = [simulator.step(everyone, np.zeros((5, 2), np.float32)).truncated.copy() for _ in range(3)]
    np.testing.assert_array_equal(np.array(ends).all(axis=1), [False, False, True])
    assert not np.array(ends)[:2].any()


def test_leaving_the_road_in_the_last_moment_is_no_success(make_simulator) -> None:
    simulator = make_simulator(4, seed=0)
    rows = simulator.rows
    rows["step"] = 10**6
    sideways = simulator.rows["yaw"] + np.pi / 2
    rows["x"] += (5.5 * np.cos(sideways)).astype(np.float32)
    rows["y"] += (5.5 * np.sin(sideways)).astype(np.float32)
    outcome = simulator.step(np.ones(4, np.bool_), np.zeros((4, 2), np.float32))
    assert outcome.terminated.all()
    assert not outcome.truncated.any(), "terminated and truncated are never both"
    assert (outcome.metrics[:, 0] == 0.0).all()
    assert (outcome.metrics[:, 7] == 0.0).all(), "an episode has one end"


def test_rows_that_are_not_active_stay_as_they_are(make_simulator) -> None:
    simulator = make_simulator(4)
    before = simulator.rows.copy()
    active = np.array([True, False, True, False])
    outcome = simulator.step(active, np.full((4, 2), 0.5, np.float32))
    for n in range(4):
        assert (before[n].tobytes() == simulator.rows[n].tobytes()) == (not active[n])
    assert (outcome.reward[~active] == 0.0).all()
    assert not (outcome.terminated | outcome.truncated)[~active].any()


FORK = """
import os, signal
import numpy as np
from envs.driving.config import DrivingConfig
from envs.driving.simulator import Simulator

def drive():
    simulator = Simulator(DrivingConfig(num_levels=2, num_threads=2), 16)
    everyone = np.ones(16, np.bool_)
    simulator.begin(everyone)
    simulator.step(everyone, np.zeros((16, 2), np.float32))

drive()
child = os.fork()
if child == 0:
    signal.alarm(30)
    drive()
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork on Windows")
def test_a_forked_child_can_simulate_too() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORK], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "7", "the child hung: threads do not survive a fork"


def test_a_row_is_plain_numbers() -> None:
    assert not ROW.hasobject
