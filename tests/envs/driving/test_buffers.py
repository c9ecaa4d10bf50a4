"""Arrays that are handed out again, and never while somebody can still see them."""

import numpy as np

from envs.driving.buffers import Pool


def make() -> np.ndarray:
    return np.zeros((4, 3))


def test_an_array_that_nobody_holds_is_handed_out_again() -> None:
    pool = Pool(make)
    address = pool.take().ctypes.data
    assert pool.take().ctypes.data == address


def test_a_held_array_is_left_alone_and_so_is_one_with_a_view() -> None:
    pool = Pool(make)
    first = pool.take()
    second = pool.take()
    view = second[1:, 0]
    del second
    third = pool.take()
    third[:] = 7.0
    assert not first.any()
    assert not view.any()
    assert not np.shares_memory(view, third)


def test_a_pool_keeps_few_arrays_however_many_are_out() -> None:
    made = []

    def count() -> np.ndarray:
        made.append(1)
        return make()

    pool = Pool(count)
    held = [pool.take() for _ in range(50)]
    assert len({array.ctypes.data for array in held}) == 50
    del held
    before = len(made)
    again = [pool.take() for _ in range(50)]
    assert before < len(made) < before + 50
    assert len(again) == 50


def test_without_copies_it_is_always_the_same_array() -> None:
    pool = Pool(make, always_same=True)
    assert pool.take() is pool.take()
