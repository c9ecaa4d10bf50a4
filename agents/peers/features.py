"""What an SB3 policy makes of an observation before its own layers see it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from gymnasium import Space, spaces
from jaxtyping import Float, Shaped
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn

from vision.features import CAMERA, INSTRUMENTS, Mode
from vision.networks import PerceptionNetwork
from vision.schema import image_shape

GRID_CHANNELS, GRID_SIZE = 16, 128


class PerceptionFeatures(BaseFeaturesExtractor):
    """What a frozen perception network makes of camera frames, the instruments appended.

    For those who use SB3 by itself: `policy_kwargs={"features_extractor_class": PerceptionFeatures,
    "features_extractor_kwargs": {"network": load_perception(folder)}}`. In a run, `agent.perception:
    features` is faster: it encodes a frame once, and this one each time it is replayed.

    The network's weights are buffers here: they go where the policy goes and are saved with it, but no
    optimiser is given them, and neither SB3's switch to training nor its orthogonal start touches them.

    Args:
        observation_space: frames (H, W, C), or (C, H, W) as SB3 turns them, alone or as `camera` of a Dict
            with `instruments`.
        network: trained for this camera; a frozen copy of it is used.
        mode: features (lane pose and latent) or affordances (lane pose and its uncertainty).
        normalized: frames come in [0, 1], as SB3 gives them unless the policy has `normalize_images=False`.

    Raises:
        ValueError: the environment shows no such camera.
    """

    def __init__(
        self,
        observation_space: Space,
        network: PerceptionNetwork,
        mode: Mode = "features",
        normalized: bool = True,
    ):
        parts = observation_space.spaces if isinstance(observation_space, spaces.Dict) else {}
        shape = parts.get(CAMERA, observation_space).shape
        height, width, channels = image_shape(network.schema)
        if shape not in ((height, width, channels), (channels, height, width)):
            raise ValueError(
                f"perception was trained for frames of shape {(height, width, channels)}, "
                f"the environment gives {shape}"
            )
        instruments = sum(int(np.prod(parts[name].shape or ())) for name in parts if name == INSTRUMENTS)
        pose = len(network.pose_names)
        size = pose + (network.config.latent_size if mode == "features" else pose) + instruments
        super().__init__(observation_space, size)
        self._channels_first = shape == (channels, height, width)
        self._scale = 255.0 if normalized else 1.0
        self._mode = mode
        self.network = _without_parameters(network.frozen())

    def forward(self, obs: Any) -> Float[Tensor, "B D"]:
        """Encode each row."""
        if not isinstance(obs, dict):
            return self._encode(obs)
        encoded = self._encode(obs[CAMERA])
        return torch.cat([encoded, obs[INSTRUMENTS]], dim=1) if INSTRUMENTS in obs else encoded

    def train(self, mode: bool = True) -> "PerceptionFeatures":
        """Leave the network as it is: it does not learn, and keeps its statistics."""
        super().train(mode)
        self.network.eval()
        return self

    def apply(self, fn: Callable[[nn.Module], None]) -> "PerceptionFeatures":
        """Change nothing: SB3's actor-critic policies start every layer anew in this way."""
        return self

    @torch.no_grad()
    def _encode(self, frames: Shaped[Tensor, "B ..."]) -> Float[Tensor, "B D"]:
        frames = frames.permute(0, 2, 3, 1) if self._channels_first else frames
        pixels = (frames * self._scale).round().to(torch.uint8).contiguous()
        return self.network.features(pixels) if self._mode == "features" else self.network.affordances(pixels)


class GridFeatures(BaseFeaturesExtractor):
    """The network of the MinAtar paper: 16 filters of 3×3, then 128 units; grids are (H, W, C).

    Source: arXiv:1903.03176 §4.
    """

    def __init__(self, observation_space: spaces.Box):
        super().__init__(observation_space, GRID_SIZE)
        height, width, channels = observation_space.shape
        cells = (height - 2) * (width - 2)
        self.convolution = nn.Conv2d(channels, GRID_CHANNELS, 3)
        self.project = nn.Linear(GRID_CHANNELS * cells, GRID_SIZE)

    def forward(self, grids: Float[Tensor, "B H W C"]) -> Float[Tensor, "B D"]:
        """Encode each row."""
        hidden = self.convolution(grids.permute(0, 3, 1, 2)).relu()
        return self.project(hidden.flatten(1)).relu()


def _without_parameters(network: PerceptionNetwork) -> PerceptionNetwork:
    """The network with each of its parameters made a buffer."""
    for module in network.modules():
        for name, parameter in list(module.named_parameters(recurse=False)):
            delattr(module, name)
            module.register_buffer(name, parameter.detach())
    return network
