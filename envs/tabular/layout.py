"""How a finite world lies on a board of cells: all that is needed to draw it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

# What a cell can be, by the letter that stands for it on a map.
GROUNDS = {
    ".": "floor",
    "S": "start",
    "G": "goal",
    "H": "hole",
    "C": "cliff",
    "#": "wall",
    " ": "nothing",
    "-": "road",
    "r": "red stand",
    "g": "green stand",
    "y": "yellow stand",
    "b": "blue stand",
}
OPEN = ".S-rgyb"  # grounds that one can stand on and act from: those with a value
DIRECTIONS = {
    "up": (-1, 0),
    "right": (0, 1),
    "down": (1, 0),
    "left": (0, -1),
    "up left": (-1, -1),
    "up right": (-1, 1),
    "down left": (1, -1),
    "down right": (1, 1),
}


class Piece(NamedTuple):
    """Something that stands on the board beside the agent."""

    kind: str  # passenger, destination or lead
    row: int
    column: int


@dataclass(frozen=True, eq=False)
class Layout:
    """A board, and where each state puts the agent on it.

    A world with more states than cells has several pages: one board for each value of what the place of the
    agent does not tell, such as where a passenger waits.
    """

    ground: tuple[str, ...]
    """The map, a string a row, a letter of `GROUNDS` a cell."""
    cells: np.ndarray
    """(S, 2) int: row and column of the agent."""
    actions: tuple[str, ...]
    """Names of the actions; one of `DIRECTIONS` is drawn as an arrow."""
    agent: str = "walker"
    """walker, taxi or car."""
    pages: np.ndarray | None = None
    """(S,) int: the page of each state; all are on the first by default."""
    pieces: tuple[tuple[Piece, ...], ...] = ((),)
    """What stands on each page."""
    captions: tuple[str, ...] = ("",)
    """Words under each page."""
    fences: tuple[tuple[int, int], ...] = ()
    """Cells (row, column) with a fence on their right."""
    arrows: tuple[str, ...] | None = None
    """What is drawn for each action, where it is not its name: one of `DIRECTIONS`, or a letter or two."""
    column_marks: tuple[str, ...] = ()
    """Words under each column, such as the strength of a wind."""

    def __post_init__(self) -> None:
        """Check that every state has its own place on a page.

        Raises:
            ValueError: the map is not a rectangle of known letters, or a state is off it or not alone.
        """
        if len({len(line) for line in self.ground}) != 1 or not set("".join(self.ground)) <= set(GROUNDS):
            raise ValueError(f"a map must be a rectangle of the letters {''.join(GROUNDS)}.")
        places = np.column_stack([self.page_of_states, self.cells])
        if (places < 0).any() or (places >= (self.num_pages, *self.shape)).any():
            raise ValueError("a state is outside the board.")
        if len(np.unique(places, axis=0)) != len(places):
            raise ValueError("two states have the same place on the same page.")

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.ground), len(self.ground[0])

    @property
    def marks(self) -> tuple[str, ...]:
        """What is drawn for each action."""
        return self.actions if self.arrows is None else self.arrows

    @property
    def num_pages(self) -> int:
        """How many boards there are."""
        return len(self.pieces)

    @property
    def page_of_states(self) -> np.ndarray:
        """(S,) int."""
        return np.zeros(len(self.cells), np.int64) if self.pages is None else self.pages

    def states_of_page(self, page: int) -> np.ndarray:
        """(rows, columns) int: the state that has its place there, −1 where there is none."""
        board = np.full(self.shape, -1)
        on_page = np.flatnonzero(self.page_of_states == page)
        board[tuple(self.cells[on_page].T)] = on_page
        return board

    def is_open(self, row: int, column: int) -> bool:
        """Whether one can stand on a cell and act from it."""
        return self.ground[row][column] in OPEN


def find(ground: Iterable[str], letters: str) -> list[tuple[int, int]]:
    """Cells (row, column) of a map that hold one of some letters."""
    return [(r, c) for r, line in enumerate(ground) for c, letter in enumerate(line) if letter in letters]
