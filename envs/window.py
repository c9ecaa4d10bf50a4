"""A window of the desktop, and what is drawn to be shown in it: smooth shapes and text.

Nothing here needs installed fonts, and nothing but `Window` a display.
"""

import os
import sys
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import pygame

Colour = tuple[int, int, int] | tuple[int, int, int, int]
SHADE = (14, 18, 27)
FINE = 3  # shapes are drawn this much larger and scaled down: smooth edges


class NoDisplayError(OSError):
    """There is no display to open a window on."""


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
            self._screen = _open_screen((picture.shape[1], picture.shape[0]))
        self._screen.blit(as_surface(picture), (0, 0))
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


def _open_screen(size: tuple[int, int]) -> pygame.Surface:
    """Open the window; SDL's hidden screen counts only where it was asked for."""
    asked = "SDL_VIDEODRIVER" in os.environ
    desktop = sys.platform != "linux" or "DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ
    try:
        if asked or desktop:
            pygame.display.init()
            if asked or pygame.display.get_driver() != "offscreen":
                pygame.display.set_caption("Hairpin")
                return pygame.display.set_mode(size)
        fault = "no desktop was found"
    except pygame.error as error:
        fault = str(error)
    pygame.display.quit()
    raise NoDisplayError(f"there is no display to open a window on ({fault}); save a film instead")


def smooth(size: tuple[int, int], draw: Callable[[pygame.Surface], None]) -> pygame.Surface:
    """What `draw` draws on a clear surface `FINE` times larger, scaled down."""
    fine = pygame.Surface((size[0] * FINE, size[1] * FINE), pygame.SRCALPHA)
    fine.fill((*SHADE, 0))
    draw(fine)
    return pygame.transform.smoothscale(fine, size)


def fill(canvas: pygame.Surface, rect: pygame.Rect, colour: Colour) -> None:
    """A rectangle, as see-through as its colour."""
    shade = pygame.Surface(rect.size, pygame.SRCALPHA)
    shade.fill(colour)
    canvas.blit(shade, rect)


def write(canvas: pygame.Surface, words: str, size: int, colour: Colour, **place: tuple[int, int]) -> None:
    """Write a line of text where `place` (such as topleft=…) says."""
    text = lettering(words, size, colour)
    canvas.blit(text, text.get_rect(**place))


@lru_cache(maxsize=512)
def lettering(words: str, size: int, colour: Colour) -> pygame.Surface:
    """A line of text in pygame's own font: nothing needs to be installed."""
    return pygame.transform.smoothscale_by(_large_text(words, size, colour), 1 / FINE)


@lru_cache(maxsize=512)
def _large_text(words: str, size: int, colour: Colour) -> pygame.Surface:
    """A line of text, `FINE` times as large."""
    pygame.font.init()  # here, since other environments quit all of pygame when they close
    return pygame.font.Font(None, FINE * size).render(words, True, colour)


def as_surface(picture: np.ndarray) -> pygame.Surface:
    """A surface on the picture's own memory: what is drawn on it is drawn into the array."""
    return pygame.image.frombuffer(np.ascontiguousarray(picture).data, picture.shape[1::-1], "RGB")


class Canvas:
    """An empty picture, and what can be drawn on it; lengths are in pixels, from its upper left corner.

    All is drawn `FINE` times larger, and scaled down when the picture is taken.
    """

    def __init__(self, width: int, height: int, colour: Colour) -> None:
        self.size = width, height
        self._fine = pygame.Surface((FINE * width, FINE * height))
        self._fine.fill(colour)

    def box(
        self, place: tuple[float, float, float, float], colour: Colour, radius: float = 0.0, rim: float = 0.0
    ) -> None:
        """A rectangle, (left, top, width, height), with round corners; its rim alone, where that is told."""
        left, top, width, height = place
        x, y = round(FINE * left), round(FINE * top)
        edge = pygame.Rect(x, y, round(FINE * (left + width)) - x, round(FINE * (top + height)) - y)
        pygame.draw.rect(self._fine, colour, edge, round(FINE * rim), border_radius=round(FINE * radius))

    def disc(self, centre: tuple[float, float], radius: float, colour: Colour, rim: float = 0.0) -> None:
        """A disc, or its rim alone, where that is told."""
        middle = (FINE * centre[0], FINE * centre[1])
        pygame.draw.circle(self._fine, colour, middle, FINE * radius, round(FINE * rim))

    def shape(self, corners: np.ndarray, colour: Colour) -> None:
        """A filled polygon with corners (n, 2)."""
        pygame.draw.polygon(self._fine, colour, (FINE * np.asarray(corners)).tolist())

    def line(
        self, begin: tuple[float, float], end: tuple[float, float], width: float, colour: Colour
    ) -> None:
        """A straight line."""
        first, last = ((FINE * x, FINE * y) for x, y in (begin, end))
        pygame.draw.line(self._fine, colour, first, last, max(1, round(FINE * width)))

    def words(self, words: str, size: int, colour: Colour, centre: tuple[float, float]) -> None:
        """A line of text about a point."""
        text = _large_text(words, size, colour)
        self._fine.blit(text, text.get_rect(center=(round(FINE * centre[0]), round(FINE * centre[1]))))

    def picture(self) -> np.ndarray:
        """(H, W, 3) uint8."""
        scaled = pygame.transform.smoothscale(self._fine, self.size)
        return np.ascontiguousarray(pygame.surfarray.array3d(scaled).swapaxes(0, 1))


def width_of(words: str, size: int) -> float:
    """Pixels across a line of text."""
    return _large_text(words, size, SHADE).get_width() / FINE
