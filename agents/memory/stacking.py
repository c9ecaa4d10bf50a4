"""The newest observations of an episode, seen together."""

import numpy as np
from gymnasium import Space, spaces

from agents.agent import AgentState, Observation, observation_parts, space_parts


def stacked_space(space: Space, stack: int) -> Space:
    """The space of `stack` observations: a new first axis counts them, the newest last; 1 changes nothing.

    Raises:
        ValueError: the observations are not arrays.
    """
    if stack == 1:
        return space
    if isinstance(space, spaces.Dict):
        return spaces.Dict({name: stacked_space(part, stack) for name, part in space.items()})
    if not isinstance(space, spaces.Box):
        raise ValueError(f"agent.frame_stack is {stack}; only Box observations can be stacked, not {space}")
    low, high = (np.repeat(bound[None], stack, 0) for bound in (space.low, space.high))
    return spaces.Box(low, high, dtype=space.dtype.type)


def no_frames(space: Space, num_envs: int, stack: int) -> AgentState:
    """What is remembered before an episode: zeros, (N, stack − 1, …) by name; None without a stack."""
    if stack == 1:
        return None
    return {
        name: np.zeros((num_envs, stack - 1, *(part.shape or ())), part.dtype)
        for name, part in space_parts(space).items()
    }


def push_frames(obs: Observation, frames: AgentState) -> tuple[dict[str, np.ndarray], AgentState]:
    """The observations with the frames before them, (N, stack, …) by name, and the frames to remember."""
    parts = observation_parts(obs)
    if frames is None:
        return parts, None
    stacks = {
        name: np.concatenate((frames[name], np.expand_dims(part, 1)), axis=1) for name, part in parts.items()
    }
    return stacks, {name: stack[:, 1:] for name, stack in stacks.items()}
