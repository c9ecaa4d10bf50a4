"""The driving road as a grid: lane × speed × gap to a slower car ahead.

A cell of the road is 5 m long and a step takes 1 s, so that speeds 0 … 4 are 0 … 20 m/s. The car ahead goes
0, 1 or 2 cells a step, by chance. Once it is behind, another one is met `FAR` cells ahead in some lane.
"""

from collections.abc import Iterator

import numpy as np

from envs.tabular.grid import MOST_STEPS
from envs.tabular.layout import Layout, Piece
from envs.tabular.model import Outcome, build_model
from envs.tabular.world import World, require_whole

LANES = 3  # 0 is the left one
TOP_SPEED = 4  # [cells/step]
FAR = 12  # [cells] the largest gap: the car ahead is not lost from sight
ACTIONS = ("keep", "faster", "slower", "left", "right")
LEAD_STEPS = ((0, 0.25), (1, 0.5), (2, 0.25))  # cells that the car ahead goes, and their chances
LANE_CHANGE = 0.5  # chance that the lane beside is free; else one stays in one's own
FIRST_SPEED = 1
LANE_CHANGE_COST, CRASH = 0.1, -100.0


def make_road(max_steps: int = 100) -> World:
    """Drive fast and hit nobody: speed / 4 a step, −0.1 a change of lane, −100 a crash, which ends it.

    Actions: keep, faster and slower by one, left and right; a lane beside is free every other time, and else
    one stays in one's own. Then both cars go on. To reach the cell of the car ahead or to pass through it is
    a crash; in another lane one passes beside it. 540 states; an episode begins at speed 1, the next car far
    ahead, lanes by chance.

    Args:
        max_steps: the time limit; to last until then is a success.

    Raises:
        ValueError: the time limit is no such number.
    """
    require_whole("max_steps", max_steps, 1, MOST_STEPS)
    lane, lead, speed, gap = _parts()
    begins = (speed == FIRST_SPEED) & (gap == FAR)
    model = build_model(len(lane), len(ACTIONS), _outcomes, begins, max_steps)
    pages = [(lead_lane, pace) for lead_lane in range(LANES) for pace in range(TOP_SPEED + 1)]
    layout = Layout(
        ("-" * (FAR + 1),) * LANES,
        np.column_stack([lane, FAR - gap]),
        ACTIONS,
        agent="car",
        pages=lead * (TOP_SPEED + 1) + speed,
        pieces=tuple((Piece("lead", lead_lane, FAR),) for lead_lane, _ in pages),
        captions=tuple(f"speed {pace} of {TOP_SPEED}" for _, pace in pages),
        arrows=("o", "right", "left", "up", "down"),
    )
    return World(model, layout, np.zeros(len(lane), np.bool_), survival=True)


def _parts() -> tuple[np.ndarray, ...]:
    """Lane, lane of the car ahead, speed and gap of every state."""
    lane, lead, speed, gap = np.indices((LANES, LANES, TOP_SPEED + 1, FAR)).reshape(4, -1)
    return lane, lead, speed, gap + 1


def _number(lane: int, lead: int, speed: int, gap: int) -> int:
    return ((lane * LANES + lead) * (TOP_SPEED + 1) + speed) * FAR + gap - 1


def _outcomes(state: int, action: int) -> Iterator[Outcome]:
    lane, lead, speed, gap = (int(part[state]) for part in _PARTS)
    speed = min(max(speed + (action == 1) - (action == 2), 0), TOP_SPEED)
    for chance, reached in _lanes(lane, action):
        reward = speed / TOP_SPEED - LANE_CHANGE_COST * (reached != lane)
        for advance, likely in LEAD_STEPS:
            yield from _drive(chance * likely, (reached, lead, speed), gap - speed + advance, reward)


def _lanes(lane: int, action: int) -> list[tuple[float, int]]:
    """Lanes where an action may lead, and their chances."""
    wanted = lane - (action == 3) + (action == 4)
    if wanted == lane or not 0 <= wanted < LANES:
        return [(1.0, lane)]
    return [(LANE_CHANGE, wanted), (1.0 - LANE_CHANGE, lane)]


def _drive(chance: float, car: tuple[int, int, int], gap: int, reward: float) -> Iterator[Outcome]:
    """What comes of a new gap to the car ahead."""
    lane, lead, speed = car
    if gap > 0:
        yield Outcome(chance, _number(lane, lead, speed, min(gap, FAR)), reward)
    elif lane == lead:
        yield Outcome(chance, _number(lane, lead, speed, 1), reward + CRASH, True)
    else:
        for next_lead in range(LANES):
            yield Outcome(chance / LANES, _number(lane, next_lead, speed, FAR), reward)


_PARTS = _parts()
