"""The viewer: the road ahead in large, with what the agent sees, a map and the instruments laid over it.

A picture is the same with and without a window, and needs neither display nor installed fonts.
"""

from collections.abc import Set
from functools import cached_property
from typing import Any

import numpy as np
import pygame

from envs import drawing
from envs.driving.actions import ACTION_TABLE, PEDALS, STEERS
from envs.driving.observations import Observation
from envs.driving.params import CONTROL_STEP
from envs.driving.sections import HALF_WIDTH
from envs.driving.simulator import Simulator
from envs.overlays import Labels, draw_boxes, draw_inhabitants, lay_over
from envs.window import FINE, SHADE, Colour, Window, as_surface, fill, lettering, smooth, write

WIDTH, HEIGHT = 960, 600
SIDE = 192  # [pixels] of the map and of what the agent sees
EYE, MAP = pygame.Rect(28, 28, SIDE, SIDE), pygame.Rect(WIDTH - SIDE - 28, 28, SIDE, SIDE)
STRIP = pygame.Rect(16, HEIGHT - 92, WIDTH - 32, 76)
PANELS = pygame.Rect(16, 16, 216, 236), pygame.Rect(WIDTH - 232, 16, 216, 236), STRIP
VALUES = pygame.Rect(16, 264, 216, 122)  # of actions, a cell each
PAUSED = "Paused"
COLUMNS = (38, 182, 326, 546, 702, 822)  # left edges of the readings on the strip

INK: Colour = (246, 247, 250)
FAINT: Colour = (172, 181, 194)
PANEL: Colour = (*SHADE, 182)
TRACK: Colour = (255, 255, 255, 48)
ACCENT: Colour = (255, 199, 64)
START: Colour = (255, 107, 94)
ROAD: Colour = (206, 213, 224)


