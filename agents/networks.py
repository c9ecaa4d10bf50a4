"""The networks of agents: one encoder for each kind of observation, and what is built on them."""

from collections.abc import Sequence
from math import prod, sqrt
from typing import cast

import torch
from gymnasium import Space, spaces
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.nn import functional

IMAGE_FEATURES = 256
SMALLEST_PATCHED = 32  # [pixels] below this side, patches of four pixels would leave too little


class VectorEncoder(nn.Module):
    """A vector, or anything that is not an image, as one row of float32; bytes are scaled to [0, 1]."""

    def __init__(self, space: spaces.Box):
        super().__init__()
        self.size = prod(space.shape)
        self.scale = 1 / 255 if space.dtype == "uint8" else 1.0

    def forward(self, obs: Shaped[Tensor, "B ..."]) -> Float[Tensor, "B D"]:
        """Flatten each row."""
        rows = obs.reshape(obs.shape[0], -1).float()
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
    """Frames of bytes through three convolutions, 32-32-64 channels, to 256 features.

    The first one looks at patches of 4×4 pixels that do not overlap: on a processor, half the time of two
    small strides. Frames are (H, W, C), or (C, H, W) where the first axis is the smaller one.
    """

    def __init__(self, space: spaces.Box, generator: torch.Generator):
        super().__init__()
        self.channels_first = space.shape[0] < space.shape[2]
        channels, height, width = _channels_height_width(space)
        patch = min(height, width) >= SMALLEST_PATCHED
        self.scale = 1 / 255 if space.dtype == "uint8" else 1.0
        kernel, stride = (4, 4) if patch else (3, 1)
        self.stem = _conv(channels, 32, generator, kernel, stride)
        self.middle = _conv(32, 32, generator, 3, 2)
        self.last = _conv(32, 64, generator, 3, 2)
        with torch.no_grad():
            flat = self._convolve(torch.zeros(1, channels, height, width)).numel()
        self.project = _linear(flat, IMAGE_FEATURES, generator)
        self.size = IMAGE_FEATURES

    def forward(self, frames: Shaped[Tensor, "B ..."]) -> Float[Tensor, "B D"]:
        """Encode each frame."""
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

    def __init__(self, space: spaces.Dict, generator: torch.Generator):
        super().__init__()
        parts = {name: make_encoder(part, generator) for name, part in sorted(space.items())}
        self.parts = nn.ModuleDict(parts)
        self.size = sum(part.size for part in parts.values())

    def forward(self, obs: dict[str, Tensor]) -> Float[Tensor, "B D"]:
        """Encode and concatenate."""
        return torch.cat([encoder(obs[name]) for name, encoder in self.parts.items()], dim=-1)


Encoder = VectorEncoder | OneHotEncoder | ImageEncoder | DictEncoder


class QNetwork(nn.Module):
    """Action values: an encoder, then hidden layers with ReLU, then one value for each action."""

    def __init__(
        self, space: Space, num_actions: int, hidden_sizes: Sequence[int], generator: torch.Generator
    ):
        super().__init__()
        self.single = not isinstance(space, spaces.Dict)
        self.encoder = make_encoder(space, generator)
        sizes = (self.encoder.size, *hidden_sizes)
        self.hidden = nn.ModuleList(
            _linear(before, after, generator) for before, after in zip(sizes, sizes[1:], strict=False)
        )
        self.num_actions = num_actions
        self.values = _linear(sizes[-1], num_actions, generator, gain=1.0)

    def forward(self, obs: dict[str, Tensor]) -> Float[Tensor, "B A"]:
        """Q(s, ·) of each row; an observation that is one array comes under the name `obs`."""
        hidden = self.encoder(obs["obs"] if self.single else obs)
        for layer in self.hidden:
            hidden = layer(hidden).relu_()
        return self.values(hidden).float()  # under autocast it comes in bfloat16


def make_encoder(space: Space, generator: torch.Generator) -> Encoder:
    """The encoder that fits an observation space.

    Raises:
        ValueError: there is none.
    """
    if isinstance(space, spaces.Dict) and not any(isinstance(part, spaces.Dict) for part in space.values()):
        return DictEncoder(space, generator)
    if isinstance(space, spaces.Discrete):
        return OneHotEncoder(space)
    if isinstance(space, spaces.Box):
        return ImageEncoder(space, generator) if is_image(space) else VectorEncoder(space)
    raise ValueError(f"no encoder for observations of {space}: Box, Discrete, or a Dict of these would fit")


def is_image(space: Space) -> bool:
    """Whether a space holds frames: three axes of bytes or of truth values."""
    return isinstance(space, spaces.Box) and len(space.shape) == 3 and space.dtype in ("uint8", "bool")


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


def _channels_height_width(space: spaces.Box) -> tuple[int, int, int]:
    if space.shape[0] < space.shape[2]:
        return space.shape[0], space.shape[1], space.shape[2]
    return space.shape[2], space.shape[0], space.shape[1]


def _linear(inputs: int, outputs: int, generator: torch.Generator, gain: float = sqrt(2)) -> nn.Linear:
    layer = nn.Linear(inputs, outputs, device="meta").to_empty(device="cpu")
    nn.init.orthogonal_(layer.weight, gain, generator=generator)
    nn.init.zeros_(layer.bias)
    return layer


def _conv(inputs: int, outputs: int, generator: torch.Generator, kernel: int, stride: int) -> nn.Conv2d:
    padding = 0 if kernel == stride else kernel // 2
    layer = nn.Conv2d(inputs, outputs, kernel, stride, padding, device="meta").to_empty(device="cpu")
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
    nn.init.zeros_(cast(Tensor, layer.bias))
    return layer
