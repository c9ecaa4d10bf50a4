"""The simulator: a batch of cars, each on its own road, stepped and seen by compiled code."""

from dataclasses import replace
from typing import Any

import numpy as np

from envs.driving.actors import ACTOR
from envs.driving.config import CAMERAS, DrivingConfig
from envs.driving.following import DriverParams
from envs.driving.frames import label_rows, paint_rows, step_and_paint_rows
from envs.driving.labels import INSTRUMENT_SCALE, POSE, STATE, STATE_SCALE
from envs.driving.lanes import room_for_spans
from envs.driving.look import CLEAN, LOOK, LOOKS, draw_look
from envs.driving.metrics import METRICS, ROAD_METRICS
from envs.driving.objects import BOX_FIELDS
from envs.driving.params import VEHICLE
from envs.driving.records import ROW, Inhabitants, Outcome
from envs.driving.road import roads
from envs.driving.rows import begin_rows, next_episodes, pose_rows, step_rows
from envs.driving.sharing import SharedWork
from envs.driving.surroundings import look_ahead, surroundings_of
from envs.driving.tracing import VIEW_DISTANCE
from envs.driving.vehicle import PHYSICS
from envs.driving.weather import WEATHER, draw_weather

_ABOVE = 200.0  # [m] height of the camera that draws the bird's view
_SEEN_FROM_ABOVE = 60.0  # [m] width of that view
_AHEAD = 15.0  # [m] from the car to the middle of that view


