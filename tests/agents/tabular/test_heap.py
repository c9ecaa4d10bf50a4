"""The heap against a dictionary that is searched."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.tabular.heap import pop_highest, push
from agents.tabular.records import Heap

PAIRS = 12
MOVES = st.lists(st.none() | st.tuples(st.integers(0, PAIRS - 1), st.floats(0, 100)), max_size=80)


def empty_heap():
    whole = np.zeros(PAIRS, np.int64)
    return Heap(whole, whole - 1, np.zeros(PAIRS), np.zeros(1, np.int64))


@settings(deadline=None)  # the first call compiles
@given(moves=MOVES)
def test_the_highest_comes_out_first(moves):
    """None takes the highest out; a pair that is in already moves to its new priority."""
    heap, waiting = empty_heap(), {}
    for move in moves:
        if move is not None:
            push(heap, *move)
            waiting[move[0]] = move[1]
        elif waiting:
            pair = pop_highest(heap)
            assert waiting.pop(pair) == max([*waiting.values(), heap.priority[pair]])
        assert heap.size[0] == len(waiting)
        assert set(np.flatnonzero(heap.place >= 0)) == set(waiting)
        assert all(heap.pair[heap.place[pair]] == pair for pair in waiting)


@settings(deadline=None)  # the first call compiles
@given(moves=MOVES)
def test_the_compiled_heap_is_the_written_one(moves):
    """`push.py_func` calls the compiled functions below it: one level at a time is compared."""
    heap, written = empty_heap(), empty_heap()
    for move in moves:
        if move is not None:
            push(heap, *move)
            push.py_func(written, *move)
        elif heap.size[0]:
            assert pop_highest(heap) == pop_highest.py_func(written)
    for left, right in zip(heap, written, strict=True):
        np.testing.assert_array_equal(left, right)
