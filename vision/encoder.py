"""The layers of the perception network."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeVar, cast

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from vision.schema import image_shape

BYTE_MEAN, BYTE_SCALE = 112.0, 64.0
STEM_STRIDE = 4

ModuleT = TypeVar("ModuleT", bound=nn.Module)


class Stage(NamedTuple):
    """One halving (the first: quartering) of the resolution and the residual blocks after it."""

    width: int
    blocks: int


STAGES: Mapping[str, tuple[Stage, ...]] = {
    "tiny": (Stage(16, 1), Stage(32, 1)),
    "small": (Stage(32, 1), Stage(64, 1), Stage(64, 1)),
}


class Encoding(NamedTuple):
    """What the encoder makes of a batch of frames: its first and last feature maps, and the latent."""

    fine: Float[Tensor, "B c1 h1 w1"]
    coarse: Float[Tensor, "B c2 h2 w2"]
    latent: Float[Tensor, "B L"]


class Convolution(nn.Sequential):
    """A convolution and its batch normalisation."""

    def __init__(self, channels: tuple[int, int], kernel: int, stride: int = 1) -> None:
        padding = 0 if kernel == stride else kernel // 2
        convolution = nn.Conv2d(*channels, kernel, stride, padding, bias=False)
        super().__init__(convolution, nn.BatchNorm2d(channels[1]))

    def fold(self) -> None:
        """Put the normalisation, as it is at evaluation, into the convolution's own weights."""
        self[0] = fuse_conv_bn_eval(cast(nn.Conv2d, self[0]), cast(nn.BatchNorm2d, self[1]))
        self[1] = nn.Identity()


class ResidualBlock(nn.Module):
    """y = max(0, x + g(max(0, f(x)))), with f and g a convolution and its normalisation each.

    Source: He et al. (2015), arXiv:1512.03385.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = Convolution((width, width), 3)
        self.second = Convolution((width, width), 3)

    def forward(self, x: Float[Tensor, "B c h w"]) -> Float[Tensor, "B c h w"]:
        """One residual step at the same resolution."""
        return F.relu_(self.second(F.relu_(self.first(x))) + x)

    def start_as_identity(self) -> None:
        """Scale g by zero at first. Source: Goyal et al. (2017), arXiv:1706.02677."""
        nn.init.zeros_(cast(nn.BatchNorm2d, self.second[1]).weight)


class Encoder(nn.Module):
    """Frames to feature maps, and to a latent that keeps their layout: flattened, not pooled."""

    def __init__(
        self, stages: Sequence[Stage], latent_size: int, sky: float, schema: Mapping[str, Any]
    ) -> None:
        super().__init__()
        height, width, channels = image_shape(schema)
        self.rows = STEM_STRIDE * math.floor((1 - sky) * height / STEM_STRIDE)
        self.stem = _stage(channels, stages[0], STEM_STRIDE, STEM_STRIDE)
        pairs = zip(stages[:-1], stages[1:], strict=True)
        self.body = nn.Sequential(*(_stage(before.width, after, 3, 2) for before, after in pairs))
        shrink = STEM_STRIDE * 2 ** (len(stages) - 1)
        cells = math.ceil(self.rows / shrink) * math.ceil(width / shrink)
        self.to_latent = nn.Linear(stages[-1].width * cells, latent_size)

    def forward(self, frames: UInt8[Tensor, "B H W C"]) -> Encoding:
        """Encode the lower `rows` rows of the frames."""
        pixels = frames[:, -self.rows :].permute(0, 3, 1, 2)
        pixels = pixels.to(torch.float32, memory_format=torch.channels_last)
        fine = self.stem(pixels.sub_(BYTE_MEAN).mul_(1 / BYTE_SCALE))
        coarse = self.body(fine)
        return Encoding(fine, coarse, F.relu(self.to_latent(coarse.flatten(1))))


class SegmentationHead(nn.Module):
    """Class logits for every pixel that the encoder sees, from its first and its last feature map."""

    def __init__(self, fine: int, coarse: int, num_classes: int, width: int = 32) -> None:
        super().__init__()
        self.from_fine = nn.Conv2d(fine, width, 3, padding=1)
        self.from_coarse = nn.Conv2d(coarse, width, 1)
        self.to_pixels = nn.Conv2d(width, num_classes * STEM_STRIDE**2, 1)

    def forward(self, encoding: Encoding) -> Float[Tensor, "B K h W"]:
        """Logits at the resolution of the frame."""
        size = encoding.fine.shape[2:]
        context = F.interpolate(self.from_coarse(encoding.coarse), size, mode="nearest")
        return F.pixel_shuffle(self.to_pixels(F.relu(self.from_fine(encoding.fine) + context)), STEM_STRIDE)


def use_channels_last(network: ModuleT) -> ModuleT:
    """Store the kernels as the frames are stored, so that no convolution has to rearrange them."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.weight.data = module.weight.data.contiguous(memory_format=torch.channels_last)
    return network


def _stage(channels: int, stage: Stage, kernel: int, stride: int) -> nn.Sequential:
    blocks = [ResidualBlock(stage.width) for _ in range(stage.blocks)]
    return nn.Sequential(Convolution((channels, stage.width), kernel, stride), nn.ReLU(True), *blocks)
