"""The taxi: fetch a passenger, and bring them to where they want to go."""

import numpy as np

from envs.tabular.grid import MOST_STEPS
from envs.tabular.layout import DIRECTIONS, Layout, Piece
from envs.tabular.model import Outcome, build_model
from envs.tabular.world import World, goal_states, require_whole

TOWN = ("r...g", ".....", ".....", ".....", "y..b.")
STANDS = ((0, 0), (0, 4), (4, 0), (4, 3))  # red, green, yellow, blue
FENCES = ((0, 1), (1, 1), (3, 0), (3, 2), (4, 0), (4, 2))  # on the right of these cells
ACTIONS = ("down", "up", "right", "left", "pick up", "drop off")
COLOURS = ("red", "green", "yellow", "blue")
ABOARD = 4  # a passenger's place beside the four stands
FARE, STEP, REFUSED = 20.0, -1.0, -10.0


def make_taxi(max_steps: int = 200) -> World:
    """A taxi on 5×5 streets: 20 for the right stand, −1 a step, −10 for a pick-up or drop-off that is wrong.

    Episodes begin anywhere, with the passenger at one stand and bound for another: 300 states. States,
    actions and dynamics are those of Gymnasium's Taxi-v4. Source: Dietterich (2000), section 2.1.

    Args:
        max_steps: the time limit.

    Raises:
        ValueError: the time limit is no such number.
    """
    require_whole("max_steps", max_steps, 1, MOST_STEPS)
    row, column, passenger, destination = (part.ravel() for part in np.indices((5, 5, 5, 4)))
    model = build_model(
        500, len(ACTIONS), _outcomes, (passenger < ABOARD) & (passenger != destination), max_steps
    )
    pages = [(place, bound) for place in range(5) for bound in range(4)]
    layout = Layout(
        TOWN,
        np.column_stack([row, column]),
        ACTIONS,
        agent="taxi",
        pages=passenger * 4 + destination,
        pieces=tuple(_pieces(place, bound) for place, bound in pages),
        captions=tuple(_caption(place, bound) for place, bound in pages),
        fences=FENCES,
        arrows=("down", "up", "right", "left", "P", "D"),
    )
    delivered = [_number(*stand, place, place) for place, stand in enumerate(STANDS)]
    return World(model, layout, goal_states(500, delivered))


def _number(row: int, column: int, passenger: int, destination: int) -> int:
    return ((row * 5 + column) * 5 + passenger) * 4 + destination


def _outcomes(state: int, action: int) -> list[Outcome]:
    place, destination = divmod(state, 4)
    (row, column), passenger = divmod(place // 5, 5), place % 5
    reward, terminated = STEP, False
    if action < 4:
        row, column = _drive(row, column, ACTIONS[action])
    elif action == 4:
        passenger, reward = _pick_up((row, column), passenger)
    else:
        passenger, reward = _drop_off((row, column), passenger, destination)
        terminated = reward == FARE
    return [Outcome(1.0, _number(row, column, passenger, destination), reward, terminated)]


def _drive(row: int, column: int, name: str) -> tuple[int, int]:
    down, right = DIRECTIONS[name]
    fenced = (row, column - (right < 0)) in FENCES
    if right and not fenced:
        column = min(max(column + right, 0), 4)
    return min(max(row + down, 0), 4), column


def _pick_up(cell: tuple[int, int], passenger: int) -> tuple[int, float]:
    """Where the passenger is then, and the reward."""
    waits = passenger < ABOARD and cell == STANDS[passenger]
    return (ABOARD, STEP) if waits else (passenger, REFUSED)


def _drop_off(cell: tuple[int, int], passenger: int, destination: int) -> tuple[int, float]:
    """Where the passenger is then, and the reward."""
    if passenger != ABOARD or cell not in STANDS:
        return passenger, REFUSED
    stand = STANDS.index(cell)
    return stand, FARE if stand == destination else STEP


def _pieces(passenger: int, destination: int) -> tuple[Piece, ...]:
    bound = Piece("destination", *STANDS[destination])
    return (bound,) if passenger == ABOARD else (bound, Piece("passenger", *STANDS[passenger]))


def _caption(passenger: int, destination: int) -> str:
    where = "aboard" if passenger == ABOARD else f"waits at {COLOURS[passenger]}"
    return f"passenger {where}, bound for {COLOURS[destination]}"
