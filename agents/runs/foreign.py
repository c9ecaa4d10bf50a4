"""Environments that cannot save themselves: stepped one by one, and brought back by playing again."""

import hashlib
from collections.abc import Callable
from typing import Any, cast

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space, concatenate, create_empty_array

from agents.agent import Observation
from agents.runs.seeding import derive_seed


class EpisodeMismatchError(ValueError):
    """An environment that was played again did not come to where it had been."""


class ForeignVectorEnv(VectorEnv):
    """Rows in NEXT_STEP mode, each with a seed for every episode and a log of the episode's actions.

    Row i's first episode is seeded with seed + i, as Gymnasium does, and each later one from that seed and
    its number. So a row's state is its episode's number and its actions, whatever the environment hides.
    """

    def __init__(self, make: Callable[[], gym.Env], num_envs: int):
        self.envs = [make() for _ in range(num_envs)]
        self.num_envs = num_envs
        self.spec = self.envs[0].spec
        self.render_mode = self.envs[0].render_mode
        self.metadata = {**self.envs[0].metadata, "autoreset_mode": AutoresetMode.NEXT_STEP}
        self.single_observation_space = self.envs[0].observation_space
        self.single_action_space = self.envs[0].action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._seeds = [0] * num_envs
        self._episodes = [0] * num_envs
        self._actions: list[list[Any]] = [[] for _ in range(num_envs)]
        self._obs: list[Any] = [None] * num_envs
        self._rewards = np.zeros(num_envs)
        self._terminated = np.zeros(num_envs, np.bool_)
        self._truncated = np.zeros(num_envs, np.bool_)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode in every row; without a seed each row goes on to its next episode.

        The option `reset_mask`, (N,) bool, leaves the other rows alone.
        """
        infos: dict[str, Any] = {}
        options = dict(options or {})
        mask = options.pop("reset_mask", np.ones(self.num_envs, np.bool_))
        for row in np.flatnonzero(mask).tolist():
            if seed is not None:
                self._seeds[row], self._episodes[row] = seed + row, -1
            infos = self._add_info(infos, self._next_episode(row, options or None), row)
        return self._observations(), infos

    def step(
        self, actions: np.ndarray
    ) -> tuple[Observation, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Step every row; one that ended at the last step begins its next episode instead."""
        infos: dict[str, Any] = {}
        rows = (
            actions.tolist() if actions.ndim == 1 else actions
        )  # a Discrete space is quicker with plain int
        for row, action in enumerate(rows):
            ended = self._terminated[row] or self._truncated[row]
            info = self._next_episode(row, None) if ended else self._step_row(row, action)
            infos = self._add_info(infos, info, row) if info else infos
        flags = self._terminated.copy(), self._truncated.copy()
        return self._observations(), self._rewards.copy(), *flags, infos

    def render(self) -> tuple[Any, ...]:
        """A frame of each row."""
        return tuple(env.render() for env in self.envs)

    def close_extras(self, **kwargs: Any) -> None:
        """Close every row."""
        for env in self.envs:
            env.close()

    def state_dict(self) -> dict[str, Any]:
        """Seeds, episode numbers, and the actions of each row's episode, with a digest of where they led."""
        actions = [np.asarray(log, self.single_action_space.dtype) for log in self._actions]
        return {
            "seeds": list(self._seeds),
            "episodes": list(self._episodes),
            "actions": {str(row): log for row, log in enumerate(actions)},
            "digests": [self._digest(row) for row in range(self.num_envs)],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Play every row's episode again.

        Raises:
            ValueError: the state has another number of rows.
            EpisodeMismatchError: a row did not come to where it had been.
        """
        if len(state["seeds"]) != self.num_envs:
            raise ValueError(f"{self._name} was saved with {len(state['seeds'])} rows, not {self.num_envs}")
        self._seeds = list(state["seeds"])
        for row in range(self.num_envs):
            self._episodes[row] = state["episodes"][row] - 1
            self._next_episode(row, None)
            actions = state["actions"][str(row)]
            for action in actions.tolist() if actions.ndim == 1 else actions:
                self._step_row(row, action)
            if self._digest(row) != state["digests"][row]:
                raise EpisodeMismatchError(
                    f"{self._name} cannot be resumed exactly: row {row}, played again for {len(actions)} "
                    f"steps from seed {self._episode_seed(row)}, differs from what it was"
                )

    @property
    def _name(self) -> str:
        return self.spec.id if self.spec else type(self.envs[0].unwrapped).__name__

    def _episode_seed(self, row: int) -> int:
        episode = self._episodes[row]
        return self._seeds[row] if episode == 0 else derive_seed(self._seeds[row], "episode", episode)

    def _next_episode(self, row: int, options: dict[str, Any] | None) -> dict[str, Any]:
        self._episodes[row] += 1
        self._actions[row] = []
        self._rewards[row], self._terminated[row], self._truncated[row] = 0.0, False, False
        self._obs[row], info = self.envs[row].reset(seed=self._episode_seed(row), options=options)
        return info

    def _step_row(self, row: int, action: Any) -> dict[str, Any]:
        self._actions[row].append(action)
        self._obs[row], reward, terminated, truncated, info = self.envs[row].step(action)
        self._rewards[row], self._terminated[row], self._truncated[row] = reward, terminated, truncated
        return info

    def _observations(self) -> Observation:
        space = self.single_observation_space
        batch = concatenate(space, self._obs, create_empty_array(space, self.num_envs, fn=np.empty))
        return cast(Observation, batch)

    def _digest(self, row: int) -> str:
        flags = self._rewards[row], self._terminated[row], self._truncated[row]
        digest = hashlib.sha256(repr([float(flag) for flag in flags]).encode())
        obs = self._obs[row]
        for name, part in sorted(obs.items()) if isinstance(obs, dict) else [("", obs)]:
            digest.update(name.encode() + np.asarray(part).tobytes())
        return digest.hexdigest()
