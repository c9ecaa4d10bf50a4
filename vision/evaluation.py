"""How well a perception network reads roads: errors, overlap, and whether its uncertainty is honest."""

import math
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from vision.data import LabelledBatch, LabelledSource, TensorBatch, to_tensors
from vision.formulas.metrics import (
    confusion_matrix,
    fraction_within,
    intersection_over_union,
    mean_absolute_error,
    mean_intersection_over_union,
)
from vision.networks import PerceptionNetwork
from vision.scene_evaluation import SceneTally

DEGREES = 180 / math.pi


@dataclass(frozen=True)
class PerceptionScores:
    """Scores on labelled frames, by the names of the schema."""

    images: int
    """Frames scored."""
    mae: dict[str, float]
    """Mean absolute error of each pose number: in the schema's units, but angles in degrees."""
    within_1_sigma: dict[str, float]
    """Fraction of the errors within the predicted standard deviation: 0.68 when it is honest."""
    within_2_sigma: dict[str, float]
    """Fraction within twice the predicted standard deviation: 0.95 when it is honest."""
    iou: dict[str, float | None]
    """Intersection over union of each class; none for a class neither labelled nor predicted."""
    mean_iou: float
    """Mean of `iou` over the classes that have one."""
    scene: dict[str, float | None] = field(default_factory=dict)
    """Of a network of whole scenes, what `SceneTally` counts."""

    def as_dict(self) -> dict[str, float | None]:
        """Flat and JSON-able: `mae/lane_offset`, `iou/road`, …, `mean_iou`, `images`."""
        groups = {
            "mae": self.mae,
            "within_1_sigma": self.within_1_sigma,
            "within_2_sigma": self.within_2_sigma,
            "iou": self.iou,
        }
        scores = {
            f"{group}/{name}": value for group, values in groups.items() for name, value in values.items()
        }
        return {**scores, **self.scene, "mean_iou": self.mean_iou, "images": self.images}


@torch.inference_mode()
def evaluate_perception(network: PerceptionNetwork, source: LabelledSource, batches: int) -> PerceptionScores:
    """Score `network` on the next `batches` batches of `source`, which should show roads it never saw.

    The segmentation is scored on the rows that the encoder sees.

    Raises:
        ValueError: `batches` is not positive.
    """
    if batches < 1:
        raise ValueError(f"batches is {batches}; it must be at least 1")
    frozen = network.frozen()
    device = frozen.pose_scale.device
    tally = SceneTally(frozen) if network.config.scene else None
    results = [
        _score(frozen, to_tensors(LabelledBatch(*source.next_batch()), device), tally) for _ in range(batches)
    ]
    means, deviations, targets, confusions = (list(column) for column in zip(*results, strict=True))
    scores = _summary(
        network, torch.cat(means), torch.cat(deviations), torch.cat(targets), torch.stack(confusions).sum(0)
    )
    return replace(scores, scene=tally.scores()) if tally else scores


def _score(
    network: PerceptionNetwork, batch: TensorBatch, tally: SceneTally | None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    (mean, log_variance), logits = network(batch.frames)
    if tally:
        tally.add(network.encode(batch.frames), batch)
    confusion = confusion_matrix(logits.argmax(1), network.seen_labels(batch.semantic), logits.shape[1])
    scale = network.pose_scale
    return mean * scale, (0.5 * log_variance).exp() * scale, batch.pose, confusion


def _summary(
    network: PerceptionNetwork, mean: Tensor, deviation: Tensor, target: Tensor, confusion: Tensor
) -> PerceptionScores:
    names, error = network.pose_names, mean - target
    units = network.schema["pose_units"]
    shown = torch.tensor([DEGREES if unit == "rad" else 1.0 for unit in units], device=mean.device)
    iou = intersection_over_union(confusion).tolist()
    return PerceptionScores(
        images=len(mean),
        mae=_by_name(names, mean_absolute_error(mean, target) * shown),
        within_1_sigma=_by_name(names, fraction_within(error, deviation, 1)),
        within_2_sigma=_by_name(names, fraction_within(error, deviation, 2)),
        iou={
            name: None if math.isnan(value) else value
            for name, value in zip(network.class_names, iou, strict=True)
        },
        mean_iou=float(mean_intersection_over_union(confusion)),
    )


def _by_name(names: tuple[str, ...], values: Tensor) -> dict[str, float]:
    return dict(zip(names, values.tolist(), strict=True))
