"""Each world against Gymnasium's own tables, or against answers that were published or found by hand."""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from envs.tabular.layout import DIRECTIONS
from envs.tabular.model import FiniteModel
from envs.tabular.worlds import WORLDS, make_world

BestReturn = Callable[[FiniteModel], float]
PolicyReturn = Callable[[FiniteModel, np.ndarray], float]
QValues = Callable[[FiniteModel, float], np.ndarray]


def outcomes_of(model: FiniteModel, state: int, action: int) -> dict[tuple, float]:
    """Chances by (next state, reward, terminated)."""
    at = state, action
    parts = model.next_state[at], model.reward[at], model.terminated[at], model.probability[at]
    return {(s, r, t): p for s, r, t, p in zip(*(part.tolist() for part in parts), strict=True) if p > 0.0}


@pytest.mark.parametrize(
    ("world", "options", "peer", "peer_options"),
    [
        ("Lake", {}, "FrozenLake-v1", {}),
        ("Lake", {"slippery": False}, "FrozenLake-v1", {"is_slippery": False}),
        ("Lake", {"size": 8}, "FrozenLake8x8-v1", {}),
        ("Lake", {"map": ["FSH", "GFF"]}, "FrozenLake-v1", {"desc": ["FSH", "GFF"]}),
        ("Cliff", {}, "CliffWalking-v1", {}),
        ("Cliff", {"slippery": True}, "CliffWalkingSlippery-v1", {}),
        ("Taxi", {}, "Taxi-v4", {}),
    ],
)
def test_a_world_that_gymnasium_has_is_the_same_there(
    world: str, options: dict[str, Any], peer: str, peer_options: dict[str, Any]
):
    model, env = make_world(world, **options).model, gym.make(peer, **peer_options)
    theirs: Any = env.unwrapped
    assert env.observation_space == gym.spaces.Discrete(model.num_states)
    assert env.action_space == gym.spaces.Discrete(model.num_actions)
    np.testing.assert_allclose(model.start, theirs.initial_state_distrib, atol=1e-15)
    for state, actions in theirs.P.items():
        for action, outcomes in actions.items():
            expected: dict[tuple, float] = defaultdict(float)
            for chance, following, reward, terminated in outcomes:
                expected[int(following), float(reward), bool(terminated)] += chance
            assert outcomes_of(model, state, action) == pytest.approx(expected, abs=1e-15)
    if env.spec is not None and env.spec.max_episode_steps and "map" not in options:
        assert model.max_steps == env.spec.max_episode_steps


@pytest.mark.parametrize("world", WORLDS)
def test_chances_of_going_on_and_of_ending_make_one(world: str):
    model = make_world(world).model
    ending = (model.probability * model.terminated).sum(axis=2)
    np.testing.assert_allclose(model.transition().sum(axis=2) + ending, 1.0, atol=1e-12)
    assert model.next_state.dtype == np.int32
    assert model.start.sum() == pytest.approx(1.0)
    assert model.max_steps > 0


@pytest.mark.parametrize(
    ("world", "options", "expected"),
    [
        ("Lake", {}, 0.7442),
        ("Lake", {"size": 8}, 0.9132),
        ("Lake", {"slippery": False}, 1.0),
        ("Cliff", {}, -13.0),
        ("Taxi", {}, 7.93),
        ("FourRooms", {"slippery": False}, 1.0),
        ("WindyGrid", {}, -15.0),
        ("WindyGrid", {"kings_moves": True}, -7.0),
        ("Chain", {"slip": 0.0, "length": 20}, 810.0),  # 19 steps to the far end, and 81 there
        ("Chain", {"slip": 0.0, "length": 20, "max_steps": 20}, 40.0),  # too short a time to be worth the way
    ],
)
def test_the_best_return_within_the_time_limit(
    best_return: BestReturn, world: str, options: dict[str, Any], expected: float
):
    assert best_return(make_world(world, **options).model) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize(
    ("size", "discount", "expected"), [(4, 0.99, 0.740), (8, 0.999, 0.886), (8, 0.99, 0.863)]
)
def test_a_policy_that_does_not_know_the_time_is_worth_less(
    q_values: QValues, policy_return: PolicyReturn, size: int, discount: float, expected: float
):
    model = make_world("Lake", size=size).model
    policy = q_values(model, discount).round(10).argmax(axis=1)
    assert policy_return(model, policy) == pytest.approx(expected, abs=5e-4)


def test_the_chain_is_worth_what_strens_told(q_values: QValues, policy_return: PolicyReturn):
    model = make_world("Chain", max_steps=1000).model
    policy = q_values(model, 0.99).argmax(axis=1)
    assert policy.tolist() == [0] * 5
    later = policy_return(replace(model, max_steps=2000), policy) - policy_return(model, policy)
    assert later == pytest.approx(3677, abs=0.5)  # in a thousand steps, wherever they begin


