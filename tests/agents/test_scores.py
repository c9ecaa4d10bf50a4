"""Agents that choose by numbers tell them, and choose by those that they tell."""

import numpy as np
import pytest
from gymnasium import spaces

from agents.agent import ScoresActions
from agents.registry import config_class, make_agent
from agents.runs.trained import GreedyPolicy

VECTOR, ACTIONS = spaces.Box(-1, 1, (3,), np.float32), spaces.Discrete(5, start=2)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("dqn", {"frame_stack": 3}),
        ("dqn", {"distribution": "implicit", "atoms": 8}),
        ("rainbow", {}),
        ("pqn", {}),
        ("dagger", {"frame_stack": 2}),
    ],
)
def test_the_best_by_its_scores_is_what_it_does(name: str, options: dict) -> None:
    agent = make_agent(config_class(name)(**options), VECTOR, ACTIONS, 1, "cpu")
    assert isinstance(agent, ScoresActions)
    generator, state = np.random.default_rng(0), agent.initial_state(20)
    seen = set()
    for _ in range(5):
        obs = generator.uniform(-1, 1, (20, 3)).astype(np.float32)
        scores = agent.scores(obs, state)
        assert scores.shape == (20, 5)
        action, state = agent.act_greedily(obs, state)
        np.testing.assert_array_equal(scores.argmax(1) + 2, action)
        seen |= set(action.tolist())
    assert len(seen) > 1 or name == "rainbow"  # whose atoms begin alike


def test_a_watched_policy_keeps_what_it_thought() -> None:
    agent = make_agent(config_class("dqn")(frame_stack=2), VECTOR, ACTIONS, 1, "cpu")
    policy, state = GreedyPolicy(agent), agent.initial_state(1)
    assert policy.values is None
    for step in range(3):
        obs = np.full((1, 3), 0.2 * step, np.float32)
        assert isinstance(agent, ScoresActions)
        scores = agent.scores(obs, state)[0]
        action, state = agent.act_greedily(obs, state)
        assert policy(obs) == action
        np.testing.assert_array_equal(policy.values, scores)


def test_who_has_no_scores_shows_none() -> None:
    policy = GreedyPolicy(make_agent(config_class("ppo")(), VECTOR, ACTIONS, 1, "cpu"))
    policy(np.zeros((1, 3), np.float32))
    assert policy.values is None
