"""Recall by hand, and what can be reached with and without memory."""

from itertools import product

import gymnasium as gym
import numpy as np
import pytest

import envs  # noqa: F401  (registers the environments)
from envs.memory.recall import RecallConfig, RecallVectorEnv


def make(sequences: list, **keywords) -> RecallVectorEnv:
    """One row a sequence, at the start of its episode."""
    length = len(sequences[0])
    env = RecallVectorEnv(len(sequences), length=length, autoreset_mode="Disabled", **keywords)
    env.reset(seed=0)
    env.rows["symbols"] = sequences
    return env


def test_an_episode_by_hand() -> None:
    env = make([[2, 0]], num_symbols=3, delay=1)
    first = np.full((1, 4), 9.0, np.float32)
    env._observe(first)
    np.testing.assert_array_equal(first, [[0, 0, 1, 0]])
    script = [  # action, next observation, reward
        (2, [1, 0, 0, 0], 0.0),
        (0, [0, 0, 0, 0], 0.0),  # nobody asked for it
        (2, [0, 0, 0, 1], 0.0),
        (2, [0, 0, 0, 1], 0.5),
        (1, [0, 0, 0, 0], 0.0),
    ]
    info: dict[str, np.ndarray] = {}
    for number, (action, expected, worth) in enumerate(script):
        obs, reward, terminated, truncated, info = env.step(np.array([action]))
        np.testing.assert_array_equal(obs, [expected])
        assert reward[0] == worth
        assert terminated[0] == (number == 4)
        assert not truncated[0]
    assert {name: values.tolist() for name, values in info.items()} == {
        "success": [False],
        "_success": [True],
        "recalled": [0.5],
        "_recalled": [True],
    }


@pytest.mark.parametrize(("length", "delay"), [(1, 0), (5, 10), (3, 0), (1, 50)])
def test_an_agent_that_remembers_answers_everything(length: int, delay: int) -> None:
    env = gym.make("Hairpin/Recall-v0", num_symbols=6, length=length, delay=delay)
    for seed in range(10):
        obs, _ = env.reset(seed=seed)
        remembered, total, steps, info, ended = [], 0.0, 0, {}, False
        while not ended:
            if obs[:-1].any():
                remembered.append(int(obs[:-1].argmax()))
            obs, reward, ended, _, info = env.step(remembered.pop(0) if obs[-1] else 0)
            total, steps = total + float(reward), steps + 1
        assert info == {"success": True, "recalled": 1.0}
        assert total == pytest.approx(1.0, abs=1e-6)
        assert steps == 2 * length + delay


def test_without_memory_one_symbol_in_num_symbols_is_right() -> None:
    """All sequences of three of three symbols, answered by each constant: the one choice at a question."""
    sequences = np.array(list(product(range(3), repeat=3)))
    for answer in range(3):
        env = make(sequences.tolist(), num_symbols=3, delay=2)
        returns, info = np.zeros(27), {}
        for _ in range(env.config.steps):
            _, reward, *_, info = env.step(np.full(27, answer))
            returns += reward
        assert returns.mean() == pytest.approx(1 / 3)
        np.testing.assert_allclose(info["recalled"], (sequences == answer).mean(1))
        assert info["success"].sum() == 1


def test_every_symbol_comes_equally_often_at_every_place() -> None:
    env = RecallVectorEnv(5000, num_symbols=5, length=3)
    env.reset(seed=0)
    symbols = env.rows["symbols"]
    for place in range(3):
        shares = np.bincount(symbols[:, place], minlength=5) / 5000
        np.testing.assert_allclose(shares, 0.2, atol=0.025)
    assert abs(np.corrcoef(symbols.T)[np.triu_indices(3, 1)]).max() < 0.06


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"num_symbols": 1}, r"^num_symbols is 1; it must be a whole number from 2 to 64\.$"),
        ({"length": 0}, r"^length is 0; it must be a whole number from 1 to 256\.$"),
        ({"delay": -1}, r"^delay is -1; it must be a whole number from 0 to 1000\.$"),
        ({"delay": 1.0}, r"^delay is 1\.0"),
        ({"length": True}, r"^length is True"),
    ],
)
def test_a_value_that_cannot_be_is_refused(keywords: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        RecallConfig(**keywords)
