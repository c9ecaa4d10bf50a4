"""How episodes go, told from the steps of many rows."""

from collections import deque
from typing import Any

import numpy as np
from jaxtyping import Bool, Float


class EpisodeStatistics:
    """Return and length of every row's episode, and means over the last `window` that have ended.

    Attributes:
        episodes: episodes finished.
        window: how many of them the means are over.
    """

    def __init__(self, num_envs: int, window: int = 100):
        self.episodes = 0
        self._returns = np.zeros(num_envs)
        self._lengths = np.zeros(num_envs, np.int64)
        self.window = window
        self._recent: deque[dict[str, float]] = deque(maxlen=window)

    def add(
        self,
        reward: Float[np.ndarray, " N"],
        stepped: Bool[np.ndarray, " N"],
        ended: Bool[np.ndarray, " N"],
        info: dict[str, Any],
    ) -> dict[int, dict[str, float]]:
        """Take in one step of all rows; those that only began an episode have not `stepped`.

        Returns the number of each row that has ended → `episode_return`, `episode_length`, and every number
        that `info` tells of it.
        """
        self._returns += reward
        self._lengths += stepped
        return {row: self._finish(row, info) for row in np.flatnonzero(ended).tolist()}

    def add_finished(
        self, episodes: int, returns: Float[np.ndarray, " E"], lengths: Float[np.ndarray, " E"]
    ) -> None:
        """Take in so many episodes that were played elsewhere; of the last ones, how they went."""
        self.episodes += episodes
        for total, length in zip(returns.tolist(), lengths.tolist(), strict=True):
            self._recent.append({"episode_return": total, "episode_length": length})

    def means(self) -> dict[str, float]:
        """Means over the last episodes: return, length, and every number that was told at an end."""
        names = dict.fromkeys(name for episode in self._recent for name in episode)
        means = {
            name: float(np.mean([episode[name] for episode in self._recent if name in episode]))
            for name in names
        }
        return {"episodes": self.episodes, **means}

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next means depend on."""
        return {
            "episodes": self.episodes,
            "returns": self._returns,
            "lengths": self._lengths,
            "recent": list(self._recent),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self.episodes = state["episodes"]
        self._returns, self._lengths = state["returns"].copy(), state["lengths"].copy()
        self._recent = deque(state["recent"], self.window)

    def _finish(self, row: int, info: dict[str, Any]) -> dict[str, float]:
        episode = {"episode_return": float(self._returns[row]), "episode_length": float(self._lengths[row])}
        episode |= numbers_of_row(info, row)
        self._recent.append(episode)
        self.episodes += 1
        self._returns[row], self._lengths[row] = 0.0, 0
        return episode


def numbers_of_row(info: dict[str, Any], row: int) -> dict[str, float]:
    """What a vector environment's `info` tells about one row, numbers and truth values alone."""
    numbers = {}
    for name, values in info.items():
        told = info.get(f"_{name}")
        if told is None or not told[row] or not isinstance(values, np.ndarray):
            continue
        if values.ndim == 1 and values.dtype.kind in "biuf":
            numbers[name] = float(values[row])
    return numbers
