"""Pictures of finite worlds: the board, the agent on it, and values with greedy actions over it."""

from collections.abc import Iterator

import numpy as np

from envs.tabular.layout import Layout, find
from envs.tabular.shapes import GREEN, INK, SHAPES, WHITE, Cell, draw_arrow, draw_flag, draw_rocks, place_in
from envs.tabular.values import Shown
from envs.window import Canvas, Colour, width_of

WIDEST, TALLEST = 880, 520  # [pixels] of the board
CELL, NARROWEST = 104, 380  # [pixels] a cell at most, and a picture at least
MARGIN, LINE, FOOTER = 22, 34, 46  # [pixels] around the board, of a line of words, of the scale's place
PAPER = (250, 249, 245)
FAINT = (112, 119, 131)
WALL = (84, 92, 108)
HOLE = (47, 66, 96)
GROUND_COLOURS: dict[str, Colour] = {
    "#": WALL,
    "C": (152, 98, 80),
    "G": (208, 234, 214),
    "-": (128, 134, 146),
    "r": (250, 205, 200),
    "g": (200, 232, 204),
    "y": (250, 236, 180),
    "b": (204, 218, 246),
}
RIMS: dict[str, Colour] = {"r": (222, 74, 66), "g": (40, 152, 84), "y": (226, 168, 20), "b": (64, 104, 206)}
FLOOR: Colour = (224, 233, 241)
# From the lowest value to the highest; those between are mixed.
SCALE = np.array(
    [(62, 64, 128), (58, 116, 158), (84, 170, 150), (172, 208, 118), (252, 226, 112)], np.float64
)


