"""The viewer: the road ahead in large, with what the agent sees, a map and the instruments laid over it.

A picture is the same with and without a window, and needs neither display nor installed fonts. This is
the one module that imports pygame.
"""

import os
import sys
from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import pygame

from envs import drawing
from envs.driving.levels import HALF_WIDTH
from envs.driving.observations import Observation
from envs.driving.params import CONTROL_STEP
from envs.driving.simulator import Simulator

WIDTH, HEIGHT = 960, 600
SIDE = 192  # [pixels] of the map and of what the agent sees
EYE, MAP = pygame.Rect(28, 28, SIDE, SIDE), pygame.Rect(WIDTH - SIDE - 28, 28, SIDE, SIDE)
STRIP = pygame.Rect(16, HEIGHT - 92, WIDTH - 32, 76)
PANELS = pygame.Rect(16, 16, 216, 236), pygame.Rect(WIDTH - 232, 16, 216, 236), STRIP
COLUMNS = (38, 182, 326, 546, 702, 822)  # left edges of the readings on the strip

Colour = tuple[int, int, int] | tuple[int, int, int, int]
INK: Colour = (246, 247, 250)
FAINT: Colour = (172, 181, 194)
SHADE: Colour = (14, 18, 27)
PANEL: Colour = (*SHADE, 182)
TRACK: Colour = (255, 255, 255, 48)
ACCENT: Colour = (255, 199, 64)
START: Colour = (255, 107, 94)
ROAD: Colour = (206, 213, 224)
_FINE = 3  # shapes are drawn this much larger and scaled down: smooth edges


class NoDisplayError(OSError):
    """There is no display to open a window on."""


class Viewer:
    """Pictures of a simulator's rows, and a window to show them in.

    Args:
        simulator: whose rows are drawn; nothing in it is changed.
        window: whether `show` opens a window.
    """

    def __init__(self, simulator: Simulator, window: bool) -> None:
        self.simulator = simulator
        self.window = Window() if window else None
        self._camera = drawing.RowCamera(simulator)
        self._watches: dict[int, drawing.Watch] = {}
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
        canvas = _as_surface(picture)
        for panel in PANELS:
            canvas.blit(self._panels, panel, panel)
        self._draw_eye(canvas, seen)
        self._draw_map(canvas, row, watch)
        for left, reading in zip(COLUMNS, drawing.readings(self.simulator, row, action, watch), strict=True):
            _draw_reading(canvas, left, reading)
        if words := note or drawing.ending(self.simulator, row):
            _draw_note(canvas, words)
        return picture

    def show(self, row: int, *arguments: Any, **keywords: Any) -> bool:
        """Show the `picture` of a row in the window, at the environment's pace.

        False once the user has closed the window: nothing is shown any more.

        Raises:
            NoDisplayError: there is no display.
        """
        if self.window is None or self.window.closed:
            return False
        rate = 1.0 / (CONTROL_STEP * self.simulator.config.frame_skip)
        return self.window.show(self.picture(row, *arguments, **keywords), rate)

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

        panels = _smooth((WIDTH, HEIGHT), draw)
        words = f"agent sees: {drawing.sight(self.simulator.config)}"
        _write(panels, words, 17, FAINT, midtop=(EYE.centerx, EYE.bottom + 10))
        return panels

    def _draw_eye(self, canvas: pygame.Surface, seen: Observation | None) -> None:
        config = self.simulator.config
        frame = self._camera.observe() if seen is None else drawing.newest_frame(config, seen)
        if config.obs == "state":
            for n, reading in enumerate(drawing.state_readings(frame)):
                top = EYE.top + 3 + 21 * n
                _write(canvas, reading.name, 17, FAINT, topleft=(EYE.left + 2, top))
                _draw_gauge(canvas, pygame.Rect(EYE.left + 106, top + 5, 84, 4), reading)
            return
        picture = _as_surface(drawing.fit_frame(drawing.colour_frame(config, frame), SIDE))
        canvas.blit(picture, picture.get_rect(center=EYE.center))

    def _draw_map(self, canvas: pygame.Surface, row: int, watch: drawing.Watch) -> None:
        car, centreline = self.simulator.rows[row], drawing.row_centreline(self.simulator, row)
        key = int(car["level"]), float(car["mirror"])
        if self._map is None or self._map[0] != key:
            scale = drawing.MapScale.around(centreline[:, :2], SIDE, 2.0 * HALF_WIDTH, key[1])
            self._map = key, _circuit(centreline, scale), scale
        _, circuit, scale = self._map
        canvas.blit(circuit, MAP)
        start = scale.place(drawing.start_line(self.simulator, row, 3.0 * HALF_WIDTH))
        trail = scale.place(np.array(watch.trail))

        def draw(fine: pygame.Surface) -> None:
            _line(fine, START, start, 3.0)
            _line(fine, ACCENT, trail, 2.5)
            pygame.draw.polygon(fine, SHADE, (_FINE * scale.arrow(car, 15.0)).tolist())
            pygame.draw.polygon(fine, INK, (_FINE * scale.arrow(car, 11.5)).tolist())

        canvas.blit(_smooth(MAP.size, draw), MAP)
        words = f"{self.simulator.config.split} road {key[0]}"
        _write(canvas, words, 17, FAINT, midtop=(MAP.centerx, MAP.bottom + 10))


