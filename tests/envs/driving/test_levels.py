"""Circuits keep their promises: length, radius, room, smoothness; and no two splits share one."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from envs.driving.config import LEVELS
from envs.driving.levels import SPLITS, centreline
from envs.driving.sections import CIRCUITS, HALF_WIDTH

LENGTH = {"train": (300, 500), "val": (300, 500), "test": (300, 500), "ood": (500, 1000)}
RADIUS = {"train": (12, 25), "val": (12, 25), "test": (12, 25), "ood": (8, 12)}
SAMPLE = range(0, 48)


def spacing(points: np.ndarray) -> np.ndarray:
    return np.hypot(*(np.roll(points[:, :2], -1, 0) - points[:, :2]).T)


def turns(points: np.ndarray) -> np.ndarray:
    """Change of heading from each point to the next, (−π, π]."""
    return np.angle(np.exp(1j * (np.roll(points[:, 2], -1) - points[:, 2])))


def signature(points: np.ndarray) -> np.ndarray:
    """|Spectrum of κ(s)|: no rotation, shift, start, reflection or change of direction alters it."""
    length = spacing(points).sum()
    even = np.interp(
        np.arange(512) / 512, np.arange(len(points) + 1) / len(points), np.append(points[:, 3], points[0, 3])
    )
    return np.append(np.abs(np.fft.rfft(even))[:24] / 512 * length, length / 20.0)


@pytest.mark.parametrize("split", SPLITS)
def test_length_and_sharpest_bend_are_in_range(split: str) -> None:
    for level in SAMPLE:
        points = centreline(split, level)
        assert LENGTH[split][0] - 0.5 <= spacing(points).sum() <= LENGTH[split][1] + 0.5
        radius = 1.0 / np.abs(points[:, 3]).max()
        assert RADIUS[split][0] - 0.05 <= radius <= RADIUS[split][1] + 0.4, (split, level, radius)


def test_levels_use_the_whole_range_of_radii_and_lengths() -> None:
    lines = [centreline("train", level) for level in range(128)]
    radii = np.array([1.0 / np.abs(points[:, 3]).max() for points in lines])
    lengths = np.array([spacing(points).sum() for points in lines])
    assert radii.min() < 14.0
    assert radii.max() > 20.0
    assert lengths.min() < 330.0
    assert lengths.max() > 460.0


@pytest.mark.parametrize("split", SPLITS)
def test_points_are_even_and_close_to_a_loop(split: str) -> None:
    for level in SAMPLE:
        points = centreline(split, level)
        gaps = spacing(points)
        assert gaps.min() > 0.48
        assert gaps.max() < 0.52
        evenly = np.arange(1, len(gaps) + 1) * gaps.mean()
        assert np.abs(np.cumsum(gaps) - evenly).max() < 0.05
        assert abs(turns(points).sum()) == pytest.approx(2 * np.pi, abs=1e-6)
        assert np.abs(turns(points)).max() < 0.51 / 7.9


@pytest.mark.parametrize("split", SPLITS)
def test_heading_and_curvature_agree_with_finite_differences(split: str) -> None:
    for level in SAMPLE[::4]:
        points = centreline(split, level)
        chord = np.roll(points[:, :2], -1, 0) - np.roll(points[:, :2], 1, 0)
        lag = np.angle(np.exp(1j * (np.arctan2(chord[:, 1], chord[:, 0]) - points[:, 2])))
        assert np.abs(lag).max() < 0.002
        bend = (turns(points) + np.roll(turns(points), 1)) / (spacing(points) + np.roll(spacing(points), 1))
        assert np.abs(bend - points[:, 3]).max() < 0.004


@pytest.mark.parametrize("split", SPLITS)
def test_passes_of_the_road_keep_their_distance(split: str) -> None:
    for level in SAMPLE[::3]:
        points = centreline(split, level)
        count = len(points)
        gap = np.hypot(*(points[:, None, :2] - points[None, :, :2]).transpose(2, 0, 1))
        apart = np.abs(np.arange(count)[:, None] - np.arange(count))
        along = np.minimum(apart, count - apart) * spacing(points).mean()
        assert gap[along > 31.0].min() > 14.5
        assert gap[along > 2.5 * HALF_WIDTH].min() > 2 * HALF_WIDTH, "the road overlaps itself"


@pytest.mark.parametrize("split", SPLITS)
def test_circuits_fit_their_map(split: str) -> None:
    for level in SAMPLE:
        points = centreline(split, level)
        low, high = points[:, :2].min(0), points[:, :2].max(0)
        assert (high - low).max() <= CIRCUITS[split].extent + 0.5
        np.testing.assert_allclose(low + high, 0.0, atol=0.5)


def test_the_signature_sees_through_every_variant_of_a_circuit() -> None:
    points = centreline("train", 3)
    rotated = points.copy()
    angle = 1.1
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    rotated[:, :2], rotated[:, 2] = points[:, :2] @ turn.T + 7.0, points[:, 2] + angle
    reverse = points[::-1] * [1.0, 1.0, 1.0, -1.0]
    mirrored = points * [1.0, -1.0, -1.0, -1.0]
    for variant in (rotated, reverse, mirrored, np.roll(reverse * [1.0, -1.0, 1.0, -1.0], 211, 0)):
        assert np.linalg.norm(signature(variant) - signature(points)) < 0.05


def test_no_circuit_occurs_twice_within_or_across_splits() -> None:
    marks = np.array([signature(centreline(split, n)) for split in SPLITS for n in range(LEVELS[split])])
    assert len(marks) == sum(LEVELS.values())
    squares = (marks**2).sum(1)
    distance = np.sqrt(np.maximum(squares[:, None] + squares - 2 * marks @ marks.T, 0.0))
    np.fill_diagonal(distance, np.inf)
    assert distance.min() > 0.5


def digest() -> str:
    sample = b"".join(centreline(split, level).tobytes() for split in SPLITS for level in (0, 1, 77))
    return hashlib.sha256(sample).hexdigest()


def test_a_new_process_draws_the_same_circuits() -> None:
    code = (
        "import hashlib\nfrom envs.driving.levels import SPLITS, centreline\n"
        "sample = b''.join(centreline(s, n).tobytes() for s in SPLITS for n in (0, 1, 77))\n"
        "print(hashlib.sha256(sample).hexdigest())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == digest()


def test_unknown_splits_and_negative_levels_are_refused() -> None:
    with pytest.raises(ValueError, match=r"split is 'night'; it must be one of train, val, test, ood\."):
        centreline("night", 0)
    with pytest.raises(ValueError, match=r"level is -1; levels are numbered from 0\."):
        centreline("train", -1)
