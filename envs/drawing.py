"""What there is to see of one row of the simulator, as arrays: camera, observation, map, instruments."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from envs.driving.actions import ACTION_NAMES, ACTION_TABLE
from envs.driving.config import DrivingConfig
from envs.driving.labels import STATE
from envs.driving.metrics import INFRACTIONS
from envs.driving.observations import CHANNELS, Observation
from envs.driving.params import CONTROL_STEP, VehicleParams
from envs.driving.simulator import Simulator
from envs.driving.tracing import VIEW_DISTANCE

CLASS_COLOURS = np.array(
    [
        (126, 178, 232),
        (84, 140, 74),
        (72, 76, 88),
        (250, 250, 244),
        (222, 74, 62),
        (64, 96, 214),
        (250, 120, 190),
        (255, 168, 40),
        (44, 92, 52),
        (150, 112, 92),
        (190, 190, 120),
    ],
    np.uint8,
)  # of CLASSES and OBJECT_CLASSES
DEPTH_COLOURS = np.array(
    [(255, 244, 186), (252, 176, 92), (222, 92, 96), (138, 52, 122), (58, 30, 92), (16, 12, 34)], np.float32
)  # from right ahead to far away
HITS = {
    "collision_pedestrian": "Hit somebody",
    "collision_vehicle": "Hit a car",
    "collision_static": "Hit something",
}
_NEAREST = 1.5  # [m] depth of the first of these colours


class RowCamera:
    """Looks through the camera of one row after another, at any size and without drawing the others.

    The row is copied into a simulator with room for one, which drives on the same roads.
    """

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._alone = Simulator(simulator.config, 1)

    def turn_to(self, row: int) -> None:
        """Look through the camera of this row, as it is now."""
        self._alone.copy_row(0, self._simulator, row)
        self._alone.take_sky_of(self._simulator)

    def paint(self, shape: tuple[int, int, int]) -> np.ndarray:
        """A frame (H, W, 3 or 1) uint8, as `shape` says."""
        frames = np.empty((1, *shape), np.uint8)
        self._alone.paint(frames)
        return frames[0]

    def label(self, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Classes (H, W) uint8 and depths (H, W) float32 [m]."""
        classes, depths = np.empty((1, *shape), np.uint8), np.empty((1, *shape), np.float32)
        self._alone.label(classes, depths)
        return classes[0], depths[0]

    def boxes(self, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Classes and depths as `label`; boxes (M, 6) int32 by `BOX_FIELDS`, and kinds (M,) of the actors."""
        classes, depths = np.empty((1, *shape), np.uint8), np.empty((1, *shape), np.float32)
        _, boxes = self._alone.label(classes, depths)
        return classes[0], depths[0], boxes[0], self._alone.there.actors[0]["kind"]

    def observe(self) -> np.ndarray:
        """The newest frame of the row's observation, (H, W, C), or its privileged state, (9,)."""
        config = self._simulator.config
        if config.obs == "state":
            return self._alone.privileged()[0]
        if config.obs in ("semantic", "depth"):
            return self.label(config.frame_shape)[config.obs == "depth"][..., None]
        return self.paint((*config.frame_shape, CHANNELS[config.obs]))


def sight(config: DrivingConfig) -> str:
    """What the agent sees, in words."""
    return {"dict": "camera and instruments", "state": "the true state"}.get(config.obs, config.obs)


def newest_frame(config: DrivingConfig, seen: Observation) -> np.ndarray:
    """The frame (H, W, C) that one row's observation ends with; a state (9,) stays as it is."""
    frames = seen["camera"] if isinstance(seen, dict) else np.asarray(seen)
    return frames if config.obs == "state" else frames[..., -CHANNELS[config.obs] :]


def colour_frame(config: DrivingConfig, frame: np.ndarray) -> np.ndarray:
    """A frame (H, W, C) of an observation as (H, W, 3) uint8, in false colours where it has none."""
    if config.obs == "semantic":
        return CLASS_COLOURS[frame[..., 0]]
    if config.obs == "depth":
        return colour_depth(frame[..., 0])
    return np.broadcast_to(frame, (*frame.shape[:2], 3))


def colour_depth(depth: np.ndarray) -> np.ndarray:
    """Depths (H, W) [m] as (H, W, 3) uint8: light is near, dark is far, every doubling as much darker."""
    distance = np.clip(depth, _NEAREST, VIEW_DISTANCE) / _NEAREST
    place = np.log(distance) / np.log(VIEW_DISTANCE / _NEAREST) * (len(DEPTH_COLOURS) - 1)
    stops = np.arange(len(DEPTH_COLOURS))
    channels = [np.interp(place, stops, DEPTH_COLOURS[:, channel]) for channel in range(3)]
    return np.stack(channels, axis=-1).astype(np.uint8)


def fit_frame(frame: np.ndarray, side: int) -> np.ndarray:
    """A frame (H, W, 3) enlarged by a whole number to `side` pixels at most, or thinned out to them."""
    longest = max(frame.shape[:2])
    if longest > side:
        thinned = -(-longest // side)
        return frame[::thinned, ::thinned]
    return _zoomed(frame, side // longest)


@dataclass(frozen=True)
class MapScale:
    """From the world [m] to a square map [pixels] of the whole circuit, mirrored as the row sees it."""

    middle: np.ndarray  # (2,) [m]
    pixels_per_metre: float
    side: int
    mirror: float

    @classmethod
    def around(cls, points: np.ndarray, side: int, margin: float, mirror: float) -> "MapScale":
        """The scale at which points (n, 2) [m] fill a map but for a margin [m] around them."""
        low, high = points.min(axis=0), points.max(axis=0)
        extent = float((high - low).max()) + 2.0 * margin
        return cls((low + high) / 2.0, side / extent, side, mirror)

    def place(self, points: np.ndarray) -> np.ndarray:
        """Points (n, 2) [m] as columns and rows of the map, (n, 2)."""
        return self.side / 2.0 + self.turn((points - self.middle) * self.pixels_per_metre)

    def arrow(self, car: np.ndarray, size: float) -> np.ndarray:
        """The outline (4, 2) of an arrow for a car, a record with x, y [m] and yaw [rad]."""
        forward = self.turn(np.array([np.cos(car["yaw"]), np.sin(car["yaw"])]))
        shape = size * np.array([(1.0, 0.0), (-0.7, 0.65), (-0.35, 0.0), (-0.7, -0.65)])
        place = self.place(np.array([[car["x"], car["y"]]]))
        return place + shape[:, :1] * forward + shape[:, 1:] * np.array([-forward[1], forward[0]])

    def turn(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors (n, 2) of the world, y up, as vectors of the map, y down."""
        return vectors * np.array([self.mirror, -1.0])


def row_centreline(simulator: Simulator, row: int) -> np.ndarray:
    """The centreline of a row's circuit, (points, 6), as of `Roads.centrelines`."""
    level = simulator.rows["level"][row]
    return simulator.roads.centrelines[level, : simulator.roads.counts[level]]


def lap_length(simulator: Simulator, row: int) -> float:
    """Length of a row's circuit [m]."""
    level = simulator.rows["level"][row]
    return float(simulator.roads.counts[level] * simulator.roads.spacings[level])


def lap_share(simulator: Simulator, row: int) -> float:
    """How much of its lap a row has driven, in [0, 1]."""
    return min(max(float(simulator.rows["travelled"][row]) / lap_length(simulator, row), 0.0), 1.0)


def start_line(simulator: Simulator, row: int, width: float) -> np.ndarray:
    """The ends (2, 2) [m] of a line `width` metres across the road where a row's episode began."""
    car, centreline = simulator.rows[row], row_centreline(simulator, row)
    back = (car["advance"] - car["direction"] * car["travelled"]) / simulator.roads.spacings[car["level"]]
    x, y, heading = centreline[(int(car["nearest"]) + round(float(back))) % len(centreline), :3]
    across = 0.5 * width * np.array([-np.sin(heading), np.cos(heading)])
    return np.array([[x, y] - across, [x, y] + across])


def ending(simulator: Simulator, row: int) -> str | None:
    """How a row's episode ended, in words; None while it goes on."""
    car = simulator.rows[row]
    if not car["ended"]:
        return None
    if simulator.outcome.terminated[row]:
        hits = [name for name in HITS if car["infractions"][INFRACTIONS.index(name)] > 0]
        return HITS[hits[0]] if hits else "Left the road"
    return "Lap complete" if car["furthest"] >= lap_length(simulator, row) else "Time is over"


@dataclass
class Watch:
    """What has been seen of one row's episode so far.

    Attributes:
        trail: where the car was, x and y [m].
        total: the rewards so far; None where steps went by unseen.
    """

    episode: tuple[int, ...] = ()
    step: int = 0
    trail: list[tuple[float, float]] = field(default_factory=list)
    total: float | None = None

    def look(self, simulator: Simulator, row: int) -> None:
        """Take in the present step; a step that was seen before changes nothing."""
        car = simulator.rows[row]
        episode, step = (int(car["seed"]), int(car["episode"]), int(car["level"])), int(car["step"])
        if episode != self.episode or step < self.step:
            self.episode, self.step, self.trail = episode, 0, []
            self.total = 0.0
        elif self.trail and step == self.step:
            return
        missed = step - self.step > simulator.config.frame_skip
        if missed or self.total is None:
            self.total = None
        elif step:
            self.total += float(simulator.outcome.reward[row])
        self.step = step
        self.trail.append((float(car["x"]), float(car["y"])))


class Reading(NamedTuple):
    """One instrument: its name, what it says, and a gauge filled from `low` to `high`, both in [0, 1]."""

    name: str
    words: str
    low: float = 0.0
    high: float = 0.0
    gauge: str = ""  # "" for none, "share" of a whole, "about" the middle


def readings(simulator: Simulator, row: int, action: np.ndarray | None, watch: Watch) -> list[Reading]:
    """What the instruments say. Left is on the left: a row's steering is mirrored where its picture is."""
    car, vehicle = simulator.rows[row], VehicleParams()
    speed = abs(float(car["vx"]))
    steer = float(car["steer"] * car["mirror"])
    lap = lap_share(simulator, row)
    seconds = round(float(car["step"]) * CONTROL_STEP, 1)
    return [
        Reading("speed", f"{3.6 * speed:.0f} km/h", 0.0, min(speed / vehicle.max_speed, 1.0), "share"),
        _about_middle("steering", _angle(steer), -steer / vehicle.max_steer),
        _about_middle("action", *_told(simulator.config, action)),
        Reading("lap", f"{100 * lap:.0f} %", 0.0, lap, "share"),
        Reading("time", f"{seconds // 60:.0f}:{seconds % 60:04.1f}"),
        Reading("return", "–" if watch.total is None else f"{watch.total:.1f}"),
    ]


def state_readings(state: np.ndarray) -> list[Reading]:
    """The first nine numbers of a privileged state, about ± 1, as gauges; what is left is on the left."""
    values = {name: value if name == "speed" else -value for name, value in zip(STATE, state, strict=False)}
    return [_about_middle(name.replace("_", " "), "", float(value)) for name, value in values.items()]


def _about_middle(name: str, words: str, value: float) -> Reading:
    """A gauge filled from its middle to `value` in [−1, 1]."""
    end = 0.5 + 0.5 * min(max(value, -1.0), 1.0)
    return Reading(name, words, min(end, 0.5), max(end, 0.5), "about")


def _angle(steer: float) -> str:
    degrees = round(float(np.rad2deg(steer)))
    side = "left" if degrees > 0 else "right"
    return f"{abs(degrees)}° {side}" if degrees else "straight"


def _told(config: DrivingConfig, action: np.ndarray | None) -> tuple[str, float]:
    """An action (2,) in words, and its pedal."""
    if action is None:
        return "–", 0.0
    if config.actions == "discrete":
        return ACTION_NAMES[int(np.abs(ACTION_TABLE - action).sum(axis=1).argmin())], float(action[1])
    return f"steer {action[0]:+.2f}, pedal {action[1]:+.2f}", float(action[1])


def contact_sheet(simulator: Simulator, zoom: int, gap: int) -> np.ndarray:
    """The rows' frames side by side, their classes below and their depths below those.

    Args:
        simulator: with one column of the sheet a row.
        zoom: a pixel of a frame is so many of the sheet wide and high.
        gap: white pixels between frames.

    Returns:
        (H, W, 3) uint8.
    """
    shape, camera = simulator.config.frame_shape, RowCamera(simulator)
    columns = []
    for row in range(simulator.num_rows):
        camera.turn_to(row)
        classes, depths = camera.label(shape)
        pictures = camera.paint((*shape, 3)), CLASS_COLOURS[classes], colour_depth(depths)
        column = [np.pad(_zoomed(frame, zoom), _margin(gap), constant_values=255) for frame in pictures]
        columns.append(np.concatenate(column))
    return np.concatenate(columns, axis=1)[: -gap or None, : -gap or None]


def _zoomed(frame: np.ndarray, zoom: int) -> np.ndarray:
    return frame.repeat(zoom, axis=0).repeat(zoom, axis=1)


def _margin(gap: int) -> tuple[tuple[int, int], ...]:
    return (0, gap), (0, gap), (0, 0)
