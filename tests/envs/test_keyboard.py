from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import imageio.v3 as imageio
import numpy as np
import pygame
import pytest

from envs import keyboard
from envs.driving.vector_env import DrivingVectorEnv
from envs.keyboard import HELP, KEYS, PAUSED, WELCOME, Hands, drive_by_keyboard
from envs.viewer import Viewer, Window

TICK = 0.05  # [s]


def make_batch(**keywords: Any) -> DrivingVectorEnv:
    return DrivingVectorEnv(1, **{"num_levels": 4, "obs": "state", "actions": "continuous", **keywords})


def hold(hands: Hands, keys: set[str], ticks: int, speed: float = 0.0) -> list[float]:
    return [float(hands.controls(keys, speed, TICK)[0]) for _ in range(ticks)]


@pytest.mark.parametrize(("key", "side"), [("left", 1.0), ("a", 1.0), ("right", -1.0), ("d", -1.0)])
def test_the_wheels_turn_smoothly_and_come_back_faster(key: str, side: float):
    hands = Hands()
    turning = side * np.array(hold(hands, {key}, 20))
    assert 0.0 < turning[0] < 0.15
    assert turning[-1] == 1.0
    assert (np.diff(turning) >= 0.0).all()
    returning = side * np.array(hold(hands, set(), 20))
    assert returning[-1] == 0.0
    assert 1.0 - returning[0] > turning[0]


def test_fast_cars_are_steered_gently():
    assert hold(Hands(), {"left"}, 60, speed=12.0)[-1] == pytest.approx(0.5)
    assert hold(Hands(), {"left", "right"}, 60)[-1] == 0.0


def test_pedals():
    keys = ({"up"}, {"w"}, {"down"}, {"s"}, {"up", "s"}, set())
    pedals = [Hands().controls(held, 0.0, TICK)[1] for held in keys]
    assert pedals == [1.0, 1.0, -1.0, -1.0, 0.0, 0.0]


class Script:
    """A window whose user does what was written down: keys held, or struck, before each picture."""

    def __init__(self, moves: list[tuple[set[str], set[str]]]) -> None:
        self.moves: Iterator[tuple[set[str], set[str]]] = iter(moves)
        self.held: set[str] = set()
        self.struck: set[str] = set()
        self.closed = False

    def close(self) -> None:
        self.closed = True

    def show(self, picture: np.ndarray, rate: float) -> bool:
        assert picture.shape == (600, 960, 3)
        assert rate == 20.0
        try:
            self.held, self.struck = next(self.moves)
        except StopIteration:
            return False
        return True


Played = tuple[dict[str, float], list[str | None]]


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Played]:
    """Drive by a script; returns the metrics and the notes that stood over the pictures."""

    def play(env: DrivingVectorEnv, moves: list[tuple[set[str], set[str]]], **keywords: Any) -> Played:
        notes: list[str | None] = []

        def noted(self: Viewer, row: int, **arguments: Any) -> np.ndarray:
            notes.append(arguments["note"])
            return picture(self, row, **arguments)

        with monkeypatch.context() as patch:
            picture = Viewer.picture
            patch.setattr(keyboard, "Window", lambda: Script(moves))
            patch.setattr(Viewer, "picture", noted)
            return drive_by_keyboard(env, 3, **keywords), notes

    return play


def test_nothing_moves_before_the_first_key_and_while_it_is_paused(play: Callable[..., Played]):
    env = make_batch()
    nothing, space, gas = (set(), set()), (set(), {"space"}), ({"up"}, {"up"})
    _, notes = play(env, [nothing, nothing, gas, ({"up"}, set()), space, nothing, space, nothing])
    assert notes == [WELCOME, WELCOME, WELCOME, None, None, PAUSED, PAUSED, None, None]
    assert env.simulator.rows["step"][0] == 4
    assert env.simulator.rows["acceleration"][0] != 0.0


