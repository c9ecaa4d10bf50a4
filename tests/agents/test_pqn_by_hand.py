"""What PQN learns from a rollout, worked out another way: λ-returns, the update, the values of a chain."""

from copy import deepcopy
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import Space, spaces
from noise_stream import FIRST_ACTION, NUM_ACTIONS, noise

from agents import pqn as module
from agents.agent import Transition, observation_parts
from agents.memory.rollout import Rollout
from agents.pqn import PQN, PQNConfig

VECTOR = spaces.Box(-1, 1, (3,), np.float32)
CAR = spaces.Dict({"camera": spaces.Box(0, 255, (16, 16, 3), np.uint8), "speed": spaces.Box(-1, 1, (2,))})
ACTIONS = spaces.Discrete(NUM_ACTIONS, start=FIRST_ACTION)
SMALL = {"hidden_sizes": (16,), "rollout_steps": 40, "minibatch_size": 10}


def agent_of(observation_space: Space = VECTOR, action_space: Space = ACTIONS, **options: Any) -> PQN:
    return PQN(PQNConfig(**(SMALL | options)), observation_space, action_space, 0, "cpu")


def filled(agent, space) -> Rollout:
    """The rollout, complete, with nothing learnt from it yet; the average is another network by now."""
    agent.twins.averaged_flat.normal_(0.0, 0.3, generator=torch.Generator().manual_seed(3))
    for transition in noise(4, 10, space):
        agent.observe(transition)
    assert all(agent.memory.rows(name).any() for name in ("terminated", "truncated", "ignored"))
    return agent.memory


def values_of(network, obs):
    parts = {name: torch.from_numpy(part) for name, part in observation_parts(obs).items()}
    with torch.no_grad():
        return network(parts)[..., 0].amax(1).numpy()


def returns_by_hand(config, network, transitions):
    """The λ-return as a mean: (1 − λ) λⁿ⁻¹ of each n-step return, λᵐ⁻¹ of the last, which ends or is cut."""
    reward, terminated, truncated, ignored = (
        np.stack([getattr(one, name) for one in transitions])
        for name in ("reward", "terminated", "truncated", "ignored")
    )
    value = np.stack([values_of(network, one.next_obs) for one in transitions])
    expected = np.full(reward.shape, np.nan)
    for step, row in np.argwhere(~ignored):
        total, weight, gained, discount = 0.0, 1.0, 0.0, 1.0
        for later in range(step, len(reward)):
            gained += discount * reward[later, row]
            discount *= config.discount
            bootstrap = 0.0 if terminated[later, row] else discount * value[later, row]
            last = terminated[later, row] or truncated[later, row] or later == len(reward) - 1
            total += weight * (1.0 if last else 1 - config.decay) * (gained + bootstrap)
            weight *= config.decay
            if last:
                break
        expected[step, row] = total
    return expected.reshape(-1)


