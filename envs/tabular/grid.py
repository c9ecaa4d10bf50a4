"""Worlds of one walker on a grid: lake, cliff, four rooms and windy grid."""

from collections.abc import Callable, Iterable

import numpy as np

from envs.tabular.layout import DIRECTIONS, Layout, find
from envs.tabular.model import Outcome, build_model
from envs.tabular.world import World, goal_states, require_flag, require_whole

LAKES = {
    4: ("SFFF", "FHFH", "FFFH", "HFFG"),
    8: (
        "SFFFFFFF",
        "FFFFFFFF",
        "FFFHFFFF",
        "FFFFFHFF",
        "FFFHFFFF",
        "FHHFFFHF",
        "FHFFHFHF",
        "FFFHFFFG",
    ),
}
CLIFF = ("............", "............", "............", "SCCCCCCCCCCG")
ROOMS = (
    "#############",
    "#.....#.....#",
    "#.....#.....#",
    "#...........#",
    "#.....#.....#",
    "#.....#.....#",
    "##.####.....#",
    "#.....###G###",
    "#.....#.....#",
    "#.....#.....#",
    "#...........#",
    "#.....#.....#",
    "#############",
)
WINDY = ("..........", "..........", "..........", "S......G..", "..........", "..........", "..........")
WIND = (0, 0, 0, 1, 1, 1, 2, 2, 1, 0)
MOST_STEPS = 1_000_000
_LONGEST_SIDE = 64  # of a map of one's own

Cell = tuple[int, int]


def make_lake(
    size: int = 4,
    map: list[str] | tuple[str, ...] | None = None,
    slippery: bool = True,
    max_steps: int | None = None,
) -> World:
    """A frozen lake with holes: 1 for reaching the goal, nothing else; a hole ends the episode.

    On slippery ice a third of the steps each goes where it was meant to, to its left and to its right. The
    dynamics and the numbers of actions are those of Gymnasium's FrozenLake-v1.

    Args:
        size: 4 or 8, the side of a known map.
        map: a map of one's own: strings of S (start), F (ice), H (hole) and G (goal).
        slippery: whether the ice is.
        max_steps: by default 100, or 200 on a map of more than 16 cells.

    Raises:
        ValueError: there is no such lake.
    """
    require_flag("slippery", slippery)
    lines = _lake_map(size, map)
    usual = 100 if len(lines) * len(lines[0]) <= 16 else 200
    max_steps = usual if max_steps is None else max_steps
    require_whole("max_steps", max_steps, 1, MOST_STEPS)
    ground = tuple(line.replace("F", ".") for line in lines)
    names = ("left", "down", "right", "up")

    def outcomes(cell: Cell, action: int) -> list[tuple[float, Cell, float, bool]]:
        if ground[cell[0]][cell[1]] in "GH":
            return [(1.0, cell, 0.0, True)]
        turns = (-1, 0, 1) if slippery else (0,)
        reached = [_step(ground, cell, names[(action + turn) % 4]) for turn in turns]
        letters = [ground[row][column] for row, column in reached]
        return [
            (1.0 / len(turns), to, float(letter == "G"), letter in "GH")
            for to, letter in zip(reached, letters, strict=True)
        ]

    return _grid_world(ground, names, outcomes, "S", max_steps)


def make_cliff(slippery: bool = False, max_steps: int = 200) -> World:
    """A walk along a cliff: −1 a step; who falls off pays 100 and is back at the start.

    The dynamics and the numbers of actions are those of Gymnasium's CliffWalking-v1; the time limit is new.
    Source: Sutton and Barto (2018), example 6.6.

    Args:
        slippery: whether a third of the steps each goes to the left and to the right of what was meant.
        max_steps: the time limit.

    Raises:
        ValueError: an option is not one.
    """
    require_flag("slippery", slippery)
    require_whole("max_steps", max_steps, 1, MOST_STEPS)
    names = ("up", "right", "down", "left")
    start = find(CLIFF, "S")[0]

    def outcomes(cell: Cell, action: int) -> list[tuple[float, Cell, float, bool]]:
        turns = (-1, 0, 1) if slippery else (0,)
        reached = [_step(CLIFF, cell, names[(action + turn) % 4]) for turn in turns]
        letters = [CLIFF[row][column] for row, column in reached]
        return [
            (1.0 / len(turns), start, -100.0, False)
            if letter == "C"
            else (1.0 / len(turns), to, -1.0, letter == "G")
            for to, letter in zip(reached, letters, strict=True)
        ]

    return _grid_world(CLIFF, names, outcomes, "S", max_steps)


