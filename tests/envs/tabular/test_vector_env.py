"""The batch against its rows alone, against Gymnasium's own batch, and against the chances of its model."""

import pickle
from copy import deepcopy
from dataclasses import replace
from functools import lru_cache
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import envs  # noqa: F401  (registers the environments)
from envs.tabular.model import Outcome, build_model
from envs.tabular.rows import _running_sum
from envs.tabular.vector_env import FiniteVectorEnv
from envs.tabular.world import World
from envs.tabular.worlds import WORLDS, make_world

MODES = [mode.value for mode in AutoresetMode]
STEPS, SEED = 120, 40
SHORT: dict[str, Any] = {"world": "Lake", "max_steps": 9}  # ends by holes and by the time limit


def actions_of(row: int, count: int = 4) -> np.ndarray:
    return np.random.default_rng([7, row]).integers(0, count, STEPS)


def play(env: FiniteVectorEnv, rows: list[int], mode: str) -> list[list[tuple]]:
    """What each row gets at every step; where nothing resets ended rows, this does."""
    obs, _ = env.reset(seed=SEED + rows[0])
    seen: list[list[tuple]] = [[(int(state),)] for state in obs]
    actions = np.stack([actions_of(row, int(env.model.num_actions)) for row in rows])
    for t in range(STEPS):
        obs, reward, terminated, truncated, info = env.step(actions[:, t])
        for n in range(len(rows)):
            told = info.get("final_info", info)
            success = bool(told["success"][n]) if "success" in told and told["_success"][n] else None
            final = info["final_obs"][n] if "final_obs" in info else None
            step = (int(obs[n]), float(reward[n]), bool(terminated[n]), bool(truncated[n]))
            seen[n].append((*step, success, None if final is None else int(final)))
        over = terminated | truncated
        if mode == "Disabled" and over.any():
            obs, _ = env.reset(options={"reset_mask": over})
            for n in np.flatnonzero(over):
                seen[n].append((int(obs[n]),))
    return seen


@lru_cache(maxsize=500)
def alone(row: int, mode: str, world: str) -> list[tuple]:
    return play(FiniteVectorEnv(1, short_world(world), mode), [row], mode)[0]


@lru_cache
def short_world(world: str) -> World:
    return make_world(world, **short(world))


def short(world: str) -> dict[str, Any]:
    return {"max_steps": 9 if world == "Lake" else 30}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("world", ["Lake", "RoadGrid", "Taxi"])
def test_a_batch_is_its_rows_played_alone(mode: str, world: str):
    together = play(FiniteVectorEnv(33, short_world(world), mode), list(range(33)), mode)
    for row in range(33):
        assert together[row] == alone(row, mode, world)


def test_that_comparison_sees_every_kind_of_end():
    steps = [step for row in range(33) for step in alone(row, "SameStep", "Lake")[1:]]
    assert {step[2:4] for step in steps} == {(False, False), (True, False), (False, True)}
    assert {step[4] for step in steps} == {None, True, False}
    assert all((step[5] is None) == (step[2:4] == (False, False)) for step in steps)
    assert all((step[4] is True) == (step[1] == 1.0) for step in steps)
    assert len({step[0] for step in steps}) > 10


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("world", ["Lake", "Chain", "RoadGrid"])
def test_every_autoreset_mode_is_that_of_gymnasiums_batch(mode: str, world: str):
    keywords: dict[str, Any] = short(world)
    ours = gym.make_vec(f"Hairpin/{world}-v0", 5, autoreset_mode=mode, **keywords)
    theirs = SyncVectorEnv([lambda: gym.make(f"Hairpin/{world}-v0", **keywords)] * 5, autoreset_mode=mode)
    assert ours.observation_space == theirs.observation_space
    assert ours.action_space == theirs.action_space
    np.testing.assert_equal(ours.reset(seed=SEED), theirs.reset(seed=SEED))
    actions = np.stack([actions_of(row, WORLDS[world]().model.num_actions) for row in range(5)])
    for t in range(STEPS):
        mine, its = ours.step(actions[:, t]), theirs.step(actions[:, t])
        np.testing.assert_equal(mine[:4], its[:4])
        assert set(mine[4]) == set(its[4])
        for name in mine[4]:
            np.testing.assert_equal(mine[4][name], its[4][name])
        over = mine[2] | mine[3]
        if mode == "Disabled" and over.any():
            obs = [env.reset(options={"reset_mask": over.copy()})[0][over] for env in (ours, theirs)]
            np.testing.assert_array_equal(*obs)


