"""The T-maze by hand, and what can be reached with and without memory."""

from itertools import product

import gymnasium as gym
import numpy as np
import pytest

import envs  # noqa: F401  (registers the environments)
from envs.memory.tmaze import FORWARD, LEFT, RIGHT, TMazeConfig, TMazeVectorEnv

CUES = np.array([[1, 0, 1, 0], [0, 1, 1, 0]], np.float32)
CORRIDOR, JUNCTION, ARM = np.array([[0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]], np.float32)


def make(num_envs: int = 2, **keywords) -> TMazeVectorEnv:
    """Rows whose cues are left, right, left, right …, at the start of an episode."""
    env = TMazeVectorEnv(num_envs, autoreset_mode="Disabled", **keywords)
    env.reset(seed=0)
    env.rows["cue"] = LEFT + np.arange(num_envs) % 2
    return env


def seen(env: TMazeVectorEnv) -> np.ndarray:
    out = np.full((env.num_envs, 4), 9.0, np.float32)
    env._observe(out)
    return out


def test_an_episode_by_hand() -> None:
    env = make(length=2, step_penalty=0.25, stay_penalty=0.125)
    np.testing.assert_array_equal(seen(env), CUES)
    script = [
        ([FORWARD, LEFT], [CORRIDOR, CORRIDOR], [-0.25, -0.375]),  # the second stays, and its cue is gone
        ([FORWARD, FORWARD], [JUNCTION, CORRIDOR], [-0.25, -0.25]),
        ([FORWARD, FORWARD], [JUNCTION, JUNCTION], [-0.375, -0.25]),  # the first walks into the wall
    ]
    for actions, obs, reward in script:
        step = env.step(np.array(actions))
        np.testing.assert_array_equal(step[0], obs)
        np.testing.assert_array_equal(step[1], np.array(reward, np.float32))
        assert not step[2].any()
        assert not step[3].any()
        assert step[4] == {}
    obs, reward, terminated, truncated, info = env.step(np.array([LEFT, LEFT]))
    np.testing.assert_array_equal(obs, [ARM, ARM])
    np.testing.assert_array_equal(reward, [0.75, -1.25])
    assert terminated.tolist() == [True, True]
    assert truncated.tolist() == [False, False]
    assert info["success"].tolist() == [True, False]
    assert info["_success"].tolist() == [True, True]


@pytest.mark.parametrize("length", [1, 10, 1000])
def test_the_corridor_is_as_long_as_asked_for(length: int) -> None:
    env = make(length=length)
    for _ in range(length):
        assert seen(env)[0, 2] == 1.0
        env.step(np.array([FORWARD, FORWARD]))
    np.testing.assert_array_equal(seen(env), [JUNCTION, JUNCTION])


def test_the_time_limit_truncates_at_its_step_and_not_before() -> None:
    env = make(length=3)
    assert env.config.max_steps == 32
    for _ in range(31):
        *_, terminated, truncated, _ = env.step(np.array([RIGHT, FORWARD]))
        assert not (terminated | truncated).any()
    obs, reward, terminated, truncated, info = env.step(np.array([RIGHT, FORWARD]))
    assert truncated.all()
    assert not terminated.any()
    np.testing.assert_array_equal(obs, [CORRIDOR, JUNCTION])
    np.testing.assert_array_equal(reward, np.array([-0.01, -0.01], np.float32))
    assert info["success"].tolist() == [False, False]


def test_a_turn_at_the_last_step_terminates() -> None:
    env = make(length=1)
    for _ in range(env.config.max_steps - 1):
        env.step(np.array([FORWARD, FORWARD]))
    _, _, terminated, truncated, info = env.step(np.array([LEFT, LEFT]))
    assert terminated.all()
    assert not truncated.any()
    assert info["success"].tolist() == [True, False]


def test_both_cues_come_equally_often() -> None:
    env = TMazeVectorEnv(4000)
    cues = np.concatenate([env.reset(seed=0)[0], env.reset()[0]])[:, :2]
    np.testing.assert_array_equal(cues.sum(1), 1.0)
    np.testing.assert_allclose(cues.mean(0), 0.5, atol=0.025)  # four standard deviations
    assert abs(np.corrcoef(cues[:4000, 0], cues[4000:, 0])[0, 1]) < 0.07, "nor does one tell the next"


@pytest.mark.parametrize("length", [1, 50])
def test_an_agent_that_remembers_the_cue_always_succeeds(length: int) -> None:
    env = gym.make("Hairpin/TMaze-v0", length=length)
    for seed in range(20):
        obs, _ = env.reset(seed=seed)
        remembered, total = (LEFT if obs[0] else RIGHT), 0.0
        while True:
            action = remembered if obs[3] else FORWARD
            obs, reward, terminated, truncated, info = env.step(action)
            total += float(reward)
            if terminated or truncated:
                break
        assert info == {"success": True}
        assert total == 1.0


def test_without_memory_half_of_the_episodes_is_the_most() -> None:
    """All 81 ways to act on what is in sight, each for both cues; others are mixtures of these."""
    policies = np.array(list(product(range(3), repeat=4))).repeat(2, axis=0)
    rows = np.arange(len(policies))
    env = make(len(policies), length=3)
    env.autoreset_mode = None  # pyright: ignore[reportAttributeAccessIssue]  (ended rows begin again)
    success, playing = np.zeros(len(policies)), np.ones(len(policies), bool)
    for _ in range(env.config.max_steps):
        kind = np.argmax(
            seen(env) @ np.array([[9, 0, 0, 0], [0, 9, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]), axis=1
        )
        *_, terminated, truncated, info = env.step(policies[rows, kind])
        over = playing & (terminated | truncated)
        success[over] = info["success"][over] if over.any() else 0.0
        playing &= ~over
    assert not playing.any()
    rates = success.reshape(81, 2).mean(1)
    assert set(rates.tolist()) == {0.0, 0.5}
    assert (rates == 0.5).sum() > 10


def test_actions_at_random_reach_the_junction_of_a_long_corridor() -> None:
    env = TMazeVectorEnv(200, length=50, autoreset_mode="Disabled")
    env.reset(seed=0)
    rng, reached = np.random.default_rng(0), np.zeros(200, bool)
    for _ in range(env.config.max_steps):
        *_, terminated, truncated, _ = env.step(rng.integers(0, 3, 200))
        reached |= terminated
        if (terminated | truncated).any():
            env.reset(options={"reset_mask": terminated | truncated})
    assert reached.mean() > 0.99


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"length": 0}, r"^length is 0; it must be a whole number from 1 to 1000\.$"),
        ({"length": 1001}, r"^length is 1001"),
        ({"length": 2.0}, r"^length is 2\.0"),
        ({"length": True}, r"^length is True"),
        ({"stay_penalty": -0.1}, r"^stay_penalty is -0\.1; it must be a number from 0 to 1\.$"),
        ({"step_penalty": float("nan")}, r"^step_penalty is nan"),
        ({"step_penalty": "much"}, r"^step_penalty is 'much'"),
    ],
)
def test_a_value_that_cannot_be_is_refused(keywords: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        TMazeConfig(**keywords)
