"""The road as a grid: its rules by hand, and by exact dynamic programming what driving best looks like."""

from collections.abc import Callable

import numpy as np
import pytest

from envs.tabular.model import FiniteModel
from envs.tabular.road import ACTIONS, FAR, TOP_SPEED, make_road

WORLD = make_road()
MODEL = WORLD.model
KEEP, FASTER, SLOWER, LEFT, RIGHT = range(5)
Told = dict[tuple[int, int, int, int] | str, float]
QValues = Callable[[FiniteModel, float], np.ndarray]


def number(lane: int, lead: int, speed: int, gap: int) -> int:
    page = lead * (TOP_SPEED + 1) + speed
    return int(WORLD.layout.states_of_page(page)[lane, FAR - gap])


PARTS = {
    number(lane, lead, speed, gap): (lane, lead, speed, gap)
    for lane in range(3)
    for lead in range(3)
    for speed in range(TOP_SPEED + 1)
    for gap in range(1, FAR + 1)
}


def outcomes(state: tuple[int, int, int, int], action: int) -> tuple[Told, Told]:
    """Chances, and rewards, by (lane, lead, speed, gap) or `crash`."""
    at, chances, rewards = (number(*state), action), {}, {}
    for k, chance in enumerate(MODEL.probability[at]):
        if chance > 0.0:
            key = "crash" if MODEL.terminated[at][k] else PARTS[int(MODEL.next_state[at][k])]
            chances[key], rewards[key] = chance, MODEL.reward[at][k]
    return chances, rewards


def test_there_are_540_states_each_with_its_place():
    assert MODEL.num_states == len(PARTS) == 540
    assert MODEL.num_actions == len(ACTIONS) == 5


def test_the_gap_shrinks_by_the_difference_of_speeds():
    chances, rewards = outcomes((1, 1, 3, 10), KEEP)
    assert chances == pytest.approx({(1, 1, 3, 7): 0.25, (1, 1, 3, 8): 0.5, (1, 1, 3, 9): 0.25})
    assert set(rewards.values()) == {0.75}


@pytest.mark.parametrize(
    ("action", "speed", "after"), [(FASTER, 2, 3), (FASTER, 4, 4), (SLOWER, 2, 1), (SLOWER, 0, 0)]
)
def test_pedals_change_the_speed_by_one_within_its_bounds(action: int, speed: int, after: int):
    chances, rewards = outcomes((0, 2, speed, 8), action)
    assert {key[2] for key in chances} == {after}
    assert set(rewards.values()) == {after / 4}


def test_the_gap_does_not_grow_past_what_is_seen():
    chances, _ = outcomes((1, 1, 0, FAR), KEEP)
    assert chances == pytest.approx({(1, 1, 0, FAR): 1.0})


@pytest.mark.parametrize(
    ("action", "lane", "wanted"), [(LEFT, 2, 1), (LEFT, 1, 0), (RIGHT, 0, 1), (RIGHT, 1, 2)]
)
def test_a_lane_beside_is_free_every_other_time(action: int, lane: int, wanted: int):
    chances, rewards = outcomes((lane, 0, 2, 10), action)
    lanes = {there: sum(p for key, p in chances.items() if key[0] == there) for there in (lane, wanted)}
    assert lanes == pytest.approx({lane: 0.5, wanted: 0.5})
    assert {key[0]: reward for key, reward in rewards.items()} == pytest.approx({lane: 0.5, wanted: 0.4})


@pytest.mark.parametrize(("action", "lane"), [(LEFT, 0), (RIGHT, 2)])
def test_there_is_no_lane_beyond_the_outermost(action: int, lane: int):
    assert outcomes((lane, 1, 2, 10), action) == outcomes((lane, 1, 2, 10), KEEP)


def test_to_reach_the_car_ahead_in_its_lane_is_a_crash():
    chances, rewards = outcomes((2, 2, 2, 2), KEEP)
    assert chances == pytest.approx({"crash": 0.25, (2, 2, 2, 1): 0.5, (2, 2, 2, 2): 0.25})
    assert rewards["crash"] == 0.5 - 100.0


def test_beside_the_car_one_passes_and_meets_another():
    chances, rewards = outcomes((0, 2, 4, 3), KEEP)
    passed = {(0, lead, 4, FAR): 0.25 for lead in range(3)}
    assert chances == pytest.approx({**passed, (0, 2, 4, 1): 0.25})
    assert set(rewards.values()) == {1.0}


@pytest.mark.parametrize("discount", [0.95, 0.99, 0.999])
def test_who_drives_best_never_crashes_and_uses_everything_a_car_has(q_values: QValues, discount: float):
    policy = q_values(MODEL, discount).round(9).argmax(axis=1)
    told = follow(policy)
    assert told["crash"] == 0.0
    assert set(told["used"]) == set(range(5))
    assert told["speed"] > 3.6
    assert told["return"] > 90.0


def test_who_only_keeps_on_is_slow_and_crashes():
    told = follow(np.full(MODEL.num_states, KEEP))
    assert told["speed"] == pytest.approx(1.0)
    assert told["return"] < 30.0
    assert told["crash"] > 0.01


def test_flat_out_is_worse_than_the_best():
    reckless = np.full(MODEL.num_states, FASTER)
    assert follow(reckless)["crash"] > 0.9
    assert follow(reckless)["return"] < 0.0


def follow(policy: np.ndarray) -> dict:
    """What becomes of an episode by a policy: chance of a crash, mean speed, return, actions ever used."""
    states = np.arange(MODEL.num_states)
    transition, reward = MODEL.transition()[states, policy], MODEL.expected_reward()[states, policy]
    ending = (MODEL.probability * MODEL.terminated).sum(axis=2)[states, policy]
    pace = np.array([PARTS[state][2] + (a == FASTER) - (a == SLOWER) for state, a in enumerate(policy)])
    pace = np.clip(pace, 0, TOP_SPEED)
    here, crash, distance, steps, total = MODEL.start, 0.0, 0.0, 0.0, 0.0
    used: set[int] = set()
    for _ in range(MODEL.max_steps):
        used |= set(policy[here > 0.0].tolist())
        crash, total = crash + here @ ending, total + here @ reward
        distance, steps = distance + here @ pace, steps + here.sum()
        here = here @ transition
    return {"crash": crash, "speed": distance / steps, "return": total, "used": used}
