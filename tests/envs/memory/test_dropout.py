"""Drop-outs of the camera: how often and how long, and that nothing else differs from lane following."""

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

import envs  # noqa: F401  (registers the environments)
from envs.driving.expert import PurePursuit
from envs.driving.vector_env import DrivingVectorEnv
from envs.memory.dropout import DropoutConfig, DropoutVectorEnv

ID = "Hairpin/LaneFollowDropout-v0"
SMALL: dict[str, Any] = {"num_levels": 4, "image_size": 8, "obs": "dict", "num_threads": 1}
OFTEN: dict[str, Any] = {"dropout": 0.4, "dropout_steps": 3.0}
MODES = [mode.value for mode in AutoresetMode]
STEPS, SEED = 60, 40
Part = Callable[[Any, int], Any]
Bits = Callable[[Any], Any]


def make(num_envs: int, **keywords: Any) -> DropoutVectorEnv:
    return DropoutVectorEnv(num_envs, **{**SMALL, **OFTEN, **keywords})


def actions_of(row: int) -> np.ndarray:
    """A row's actions, (STEPS,): fast, and mostly to one side, so that it soon leaves the road."""
    return np.random.default_rng([7, row]).choice([2, 2, 5, 8] if row % 2 else [14, 14, 11, 8], STEPS)


def drive(env: DropoutVectorEnv, rows: list[int], mode: str, part: Part) -> list[list]:
    """What each row gets at every step; where nothing resets ended rows, this does."""
    obs, info = env.reset(seed=SEED + rows[0])
    seen: list[list] = [[(part(obs, n), part(info, n))] for n in range(len(rows))]
    actions = np.stack([actions_of(row) for row in rows])
    for t in range(STEPS):
        obs, reward, terminated, truncated, info = env.step(actions[:, t])
        for n in range(len(rows)):
            seen[n].append((part(obs, n), reward[n], terminated[n], truncated[n], part(info, n)))
        over = terminated | truncated
        if mode == "Disabled" and over.any():
            obs, info = env.reset(options={"reset_mask": over})
            for n in np.flatnonzero(over).tolist():
                seen[n].append((part(obs, n), part(info, n)))
    return seen


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "keywords", [{}, {"obs": "gray", "frame_stack": 3, "labels": True, "num_threads": 2}]
)
def test_a_batch_is_its_rows_driven_alone_bit_for_bit(
    mode: str, keywords: dict, part: Part, bits: Bits
) -> None:
    together = drive(make(6, autoreset_mode=mode, **keywords), list(range(6)), mode, part)
    ends = 0
    for row in range(6):
        alone = drive(make(1, autoreset_mode=mode, **keywords), [row], mode, part)[0]
        same = bits(together[row]) == bits(alone)  # apart from the assertion: its difference would be endless
        assert same, row
        ends += sum(bool(step[2]) for step in alone if len(step) == 5)
    assert ends > 3


@pytest.mark.parametrize("obs", ["camera", "gray", "dict", "semantic", "depth"])
@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_outside_of_drop_outs_all_is_lane_following_bit_for_bit(obs: str, mode: str, bits: Bits) -> None:
    keywords = {**SMALL, "obs": obs, "labels": True, "autoreset_mode": mode, "look": "noisy"}
    env, twin = DropoutVectorEnv(6, **keywords, **OFTEN), DrivingVectorEnv(6, **keywords)
    mine: Any
    its: Any
    (mine, info), (its, its_info) = env.reset(seed=SEED), twin.reset(seed=SEED)
    actions = np.stack([actions_of(row) for row in range(6)])
    darkened, ends = 0, 0
    for t in range(STEPS):
        assert bits({k: v for k, v in info.items() if k != "final_obs"}) == bits(
            {k: v for k, v in its_info.items() if k != "final_obs"}
        )
        if obs == "dict":
            assert bits(mine["instruments"]) == bits(its["instruments"])
        frames, theirs = (seen["camera"] if obs == "dict" else seen for seen in (mine, its))
        assert not frames[env.dark].any()
        assert bits(frames[~env.dark]) == bits(theirs[~env.dark])
        assert theirs.reshape(6, -1).any(1).all(), "a picture is never black by itself"
        darkened += env.dark.sum()
        mine, *outcome, info = env.step(actions[:, t])
        its, *its_outcome, its_info = twin.step(actions[:, t])
        assert bits(outcome) == bits(its_outcome)
        ends += outcome[1].sum()
    assert 60 < darkened < 300
    assert ends > 3


