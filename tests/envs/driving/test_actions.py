"""Actions: what the names do, and what is refused."""

import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from envs.driving.actions import ACTION_NAMES, ACTION_TABLE, action_space, controls, nearest_discrete


def controlled(kind: str, actions, rows: int) -> np.ndarray:
    out = np.full((rows, 2), np.nan, np.float32)
    controls(kind, actions, out)
    return out


def test_spaces() -> None:
    assert action_space("discrete") == spaces.Discrete(15)
    assert action_space("continuous") == spaces.Box(-1.0, 1.0, (2,), np.float32)


def test_every_name_says_what_its_action_does() -> None:
    assert len(set(ACTION_NAMES)) == len(ACTION_TABLE) == 15
    for name, (steer, pedal) in zip(ACTION_NAMES, ACTION_TABLE, strict=True):
        direction, throttle = name.split(", ")
        assert np.sign(steer) == {"left": 1, "right": -1, "straight": 0}[direction.split()[-1]]
        assert (abs(steer) > 0.5) == direction.startswith("hard")
        assert np.sign(pedal) == {"accelerate": 1, "coast": 0, "brake": -1}[throttle]


def test_discrete_actions_become_their_steering_and_pedal() -> None:
    np.testing.assert_array_equal(controlled("discrete", np.arange(15), 15), ACTION_TABLE)
    np.testing.assert_array_equal(controlled("discrete", [3, 14], 2), ACTION_TABLE[[3, 14]])
    np.testing.assert_array_equal(controlled("discrete", np.array([7], np.uint8), 1), ACTION_TABLE[[7]])


@given(arrays.arrays(np.float32, (5, 2), elements=st.floats(-1.0, 1.0, width=32)))
def test_continuous_actions_are_taken_as_they_are(actions: np.ndarray) -> None:
    np.testing.assert_array_equal(controlled("continuous", actions, 5), actions)


@pytest.mark.parametrize("action", [-1, 15, 2**40, -(2**40)])
def test_a_discrete_action_outside_the_space_is_refused(action: int) -> None:
    with pytest.raises(ValueError, match=rf"^action {action} is not in 0 … 14\.$"):
        controlled("discrete", np.array([3, action, 4]), 3)


@pytest.mark.parametrize("action", [float("nan"), float("inf"), -float("inf"), 1.0001, -2.0])
def test_a_continuous_action_outside_the_space_is_refused(action: float) -> None:
    with pytest.raises(ValueError, match=r"^action .* is outside \[-1, 1\]\.$"):
        controlled("continuous", np.array([[0.0, 0.5], [action, 0.0]], np.float32), 2)


@pytest.mark.parametrize(
    ("kind", "actions"),
    [
        ("discrete", [1]),
        ("discrete", [[1, 2]]),
        ("discrete", 1),
        ("discrete", [1.0, 2.0]),
        ("discrete", [True, False]),
        ("discrete", ["1", "2"]),
        ("discrete", [None, None]),
        ("discrete", [float("nan"), 1.0]),
        ("continuous", [0.0, 0.0]),
        ("continuous", [[0.0, 0.0]]),
        ("continuous", np.zeros((2, 3))),
        ("continuous", np.zeros((2, 2), complex)),
        ("continuous", [["a", "b"], ["c", "d"]]),
        ("continuous", None),
    ],
)
def test_actions_of_another_shape_or_type_are_refused_in_one_sentence(kind: str, actions) -> None:
    with pytest.raises(ValueError, match=r"^actions have shape .* and type .*; expected \(2,.*\.$"):
        controlled(kind, actions, 2)


def test_refused_actions_change_nothing() -> None:
    out = np.full((2, 2), 0.25, np.float32)
    for kind, actions in (("discrete", [0, 99]), ("continuous", [[0.0, 0.0], [0.0, 5.0]])):
        with pytest.raises(ValueError, match="action"):
            controls(kind, np.array(actions), out)
    assert (out == 0.25).all()


def test_the_nearest_discrete_action_of_each_action_is_itself() -> None:
    np.testing.assert_array_equal(nearest_discrete(ACTION_TABLE), np.arange(15))
    wanted = np.array([[-0.9, 1.0], [0.1, 0.0], [0.2, -0.6]], np.float32)
    names = [ACTION_NAMES[n] for n in nearest_discrete(wanted)]
    assert names == ["hard right, accelerate", "straight, coast", "left, brake"]