class Window:
    """A window of the desktop, and the keys that its user holds and strikes.

    Attributes:
        closed: whether the user has closed it, with its button or Escape.
        held: names of the keys that are down.
        struck: names of the keys that went down at the last `show`.
    """

    def __init__(self) -> None:
        self.closed = False
        self.held: set[str] = set()
        self.struck: set[str] = set()
        self._screen: pygame.Surface | None = None
        self._clock = pygame.time.Clock()

    def show(self, picture: np.ndarray, rate: float) -> bool:
        """Show (H, W, 3) uint8, then wait so that `rate` pictures a second come; False once closed.

        Raises:
            NoDisplayError: there is no display.
        """
        if self._screen is None:
            self._screen = _open_screen()
        self._screen.blit(_as_surface(picture), (0, 0))
        pygame.display.flip()
        self._clock.tick(rate)
        self.struck.clear()
        for event in pygame.event.get():
            self._take(event)
        if self.closed:
            self.close()
        return not self.closed

    def close(self) -> None:
        """Close the window for good."""
        if self._screen is not None:
            pygame.display.quit()
        self._screen, self.closed = None, True

    def _take(self, event: pygame.event.Event) -> None:
        if event.type == pygame.KEYDOWN:
            self.held.add(pygame.key.name(event.key))
            self.struck.add(pygame.key.name(event.key))
        elif event.type == pygame.KEYUP:
            self.held.discard(pygame.key.name(event.key))
        self.closed |= event.type == pygame.QUIT or "escape" in self.struck


def _open_screen() -> pygame.Surface:
    """Open the window; SDL's hidden screen counts only where it was asked for."""
    asked = "SDL_VIDEODRIVER" in os.environ
    desktop = sys.platform != "linux" or "DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ
    try:
        if asked or desktop:
            pygame.display.init()
            if asked or pygame.display.get_driver() != "offscreen":
                pygame.display.set_caption("Hairpin")
                return pygame.display.set_mode((WIDTH, HEIGHT))
        fault = "no desktop was found"
    except pygame.error as error:
        fault = str(error)
    pygame.display.quit()
    raise NoDisplayError(f"there is no display to open a window on ({fault}); save a film instead")


