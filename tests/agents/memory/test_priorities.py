"""The sum-tree against plain arrays."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.memory import priorities as module
from agents.memory.priorities import Priorities


def leaves(priorities):
    return priorities.tree[priorities.first_leaf :][: priorities.size]


@settings(deadline=None, max_examples=60)
@given(size=st.integers(1, 70), seed=st.integers(0, 2**32 - 1))
def test_every_node_is_the_sum_of_the_two_below_it(size, seed):
    generator = np.random.default_rng(seed)
    priorities, plain = Priorities(size), np.zeros(size)
    for _ in range(5):
        places, priority = generator.integers(size, size=7), generator.random(7)
        priorities.set(places, priority)
        for place, value in zip(places, priority, strict=True):
            plain[place] = value
        first, last = np.sort(generator.integers(size + 1, size=2))
        priorities.clear(int(first), int(last))
        plain[first:last] = 0
        np.testing.assert_array_equal(leaves(priorities), plain)
        inner = priorities.tree[1 : priorities.first_leaf]
        below = priorities.tree[2:].reshape(-1, 2)
        np.testing.assert_array_equal(inner, below.sum(1))
        assert priorities.total == pytest.approx(plain.sum())


@settings(deadline=None, max_examples=60)
@given(size=st.integers(1, 70), seed=st.integers(0, 2**32 - 1), count=st.integers(1, 40))
def test_a_draw_takes_one_place_of_every_equal_share(size, seed, count):
    generator = np.random.default_rng(seed)
    priority = np.where(generator.random(size) < 0.4, 0.0, generator.random(size))
    priority[generator.integers(size)] = 1.0
    priorities = Priorities(size)
    priorities.set(np.arange(size), priority)
    targets = (np.arange(count) + np.random.default_rng(1).random(count)) / count
    place, probability = priorities.draw(count, np.random.default_rng(1))
    np.testing.assert_allclose(probability, priority[place] / priority.sum())
    assert (priority[place] > 0).all()
    edges = np.concatenate([[0], np.cumsum(priority)]) / priority.sum()
    assert (edges[place] <= targets + 1e-9).all()
    assert (targets <= edges[place + 1] + 1e-9).all()


def test_rounding_never_leads_past_the_last_place():
    priorities = Priorities(3)
    priorities.set(np.arange(3), np.array([0.1, 0.2, 0.3]))
    place, probability = np.empty(1, np.int64), np.empty(1)
    module._draw(priorities.tree, np.array([1.0 + 1e-12]), place, probability)
    assert place == [2]


def test_the_compiled_tree_is_the_python_one():
    generator = np.random.default_rng(0)
    trees = [Priorities(11).tree for _ in range(2)]
    places, priority = generator.integers(11, size=20), generator.random(20)
    for tree, kernel in zip(trees, (module._set, module._set.py_func), strict=True):
        kernel(tree, places, priority)
    for tree, kernel in zip(trees, (module._set_range, module._set_range.py_func), strict=True):
        kernel(tree, 16 + 2, 16 + 5, 0.25)
    np.testing.assert_array_equal(trees[0], trees[1])
    drawn = np.empty((2, 9), np.int64), np.empty((2, 9))
    for row, kernel in enumerate((module._draw, module._draw.py_func)):
        kernel(trees[0], np.linspace(0, 0.99, 9), drawn[0][row], drawn[1][row])
    for places_drawn in drawn:
        np.testing.assert_array_equal(places_drawn[0], places_drawn[1])


def test_a_loaded_tree_has_the_same_bits():
    generator = np.random.default_rng(0)
    one, other = Priorities(100), Priorities(100)
    for _ in range(50):
        one.set(generator.integers(100, size=8), generator.random(8) * 3)
    other.load_state_dict(one.state_dict())
    assert other.tree.tobytes() == one.tree.tobytes()
    assert other.largest == one.largest > 1
