"""The exact worth of policies: known optima, played episodes, and agents that are no table."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import envs  # noqa: F401  registers the ids
from agents.dqn import DQNConfig
from agents.exact import exact_return, exact_scores, optimal_return, stationary_optimum, told_model
from agents.registry import make_agent
from agents.runs.environments import make_environment
from agents.runs.evaluation import evaluate

KNOWN = {
    ("Hairpin/Lake-v0", 4): (0.7402, 0.7442),
    ("Hairpin/Lake-v0", 8): (0.8857, 0.9132),
    ("Hairpin/Cliff-v0", None): (-13.0, -13.0),
    ("Hairpin/Taxi-v0", None): (7.93, 7.93),
}


def environment(env_id, size=None, num_envs=1) -> Any:
    return make_environment(env_id, num_envs, {} if size is None else {"size": size})


def agent_for(env, config=None):
    config = config or DQNConfig(hidden_sizes=(8,))
    return make_agent(config, env.single_observation_space, env.single_action_space, 0, "cpu")


@pytest.mark.parametrize(("env_id", "size"), KNOWN)
def test_known_optima(env_id, size):
    model = environment(env_id, size).unwrapped.model
    found = stationary_optimum(model), optimal_return(model)
    assert found == pytest.approx(KNOWN[env_id, size], abs=5e-5)


def test_a_policy_is_worth_what_it_is_played_for():
    """Ten thousand episodes of a network's greedy policy on the 4 × 4 lake."""
    agent = agent_for(environment("Hairpin/Lake-v0", 4))
    score = evaluate(agent, lambda rows: environment("Hairpin/Lake-v0", 4, rows), 10_000, 0, name="dqn")
    model = environment("Hairpin/Lake-v0", 4).unwrapped.model
    policy, _ = agent.act_greedily(np.arange(16), None)
    assert score["exact_return"] == exact_return(model, policy)
    assert score["mean_return"] == pytest.approx(score["exact_return"], abs=0.015)
    assert score["optimal_return"] == pytest.approx(0.7442, abs=5e-5)


def test_no_model_no_exact_score():
    env = make_environment("CartPole-v1", 1)
    assert told_model(env, env.single_observation_space, env.single_action_space) is None
    agent = agent_for(env)
    score = evaluate(agent, lambda rows: make_environment("CartPole-v1", rows), 2, 0, name="dqn")
    assert "exact_return" not in score


def test_what_is_not_shown_as_a_state_is_not_taken_for_one():
    env = environment("Hairpin/Lake-v0", 4)
    discrete = gym.spaces.Discrete
    assert told_model(env, discrete(16), discrete(4)) is env.unwrapped.model
    assert told_model(env, discrete(17), discrete(4)) is None
    assert told_model(env, discrete(16, start=1), discrete(4)) is None
    assert told_model(env, gym.spaces.Box(0, 1, (16,)), discrete(4)) is None


def test_a_policy_with_a_memory_has_no_exact_score():
    class Remembers:
        def initial_state(self, num_envs):
            return {"memory": np.zeros(num_envs)}

    agent = agent_for(environment("Hairpin/Lake-v0", 4))
    model = environment("Hairpin/Lake-v0", 4).unwrapped.model
    assert set(exact_scores(agent, model)) == {"exact_return", "optimal_return"}
    agent.initial_state = Remembers().initial_state
    assert exact_scores(agent, model) == {}