class Viewer:
    """Pictures of a simulator's rows, and a window to show them in.

    Args:
        simulator: whose rows are drawn; nothing in it is changed.
        window: whether `show` opens a window.

    Attributes:
        overlay: of `OVERLAYS`, laid over the picture.
        boxes: whether actors are outlined.
        values: (A,) what the driver thought of each discrete action when it chose the last one; None shows
            nothing of it.
        paused: whether the window waits for a key.
    """

    def __init__(self, simulator: Simulator, window: bool) -> None:
        self.simulator = simulator
        self.window = Window() if window else None
        self._camera = drawing.RowCamera(simulator)
        self._watches: dict[int, drawing.Watch] = {}
        self.overlay, self.boxes = "none", False
        self.values: np.ndarray | None = None
        self.paused = False
        self._map: tuple[tuple[int, float], pygame.Surface, drawing.MapScale] | None = None

    def picture(
        self,
        row: int,
        seen: Observation | None = None,
        action: np.ndarray | None = None,
        note: str | None = None,
    ) -> np.ndarray:
        """Draw a row as it is now.

        Args:
            row: number of the row.
            seen: the row's observation; by default it is drawn anew, to the same pixels.
            action: steering and pedal (2,) in [−1, 1] that led here.
            note: words for the middle of the picture; by default how the episode ended.

        Returns:
            (600, 960, 3) uint8.
        """
        watch = self._watches.setdefault(row, drawing.Watch())
        watch.look(self.simulator, row)
        self._camera.turn_to(row)
        picture = self._camera.paint((HEIGHT, WIDTH, 3))
        canvas = as_surface(picture)
        self._lay_over(picture, canvas)
        for panel in PANELS:
            canvas.blit(self._panels, panel, panel)
        self._draw_eye(canvas, seen)
        if self.values is not None and len(self.values) == len(ACTION_TABLE):
            canvas.blit(_values_panel(self.values), VALUES)
        self._draw_map(canvas, row, watch)
        for left, reading in zip(COLUMNS, drawing.readings(self.simulator, row, action, watch), strict=True):
            _draw_reading(canvas, left, reading)
        if words := note or drawing.ending(self.simulator, row):
            _draw_note(canvas, words)
        return picture

    def show(self, row: int, *arguments: Any, **keywords: Any) -> bool:
        """Show the `picture` of a row in the window, at the environment's pace, and answer the keys.

        Space pauses, and a full stop shows one picture more; for others see `change_view`. False once the
        user has closed the window: nothing is shown any more.

        Raises:
            NoDisplayError: there is no display.
        """
        if self.window is None or self.window.closed:
            return False
        rate = 1.0 / (CONTROL_STEP * self.simulator.config.frame_skip)
        shown = self.window.show(self.picture(row, *arguments, **keywords), rate)
        self._answer(self.window.struck)
        while self.paused and shown:
            shown = self.window.show(self.picture(row, *arguments, **{"note": PAUSED, **keywords}), rate)
            self._answer(self.window.struck)
            if "." in self.window.struck:
                break
        return shown

    def _answer(self, struck: Set[str]) -> None:
        self.change_view(struck)
        if "space" in struck:
            self.paused = not self.paused

    def change_view(self, struck: Set[str]) -> None:
        """Lay something over the picture, or take it away: 1, 2 and 3 are classes, depths and boxes."""
        for key, overlay in (("1", "semantic"), ("2", "depth")):
            if key in struck:
                self.overlay = "none" if self.overlay == overlay else overlay
        if "3" in struck:
            self.boxes = not self.boxes

    def close(self) -> None:
        """Close the window, if one is open."""
        if self.window is not None:
            self.window.close()

    @cached_property
    def _panels(self) -> pygame.Surface:
        """The panels, and what is always written on them."""

        def draw(fine: pygame.Surface) -> None:
            for panel in PANELS:
                _round_rect(fine, panel, 12)

        panels = smooth((WIDTH, HEIGHT), draw)
        words = f"agent sees: {drawing.sight(self.simulator.config)}"
        write(panels, words, 17, FAINT, midtop=(EYE.centerx, EYE.bottom + 10))
        return panels

    def _lay_over(self, picture: np.ndarray, canvas: pygame.Surface) -> None:
        if self.overlay == "none" and not self.boxes:
            return
        labels = Labels(*self._camera.boxes((HEIGHT, WIDTH)))
        lay_over(picture, self.overlay, labels)
        if self.boxes:
            draw_boxes(canvas, labels)

    def _draw_eye(self, canvas: pygame.Surface, seen: Observation | None) -> None:
        config = self.simulator.config
        frame = self._camera.observe() if seen is None else drawing.newest_frame(config, seen)
        if config.obs == "state":
            for n, reading in enumerate(drawing.state_readings(frame)):
                top = EYE.top + 3 + 21 * n
                write(canvas, reading.name, 17, FAINT, topleft=(EYE.left + 2, top))
                _draw_gauge(canvas, pygame.Rect(EYE.left + 106, top + 5, 84, 4), reading)
            return
        picture = as_surface(drawing.fit_frame(drawing.colour_frame(config, frame), SIDE))
        canvas.blit(picture, picture.get_rect(center=EYE.center))

    def _draw_map(self, canvas: pygame.Surface, row: int, watch: drawing.Watch) -> None:
        car, centreline = self.simulator.rows[row], drawing.row_centreline(self.simulator, row)
        key = int(car["level"]), float(car["mirror"])
        if self._map is None or self._map[0] != key:
            half_width = self.simulator.roads.section.half_width
            scale = drawing.MapScale.around(centreline[:, :2], SIDE, 2.0 * half_width, key[1])
            self._map = key, _circuit(centreline, scale, half_width), scale
        _, circuit, scale = self._map
        canvas.blit(circuit, MAP)
        start = scale.place(drawing.start_line(self.simulator, row, 3.0 * HALF_WIDTH))
        trail = scale.place(np.array(watch.trail))

        def draw(fine: pygame.Surface) -> None:
            _line(fine, START, start, 3.0)
            _line(fine, ACCENT, trail, 2.5)
            draw_inhabitants(fine, self.simulator, row, scale)
            pygame.draw.polygon(fine, SHADE, (FINE * scale.arrow(car, 15.0)).tolist())
            pygame.draw.polygon(fine, INK, (FINE * scale.arrow(car, 11.5)).tolist())

        canvas.blit(smooth(MAP.size, draw), MAP)
        words = f"{self.simulator.config.split} road {key[0]}"
        write(canvas, words, 17, FAINT, midtop=(MAP.centerx, MAP.bottom + 10))


