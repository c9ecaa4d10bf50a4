"""The rollout: every observation once, what it led to below it, and more room when it is needed."""

import numpy as np
import pytest
from gymnasium import spaces

from agents.agent import Transition
from agents.memory.rollout import Rollout

VECTOR = spaces.Box(-1, 1, (2,), np.float32)
FRAME_AND_NUMBER = spaces.Dict({"frame": spaces.Box(0, 255, (2, 2, 1), np.uint8), "gear": spaces.Discrete(3)})


def stream(num_envs, steps, seed=0):
    """Transitions of two numbers each, chained as a NEXT_STEP stream is."""
    generator = np.random.default_rng(seed)
    obs = generator.normal(size=(num_envs, 2)).astype(np.float32)
    ignored = np.zeros(num_envs, np.bool_)
    for _ in range(steps):
        next_obs = generator.normal(size=(num_envs, 2)).astype(np.float32)
        terminated, truncated = generator.random((2, num_envs)) < 0.2
        terminated, truncated = terminated & ~ignored, truncated & ~ignored
        reward = np.where(ignored, 0, generator.normal(size=num_envs)).astype(np.float32)
        action = generator.integers(0, 4, num_envs)
        yield Transition(obs, action, reward, terminated, truncated, next_obs, ignored)
        obs, ignored = next_obs, terminated | truncated


def filled(transitions, rows, num_envs=3):
    rollout = Rollout(VECTOR, spaces.Discrete(4), num_envs, rows)
    for transition in transitions:
        rollout.add(transition)
    return rollout


@pytest.mark.parametrize("rows", [7, 3, 1])
def test_it_holds_what_came_and_what_that_led_to(rows):
    """However little room it began with."""
    transitions = list(stream(3, 7))
    rollout = filled(transitions, rows)
    for name in ("action", "reward", "terminated", "truncated", "ignored"):
        np.testing.assert_array_equal(rollout.rows(name), [getattr(t, name) for t in transitions])
    expected = [*(t.obs for t in transitions), transitions[-1].next_obs]
    np.testing.assert_array_equal(
        rollout.observations()["obs"], np.concatenate([np.asarray(part) for part in expected])
    )
    np.testing.assert_array_equal(rollout.ended, [t.terminated | t.truncated for t in transitions])


def test_the_next_rollout_begins_where_the_last_one_stopped():
    transitions = list(stream(3, 7))
    rollout = filled(transitions[:4], 4)
    rollout.clear()
    for transition in transitions[4:]:
        rollout.add(transition)
    assert rollout.length == 3
    expected = [*(t.obs for t in transitions[4:]), transitions[-1].next_obs]
    np.testing.assert_array_equal(
        rollout.observations()["obs"], np.concatenate([np.asarray(part) for part in expected])
    )


def test_parts_keep_their_types_and_shapes():
    rollout = Rollout(FRAME_AND_NUMBER, spaces.Box(-1, 1, (5,), np.float32), 2, 3)
    obs = {"frame": np.full((2, 2, 2, 1), 200, np.uint8), "gear": np.array([1, 2])}
    nothing = np.zeros(2, np.bool_)
    action = np.full((2, 5), 0.5, np.float32)
    rollout.add(Transition(obs, action, np.ones(2, np.float32), nothing, nothing, obs, nothing))
    parts = rollout.observations()
    assert parts["frame"].shape == (4, 2, 2, 1)
    assert parts["frame"].dtype == np.uint8
    assert parts["gear"].tolist() == [1, 2, 1, 2]
    np.testing.assert_array_equal(rollout.rows("action"), action[None])


@pytest.mark.parametrize("rows", [2, 9])
def test_half_a_rollout_can_be_taken_up_again(rows):
    transitions = list(stream(3, 7))
    whole, half = filled(transitions, 9), filled(transitions[:5], 9)
    other = Rollout(VECTOR, spaces.Discrete(4), 3, rows)
    other.load_state_dict(half.state_dict())
    for transition in transitions[5:]:
        other.add(transition)
    for name in ("action", "reward", "terminated", "truncated", "ignored"):
        np.testing.assert_array_equal(other.rows(name), whole.rows(name))
    np.testing.assert_array_equal(other.observations()["obs"], whole.observations()["obs"])


def test_one_of_other_environments_is_refused():
    with pytest.raises(ValueError, match="a rollout of 2 environments cannot take one of 3"):
        filled([], 4, num_envs=2).load_state_dict(filled([], 4).state_dict())
