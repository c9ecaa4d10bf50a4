"""REINFORCE: whole episodes of one policy, and exact values of a chain with either kind of end."""

import numpy as np
import pytest
import torch
from gymnasium import Space, spaces

from agents.agent import Transition
from agents.reinforce import Reinforce, ReinforceConfig

VECTOR = spaces.Box(-1, 1, (3,), np.float32)
NOTHING = np.zeros(2, np.bool_)


def agent_of(observation_space: Space = VECTOR, **options):
    return Reinforce(ReinforceConfig(**options), observation_space, spaces.Discrete(2), 0, "cpu")


def places_learnt(agent, ends, kind="terminated"):
    """The places (row · 2 + environment) of each update, in a stream whose environments end in these rows."""
    seen = []
    agent._batches = lambda places: seen.append(places.tolist()) or iter([places])
    obs, ignored = np.zeros((2, 3), np.float32), NOTHING
    for step, row in enumerate(ends):
        ended = np.array(row)
        action, _ = agent.act(obs, None)
        flags = (ended, NOTHING) if kind == "terminated" else (NOTHING, ended)
        agent.observe(Transition(obs, action, np.ones(2, np.float32), *flags, obs, ignored))
        list(agent.learn(step))
        ignored = ended
    return seen


NO, LEFT, RIGHT, BOTH = (False, False), (True, False), (False, True), (True, True)


@pytest.mark.parametrize("kind", ["terminated", "truncated"])
@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ([NO, BOTH], [[0, 1, 2, 3]]),  # both end as the rollout is full
        ([NO, NO, BOTH], [[0, 1, 2, 3, 4, 5]]),  # both go on for a step
        ([LEFT, NO, RIGHT, LEFT], [[0, 1, 3, 4, 5, 6]]),  # place 2 only reset the left one
        ([NO, LEFT, NO, RIGHT], [[0, 1, 2, 3, 5, 7]]),  # the left one's next episode is not learnt from
        ([NO, LEFT, NO, LEFT, RIGHT], [[0, 1, 2, 3, 5, 7, 9]]),  # not even if it has ended
        ([NO, BOTH, NO, BOTH], [[0, 1, 2, 3], [2, 3]]),  # the second one: its first row only reset
        ([NO, BOTH, NO, NO, BOTH], [[0, 1, 2, 3], [2, 3, 4, 5]]),
        ([NO, NO, NO, LEFT], []),
    ],
)
def test_it_waits_for_the_episodes_that_run_when_the_rollout_is_full(ends, expected, kind):
    assert places_learnt(agent_of(rollout_steps=4), ends, kind) == expected


def test_it_does_not_wait_for_ever():
    assert places_learnt(agent_of(rollout_steps=4, longest_wait=1), [NO] * 3) == [[0, 1, 2, 3, 4, 5]]


def test_a_bad_option_is_named():
    with pytest.raises(ValueError, match="agent.longest_wait is -1; it must be at least 0"):
        ReinforceConfig(longest_wait=-1)


@pytest.mark.parametrize(("ends", "last_value"), [("terminated", 1.0), ("truncated", 1.0 + 0.5 * 2.0)])
def test_its_baseline_finds_the_exact_values_of_a_chain(ends, last_value):
    """State 0 pays 1 for action 1, then state 1 pays 1 and ends in state 2, whose value would be 1 / (1 − γ).

    Where the end is a time limit, that value counts: state 2 is also met by itself, and pays 1 for ever.
    """
    options = {"discount": 0.5, "learning_rate": 0.02, "rollout_steps": 30, "scale_rewards": False}
    agent = agent_of(spaces.Discrete(3), hidden_sizes=(16,), longest_wait=4, **options)
    state, walkers = np.array([0, 0, 2]), np.array([True, True, False])
    never = np.zeros(3, np.bool_)
    for step in range(3, 8_000, 3):
        action, _ = agent.act(state, None)
        ignored, end = walkers & (state == 2), walkers & (state == 1)
        reward = np.where(ignored, 0, np.where(state == 0, action, 1)).astype(np.float32)
        following = np.where(walkers, (state + 1) % 3, 2)
        flags = (end, never) if ends == "terminated" else (never, end)
        agent.observe(Transition(state, action, reward, *flags, following, ignored))
        list(agent.learn(step))
        state = following
    with torch.no_grad():
        policy, value = agent.network({"obs": torch.arange(3)})
    assert policy.argmax(-1)[0] == 1
    torch.testing.assert_close(value, torch.tensor([1 + 0.5 * last_value, last_value, 2.0]), atol=0.1, rtol=0)
