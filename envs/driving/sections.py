"""Cross-sections: what a road is made of from its middle to its edge, and what circuits it runs in.

| road | lanes each way | middle → edge | lines |
| --- | --- | --- | --- |
| track | none: driven in the middle, either way round | 3.5 m | dashed in the middle, solid at the edges |
| street | 1 | 4.1 m and up to a quarter more | dashed in the middle, solid in bends and before crossings |
| avenue | 2 | 7.6 m | double in the middle, dashed between the lanes |
| raceway | none | 5 m | solid at the edges, kerbs |

Streets and avenues have crossings with stop lines, and a paved shoulder beyond the line at the edge.
"""

from dataclasses import dataclass, replace

import numpy as np

POINT_SPACING = 0.5  # [m] between neighbouring centreline points, to within half a point a lap
HALF_WIDTH = 3.5  # [m] centreline → edge of a track
LANE_WIDTH = 3.5  # [m]
NEVER = 1e6  # [m] from the middle: where a line would be that a road does not have


@dataclass(frozen=True)
class CircuitRange:
    """What the circuits of a split look like. SI units."""

    corners: int  # control points of the spline
    spread: float  # of their distance from the middle, 1 being the mean distance
    winding: float  # least ∫|curvature| along a lap, in full turns; 1 is a convex ring
    min_radius: tuple[float, float]  # [m] range of a circuit's sharpest bend
    length: tuple[float, float]  # [m]
    extent: float  # [m] longest side of the bounding box
    pass_distance: float = 15.0  # [m] least distance between two passes of the road, middle to middle
    family: int = 0  # families of roads draw from different streams

    def numbers(self) -> np.ndarray:
        """The range as (10,) float64, as `draw_circuit` reads it."""
        shape = [self.corners, self.spread, self.winding, *self.min_radius, *self.length, self.extent]
        return np.array([*shape, self.pass_distance, self.family], np.float64)

    @property
    def max_points(self) -> int:
        """Most centreline points that a circuit of the range has."""
        return int(np.ceil(self.length[1] / POINT_SPACING)) + 1


@dataclass(frozen=True)
class Section:
    """A kind of road. SI units; places across it are distances from its middle where it is narrowest."""

    number: int  # in SECTIONS
    lanes: int  # each way; 0: the road is driven in the middle
    half_width: float  # [m] middle → edge
    edge_line: float  # [m] middle → middle of the line at the edge
    seen: CircuitRange
    unseen: CircuitRange  # of the split ood
    widening: float = 0.0  # the widest place over the narrowest, less 1
    crossings: int = 0  # most on a lap
    middle_line: float = 0.0  # [m] middle → middle of the line there: above 0 there are two

    @property
    def divider(self) -> float:
        """Middle of the road → middle of the line between two lanes of one direction [m]."""
        return LANE_WIDTH if self.lanes == 2 else NEVER

    def circuits(self, split: str) -> CircuitRange:
        """What the circuits of a split look like."""
        return self.unseen if split == "ood" else self.seen

    def numbers(self) -> np.ndarray:
        """The section as `MARKS` for the compiled code, (8,) float32."""
        across = [self.half_width, self.edge_line, self.divider, self.middle_line]
        return np.array([self.number, *across, self.lanes, self.widening, self.crossings], np.float32)


# What stands where in `Section.numbers`.
M_NUMBER, M_HALF_WIDTH, M_EDGE, M_DIVIDER, M_MIDDLE, M_LANES, M_WIDENING, M_CROSSINGS = range(8)

_SEEN = CircuitRange(
    corners=11, spread=0.5, winding=1.25, min_radius=(12.0, 25.0), length=(300.0, 500.0), extent=175.0
)
_UNSEEN = CircuitRange(
    corners=14, spread=0.45, winding=1.5, min_radius=(8.0, 12.0), length=(500.0, 1000.0), extent=300.0
)
_STREET = replace(_SEEN, min_radius=(15.0, 30.0), length=(350.0, 550.0), extent=200.0, pass_distance=20.0)
_AVENUE = replace(
    _SEEN, corners=9, winding=1.15, min_radius=(22.0, 40.0), length=(400.0, 650.0), extent=240.0
)
_SHARP = replace(_UNSEEN, min_radius=(11.0, 15.0), pass_distance=20.0)

SECTIONS = {
    "track": Section(0, 0, HALF_WIDTH, HALF_WIDTH - 0.35, _SEEN, _UNSEEN),
    "street": Section(
        1, 1, 4.1, 3.5, replace(_STREET, family=1), replace(_SHARP, family=1), widening=0.25, crossings=4
    ),
    "avenue": Section(
        2,
        2,
        7.6,
        7.0,
        replace(_AVENUE, family=2, pass_distance=27.0),
        replace(_SHARP, family=2, corners=11, min_radius=(16.0, 22.0), pass_distance=27.0),
        crossings=4,
        middle_line=0.16,
    ),
    "raceway": Section(
        3,
        0,
        5.0,
        4.65,
        replace(_SEEN, family=3, pass_distance=18.0),
        replace(_UNSEEN, family=3),
        middle_line=NEVER,
    ),
}
CIRCUITS = {split: SECTIONS["track"].circuits(split) for split in ("train", "val", "test", "ood")}
"""The circuits of tracks."""
