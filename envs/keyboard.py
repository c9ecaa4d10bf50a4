"""Driving by hand: arrow keys or WASD, R begins again, space holds the world still, Escape ends."""

from collections.abc import Set
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv

from envs.drawing import ending
from envs.driving.vector_env import DrivingVectorEnv
from envs.film import Film, told_numbers
from envs.viewer import Viewer
from envs.window import Window

LEFT, RIGHT = {"left", "a"}, {"right", "d"}
FASTER, SLOWER = {"up", "w"}, {"down", "s"}
TURN_RATE, RETURN_RATE = 1.8, 3.6  # [1/s] of the full steering, as keys are held and let go
WELCOME = "Arrow keys drive  ·  R restarts  ·  Esc ends"
PAUSED = "Paused"
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
    env: VectorEnv, seed: int, options: dict[str, Any] | None = None, save: Path | None = None
) -> dict[str, float]:
    """Let somebody drive in a window until it is closed.

    Args:
        env: driving environment of one row, with continuous actions.
        seed: of the first episode.
        options: for every `reset`, such as `{"levels": 7}`.
        save: film of the drive, mp4 or gif.

    Returns:
        the metrics of the last episode that came to an end; none, if there was none.

    Raises:
        ValueError: the environment is another one.
        NoDisplayError: there is no display.
        OSError: the film cannot be written.
    """
    cars = env.unwrapped
    if not isinstance(cars, DrivingVectorEnv) or cars.num_envs != 1 or cars.config.actions != "continuous":
        raise ValueError("a keyboard drives one car of Hairpin/LaneFollow-v0 with actions continuous")
    drive = _Drive(cars, options)
    drive.begin(seed)
    with closing(drive.window), Film(save, drive.rate) if save else nullcontext() as film:
        while drive.window.show(picture := drive.picture(), drive.rate):
            if film and drive.note is None:
                film.write(picture)
            drive.go_on()
    return drive.metrics


class _Drive:
    """What somebody at the keyboard is doing.

    Attributes:
        note: what stands over the picture; the world moves while there is nothing.
    """

    def __init__(self, cars: DrivingVectorEnv, options: dict[str, Any] | None) -> None:
        self.cars, self.options = cars, options
        self.rate = float(cars.metadata["render_fps"])
        self.viewer, self.window = Viewer(cars.simulator, window=False), Window()
        self.note: str | None = WELCOME
        self.metrics: dict[str, float] = {}

    def begin(self, seed: int | None = None) -> None:
        self.cars.reset(seed=seed, options=self.options)
        self.hands, self.controls = Hands(), np.zeros((1, 2), np.float32)

    def picture(self) -> np.ndarray:
        return self.viewer.picture(0, action=self.controls[0], note=self.note)

    def go_on(self) -> None:
        """Answer the keys, and drive a step unless a note stands over the picture."""
        self.note = _next_note(self.note, self.window.struck)
        if "r" in self.window.struck:
            self.begin()
        if self.note is not None:
            return
        speed = float(self.cars.simulator.rows["vx"][0])
        self.controls[0] = self.hands.controls(self.window.held, speed, 1.0 / self.rate)
        _, _, terminated, truncated, info = self.cars.step(self.controls)
        if terminated[0] or truncated[0]:
            self.note = f"{ending(self.cars.simulator, 0)}  ·  R drives again"
            self.metrics = told_numbers(info)


def _next_note(note: str | None, struck: Set[str]) -> str | None:
    """What stands over the picture after keys were struck; the world moves while there is nothing."""
    if "r" in struck or (note == WELCOME and struck):
        return None
    if "space" in struck and note in (None, PAUSED):
        return PAUSED if note is None else None
    return note