class Simulator:
    """A batch of cars.

    Attributes:
        rows: (N,) `ROW` records, the state of the cars.
        looks: (N,) `LOOK` records.
        there: everybody else on the roads, the cars' numbers and the weather.
        outcome: what the last step gave.
    """

    def __init__(self, config: DrivingConfig, num_rows: int) -> None:
        self.config, self.num_rows = config, num_rows
        self._work = SharedWork(num_rows, config.threads)
        self.roads = roads(config.split, config.level_count, config.road)
        self.rows, self.looks = np.zeros(num_rows, ROW), np.zeros(num_rows, LOOK)
        actors = np.zeros((num_rows, config.num_actors), ACTOR)
        spans = np.repeat(room_for_spans(config.num_actors)[None], num_rows, axis=0)
        self.there = Inhabitants(actors, spans, np.zeros(num_rows, VEHICLE), np.zeros(num_rows, WEATHER))
        self.outcome = Outcome(
            np.zeros(num_rows, np.float32),
            np.zeros(num_rows, np.bool_),
            np.zeros(num_rows, np.bool_),
            np.zeros((num_rows, len(METRICS) + len(ROAD_METRICS))),
        )
        self._arrays = self.roads.arrays()
        driver, dynamics = DriverParams().record(), (PHYSICS.index(config.physics) == 1, config.frame_skip)
        weights = config.weights().record()
        self._rich = None if config.is_plain and not config.weather else True  # see `rows`
        self._rules = (*dynamics, driver, weights, config.scenery, config.cruise_speed)
        self._drawing = self._what_is_drawn(driver)
        self._map_looks = np.zeros(num_rows, LOOK)
        draw_look(self._map_looks[0], CLEAN, np.uint64(0))
        self._map_looks[:] = self._map_looks[0]
        self._map_looks["haze"] = 1e-6
        self._poses = np.zeros((num_rows, len(POSE)), np.float32)
        around = len(surroundings_of(config.section.lanes, config.is_plain))
        self._states = np.zeros((num_rows, len(STATE) + around), np.float32)

    def _what_is_drawn(self, driver: np.ndarray) -> tuple[Any, ...]:
        """What `begin_rows` draws an episode from."""
        config = self.config
        numbers, delays = config.car_ranges()
        plain = self.there.cars.view(np.float32).reshape(self.num_rows, -1)
        where = 2 if config.task == "obstacles" else 1
        counts = config.num_cars, config.num_parked, where, config.num_obstacles, config.num_pedestrians
        effects = config.weather_ranges()
        return LOOKS.index(config.look), effects, numbers, plain, delays, counts, driver

    @property
    def state(self) -> dict[str, np.ndarray]:
        """Everything that the next steps depend on, by name: arrays of N records, or (N, M) of them."""
        others = {name: array for name, array in self.there._asdict().items() if name != "spans"}
        return {"rows": self.rows, "looks": self.looks, **others}

    def copy_row(self, to: int, other: "Simulator", row: int) -> None:
        """Take over a row of another simulator of the same configuration."""
        for name, array in self.state.items():
            array[to] = other.state[name][row]
        self.roads.require(self.rows["level"][to : to + 1])

    def set_weather(self, row: int, strengths: dict[str, float]) -> None:
        """Change a row's weather until its episode ends, by names and strengths as the option has them."""
        ranges = replace(self.config, weather=strengths).weather_ranges()
        draw_weather(self.there.weathers[row], ranges, np.uint64(0))
        self.looks["wet"][row] = self.there.weathers["wet"][row]
        self._rich = True

    def take_sky_of(self, other: "Simulator") -> None:
        """Draw the weather of rows that are copied from another simulator, if that has any."""
        self._rich = other._rich

    def seed_rows(self, chosen: np.ndarray, seeds: np.ndarray) -> None:
        """Give the chosen rows new seeds; their next episode is their first."""
        self.rows["seed"][chosen] = seeds[chosen]
        self.rows["episode"][chosen] = -1

    def begin(self, chosen: np.ndarray, levels: np.ndarray | None = None) -> None:
        """Start the next episode of the chosen rows, (N,) bool, on the given or on drawn levels (N,)."""
        given = levels is not None
        levels = np.empty(self.num_rows, np.int64) if levels is None else levels
        if not next_episodes(self.rows, chosen, self.roads.counts, levels, given):
            self.roads.require(levels[chosen])
        batch = self.rows, self.looks
        begin_rows(batch, chosen, levels, self._arrays, self.there, self._drawing, self._rich)

    def step(self, active: np.ndarray, actions: np.ndarray, frames: np.ndarray | None = None) -> Outcome:
        """Step the active rows, and paint all of them.

        Args:
            active: (N,) bool.
            actions: (N, 2) float32: steering and pedal in [−1, 1].
            frames: as `paint` takes them; none are painted without.
        """
        stepping = (self.rows, active, actions, self._arrays, self.there, self._rules, self.outcome)
        if frames is None:
            self._work.run(step_rows, stepping, self._rich)
        else:
            self._work.run(step_and_paint_rows, stepping, self._painting(frames), self._rich)
        return self.outcome

    def lens(self, width: int) -> tuple[np.float32, np.ndarray]:
        """Focal length [pixels] and mountings (K, 4) of the cameras for a frame of that width."""
        camera = self.config.camera
        turns = [CAMERAS[name] for name in self.config.cameras]
        mountings = [(camera.height, camera.forward, camera.pitch, turn) for turn in turns]
        return np.float32(camera.focal_length(width)), np.array(mountings, np.float32)

    def _painting(self, frames: np.ndarray) -> tuple[Any, ...]:
        """The arguments with which frames (N, H, W, C) or (N, K, H, W, C) are painted."""
        frames = frames[:, None] if frames.ndim == 4 else frames
        return self.looks, self.lens(frames.shape[3]), frames, self.config.scenery

    def paint(self, frames: np.ndarray) -> None:
        """Paint frames (N, H, W, 3 or 1) uint8, or (N, K, H, W, …) of K cameras."""
        world = self.rows, self._arrays, self.there
        self._work.run(paint_rows, *world, self._painting(frames), self._rich)

    def paint_from_above(self, frames: np.ndarray) -> None:
        """Paint the cars and what is around them from above, (N, H, W, 3) uint8, the car's way upwards."""
        focal = np.float32(frames.shape[2] * _ABOVE / _SEEN_FROM_ABOVE)
        lens = focal, np.array([(_ABOVE, _AHEAD, np.pi / 2, 0.0)], np.float32)
        painting = self._map_looks, lens, frames[:, None], self.config.scenery
        self._work.run(paint_rows, self.rows, self._arrays, self.there, painting, True)

    def label(self, classes: np.ndarray, depths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Fill class masks (N, H, W) uint8 and depths (N, H, W) float32 [m]; (N, K, H, W) of K cameras.

        Returns:
            instances, of the masks' shape, uint8: the number of an actor plus one, 0 for anything else; and
            boxes (N, M, 6) or (N, K, M, 6) int32 by `BOX_FIELDS`.
        """
        masks = [array[:, None] if array.ndim == 3 else array for array in (classes, depths)]
        count = self.there.actors.shape[1]
        shape = (*masks[0].shape[:2], max(count, 1), len(BOX_FIELDS))
        instances, boxes = np.zeros(masks[0].shape, np.uint8), np.zeros(shape, np.int32)
        lens = self.lens(classes.shape[-1])
        labelling = (self.looks, lens, *masks, instances, boxes, self.config.scenery)
        self._work.run(label_rows, self.rows, self._arrays, self.there, labelling, self._rich)
        boxes = boxes[:, :, :count]
        return (instances[:, 0], boxes[:, 0]) if classes.ndim == 3 else (instances, boxes)

    def poses(self) -> tuple[np.ndarray, np.ndarray]:
        """Lane poses (N, 5) and states (N, 9), in SI units; overwritten by the next call.

        What is around the car follows in the states, scaled: (N, 15) on a raceway, (N, 53) on a street.
        """
        world = self.rows, self._arrays, self.there
        self._work.run(pose_rows, *world, self._poses, self._states, self._rich)
        return self._poses, self._states

    def ahead(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Distance [m] and speed [m/s] of what is next in each car's way, and how many people walk ahead.

        Each is (N,); the distance is `VIEW_DISTANCE` at most.
        """
        ahead = np.zeros((self.num_rows, 3), np.float32)
        look_ahead(self.rows, self.there.actors, self._arrays, ahead)
        return (
            np.minimum(ahead[:, 0], np.float32(VIEW_DISTANCE)),
            ahead[:, 1].copy(),
            ahead[:, 2].astype(np.int32),
        )

    def instruments(self) -> np.ndarray:
        """What `INSTRUMENTS` show of each row, (N, 4) float32, scaled to about ± 1."""
        rows, mirror = self.rows, self.rows["mirror"]
        sides = (rows["steer"] * mirror, rows["yaw_rate"] * mirror, rows["vy"] * mirror)
        return np.stack([rows["vx"], *sides], axis=1) * INSTRUMENT_SCALE

    def privileged(self) -> np.ndarray:
        """The privileged state of each row, (N, 9), (N, 15) or (N, 53) float32, scaled to about ± 1."""
        state = self.poses()[1].copy()
        state[:, : len(STATE)] *= STATE_SCALE
        return state


def as_bytes(array: np.ndarray) -> np.ndarray:
    """Records of each row as bytes, (N, …); the same memory."""
    return array.view(np.uint8).reshape(len(array), -1) if array.size else array.view(np.uint8)
