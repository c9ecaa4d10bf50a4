"""How well a network reads whole scenes, from counts over all frames that it is scored on."""

from collections import defaultdict
from collections.abc import Sequence

import torch
from jaxtyping import Integer
from torch import Tensor

from vision.data import TensorBatch
from vision.encoder import Encoding
from vision.formulas.metrics import absolute_relative_error, expected_calibration_error, fraction_within_ratio
from vision.formulas.scene_metrics import (
    Segments,
    average_precision,
    boundary_counts,
    boundary_f1,
    box_overlap,
    match_segments,
    matched_boxes,
    panoptic_quality,
)
from vision.networks import PerceptionNetwork
from vision.scene import Found, SceneEstimate, find_objects, group_instances, visible_objects

OVERLAPS = tuple(0.5 + 0.05 * step for step in range(10))
"""Overlaps at which a box counts as found; the first is that of AP50, the mean over all that of AP."""
TOLERANCE = 1
"""Pixels that a boundary may be off."""
_SKY = 0.99  # of the furthest depth
_KEPT = 4096  # pixels of a batch that calibration is reckoned from


class SceneTally:
    """Counts what a network finds in batch after batch.

    Args:
        network: that finds it.
    """

    def __init__(self, network: PerceptionNetwork) -> None:
        self._network = network
        self._boundaries = torch.zeros(len(network.class_names), 4, dtype=torch.int64)
        self._segments = {name: Segments(0.0, 0, 0, 0) for name in network.class_names}
        self._scores: dict[str, list[Tensor]] = defaultdict(list)
        self._found: dict[tuple[str, float], list[Tensor]] = defaultdict(list)
        self._total = dict.fromkeys(network.things, 0)
        self._depths: list[tuple[Tensor, Tensor]] = []
        self._sure: list[tuple[Tensor, Tensor]] = []

    def add(self, encoding: Encoding, batch: TensorBatch) -> None:
        """Count what is found in a batch.

        Raises:
            ValueError: the labels have no depth or no instances.
        """
        if batch.depth is None or batch.instances is None:
            raise ValueError("whole scenes need labels of depth and of instances, and the source gives none")
        network = self._network
        estimate = SceneEstimate(*(part.cpu() for part in network.scene(encoding)))
        labels = (batch.semantic, batch.depth, batch.instances)
        semantic, depth, instances = (network.seen_labels(label).cpu() for label in labels)
        self._add_pixels(estimate, semantic, depth)
        found = find_objects(estimate)
        self._add_boxes(found, instances, semantic)
        grouped = group_instances(estimate, found, network.first_thing)
        for n in range(len(semantic)):
            self._add_segments(estimate.semantic[n].argmax(0), grouped[n], semantic[n], instances[n])

    def scores(self) -> dict[str, float | None]:
        """Scores by name, such as `ap50/vehicle`, `pq/road`, `pq`, `boundary_f1` and `depth/abs_rel`."""
        scores: dict[str, float] = {}
        for thing in self._network.things:
            each = [self._precision(thing, overlap) for overlap in OVERLAPS]
            scores[f"ap50/{thing}"], scores[f"ap/{thing}"] = each[0], sum(each) / len(each)
        for name, counts in zip(self._network.class_names, self._boundaries, strict=True):
            scores[f"pq/{name}"] = panoptic_quality(self._segments[name])
            scores[f"boundary_f1/{name}"] = float(boundary_f1(counts))
        for measure in ("pq", "boundary_f1"):
            values = [value for key, value in scores.items() if key.startswith(f"{measure}/")]
            scores[measure] = float(torch.tensor(values).nanmean())
        depth, target = (torch.cat(parts) for parts in zip(*self._depths, strict=True))
        scores["depth/abs_rel"] = float(absolute_relative_error(depth, target))
        scores["depth/delta_1"] = float(fraction_within_ratio(depth, target))
        sure, right = (torch.cat(parts) for parts in zip(*self._sure, strict=True))
        scores["calibration_error"] = float(expected_calibration_error(sure, right))
        return {name: None if value != value else value for name, value in scores.items()}

    def _add_pixels(self, estimate: SceneEstimate, semantic: Tensor, depth: Tensor) -> None:
        there = depth < _SKY * self._network.schema["furthest"]
        self._depths.append((estimate.log_depth[there].exp(), depth[there]))
        predicted = estimate.semantic.argmax(1)
        for kind in range(len(self._network.class_names)):
            self._boundaries[kind] += boundary_counts(predicted, semantic, kind, TOLERANCE)
        sure = estimate.semantic.softmax(1).amax(1).flatten()
        right = (predicted == semantic).flatten().float()
        step = max(len(sure) // _KEPT, 1)
        self._sure.append((sure[::step], right[::step]))

    def _add_boxes(self, found: Sequence[Found], instances: Tensor, semantic: Tensor) -> None:
        things = self._network.things
        objects = visible_objects(instances, semantic, self._network.first_thing, len(things))
        for n, mine in enumerate(found):
            here = objects.frame == n
            for kind, thing in enumerate(things):
                true = objects.box[here & (objects.kind == kind)]
                self._total[thing] += len(true)
                chosen = mine.kind == kind
                if not chosen.any():
                    continue
                overlap = box_overlap(mine.box[chosen], true)
                self._scores[thing].append(mine.score[chosen])
                for least in OVERLAPS:
                    self._found[thing, least].append(matched_boxes(overlap, least))

    def _precision(self, thing: str, overlap: float) -> float:
        nothing = [torch.zeros(0)]
        score = torch.cat(self._scores[thing] or nothing)
        found = torch.cat(self._found[thing, overlap] or nothing).bool()
        return float(average_precision(score, found, self._total[thing]))

    def _add_segments(
        self,
        predicted: Integer[Tensor, "H W"],
        grouped: Integer[Tensor, "H W"],
        semantic: Integer[Tensor, "H W"],
        instances: Integer[Tensor, "H W"],
    ) -> None:
        """Match the segments of a frame: of a thing each instance is one, of anything else all of it."""
        for kind in set(predicted.unique().tolist()) | set(semantic.unique().tolist()):
            name = self._network.class_names[kind]
            mine, true = predicted == kind, semantic == kind
            if name in self._network.things:
                matched = match_segments(grouped * mine, instances.long() * true)
            else:
                matched = match_segments(mine.long(), true.long())
            self._segments[name] = self._segments[name].plus(matched)
