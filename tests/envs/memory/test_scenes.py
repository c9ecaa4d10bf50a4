"""Pictures of the memory worlds: what must be in them, by colour and place."""

import numpy as np
import pytest

from envs.memory.recall import RecallVectorEnv
from envs.memory.scenes import ACCENT, EDGE, INK, RIGHT, WRONG
from envs.memory.tmaze import FORWARD, LEFT, TMazeVectorEnv
from envs.memory.tmaze import RIGHT as TURN_RIGHT


def places_of(picture: np.ndarray, colour: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    """Rows and columns of the pixels of a colour, or nearly: scaling a picture down darkens it a little."""
    return np.nonzero((np.abs(picture - np.array(colour)) < 8).all(-1))


def middle_of(picture: np.ndarray, colour: tuple[int, ...]) -> np.ndarray | None:
    """Mean (x, y) of the pixels of a colour; None where there are none."""
    rows, columns = places_of(picture, colour)
    return np.array([columns.mean(), rows.mean()]) if len(rows) else None


def picture_of(env: TMazeVectorEnv | RecallVectorEnv) -> np.ndarray:
    pictures = env.render()
    assert pictures is not None
    return pictures[0]


@pytest.mark.parametrize("length", [1, 10, 1000])
def test_the_agent_walks_along_the_corridor_and_the_cue_goes_out(length: int) -> None:
    env = TMazeVectorEnv(1, length=length, render_mode="rgb_array")
    env.reset(seed=0)
    start = picture_of(env)
    sign, agent = middle_of(start, ACCENT), middle_of(start, INK)
    assert sign is not None
    assert agent is not None
    env.step(np.array([FORWARD]))
    assert middle_of(picture_of(env), ACCENT) is None
    env.rows["place"] = length
    there = middle_of(picture_of(env), INK)
    assert there is not None
    assert there[0] - agent[0] == pytest.approx(660.0, abs=1.0)
    assert there[1] == pytest.approx(agent[1], abs=0.5)


@pytest.mark.parametrize("turn", [LEFT, TURN_RIGHT])
@pytest.mark.parametrize("cue", [LEFT, TURN_RIGHT])
def test_left_is_up_and_the_end_is_coloured_by_success(turn: int, cue: int) -> None:
    env = TMazeVectorEnv(1, length=1, render_mode="rgb_array")
    env.reset(seed=0)
    env.rows["cue"] = cue
    env.step(np.array([FORWARD]))
    env.step(np.array([turn]))
    picture = picture_of(env)
    place = middle_of(picture, RIGHT if turn == cue else WRONG)
    assert place is not None
    assert (place[1] < 310) == (turn == LEFT)
    assert middle_of(picture, WRONG if turn == cue else RIGHT) is None
    sign = middle_of(picture[136:224, 76:164], EDGE)
    assert sign is not None
    assert (sign[1] > 44) == (cue == LEFT), "an arrow is heavier at its back"


def test_answers_stand_under_what_was_shown_and_a_question_is_marked() -> None:
    env = RecallVectorEnv(1, num_symbols=3, length=2, delay=1, render_mode="rgb_array")
    env.reset(seed=0)
    env.rows["symbols"] = [[2, 0]]
    for _ in range(3):
        assert middle_of(picture_of(env), ACCENT) is None
        env.step(np.array([0]))
    assert middle_of(picture_of(env), ACCENT) is not None
    env.step(np.array([2]))
    picture = picture_of(env)
    rows, columns = places_of(picture, ACCENT)
    assert (columns[rows > 400] > 480).all(), "the second slot is asked for"
    env.step(np.array([1]))
    picture = picture_of(env)
    right, wrong = middle_of(picture, RIGHT), middle_of(picture, WRONG)
    assert right is not None
    assert wrong is not None
    assert right[0] < 480 < wrong[0]
    assert middle_of(picture, ACCENT) is None


def test_the_longest_sequence_of_the_most_symbols_can_be_drawn() -> None:
    env = RecallVectorEnv(1, num_symbols=64, length=256, delay=0, render_mode="rgb_array")
    env.reset(seed=0)
    assert picture_of(env).shape == (600, 960, 3)
