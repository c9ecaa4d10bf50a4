"""Pictures of finite worlds: what changes when the world does, and values in their colours."""

from typing import Any

import gymnasium as gym
import numpy as np
import pygame
import pytest

import envs  # noqa: F401  (registers the environments)
from envs.tabular.layout import Layout
from envs.tabular.shapes import CORAL
from envs.tabular.values import as_shown
from envs.tabular.vector_env import FiniteVectorEnv
from envs.tabular.viewer import FOOTER, SCALE, BoardViewer
from envs.tabular.worlds import WORLDS, make_world

OPTIONS: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in WORLDS),
    ("Lake", {"size": 8}),
    ("Lake", {"map": ["S" + "F" * 63] * 64}),
    ("WindyGrid", {"kings_moves": True, "stochastic": True}),
    ("Chain", {"length": 50}),
]


def picture_of(world: str, state: int, values: Any = None, **options: Any) -> np.ndarray:
    made = make_world(world, **options)
    shown = None if values is None else as_shown(made.model, values, 0.99)
    return BoardViewer(made.layout).picture(state, shown)


def part(picture: np.ndarray, world: str, row: int, column: int) -> np.ndarray:
    left, top, side = BoardViewer(make_world(world).layout)._place(row, column)
    return picture[round(top) : round(top + side), round(left) : round(left + side)]


@pytest.mark.parametrize(("world", "options"), OPTIONS)
def test_every_world_has_a_picture_with_and_without_values(world: str, options: dict[str, Any]):
    made = make_world(world, **options)
    rng = np.random.default_rng(0)
    q_values = rng.normal(size=(made.model.num_states, made.model.num_actions))
    viewer = BoardViewer(made.layout)
    plain, valued = (viewer.picture(0, shown) for shown in (None, as_shown(made.model, q_values, 1.0)))
    width, height = viewer.size
    assert plain.shape == valued.shape == (height, width, 3)
    assert plain.dtype == np.uint8
    assert width <= 930
    assert height <= 660
    assert (plain != valued).any(axis=2).mean() > 0.15
    assert np.array_equal(plain, picture_of(world, 0, **options))


@pytest.mark.parametrize("world", WORLDS)
def test_states_of_one_page_differ_where_the_agent_is_and_nowhere_else(world: str):
    layout = make_world(world).layout
    pages = layout.page_of_states
    first, second = np.flatnonzero(pages == pages[0])[[0, -2]]
    pictures = picture_of(world, int(first)), picture_of(world, int(second))
    changed = (pictures[0] != pictures[1]).any(axis=2)
    for state in (first, second):
        cell = part(changed, world, *layout.cells[state])
        assert cell.mean() > 0.1
        cell[:] = False
    assert not changed.any()


def test_values_are_painted_in_their_colours_and_holes_are_left_as_they_are():
    values = np.arange(16.0)
    plain, valued = picture_of("Lake", 0), picture_of("Lake", 0, values)
    lowest, highest = part(valued, "Lake", 0, 0), part(valued, "Lake", 3, 2)
    np.testing.assert_allclose(lowest[-8, 8], SCALE[0], atol=3)
    np.testing.assert_allclose(highest[-8, 8], SCALE[-1], atol=3)
    np.testing.assert_array_equal(part(plain, "Lake", 1, 1), part(valued, "Lake", 1, 1))
    np.testing.assert_array_equal(part(plain, "Lake", 3, 3), part(valued, "Lake", 3, 3))


def test_equal_values_are_drawn_without_arrows():
    flat = picture_of("Lake", 0, np.zeros((16, 4)))
    right = np.zeros((16, 4))
    right[:, 2] = 1.0
    arrows = picture_of("Lake", 0, right - 1.0)  # the same values, but one action is better
    differing = (part(flat, "Lake", 0, 1) != part(arrows, "Lake", 0, 1)).any(axis=2)
    rows, columns = np.nonzero(differing)
    assert 0.02 < differing.mean() < 0.15
    assert rows.max() < 0.65 * len(differing), "the number below the arrow stays"
    assert columns.mean() > 0.5 * len(differing) - 3, "the arrow's head, on the right, is its heavier end"


def test_arrows_point_where_the_action_goes():
    for action, (axis, sign) in enumerate([(1, -1), (0, 1), (1, 1), (0, -1)]):  # left, down, right, up
        q_values = np.zeros((16, 4))
        q_values[:, action] = 1.0
        cell = part(picture_of("Lake", 15, q_values), "Lake", 0, 1)[5:70, 20:85].astype(int)
        across = (np.abs(cell - cell[0, 0]).max(axis=2) > 60).sum(axis=1 - axis)  # ink along the axis
        used = np.flatnonzero(across)
        assert len(used) > 30, "longer than wide"
        assert sign * (np.average(np.arange(65), weights=across**2) - used.mean()) > 1, "the head is wide"


