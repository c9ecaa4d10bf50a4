"""Driving by hand, and what else keys do: `KEYS` lists them."""

from collections import deque
from collections.abc import Set
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv

from envs.drawing import ending
from envs.driving.vector_env import DrivingVectorEnv
from envs.film import Film, told_numbers
from envs.recording import Episode, Step, require_folder, write_recording
from envs.viewer import PAUSED, Viewer
from envs.window import Window

State = dict[str, np.ndarray]
LEFT, RIGHT = {"left", "a"}, {"right", "d"}
FASTER, SLOWER = {"up", "w"}, {"down", "s"}
TURN_RATE, RETURN_RATE = 1.8, 3.6  # [1/s] of the full steering, as keys are held and let go
KEYS = (
    ("arrows, WASD", "drive"),
    ("space", "pause, go on"),
    (". , [ , ]", "while paused: a step, back, forward"),
    ("R", "begin again"),
    ("N, P", "next road, the one before"),
    ("L", "next weather"),
    ("1, 2, 3", "classes, depths, boxes"),
    ("H", "these keys"),
    ("Esc", "end"),
)
"""What keys do."""
WELCOME = "Arrow keys drive  ·  H shows all keys  ·  Esc ends"
HELP = "\n".join(f"{keys}  –  {what}" for keys, what in KEYS)
SKIES: tuple[dict[str, float], ...] = (
    {},
    {"night": 0.5, "low_sun": 0.8},
    {"night": 1.0},
    {"fog": 0.6},
    {"rain": 0.9, "wet": 0.9},
    {"snow": 0.9},
    {"night": 1.0, "rain": 0.9, "wet": 1.0},
)
"""The weathers that L goes through."""
REMEMBERED = 600  # steps that can be taken back
EASY_SPEED = 6.0  # [m/s] up to which the wheels turn all the way


class Hands:
    """Turns keys, which are down or not, into steering and pedal, which move smoothly."""

    def __init__(self) -> None:
        self.steer = 0.0

    def controls(self, held: Set[str], speed: float, seconds: float) -> np.ndarray:
        """Steering and pedal (2,) float32 in [−1, 1].

        Args:
            held: names of the keys that are down.
            speed: [m/s]; the faster, the less the wheels turn.
            seconds: since the last call.
        """
        wish = bool(held & LEFT) - bool(held & RIGHT)
        goal = wish * min(1.0, EASY_SPEED / max(abs(speed), EASY_SPEED))
        back = wish == 0 or self.steer * wish < 0
        reach = (RETURN_RATE if back else TURN_RATE) * seconds
        self.steer += min(max(goal - self.steer, -reach), reach)
        pedal = bool(held & FASTER) - bool(held & SLOWER)
        return np.array([self.steer, pedal], np.float32)


def drive_by_keyboard(
    env: VectorEnv,
    seed: int,
    options: dict[str, Any] | None = None,
    save: Path | None = None,
    record: Path | None = None,
) -> dict[str, float]:
    """Let somebody drive in a window until it is closed.

    Args:
        env: driving environment of one row, with continuous actions.
        seed: of the first episode.
        options: for every `reset`, such as `{"levels": 7}`.
        save: film of the drive, mp4 or gif.
        record: folder for the drive as episodes, see `recording`; what is taken back is not in it.

    Returns:
        the metrics of the last episode that came to an end; none, if there was none.

    Raises:
        ValueError: the environment is another one.
        NoDisplayError: there is no display.
        OSError: the film cannot be written.
    """
    cars = env.unwrapped
    if not isinstance(cars, DrivingVectorEnv) or cars.num_envs != 1 or cars.config.actions != "continuous":
        raise ValueError("a keyboard drives one car, with actions continuous")
    if record:
        require_folder(record)
    drive = _Drive(cars, options)
    drive.begin(seed)
    with closing(drive.window), Film(save, drive.rate) if save else nullcontext() as film:
        while drive.window.show(picture := drive.picture(), drive.rate):
            if film and drive.note is None:
                film.write(picture)
            drive.go_on()
    if record:
        write_recording(record, drive.episodes, cars)
    return drive.metrics


