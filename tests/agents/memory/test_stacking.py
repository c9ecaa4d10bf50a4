"""Stacks of the newest observations: by hand, and the same in acting as in replay."""

from typing import Any

import numpy as np
from gymnasium import spaces

from agents.agent import Transition
from agents.dqn import DQN, DQNConfig
from agents.memory.stacking import no_frames, push_frames
from agents.memory.state import restarted

NUMBER = spaces.Box(-np.inf, np.inf, (1,), np.float32)


def test_the_newest_is_last_and_nothing_is_zero():
    frames = no_frames(NUMBER, 2, 3)
    seen = []
    for time in (1.0, 2.0, 3.0, 4.0):
        stacks, frames = push_frames(np.array([[time], [10 * time]], np.float32), frames)
        seen.append(stacks["obs"][..., 0].tolist())
    assert seen[0] == [[0, 0, 1], [0, 0, 10]]
    assert seen[1] == [[0, 1, 2], [0, 10, 20]]
    assert seen[3] == [[2, 3, 4], [20, 30, 40]]


def test_without_a_stack_the_observation_is_as_it_came():
    assert no_frames(NUMBER, 2, 1) is None
    obs = np.ones((2, 1), np.float32)
    stacks, frames = push_frames(obs, None)
    assert stacks["obs"] is obs
    assert frames is None


def test_what_was_acted_on_is_what_is_replayed():
    """Over the ends of episodes: a stack holds nothing of the one before."""
    config = DQNConfig(frame_stack=3, n_step=1, replay_capacity=400, learning_starts=10_000)
    agent: Any = DQN(config, NUMBER, spaces.Discrete(2), 0, "cpu")
    generator, acted = np.random.default_rng(0), {}
    look = agent.learner.act

    def watch(parts):
        for stack in parts["obs"].numpy()[..., 0]:
            acted[float(stack[-1])] = stack.tolist()
        return look(parts)

    agent.learner.act = watch
    state, number, initial = agent.initial_state(2), 1.0, agent.initial_state(2)
    obs, ignored = np.array([[1.0], [1000.0]], np.float32), np.zeros(2, np.bool_)
    for _ in range(60):
        action, state = agent.act(obs, state)
        state = restarted(state, initial, ignored)
        number += 1
        after = np.array([[number], [1000 + number]], np.float32)
        ended = (generator.random(2) < 0.2) & ~ignored
        zeros = np.zeros(2, np.float32)
        agent.observe(Transition(obs, action, zeros, ended, np.zeros(2, np.bool_), after, ignored))
        obs, ignored = after, ended
    batch = agent.memory.sample(200, generator)
    assert len({float(stack[-1, 0]) for stack in batch.obs["obs"]}) > 50
    for stack in batch.obs["obs"][..., 0]:
        assert acted[float(stack[-1])] == stack.tolist()
