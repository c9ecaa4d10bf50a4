"""What a network of whole scenes minimises."""

import torch
from jaxtyping import Float
from torch import Tensor

from vision.data import TensorBatch
from vision.encoder import Encoding
from vision.formulas.losses import cross_entropy
from vision.formulas.perception_losses import dice_loss, heat_map_loss, scale_invariant_loss
from vision.networks import PerceptionNetwork
from vision.scene import SceneEstimate, SceneTargets, scene_targets, visible_objects

_SKY = 0.99  # of the furthest depth: beyond it there is nothing


def scene_losses(network: PerceptionNetwork, encoding: Encoding, batch: TensorBatch) -> Float[Tensor, " T"]:
    """The losses of `SCENE_TASKS`, one after the other.

    Raises:
        ValueError: the labels have no depth or no instances.
    """
    if batch.depth is None or batch.instances is None:
        raise ValueError("whole scenes need labels of depth and of instances, and the source gives none")
    estimate = network.scene(encoding)
    semantic, depth, instances = (
        network.seen_labels(labels) for labels in (batch.semantic, batch.depth, batch.instances)
    )
    objects = visible_objects(instances, semantic, network.first_thing, len(network.things))
    shape = (estimate.heat.shape[2], estimate.heat.shape[3])
    targets = scene_targets(objects, instances, shape, len(network.things))
    segmentation = cross_entropy(estimate.semantic, semantic)
    overlap = dice_loss(estimate.semantic.softmax(1), semantic)
    heat = heat_map_loss(estimate.heat, targets.heat)
    boxes, pointing = _box_loss(estimate, targets), _pointing_loss(estimate, targets)
    depths = _depth_loss(estimate, depth, network.schema["furthest"])
    return torch.stack([segmentation + overlap, depths, heat, boxes, pointing])


def _depth_loss(estimate: SceneEstimate, depth: Float[Tensor, "B H W"], furthest: float) -> Tensor:
    """Error of the logarithm where something is, and what of it is no common factor."""
    there = depth < _SKY * furthest
    target = depth.clamp(min=0.1).log()
    log_depth = torch.where(there, estimate.log_depth, target)
    share = there.float().mean().clamp(min=1e-3)
    return ((log_depth - target).abs().mean() + scale_invariant_loss(log_depth, target).mean()) / share


def _box_loss(estimate: SceneEstimate, targets: SceneTargets) -> Tensor:
    """Error of the boxes' sides and middles, in the cells where the middles are."""
    place = (targets.frame, slice(None), targets.row, targets.column)
    wrong = (estimate.size[place] - targets.size).abs().sum()
    wrong = wrong + (estimate.shift[place] - targets.shift).abs().sum()
    return wrong / max(len(targets.frame), 1)


def _pointing_loss(estimate: SceneEstimate, targets: SceneTargets) -> Tensor:
    """Error of where the cells of things point."""
    wrong = (estimate.vector - targets.vector).abs().sum(1) * targets.thing
    return wrong.sum() / targets.thing.sum().clamp(min=1)
