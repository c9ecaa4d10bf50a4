"""Exact answers to a finite model, by dynamic programming: no code of the agents is needed for them."""

from collections.abc import Callable

import numpy as np
import pytest

from envs.tabular.model import FiniteModel


def _q_values(model: FiniteModel, discount: float) -> np.ndarray:
    """Of the optimal policy, by policy iteration: improve it until nothing can be gained."""
    transition, reward = model.transition(), model.expected_reward()
    states, policy = np.arange(model.num_states), np.zeros(model.num_states, np.int64)
    while True:
        system = np.eye(model.num_states) - discount * transition[states, policy]
        q_values = reward + discount * transition @ np.linalg.solve(system, reward[states, policy])
        better = q_values.max(axis=1) > q_values[states, policy] + 1e-10
        if not better.any():
            return q_values
        policy = np.where(better, q_values.argmax(axis=1), policy)


def _best_return(model: FiniteModel) -> float:
    """The best mean return within the time limit, by a policy that may depend on the time."""
    transition, reward = model.transition(), model.expected_reward()
    value = np.zeros(model.num_states)
    for _ in range(model.max_steps):
        value = (reward + transition @ value).max(axis=1)
    return float(model.start @ value)


def _policy_return(model: FiniteModel, policy: np.ndarray) -> float:
    """The mean return within the time limit of a policy (S,) that does not depend on the time."""
    states = np.arange(model.num_states)
    transition, reward = model.transition()[states, policy], model.expected_reward()[states, policy]
    value = np.zeros(model.num_states)
    for _ in range(model.max_steps):
        value = reward + transition @ value
    return float(model.start @ value)


@pytest.fixture(scope="session")
def q_values() -> Callable[[FiniteModel, float], np.ndarray]:
    return _q_values


@pytest.fixture(scope="session")
def best_return() -> Callable[[FiniteModel], float]:
    return _best_return


@pytest.fixture(scope="session")
def policy_return() -> Callable[[FiniteModel, np.ndarray], float]:
    return _policy_return