def test_a_step_in_four_rooms_goes_astray_one_time_in_three():
    world = make_world("FourRooms")
    number = {tuple(cell): state for state, cell in enumerate(world.layout.cells.tolist())}
    assert len(number) == 104
    reached = outcomes_of(world.model, number[2, 3], world.layout.actions.index("right"))
    chances = {following: chance for (following, *_), chance in reached.items()}
    beside = {number[1, 3]: 1 / 9, number[3, 3]: 1 / 9, number[2, 2]: 1 / 9}
    assert chances == pytest.approx({number[2, 4]: 2 / 3, **beside})
    corner = outcomes_of(world.model, number[1, 1], world.layout.actions.index("up"))
    assert corner[number[1, 1], 0.0, False] == pytest.approx(2 / 3 + 1 / 9)


def test_episodes_in_four_rooms_begin_anywhere_but_at_the_goal():
    world = make_world("FourRooms")
    assert world.goals is not None
    np.testing.assert_allclose(world.model.start, ~world.goals / 103.0)
    assert np.argwhere(world.goals).ravel().tolist() == [world.layout.cells.tolist().index([7, 9])]


def test_the_wind_pushes_by_the_column_that_is_left_and_by_chance():
    def reached(cell: tuple[int, int], **options: bool) -> dict[tuple, float]:
        world = make_world("WindyGrid", **options)
        state = world.layout.cells.tolist().index(list(cell))
        action = world.layout.actions.index("right")
        following = outcomes_of(world.model, state, action)
        return {tuple(world.layout.cells[s].tolist()): p for (s, *_), p in following.items()}

    assert reached((5, 2)) == {(5, 3): 1.0}
    assert reached((5, 3)) == {(4, 4): 1.0}
    assert reached((5, 7)) == {(3, 8): 1.0}
    assert reached((5, 2), stochastic=True) == {(5, 3): 1.0}
    third = pytest.approx(1 / 3)
    assert reached((5, 7), stochastic=True) == {(4, 8): third, (3, 8): third, (2, 8): third}
    assert reached((1, 7), stochastic=True) == {(0, 8): pytest.approx(1.0)}


def test_the_chain_slips():
    model = make_world("Chain").model
    assert outcomes_of(model, 2, 0) == pytest.approx({(3, 0.0, False): 0.8, (0, 2.0, False): 0.2})
    assert outcomes_of(model, 4, 1) == pytest.approx({(4, 10.0, False): 0.2, (0, 2.0, False): 0.8})


@pytest.mark.parametrize(
    ("world", "options"),
    [
        ("Lake", {"slippery": False}),
        ("Cliff", {}),
        ("Taxi", {}),
        ("FourRooms", {}),
    ],
)
def test_arrows_point_where_an_action_leads_most_often(world: str, options: dict[str, Any]):
    made = make_world(world, **options)
    for action, name in enumerate(made.layout.marks):
        if name in DIRECTIONS:
            likeliest = made.model.probability[:, action].argmax(axis=1)
            reached = made.model.next_state[np.arange(made.model.num_states), action, likeliest]
            moves = [tuple(move) for move in (made.layout.cells[reached] - made.layout.cells).tolist()]
            move, count = Counter(move for move in moves if any(move)).most_common(1)[0]
            assert move == DIRECTIONS[name]
            assert count > len(moves) / 4


@pytest.mark.parametrize(
    ("world", "options", "kind", "fault"),
    [
        (
            "Lake",
            {"size": 5},
            ValueError,
            r"^size is 5; it must be 4 or 8, or a map of one's own be given\.$",
        ),
        ("Lake", {"size": True}, ValueError, r"^size is True"),
        ("Lake", {"map": ["SF", "G"]}, ValueError, r"^map is .*; it must be strings of one length"),
        ("Lake", {"map": ["SX"]}, ValueError, r"^map is .*; it must be strings of one length"),
        ("Lake", {"map": "SG"}, ValueError, r"^map is 'SG'; it must be strings"),
        ("Lake", {"map": []}, ValueError, r"^map is \[\]; it must be strings"),
        ("Lake", {"map": [1, 2]}, ValueError, r"^map is \[1, 2\]; it must be strings"),
        ("Lake", {"map": ["FG"]}, ValueError, r"^map is .*; it must have an S"),
        ("Lake", {"map": ["S" * 65]}, ValueError, r"sides of at most 64 cells\.$"),
        ("Lake", {"slippery": 1}, ValueError, r"^slippery is 1; it must be true or false\.$"),
        ("Lake", {"max_steps": 0}, ValueError, r"^max_steps is 0; it must be a whole number from 1"),
        ("Chain", {"slip": 1.5}, ValueError, r"^slip is 1\.5; it must be a number from 0 to 1\.$"),
        ("Chain", {"slip": True}, ValueError, r"^slip is True"),
        ("Chain", {"length": 1}, ValueError, r"^length is 1; it must be a whole number from 2 to 1000\.$"),
        (
            "Lake",
            {"slipery": True},
            TypeError,
            r"^Hairpin/Lake-v0 has no option 'slipery'; did you mean 'slippery'\?$",
        ),
        ("Taxi", {"x": 1}, TypeError, r"^Hairpin/Taxi-v0 has no option 'x'; it takes max_steps\.$"),
        ("Pond", {}, ValueError, r"^world is 'Pond'; it must be one of Lake, Cliff"),
    ],
)
def test_what_a_world_cannot_be_is_refused_in_a_sentence(
    world: str, options: dict[str, Any], kind: type[Exception], fault: str
):
    with pytest.raises(kind, match=fault):
        make_world(world, **options)