def make_four_rooms(slippery: bool = True, max_steps: int = 200) -> World:
    """Four rooms joined by hallways: 1 for reaching the goal in the eastern one, nothing else.

    A slippery step goes where it was meant to two times in three, and else in one of the other three
    directions; against a wall one stays. Episodes begin anywhere else.
    Source: Sutton, Precup and Singh (1999), section 3, with goal G1.

    Args:
        slippery: whether steps go astray.
        max_steps: the time limit.

    Raises:
        ValueError: an option is not one.
    """
    require_flag("slippery", slippery)
    require_whole("max_steps", max_steps, 1, MOST_STEPS)
    names = ("up", "down", "left", "right")
    goal = find(ROOMS, "G")[0]

    def outcomes(cell: Cell, action: int) -> list[tuple[float, Cell, float, bool]]:
        if cell == goal:
            return [(1.0, cell, 0.0, True)]
        astray = 1.0 / 9.0 if slippery else 0.0
        reached = [_step(ROOMS, cell, name) for name in names]
        return [
            (1.0 - 3.0 * astray if n == action else astray, to, float(to == goal), to == goal)
            for n, to in enumerate(reached)
        ]

    return _grid_world(ROOMS, names, outcomes, ".", max_steps)


def make_windy_grid(stochastic: bool = False, kings_moves: bool = False, max_steps: int = 200) -> World:
    """A grid whose middle columns push upwards as one leaves them: −1 a step until the goal.

    Source: Sutton and Barto (2018), example 6.5; exercises 6.9 and 6.10 are the options.

    Args:
        stochastic: whether a wind is one weaker or one stronger than usual, a third of the time each.
        kings_moves: whether one may step diagonally as well.
        max_steps: the time limit.

    Raises:
        ValueError: an option is not one.
    """
    require_flag("stochastic", stochastic)
    require_flag("kings_moves", kings_moves)
    require_whole("max_steps", max_steps, 1, MOST_STEPS)
    names = tuple(DIRECTIONS)[: 8 if kings_moves else 4]
    goal = find(WINDY, "G")[0]

    def outcomes(cell: Cell, action: int) -> list[tuple[float, Cell, float, bool]]:
        if cell == goal:
            return [(1.0, cell, 0.0, True)]
        wind = WIND[cell[1]]
        gusts = (-1, 0, 1) if stochastic and wind else (0,)
        reached = [_blown(cell, names[action], wind + gust) for gust in gusts]
        return [(1.0 / len(gusts), to, -1.0, to == goal) for to in reached]

    return _grid_world(WINDY, names, outcomes, "S", max_steps, tuple(f"wind {wind}" for wind in WIND))


def _lake_map(size: int, lines: list[str] | tuple[str, ...] | None) -> tuple[str, ...]:
    if lines is None:
        if type(size) is not int or size not in LAKES:
            raise ValueError(f"size is {size!r}; it must be 4 or 8, or a map of one's own be given.")
        return LAKES[size]
    fits = isinstance(lines, list | tuple) and all(isinstance(line, str) and line for line in lines)
    letters = "".join(lines) if fits else ""
    if not letters or len({len(line) for line in lines}) != 1 or not set(letters) <= set("SFHG"):
        raise ValueError(f"map is {lines!r}; it must be strings of one length, of the letters S, F, H and G.")
    if "S" not in letters or max(len(lines), len(lines[0])) > _LONGEST_SIDE:
        raise ValueError(f"map is {lines!r}; it must have an S, and sides of at most {_LONGEST_SIDE} cells.")
    return tuple(lines)


def _step(ground: tuple[str, ...], cell: Cell, name: str) -> Cell:
    """Where a step leads: against a wall or the rim of the board one stays, across it or along it."""
    down, right = DIRECTIONS[name]
    row = min(max(cell[0] + down, 0), len(ground) - 1)
    column = min(max(cell[1] + right, 0), len(ground[0]) - 1)
    return cell if ground[row][column] == "#" else (row, column)


def _blown(cell: Cell, name: str, wind: int) -> Cell:
    """Step and wind add up, and the rim of the board stops their sum."""
    down, right = DIRECTIONS[name]
    row = min(max(cell[0] + down - wind, 0), len(WINDY) - 1)
    return row, min(max(cell[1] + right, 0), len(WIND) - 1)


def _grid_world(
    ground: tuple[str, ...],
    actions: tuple[str, ...],
    outcomes: Callable[[Cell, int], Iterable[tuple[float, Cell, float, bool]]],
    start: str,
    max_steps: int,
    column_marks: tuple[str, ...] = (),
) -> World:
    """A world whose states are the cells without a wall, row by row.

    Args:
        ground: the map.
        actions: their names.
        outcomes: from a cell and an action to (chance, next cell, reward, terminated).
        start: letters of the cells where episodes begin.
        max_steps: the time limit.
        column_marks: of `Layout`.
    """
    cells = [(r, c) for r, line in enumerate(ground) for c in range(len(line)) if line[c] != "#"]
    number = {cell: state for state, cell in enumerate(cells)}

    def numbered(state: int, action: int) -> list[Outcome]:
        return [
            Outcome(chance, number[to], reward, terminated)
            for chance, to, reward, terminated in outcomes(cells[state], action)
        ]

    begins = np.array([ground[r][c] in start for r, c in cells])
    model = build_model(len(cells), len(actions), numbered, begins, max_steps)
    goals = goal_states(len(cells), [number[cell] for cell in find(ground, "G")])
    return World(model, Layout(ground, np.array(cells), actions, column_marks=column_marks), goals)
