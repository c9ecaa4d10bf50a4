"""Small sets of real pictures that ship with scikit-learn, as tensors: written digits and two photographs."""

from importlib import import_module
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

PATCH = 32  # [pixels] side of a photograph's patches
_BANDS = 10  # that each photograph is cut into, from left to right
_SIDE = 28  # [pixels] that digits are enlarged to, the size that the documents' networks take


class Samples(NamedTuple):
    """Labelled samples, and which belong together: those of one group are never both learnt and tested."""

    inputs: Float[Tensor, " N *S"]
    label: Int64[Tensor, " N"]
    group: Int64[Tensor, " N"]
    classes: tuple[str, ...]


def digits() -> Samples:
    """The 1,797 digits, (N, 1, 28, 28) in [0, 1]: 8 × 8 pixels, enlarged."""
    images, label = _digits()
    enlarged = F.interpolate(images.unsqueeze(1), (_SIDE, _SIDE), mode="bilinear", align_corners=False)
    return Samples(enlarged, label, torch.arange(len(label)), tuple("0123456789"))


def zeros_and_ones() -> Samples:
    """The 360 noughts and ones as two numbers, (N, 2): ink in all and in the four pixels of the middle."""
    images, label = _digits()
    chosen = label <= 1
    images, label = images[chosen], label[chosen]
    features = torch.stack([images.mean((1, 2)), images[:, 3:5, 3:5].mean((1, 2))], 1)
    standard = (features - features.mean(0)) / features.std(0)
    return Samples(standard, label, torch.arange(len(label)), ("0", "1"))


def photographs() -> Samples:
    """Patches of a temple and of a flower, (N, 3, 32, 32) in [0, 1]; a group is a vertical band of one."""
    pictures = _datasets().load_sample_images().images
    parts = [_patches(torch.tensor(picture)) for picture in pictures]
    label = torch.cat([torch.full((len(patches),), k) for k, (patches, _) in enumerate(parts)])
    group = torch.cat([band + _BANDS * k for k, (_, band) in enumerate(parts)])
    return Samples(torch.cat([patches for patches, _ in parts]), label, group, ("temple", "flower"))


SAMPLES = {"digits": digits, "zeros_and_ones": zeros_and_ones, "photographs": photographs}


def _patches(picture: Tensor) -> tuple[Tensor, Tensor]:
    """Patches (N, 3, 32, 32) of a picture (H, W, 3) of bytes that do not overlap, and the band of each."""
    columns = picture.shape[1] // PATCH
    rows = picture[: picture.shape[0] // PATCH * PATCH, : columns * PATCH].movedim(-1, 0).float() / 255
    grid = rows.unfold(1, PATCH, PATCH).unfold(2, PATCH, PATCH)
    band = torch.arange(columns) * _BANDS // columns
    return grid.permute(1, 2, 0, 3, 4).flatten(0, 1), band.repeat(grid.shape[1])


def _digits() -> tuple[Tensor, Tensor]:
    """Images (N, 8, 8) in [0, 1] and what they show."""
    found = _datasets().load_digits()
    return torch.tensor(found.images, dtype=torch.float32) / 16, torch.tensor(found.target).long()


def _datasets() -> Any:
    """scikit-learn's data sets.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    try:
        return import_module("sklearn.datasets")
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError(
            "the pictures ship with scikit-learn: pip install scikit-learn"
        ) from missing
