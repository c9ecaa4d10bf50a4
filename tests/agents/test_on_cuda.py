"""What only a graphics processor can tell: agents learn on it, are saved, go on, and do not wait for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces

import envs  # noqa: F401  registers the T-maze and the road
from agents.a2c import A2CConfig
from agents.devices import parts_to_device, to_device
from agents.dqn import DQNConfig, RainbowConfig
from agents.memory_q import LSTMQConfig, TransformerQConfig
from agents.ppo import PPOConfig
from agents.pqn import PQNConfig
from agents.q_learner import QBatch, QLearner
from agents.registry import make_agent
from agents.reinforce import ReinforceConfig
from agents.runs.checkpoint import CheckpointStore
from agents.runs.environments import Environments, make_environment
from agents.runs.loop import Training

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA"),
    pytest.mark.filterwarnings("ignore:Synchronization debug mode is a prototype"),
    pytest.mark.filterwarnings("ignore:Attempting to run cuBLAS, but there was no current CUDA context"),
]

Q: dict[str, Any] = {
    "batch_size": 16,
    "hidden_sizes": (32, 32),
    "replay_capacity": 2_000,
    "learning_starts": 100,
    "samples_per_step": 4.0,
    "report_every": 100,
}
POLICY: dict[str, Any] = {"hidden_sizes": (16,), "report_every": 100, "rollout_steps": 64}
MEMORY: dict[str, Any] = {
    "batch_size": 4,
    "width": 16,
    "sequence_length": 9,
    "burn_in": 2,
    "replay_capacity": 400,
    "learning_starts": 60,
    "samples_per_step": 4.0,
    "report_every": 100,
}
CART, ARM, MAZE, ROAD = "CartPole-v1", "Pendulum-v1", "Hairpin/TMaze-v0", "Hairpin/LaneFollow-v0"
DEEP_Q = {
    "double": DQNConfig(**Q, n_step=3),
    "dueling": DQNConfig(**Q, dueling=True),
    "categorical": DQNConfig(**Q, distribution="categorical"),
    "quantile": DQNConfig(**Q, distribution="quantile"),
    "implicit": DQNConfig(**Q, distribution="implicit", atoms=8),
    "noisy": DQNConfig(**Q, noisy=True),
    "munchausen": DQNConfig(**Q, munchausen=True),
    "normed": DQNConfig(**Q, layer_norm=True),
    "autocast": DQNConfig(**Q, autocast=True),
}
PRIORITISED = {"prioritised": DQNConfig(**Q, prioritised=True), "rainbow": RainbowConfig(**Q)}
CASES = {
    **{name: (config, CART) for name, config in (DEEP_Q | PRIORITISED).items()},
    "pqn": (PQNConfig(hidden_sizes=(16,), rollout_steps=64, report_every=100), CART),
    "lstm": (LSTMQConfig(**MEMORY), MAZE),
    "transformer": (TransformerQConfig(**MEMORY, window=6, heads=2), MAZE),
    "reinforce": (ReinforceConfig(**POLICY), CART),
    "a2c": (A2CConfig(**POLICY), CART),
    "ppo": (PPOConfig(**POLICY, minibatch_size=16, epochs=2, normalise_observations=True), CART),
    "ppo-continuous": (PPOConfig(**POLICY, minibatch_size=16, epochs=2, autocast=True), ARM),
    "camera": (DQNConfig(**Q, frame_stack=2), ROAD),
}
every_case = pytest.mark.parametrize(("config", "env_id"), CASES.values(), ids=CASES)


def training_of(config, env_id: str, seed=3, device="cuda") -> Any:
    environments = Environments(make_environment(env_id, 4), seed)
    seen = environments.observation_space, environments.action_space
    return Training(make_agent(config, *seen, seed, device), environments)


@contextmanager
def no_waiting() -> Iterator[None]:
    """Whatever makes the processor wait for the device is an error."""
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


@every_case
def test_it_learns_and_the_policy_is_the_same_on_a_processor(config, env_id, tmp_path):
    """Of what was learnt there, four choices in five: arithmetic of 16 bits turns ties."""
    training = training_of(config, env_id)
    metrics = list(training.train(500))
    assert metrics[-1]["updates"] > 0
    assert np.isfinite(metrics[-1]["loss"])
    CheckpointStore(tmp_path).save(training.state_dict(), 500)
    checkpoint = CheckpointStore(tmp_path).load_latest()
    assert checkpoint is not None
    other = training_of(config, env_id, seed=4, device="cpu")
    other.load_state_dict(checkpoint.state)
    agreed = []
    there, here = (made.agent.initial_state(4) for made in (training, other))
    for _ in range(20):
        obs = other.environments.obs
        on_device, there = training.agent.act_greedily(obs, there)
        on_processor, here = other.agent.act_greedily(obs, here)
        agreed.append(np.isclose(on_device, on_processor, atol=0.05))
        _, transition = other.environments.step(on_processor)
        if transition.ignored.any():
            break
    assert np.mean(np.stack(agreed)) >= 0.8


@every_case
def test_a_run_cut_in_two_goes_on(config, env_id, tmp_path):
    """To within rounding: sums on a graphics processor are taken in no fixed order."""
    alone, first = training_of(config, env_id), training_of(config, env_id)
    expected = list(alone.train(300))
    metrics = list(first.train(150))
    CheckpointStore(tmp_path).save(first.state_dict(), first.environments.env_steps)
    second = training_of(config, env_id, seed=99)
    checkpoint = CheckpointStore(tmp_path).load_latest()
    assert checkpoint is not None
    second.load_state_dict(checkpoint.state)
    metrics += list(second.train(300))
    assert [row["updates"] for row in metrics] == [row["updates"] for row in expected]
    if config.name not in ("lstm-q", "transformer-q"):  # λ-returns of a maximum: a turned tie goes far
        assert metrics[-1]["loss"] == pytest.approx(expected[-1]["loss"], rel=0.05, abs=1e-3)


@pytest.mark.parametrize("config", DEEP_Q.values(), ids=DEEP_Q)
def test_an_update_of_a_dqn_does_not_wait(config):
    training = training_of(config, CART)
    list(training.train(200))
    agent = training.agent
    with no_waiting():
        agent._update(agent.memory, 8)


@pytest.mark.parametrize("name", ["lstm", "transformer"])
def test_an_update_of_a_memory_does_not_wait(name):
    training = training_of(*CASES[name])
    list(training.train(200))
    agent = training.agent
    drawn = agent.memory.sample(4, agent.drawing)
    with no_waiting():
        agent._update(drawn)


def test_an_update_of_pqn_does_not_wait():
    training = training_of(*CASES["pqn"])
    list(training.train(200))
    agent = training.agent
    parts = parts_to_device({"obs": np.zeros((16, 4), np.float32)}, agent.device)
    action, target = (
        to_device(array, agent.device) for array in (np.zeros(16, int), np.ones(16, np.float32))
    )
    with no_waiting():
        agent._update(parts, action, target)


@pytest.mark.parametrize("name", ["reinforce", "a2c", "ppo", "ppo-continuous"])
def test_an_update_of_a_policy_does_not_wait(name):
    training = training_of(*CASES[name])
    list(training.train(220))  # in the middle of a rollout
    agent, rollout = training.agent, training.agent.rollout
    obs = parts_to_device(rollout.observations(), agent.device)
    places = to_device(np.flatnonzero(~rollout.rows("ignored")), agent.device)
    samples, _ = agent._samples(rollout, obs, places)
    with no_waiting():
        agent._update(samples.at(places))


@pytest.mark.parametrize("config", DEEP_Q.values(), ids=DEEP_Q)
def test_the_slope_is_that_of_a_processor(config):
    """Of the same batch by the same weights, to within the arithmetic of each."""
    generator = np.random.default_rng(0)
    obs, after = generator.uniform(-1, 1, (2, 16, 4)).astype(np.float32)
    numbers = generator.integers(0, 3, 16), generator.normal(size=16), np.full(16, 0.97)
    slopes = []
    for device in (torch.device("cpu"), torch.device("cuda")):
        space = spaces.Box(-1, 1, (4,), np.float32)
        learner = QLearner(config, space, 3, np.random.SeedSequence(5), device)
        action, reward, discount = (to_device(array, device) for array in numbers)
        before, behind = ({"obs": to_device(part, device)} for part in (obs, after))
        learner.update(QBatch(before, action, reward, discount, behind, None))
        slopes.append(learner.twins.gradient.cpu())
    largest = float(slopes[0].abs().max())
    tolerance = 0.05 if config.autocast else 1e-4
    torch.testing.assert_close(slopes[1], slopes[0], rtol=0, atol=tolerance * largest)
