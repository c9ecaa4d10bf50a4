"""From spaces to table rows: every state has one number, and a number leads back to its action."""

import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector.utils import concatenate, create_empty_array

from agents.tabular.spaces import ActionNumbers, StateNumbers, require_table

DISCRETE = [
    spaces.Discrete(7),
    spaces.Discrete(5, start=-2),
    spaces.MultiDiscrete([3, 4]),
    spaces.MultiDiscrete(np.array([[2, 3], [2, 2]])),
    spaces.Tuple((spaces.Discrete(3, start=1), spaces.Discrete(2), spaces.MultiDiscrete([2, 2]))),
    spaces.Dict({"a": spaces.Discrete(3), "b": spaces.Discrete(4, start=2)}),
]


def batch_of(space, items):
    return concatenate(space, items, create_empty_array(space, len(items)))


@pytest.mark.parametrize("space", DISCRETE, ids=str)
def test_states_have_a_number_each(space):
    numbers = StateNumbers(space)
    space.seed(0)
    items = [space.sample() for _ in range(2000)]
    states = numbers.encode(batch_of(space, items))
    assert set(states) == set(range(numbers.number))
    assert len({repr(item) for item in items}) == numbers.number
    by_item = dict(zip(map(repr, items), states, strict=True))
    assert [by_item[repr(item)] for item in items] == states.tolist()


def test_a_box_is_divided_evenly():
    numbers = StateNumbers(spaces.Box(0.0, 1.0, (2,)), bins=(4, 2))
    obs = np.array([[0.0, 0.0], [0.24, 0.49], [0.26, 0.5], [0.99, 0.99], [7.0, -7.0]], np.float32)
    assert numbers.number == 8
    assert numbers.encode(obs).tolist() == [0, 0, 3, 7, 6]  # what lies outside is in the outermost interval


def test_a_box_without_ends_is_cut():
    space = spaces.Box(np.array([-1.0, -np.inf]), np.array([1.0, np.inf]), dtype=np.float64)
    obs = np.array([[0.0, 1.4], [0.0, 1.6]])
    assert StateNumbers(space, bins=(1, 4)).encode(obs).tolist() == [2, 3]
    assert StateNumbers(space, bins=(1, 4), unbounded=2.0).encode(obs).tolist() == [3, 3]
    assert StateNumbers(space, bins=(1, 4), low=(-1, 0), high=(1, 2)).encode(obs).tolist() == [2, 3]


def test_parts_may_be_of_any_kind():
    """Gear 3 or 4, then a Box of two numbers in 4 and 2 intervals, then one of one number in 3."""
    space = spaces.Dict(
        {
            "a": spaces.Discrete(2, start=3),
            "b": spaces.Box(0.0, 1.0, (2,)),
            "c": spaces.Box(-3, 3, (1,), np.int64),
        }
    )
    numbers = StateNumbers(space, bins=(4, 2, 3))
    assert numbers.shape == (2, 4, 2, 3)
    obs = {
        "a": np.array([3, 4, 4]),
        "b": np.array([[0.1, 0.9], [0.3, 0.2], [0.8, 0.7]], np.float32),
        "c": np.array([[-2], [0], [3]]),
    }
    expected = [0 + 0 + 3 + 0, 24 + 6 + 0 + 1, 24 + 18 + 3 + 2]
    assert numbers.encode(obs).tolist() == expected


@pytest.mark.parametrize("space", [spaces.Discrete(4, start=3), spaces.MultiDiscrete([3, 2], start=[1, 0])])
def test_actions_go_there_and_back(space):
    numbers = ActionNumbers(space)
    actions = numbers.decode(np.arange(numbers.number))
    assert all(space.contains(action) for action in actions)
    assert numbers.encode(actions).tolist() == list(range(numbers.number))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: StateNumbers(spaces.MultiBinary(3)),
            r"needs observations that are Discrete.*Tuple or Dict of them; this space is MultiBinary\(3\)",
        ),
        (
            lambda: StateNumbers(spaces.Tuple((spaces.Discrete(2), spaces.MultiBinary(3)))),
            r"this space is Tuple\(Discrete\(2\), MultiBinary",
        ),
        (lambda: ActionNumbers(spaces.Box(-1, 1, (2,))), r"a Discrete or MultiDiscrete action space.*is Box"),
        (
            lambda: StateNumbers(spaces.Box(0, 1, (3,)), bins=(2, 2)),
            "agent.bins has 2 numbers; the Box needs 1 or 3",
        ),
        (
            lambda: StateNumbers(spaces.Box(0, 1, (1,)), low=(2.0,)),
            r"agent.low is \(2.0,\) and agent.high \(\); for Box.*each must lie below the other",
        ),
        (
            lambda: require_table(
                StateNumbers(spaces.Box(0, 255, (8, 8, 3), np.uint8)), ActionNumbers(spaces.Discrete(2))
            ),
            r"a table of about 10\^\d+ states × 2 actions is too large: Box.* needs fewer agent.bins, or an "
            "agent with a network such as dqn",
        ),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(make, message):
    with pytest.raises(ValueError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)
