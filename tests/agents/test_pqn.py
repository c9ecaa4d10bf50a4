"""PQN: how it acts, how much it learns and from what, a run cut in two, and what it refuses."""

import json
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import Space, spaces
from noise_stream import FIRST_ACTION, NUM_ACTIONS, noise

import envs  # noqa: F401  registers the road
from agents.agent import NonFiniteLossError, Transition
from agents.pqn import PQN, PQNConfig
from agents.registry import make_agent
from agents.runs.checkpoint import CheckpointStore
from agents.runs.environments import Environments, make_environment
from agents.runs.loop import Training
from agents.runs.state_tree import take_apart

VECTOR = spaces.Box(-1, 1, (3,), np.float32)
FOUR_ACTIONS = spaces.Discrete(NUM_ACTIONS, start=FIRST_ACTION)
SMALL = {"hidden_sizes": (16,), "rollout_steps": 40, "minibatch_size": 16, "report_every": 50}


def agent_of(
    observation_space: Space = VECTOR, action_space: Space = FOUR_ACTIONS, seed=0, **options: Any
) -> PQN:
    return PQN(PQNConfig(**(SMALL | options)), observation_space, action_space, seed, "cpu")


def trained(agent, env_steps, num_envs=4, **options):
    """The metrics of so many steps of noise."""
    metrics = []
    for row, transition in enumerate(noise(num_envs, env_steps // num_envs, VECTOR, **options), 1):
        agent.observe(transition)
        metrics += agent.learn(row * num_envs)
    return metrics


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"learning_rate": 0.0}, "agent.learning_rate is 0.0; it must be greater than 0"),
        ({"decay": 1.5}, "agent.decay is 1.5; it must be between 0 and 1"),
        ({"rollout_steps": 0}, "agent.rollout_steps is 0; it must be at least 1"),
        ({"epochs": 0}, "agent.epochs is 0; it must be at least 1"),
        ({"minibatch_size": -1}, "agent.minibatch_size is -1; it must be at least 1"),
    ],
)
def test_a_bad_option_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        PQNConfig(**options)


@pytest.mark.parametrize(
    ("seen", "acted", "message"),
    [
        (VECTOR, VECTOR, r"pqn needs a Discrete action space, as CartPole-v1 has; this one is Box\(-1.0"),
        (spaces.MultiBinary(3), FOUR_ACTIONS, "no encoder for observations of MultiBinary"),
    ],
)
def test_spaces_that_do_not_suit_it_are_refused(seen, acted, message):
    with pytest.raises(ValueError, match=message):
        agent_of(seen, acted)


def test_it_explores_by_epsilon_and_knows_best_by_the_average():
    agent = agent_of(epsilon_start=1.0, epsilon_end=0.0, epsilon_steps=100)
    obs = np.random.default_rng(0).uniform(-1, 1, (2000, 3)).astype(np.float32)
    anything, _ = agent.act(obs, None)
    np.testing.assert_allclose(np.bincount(anything, minlength=10) / 2000, [0] * 6 + [0.25] * 4, atol=0.04)
    list(agent.learn(100))
    with torch.no_grad():
        agent.twins.averaged_flat.normal_(generator=torch.Generator().manual_seed(3))
        parts = {"obs": torch.from_numpy(obs)}
        online = agent.online.network(parts)[..., 0].argmax(1).numpy()
        averaged = agent.averaged.network(parts)[..., 0].argmax(1).numpy()
    assert (online != averaged).any()
    np.testing.assert_array_equal(agent.act(obs, None)[0], online + 6)
    before = deepcopy((agent.acting.bit_generator.state, agent.drawing.bit_generator.state))
    np.testing.assert_array_equal(agent.act_greedily(obs, None)[0], averaged + 6)
    assert (agent.acting.bit_generator.state, agent.drawing.bit_generator.state) == before


def test_what_pays_is_found_wherever_actions_start():
    agent = agent_of(discount=0.0, learning_rate=0.02, polyak=0.2)
    obs, nothing = np.zeros((4, 3), np.float32), np.zeros(4, np.bool_)
    for step in range(4, 400, 4):
        action, _ = agent.act(obs, None)
        assert set(action) <= {6, 7, 8, 9}
        reward = (action == 8).astype(np.float32)
        agent.observe(Transition(obs, action, reward, nothing, nothing, obs, nothing))
        list(agent.learn(step))
    assert agent.act_greedily(obs, None)[0].tolist() == [8] * 4


@pytest.mark.parametrize("num_envs", [1, 4, 16])
def test_the_number_of_environments_does_not_change_how_much_is_learnt(num_envs):
    agent = agent_of(rollout_steps=64, minibatch_size=16, epochs=3)
    obs, nothing = np.zeros((num_envs, 3), np.float32), np.zeros(num_envs, np.bool_)
    for step in range(num_envs, 321, num_envs):
        action, reward = np.full(num_envs, 6), np.zeros(num_envs, np.float32)
        agent.observe(Transition(obs, action, reward, nothing, nothing, obs, nothing))
        list(agent.learn(step))
    assert agent.twins.updates == 5 * 3 * 64 // 16


