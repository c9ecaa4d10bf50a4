"""Evaluation: every level once and to its end, and the statistics of the returns."""

import json
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv

from agents.runs import evaluation
from agents.runs.environments import make_environment
from agents.runs.evaluation import evaluate


class Levels(VectorEnv):
    """Level k takes k + 1 steps that pay 1 each; even levels succeed."""

    single_observation_space = spaces.Box(0, np.inf, (1,))
    single_action_space = spaces.Discrete(2)

    def __init__(self, num_envs):
        self.num_envs = num_envs
        self.metadata: dict[str, Any] = {
            "autoreset_mode": AutoresetMode.NEXT_STEP,
            "splits": ("train", "test"),
        }

    def reset(self, *, seed=None, options=None):
        assert options is not None
        self.levels = options["levels"]
        self.ages = np.zeros(self.num_envs, int)
        self.ended = np.zeros(self.num_envs, np.bool_)
        return self._obs(), {}

    def step(self, actions):
        self.levels = np.where(self.ended, 0, self.levels)  # later episodes are short ones
        self.ages = np.where(self.ended, 0, self.ages + 1)
        reward = np.where(self.ended, 0.0, 1.0)
        self.ended = ~self.ended & (self.ages > self.levels)
        info = {
            "success": self.levels % 2 == 0,
            "_success": self.ended,
            "level": self.levels,
            "_level": self.ended,
        }
        return self._obs(), reward, self.ended, np.zeros(self.num_envs, np.bool_), info

    def _obs(self):
        return self.ages[:, None].astype(np.float32)


def anything(obs, env):
    return np.zeros(env.num_envs, np.int64)


@pytest.mark.parametrize("episodes", [1, 10, 130])
def test_every_level_counts_once(episodes):
    """The first N to finish would be the short ones."""
    finished = []
    result = evaluate(anything, Levels, episodes, 0, name="nobody", split="test", on_episodes=finished.append)
    assert result["episodes"] == episodes
    assert result["mean_return"] == result["mean_length"] == np.mean(np.arange(episodes) + 1)
    assert result["level"] == np.mean(np.arange(episodes))
    assert result["success_rate"] == np.mean(np.arange(episodes) % 2 == 0)
    assert finished == sorted(finished), "it may be told the same number again while nothing ends"
    assert list(dict.fromkeys(finished)) == list(range(1, episodes + 1))


def test_the_result_has_the_documented_form():
    result = evaluate(anything, Levels, 4, 0, name="nobody", split="test")
    assert list(result) == [
        *["env", "agent", "split", "episodes", "mean_return", "iqm_return", "ci95", "success_rate"],
        *["mean_length", "level"],
    ]
    assert json.loads(json.dumps(result)) == result
    assert (result["env"], result["agent"], result["split"]) == ("Levels", "nobody", "test")


def test_an_environment_without_levels_has_neither_split_nor_success():
    result = evaluate(
        anything, lambda rows: make_environment("CartPole-v1", rows), 5, 0, name="nobody", split="test"
    )
    assert (result["env"], result["split"], result["success_rate"]) == ("CartPole-v1", None, None)
    assert 8 <= result["mean_return"] <= 11


def test_an_unknown_split_is_refused():
    with pytest.raises(ValueError, match="evaluate.split is 'val'; Levels has train, test"):
        evaluate(anything, Levels, 4, 0, name="nobody", split="val")


def test_no_episodes_are_refused():
    with pytest.raises(ValueError, match="evaluate.episodes is 0; it must be at least 1"):
        evaluate(anything, Levels, 0, 0, name="nobody", split="test")


def test_the_number_of_rows_changes_nothing(monkeypatch):
    def score():
        return evaluate(anything, lambda rows: make_environment("CartPole-v1", rows), 10, 4, name="nobody")

    at_once = score()
    monkeypatch.setattr(evaluation, "ROWS", 3)
    assert score() == at_once


def test_another_seed_meets_other_episodes():
    scores = [
        evaluate(anything, lambda rows: make_environment("CartPole-v1", rows), 30, seed, name="nobody")
        for seed in (0, 1)
    ]
    assert scores[0] != scores[1]


def test_an_episode_without_an_end_is_cut_off_and_counts_as_a_failure():
    env_id = "Test/Endless-v0"
    gym.register(env_id, entry_point=lambda **kwargs: Endless(**kwargs))
    counts = []
    try:
        scores = evaluate(
            lambda obs, env: np.array([1, 0, 0, 0]),
            lambda rows: make_environment(env_id, rows),
            4,
            0,
            name="nobody",
            max_steps=50,
            on_episodes=counts.append,
        )
    finally:
        del gym.registry[env_id]
    assert (scores["success_rate"], scores["unfinished"]) == (0.25, 0.75)
    assert scores["mean_length"] == (3 + 3 * 50) / 4
    assert scores["mean_return"] == (3.0 + 3 * 50.0) / 4
    assert counts[-1] == 4


def test_where_every_episode_ends_nothing_is_said_of_cutting():
    scores = evaluate(anything, lambda rows: make_environment("CartPole-v1", rows), 3, 4, name="nobody")
    assert "unfinished" not in scores
    assert scores["success_rate"] is None


class Endless(gym.Env):
    """Ends in success after three actions of 1; actions of 0 lead nowhere."""

    observation_space = spaces.Box(-1, 1, (1,))
    action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        self.ones = 0
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.ones += int(action)
        ended = self.ones == 3
        return np.zeros(1, np.float32), 1.0, ended, False, {"success": True} if ended else {}


class CountsItsSteps:
    """An agent whose memory is the number of its steps, and whose greedy action is that number's parity."""

    def __init__(self):
        self.seen = []

    def initial_state(self, num_envs):
        return {"steps": np.zeros(num_envs, np.int64)}

    def act_greedily(self, obs, state):
        self.seen.append(int(state["steps"][0]))
        return state["steps"] % 2, {"steps": state["steps"] + 1}

    def _unused(self, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError("evaluation must neither explore nor learn")

    act = observe = learn = _unused
    state_dict = load_state_dict = policy_state_dict = load_policy_state_dict = _unused


def test_an_agent_acts_greedily_and_begins_each_chunk_with_a_fresh_memory(monkeypatch):
    monkeypatch.setattr(evaluation, "ROWS", 2)
    agent = CountsItsSteps()
    evaluate(agent, Levels, 4, 0, name="counter", split="test")
    assert agent.seen == [0, 1, 0, 1, 2, 3]