def _values_panel(values: np.ndarray) -> pygame.Surface:
    """What is thought of each action: steering from left to right, pedals from the fastest to the brake."""
    table = np.asarray(values, np.float64).reshape(len(STEERS), len(PEDALS))[::-1, ::-1].T
    share = (table - table.min()) / max(float(np.ptp(table)), 1e-9)
    best = np.unravel_index(table.argmax(), table.shape)
    width, height, gap = 34, 22, 4

    def draw(fine: pygame.Surface) -> None:
        _round_rect(fine, pygame.Rect((0, 0), VALUES.size), 12)
        for row, column in np.ndindex(*table.shape):
            cell = pygame.Rect(15 + column * (width + gap), 12 + row * (height + gap), width, height)
            large = pygame.Rect(*(FINE * number for number in cell))
            shade = pygame.Color(SHADE).lerp(INK, 0.12 + 0.5 * share[row, column])
            colour = ACCENT if (row, column) == best else shade
            pygame.draw.rect(fine, colour, large, border_radius=FINE * 5)

    panel = smooth(VALUES.size, draw)
    words = f"actions: best {table.max():.2f}, worst {table.min():.2f}"
    write(panel, words, 17, FAINT, midtop=(VALUES.width // 2, VALUES.height - 26))
    return panel


def _draw_reading(canvas: pygame.Surface, left: int, reading: drawing.Reading) -> None:
    write(canvas, reading.name.upper(), 15, FAINT, topleft=(left, STRIP.top + 14))
    size = 28 if len(reading.words) < 10 else 22
    write(canvas, reading.words, size, INK, midleft=(left, STRIP.top + 40))
    if reading.gauge:
        _draw_gauge(canvas, pygame.Rect(left, STRIP.top + 58, 116, 4), reading)


def _draw_gauge(canvas: pygame.Surface, track: pygame.Rect, reading: drawing.Reading) -> None:
    fill(canvas, track, TRACK)
    low, high = round(reading.low * track.width), round(reading.high * track.width)
    fill(canvas, pygame.Rect(track.left + low, track.top, high - low, track.height), ACCENT)
    if reading.gauge == "about":
        fill(canvas, pygame.Rect(track.centerx - 1, track.top - 3, 2, track.height + 6), FAINT)


def _draw_note(canvas: pygame.Surface, words: str) -> None:
    lines = [lettering(line, 34 if len(words) < 60 else 22, INK) for line in words.split("\n")]
    height, wide = lines[0].get_height() + 6, max(line.get_width() for line in lines)
    pill = pygame.Rect(0, 0, wide + 64, height * len(lines) + 28)
    pill.center = WIDTH // 2, HEIGHT // 2
    canvas.blit(smooth(pill.size, lambda fine: _round_rect(fine, pygame.Rect((0, 0), pill.size), 29)), pill)
    for n, line in enumerate(lines):
        canvas.blit(line, line.get_rect(midtop=(pill.centerx, pill.top + 17 + n * height)))


def _circuit(centreline: np.ndarray, scale: drawing.MapScale, half_width: float) -> pygame.Surface:
    """The road of a map."""
    radius = max(half_width * scale.pixels_per_metre, 1.5)

    def draw(fine: pygame.Surface) -> None:
        for colour, size in ((SHADE, radius + 1.5), (ROAD, radius)):
            for point in scale.place(centreline[:, :2]):
                pygame.draw.circle(fine, colour, FINE * point, FINE * size)

    return smooth(MAP.size, draw)


def _line(fine: pygame.Surface, colour: Colour, points: np.ndarray, width: float) -> None:
    if len(points) > 1:
        pygame.draw.lines(fine, colour, False, (FINE * points).tolist(), round(FINE * width))


def _round_rect(fine: pygame.Surface, rect: pygame.Rect, radius: int) -> None:
    large = pygame.Rect(*(FINE * number for number in rect))
    pygame.draw.rect(fine, PANEL, large, border_radius=FINE * radius)
