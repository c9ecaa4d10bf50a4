"""What steps are worth: held against plain recursion through each episode by itself."""

import numpy as np
import pytest
import torch
from gymnasium import spaces
from hypothesis import given
from hypothesis import strategies as st

from agents.agent import Transition
from agents.memory.rollout import Rollout
from agents.policies import PolicyNetwork
from agents.samples import PIECE, advantage_of, look_back

VECTOR = spaces.Box(-np.inf, np.inf, (1,), np.float32)


def stream(num_envs, steps, seed):
    """A NEXT_STEP stream with many ends of both kinds; the first row may be one that is only reset."""
    generator = np.random.default_rng(seed)
    obs = generator.normal(size=(num_envs, 1)).astype(np.float32)
    ignored = generator.random(num_envs) < 0.3
    for _ in range(steps):
        next_obs = generator.normal(size=(num_envs, 1)).astype(np.float32)
        terminated, truncated = (generator.random((2, num_envs)) < 0.25) & ~ignored
        reward = np.where(ignored, 0, generator.normal(size=num_envs)).astype(np.float32)
        action = np.zeros(num_envs, np.int64)
        yield Transition(obs, action, reward, terminated, truncated, next_obs, ignored)
        obs, ignored = next_obs, terminated | truncated


def episodes(transitions, row):
    """The steps of one row, taken apart where its episodes end; ignored ones are in none."""
    episode = []
    for time, step in enumerate(transitions):
        if step.ignored[row]:
            continue
        episode.append(time)
        if step.terminated[row] or step.truncated[row]:
            yield episode
            episode = []
    if episode:
        yield episode


def advantages_of_an_episode(transitions, row, times, discount, decay, factor):
    """From its last step to its first; the value of an observation is its number."""
    following, found = 0.0, {}
    for time in reversed(times):
        step = transitions[time]
        after = 0.0 if step.terminated[row] else float(step.next_obs[row, 0])
        error = factor * float(step.reward[row]) + discount * after - float(step.obs[row, 0])
        following = found[time] = error + discount * decay * following
    return found


@given(
    seed=st.integers(0, 2**32 - 1),
    num_envs=st.integers(1, 4),
    steps=st.integers(1, 12),
    discount=st.floats(0, 1),
    decay=st.floats(0, 1),
)
def test_nothing_leaks_from_one_episode_into_another(seed, num_envs, steps, discount, decay):
    transitions = list(stream(num_envs, steps, seed))
    rollout = Rollout(VECTOR, spaces.Discrete(2), num_envs, steps)
    for transition in transitions:
        rollout.add(transition)
    values = torch.from_numpy(rollout.observations()["obs"][:, 0])
    got = advantage_of(rollout, values, discount, decay, 0.5).view(steps, num_envs)
    learnt = ~rollout.rows("ignored")
    for row in range(num_envs):
        for times in episodes(transitions, row):
            expected = advantages_of_an_episode(transitions, row, times, discount, decay, 0.5)
            for time, advantage in expected.items():
                assert got[time, row].item() == pytest.approx(advantage, abs=1e-4)
                learnt[time, row] = False
    assert not learnt.any()


def test_a_large_rollout_is_looked_at_in_pieces():
    space = spaces.Dict({"speed": spaces.Box(-1, 1, (2,), np.float32), "gear": spaces.Discrete(3)})
    network = PolicyNetwork(space, spaces.Discrete(2), (8,), torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(1)
    size = 2 * PIECE + 5
    speed = torch.randn(size, 2, generator=generator)
    gear = torch.randint(3, (size,), generator=generator)
    with torch.no_grad():
        policy, value = look_back(network, {"speed": speed, "gear": gear})
        expected = network({"speed": speed[-5:], "gear": gear[-5:]})
    assert len(policy) == len(value) == size
    torch.testing.assert_close((policy[-5:], value[-5:]), expected)
