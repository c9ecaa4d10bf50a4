"""Finite models taken from Gymnasium's own tables, so that nothing here rests on our environments."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
import pytest


@dataclass(frozen=True)
class TableModel:
    """A model as `agents.agent.LearnsFromModel` describes it."""

    next_state: np.ndarray
    probability: np.ndarray
    reward: np.ndarray
    terminated: np.ndarray
    start: np.ndarray
    max_steps: int

    def transition(self) -> np.ndarray:
        chances = np.zeros((*self.reward.shape[:2], len(self.start)))
        for place in np.ndindex(self.reward.shape):
            if not self.terminated[place]:
                chances[(*place[:2], self.next_state[place])] += self.probability[place]
        return chances

    def expected_reward(self) -> np.ndarray:
        return (self.probability * self.reward).sum(2)


def model_from_table(env_id: str, max_steps: int, **kwargs: Any) -> TableModel:
    """The model that one of Gymnasium's toy texts keeps in `P`."""
    env: Any = gym.make(env_id, **kwargs).unwrapped
    num_states, num_actions = int(env.observation_space.n), int(env.action_space.n)
    most = max(len(env.P[state][action]) for state in env.P for action in env.P[state])
    shape = (num_states, num_actions, most)
    model = TableModel(
        np.zeros(shape, np.int32),
        np.zeros(shape),
        np.zeros(shape),
        np.zeros(shape, np.bool_),
        np.asarray(env.initial_state_distrib) / np.sum(env.initial_state_distrib),
        max_steps,
    )
    for state, action in np.ndindex(shape[:2]):
        for slot, outcome in enumerate(env.P[state][action]):
            arrays = model.probability, model.next_state, model.reward, model.terminated
            for array, value in zip(arrays, outcome, strict=True):
                array[state, action, slot] = value
    return model


@pytest.fixture(scope="session")
def lake() -> TableModel:
    """The slippery 4 × 4 lake, 100 steps an episode."""
    return model_from_table("FrozenLake-v1", 100)


@pytest.fixture(scope="session")
def cliff() -> TableModel:
    """The cliff, where nothing but its end ends an episode: 500 steps at most."""
    return model_from_table("CliffWalking-v1", 500)


@pytest.fixture
def chain_model() -> Callable[..., TableModel]:
    """Makes a corridor of so many states: action 1 goes on, 0 back to the start; the end pays 1."""

    def make(length: int, max_steps: int = 0) -> TableModel:
        shape = (length, 2, 1)
        model = TableModel(
            np.zeros(shape, np.int32),
            np.ones(shape),
            np.zeros(shape),
            np.zeros(shape, np.bool_),
            np.eye(length)[0],
            max_steps,
        )
        model.next_state[:, 1, 0] = np.minimum(np.arange(length) + 1, length - 1)
        model.reward[-2, 1], model.terminated[-2, 1] = 1.0, True
        return model

    return make
