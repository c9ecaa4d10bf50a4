"""The networks of agents: one encoder for each kind of observation, and what is built on them."""

from math import prod, sqrt
from typing import Literal, cast

import torch
from gymnasium import Space, spaces
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.nn import functional

ImageKind = Literal["patches", "nature", "flat"]
FEATURES: dict[ImageKind, int] = {"patches": 256, "nature": 512}
NATURE = ((32, 8, 4, 0), (64, 4, 2, 0), (64, 3, 1, 0))  # channels, kernel, stride, padding
STACK_AXES = 4  # of a stack of frames
SMALLEST_NATURE = 36
SMALLEST_PATCHED = 32  # [pixels] below this side, patches of four pixels would leave too little


class VectorEncoder(nn.Module):
    """A vector, or anything that is not an image, as one row of float32; bytes are scaled to [0, 1]."""

    def __init__(self, space: spaces.Box):
        super().__init__()
        self.size = prod(space.shape)
        self.scale = 1 / 255 if space.dtype == "uint8" else 1.0

    def forward(self, obs: Shaped[Tensor, "B ..."]) -> Float[Tensor, "B D"]:
        """Flatten each row."""
        rows = obs if obs.dim() == 2 else obs.reshape(obs.shape[0], -1)
        rows = rows if rows.dtype == torch.float32 else rows.float()
        return rows if self.scale == 1.0 else rows * self.scale


class OneHotEncoder(nn.Module):
    """A number out of a Discrete space as a one-hot row."""

    def __init__(self, space: spaces.Discrete):
        super().__init__()
        self.size = int(space.n)
        self.start = int(space.start)

    def forward(self, obs: Shaped[Tensor, " B"]) -> Float[Tensor, "B D"]:
        """Set the number's own column to one."""
        return functional.one_hot(obs.long() - self.start, self.size).float()


