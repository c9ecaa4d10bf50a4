"""Pictures changed while they are learnt from, their labels with them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from vision.data import TensorBatch


@dataclass(frozen=True)
class Augmentation:
    """How often and how much."""

    flip: float = 0.0
    """Share of the frames that are mirrored, labels and all."""
    light: float = 0.0
    """± change of each channel's brightness, as a share of it; a frame's own contrast changes as much."""

    def __post_init__(self) -> None:
        for name in ("flip", "light"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must lie between 0 and 1")

    @property
    def changes(self) -> bool:
        """Whether anything is changed at all."""
        return self.flip > 0 or self.light > 0

    def apply(self, batch: TensorBatch, schema: Mapping[str, Any], generator: torch.Generator) -> TensorBatch:
        """A batch with each frame changed by draws of its own.

        Args:
            batch: left as it is.
            schema: of its labels; for flips it must say what mirroring makes of them, see `mirrored_pose`.
            generator: of the draws, on the CPU.
        """
        count, device = len(batch.frames), batch.frames.device
        if self.flip > 0:
            chosen = (torch.rand(count, generator=generator) < self.flip).to(device)
            batch = flipped(batch, chosen, schema)
        if self.light > 0:
            draws = (2 * torch.rand(count, 4, generator=generator) - 1).to(device)
            batch = batch._replace(frames=relit(batch.frames, self.light * draws))
        return batch


def flipped(batch: TensorBatch, chosen: Bool[Tensor, " B"], schema: Mapping[str, Any]) -> TensorBatch:
    """The batch with the chosen frames mirrored: images turned round, poses as a mirror has them."""
    images = (batch.frames, batch.semantic, batch.depth, batch.instances)
    frames, *masks = (None if image is None else _turned(image, chosen) for image in images)
    assert frames is not None
    pose = torch.where(chosen[:, None], mirrored_pose(batch.pose, schema), batch.pose)
    semantic, depth, instances = masks
    assert semantic is not None
    return TensorBatch(frames, semantic, pose, depth, instances)


def mirrored_pose(pose: Float[Tensor, "B P"], schema: Mapping[str, Any]) -> Float[Tensor, "B P"]:
    """What a pose is in a mirrored frame: each number that of its partner, times a sign.

    Raises:
        ValueError: the schema does not say, under `mirror`, what partner and sign a number has.
    """
    names, mirror = list(schema["pose"]), schema.get("mirror", {})
    missing = [name for name in names if name not in mirror]
    if missing:
        raise ValueError(f"frames cannot be mirrored: their schema does not say what becomes of {missing[0]}")
    partners = [names.index(mirror[name][0]) for name in names]
    signs = torch.tensor([float(mirror[name][1]) for name in names], device=pose.device)
    return pose[:, partners] * signs


def relit(frames: UInt8[Tensor, "B H W C"], change: Float[Tensor, "B 4"]) -> UInt8[Tensor, "B H W C"]:
    """Frames with each channel's light changed by a share, and then the contrast by the last share."""
    light = frames.to(torch.float32) * (1 + change[:, None, None, : frames.shape[3]])
    mean = light.mean((1, 2, 3), keepdim=True)
    return (mean + (light - mean) * (1 + change[:, None, None, 3:])).round().clamp(0, 255).to(torch.uint8)


def _turned(image: Tensor, chosen: Tensor) -> Tensor:
    rows = chosen.view(-1, *([1] * (image.ndim - 1)))
    return torch.where(rows, image.flip(2), image)
