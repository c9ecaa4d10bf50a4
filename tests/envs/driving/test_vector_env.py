"""The batch against its rows driven alone, and against Gymnasium's own batch of single environments."""

import pickle
from copy import deepcopy
from functools import lru_cache

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import envs  # noqa: F401  (registers the environments)
from envs.driving.experts import expert_for
from envs.driving.vector_env import DrivingVectorEnv

ID = "Hairpin/LaneFollow-v0"
MODES = [mode.value for mode in AutoresetMode]
STEPS, SEED = 60, 40
RICH = {
    "obs": "dict",
    "image_size": 8,
    "frame_stack": 2,
    "look": "noisy",
    "labels": True,
    "actions": "continuous",
}
RICH = {**RICH, "num_levels": 4}


def actions_of(row: int) -> np.ndarray:
    """A row's actions, (STEPS, 2): fast and erratic, so that most leave the road soon."""
    rng = np.random.default_rng([7, row])
    return np.column_stack([rng.uniform(-0.7, 0.7, STEPS), rng.uniform(0.0, 1.0, STEPS)]).astype(np.float32)


def near_the_end(env: DrivingVectorEnv, first_row: int = 0) -> None:
    """Let some rows be about to finish their lap, and others about to run out of time."""
    simulator = env.simulator
    for n, row in enumerate(simulator.rows):
        length = simulator.roads.counts[row["level"]] * simulator.roads.spacings[row["level"]]
        if (n + first_row) % 3 == 1:
            row["travelled"] = row["furthest"] = length - 6.0
        if (n + first_row) % 3 == 2:
            row["step"] = int(length / 6.0 / 0.05) - 9


def part(value, n):
    """Row n of observations or infos (nested arrays), without what its mask does not cover."""
    if not isinstance(value, dict):
        return value[n]
    return {
        key: part(inner, n)
        for key, inner in value.items()
        if not key.startswith("_") and (f"_{key}" not in value or value[f"_{key}"][n])
    }


def bits(value):
    """Something to compare bit for bit: nested tuples of names, types, shapes and bytes."""
    if isinstance(value, dict):
        return tuple((key, bits(value[key])) for key in sorted(value))
    if isinstance(value, tuple):
        return tuple(map(bits, value))
    if value is None:
        return None
    array = np.asarray(value)
    if array.dtype == object:
        return tuple(map(bits, array.tolist()))
    return array.dtype.str, array.shape, array.tobytes()


def drive(env: DrivingVectorEnv, rows: list[int], mode: str) -> list[list]:
    """What each row gets at every step, bit for bit; where nothing resets ended rows, this does."""
    obs, info = env.reset(seed=SEED + rows[0])
    near_the_end(env, rows[0])
    seen = [[bits(part(obs, n)), bits(part(info, n))] for n in range(len(rows))]
    actions = np.stack([actions_of(row) for row in rows])
    for t in range(STEPS):
        obs, reward, terminated, truncated, info = env.step(actions[:, t])
        for n in range(len(rows)):
            flags = bool(terminated[n]), bool(truncated[n])
            seen[n].append((bits(part(obs, n)), bits(reward[n]), flags, bits(part(info, n))))
        if mode == "Disabled" and (terminated | truncated).any():
            obs, info = env.reset(options={"reset_mask": terminated | truncated})
            for n in np.flatnonzero(terminated | truncated):
                seen[n].append((bits(part(obs, n)), bits(part(info, n))))
    return seen


@lru_cache(maxsize=200)
def alone(row: int, mode: str) -> list:
    return drive(DrivingVectorEnv(1, autoreset_mode=mode, **RICH), [row], mode)[0]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("num_envs", "num_threads"), [(1, 1), (7, 1), (7, 2), (64, 1), (64, 2)])
def test_a_batch_is_its_rows_driven_alone_bit_for_bit(mode: str, num_envs: int, num_threads: int) -> None:
    env = DrivingVectorEnv(num_envs, autoreset_mode=mode, **RICH, num_threads=num_threads)
    together = drive(env, list(range(num_envs)), mode)
    for row in range(num_envs):
        same = together[row] == alone(row, mode)  # apart from the assertion: its difference would be endless
        assert same, row