@pytest.mark.parametrize("world", WORLDS)
def test_outcomes_come_as_often_as_the_model_tells(world: str):
    env = FiniteVectorEnv(2048, world, "SameStep")
    model = env.model
    rng = np.random.default_rng(1)
    before, _ = env.reset(seed=5)
    counts = np.zeros(model.next_state.shape)
    for _ in range(60):
        actions = rng.integers(0, model.num_actions, 2048)
        obs, reward, terminated, _, info = env.step(actions)
        final = info.get("final_obs", [None] * 2048)
        after = np.array([obs[n] if final[n] is None else final[n] for n in range(2048)])
        matches = (
            (model.next_state[before, actions] == after[:, None])
            & (model.reward[before, actions] == reward[:, None])
            & (model.terminated[before, actions] == terminated[:, None])
            & (model.probability[before, actions] > 0.0)
        )
        assert (matches.sum(axis=1) == 1).all(), "something happened that the model does not know"
        np.add.at(counts, (before, actions, matches.argmax(axis=1)), 1)
        before = obs
    assert_chances(counts, model.probability)


def test_first_states_come_as_often_as_the_model_tells():
    env = FiniteVectorEnv(20_000, "Taxi")
    obs, _ = env.reset(seed=0)
    assert_chances(np.bincount(obs, minlength=500)[None], env.model.start[None])


def assert_chances(counts: np.ndarray, chances: np.ndarray) -> None:
    """χ² of counts (…, K) is as large as its degrees of freedom, give or take five deviations."""
    possible = chances > 0.0
    assert counts[~possible].sum() == 0
    expected = counts.sum(axis=-1, keepdims=True) * chances
    often = ((expected >= 5.0) | ~possible).all(axis=-1)  # χ² says nothing of few
    assert often.any()
    square = ((counts - expected) ** 2 / np.where(expected > 0.0, expected, 1.0))[often].sum()
    freedom = (possible[often].sum(axis=-1) - 1).sum()
    assert abs(square - freedom) <= 5.0 * np.sqrt(2.0 * freedom)


def test_sums_of_chances_leave_no_gap_at_their_end():
    chances = np.array([[0.1] * 10, [0.7, 0.2, 0.1] + [0.0] * 7, [0.0, 1.0] + [0.0] * 8])
    sums = _running_sum(chances)
    assert (sums[:, -1] == 1.0).all()
    np.testing.assert_allclose(sums[1, :3], [0.7, 0.9, 1.0])
    assert sums[1, 2] == 1.0
    assert sums[2].tolist() == [0.0] + [1.0] * 9
    assert (np.diff(sums) >= 0.0).all()


def test_any_world_can_be_played_and_one_without_a_time_limit_never_truncates():
    def outcomes(state: int, action: int) -> list[Outcome]:
        return [Outcome(1.0, (state + action) % 3, float(state))]

    world = make_world("Lake")
    model = build_model(3, 2, outcomes, np.array([0.0, 1.0, 0.0]), 0)
    env = FiniteVectorEnv(2, replace(world, model=model, goals=None))
    assert env.reset(seed=0)[0].tolist() == [1, 1]
    for t in range(500):
        obs, reward, terminated, truncated, info = env.step(np.array([0, 1]))
        assert obs.tolist() == [1, (t + 2) % 3]
        assert reward.tolist() == [1.0, float((t + 1) % 3)]
        assert not (terminated | truncated).any()
        assert info == {}
    with pytest.raises(TypeError, match=r"^a world that is given whole takes no option 'size'\.$"):
        FiniteVectorEnv(2, world, size=4)


def test_the_time_limit_truncates_in_its_last_step():
    env = FiniteVectorEnv(3, "Chain", max_steps=6)
    env.reset(seed=0)
    for _ in range(3):
        ends = [env.step(np.zeros(3, int))[3].tolist() for _ in range(7)]
        assert ends == [[False] * 3] * 5 + [[True] * 3] + [[False] * 3]


def test_an_end_and_the_time_limit_at_once_are_an_end():
    env = FiniteVectorEnv(1, "Lake", "Disabled", map=["SG"], slippery=False, max_steps=1)
    env.reset(seed=0)
    _, reward, terminated, truncated, info = env.step(np.array([2]))
    assert (reward[0], terminated[0], truncated[0]) == (1.0, True, False)
    assert info["success"].tolist() == info["_success"].tolist() == [True]


