"""What stands on a board: agents, pieces, flags and arrows, drawn into a cell."""

from collections.abc import Callable

import numpy as np

from envs.tabular.layout import DIRECTIONS
from envs.window import Canvas, Colour

Cell = tuple[float, float, float]  # left, top and side [pixels]

INK = (38, 44, 56)
WHITE = (255, 255, 255)
CORAL = (228, 78, 68)
YELLOW = (252, 202, 62)
SLATE = (64, 92, 142)
GREEN = (46, 146, 92)
ROCK, DARK_ROCK = (122, 74, 60), (96, 57, 48)
GLASS = (206, 222, 236)
_RIM = 0.045  # of a cell's side


def place_in(cell: Cell, across: float, down: float) -> tuple[float, float]:
    """A point of a cell, in shares of its side from its upper left corner."""
    left, top, side = cell
    return left + across * side, top + down * side


def draw_arrow(canvas: Canvas, centre: tuple[float, float], length: float, name: str, colour: Colour) -> None:
    """One of `DIRECTIONS` as an arrow, `o` as a dot, and all else as letters."""
    if name == "o":
        canvas.disc(centre, 0.18 * length, colour)
    elif name not in DIRECTIONS:
        canvas.words(name, max(10, round(1.1 * length)), colour, centre)
    else:
        down, right = DIRECTIONS[name]
        ahead = np.array([right, down]) / np.hypot(right, down)
        aside = np.array([-ahead[1], ahead[0]])
        outline = [
            (-0.5, 0.09),
            (0.06, 0.09),
            (0.06, 0.3),
            (0.5, 0.0),
            (0.06, -0.3),
            (0.06, -0.09),
            (-0.5, -0.09),
        ]
        canvas.shape(
            np.array([np.array(centre) + length * (a * ahead + b * aside) for a, b in outline]), colour
        )


def _draw_walker(canvas: Canvas, cell: Cell) -> None:
    centre, side = place_in(cell, 0.5, 0.42), cell[2]
    canvas.disc(centre, 0.29 * side, WHITE)
    canvas.disc(centre, (0.29 - _RIM) * side, CORAL)


def _draw_taxi(canvas: Canvas, cell: Cell) -> None:
    left, top = place_in(cell, 0.14, 0.2)
    side = cell[2]
    canvas.box((left, top, 0.72 * side, 0.44 * side), INK, 0.12 * side)
    rim = _RIM * side
    canvas.box((left + rim, top + rim, 0.72 * side - 2 * rim, 0.44 * side - 2 * rim), YELLOW, 0.09 * side)


def _draw_car(canvas: Canvas, cell: Cell, colour: Colour = CORAL) -> None:
    """A car from above, on its way to the right."""
    left, top = place_in(cell, 0.08, 0.2)
    side = cell[2]
    canvas.box((left - 1, top - 1, 0.84 * side + 2, 0.44 * side + 2), WHITE, 0.15 * side)
    canvas.box((left, top, 0.84 * side, 0.44 * side), colour, 0.14 * side)
    for across, width in ((0.66, 0.1), (0.14, 0.07)):
        window = (left + across * side, top + 0.07 * side, width * side, 0.3 * side)
        canvas.box(window, GLASS, 0.04 * side)


def _draw_lead(canvas: Canvas, cell: Cell) -> None:
    _draw_car(canvas, cell, SLATE)


def _draw_passenger(canvas: Canvas, cell: Cell) -> None:
    side = cell[2]
    for grown, colour in ((0.022, WHITE), (0.0, SLATE)):
        left, top = place_in(cell, 0.1 - grown, 0.23 - grown)
        body = (left, top, (0.16 + 2 * grown) * side, (0.17 + 2 * grown) * side)
        canvas.box(body, colour, (0.07 + grown) * side)
        canvas.disc(place_in(cell, 0.18, 0.16), (0.065 + grown) * side, colour)


def draw_flag(canvas: Canvas, cell: Cell, across: float = 0.5, scale: float = 1.0) -> None:
    """A flag, whose pole stands that far across the cell."""
    side = scale * cell[2]
    x, top = place_in(cell, across, 0.5 - 0.32 * scale)
    canvas.line((x, top), (x, top + 0.62 * side), 0.045 * side, INK)
    pennant = np.array([(0.0, 0.0), (0.34, 0.14), (0.0, 0.28)])
    canvas.shape(np.array([x, top]) + side * pennant, GREEN)


def draw_rocks(canvas: Canvas, cell: Cell) -> None:
    """What lies at the foot of a cliff."""
    left, top, side = cell
    for across, height, colour in ((0.06, 0.3, ROCK), (0.62, 0.36, ROCK), (0.3, 0.5, DARK_ROCK)):
        peak = np.array([(across, 0.9), (across + 0.17, 0.9 - height), (across + 0.34, 0.9)])
        canvas.shape(np.array([left, top]) + side * peak, colour)


def _draw_destination(canvas: Canvas, cell: Cell) -> None:
    draw_flag(canvas, (cell[0], cell[1] - 0.2 * cell[2], cell[2]), 0.76, 0.62)


SHAPES: dict[str, Callable[[Canvas, Cell], None]] = {
    "walker": _draw_walker,
    "taxi": _draw_taxi,
    "car": _draw_car,
    "lead": _draw_lead,
    "passenger": _draw_passenger,
    "destination": _draw_destination,
}