def test_without_drop_outs_it_is_lane_following(bits: Bits) -> None:
    env, twin = make(4, dropout=0.0), DrivingVectorEnv(4, **SMALL)
    assert bits(env.reset(seed=1)) == bits(twin.reset(seed=1))
    for t in range(30):
        actions = np.array([actions_of(row)[t] for row in range(4)])
        assert bits(env.step(actions)) == bits(twin.step(actions))


def test_the_frames_of_a_stack_are_dark_where_the_camera_was() -> None:
    """The newest frame is last; an episode that begins in the dark has nothing but dark frames."""
    env = make(8, obs="gray", frame_stack=3)
    obs: Any = env.reset(seed=0)[0]
    history = [env.dark] * 3
    assert 0 < env.dark.sum() < 8
    for t in range(STEPS):
        for age in range(3):
            np.testing.assert_array_equal(~obs[..., 2 - age].reshape(8, -1).any(1), history[-1 - age])
        obs, _, terminated, *_ = env.step(np.full(8, 7))
        assert not terminated.any() or t > 5
        if terminated.any():
            return
        history.append(env.dark)


@pytest.mark.parametrize(("dropout", "steps"), [(0.1, 10.0), (0.5, 4.0), (0.3, 1.0)])
def test_drop_outs_take_their_share_of_time_and_last_as_long_as_asked(dropout: float, steps: float) -> None:
    env = make(64, obs="state", dropout=dropout, dropout_steps=steps)
    env.reset(seed=0)
    dark, fresh, ended = [env.dark], [np.ones(64, bool)], np.zeros(64, bool)
    for t in range(3000):
        actions = np.full(64, [7, 8, 6][t % 3])
        fresh.append(ended)
        *_, terminated, truncated, _ = env.step(actions)
        ended = terminated | truncated
        dark.append(env.dark)
    dark, fresh = np.array(dark), np.array(fresh)
    assert dark.mean() == pytest.approx(dropout, rel=0.07)
    before, after = dark[:-1][~fresh[1:]], dark[1:][~fresh[1:]]
    assert 1.0 / (before & ~after).sum() * before.sum() == pytest.approx(steps, rel=0.07)
    assert fresh.sum() > 300, "episodes end, and the share holds from their first frame on"
    assert dark[fresh].mean() == pytest.approx(dropout, abs=0.1)


def test_a_drop_out_ends_regardless_of_its_age_and_rows_differ() -> None:
    env = make(64, obs="state", dropout=0.5, dropout_steps=4.0)
    env.reset(seed=0)
    dark = []
    for _ in range(40):
        env.step(np.full(64, 6))  # braking keeps them on the road
        dark.append(env.dark)
    dark = np.array(dark)
    assert len(np.unique(dark.T, axis=0)) == 64
    ages = np.zeros(64, int)
    ended, lived = np.zeros(3), np.zeros(3)
    for now, following in zip(dark[:-1], dark[1:], strict=True):
        ages = np.where(now, ages + 1, 0)
        for age in range(3):
            lived[age] += (ages == age + 1).sum()
            ended[age] += ((ages == age + 1) & ~following).sum()
    np.testing.assert_allclose(ended / lived, 0.25, atol=0.1)


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_a_restored_batch_goes_on_bit_for_bit(mode: str, bits: Bits) -> None:
    env, other = (make(5, autoreset_mode=mode, frame_stack=2) for _ in range(2))
    env.reset(seed=3)
    actions = np.stack([actions_of(row) for row in range(5)])
    for t in range(11):
        env.step(actions[:, t])
    while not 0 < env.dark.sum() < 5:
        env.step(actions[:, 0])
    state = {name: array.copy() for name, array in env.state_dict().items()}
    expected = [env.step(actions[:, t]) for t in range(11, STEPS)]
    other.load_state_dict(state)
    for t in range(11, STEPS):
        same = bits(other.step(actions[:, t])) == bits(expected[t - 11])
        assert same, t