def test_rows_that_only_reset_are_not_learnt_from():
    agent, other = agent_of(), agent_of()
    trained(agent, 160)
    trained(other, 160, wasted=1e6)
    assert agent.twins.updates > 8
    assert torch.equal(agent.twins.flat, other.twins.flat)


def test_a_rollout_with_nothing_to_learn_from_is_forgotten():
    agent, ignored = agent_of(rollout_steps=4), np.ones(4, np.bool_)
    transition = next(noise(4, 1, VECTOR))._replace(ignored=ignored)
    agent.observe(transition)
    list(agent.learn(0))
    assert agent.memory is not None
    assert (agent.twins.updates, agent.memory.length) == (0, 0)


def test_metrics_come_at_every_report_and_before_learning_too():
    metrics = trained(agent_of(rollout_steps=120), 200)
    assert [sorted(entry) for entry in metrics] == [
        ["epsilon", "updates"],
        ["epsilon", "updates"],
        ["epsilon", "gradient_norm", "loss", "target", "updates"],
        ["epsilon", "updates"],
    ]
    assert metrics[1]["updates"] == 0 < metrics[2]["updates"]
    assert [entry["epsilon"] for entry in metrics] == pytest.approx(
        [1 - 0.95 * s / 20_000 for s in (52, 100, 152, 200)]
    )


def test_a_loss_that_is_not_finite_stops_it_and_names_the_update():
    agent = agent_of(report_every=70)
    trained(agent, 60)
    clean = agent.twins.updates
    with torch.no_grad():
        agent.twins.flat.fill_(torch.nan)
    for step, transition in zip(range(64, 81, 4), noise(4, 5, VECTOR), strict=True):
        agent.observe(transition)
        list(agent.learn(step))
    spoilt = rf"not finite since update {clean + 1} \(seen at environment step 80\)"
    with pytest.raises(NonFiniteLossError, match=spoilt):
        agent.state_dict()
    with pytest.raises(NonFiniteLossError) as caught:
        list(agent.learn(140))
    assert (caught.value.env_steps, caught.value.update) == (140, clean + 1)


def test_the_policy_alone_can_be_handed_on():
    agent, other = agent_of(seed=1), agent_of(seed=2)
    trained(agent, 200)
    obs = np.random.default_rng(0).uniform(-1, 1, (50, 3)).astype(np.float32)
    assert (other.act_greedily(obs, None)[0] != agent.act_greedily(obs, None)[0]).any()
    other.load_policy_state_dict(agent.policy_state_dict())
    np.testing.assert_array_equal(other.act_greedily(obs, None)[0], agent.act_greedily(obs, None)[0])


ROAD = {"obs": "dict", "image_size": 16, "num_levels": 8}


def training_of(env_id, seed=3) -> Any:
    environments = Environments(make_environment(env_id, 4, ROAD if "Hairpin" in env_id else None), seed)
    seen = environments.observation_space, environments.action_space
    config = PQNConfig(hidden_sizes=(16,), rollout_steps=64, minibatch_size=16, report_every=70)
    return Training(make_agent(config, *seen, seed, "cpu"), environments)


def assert_same_bits(left, right):
    one, other = take_apart(left), take_apart(right)
    assert json.dumps(one.tree) == json.dumps(other.tree)
    assert one.arrays.keys() == other.arrays.keys()
    for name, array in one.arrays.items():
        assert array.tobytes() == other.arrays[name].tobytes(), name


@pytest.mark.parametrize(
    ("env_id", "cut"), [("CartPole-v1", 40), ("CartPole-v1", 340), ("Hairpin/LaneFollow-v0", 161)]
)
def test_a_run_cut_in_two_is_the_run_left_alone(env_id, cut, tmp_path):
    """In the middle of a rollout, before anything is learnt and afterwards."""
    alone, first = training_of(env_id), training_of(env_id)
    expected = list(alone.train(500))
    metrics = list(first.train(cut))
    assert first.agent.memory.length > 0
    CheckpointStore(tmp_path).save(first.state_dict(), first.environments.env_steps)
    second = training_of(env_id, seed=99)
    checkpoint = CheckpointStore(tmp_path).load_latest()
    assert checkpoint is not None
    second.load_state_dict(checkpoint.state)
    assert metrics + list(second.train(500)) == expected
    assert expected[-1]["updates"] > 20
    assert_same_bits(second.state_dict(), alone.state_dict())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("autocast", [False, True])
def test_it_learns_on_cuda(autocast):
    agent = PQN(PQNConfig(**SMALL, autocast=autocast), VECTOR, FOUR_ACTIONS, 0, "cuda")
    assert np.isfinite(trained(agent, 200)[-1]["loss"])


def test_autocast_keeps_values_in_float32():
    agent = agent_of(autocast=True)
    assert np.isfinite(trained(agent, 200)[-1]["loss"])
    assert agent.twins.flat.dtype == torch.float32
