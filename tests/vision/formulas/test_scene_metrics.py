import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_curve

from vision.formulas.scene_metrics import (
    Segments,
    average_precision,
    boundary,
    boundary_counts,
    boundary_f1,
    box_overlap,
    match_segments,
    matched_boxes,
    panoptic_quality,
)


def picture(*rows: str) -> torch.Tensor:
    return torch.tensor([[int(letter) for letter in row] for row in rows])


def test_a_boundary_has_another_class_beside_it_and_the_frame_is_none():
    classes = picture("1100", "1100", "0000")
    assert boundary(classes[None], 1)[0].int().tolist() == [[0, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0]]


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 99), st.integers(0, 2))
def test_boundary_counts_are_those_of_pixels_one_by_one(seed, tolerance):
    generator = torch.Generator().manual_seed(seed)
    prediction, label = torch.randint(0, 3, (2, 1, 6, 7), generator=generator)

    def edge(classes: torch.Tensor) -> set[tuple[int, int]]:
        inside = {(r, c) for r in range(6) for c in range(7) if classes[r, c] == 1}
        beside = ((0, 1), (1, 0), (0, -1), (-1, 0))
        frame = {(r, c) for r in range(6) for c in range(7)}
        return {
            (r, c)
            for r, c in inside
            if any((r + dr, c + dc) in frame and (r + dr, c + dc) not in inside for dr, dc in beside)
        }

    def near(pixels: set[tuple[int, int]], others: set[tuple[int, int]]) -> int:
        close = [any(max(abs(r - y), abs(c - x)) <= tolerance for y, x in others) for r, c in pixels]
        return sum(close)

    mine, true = edge(prediction[0]), edge(label[0])
    expected = [len(mine), near(mine, true), len(true), near(true, mine)]
    assert boundary_counts(prediction, label, 1, tolerance).tolist() == expected


def test_boundary_f1_of_literal_counts():
    assert float(boundary_f1(torch.tensor([4, 2, 6, 6]))) == pytest.approx(2 * 0.5 / 1.5)
    assert float(boundary_f1(torch.tensor([0, 0, 6, 0]))) == 0.0
    assert math.isnan(float(boundary_f1(torch.tensor([0, 0, 0, 0]))))


def test_overlap_of_boxes():
    boxes = torch.tensor([[0.0, 0.0, 4.0, 4.0], [5.0, 5.0, 5.0, 9.0]])
    others = torch.tensor([[2.0, 2.0, 6.0, 6.0], [0.0, 0.0, 4.0, 4.0], [5.0, 5.0, 5.0, 9.0]])
    torch.testing.assert_close(
        box_overlap(boxes, others), torch.tensor([[4 / 28, 1.0, 0.0], [0.0, 0.0, 0.0]])
    )
    assert box_overlap(boxes, others[:0]).shape == (2, 0)


def test_a_true_box_is_found_once_by_the_surest():
    overlap = torch.tensor([[0.6, 0.2], [0.9, 0.55], [0.8, 0.7], [0.1, 0.3]])
    assert matched_boxes(overlap, 0.5).tolist() == [True, True, False, False]
    assert matched_boxes(overlap[:, :0], 0.5).tolist() == [False] * 4
    assert matched_boxes(overlap, 0.65).tolist() == [False, True, True, False]


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 999), st.integers(1, 40), st.integers(0, 10))
def test_average_precision_is_read_off_scikit_learn_s_curve(seed, count, missed):
    generator = np.random.default_rng(seed)
    score, found = generator.permutation(count) / count, generator.random(count) < 0.5
    total = int(found.sum()) + missed
    ours = average_precision(torch.from_numpy(score), torch.from_numpy(found), total)
    if total == 0:
        assert math.isnan(float(ours))
        return
    if not found.any():
        assert float(ours) == 0.0
        return
    precision, recall, _ = precision_recall_curve(found, score)
    recall = recall[:-1] * found.sum() / total
    read = [max(precision[:-1][recall >= r - 1e-9], default=0.0) for r in np.linspace(0, 1, 101)]
    assert float(ours) == pytest.approx(np.mean(read), abs=1e-6)


def test_average_precision_of_literal_cases():
    score = torch.tensor([0.9, 0.8, 0.7])
    assert float(average_precision(score, torch.tensor([True, True, True]), 3)) == 1.0
    assert float(average_precision(score, torch.tensor([True, False, False]), 2)) == pytest.approx(51 / 101)
    assert float(average_precision(score[:0], torch.zeros(0, dtype=torch.bool), 2)) == 0.0


def test_segments_of_a_literal_picture():
    label = picture("1110", "1110", "0022", "0022")
    prediction = picture("5550", "5500", "0007", "8000")
    # 5 covers five of the six of 1; 7 one of the four of 2, so neither it nor 8 is matched.
    segments = match_segments(prediction, label)
    assert tuple(segments) == pytest.approx((5 / 6, 1, 2, 1))
    assert panoptic_quality(segments) == pytest.approx(5 / 6 / (1 + 0.5 * 3))


def test_what_is_ignored_counts_nowhere():
    label = picture("1190", "1190", "9990")
    prediction = picture("1110", "1110", "2223")
    segments = match_segments(prediction, label, ignored=9)
    assert segments == Segments(1.0, 1, 1, 0)  # 2 lies where nobody knows; 3 does not
    nothing = match_segments(torch.zeros_like(label), torch.zeros_like(label))
    assert math.isnan(panoptic_quality(nothing))


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 999))
def test_matches_are_those_of_sets_of_pixels(seed):
    generator = np.random.default_rng(seed)
    label = np.kron(generator.integers(0, 4, (2, 3)), np.ones((2, 2), np.int64))
    prediction = np.where(generator.random(label.shape) < 0.8, label, generator.integers(0, 4, label.shape))

    def parts(picture: np.ndarray) -> dict[int, set[int]]:
        flat = picture.ravel()
        return {int(n): set(np.flatnonzero(flat == n).tolist()) for n in np.unique(flat) if n}

    true, mine = parts(label), parts(prediction)
    shares = [len(a & b) / len(a | b) for a in mine.values() for b in true.values()]
    matched = [share for share in shares if share > 0.5]
    expected = sum(matched), len(matched), len(mine) - len(matched), len(true) - len(matched)
    assert tuple(match_segments(torch.from_numpy(prediction), torch.from_numpy(label))) == pytest.approx(
        expected
    )