@pytest.mark.parametrize("decay", [0.0, 0.65, 1.0])
@pytest.mark.parametrize("space", [VECTOR, CAR], ids=["vector", "dict"])
def test_the_target_is_the_lambda_return_of_each_episode(decay, space):
    agent = agent_of(space, decay=decay, discount=0.9)
    rollout = filled(agent, space)
    obs = {name: torch.from_numpy(part) for name, part in rollout.observations().items()}
    expected = returns_by_hand(agent.config, agent.online.network, list(noise(4, 10, space)))
    counts = ~np.isnan(expected)
    target = agent._target(rollout, obs).numpy()
    np.testing.assert_allclose(target[counts], expected[counts], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("decoy", ["leaks", "merges"])
def test_a_wrong_return_is_caught(decoy, monkeypatch):
    """One that runs on into the next episode, and a time limit that drops the value."""
    right = module.lambda_return

    def wrong(reward, discount, ended, next_value, decay):
        if decoy == "leaks":
            return right(reward, discount, torch.zeros_like(ended), next_value, decay)
        return right(reward, discount * ~ended, ended, next_value, decay)

    monkeypatch.setattr(module, "lambda_return", wrong)
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        test_the_target_is_the_lambda_return_of_each_episode(0.65, VECTOR)


def learnt_by_hand(agent, transitions):
    """Networks after a rollout: automatic differentiation and torch's own Adam, row by row."""
    config, drawing = agent.config, deepcopy(agent.drawing)
    online, averaged = deepcopy((agent.online.network, agent.averaged.network))
    target = returns_by_hand(config, online, transitions)
    places = np.flatnonzero(~np.isnan(target))
    obs = [observation_parts(one.obs) for one in transitions]
    rows = {name: torch.from_numpy(np.concatenate([parts[name] for parts in obs])) for name in obs[0]}
    action = np.concatenate([one.action for one in transitions]) - FIRST_ACTION
    optimizer = torch.optim.Adam(online.parameters(), config.learning_rate)
    for _ in range(config.epochs):
        for batch in np.array_split(drawing.permutation(places), round(len(places) / config.minibatch_size)):
            total = torch.zeros(())
            for place in batch:
                seen = {name: part[place : place + 1] for name, part in rows.items()}
                error = online(seen)[0, int(action[place]), 0] - target[place]
                total = total + (error**2 / 2 if abs(error) <= 1 else abs(error) - 0.5)
            optimizer.zero_grad()
            (total / len(batch)).backward()
            torch.nn.utils.clip_grad_norm_(online.parameters(), config.max_grad_norm)
            optimizer.step()
            with torch.no_grad():
                for mean, new in zip(averaged.parameters(), online.parameters(), strict=True):
                    mean.mul_(1 - config.polyak).add_(config.polyak * new)
    return online, averaged


@pytest.mark.parametrize("max_grad_norm", [10.0, 0.01])
@pytest.mark.parametrize(
    ("space", "layer_norm"),
    [(VECTOR, True), (VECTOR, False), (CAR, True)],
    ids=["normalised", "plain", "dict"],
)
def test_what_a_rollout_teaches_is_what_the_formulas_say(space, layer_norm, max_grad_norm):
    agent = agent_of(space, layer_norm=layer_norm, max_grad_norm=max_grad_norm, decay=0.8)
    rollout = filled(agent, space)
    expected = learnt_by_hand(agent, list(noise(4, 10, space)))
    list(agent.learn(40))
    assert rollout.length == 0
    for ours, network in zip((agent.online, agent.averaged), expected, strict=True):
        for left, right in zip(ours.network.parameters(), network.parameters(), strict=True):
            torch.testing.assert_close(left, right, rtol=1e-3, atol=2e-5)


@pytest.mark.parametrize(("ends", "last_value"), [("terminated", 1.0), ("truncated", 1.0 + 0.5 * 2.0)])
def test_it_finds_the_exact_values_of_a_chain(ends, last_value):
    """State 0 pays 0 or 1, then state 1 pays 1 and ends in state 2, whose value would be 1 / (1 − γ).

    Where the end is a time limit, that value counts: state 2 is also met by itself, and pays 1 for ever.
    """
    options = {"discount": 0.5, "learning_rate": 0.02, "polyak": 0.1, "epochs": 4}
    agent = agent_of(spaces.Discrete(3), spaces.Discrete(2), **options)
    generator = np.random.default_rng(0)
    state, walkers = np.array([0, 0, 2]), np.array([True, True, False])
    never = np.zeros(3, np.bool_)
    for step in range(3, 2000, 3):
        action = generator.integers(0, 2, 3)
        ignored, end = walkers & (state == 2), walkers & (state == 1)
        reward = np.where(ignored, 0, np.where(state == 0, action, 1)).astype(np.float32)
        following = np.where(walkers, (state + 1) % 3, 2)
        flags = (end, never) if ends == "terminated" else (never, end)
        agent.observe(Transition(state, action, reward, *flags, following, ignored))
        list(agent.learn(step))
        state = following
    values = agent.averaged({"obs": torch.arange(3)})[..., 0]
    expected = [[0.5 * last_value, 1 + 0.5 * last_value], [last_value, last_value], [2.0, 2.0]]
    torch.testing.assert_close(values, torch.tensor(expected), atol=0.05, rtol=0)