class ImageEncoder(nn.Module):
    """Frames of bytes through three convolutions and a dense layer.

    Kinds: `patches`, 32-32-64 channels to 256 features, looks at patches of 4×4 pixels first that do not
    overlap: on a processor, half the time of two small strides. `nature`, 32-64-64 channels to 512 features,
    is the network of Nature 518 (2015) 529. Frames are (H, W, C), or (C, H, W) where the first axis is the
    smaller one, or a stack of either, (S, H, W, C) or (S, C, H, W), or of single channels, (S, H, W).

    Raises:
        ValueError: the frames are too small for the kind.
    Source: document 001 §3.1.2, documents 003 §3.2 and 004 §3.1.
    """

    def __init__(self, space: spaces.Box, generator: torch.Generator, kind: ImageKind = "patches"):
        super().__init__()
        self.stacked = len(space.shape) == STACK_AXES
        self.channels_first = space.shape[-3] < space.shape[-1]
        channels, height, width = _channels_height_width(space)
        self.scale = 1 / 255 if space.dtype == "uint8" else 1.0
        self.size = FEATURES[kind]
        layers = []
        for outputs, kernel, stride, padding in _convolutions(kind, min(height, width)):
            layers.append(_conv(channels, outputs, generator, kernel, stride, padding))
            channels = outputs
        self.stem, self.middle, self.last = layers
        with torch.no_grad():
            flat = self._convolve(torch.zeros(1, self.stem.in_channels, height, width)).numel()
        self.project = linear(flat, self.size, generator)

    def forward(self, frames: Shaped[Tensor, "B ..."]) -> Float[Tensor, "B D"]:
        """Encode each frame."""
        if self.stacked and self.channels_first:
            frames = frames.flatten(1, 2)  # (B, S, C, H, W) → (B, S·C, H, W)
        elif self.stacked:
            frames = frames.permute(0, 2, 3, 1, 4).flatten(3)  # (B, S, H, W, C) → (B, H, W, S·C)
        nchw = frames if self.channels_first else frames.permute(0, 3, 1, 2)
        hidden = self._convolve(nchw.to(torch.float32, memory_format=torch.channels_last))
        return self.project(hidden.flatten(1)).relu_()

    def _convolve(self, frames: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K h w"]:
        stem = self.stem
        weight = stem.weight * self.scale  # scales the frames, at a thousandth of the cost
        hidden = functional.conv2d(frames, weight, stem.bias, stem.stride, stem.padding).relu_()
        return self.last(self.middle(hidden).relu_()).relu_()


class DictEncoder(nn.Module):
    """Every key of a Dict observation by its own encoder, side by side in the order of the names."""

    def __init__(self, space: spaces.Dict, generator: torch.Generator, kind: ImageKind = "patches"):
        super().__init__()
        self.names = sorted(space)  # no ModuleDict: it refuses some names
        parts = [make_encoder(space[name], generator, kind) for name in self.names]
        self.parts = nn.ModuleList(parts)
        self.size = sum(part.size for part in parts)

    def forward(self, obs: dict[str, Tensor]) -> Float[Tensor, "B D"]:
        """Encode and concatenate."""
        parts = zip(self.names, self.parts, strict=True)
        return torch.cat([encoder(obs[name]) for name, encoder in parts], dim=-1)


Encoder = VectorEncoder | OneHotEncoder | ImageEncoder | DictEncoder


def make_encoder(space: Space, generator: torch.Generator, kind: ImageKind = "patches") -> Encoder:
    """The encoder that fits an observation space; `kind` is that of frames, `flat` a row of their numbers.

    Raises:
        ValueError: there is none.
    """
    if isinstance(space, spaces.Dict) and not any(isinstance(part, spaces.Dict) for part in space.values()):
        return DictEncoder(space, generator, kind)
    if isinstance(space, spaces.Discrete):
        return OneHotEncoder(space)
    if isinstance(space, spaces.Box):
        sees_image = is_image(space) and kind != "flat"
        return ImageEncoder(space, generator, kind) if sees_image else VectorEncoder(space)
    raise ValueError(f"no encoder for observations of {space}: Box, Discrete, or a Dict of these would fit")


def is_image(space: Space) -> bool:
    """Whether a space holds frames, or stacks of them: three or four axes of bytes or of truth values."""
    axes = len(space.shape) if isinstance(space, spaces.Box) else 0
    return axes in (STACK_AXES - 1, STACK_AXES) and space.dtype in ("uint8", "bool")


def flatten_parameters(network: nn.Module) -> nn.Parameter:
    """Move all parameters into one buffer, which they and their gradients then look into.

    Optimiser, clipping and averaging become one operation each, whatever the number of layers.
    """
    parameters = list(network.parameters())
    flat = nn.Parameter(torch.cat([parameter.detach().reshape(-1) for parameter in parameters]))
    flat.grad = torch.zeros_like(flat)
    offset = 0
    for parameter in parameters:
        stop = offset + parameter.numel()
        parameter.data = flat.data[offset:stop].view(parameter.shape)
        parameter.grad = flat.grad[offset:stop].view(parameter.shape)
        offset = stop
    return flat


def linear(inputs: int, outputs: int, generator: torch.Generator, gain: float = sqrt(2)) -> nn.Linear:
    """A dense layer with orthogonal weights of this gain, and no bias to begin with."""
    layer = nn.Linear(inputs, outputs, device="meta").to_empty(device="cpu")
    nn.init.orthogonal_(layer.weight, gain, generator=generator)
    nn.init.zeros_(layer.bias)
    return layer


def _channels_height_width(space: spaces.Box) -> tuple[int, int, int]:
    if len(space.shape) == STACK_AXES:
        channels, height, width = _channels_height_width(spaces.Box(0, 1, space.shape[1:]))
        return space.shape[0] * channels, height, width
    if space.shape[0] < space.shape[2]:
        return space.shape[0], space.shape[1], space.shape[2]
    return space.shape[2], space.shape[0], space.shape[1]


def _convolutions(kind: ImageKind, smallest: int) -> tuple[tuple[int, int, int, int], ...]:
    """Channels, kernel, stride and padding of each convolution."""
    if kind == "nature":
        if smallest < SMALLEST_NATURE:
            raise ValueError(
                f"the nature encoder needs frames of {SMALLEST_NATURE} pixels a side, not {smallest}; "
                "use agent.encoder patches"
            )
        return NATURE
    stem = (32, 4, 4, 0) if smallest >= SMALLEST_PATCHED else (32, 3, 1, 1)
    return stem, (32, 3, 2, 1), (64, 3, 2, 1)


def _conv(
    inputs: int, outputs: int, generator: torch.Generator, kernel: int, stride: int, padding: int
) -> nn.Conv2d:
    layer = nn.Conv2d(inputs, outputs, kernel, stride, padding, device="meta").to_empty(device="cpu")
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
    nn.init.zeros_(cast(Tensor, layer.bias))
    return layer