def _draw_reading(canvas: pygame.Surface, left: int, reading: drawing.Reading) -> None:
    _write(canvas, reading.name.upper(), 15, FAINT, topleft=(left, STRIP.top + 14))
    size = 28 if len(reading.words) < 10 else 22
    _write(canvas, reading.words, size, INK, midleft=(left, STRIP.top + 40))
    if reading.gauge:
        _draw_gauge(canvas, pygame.Rect(left, STRIP.top + 58, 116, 4), reading)


def _draw_gauge(canvas: pygame.Surface, track: pygame.Rect, reading: drawing.Reading) -> None:
    _fill(canvas, track, TRACK)
    low, high = round(reading.low * track.width), round(reading.high * track.width)
    _fill(canvas, pygame.Rect(track.left + low, track.top, high - low, track.height), ACCENT)
    if reading.gauge == "about":
        _fill(canvas, pygame.Rect(track.centerx - 1, track.top - 3, 2, track.height + 6), FAINT)


def _draw_note(canvas: pygame.Surface, words: str) -> None:
    text = _text(words, 34, INK)
    pill = text.get_rect(center=(WIDTH // 2, HEIGHT // 2)).inflate(64, 34)
    canvas.blit(_smooth(pill.size, lambda fine: _round_rect(fine, pygame.Rect((0, 0), pill.size), 29)), pill)
    canvas.blit(text, text.get_rect(center=pill.center))


def _circuit(centreline: np.ndarray, scale: drawing.MapScale) -> pygame.Surface:
    """The road of a map."""
    radius = max(HALF_WIDTH * scale.pixels_per_metre, 1.5)

    def draw(fine: pygame.Surface) -> None:
        for colour, size in ((SHADE, radius + 1.5), (ROAD, radius)):
            for point in scale.place(centreline[:, :2]):
                pygame.draw.circle(fine, colour, _FINE * point, _FINE * size)

    return _smooth(MAP.size, draw)


def _line(fine: pygame.Surface, colour: Colour, points: np.ndarray, width: float) -> None:
    if len(points) > 1:
        pygame.draw.lines(fine, colour, False, (_FINE * points).tolist(), round(_FINE * width))


def _smooth(size: tuple[int, int], draw: Callable[[pygame.Surface], None]) -> pygame.Surface:
    """What `draw` draws on a clear surface `_FINE` times larger, scaled down."""
    fine = pygame.Surface((size[0] * _FINE, size[1] * _FINE), pygame.SRCALPHA)
    fine.fill((*SHADE, 0))
    draw(fine)
    return pygame.transform.smoothscale(fine, size)


def _round_rect(fine: pygame.Surface, rect: pygame.Rect, radius: int) -> None:
    large = pygame.Rect(*(_FINE * number for number in rect))
    pygame.draw.rect(fine, PANEL, large, border_radius=_FINE * radius)


def _fill(canvas: pygame.Surface, rect: pygame.Rect, colour: Colour) -> None:
    """A rectangle, as see-through as its colour."""
    shade = pygame.Surface(rect.size, pygame.SRCALPHA)
    shade.fill(colour)
    canvas.blit(shade, rect)


def _write(canvas: pygame.Surface, words: str, size: int, colour: Colour, **place: tuple[int, int]) -> None:
    """Write a line of text where `place` (such as topleft=…) says."""
    text = _text(words, size, colour)
    canvas.blit(text, text.get_rect(**place))


@lru_cache(maxsize=512)
def _text(words: str, size: int, colour: Colour) -> pygame.Surface:
    """A line of text in pygame's own font: nothing needs to be installed."""
    pygame.font.init()  # here, since other environments quit all of pygame when they close
    text = pygame.font.Font(None, _FINE * size).render(words, True, colour)
    return pygame.transform.smoothscale_by(text, 1 / _FINE)


def _as_surface(picture: np.ndarray) -> pygame.Surface:
    """A surface on the picture's own memory: what is drawn on it is drawn into the array."""
    return pygame.image.frombuffer(np.ascontiguousarray(picture).data, picture.shape[1::-1], "RGB")
