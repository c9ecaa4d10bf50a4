"""What a driving environment is asked for: its keyword arguments, checked."""

import os
from dataclasses import asdict, dataclass, field, fields
from difflib import get_close_matches
from typing import Any

import numpy as np

from envs.driving.levels import SPLITS
from envs.driving.look import LOOKS
from envs.driving.params import VehicleParams
from envs.driving.records import MOST_DELAY
from envs.driving.reward import RewardWeights
from envs.driving.sections import SECTIONS, Section
from envs.driving.tasks import IDS, PRESETS
from envs.driving.vehicle import PHYSICS
from envs.driving.view import CameraParams
from envs.driving.weather import EFFECTS

OBSERVATIONS = ("camera", "gray", "semantic", "depth", "birdview", "state", "dict")
CAMERAS = {"front": 0.0, "left": np.pi / 2, "right": -np.pi / 2, "rear": np.pi}  # turned to the left [rad]
ACTIONS = ("discrete", "continuous")
RENDER_MODES = ("human", "rgb_array")
LEVELS = {"train": 256, "val": 128, "test": 128, "ood": 64}  # where `num_levels` is not given


@dataclass(frozen=True)
class DrivingConfig:
    """Keyword arguments of the driving environments, all JSON-able; the task presets those not given."""

    task: str = "lane_follow"
    """The preset: lane_follow, obstacles, traffic, race or weather."""
    difficulty: float = 0.5
    """How hard the preset is, in [0, 1]."""
    obs: str = "camera"
    """camera, gray, semantic, depth, birdview, state (privileged), or dict (camera and instruments)."""
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
    expert: bool = False
    """Whether `info["expert_action"]` is added: what the expert would do next."""
    num_threads: int | None = None
    """Threads over the batch; by default one a core."""
    camera: CameraParams = field(default_factory=CameraParams)
    """The camera's lens and mounting."""
    cameras: list[str] | tuple[str, ...] = ("front",)
    """One to four cameras around the car: front, left, right, rear; their channels follow each other."""
    num_cars: int = 0
    """How many cars drive on the road."""
    num_parked: int = 0
    """How many cars are parked."""
    num_obstacles: int = 0
    """How many cones and barriers stand in the lanes."""
    num_pedestrians: int = 0
    """How many people walk over crossings."""
    scenery: bool = False
    """Whether trees, houses, lamp posts and signs stand beside the road."""
    weather: dict[str, Any] = field(default_factory=dict)
    """Strengths of night, rain, fog, snow, low_sun, wet, motion_blur, noise, dirt, or [least, most]."""
    car: dict[str, Any] = field(default_factory=dict)
    """Numbers of the car, as friction, mass or action_delay (control steps), each one or [least, most]."""
    reward: dict[str, float] = field(default_factory=dict)
    """Weights of the reward's terms that differ from `RewardWeights`."""
    cruise_speed: float = 6.0
    """A lap may take as long as at this speed [m/s]."""

    def __post_init__(self) -> None:
        """Check every value.

        Raises:
            ValueError: a value is not one that the environment can have.
        """
        for name, allowed in _CHOICES.items():
            value = getattr(self, name)
            if not isinstance(value, str) or value not in allowed:
                raise ValueError(f"{name} is {value!r}; it must be one of {', '.join(allowed)}.")
        for name, low, high in _RANGES:
            value = getattr(self, name)
            if value is not None and not (type(value) is int and low <= value <= high):
                raise ValueError(f"{name} is {value!r}; it must be a whole number from {low} to {high}.")
        self._check_world()
        for name in ("labels", "expert"):
            if type(value := getattr(self, name)) is not bool:
                raise ValueError(f"{name} is {value!r}; it must be true or false.")
        sides = self.image_size if isinstance(self.image_size, list | tuple) else [self.image_size] * 2
        if len(sides) != 2 or not all(type(side) is int and 8 <= side <= 1024 for side in sides):
            raise ValueError(
                f"image_size is {self.image_size!r}; it must be a whole number from 8 to 1024, "
                "or two of them: [height, width]."
            )

    def _check_world(self) -> None:
        """Check what there is on the road and how it looks.

        Raises:
            ValueError: something is not what an environment can have.
        """
        for name, low, high in (("difficulty", 0.0, 1.0), ("cruise_speed", 0.5, 50.0)):
            value = getattr(self, name)
            if not _is_number(value) or not low <= value <= high:
                raise ValueError(f"{name} is {value!r}; it must be a number from {low:g} to {high:g}.")
        if type(self.scenery) is not bool:
            raise ValueError(f"scenery is {self.scenery!r}; it must be true or false.")
        cameras = list(self.cameras) if isinstance(self.cameras, list | tuple) else []
        known = [name for name in CAMERAS if name in cameras]
        if not cameras or len(known) < len(cameras):
            raise ValueError(f"cameras is {self.cameras!r}; it must list some of {', '.join(CAMERAS)}.")
        if self.section.lanes == 0:
            for name in ("num_cars", "num_parked", "num_obstacles", "num_pedestrians"):
                if getattr(self, name):
                    raise ValueError(
                        f"{name} is {getattr(self, name)}; a {self.road} has no lanes, so nobody else."
                    )
        self.car_ranges()
        self.weather_ranges()
        self.weights()

    @property
    def section(self) -> Section:
        """What the road is like across."""
        return SECTIONS[self.road]

    @property
    def num_actors(self) -> int:
        """How many things are on the road beside the car."""
        return self.num_cars + self.num_parked + self.num_obstacles + self.num_pedestrians

    @property
    def is_plain(self) -> bool:
        """Whether the road is a track with nothing but the car on it."""
        return self.road == "track" and not self.num_actors and not self.scenery

    def weather_ranges(self) -> np.ndarray:
        """Least and greatest strength of each of `EFFECTS`, (E, 2) float32.

        Raises:
            ValueError: an effect is unknown, or its strength outside [0, 1].
        """
        ranges: dict[str, tuple[float, float]] = {name: (0.0, 0.0) for name in EFFECTS}
        return _ranges("weather", self.weather, ranges, (0.0, 1.0))

    def car_ranges(self) -> tuple[np.ndarray, np.ndarray]:
        """Ranges of the numbers of `VehicleParams`, (F, 2) float32, and of the action's delay (2,).

        Raises:
            ValueError: a number is unknown or not one that a car can have.
        """
        known = {name: (value, value) for name, value in asdict(VehicleParams()).items()}
        ranges = _ranges("car", self.car, {**known, "action_delay": (0.0, 0.0)}, (0.0, 1e6))
        for low_or_high in ranges[:-1].T:
            VehicleParams(*low_or_high.tolist())
        if ranges[-1, 1] >= MOST_DELAY:
            raise ValueError(
                f"car.action_delay is {self.car['action_delay']}; it must be below {MOST_DELAY}."
            )
        return ranges[:-1], ranges[-1]

    def weights(self) -> RewardWeights:
        """The weights of the reward.

        Raises:
            ValueError: a term is unknown, or its weight not a number.
        """
        known = [f.name for f in fields(RewardWeights)]
        if not isinstance(self.reward, dict):
            raise ValueError(f"reward is {self.reward!r}; it must be a dictionary of weights.")
        for name, value in self.reward.items():
            if name not in known:
                raise ValueError(f"the reward has no term {name!r}; it has {', '.join(known)}.")
            if not _is_number(value):
                raise ValueError(f"reward.{name} is {value!r}; it must be a number.")
        return RewardWeights(**self.reward)

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
        task, difficulty = keywords.get("task", "lane_follow"), keywords.get("difficulty", 0.5)
        for name in keywords:
            if name not in names:
                close = get_close_matches(name, names, 1)
                hint = f"; did you mean {close[0]!r}?" if close else f"; it takes {', '.join(names)}."
                raise TypeError(f"{IDS.get(str(task), task)} has no option {name!r}{hint}")
        if isinstance(task, str) and task in PRESETS and _is_number(difficulty) and 0.0 <= difficulty <= 1.0:
            keywords = _over_preset(PRESETS[task](difficulty), keywords)
        camera = keywords.get("camera", {})
        if isinstance(camera, dict):
            keywords = {**keywords, "camera": CameraParams.from_keywords(camera)}
        elif not isinstance(camera, CameraParams):
            raise ValueError(f"camera is {camera!r}; it must be CameraParams or a dictionary of its numbers.")
        return cls(**keywords)


