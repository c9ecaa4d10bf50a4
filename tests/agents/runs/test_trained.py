"""A policy to be looked at: where a world is finite, what its table says is drawn over the board."""

from typing import Any

import numpy as np
import pytest

import envs  # noqa: F401  registers the finite worlds
from agents.dagger_config import DAggerConfig
from agents.registry import make_agent
from agents.runs.build import make_env
from agents.runs.config import EnvConfig, RunConfig
from agents.runs.trained import TrainedRun
from agents.tabular import QLearningConfig

LAKE = EnvConfig(id="Hairpin/Lake-v0", num_envs=1)


def run_of(config: Any, env: EnvConfig) -> Any:
    run = RunConfig(env=env, agent=config)
    one = make_env(run, None, 1)
    agent = make_agent(config, one.single_observation_space, one.single_action_space, 0, "cpu")
    return TrainedRun(run, agent, None, ())


def picture(env: Any) -> np.ndarray:
    env.reset(seed=0)
    return env.render()[0]


def test_a_table_is_drawn_over_its_world():
    run = run_of(QLearningConfig(initial_value=0.5), LAKE)
    run.agent.learner.tables.q[3, 2] = 2.0
    plain, watched = run.make_env(1, render_mode="rgb_array"), run.watched_env(render_mode="rgb_array")
    assert (picture(watched) != picture(plain)).any()
    plain.unwrapped.show_values(run.agent.q_values())
    np.testing.assert_array_equal(picture(watched), picture(plain))


@pytest.mark.parametrize(
    ("config", "env"),
    [
        (QLearningConfig(bins=(3, 3, 3, 3)), EnvConfig(id="CartPole-v1", num_envs=1)),
        (QLearningConfig(), EnvConfig(id="FrozenLake-v1", num_envs=1)),
    ],
    ids=["divided box", "a world of others"],
)
def test_what_has_no_board_is_drawn_as_it_is(config: Any, env: EnvConfig):
    run = run_of(config, env)
    plain, watched = run.make_env(1, render_mode="rgb_array"), run.watched_env(render_mode="rgb_array")
    np.testing.assert_array_equal(picture(watched), picture(plain))


def test_the_expert_is_asked_in_training_and_not_where_a_policy_is_judged():
    street = {"obs": "state", "num_levels": 2, "expert": True}
    run = RunConfig(env=EnvConfig(id="Hairpin/Obstacles-v0", num_envs=1, kwargs=street), agent=DAggerConfig())
    assert "expert_action" in make_env(run, None, 1).reset(seed=0)[1]
    assert "expert_action" not in make_env(run, None, 1, "test").reset(seed=0)[1]