class _Drive:
    """What somebody at the keyboard is doing.

    Attributes:
        note: what stands over the picture; the world moves while there is nothing.
    """

    def __init__(self, cars: DrivingVectorEnv, options: dict[str, Any] | None) -> None:
        self.cars, self.options = cars, dict(options or {})
        self.rate = float(cars.metadata["render_fps"])
        self.viewer, self.window = Viewer(cars.simulator, window=False), Window()
        self.note: str | None = WELCOME
        self.metrics: dict[str, float] = {}
        self.episodes: list[Episode] = []
        self.sky = 0

    def begin(self, seed: int | None = None) -> None:
        obs, _ = self.cars.reset(seed=seed, options=dict(self.options))
        self.episodes.append(Episode(seed))
        self.episodes[-1].begin(_of_row(obs))
        self.hands, self.controls = Hands(), np.zeros((1, 2), np.float32)
        self.past: deque[State] = deque(maxlen=REMEMBERED)
        self.future: list[tuple[State, Step]] = []
        if self.sky:
            self.cars.simulator.set_weather(0, SKIES[self.sky])

    def picture(self) -> np.ndarray:
        return self.viewer.picture(0, action=self.controls[0], note=self.note)

    def go_on(self) -> None:
        """Answer the keys, and drive a step unless a note stands over the picture."""
        struck = self.window.struck
        self.viewer.change_view(struck)
        if "l" in struck:
            self.sky = (self.sky + 1) % len(SKIES)
            self.cars.simulator.set_weather(0, SKIES[self.sky])
        if struck & {"n", "p"}:
            self._change_road(1 if "n" in struck else -1)
        elif self.note == PAUSED and struck & {".", "[", "]"}:
            self._travel_in_time(struck)
            return
        self.note = _next_note(self.note, struck)
        if "r" in struck:
            self.begin()
        if self.note is None:
            self._step()

    def _change_road(self, by: int) -> None:
        """Begin on another road."""
        simulator = self.cars.simulator
        level = (int(simulator.rows["level"][0]) + by) % simulator.roads.num_levels
        self.options["levels"] = level
        self.begin()

    def _travel_in_time(self, struck: Set[str]) -> None:
        """Take a step back, take it again as it was, or drive one further with the wheels as they are."""
        if "[" in struck and self.past:
            self.future.append((self.cars.state_dict(), self.episodes[-1].take_back()))
            self.cars.load_state_dict(self.past.pop())
        elif "]" in struck and self.future:
            self.past.append(self.cars.state_dict())
            state, step = self.future.pop()
            self.cars.load_state_dict(state)
            self.episodes[-1].add(*step)
        elif "." in struck and not self.cars.simulator.rows["ended"][0]:
            self._step()
            self.note = self.note or PAUSED

    def _step(self) -> None:
        """Drive one step."""
        self.past.append(self.cars.state_dict())
        self.future.clear()
        speed = float(self.cars.simulator.rows["vx"][0])
        self.controls[0] = self.hands.controls(self.window.held, speed, 1.0 / self.rate)
        obs, reward, terminated, truncated, info = self.cars.step(self.controls)
        self.episodes[-1].add(self.controls[0], _of_row(obs), reward[0], terminated[0], truncated[0])
        if terminated[0] or truncated[0]:
            self.note = f"{ending(self.cars.simulator, 0)}  ·  R drives again"
            self.metrics = told_numbers(info)


def _of_row(obs: Any) -> Any:
    """The first row of an observation."""
    return {name: part[0] for name, part in obs.items()} if isinstance(obs, dict) else obs[0]


def _next_note(note: str | None, struck: Set[str]) -> str | None:
    """What stands over the picture after keys were struck; the world moves while there is nothing."""
    if "h" in struck:
        return PAUSED if note == HELP else HELP
    if "r" in struck or (note == WELCOME and struck) or (note is not None and struck & {"n", "p"}):
        return None
    if "space" in struck and note in (None, PAUSED, HELP):
        return PAUSED if note is None else None
    return note
