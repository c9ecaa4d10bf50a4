"""Agents that remember: an update by hand, exact resume, and what they refuse."""

from copy import deepcopy
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces

import envs  # noqa: F401  registers the T-maze
from agents import memory_q as module
from agents.memory_q import LSTMQ, LSTMQConfig, TransformerQ, TransformerQConfig
from agents.registry import make_agent
from agents.runs.environments import Environments, make_environment
from agents.runs.loop import Training

SMALL = {
    "batch_size": 4,
    "width": 8,
    "sequence_length": 9,
    "burn_in": 2,
    "replay_capacity": 400,
    "learning_starts": 60,
    "samples_per_step": 4.0,
    "report_every": 100,
    "max_grad_norm": 0.1,
}
CONFIGS = [LSTMQConfig(**SMALL), TransformerQConfig(**SMALL, window=6, heads=2)]
VECTOR = spaces.Box(-1, 1, (3,), np.float32)


def training_of(config, seed=3) -> Any:
    environments = Environments(make_environment("Hairpin/TMaze-v0", 4, {"length": 3}), seed)
    seen = environments.observation_space, environments.action_space
    return Training(make_agent(config, *seen, seed, "cpu"), environments)


def loss_by_hand(agent, drawn):
    """Row by row: the λ-return of the greedy policy, and Huber's loss of what counts."""
    online, averaged, config = agent.online, agent.averaged, agent.config
    parts = {name: torch.from_numpy(part) for name, part in drawn.obs.items()}
    memory = {name: torch.from_numpy(part) for name, part in drawn.state.items()}
    begins = torch.from_numpy(np.concatenate((np.zeros_like(drawn.ignored[:1]), drawn.ignored)))
    q_values = online.unroll(parts, begins, memory)
    q_after = averaged.unroll(parts, begins, memory).detach()
    length, batch = drawn.reward.shape
    total, count = torch.zeros(()), 0
    for row in range(batch):
        value = 0.0
        for step in reversed(range(length)):
            chooser = q_values if config.double else q_after
            best = int(chooser[step + 1, row].argmax())
            bootstrap = float(q_after[step + 1, row, best])
            ended = drawn.terminated[step, row] or drawn.truncated[step, row]
            if not ended and step < length - 1:
                bootstrap = (1 - config.decay) * bootstrap + config.decay * value
            value = float(drawn.reward[step, row])
            value += 0.0 if drawn.terminated[step, row] else config.discount * bootstrap
            if drawn.ignored[step, row] or step < config.burn_in:
                continue
            error = q_values[step, row, int(drawn.action[step, row])] - value
            total = total + (error**2 / 2 if abs(error) <= 1 else abs(error) - 0.5)
            count += 1
    return total / count


