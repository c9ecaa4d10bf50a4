"""The environments of a run: made by id, seeded, counted, and stepped as agents expect it."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import EnvSpec, load_env_creator
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper

from agents.agent import Observation, Practice, Transition
from agents.exact import told_model
from agents.runs.episodes import EpisodeStatistics
from agents.runs.foreign import ForeignVectorEnv
from agents.runs.providers import provider_of, register_ids
from agents.runs.seeding import derive_seed

EXPERT_ACTION = "expert_action"
"""Key of an environment's info: what an expert would do next, for every row."""


def make_environment(env_id: str, num_envs: int, kwargs: Mapping[str, Any] | None = None) -> VectorEnv:
    """A vector environment in NEXT_STEP mode that can be saved and resumed exactly.

    One whose own vector class has `load_state_dict` is used as it is; any other id is stepped row by row.

    Raises:
        ValueError: the id is unknown, needs what is not installed, or the keyword arguments do not suit it.
    """
    kwargs = dict(kwargs or {})
    spec = _find_spec(env_id)
    try:
        if _saves_itself(spec):
            return gym.make_vec(spec, num_envs, autoreset_mode=AutoresetMode.NEXT_STEP, copy=True, **kwargs)
        return ForeignVectorEnv(lambda: _make_row(spec, kwargs), num_envs)
    except (ImportError, OSError, RuntimeError, gym.error.DependencyNotInstalled) as error:
        raise ValueError(f"env.id is {env_id!r}, which cannot be made here: {error}") from error
    except (TypeError, KeyError, AttributeError, AssertionError, gym.error.Error) as error:
        raise ValueError(f"env.kwargs do not suit {env_id}: {error}") from error


class Environments:
    """N environments as one stream: the current observation, the steps taken, and how episodes went.

    Rows are seeded from `seed`; statistics are means over the last `window` episodes.

    Attributes:
        obs: the observation that the next action answers; shape (N, …), or a dictionary of such.
        env_steps: steps taken in all rows; those that only reset a row do not count.

    Raises:
        ValueError: the environment does not reset its rows in NEXT_STEP mode.
    """

    def __init__(self, env: VectorEnv, seed: int, window: int = 100):
        mode = env.metadata.get("autoreset_mode")
        if mode != AutoresetMode.NEXT_STEP:
            raise ValueError(f"{env} has autoreset mode {mode}: training needs {AutoresetMode.NEXT_STEP}")
        self.env = env
        self.num_envs = env.num_envs
        self.observation_space = env.single_observation_space
        self.action_space = env.single_action_space
        self.env_steps = 0
        self.obs: Observation
        self.obs, info = env.reset(seed=derive_seed(seed, "environments"))
        self._expert_action: np.ndarray | None = info.get(EXPERT_ACTION)
        self._ended = np.zeros(self.num_envs, np.bool_)
        self._episodes = EpisodeStatistics(self.num_envs, window)

    @property
    def episodes(self) -> int:
        """Episodes finished."""
        return self._episodes.episodes

    @property
    def model(self) -> Any | None:
        """The finite model that the environment tells; None without one, or where it shows no states."""
        return told_model(self.env, self.observation_space, self.action_space)

    def add_practice(self, practice: Practice) -> None:
        """Count steps that an agent took in the model instead of here."""
        self.env_steps += practice.env_steps
        self._episodes.add_finished(practice.episodes, practice.returns, practice.lengths)

    def step(self, action: np.ndarray) -> tuple[Observation, Transition]:
        """Step every row; returns the next observation and what happened."""
        next_obs, reward, terminated, truncated, info = self.env.step(action)
        reward = np.asarray(reward, np.float32)
        transition = Transition(
            self.obs, action, reward, terminated, truncated, next_obs, self._ended, self._expert_action
        )
        stepped, ended = ~self._ended, np.logical_or(terminated, truncated)
        self.env_steps += int(np.count_nonzero(stepped))
        self._episodes.add(reward, stepped, ended, info)
        self.obs, self._ended, self._expert_action = next_obs, ended, info.get(EXPERT_ACTION)
        return next_obs, transition

    def statistics(self) -> dict[str, float]:
        """Means over the last episodes: return, length, and every number that was told at an end."""
        return self._episodes.means()

    def state_dict(self) -> dict[str, Any]:
        """Everything that is needed to go on in the same bits.

        Raises:
            ValueError: the environment cannot be saved.
        """
        return {
            "env": _saveable(self.env).state_dict(),
            "obs": self.obs,
            "env_steps": self.env_steps,
            "ended": self._ended,
            EXPERT_ACTION: self._expert_action,
            **self._episodes.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave.

        Raises:
            ValueError: the state is that of other environments, or one cannot be brought back exactly.
        """
        _saveable(self.env).load_state_dict(state["env"])
        self.obs = state["obs"]
        self.env_steps, self._ended = state["env_steps"], state["ended"].copy()
        self._expert_action = state.get(EXPERT_ACTION)
        self._episodes.load_state_dict(state)

    def close(self) -> None:
        """Close the environment."""
        self.env.close()


def _find_spec(env_id: str) -> EnvSpec:
    module, _, name = env_id.rpartition(":")
    try:
        if module:
            import_module(module)
        register_ids(name)
        return gym.spec(name)
    except (gym.error.Error, ImportError, TypeError, ValueError) as error:
        raise ValueError(f"env.id is {env_id!r}: {error}") from error


def _make_row(spec: EnvSpec, kwargs: Mapping[str, Any]) -> gym.Env:
    env = gym.make(spec, disable_env_checker=True, **kwargs)
    provider = provider_of(spec.id)
    return provider.wrap(env) if provider else env


def _saves_itself(spec: EnvSpec) -> bool:
    entry = spec.vector_entry_point
    if isinstance(entry, str):
        entry = load_env_creator(entry)
    return hasattr(entry, "load_state_dict")


def _saveable(env: VectorEnv) -> Any:
    """The outermost layer of an environment that can be saved."""
    layer = env
    while not hasattr(layer, "load_state_dict"):
        if not isinstance(layer, VectorWrapper):
            raise ValueError(f"{env} cannot be saved: neither it nor what it wraps has a state_dict")
        layer = layer.env
    return layer