def test_that_comparison_sees_every_kind_of_end() -> None:
    ends = [step[2] for row in range(64) for step in alone(row, "NextStep")[2:]]
    assert ends.count((True, False)) > 10
    assert ends.count((False, True)) > 10
    assert (True, True) not in ends
    names = {name for row in range(3) for step in alone(row, "SameStep")[2:] for name, _ in step[3]}
    assert {"final_obs", "final_info", "labels"} <= names


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("obs", ["gray", "dict"])
def test_every_autoreset_mode_is_that_of_gymnasiums_batch(mode: str, obs: str) -> None:
    keywords = {**RICH, "obs": obs, "labels": obs == "dict"}
    ours = DrivingVectorEnv(5, autoreset_mode=mode, **keywords)
    singles = [gym.make(ID, **keywords) for _ in range(5)]
    theirs = SyncVectorEnv([lambda env=env: env for env in singles], autoreset_mode=mode)
    assert ours.single_observation_space == theirs.single_observation_space
    assert ours.observation_space == theirs.observation_space
    assert ours.action_space == theirs.action_space
    compare(ours.reset(seed=SEED), theirs.reset(seed=SEED))
    near_the_end(ours)
    for n, single in enumerate(singles):
        near_the_end(single.unwrapped.batch, n)  # pyright: ignore[reportAttributeAccessIssue]
    actions = np.stack([actions_of(row) for row in range(5)])
    for t in range(STEPS):
        (obs_a, reward_a, *flags_a, info_a), (obs_b, reward_b, *flags_b, info_b) = (
            env.step(actions[:, t]) for env in (ours, theirs)
        )
        compare((obs_a, info_a), (obs_b, info_b))
        np.testing.assert_array_equal(reward_a, reward_b.astype(np.float32))
        np.testing.assert_array_equal(flags_a, flags_b)
        over = flags_a[0] | flags_a[1]
        if mode == "Disabled" and over.any():
            compare(*(env.reset(options={"reset_mask": over.copy()}) for env in (ours, theirs)), rows=over)


def compare(ours, theirs, rows=None) -> None:
    assert set(ours[1]) == set(theirs[1])
    for n in range(5) if rows is None else np.flatnonzero(rows):
        assert values(part(ours[0], n)) == values(part(theirs[0], n))
        assert values(part(ours[1], n)) == values(part(theirs[1], n))


def values(tree):
    """Nested names and numbers, whatever their types: Gymnasium's batch widens them."""
    if isinstance(tree, dict):
        return {key: values(inner) for key, inner in tree.items()}
    return np.asarray(tree).tolist()


def test_rows_left_out_of_a_reset_go_on_as_if_nothing_had_happened() -> None:
    env, twin = (DrivingVectorEnv(6, autoreset_mode="Disabled", **RICH) for _ in range(2))
    first = env.reset(seed=1)[0]
    twin.reset(seed=1)
    gentle = np.tile(np.array([0.0, 0.2], np.float32), (6, 1))
    before = [(env.step(gentle), twin.step(gentle)) for _ in range(4)][-1][0]
    mask = np.array([True, False, False, True, False, True])
    obs, _ = env.reset(options={"reset_mask": mask})
    for n in np.flatnonzero(~mask):
        assert bits(part(obs, n)) == bits(part(before[0], n))
    after, expected = env.step(gentle), twin.step(gentle)
    for n in range(6):
        same = bits(part(after[0], n)) == bits(part(expected[0], n))
        assert same == (not mask[n])
    obs, _ = env.reset(seed=1, options={"reset_mask": mask})
    assert bits(part(obs, 3)) == bits(part(first, 3)), "a seed goes to the row's own place"


def test_stepping_before_a_reset_or_past_an_end_is_refused(make_batch) -> None:
    env = make_batch(2, autoreset_mode="Disabled", actions="continuous")
    action = np.zeros((2, 2), np.float32)
    with pytest.raises(RuntimeError, match=r"^step was called before reset\.$"):
        env.step(action)
    env.reset(seed=0)
    env.simulator.rows["ended"][1] = True
    with pytest.raises(RuntimeError, match=r"^row 1 has ended; reset it \(in a batch by reset_mask\)\.$"):
        env.step(action)


@pytest.mark.parametrize(
    "bad", [np.full((2, 2), np.nan), np.full((2, 2), 1.5), np.zeros(2), np.zeros((3, 2))]
)
def test_a_refused_action_leaves_the_batch_as_it_was(bad: np.ndarray) -> None:
    env, twin = (DrivingVectorEnv(2, **RICH) for _ in range(2))
    good = np.full((2, 2), 0.1, np.float32)
    for each in (env, twin):
        each.reset(seed=0)
        each.step(good)
    with pytest.raises(ValueError, match="action"):
        env.step(bad)
    assert bits(part(env.step(good)[0], 1)) == bits(part(twin.step(good)[0], 1))


