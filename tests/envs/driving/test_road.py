"""What the compiled code reads of a road against the polyline measured in float64."""

import numpy as np
import pytest

from envs.driving.road import ALONG_STEPS, OFFSET_STEPS, STRIPE_PERIOD, TEXEL, Roads, project, roads
from envs.driving.sections import HALF_WIDTH


def beside(road, rng: np.random.Generator, count: int, reach: float) -> np.ndarray:
    """Random points (count, 2) within `reach` of a reference road."""
    return road.at(rng.uniform(0.0, road.lap, count), rng.uniform(-reach, reach, count))


@pytest.mark.parametrize(("split", "level"), [("train", 1), ("val", 0), ("test", 2), ("ood", 3)])
def test_projection_finds_the_place_on_the_road(reference_road, split: str, level: int) -> None:
    library = roads(split, 4)
    library.require(np.array([level]))
    line = library.centrelines[level, : library.counts[level]]
    road = reference_road(split, level)
    points = beside(road, np.random.default_rng(level), 400, HALF_WIDTH)
    true = road.place(points)
    for (x, y), (left, along, _) in zip(points.astype(np.float32), true, strict=True):
        start = int(along / road.spacing) + 3
        n, got, advance = project(line, start, 6, x, y)
        assert abs(got - left) < 0.01
        gap = (n * road.spacing + advance - along + road.lap / 2) % road.lap - road.lap / 2
        assert abs(gap) < 0.03


def test_projection_goes_on_over_the_start_of_a_lap(reference_road) -> None:
    library = roads("train", 4)
    library.require(np.array([0]))
    line = library.centrelines[0, : library.counts[0]]
    for start in (0, 1, len(line) - 2, len(line) - 1):
        for target in (len(line) - 1, 0, 1):
            x, y = line[target, :2]
            n, left, advance = project(line, start, 6, x, y)
            assert n == target
            assert abs(left) < 1e-4
            assert abs(advance) < 1e-4


def decode(texels: np.ndarray) -> tuple[np.ndarray, ...]:
    """Offset [m], its gradient x and y, distance along [m] and flags, as the head of road.py tells."""
    low, high = texels & 0xFFFFFFFF, texels >> 32
    low = low - (low >> 31 << 32)
    gradient = [((part & 255) ^ 128) - 128 for part in (low >> 8, low)]
    return (
        (low >> 16) / OFFSET_STEPS,
        gradient[0] / 127.0,
        gradient[1] / 127.0,
        ((high >> 16) & 0xFFFF) / ALONG_STEPS,
        high & 255,
    )


@pytest.mark.parametrize(("split", "level"), [("train", 0), ("ood", 0), ("ood", 3)])
def test_the_surface_map_tells_distances_to_a_centimetre(reference_road, split: str, level: int) -> None:
    library = roads(split, 4)
    library.require(np.array([level]))
    surface, road = library.surfaces[level], reference_road(split, level)
    points = beside(road, np.random.default_rng(5), 6000, 4.5)
    texel = np.floor(points / TEXEL).astype(int)
    inner = points / TEXEL - texel - 0.5
    column, row = (texel + len(surface) // 2).T
    offset, gx, gy, along, _ = decode(surface[row, column])
    got = offset + TEXEL * (gx * inner[:, 0] + gy * inner[:, 1])
    centre = road.place((texel + 0.5) * TEXEL)
    assert np.abs(got - road.place(points)[:, 0]).max() < 0.02
    period = np.rint(road.lap / STRIPE_PERIOD) * STRIPE_PERIOD
    gap = (along - centre[:, 1] * period / road.lap + period / 2) % period - period / 2
    assert np.abs(gap)[np.abs(centre[:, 0]) < HALF_WIDTH].max() < 0.06


@pytest.mark.parametrize(("split", "level"), [("train", 2), ("ood", 1)])
def test_no_road_appears_where_there_is_none(reference_road, split: str, level: int) -> None:
    library = roads(split, 4)
    library.require(np.array([level]))
    surface, road = library.surfaces[level], reference_road(split, level)
    half = len(surface) // 2
    near = np.argwhere(np.abs(decode(surface)[0]) < 4.2)
    truth = road.place((near[:, ::-1] - half + 0.5) * TEXEL)[:, 0]
    assert np.abs(truth).max() < 4.3
    assert len(near) * TEXEL**2 == pytest.approx(8.4 * road.lap, rel=0.01), "the road has its area"


def test_a_road_is_the_same_built_alone_or_by_threads() -> None:
    alone, together = Roads("val", 3), Roads("val", 3)
    for level in (2, 0, 1):
        alone.require(np.array([level]))
    together.require(np.array([0, 1, 2, 1]))
    for name in ("centrelines", "counts", "spacings", "surfaces"):
        np.testing.assert_array_equal(getattr(alone, name), getattr(together, name))


def test_roads_are_built_when_first_asked_for_and_shared() -> None:
    library = Roads("test", 5)
    assert (library.counts == -1).all()
    library.require(np.array([3]))
    assert (library.counts >= 0).tolist() == [False, False, False, True, False]
    assert roads("test", 5) is roads("test", 5)


@pytest.mark.parametrize("level", [-1, 5])
def test_a_level_outside_the_split_is_refused(level: int) -> None:
    with pytest.raises(
        IndexError, match=rf"level {level} is outside split 'test', whose levels here are 0 … 4\."
    ):
        Roads("test", 5).require(np.array([0, level]))
