"""What a driving environment is asked for: its keyword arguments, checked."""

import os
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from typing import Any

from envs.driving.camera import CameraParams
from envs.driving.levels import SPLITS
from envs.driving.look import LOOKS
from envs.driving.sections import SECTIONS
from envs.driving.vehicle import PHYSICS

OBSERVATIONS = ("camera", "gray", "semantic", "depth", "state", "dict")
ACTIONS = ("discrete", "continuous")
RENDER_MODES = ("human", "rgb_array")
LEVELS = {"train": 256, "val": 128, "test": 128, "ood": 64}  # where `num_levels` is not given


@dataclass(frozen=True)
class DrivingConfig:
    """Keyword arguments of `Hairpin/LaneFollow-v0`, all JSON-able."""

    obs: str = "camera"
    """What the agent sees: camera, gray, semantic, depth, state (privileged), dict (camera, instruments)."""
    image_size: int | list[int] | tuple[int, int] = 64
    """Side of the square image, or [height, width]."""
    frame_stack: int = 1
    """How many frames are stacked on the channel axis, newest last."""
    frame_skip: int = 1
    """How many control steps (0.05 s) one action lasts."""
    actions: str = "discrete"
    """discrete (named steer × throttle) or continuous (steer and pedal in [−1, 1])."""
    physics: str = "dynamic"
    """dynamic (tyres slip) or kinematic (they never do)."""
    look: str = "randomized"
    """randomized (colours, light, haze, camera pose drawn per episode), clean, or noisy (with noise too)."""
    road: str = "track"
    """track (driven in the middle), street or avenue (one or two lanes each way) or raceway."""
    split: str = "train"
    """Which roads: train, val, test or ood."""
    num_levels: int | None = None
    """How many of the split's roads are driven."""
    labels: bool = False
    """Whether `info["labels"]` is added."""
    num_threads: int | None = None
    """Threads over the batch; by default one a core."""
    camera: CameraParams = field(default_factory=CameraParams)
    """The camera's lens and mounting."""

    def __post_init__(self) -> None:
        """Check every value.

        Raises:
            ValueError: a value is not one that the environment can have.
        """
        for name, allowed in _CHOICES.items():
            value = getattr(self, name)
            if value not in allowed:
                raise ValueError(f"{name} is {value!r}; it must be one of {', '.join(allowed)}.")
        for name, low, high in _RANGES:
            value = getattr(self, name)
            if value is not None and not (type(value) is int and low <= value <= high):
                raise ValueError(f"{name} is {value!r}; it must be a whole number from {low} to {high}.")
        if type(self.labels) is not bool:
            raise ValueError(f"labels is {self.labels!r}; it must be true or false.")
        sides = self.image_size if isinstance(self.image_size, list | tuple) else [self.image_size] * 2
        if len(sides) != 2 or not all(type(side) is int and 8 <= side <= 1024 for side in sides):
            raise ValueError(
                f"image_size is {self.image_size!r}; it must be a whole number from 8 to 1024, "
                "or two of them: [height, width]."
            )

    @property
    def frame_shape(self) -> tuple[int, int]:
        """(height, width) of a frame [pixels]."""
        if isinstance(self.image_size, int):
            return self.image_size, self.image_size
        height, width = self.image_size
        return height, width

    @property
    def level_count(self) -> int:
        """How many roads are driven."""
        return self.num_levels or LEVELS[self.split]

    @property
    def threads(self) -> int:
        """How many threads share the batch."""
        return self.num_threads or len(os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else [0])

    @classmethod
    def from_keywords(cls, keywords: dict[str, Any]) -> "DrivingConfig":
        """Build the configuration from `gym.make`'s keyword arguments.

        Raises:
            TypeError: a keyword is unknown.
            ValueError: a value is not one that the environment can have.
        """
        names = [f.name for f in fields(cls)]
        for name in keywords:
            if name not in names:
                close = get_close_matches(name, names, 1)
                hint = f"; did you mean {close[0]!r}?" if close else f"; it takes {', '.join(names)}."
                raise TypeError(f"Hairpin/LaneFollow-v0 has no option {name!r}{hint}")
        camera = keywords.get("camera", {})
        if isinstance(camera, dict):
            keywords = {**keywords, "camera": CameraParams.from_keywords(camera)}
        elif not isinstance(camera, CameraParams):
            raise ValueError(f"camera is {camera!r}; it must be CameraParams or a dictionary of its numbers.")
        return cls(**keywords)


_CHOICES = {
    "obs": OBSERVATIONS,
    "actions": ACTIONS,
    "physics": PHYSICS,
    "look": LOOKS,
    "road": tuple(SECTIONS),
    "split": SPLITS,
}
_RANGES = (
    ("frame_stack", 1, 16),
    ("frame_skip", 1, 16),
    ("num_levels", 1, 2048),
    ("num_threads", 1, 256),
)
