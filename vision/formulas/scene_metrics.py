"""Measures of what a picture is said to show: boundaries, boxes, things and stuff.

Counts and matches of several pictures are added up before anything is divided: a mean of each picture's
measure would give a picture with one car the weight of one with twenty.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int64, Integer
from torch import Tensor

RECALLS = 101
"""Recalls 0, 0.01, …, 1 at which precision is read."""


def boundary(classes: Integer[Tensor, "B H W"], kind: int) -> Bool[Tensor, "B H W"]:
    """Boundary E = {n : y_n = k, y_m ≠ k for a pixel m above, below, left or right of n}.

    What lies beyond the frame is no neighbour.

    Source: Csurka et al. (2013), "What is a good evaluation measure for semantic segmentation?".
    """
    inside = classes == kind
    edge = torch.zeros_like(inside)
    for axis in (1, 2):
        before, after = (
            inside.narrow(axis, 0, inside.shape[axis] - 1),
            inside.narrow(axis, 1, inside.shape[axis] - 1),
        )
        differs = before != after
        edge.narrow(axis, 0, inside.shape[axis] - 1).logical_or_(differs)
        edge.narrow(axis, 1, inside.shape[axis] - 1).logical_or_(differs)
    return edge & inside


def boundary_counts(
    prediction: Integer[Tensor, "B H W"], label: Integer[Tensor, "B H W"], kind: int, tolerance: int
) -> Int64[Tensor, " 4"]:
    """Counts |Ê|, |{n ∈ Ê : n near E}|, |E| and |{n ∈ E : n near Ê}| of boundaries Ê predicted and E = true.

    Near is no more than `tolerance` pixels away, across and down.
    Source: Csurka et al. (2013), "What is a good evaluation measure for semantic segmentation?".
    """
    predicted, true = boundary(prediction, kind), boundary(label, kind)
    near_true, near_predicted = (_widened(edge, tolerance) for edge in (true, predicted))
    pairs = (predicted, predicted & near_true, true, true & near_predicted)
    return torch.stack([pixels.sum() for pixels in pairs])


def boundary_f1(counts: Int64[Tensor, " 4"]) -> Float[Tensor, ""]:
    """F1 = 2 P R / (P + R) with P and R the shares of the boundary pixels that have one of the other near.

    0 where only one of the two has a boundary, NaN where neither has.
    Source: Csurka et al. (2013), "What is a good evaluation measure for semantic segmentation?".
    """
    predicted, right, true, found = counts.unbind()
    if not predicted and not true:
        return torch.tensor(torch.nan)
    precision, recall = right / predicted.clamp_min(1), found / true.clamp_min(1)
    return 2 * precision * recall / (precision + recall).clamp_min(1e-12)


def box_overlap(boxes: Float[Tensor, "N 4"], others: Float[Tensor, "M 4"]) -> Float[Tensor, "N M"]:
    """IoU = |A ∩ B| / |A ∪ B| of boxes (left, top, right, bottom); 0 where both are empty.

    Source: Everingham et al. (2010), "The Pascal visual object classes (VOC) challenge".
    """
    low = torch.maximum(boxes[:, None, :2], others[None, :, :2])
    high = torch.minimum(boxes[:, None, 2:], others[None, :, 2:])
    shared = (high - low).clamp_min(0).prod(-1)
    areas = [(part[:, 2:] - part[:, :2]).clamp_min(0).prod(-1) for part in (boxes, others)]
    union = areas[0][:, None] + areas[1][None, :] - shared
    return torch.where(union > 0, shared / union.clamp_min(1e-12), torch.zeros_like(union))


def matched_boxes(overlap: Float[Tensor, "N M"], least: float) -> Bool[Tensor, " N"]:
    """Match m_n = [max_j IoU_nj ≥ t] of each detection, over the true boxes j that none before has taken.

    Rows are in the order of falling scores.

    Each takes the one that it overlaps most, if by `least`.
    Source: arXiv:1405.0312 §5, as its evaluation matches.
    """
    free, found = overlap.clone(), torch.zeros(len(overlap), dtype=torch.bool)
    for row in range(len(overlap) if overlap.shape[1] else 0):
        best = int(free[row].argmax())
        if free[row, best] >= least:
            found[row] = True
            free[:, best] = -1
    return found


def average_precision(score: Float[Tensor, " N"], found: Bool[Tensor, " N"], total: int) -> Float[Tensor, ""]:
    """AP = (1/101) Σ_r max_{R(n) ≥ r} P(n), r = 0, 0.01, …, 1, over the n highest scores of all pictures.

    `total` is how many true boxes there are; without one it is NaN.
    Source: arXiv:1405.0312 §5; Everingham et al. (2010) for the greatest precision at a recall or beyond.
    """
    if total == 0:
        return torch.tensor(torch.nan)
    hits = found[score.argsort(descending=True, stable=True)].double().cumsum(0)
    precision = hits / torch.arange(1, len(hits) + 1)
    envelope = precision.flip(0).cummax(0).values.flip(0) if len(hits) else precision
    recalls = torch.linspace(0, 1, RECALLS, dtype=torch.float64)
    place = torch.searchsorted(hits / total, recalls - 1e-12)
    return F.pad(envelope, (0, 1))[place].mean().float()


class Segments(NamedTuple):
    """What panoptic quality is made of, to be added up over pictures."""

    overlap: float  # Σ IoU of the matched
    matched: int
    wrong: int  # predicted, and matched by none
    missed: int  # true, and matched by none

    def plus(self, other: "Segments") -> "Segments":
        """Those of both."""
        return Segments(
            self.overlap + other.overlap,
            self.matched + other.matched,
            self.wrong + other.wrong,
            self.missed + other.missed,
        )


def match_segments(
    prediction: Integer[Tensor, "H W"], label: Integer[Tensor, "H W"], ignored: int | None = None
) -> Segments:
    """Match M = {(i, j) : |A_i ∩ B_j| / |A_i ∪ B_j| > ½} of a class's segments predicted and true.

    None can match two. 0 is no segment; pixels with the label `ignored` count nowhere, and a predicted
    segment of which more than half lies there is not wrong.
    Source: arXiv:1801.00868 §4.
    """
    left_out = torch.zeros_like(label, dtype=torch.bool) if ignored is None else label == ignored
    counted = ~left_out
    true = {int(n): (label == n) & counted for n in label[counted].unique() if n != 0}
    found: set[int] = set()
    overlap, wrong = 0.0, 0
    for number in prediction.unique().tolist():
        if number == 0:
            continue
        mine = prediction == number
        lost, mine = int((mine & left_out).sum()), mine & counted
        best = 0.0
        for name, pixels in true.items():
            share = int((mine & pixels).sum()) / max(int((mine | pixels).sum()), 1)
            if share > 0.5:
                best = share
                found.add(name)
        overlap += best
        wrong += best == 0.0 and lost <= int(mine.sum())
    return Segments(overlap, len(found), wrong, len(true) - len(found))


def panoptic_quality(segments: Segments) -> float:
    """PQ = Σ IoU / (TP + ½ FP + ½ FN) of a class; NaN where it neither is nor is predicted.

    Source: arXiv:1801.00868 §4.
    """
    total = segments.matched + 0.5 * (segments.wrong + segments.missed)
    return segments.overlap / total if total else float("nan")


def _widened(pixels: Bool[Tensor, "B H W"], reach: int) -> Bool[Tensor, "B H W"]:
    """Every pixel within `reach` of one."""
    return F.max_pool2d(pixels.float().unsqueeze(1), 2 * reach + 1, 1, reach).squeeze(1) > 0