def _over_preset(preset: dict[str, Any], keywords: dict[str, Any]) -> dict[str, Any]:
    """Keywords over a preset; those that are dictionaries entry by entry, but for the weather."""
    both = {**preset, **keywords}
    for name in ("car", "reward"):
        if name in preset and isinstance(both[name], dict):
            both[name] = {**preset[name], **both[name]}
    return both


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _ranges(
    option: str, given: dict[str, Any], known: dict[str, tuple[float, float]], limits: tuple[float, float]
) -> np.ndarray:
    """Numbers and ranges by name as (len(known), 2) float32, known ones in place of those not given.

    Raises:
        ValueError: a name is unknown, or a number outside the limits.
    """
    if not isinstance(given, dict):
        raise ValueError(f"{option} is {given!r}; it must be a dictionary of numbers.")
    ranges = dict(known)
    for name, value in given.items():
        if name not in known:
            raise ValueError(f"{option} has no {name!r}; it has {', '.join(known)}.")
        pair = list(value) if isinstance(value, list | tuple) else [value, value]
        if (
            len(pair) != 2
            or not all(map(_is_number, pair))
            or not limits[0] <= pair[0] <= pair[1] <= limits[1]
        ):
            wanted = f"a number from {limits[0]:g} to {limits[1]:g}, or [least, most] of them"
            raise ValueError(f"{option}.{name} is {value!r}; it must be {wanted}.")
        ranges[name] = (float(pair[0]), float(pair[1]))
    return np.array(list(ranges.values()), np.float32)


_CHOICES = {
    "obs": OBSERVATIONS,
    "actions": ACTIONS,
    "physics": PHYSICS,
    "look": LOOKS,
    "road": tuple(SECTIONS),
    "task": tuple(PRESETS),
    "split": SPLITS,
}
_RANGES = (
    ("frame_stack", 1, 16),
    ("frame_skip", 1, 16),
    ("num_levels", 1, 2048),
    ("num_threads", 1, 256),
    ("num_cars", 0, 32),
    ("num_parked", 0, 16),
    ("num_obstacles", 0, 32),
    ("num_pedestrians", 0, 16),
)
