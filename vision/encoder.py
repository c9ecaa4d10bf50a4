"""The layers of the perception network."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from vision.schema import image_shape

FINE_STRIDE = 4  # pixels of the frame to a cell of the fine feature map

ModuleT = TypeVar("ModuleT", bound=nn.Module)


class Stage(NamedTuple):
    """One halving of the resolution and the residual blocks after it."""

    width: int
    blocks: int


STAGES: Mapping[str, tuple[Stage, ...]] = {
    "tiny": (Stage(8, 0), Stage(16, 1), Stage(32, 1)),
    "small": (Stage(16, 0), Stage(32, 1), Stage(64, 1)),
    "base": (Stage(32, 1), Stage(64, 2), Stage(128, 2)),
}


class Encoding(NamedTuple):
    """What the encoder makes of a batch of frames: a feature map after each halving, and the latent."""

    stem: Float[Tensor, "B c0 h0 w0"]
    fine: Float[Tensor, "B c1 h1 w1"]
    coarse: Float[Tensor, "B c2 h2 w2"]
    latent: Float[Tensor, "B L"]


class ResidualBlock(nn.Module):
    """y = silu(x + g(silu(f(x)))), f and g a convolution each; g starts at zero, so that y starts as silu(x).

    There is no normalisation: with this start none is needed at this depth, and none is paid for.
    Source: He et al. (2015), arXiv:1512.03385; the start from Zhang et al. (2019), arXiv:1901.09321.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Float[Tensor, "B c h w"]) -> Float[Tensor, "B c h w"]:
        """One residual step at the same resolution."""
        return F.silu(self.second(F.silu(self.first(x))) + x)

    def start_as_identity(self) -> None:
        """Let g give zero at first."""
        nn.init.zeros_(self.second.weight)


class Encoder(nn.Module):
    """Frames to feature maps, and to a latent that keeps their layout: flattened, not pooled."""

    def __init__(
        self, stages: Sequence[Stage], latent_size: int, sky: float, schema: Mapping[str, Any]
    ) -> None:
        super().__init__()
        height, width, channels = image_shape(schema)
        self.rows = FINE_STRIDE * math.floor((1 - sky) * height / FINE_STRIDE)
        widths = [channels, *(stage.width for stage in stages)]
        self.stem = _stage(channels, stages[0], kernel=4)
        self.fine = _stage(widths[1], stages[1], kernel=3)
        deeper = zip(widths[2:], stages[2:], strict=False)
        self.coarse = nn.Sequential(*(_stage(before, stage, kernel=3) for before, stage in deeper))
        cells = math.ceil(self.rows / 2 ** len(stages)) * math.ceil(width / 2 ** len(stages))
        self.to_latent = nn.Linear(stages[-1].width * cells, latent_size)

    def forward(self, frames: UInt8[Tensor, "B H W C"]) -> Encoding:
        """Encode the lower `rows` rows of the frames."""
        stem = self.stem(standardised(frames[:, -self.rows :]))
        fine = self.fine(stem)
        coarse = self.coarse(fine)
        return Encoding(stem, fine, coarse, F.silu(self.to_latent(coarse.flatten(1))))


class SegmentationHead(nn.Module):
    """Class logits for every pixel that the encoder sees, from its fine and its coarse feature map."""

    def __init__(self, fine: int, coarse: int, num_classes: int, width: int = 32) -> None:
        super().__init__()
        self.from_fine = nn.Conv2d(fine, width, 3, padding=1)
        self.from_coarse = nn.Conv2d(coarse, width, 1)
        self.to_pixels = nn.Conv2d(width, num_classes * FINE_STRIDE**2, 1)

    def forward(self, encoding: Encoding) -> Float[Tensor, "B K h W"]:
        """Logits at the resolution of the frame."""
        size = encoding.fine.shape[2:]
        context = F.interpolate(self.from_coarse(encoding.coarse), size, mode="nearest")
        return F.pixel_shuffle(self.to_pixels(F.silu(self.from_fine(encoding.fine) + context)), FINE_STRIDE)


def standardised(frames: UInt8[Tensor, "B H W C"]) -> Float[Tensor, "B C H W"]:
    """(x − μ) / (σ + 4), with mean and deviation of each frame's channel over every fourth pixel each way.

    It takes out the light and the tint, and leaves sensor noise on an empty picture small.
    """
    sample = frames[:, 1::4, 1::4].flatten(1, 2).to(torch.float32)
    variance, mean = torch.var_mean(sample, dim=1, correction=0)
    width = frames.shape[2]  # a whole row at a time: three channels would be too short a loop
    scale = (1 / (variance.sqrt() + 4)).repeat(1, width).unsqueeze(1)
    rows = frames.to(torch.float32).flatten(2)
    rows = rows.sub_(mean.repeat(1, width).unsqueeze(1)).mul_(scale)
    return rows.unflatten(2, (width, -1)).permute(0, 3, 1, 2)


def use_channels_last(network: ModuleT) -> ModuleT:
    """Store the kernels as the frames are stored, so that no convolution has to rearrange them."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.weight.data = module.weight.data.contiguous(memory_format=torch.channels_last)
    return network


def _stage(channels: int, stage: Stage, kernel: int) -> nn.Sequential:
    blocks = [ResidualBlock(stage.width) for _ in range(stage.blocks)]
    return nn.Sequential(nn.Conv2d(channels, stage.width, kernel, stride=2, padding=1), nn.SiLU(), *blocks)