def test_the_agent_carries_the_arrow_of_its_own_cell():
    left, right = np.zeros((16, 4)), np.zeros((16, 4))
    left[:, 0] = right[:, 2] = 1.0
    hole = [part(picture_of("Lake", 5, q_values), "Lake", 1, 1) for q_values in (left, right)]
    np.testing.assert_array_equal(hole[0], hole[1])  # in a hole there is nothing to choose
    disc = [part(picture_of("Lake", 1, q_values), "Lake", 0, 1)[20:68, 28:76] for q_values in (left, right)]
    assert (disc[0] != disc[1]).any(axis=2).mean() > 0.05
    assert (np.abs(disc[0].astype(int) - CORAL).max(axis=2) < 5).mean() > 0.3


def test_greedy_actions_of_values_of_states_look_one_step_ahead():
    model = make_world("Lake", slippery=False).model
    values = np.zeros(16)
    values[[1, 8, 12]] = 1.0, 5.0, 50.0  # the last is a hole, whose value nobody ever gets
    shown = as_shown(model, values, 0.9)
    assert shown.greedy[0] == 2, "right, to state 1"
    assert shown.greedy[4] == 1, "down, to state 8"
    assert shown.greedy[8] == 0, "against the rim, to stay; not down, into the hole"
    assert shown.greedy[14] == 2, "right, to the goal, for its reward"
    assert shown.greedy[15] == -1, "nothing can be gained where all is over"
    np.testing.assert_array_equal(shown.values, values)


def test_of_equal_actions_the_first_is_greedy():
    model = make_world("Lake").model
    q_values = np.tile([0.0, 2.0, 2.0 + 1e-13, 1.0], (16, 1))
    shown = as_shown(model, q_values, 0.9)
    assert set(shown.greedy.tolist()) == {1}
    np.testing.assert_allclose(shown.values, 2.0)


@pytest.mark.parametrize("shape", [(15,), (16, 5), (16, 4, 1), ()])
def test_values_of_another_world_are_refused(shape: tuple[int, ...]):
    env = FiniteVectorEnv(1, "Lake")
    with pytest.raises(ValueError, match=r"^values have shape .*; expected \(16,\) or \(16, 4\)\.$"):
        env.show_values(np.zeros(shape))
    with pytest.raises(ValueError, match=r"^values hold a number that is not finite\.$"):
        env.show_values(np.full(16, np.nan))


@pytest.mark.parametrize("world", WORLDS)
def test_an_environment_draws_values_until_they_are_taken_away(world: str):
    env: Any = gym.make(f"Hairpin/{world}-v0", render_mode="rgb_array")
    env.reset(seed=0)
    plain = env.render()
    model = env.unwrapped.model
    env.unwrapped.show_values(np.random.default_rng(0).normal(size=(model.num_states, model.num_actions)))
    valued = env.render()
    assert (valued[-FOOTER:] != plain[-FOOTER:]).any(), "the scale"
    assert (valued[:-FOOTER] != plain[:-FOOTER]).any()
    env.unwrapped.show_values(None)
    np.testing.assert_array_equal(env.render(), plain)
    env.close()


def test_a_batch_draws_each_row_and_shows_the_first():
    env = FiniteVectorEnv(3, "Taxi", render_mode="rgb_array")
    env.reset(seed=0)
    pictures = env.render()
    assert pictures is not None
    assert len(pictures) == 3
    assert not np.array_equal(pictures[0], pictures[1])
    window = FiniteVectorEnv(3, "Taxi", render_mode="human")
    window.reset(seed=0)
    assert window.render() is None
    surface = pygame.display.get_surface()
    assert surface is not None
    np.testing.assert_array_equal(pygame.surfarray.array3d(surface).swapaxes(0, 1), pictures[0])
    window.close()
    assert not pygame.display.get_init()


def test_a_passenger_aboard_stands_at_no_stand():
    layout = make_world("Taxi").layout
    kinds = [[piece.kind for piece in pieces] for pieces in layout.pieces]
    assert kinds == [["destination", "passenger"]] * 16 + [["destination"]] * 4
    state = ((2 * 5 + 2) * 5 + 1) * 4 + 3  # passenger at the second stand, bound for the fourth
    pieces = {piece.kind: piece[1:] for piece in layout.pieces[layout.page_of_states[state]]}
    assert pieces == {"passenger": (0, 4), "destination": (4, 3)}
    assert layout.captions[layout.page_of_states[state]] == "passenger waits at green, bound for blue"
    assert layout.captions[0] == "passenger waits at red, bound for red"
    assert layout.captions[19] == "passenger aboard, bound for blue"


@pytest.mark.parametrize(
    ("ground", "cells", "fault"),
    [
        (("..", "."), [[0, 0]], "rectangle"),
        ((".?",), [[0, 0]], "letters"),
        ((".",), [[0, 1]], "outside the board"),
        ((".",), [[0, -1]], "outside the board"),
        (("..",), [[0, 1], [0, 1]], "same place"),
    ],
)
def test_a_layout_that_cannot_be_is_refused(ground: tuple[str, ...], cells: list, fault: str):
    with pytest.raises(ValueError, match=fault):
        Layout(ground, np.array(cells), ("up",))
