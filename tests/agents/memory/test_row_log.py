"""Row logs: the ranges that are stored together."""

import pytest

from agents.memory.row_log import RowLog


@pytest.mark.parametrize(
    ("start", "stop", "expected"),
    [
        (0, 10, [(0, 4), (4, 8), (8, 10)]),
        (0, 0, []),
        (5, 12, [(5, 8), (8, 12)]),
        (9, 10, [(9, 10)]),
    ],
)
def test_segments_lie_on_a_grid(start, stop, expected):
    assert list(RowLog(start, stop, 4, lambda first, last: {}).segments()) == expected
