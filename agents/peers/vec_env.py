"""Our vector environments as Stable-Baselines3 wants them."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import VecEnv

from agents.agent import Observation
from agents.runs.episodes import EpisodeStatistics

Rows = int | Iterable[int] | None


class SB3VecEnv(VecEnv):
    """A Gymnasium vector environment as a `VecEnv`: a row that ends begins anew in the same step.

    The observations of a step are the environment's own arrays, handed on without a copy. The last ones of an
    episode go into the row's `info` as `terminal_observation`, a view, and the row is reset by `reset_mask`,
    so that its episodes are those that it would have had under Gymnasium's NEXT_STEP. `info` also has
    `TimeLimit.truncated`, and at an end `episode`, as SB3's own `Monitor` tells it, and `is_success` where
    the environment tells of a `success`.

    Args:
        env: in NEXT_STEP mode, or without autoreset; it must leave arrays alone that it has handed out.
        window: episodes that the statistics are means over.

    Attributes:
        statistics: how episodes went.

    Raises:
        ValueError: the environment resets rows itself, or hands out the same array again and again (SB3 still
            reads an observation when the next one has come).
    """

    def __init__(self, env: VectorEnv, window: int = 100):
        if env.metadata.get("autoreset_mode") == AutoresetMode.SAME_STEP:
            raise ValueError(f"{env} resets in the same step; SB3VecEnv does that itself: use NEXT_STEP")
        if not getattr(env.unwrapped, "copy", True):
            raise ValueError(f"{env} overwrites observations that SB3 still reads: make it with copy=True")
        self.env = env
        self.statistics = EpisodeStatistics(env.num_envs, window)
        self._actions = np.zeros(env.num_envs)
        self._stepped = np.ones(env.num_envs, np.bool_)
        super().__init__(env.num_envs, env.single_observation_space, env.single_action_space)

    def reset(self) -> Observation:
        """Begin an episode in every row, with the seed and the options that were set for it."""
        if any(options != self._options[0] for options in self._options):
            raise ValueError("a vector environment takes the same options for all rows")
        obs, info = self.env.reset(seed=self._seeds[0], options=self._options[0] or None)
        self._keep_reset_infos(info, self._stepped)
        self.statistics = EpisodeStatistics(self.num_envs, self.statistics.window)
        self._reset_seeds()
        self._reset_options()
        return obs

    def step_async(self, actions: np.ndarray) -> None:
        """Take the actions, (N,) or (N, …)."""
        self._actions = actions

    def step_wait(self) -> tuple[Observation, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        """Step every row, and begin the next episode of those that end."""
        obs, reward, terminated, truncated, info = self.env.step(self._actions)
        ended = np.logical_or(terminated, truncated)
        infos = [row_info(info, row) if info else {} for row in range(self.num_envs)]
        for row, cut in enumerate((truncated & ~terminated).tolist()):
            infos[row]["TimeLimit.truncated"] = cut
        for row, episode in self.statistics.add(reward, self._stepped, ended, info).items():
            infos[row] |= _told_at_the_end(obs, row, episode)
        if ended.any():
            obs, info = self.env.reset(options={"reset_mask": ended.copy()})
            self._keep_reset_infos(info, ended)
        return obs, np.array(reward, np.float32), ended, infos  # SB3 adds to the rewards in place

    def close(self) -> None:
        """Close the environment."""
        self.env.close()

    def get_images(self) -> Sequence[np.ndarray | None]:
        """A picture of each row."""
        pictures = self.env.render() or ()
        return [np.asarray(picture) for picture in pictures] or [None] * self.num_envs

    def get_attr(self, attr_name: str, indices: Rows = None) -> list[Any]:
        """An attribute of the environment, once for each row."""
        return [getattr(self.env, attr_name) for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Rows = None) -> None:
        """Set an attribute of the environment; its rows share it."""
        setattr(self.env.unwrapped, attr_name, value)

    def env_method(
        self, method_name: str, *method_args: Any, indices: Rows = None, **method_kwargs: Any
    ) -> list[Any]:
        """Call a method of the environment; the result, once for each row."""
        result = getattr(self.env, method_name)(*method_args, **method_kwargs)
        return [result for _ in self._get_indices(indices)]

    def env_is_wrapped(self, wrapper_class: type, indices: Rows = None) -> list[bool]:
        """Whether the rows tell what a wrapper tells: `Monitor`'s `episode` they do."""
        return [wrapper_class is Monitor for _ in self._get_indices(indices)]

    def _keep_reset_infos(self, info: dict[str, Any], rows: np.ndarray) -> None:
        for row in np.flatnonzero(rows).tolist():
            self.reset_infos[row] = row_info(info, row)


def row_info(info: dict[str, Any], row: int) -> dict[str, Any]:
    """What a vector environment's `info` tells about one row; dictionaries inside are gone into."""
    told = {}
    for name, values in info.items():
        if name.startswith("_") and name[1:] in info:
            continue
        mask = info.get(f"_{name}")
        if mask is None or mask[row]:
            told[name] = row_info(values, row) if isinstance(values, dict) else values[row]
    return told


def _told_at_the_end(obs: Observation, row: int, episode: dict[str, float]) -> dict[str, Any]:
    last = {name: part[row] for name, part in obs.items()} if isinstance(obs, dict) else obs[row]
    told = {
        "terminal_observation": last,
        "episode": {"r": episode["episode_return"], "l": int(episode["episode_length"])},
    }
    if "success" in episode:
        told["is_success"] = bool(episode["success"])
    return told
