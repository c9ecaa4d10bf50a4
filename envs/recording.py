"""Drives kept for learners: episodes in Minari's format, a folder that is there whole or not at all.

Needs the extra `recording`. `agents.memory.recorded` reads such folders back as transitions.
"""

import shutil
import tempfile
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

_NAME = "hairpin/drive-v0"  # every data set of Minari has one


class RecordingError(ValueError):
    """A drive cannot be kept there, or not here."""


def require_folder(path: Path) -> None:
    """Check that a recording can be written: Minari is installed, and nothing stands there yet.

    Raises:
        RecordingError: it cannot.
    """
    try:
        import minari  # noqa: F401  # an extra
    except ImportError as missing:
        raise RecordingError(f"to record, install the extra recording: {missing}") from missing
    if path.exists():
        raise RecordingError(f"{path} is there already: record under another name")
    if not path.parent.is_dir():
        raise RecordingError(f"{path.parent} is no folder: create it, or record {path.name} elsewhere")


Step = tuple[np.ndarray, Any, float, bool, bool]
"""Action, observation after it, reward, whether the episode ended by itself, and whether it was cut off."""


@dataclass
class Episode:
    """What one row saw, did and was paid; observations are one more than steps."""

    seed: int | None = None
    observations: list[Any] = field(default_factory=list)
    actions: list[np.ndarray] = field(default_factory=list)
    rewards: list[float] = field(default_factory=list)
    terminations: list[bool] = field(default_factory=list)
    truncations: list[bool] = field(default_factory=list)

    def begin(self, obs: Any) -> None:
        """Take the first observation."""
        self.observations.append(_copied(obs))

    def add(self, action: np.ndarray, obs: Any, reward: float, terminated: bool, truncated: bool) -> None:
        """Take a step."""
        self.actions.append(np.array(action))
        self.observations.append(_copied(obs))
        self.rewards.append(float(reward))
        self.terminations.append(bool(terminated))
        self.truncations.append(bool(truncated))

    def take_back(self) -> Step:
        """Forget the last step, as if it had not been driven; what `add` takes to drive it again."""
        first = self.actions.pop(), self.observations.pop(), self.rewards.pop()
        return (*first, self.terminations.pop(), self.truncations.pop())


def write_recording(path: Path, episodes: list[Episode], env: gym.vector.VectorEnv) -> int:
    """Write episodes that have steps as a folder; returns how many steps. One that goes on is cut off there.

    Raises:
        RecordingError: see `require_folder`.
        OSError: it cannot be written.
    """
    require_folder(path)
    from minari.data_collector import EpisodeBuffer
    from minari.dataset.minari_storage import MinariStorage

    kept = [episode for episode in episodes if episode.actions]
    if not kept:
        return 0
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".partial-") as partial:
        folder = Path(partial) / "data"
        spaces = env.single_observation_space, env.single_action_space
        storage = MinariStorage.new(folder, *spaces, env_spec=env.spec, jpeg_encoding=False)
        storage.update_metadata({"dataset_id": _NAME, "minari_version": version("minari")})
        for number, episode in enumerate(kept):
            if not (episode.terminations[-1] or episode.truncations[-1]):
                episode.truncations[-1] = True
            values: dict[str, Any] = {
                name: getattr(episode, name) for name in ("rewards", "terminations", "truncations")
            }
            values["observations"], values["actions"] = (
                _stacked(episode.observations),
                np.array(episode.actions),
            )
            buffer = EpisodeBuffer(id=number, seed=episode.seed, **values)
            storage.update_episodes([buffer])
        shutil.move(folder, path)
    return sum(len(episode.actions) for episode in kept)


def _copied(obs: Any) -> Any:
    return {name: np.array(part) for name, part in obs.items()} if isinstance(obs, dict) else np.array(obs)


def _stacked(observations: list[Any]) -> Any:
    if isinstance(observations[0], dict):
        return {name: np.array([obs[name] for obs in observations]) for name in observations[0]}
    return np.array(observations)