def test_an_episode_that_ended_waits_to_be_begun_again(play: Callable[..., Played]):
    env = make_batch()
    flat_out = [({"up", "left"}, {"up"})] * 60
    metrics, notes = play(env, flat_out, options={"levels": 1})
    assert metrics["off_road"] == 1.0
    assert notes[-1] == "Left the road  ·  R drives again"
    assert env.simulator.rows["ended"][0]
    play(env, [*flat_out, (set(), {"r"}), (set(), set())], options={"levels": 1})
    assert not env.simulator.rows["ended"][0]
    assert env.simulator.rows["step"][0] == 2
    assert env.simulator.rows["level"][0] == 1


def test_the_drive_is_filmed_without_its_pauses(play: Callable[..., Played], tmp_path: Path):
    moves = [(set(), set())] * 3 + [({"up"}, {"up"})] * 5 + [(set(), {"space"})] + [(set(), set())] * 4
    play(make_batch(), moves, save=tmp_path / "a.gif")
    assert imageio.imread(tmp_path / "a.gif").shape == (5, 300, 480, 3)


def test_escape_ends_a_real_window():
    class Impatient(Window):
        def show(self, picture: np.ndarray, rate: float) -> bool:
            if pygame.display.get_init():
                pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=pygame.K_ESCAPE))
            return super().show(picture, rate)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keyboard, "Window", Impatient)
        assert drive_by_keyboard(make_batch(), 0) == {}


@pytest.mark.parametrize("keywords", [{"actions": "discrete"}, {"num_envs": 2}])
def test_another_environment_is_refused(keywords: dict[str, Any]):
    env = DrivingVectorEnv(**{"num_envs": 1, "num_levels": 4, "actions": "continuous", **keywords})
    with pytest.raises(ValueError, match="a keyboard drives one car"):
        drive_by_keyboard(env, 0)


def test_time_goes_back_and_on_again_to_the_same_bits(play: Callable[..., Played]):
    """Driven 12 steps, 5 back, 5 on again: as if nothing had been; a step after 5 back goes another way."""
    env, still = make_batch(), (set(), set())
    drive = [({"up"}, {"up"}), *[({"up"}, set())] * 11]
    pause, back, again = (set(), {"space"}), (set(), {"["}), (set(), {"]"})
    play(env, [*drive, pause, still])
    driven = env.state_dict()
    play(env, [*drive, pause, *[back] * 5, still])
    assert env.simulator.rows["step"][0] == 7
    play(env, [*drive, pause, *[back] * 5, *[again] * 5, again])
    assert all((driven[name] == array).all() for name, array in env.state_dict().items())
    play(env, [*drive, pause, *[back] * 5, (set(), {"."}), again])
    assert env.simulator.rows["step"][0] == 8, "what was to come is forgotten"
    assert not all((driven[name] == array).all() for name, array in env.state_dict().items())


def test_roads_and_weather_change_by_key(play: Callable[..., Played]):
    env = make_batch(num_levels=3)
    _, notes = play(env, [(set(), {"n"}), (set(), {"l"}), (set(), set())], options={"levels": 2})
    assert env.simulator.rows["level"][0] == 0, "the first follows the last"
    assert env.simulator.there.weathers["daylight"][0] < 1.0
    assert notes[1] is None
    play(env, [(set(), {"p"}), (set(), set())], options={"levels": 0})
    assert env.simulator.rows["level"][0] == 2


def test_keys_are_shown_and_lay_labels_over_the_picture(play: Callable[..., Played]):
    _, notes = play(make_batch(), [(set(), {"h"}), (set(), {"h"}), (set(), set())])
    assert notes[1:3] == [HELP, PAUSED]
    assert all(keys in HELP for keys, _ in KEYS)
    views = []
    for keys in ({"3"}, {"1"}, {"1", "3"}):
        drive = keyboard._Drive(make_batch(), None)
        drive.begin(0)
        drive.window.struck = keys
        drive.go_on()
        views.append((drive.viewer.overlay, drive.viewer.boxes))
    assert views == [("none", True), ("semantic", False), ("semantic", True)]