def test_a_state_of_lane_following_is_refused() -> None:
    twin = DrivingVectorEnv(2, **SMALL)
    twin.reset(seed=0)
    with pytest.raises(ValueError, match=r"^the state belongs to a driving environment"):
        make(2).load_state_dict(twin.state_dict())


def test_rows_left_out_of_a_reset_stay_as_they_are(bits: Bits) -> None:
    env = make(8, autoreset_mode="Disabled", frame_stack=2)
    env.reset(seed=0)
    before = env.step(np.full(8, 7))[0]
    dark, mask = env.dark.copy(), np.arange(8) % 3 == 0
    after, _ = env.reset(options={"reset_mask": mask})
    np.testing.assert_array_equal(env.dark[~mask], dark[~mask])
    assert bits(after["camera"][~mask]) == bits(before["camera"][~mask])
    assert bits(after["camera"][mask]) != bits(before["camera"][mask])


def test_the_single_environment_is_a_row_of_the_batch(part: Part, bits: Bits) -> None:
    single, batch = gym.make(ID, **SMALL, **OFTEN), make(2)
    assert bits(single.reset(seed=8)[0]) == bits(part(batch.reset(seed=8)[0], 0))
    for t in range(20):
        action = actions_of(1)[t]
        mine, its = single.step(action), batch.step(np.array([action, 7]))
        assert bits(mine[0]) == bits(part(its[0], 0))
        assert mine[1] == its[1][0]
        if mine[2]:
            break


def test_levels_splits_and_experts_are_those_of_driving() -> None:
    env = make(3, split="test", obs="camera", image_size=64)
    assert env.metadata["splits"] == ("train", "val", "test", "ood")
    assert gym.make(ID, num_levels=4).metadata["splits"] == ("train", "val", "test", "ood")
    env.reset(seed=0, options={"levels": [2, 0, 1]})
    assert env.simulator.rows["level"].tolist() == [2, 0, 1]
    expert = PurePursuit()
    for _ in range(100):
        *_, terminated, _, _ = env.step(expert.act(env))
        assert not terminated.any()


def test_the_picture_shows_a_dark_frame_while_the_camera_is_dark() -> None:
    env = make(4, obs="dict", image_size=64, render_mode="rgb_array")
    env.reset(seed=0)
    twin = DrivingVectorEnv(4, **{**SMALL, "image_size": 64}, render_mode="rgb_array")
    twin.reset(seed=0)
    for _ in range(2):
        mine, its = env.render(), twin.render()
        assert mine is not None
        assert its is not None
        assert 0 < env.dark.sum() < 4
        for n in range(4):
            assert np.array_equal(mine[n], its[n]) != env.dark[n]
            assert mine[n][40:200, 40:200].any() != env.dark[n]
        env.step(np.full(4, 7))
        twin.step(np.full(4, 7))
    env.close()


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"dropout": 1.0}, r"^dropout is 1\.0; it must be a share from 0 to below 1\.$"),
        ({"dropout": -0.1}, r"^dropout is -0\.1"),
        ({"dropout": True}, r"^dropout is True"),
        ({"dropout": float("nan")}, r"^dropout is nan"),
        ({"dropout_steps": 0.5}, r"^dropout_steps is 0\.5; it must be from 1 to 1000000\.$"),
        ({"dropout_steps": "long"}, r"^dropout_steps is 'long'"),
        (
            {"dropout": 0.9, "dropout_steps": 5},
            r"^dropout_steps is 5; at dropout 0\.9 it must be at least 9,",
        ),
    ],
)
def test_a_value_that_cannot_be_is_refused(keywords: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        DropoutConfig(**keywords)


def test_an_unknown_keyword_is_refused() -> None:
    with pytest.raises(TypeError, match="has no option 'drop_out'"):
        make(1, drop_out=0.1)
