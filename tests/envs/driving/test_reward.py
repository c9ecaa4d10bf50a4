"""The reward: its terms by hand, and no way to be paid for the same road twice."""

import numpy as np
import pytest

from envs.driving.params import VehicleParams
from envs.driving.reward import RewardWeights, reward

WEIGHTS = RewardWeights().record()[0]


def given(
    advance: float = 0.0, offset: float = 0.0, steer_share: float = 0.0, off_road: bool = False
) -> float:
    return float(reward(*(np.float32(x) for x in (advance, offset, steer_share)), off_road, WEIGHTS))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, 0.0),
        ({"advance": 0.75}, 1.0),
        ({"advance": 0.3}, 0.4),
        ({"offset": 3.5}, -0.1),
        ({"offset": -1.75}, -0.025),
        ({"offset": 9.0}, -0.1),
        ({"steer_share": -1.0}, -0.03),
        ({"steer_share": 0.5}, -0.015),
        ({"off_road": True}, -5.0),
        ({"advance": 0.75, "offset": -3.5, "steer_share": 1.0, "off_road": True}, 1.0 - 0.1 - 0.03 - 5.0),
    ],
)
def test_each_term_by_hand(arguments: dict, expected: float) -> None:
    assert given(**arguments) == pytest.approx(expected, abs=1e-6)


def test_weights_scale_their_own_term() -> None:
    weights = RewardWeights(progress=2.0, lane=-0.5, comfort=-0.25, off_road=-7.0).record()[0]
    terms = [
        reward(*(np.float32(x) for x in (*parts, 0.0)[:3]), off, weights)
        for parts, off in (((0.75, 0.0), False), ((0.0, 3.5), False), ((0.0, 0.0), True))
    ]
    np.testing.assert_allclose(terms, [2.0, -0.5, -7.0], rtol=1e-6)
    steered = reward(np.float32(0.0), np.float32(0.0), np.float32(1.0), False, weights)
    assert steered == pytest.approx(-0.25)


def test_a_step_is_paid_by_what_the_car_did(make_batch) -> None:
    env = make_batch(8, actions="continuous")
    env.reset(seed=0)
    rows, rng = env.simulator.rows, np.random.default_rng(0)
    for _ in range(12):
        before = rows["furthest"].copy()
        _, got, terminated, truncated, _ = env.step(rng.uniform(-0.3, 0.3, (8, 2)).astype(np.float32))
        if (terminated | truncated).any():
            break
        expected = (
            (rows["furthest"] - before) / 0.75
            - 0.1 * (rows["offset"] / 3.5) ** 2
            - 0.03 * np.abs(rows["steer"]) / VehicleParams().max_steer
        )
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
        costs = 0.1 * (rows["offset"] / 3.5) ** 2 + 0.03 * np.abs(rows["steer"]) / VehicleParams().max_steer
        total[alive] += ((got + costs) * 0.75)[alive]
        if not alive.any():
            break
        np.testing.assert_allclose(total[alive], rows["furthest"][alive], atol=1e-2)
