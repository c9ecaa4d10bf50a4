"""A small world of which everything is known."""

from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor


class Outcomes(NamedTuple):
    """Every way in which every action can turn out, as one batch of steps."""

    state: Tensor
    action: Tensor
    probability: Tensor
    reward: Tensor
    next_state: Tensor
    terminated: Tensor
    truncated: Tensor


class Model(NamedTuple):
    """S states, A actions: the chance of going on in each state, and the reward of each action."""

    transition: np.ndarray
    reward: np.ndarray

    def outcomes(self, truncation: float = 0.25) -> Outcomes:
        """Going on in each state or ending, each with and without the time running out just then."""
        states, actions = self.reward.shape
        ending = 1 - self.transition.sum(-1, keepdims=True)
        onward = np.concatenate((self.transition, ending), -1)
        chance = onward[..., None] * np.array([1 - truncation, truncation])
        state, action, following, truncated = (
            torch.from_numpy(index.ravel()) for index in np.indices(chance.shape)
        )
        reward = torch.from_numpy(self.reward)[state, action]
        terminated = following == states
        following = following.clamp(
            max=states - 1
        )  # an end leaves an observation as well: it must count for nothing
        return Outcomes(
            state, action, torch.from_numpy(chance.ravel()), reward, following, terminated, truncated == 1
        )


def random_model(seed: int, states: int = 4, actions: int = 3) -> Model:
    generator = np.random.default_rng(seed)
    onward = generator.dirichlet(np.ones(states + 1), (states, actions))
    return Model(onward[..., :states], generator.normal(size=(states, actions)))


@pytest.fixture
def model() -> Model:
    return random_model(0)


@pytest.fixture(scope="session")
def make_model():
    return random_model