@pytest.mark.parametrize("obs", ["camera", "semantic", "depth", "state", "dict"])
def test_what_a_step_returned_is_not_overwritten_by_the_next(make_batch, obs: str) -> None:
    env = make_batch(2, obs=obs, labels=True, frame_stack=2)
    kept = [env.reset(seed=0), env.step(np.array([7, 7])), env.step(np.array([14, 0]))]
    before = [bits(each) for each in kept]
    for _ in range(5):
        env.step(np.array([2, 2]))
    env.reset()
    unchanged = before == [bits(each) for each in kept]
    assert unchanged


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_a_restored_batch_goes_on_bit_for_bit(mode: str) -> None:
    env, other = (DrivingVectorEnv(4, autoreset_mode=mode, **RICH) for _ in range(2))
    env.reset(seed=3)
    near_the_end(env)
    actions = np.stack([actions_of(row) for row in range(4)])
    for t in range(8):
        env.step(actions[:, t])
    state = {name: array.copy() for name, array in env.state_dict().items()}
    assert all(isinstance(array, np.ndarray) for array in state.values())
    expected = [env.step(actions[:, t]) for t in range(8, STEPS)]
    other.load_state_dict(state)
    for t in range(8, STEPS):
        same = bits(other.step(actions[:, t])) == bits(expected[t - 8])
        assert same, t


@pytest.mark.parametrize(
    "other", [{"num_envs": 3}, {"num_envs": 4, "frame_stack": 3}, {"num_envs": 4, "image_size": 9}]
)
def test_a_foreign_state_is_refused(make_batch, other: dict) -> None:
    env = make_batch(4, frame_stack=2)
    env.reset(seed=0)
    with pytest.raises(
        ValueError, match=r"^the state belongs to a driving environment with other rows or options\.$"
    ):
        make_batch(**{"frame_stack": 2, **other}).load_state_dict(env.state_dict())


def test_a_state_of_another_split_is_refused(make_batch) -> None:
    env = make_batch(4, num_levels=200)
    env.reset(seed=0, options={"levels": 199})
    with pytest.raises((ValueError, IndexError), match="level 199 is outside|belongs to"):
        make_batch(4, num_levels=4).load_state_dict(env.state_dict())


def test_a_splits_names_are_in_the_metadata(make_batch) -> None:
    env = make_batch(2, autoreset_mode="SameStep", frame_skip=2)
    assert env.metadata["splits"] == ("train", "val", "test", "ood")
    assert env.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    assert env.metadata["render_fps"] == 10
    assert DrivingVectorEnv.metadata["render_fps"] == 20, "the class's own metadata stay as they are"
    assert make_batch(1, autoreset_mode=AutoresetMode.DISABLED).autoreset_mode is AutoresetMode.DISABLED


def test_frames_stay_as_they_were_handed_out_unless_copying_is_off(make_batch) -> None:
    for copy in (True, False):
        env = make_batch(4, obs="camera", copy=copy)
        first = env.reset(seed=0)[0]
        kept = first.copy()
        for _ in range(6):
            env.step(env.action_space.sample())
        assert np.array_equal(first, kept) == copy


@pytest.mark.parametrize("copied", [deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
@pytest.mark.parametrize("rows", [1, 16])
def test_a_copy_goes_on_as_the_original_does(copied, rows: int) -> None:
    env = DrivingVectorEnv(rows, obs="dict", num_levels=4, num_threads=2)
    env.reset(seed=5)
    env.step(np.full(rows, 8))
    other = copied(env)
    for action in (3, 8, 14):
        mine, its = env.step(np.full(rows, action)), other.step(np.full(rows, action))
        np.testing.assert_array_equal(mine[0]["camera"], its[0]["camera"])
        np.testing.assert_array_equal(mine[1], its[1])


@pytest.mark.parametrize("task", ["lane_follow", "race", "traffic"])
@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_the_expert_tells_what_it_would_do_next(task: str, mode: str) -> None:
    """What is told with an observation is the expert's action in just that state, after a reset as well."""
    env = DrivingVectorEnv(
        3, task=task, obs="state", num_levels=2, expert=True, autoreset_mode=mode, frame_skip=4
    )
    expert, generator = expert_for(env), np.random.default_rng(0)
    _, info = env.reset(seed=0)
    ends = 0
    for _ in range(150):
        np.testing.assert_array_equal(info["expert_action"], expert.act(env))
        assert info["_expert_action"].all()
        _, _, terminated, truncated, info = env.step(generator.integers(0, 15, 3))
        ends += int((terminated | truncated).sum())
    assert ends > 0


def test_nobody_is_asked_who_is_not_wanted() -> None:
    assert "expert_action" not in DrivingVectorEnv(2, obs="state", num_levels=2).reset(seed=0)[1]