def test_success_is_told_of_the_rows_that_end_and_means_what_the_world_says():
    road = FiniteVectorEnv(1, "RoadGrid", max_steps=3)
    road.reset(seed=0)
    assert [road.step(np.array([0]))[4] for _ in range(2)] == [{}, {}]
    told = road.step(np.array([0]))[4]
    assert (told["success"][0], told["_success"][0]) == (True, True)
    chain = FiniteVectorEnv(1, "Chain", max_steps=1)
    chain.reset(seed=0)
    assert chain.step(np.array([0]))[4] == {}


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_a_restored_batch_goes_on_bit_for_bit(mode: str):
    env, other = (FiniteVectorEnv(16, autoreset_mode=mode, **SHORT) for _ in range(2))
    env.reset(seed=3)
    actions = np.stack([actions_of(row) for row in range(16)])
    for t in range(50):
        env.step(actions[:, t])
    state = {name: array.copy() for name, array in env.state_dict().items()}
    expected = [env.step(actions[:, t]) for t in range(50, STEPS)]
    other.load_state_dict(state)
    for t in range(50, STEPS):
        np.testing.assert_equal(other.step(actions[:, t]), expected[t - 50])


@pytest.mark.parametrize(
    "other", [{"num_envs": 3}, {"slippery": False}, {"size": 8}, {"world": "Cliff"}, {"max_steps": 99}]
)
def test_a_foreign_state_is_refused(other: dict[str, Any]):
    env = FiniteVectorEnv(4)
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"^the state belongs to another "):
        FiniteVectorEnv(**{"num_envs": 4, **other}).load_state_dict(env.state_dict())
    rows_alone = {"rows": env.state_dict()["rows"]}
    with pytest.raises(ValueError, match=r"^the state belongs to another "):
        env.load_state_dict(rows_alone)


@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        (np.zeros(3, int), r"^actions have shape \(3,\) and type int64; expected \(2,\) whole numbers\.$"),
        (np.zeros(2), r"^actions have shape \(2,\) and type float64"),
        (np.array([0, 4]), r"^action 4 is not in 0 … 3\.$"),
        (np.array([-1, 0]), r"^action -1 is not in 0 … 3\.$"),
        (np.array([2**63, 0], np.uint64), r"^action 9223372036854775808 is not in 0 … 3\.$"),
    ],
)
def test_a_refused_action_leaves_the_batch_as_it_was(bad: np.ndarray, fault: str):
    env = FiniteVectorEnv(2)
    env.reset(seed=0)
    before = env.state_dict()
    with pytest.raises(ValueError, match=fault):
        env.step(bad)
    np.testing.assert_equal(env.state_dict(), before)


def test_stepping_before_a_reset_or_past_an_end_is_refused():
    env = FiniteVectorEnv(2, "Lake", "Disabled", map=["SG"], slippery=False)
    with pytest.raises(RuntimeError, match=r"^step was called before reset\.$"):
        env.step(np.zeros(2, int))
    env.reset(seed=0)
    env.step(np.array([0, 2]))
    with pytest.raises(RuntimeError, match=r"^row 1 has ended; reset it \(in a batch by reset_mask\)\.$"):
        env.step(np.zeros(2, int))
    env.reset(options={"reset_mask": np.array([False, True])})
    assert env.step(np.array([2, 0]))[2].tolist() == [True, False]


def test_arrays_stay_as_they_were_handed_out_unless_copying_is_off():
    for copy in (True, False):
        env = FiniteVectorEnv(64, "Taxi", copy=copy)
        env.reset(seed=0)
        first = env.step(np.zeros(64, int))[0]
        kept = first.copy()
        env.step(np.ones(64, int))
        assert np.array_equal(first, kept) == copy


@pytest.mark.parametrize("copied", [deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_a_copy_goes_on_as_the_original_does(copied: Any):
    env = FiniteVectorEnv(8, **SHORT)
    env.reset(seed=5)
    env.step(np.full(8, 1))
    other = copied(env)
    for action in (3, 1, 2, 2):
        np.testing.assert_equal(other.step(np.full(8, action)), env.step(np.full(8, action)))


def test_single_and_batch_tell_their_model_behind_wrappers():
    single, batch = gym.make("Hairpin/Lake-v0", size=8), gym.make_vec("Hairpin/Lake-v0", 3, size=8)
    for env in (single, batch):
        model: Any = env.unwrapped.model  # pyright: ignore[reportAttributeAccessIssue]
        np.testing.assert_array_equal(model.probability, make_world("Lake", size=8).model.probability)
        assert model.max_steps == 200


def test_a_row_draws_the_same_whatever_its_neighbours_and_differs_from_them():
    env = FiniteVectorEnv(512, "Taxi")
    first = env.reset(seed=0)[0]
    np.testing.assert_array_equal(first[1:], env.reset(seed=1)[0][:-1])
    assert len(np.unique(first)) > 200
    assert not np.array_equal(env.reset()[0], env.reset()[0]), "the next episode begins elsewhere"
