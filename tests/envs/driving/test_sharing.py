"""Rows shared out to threads: each is done once, by whoever is free, and a fault is not lost."""

from threading import Event, get_ident

import numpy as np
import pytest

from envs.driving.sharing import SharedWork, next_few


def taken(turn: np.ndarray, count: int) -> list[int]:
    """The rows that one thread takes until none are left."""
    rows: list[int] = []
    first, last = next_few(turn, count)
    while first < last:
        rows += range(first, last)
        first, last = next_few(turn, count)
    return rows


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 64, 100])
def test_one_thread_takes_every_row_in_order(count: int) -> None:
    assert taken(np.zeros(1, np.int64), count) == list(range(count))


def test_threads_that_take_in_turns_share_nothing() -> None:
    turn = np.zeros(1, np.int64)
    first, second = next_few(turn, 100), next_few(turn, 100)
    assert first[1] == second[0] > first[0]
    assert taken(turn, 100) == list(range(second[1], 100))


@pytest.mark.parametrize(
    ("rows", "threads", "used"),
    [(1, 8, 1), (7, 2, 1), (15, 2, 1), (16, 2, 2), (64, 2, 2), (64, 8, 8), (5, 1, 1)],
)
def test_a_thread_is_used_where_it_has_enough_to_do(rows: int, threads: int, used: int) -> None:
    assert SharedWork(rows, threads).threads == used


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_every_row_is_done_once(threads: int) -> None:
    work, marks = SharedWork(1000, threads), np.zeros(1000, np.int64)

    def count(turn: np.ndarray) -> None:
        for row in taken(turn, len(marks)):
            marks[row] += 1

    for round_number in range(1, 50):
        work.run(count)
        assert (marks == round_number).all()


def test_threads_work_at_the_same_time() -> None:
    here, there = Event(), Event()
    caller = get_ident()

    def meet(turn: np.ndarray) -> None:
        mine, other = (here, there) if get_ident() == caller else (there, here)
        mine.set()
        assert other.wait(30), "the other thread did not come before this one had finished"

    SharedWork(16, 2).run(meet)


def test_a_fault_of_another_thread_is_raised_here_and_the_next_work_is_done() -> None:
    work, caller, calls = SharedWork(16, 2), get_ident(), []

    def fail_elsewhere(turn: np.ndarray) -> None:
        if get_ident() != caller:
            raise ZeroDivisionError("elsewhere")

    with pytest.raises(ZeroDivisionError, match="elsewhere"):
        work.run(fail_elsewhere)
    work.run(lambda turn: calls.append(get_ident()))
    assert len(calls) == 2


def test_a_fault_here_does_not_leave_the_others_answer_behind() -> None:
    work, caller, calls = SharedWork(16, 2), get_ident(), []

    def fail_here(turn: np.ndarray) -> None:
        if get_ident() == caller:
            raise ZeroDivisionError("here")

    with pytest.raises(ZeroDivisionError, match="here"):
        work.run(fail_here)
    for done in range(1, 4):
        work.run(lambda turn: calls.append(get_ident()))
        assert len(calls) == 2 * done, "the answer of the work before was taken for this one's"
