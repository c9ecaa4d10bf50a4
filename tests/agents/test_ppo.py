"""PPO: how it deals its samples out, and that it holds the policy near the one that acted."""

import numpy as np
import pytest
import torch
from gymnasium import spaces

from agents.agent import Transition
from agents.ppo import PPO, PPOConfig

VECTOR = spaces.Box(-1, 1, (3,), np.float32)


def agent_of(**options):
    return PPO(PPOConfig(**options), VECTOR, spaces.Discrete(4), 0, "cpu")


def fill(agent, seed=0, num_envs=8):
    """Act until a rollout is complete, in episodes that never end, and learn from it."""
    generator, nothing = np.random.default_rng(seed), np.zeros(num_envs, np.bool_)
    obs, step = generator.uniform(-1, 1, (num_envs, 3)).astype(np.float32), agent.env_steps
    before, metrics = agent.updates, []
    while agent.updates == before:
        action, _ = agent.act(obs, None)
        reward, next_obs = (action == 0).astype(np.float32), generator.uniform(-1, 1, (num_envs, 3))
        next_obs = next_obs.astype(np.float32)
        agent.observe(Transition(obs, action, reward, nothing, nothing, next_obs, nothing))
        obs, step = next_obs, step + num_envs
        metrics += agent.learn(step)
    return metrics


def odds_of(agent):
    """Of each action, in the middle of the observations."""
    with torch.no_grad():
        return agent.network.policy({"obs": torch.zeros(1, 3)}).softmax(-1)[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "agent.epochs is 0; it must be at least 1"),
        ({"minibatch_size": 0}, "agent.minibatch_size is 0; it must be at least 1"),
        ({"clip": 0.0}, "agent.clip is 0.0; it must be greater than 0"),
        ({"value_weight": -1.0}, "agent.value_weight is -1.0; it must be at least 0"),
    ],
)
def test_a_bad_option_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        PPOConfig(**options)


@pytest.mark.parametrize(
    ("samples", "minibatch_size", "sizes"),
    [(10, 4, [5, 5]), (10, 3, [4, 3, 3]), (3, 10, [3]), (8, 4, [4, 4])],
)
def test_every_epoch_deals_every_sample_out_once_in_an_order_of_its_own(samples, minibatch_size, sizes):
    agent = agent_of(epochs=3, minibatch_size=minibatch_size)
    places = np.arange(100, 100 + samples)
    batches = list(agent._batches(places))
    assert [len(batch) for batch in batches] == sizes * 3
    epochs = np.concatenate(batches).reshape(3, samples)
    np.testing.assert_array_equal(np.sort(epochs), np.broadcast_to(places, (3, samples)))
    assert (epochs[0] != epochs[1]).any()


def test_the_first_update_starts_from_the_policy_that_acted():
    (metrics,) = fill(agent_of(rollout_steps=64, epochs=1, minibatch_size=64, report_every=64))
    assert metrics["kl"] == pytest.approx(0, abs=1e-6)
    assert metrics["clip_fraction"] == 0
    assert metrics["policy_loss"] == pytest.approx(0, abs=1e-5)  # minus the mean of normalised advantages


def test_a_tighter_clip_keeps_the_policy_nearer():
    options = {"rollout_steps": 256, "epochs": 20, "minibatch_size": 256, "learning_rate": 0.01}
    tight, loose = agent_of(**options, clip=0.05), agent_of(**options, clip=5.0)
    moved = {}
    for agent, name in ((tight, "tight"), (loose, "loose")):
        before = odds_of(agent)
        fill(agent)
        moved[name] = (odds_of(agent) - before).abs().max()
    assert moved["tight"] < 0.5 * moved["loose"]


def test_it_moves_towards_what_pays_within_one_rollout():
    agent = agent_of(rollout_steps=512, learning_rate=3e-3, discount=0.0)
    assert odds_of(agent)[0].item() == pytest.approx(0.25, abs=0.02)
    fill(agent)
    assert odds_of(agent)[0] > 0.3
