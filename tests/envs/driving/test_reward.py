"""The reward: its terms by hand, and no way to be paid for the same road twice."""

import numpy as np
import pytest

from envs.driving.params import VehicleParams
from envs.driving.records import ROW
from envs.driving.reward import RewardWeights, reward

WEIGHTS = RewardWeights().record()[0]


CAR = ROW  # the record that the simulator compiles for
FULL = np.float32(VehicleParams().max_steer)


EVENTS = ("off_road", "hit", "pushed", "wrong")


def given(advance: float = 0.0, weights=WEIGHTS, **car: float) -> float:
    events = tuple(bool(car.pop(name, False)) for name in EVENTS)
    row = np.zeros(1, CAR).view(np.recarray)[0]
    row["lane_half"] = 3.5
    for name, value in car.items():
        row[name] = value
    return float(reward((np.float32(advance), 2), row, FULL, events, weights))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, 0.0),
        ({"advance": 0.75}, 0.2),
        ({"advance": 1.5}, 0.4),
        ({"offset": 3.5}, -0.2),
        ({"offset": -1.75}, -0.05),
        ({"offset": 9.0}, -0.2),
        ({"steer": -FULL}, -0.006),
        ({"steer": 0.5 * FULL}, -0.003),
        ({"vx": 10.0, "yaw_rate": -0.4905}, -0.125),
        ({"vx": 12.0, "yaw_rate": 3.0}, -0.5),
        ({"vx": 12.0}, 0.0),
        ({"off_road": True}, -2.0),
        ({"hit": True}, -2.0),
        ({"pushed": True}, -0.5),
        ({"wrong": True}, -0.5),
        ({"offset": -5.25, "lane_side": -5.25, "lane_half": 1.75}, 0.0),
        ({"offset": -6.125, "lane_side": -5.25, "lane_half": 1.75}, -0.05),
        ({"advance": 0.75, "offset": -3.5, "steer": FULL, "off_road": True}, 0.2 - 0.2 - 0.006 - 2.0),
    ],
)
def test_each_term_by_hand(arguments: dict, expected: float) -> None:
    assert given(**arguments) == pytest.approx(expected, abs=1e-6)


def test_weights_scale_their_own_term() -> None:
    weights = RewardWeights(progress=2.0, lane=-0.5, comfort=-0.25, grip=-3.0, off_road=-7.0).record()[0]
    cases = [
        {"advance": 0.75},
        {"offset": 3.5},
        {"steer": FULL},
        {"vx": 9.81, "yaw_rate": 1.0},
        {"off_road": True},
    ]
    terms = [given(weights=weights, **case) for case in cases]
    np.testing.assert_allclose(terms, [2.0, -0.5, -0.25, -3.0, -7.0], rtol=1e-6)


def costs(rows) -> np.ndarray:
    """What a step costs, from the state after it."""
    lane = 0.2 * (rows["offset"] / 3.5) ** 2 + 0.006 * np.abs(rows["steer"]) / FULL
    return lane + 0.5 * (rows["vx"] * rows["yaw_rate"] / 9.81) ** 2


def test_a_step_is_paid_by_what_the_car_did(make_batch) -> None:
    env = make_batch(8, actions="continuous")
    env.reset(seed=0)
    rows, rng = env.simulator.rows, np.random.default_rng(0)
    for _ in range(12):
        before = rows["furthest"].copy()
        _, got, terminated, truncated, _ = env.step(rng.uniform(-0.3, 0.3, (8, 2)).astype(np.float32))
        if (terminated | truncated).any():
            break
        expected = 0.2 * (rows["furthest"] - before) / 0.75 - costs(rows)
        np.testing.assert_allclose(got, expected, atol=1e-4)


def test_driving_back_and_forth_earns_nothing(make_batch) -> None:
    """Turning the route round under the car makes its driving count backwards, as if it had turned itself."""
    env = make_batch(16, actions="continuous", physics="kinematic")
    env.reset(seed=3)
    rows = env.simulator.rows
    rows["vx"] = 3.0
    rows["offset"] = 0.0
    coast = np.zeros((16, 2), np.float32)
    for _ in range(4):
        env.step(coast)
    assert (rows["furthest"] > 0.3).all()
    furthest = rows["furthest"].copy()
    rows["direction"] *= -1.0
    for _ in range(6):
        assert (env.step(coast)[1] <= 1e-6).all(), "going back is not paid"
    assert (rows["travelled"] < furthest).all()
    rows["direction"] *= -1.0
    paid = np.zeros(16)
    while (rows["travelled"] < furthest - 0.2).all():
        paid += env.step(coast)[1]
    assert (paid <= 1e-6).all(), "and the way to where it had been is not paid again"


def test_progress_of_an_episode_sums_to_the_road_driven(make_batch) -> None:
    env = make_batch(6, actions="continuous", num_levels=2)
    env.reset(seed=5)
    rows = env.simulator.rows
    total, alive = np.zeros(6), np.ones(6, bool)
    for _ in range(40):
        _, got, terminated, truncated, _ = env.step(np.tile(np.array([0.0, 0.4], np.float32), (6, 1)))
        alive &= ~(terminated | truncated)
        total[alive] += ((got + costs(rows)) * 0.75 / 0.2)[alive]
        if not alive.any():
            break
        np.testing.assert_allclose(total[alive], rows["furthest"][alive], atol=1e-2)
