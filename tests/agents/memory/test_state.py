"""What agents remember, and when they forget it."""

import numpy as np
import pytest
import torch

from agents.memory.state import restarted

ROWS = np.array([False, True, False])


@pytest.mark.parametrize("as_array", [np.asarray, torch.as_tensor])
def test_rows_that_begin_an_episode_remember_nothing_of_the_last(as_array):
    state = {"hidden": as_array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), "age": as_array([7, 8, 9])}
    initial = {"hidden": as_array([[0.0, 0.5]] * 3), "age": as_array([-1, -1, -1])}
    after = restarted(state, initial, ROWS)
    assert after is not None
    assert after["hidden"].tolist() == [[1.0, 2.0], [0.0, 0.5], [5.0, 6.0]]
    assert after["age"].tolist() == [7, -1, 9]
    assert state["age"].tolist() == [7, 8, 9]  # what an agent has stored of it stays as it was


def test_nothing_is_copied_where_no_episode_begins():
    state = {"hidden": np.zeros((3, 2))}
    assert restarted(state, state, np.zeros(3, np.bool_)) is state
    assert restarted(None, None, ROWS) is None