@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("config", CONFIGS, ids=["lstm", "transformer"])
def test_an_update_is_what_the_formulas_say(config, double):
    config = type(config)(**(vars(config) | {"double": double, "learning_starts": 10**6}))
    training = training_of(config)
    list(training.train(300))
    agent = training.agent
    with torch.no_grad():
        agent.twins.averaged_flat.add_(0.1 * torch.randn(agent.twins.flat.shape, generator=seeded()))
    drawn = agent.memory.sample(4, np.random.default_rng(7))
    assert drawn.ignored[2:].any()
    assert drawn.terminated.any()
    drawn.truncated[5] = ~drawn.terminated[5] & ~drawn.ignored[5]  # time limits are seldom met
    reference = deepcopy(agent)
    loss = loss_by_hand(reference, drawn)
    expected = torch.cat(
        [g.flatten() for g in torch.autograd.grad(loss, list(reference.online.parameters()))]
    )
    agent._update(drawn)
    told, _, norm = agent.twins.readings[0]
    torch.testing.assert_close(torch.tensor(told), loss.detach(), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(torch.tensor(norm), expected.norm(), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(agent.twins.gradient, expected, rtol=1e-3, atol=1e-6)


def seeded():
    return torch.Generator().manual_seed(5)


@pytest.mark.parametrize("decoy", ["leaks", "merges"])
def test_a_wrong_target_is_caught(decoy, monkeypatch):
    """A return that runs on past a time limit, and a time limit that drops the value."""
    right = module.lambda_return

    def wrong(reward, discount, ended, next_value, decay):
        if decoy == "leaks":
            return right(reward, discount, torch.zeros_like(ended), next_value, decay)
        return right(reward, discount * ~ended, ended, next_value, decay)

    monkeypatch.setattr(module, "lambda_return", wrong)
    with pytest.raises(AssertionError):
        test_an_update_is_what_the_formulas_say(CONFIGS[0], double=True)


@pytest.mark.parametrize("config", CONFIGS, ids=["lstm", "transformer"])
def test_a_run_cut_in_two_ends_in_the_same_bits(config):
    alone, first, second = (training_of(config) for _ in range(3))
    told = list(alone.train(700))
    begun = list(first.train(350))
    second.load_state_dict(deepcopy(first.state_dict()))
    assert begun + list(second.train(700)) == told
    assert alone.agent.twins.updates > 20
    for left, right in zip(alone.agent.twins.moments, second.agent.twins.moments, strict=True):
        assert torch.equal(left, right)
    assert torch.equal(alone.agent.twins.averaged_flat, second.agent.twins.averaged_flat)


def test_what_is_stored_is_what_was_remembered_before_the_observation():
    training = training_of(CONFIGS[0])
    agent = training.agent
    list(training.train(40))
    rows, steps = agent.memory.ring.rows, agent.memory.ring.written
    network, memory = deepcopy(agent.online), agent.initial_state(4)
    with torch.no_grad():
        for step in range(steps):
            if step and rows["ignored"][step - 1].any():
                begun = torch.from_numpy(rows["ignored"][step - 1])
                memory = {name: torch.where(begun[:, None], 0.0, values) for name, values in memory.items()}
            for name in ("hidden", "cell"):
                np.testing.assert_allclose(rows[f"state/{name}"][step], memory[name], atol=1e-6)
            _, memory = network.step({"obs": torch.from_numpy(rows["obs/obs"][step])}, memory)


@pytest.mark.parametrize(("kind", "config"), [(LSTMQ, CONFIGS[0]), (TransformerQ, CONFIGS[1])])
def test_a_dictionary_of_one_part_is_a_dictionary(kind, config):
    agent = kind(config, spaces.Dict(obs=VECTOR), spaces.Discrete(2), 0, "cpu")
    obs = {"obs": np.zeros((3, *VECTOR.shape), np.float32)}
    assert agent.act_greedily(obs, agent.initial_state(3))[0].shape == (3,)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LSTMQConfig(burn_in=64), "agent.burn_in is 64; it must be less than sequence_length, 64"),
        (lambda: LSTMQConfig(hidden_sizes=(512,)), r"agent.hidden_sizes is \(512,\); .* have width instead"),
        (lambda: TransformerQConfig(layer_norm=True), "agent.layer_norm is True; .* have width instead"),
        (lambda: LSTMQConfig(decay=1.5), "agent.decay is 1.5; it must be between 0 and 1"),
        (
            lambda: TransformerQConfig(width=20),
            "agent.width is 20; it must be a multiple of twice the heads, 8",
        ),
        (lambda: LSTMQ(CONFIGS[0], VECTOR, VECTOR, 0, "cpu"), "lstm-q needs a Discrete action space"),
        (
            lambda: TransformerQ(CONFIGS[1], spaces.MultiBinary(3), spaces.Discrete(2), 0, "cpu"),
            "no encoder for observations of MultiBinary",
        ),
    ],
)
def test_what_does_not_fit_is_one_sentence(make, message):
    with pytest.raises(ValueError, match=message):
        make()
