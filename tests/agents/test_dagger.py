"""DAgger: whom it learns from, what it remembers, what it refuses."""

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from noise_stream import FIRST_ACTION, NUM_ACTIONS, noise

import envs  # noqa: F401  registers the road
from agents.agent import Transition
from agents.dagger import DAgger, DAggerConfig
from agents.runs.environments import Environments, make_environment
from agents.runs.loop import Training
from vision.formulas.losses import cross_entropy

VECTOR = spaces.Box(-1, 1, (3,), np.float32)
FOUR_ACTIONS = spaces.Discrete(NUM_ACTIONS, start=FIRST_ACTION)
SMALL: dict[str, Any] = {"hidden_sizes": (32,), "batch_size": 32, "learning_starts": 40, "report_every": 100}


def agent_of(**options: Any) -> DAgger:
    return DAgger(DAggerConfig(**(SMALL | options)), VECTOR, FOUR_ACTIONS, 0, "cpu")


def taught(transition: Transition) -> Transition:
    """An expert whose action is the largest of three numbers, or the last where all are negative."""
    obs = np.asarray(transition.obs)
    best = np.where(obs.max(1) > 0, obs.argmax(1), NUM_ACTIONS - 1) + FIRST_ACTION
    return transition._replace(expert_action=best)


def test_it_comes_to_act_as_the_expert_does() -> None:
    agent, metrics = agent_of(epsilon_start=0.1, epsilon_end=0.1, polyak=0.05), []
    for row, transition in enumerate(noise(8, 1_000, VECTOR), 1):
        agent.observe(taught(transition))
        metrics += agent.learn(8 * row)
    test = [taught(transition) for transition in noise(8, 100, VECTOR, seed=7)]
    same = [agent.act_greedily(each.obs, None)[0] == each.expert_action for each in test]
    assert np.mean(same) > 0.9
    assert metrics[-1]["agreement"] > 0.9 > 0.7 > metrics[0]["agreement"]
    assert metrics[-1]["loss"] < 0.3
    assert metrics[-1]["updates"] == int((8_000 - 40) * 8.0 / 32)
    assert "target" not in metrics[-1]


def test_what_the_learner_did_and_earned_means_nothing() -> None:
    agents = agent_of(), agent_of()
    for row, transition in enumerate(noise(4, 100, VECTOR), 1):
        transition = taught(transition)
        other = transition._replace(action=transition.action[::-1].copy(), reward=-transition.reward)
        for agent, seen in zip(agents, (transition, other), strict=True):
            agent.observe(seen)
            list(agent.learn(4 * row))
    assert agents[0].twins.updates > 0
    np.testing.assert_array_equal(agents[0].twins.flat, agents[1].twins.flat)


def test_an_update_follows_the_slope_of_the_cross_entropy() -> None:
    agent = agent_of(learning_starts=10**9)
    for transition in noise(8, 40, VECTOR):
        agent.observe(taught(transition))
    assert agent.memory is not None
    drawing = np.random.default_rng(3)
    batch = agent.memory.sample(32, np.random.default_rng(3))
    obs, action = torch.from_numpy(batch.obs["obs"].copy()), torch.from_numpy(batch.action - FIRST_ACTION)
    network = agent.twins.online
    loss = cross_entropy(network({"obs": obs}).squeeze(-1), action)
    loss.backward()
    wanted = agent.twins.gradient.clone()
    agent.drawing = drawing
    agent._update(agent.memory)
    torch.testing.assert_close(agent.twins.gradient, wanted, rtol=1e-4, atol=1e-6)
    assert agent.twins.readings[-1][0] == pytest.approx(float(loss.detach()), rel=1e-5)


def test_balanced_situations_count_by_how_rare_the_experts_action_is() -> None:
    agent = agent_of(learning_starts=10**9, balance=0.5)
    for transition in noise(8, 40, VECTOR):
        agent.observe(taught(transition))
    assert agent.memory is not None
    batch = agent.memory.sample(32, np.random.default_rng(3))
    obs, action = torch.from_numpy(batch.obs["obs"].copy()), torch.from_numpy(batch.action - FIRST_ACTION)
    often = np.array([(np.asarray(action) == k).sum() + 1 for k in range(NUM_ACTIONS)])
    assert often.max() >= 2 * often.min()
    weight = torch.tensor((often**-0.5)[np.asarray(action)], dtype=torch.float32)
    logits = agent.twins.online({"obs": obs}).squeeze(-1)
    each = torch.nn.functional.cross_entropy(logits, action, reduction="none")
    ((weight * each).sum() / weight.sum()).backward()
    wanted = agent.twins.gradient.clone()
    agent.drawing = np.random.default_rng(3)
    agent._update(agent.memory)
    torch.testing.assert_close(agent.twins.gradient, wanted, rtol=1e-4, atol=1e-6)
    assert agent.twins.readings[-1][0] == pytest.approx(float(each.mean().detach()), rel=1e-5), "as it is"


def test_without_an_expert_nothing_is_learnt() -> None:
    agent = agent_of()
    with pytest.raises(
        ValueError, match='the environment tells no info."expert_action".; the driving tasks do'
    ):
        agent.observe(next(noise(4, 1, VECTOR)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"samples_per_step": 0.0}, "agent.samples_per_step is 0.0; it must be greater than 0"),
        ({"batch_size": 0}, "agent.batch_size is 0; it must be at least 1"),
        ({"learning_starts": -1}, "agent.learning_starts is -1; it must be at least 0"),
        ({"balance": 1.5}, "agent.balance is 1.5; it must be a number from 0 to 1"),
        ({"epsilon_start": 2.0}, "agent.epsilon_start is 2.0; it must be between 0 and 1"),
    ],
)
def test_a_bad_option_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DAggerConfig(**options)


def test_the_expert_of_a_street_is_asked_wherever_the_learner_is() -> None:
    kwargs = {"obs": "state", "frame_skip": 2, "num_levels": 4, "expert": True}
    environments = Environments(make_environment("Hairpin/Obstacles-v0", 4, kwargs), 0)
    agent = DAgger(DAggerConfig(**SMALL), environments.observation_space, environments.action_space, 0, "cpu")
    expected = []
    observe = agent.observe

    def noted(transition: Transition) -> None:
        expected.append(transition.expert_action)
        observe(transition)

    agent.observe = noted
    list(Training(agent, environments).train(400))
    assert agent.memory is not None
    stored = agent.memory.ring.rows["action"][: len(expected)]
    np.testing.assert_array_equal(stored, np.stack(expected))
    assert len(np.unique(stored)) > 3