class BoardViewer:
    """Pictures of a world's states.

    Args:
        layout: how the world lies on a board.

    Attributes:
        size: width and height of a picture [pixels].
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        rows, columns = layout.shape
        self.cell = max(8, min(CELL, WIDEST // columns, TALLEST // rows))
        width = max(columns * self.cell + 2 * MARGIN, NARROWEST)
        header = LINE if any(layout.captions) else 0
        marks = LINE if layout.column_marks else 0
        self.size = width, rows * self.cell + 2 * MARGIN + header + marks + FOOTER
        self._left, self._top = (width - columns * self.cell) // 2, MARGIN + header

    def picture(self, state: int, shown: Shown | None = None) -> np.ndarray:
        """Draw a state, and values over the board where there are some: (H, W, 3) uint8."""
        canvas = Canvas(*self.size, PAPER)
        page = int(self.layout.page_of_states[state])
        here = tuple(self.layout.cells[state].tolist())
        for row, column, _ in self._states(page):
            self._draw_ground(canvas, row, column)
        span = self._draw_values(canvas, page, shown) if shown else None
        self._draw_marks(canvas, page)
        for piece in self.layout.pieces[page]:
            SHAPES[piece.kind](canvas, self._place(piece.row, piece.column))
        SHAPES[self.layout.agent](canvas, self._place(*here))
        if shown and self.layout.is_open(*here):
            self._draw_greedy(
                canvas, here, shown.greedy[state], WHITE if self.layout.agent != "taxi" else INK
            )
        if span:
            self._draw_scale(canvas, *span)
        return canvas.picture()

    def _place(self, row: int, column: int) -> Cell:
        return self._left + column * self.cell, self._top + row * self.cell, self.cell

    def _states(self, page: int) -> Iterator[tuple[int, int, int]]:
        """Row, column and state of every cell of a page, state −1 where there is none."""
        for (row, column), state in np.ndenumerate(self.layout.states_of_page(page)):
            yield row, column, state

    def _draw_ground(self, canvas: Canvas, row: int, column: int) -> None:
        letter, cell = self.layout.ground[row][column], self._place(row, column)
        if letter != " ":
            self._fill(canvas, cell, GROUND_COLOURS.get(letter, FLOOR))
        if letter == "H":
            canvas.disc(place_in(cell, 0.5, 0.5), 0.36 * self.cell, (176, 196, 216))
            canvas.disc(place_in(cell, 0.5, 0.52), 0.33 * self.cell, HOLE)
        elif letter == "G":
            draw_flag(canvas, cell, 0.4)
        elif letter == "C":
            draw_rocks(canvas, cell)
        elif letter == "S":
            self._draw_start(canvas, row, column, GREEN)

    def _fill(self, canvas: Canvas, cell: Cell, colour: Colour) -> None:
        """Paint a cell, with a little room between it and the next; a road has no joints."""
        left, top, side = cell
        joints = side >= 24 and self.layout.agent != "car"
        gap = 1.0 if joints else 0.0
        canvas.box((left + gap, top + gap, side - 2 * gap, side - 2 * gap), colour, 0.05 * side * joints)

    def _draw_values(self, canvas: Canvas, page: int, shown: Shown) -> tuple[float, float] | None:
        """Paint the cells of a page by value; returns the lowest and the highest, none if there are none."""
        cells = [each for each in self._states(page) if each[2] >= 0 and self.layout.is_open(*each[:2])]
        if not cells:
            return None
        values = shown.values[[state for *_, state in cells]]
        low, high = float(values.min()), float(values.max())
        numbers = [_number(value, low, high) for value in values]
        size = min(20, round(0.3 * self.cell))
        fit = size >= 11 and max(width_of(number, size) for number in numbers) <= self.cell - 5
        for (row, column, state), value, number in zip(cells, values, numbers, strict=True):
            colour = _colour((value - low) / (high - low) if high > low else 1.0)
            cell, ink = self._place(row, column), _ink_on(colour)
            self._fill(canvas, cell, colour)
            self._draw_greedy(canvas, (row, column), shown.greedy[state], ink)
            if self.layout.ground[row][column] == "S":
                self._draw_start(canvas, row, column, ink)
            if fit:
                canvas.words(number, size, ink, place_in(cell, 0.5, 0.83))
        return low, high

    def _draw_greedy(self, canvas: Canvas, at: tuple[int, ...], action: int, colour: Colour) -> None:
        if action >= 0 and self.cell >= 14:
            centre = place_in(self._place(*at), 0.5, 0.42)
            draw_arrow(canvas, centre, 0.36 * self.cell, self.layout.marks[action], colour)

    def _draw_marks(self, canvas: Canvas, page: int) -> None:
        """Fences, lanes, and words about the board."""
        rows, columns = self.layout.shape
        for row, column in self.layout.fences:
            x, y, side = self._place(row, column + 1)
            canvas.line((x, y), (x, y + side), 5.0, INK)
        for row, column in find(self.layout.ground, "".join(RIMS)):
            left, top, side = self._place(row, column)
            colour = RIMS[self.layout.ground[row][column]]
            canvas.box((left + 1, top + 1, side - 2, side - 2), colour, 0.05 * side, 0.05 * side)
        if self.layout.ground[0][0] == "-":
            self._draw_lanes(canvas)
        for column, words in enumerate(self.layout.column_marks):
            x, y, side = self._place(rows, column)
            canvas.words(words, min(19, round(0.3 * side)), FAINT, (x + side / 2, y + LINE / 2))
        if caption := self.layout.captions[page]:
            canvas.words(caption, 24, INK, (self.size[0] / 2, MARGIN + LINE / 2 - 8))

    def _draw_start(self, canvas: Canvas, row: int, column: int, colour: Colour) -> None:
        size = round(0.26 * self.cell)
        if size >= 11:
            canvas.words("S", size, colour, place_in(self._place(row, column), 0.14, 0.16))

    def _draw_lanes(self, canvas: Canvas) -> None:
        """White lines along a road: whole ones at its rims, dashes between its lanes."""
        rows, columns = self.layout.shape
        for row in range(rows + 1):
            x, y, side = self._place(row, 0)
            for column in range(columns):
                dash = (0.25, 0.75) if 0 < row < rows else (0.0, 1.0)
                begin, end = (x + (column + share) * side for share in dash)
                canvas.line((begin, y), (end, y), 4.0, WHITE)

    def _draw_scale(self, canvas: Canvas, low: float, high: float) -> None:
        """The scale of colours, under the board."""
        left, width = self.size[0] / 2 - 90, 180
        middle = self.size[1] - FOOTER / 2 - 4
        for n in range(width):
            canvas.box((left + n, middle - 5, 1.5, 10), _colour(n / (width - 1)))
        for words, side in ((_number(low, low, high), -1), (_number(high, low, high), 1)):
            centre = self.size[0] / 2 + side * (100 + width_of(words, 20) / 2)
            canvas.words(words, 20, INK, (centre, middle))


def _number(value: float, low: float, high: float) -> str:
    largest = max(abs(low), abs(high))
    decimals = 2 if largest < 10.0 else 1 if largest < 100.0 else 0
    return f"{value + 0.0:.{decimals}f}".replace("-", "−")


def _colour(share: float) -> Colour:
    """The colour of a value, `share` of the way from the lowest to the highest."""
    steps = np.linspace(0.0, 1.0, len(SCALE))
    red, green, blue = (round(float(np.interp(share, steps, part))) for part in SCALE.T)
    return red, green, blue


def _ink_on(colour: Colour) -> Colour:
    """What can be read on a colour."""
    return INK if 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2] > 130.0 else WHITE
