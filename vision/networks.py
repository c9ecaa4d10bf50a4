"""The perception network: encoder, latent, and heads for the lane pose and the segmentation."""

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
from jaxtyping import Float, Shaped, UInt8
from torch import Tensor, nn
from torch.nn import functional as F

from vision.encoder import (
    FINE_STRIDE,
    STAGES,
    Encoder,
    Encoding,
    ResidualBlock,
    SegmentationHead,
    use_channels_last,
)
from vision.scene import SceneEstimate, SceneHead
from vision.schema import checked_schema, image_shape

LOG_VARIANCE_RANGE = (-10.0, 6.0)
SCENE_TASKS = ("segmentation", "depth", "heat", "box", "instance")
"""What a scene's loss is made of, in the order of `task_log_variance`."""


@dataclass(frozen=True)
class NetworkConfig:
    """The size of the perception network."""

    size: Literal["tiny", "small", "base"] = "tiny"
    """tiny: what two CPU cores train in a minute; small: twice as wide; base: four times, and deeper."""
    latent_size: int = 128
    """Length of the vector that stands for a frame."""
    sky: float = 0.375
    """Fraction of the rows, from the top, that the encoder never sees."""
    scene: bool = False
    """Whether it tells, beside the pose, of whole scenes: classes, depth, objects and their instances."""
    pyramid_width: int = 24
    """Channels of the pyramid that scenes are read from."""

    def __post_init__(self) -> None:
        if self.latent_size < 1:
            raise ValueError(f"latent_size is {self.latent_size}; it must be at least 1")
        if self.pyramid_width < 1:
            raise ValueError(f"pyramid_width is {self.pyramid_width}; it must be at least 1")
        if not 0 <= self.sky <= 0.75:
            raise ValueError(f"sky is {self.sky}; it must lie between 0 and 0.75")


class PoseEstimate(NamedTuple):
    """A Gaussian for each pose number, in units of `pose_scale`."""

    mean: Float[Tensor, "B P"]
    log_variance: Float[Tensor, "B P"]


class PerceptionNetwork(nn.Module):
    """Frames to a latent, and from the latent the lane pose with its uncertainty, and a class for each pixel.

    Args:
        config: the size.
        schema: the camera and labels; see `vision.schema`. Frames are (B, H, W, C) of its `image_size`.
        pose_scale: (P,) what one unit of the pose head means in the schema's own units; typically the
            standard deviation of the labels.
        generator: draws the initial weights.

    Attributes:
        mixed: whether convolutions compute in bfloat16; what they give is float32 all the same. It is no part
            of what is stored: who trains decides.
    """

    pose_scale: Tensor
    mixed = False

    def __init__(
        self,
        config: NetworkConfig,
        schema: Mapping[str, Any],
        pose_scale: Sequence[float],
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.config, self.schema = config, checked_schema(schema)
        _check_fits(config, self.schema, pose_scale)
        stages = STAGES[config.size]
        with torch.random.fork_rng(
            devices=[]
        ):  # the layers draw from the global generator; ours decides below
            self.encoder = Encoder(stages, config.latent_size, config.sky, self.schema)
            self.pose_head = nn.Linear(config.latent_size, 2 * len(self.pose_names))
            if config.scene:
                width = config.pyramid_width
                self.scene_head = SceneHead(stages, len(self.class_names), len(self.things), width)
                self.task_log_variance = nn.Parameter(torch.zeros(len(SCENE_TASKS)))
            else:
                self.segmentation_head = SegmentationHead(
                    stages[1].width, stages[-1].width, len(self.class_names)
                )
        self.register_buffer("pose_scale", torch.tensor(list(pose_scale), dtype=torch.float32))
        self._draw_weights(generator)
        use_channels_last(self)

    @property
    def pose_names(self) -> tuple[str, ...]:
        """Names of the pose's columns."""
        return tuple(self.schema["pose"])

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the segmentation's classes."""
        return tuple(self.schema["classes"])

    @property
    def things(self) -> tuple[str, ...]:
        """Names of the classes whose members are told apart; empty where no scene is told."""
        return tuple(self.schema.get("things", ()))

    @property
    def first_thing(self) -> int:
        """Index of the first of `things` among the classes."""
        return self.class_names.index(self.things[0])

    def encode(self, frames: UInt8[Tensor, "B H W C"]) -> Encoding:
        """Feature maps and latent."""
        with self._precision():
            encoding = self.encoder(frames)
        return Encoding(*(part.float() for part in encoding))

    def pose(self, latent: Float[Tensor, "B L"]) -> PoseEstimate:
        """The lane pose, from a latent."""
        mean, log_variance = self.pose_head(latent).chunk(2, dim=1)
        return PoseEstimate(mean, log_variance.clamp(*LOG_VARIANCE_RANGE))

    def segmentation(self, encoding: Encoding) -> Float[Tensor, "B K h W"]:
        """Class logits of the lower h rows of the frame: those that the encoder sees."""
        return self.scene(encoding).semantic if self.config.scene else self.segmentation_head(encoding)

    def scene(self, encoding: Encoding) -> SceneEstimate:
        """Everything that is said of the lower rows of the frame, by a network of whole scenes."""
        with self._precision():
            estimate = self.scene_head(encoding)
        return SceneEstimate(*(part.float() for part in estimate))

    def seen_labels(self, labels: Shaped[Tensor, "B H W"]) -> Shaped[Tensor, "B h W"]:
        """The rows of label images (B, H, W) that `segmentation` answers for."""
        return labels[:, -self.encoder.rows :]

    def forward(self, frames: UInt8[Tensor, "B H W C"]) -> tuple[PoseEstimate, Float[Tensor, "B K h W"]]:
        """Pose and segmentation of a batch of frames."""
        encoding = self.encode(frames)
        return self.pose(encoding.latent), self.segmentation(encoding)

    def latent(self, frames: UInt8[Tensor, "B H W C"]) -> Float[Tensor, "B L"]:
        """The vectors that stand for the frames."""
        return self.encode(frames).latent

    def features(self, frames: UInt8[Tensor, "B H W C"]) -> Float[Tensor, "B D"]:
        """The lane pose in units of `pose_scale`, and then the latent, shortened to length 1.

        As it is, the latent's many numbers would drown the few that tell most: agents learn from both
        together in half the steps that they need with the latent alone.
        """
        latent = self.latent(frames)
        return torch.cat([self.pose(latent).mean, F.normalize(latent)], dim=1)

    def affordances(self, frames: UInt8[Tensor, "B H W C"]) -> Float[Tensor, "B D"]:
        """Mean and then standard deviation of the lane pose, in units of `pose_scale`."""
        mean, log_variance = self.pose(self.latent(frames))
        return torch.cat([mean, (0.5 * log_variance).exp()], dim=1)

    def frozen(self) -> "PerceptionNetwork":
        """A copy that does not learn."""
        return copy.deepcopy(self).eval().requires_grad_(False)

    def compile_layers(self) -> None:
        """Let torch compile what takes the time when it is first used; weights keep their names."""
        self.encoder.compile()
        if self.config.scene:
            self.scene_head.compile()

    def hidden_kernels(self) -> list[nn.Parameter]:
        """Kernels and matrices between the first layer and the heads."""
        first = self.encoder.stem[0].weight
        return [p for p in self.encoder.parameters() if p.ndim > 1 and p is not first]

    def _precision(self) -> torch.autocast:
        return torch.autocast(self.pose_scale.device.type, torch.bfloat16, enabled=self.mixed)

    def _draw_weights(self, generator: torch.Generator) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=generator)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, ResidualBlock):
                module.start_as_identity()
        nn.init.normal_(self.pose_head.weight, 0, 0.01, generator=generator)
        if self.config.scene:
            nn.init.normal_(self.scene_head.to_cells.weight, 0, 0.01, generator=generator)


def _check_fits(config: NetworkConfig, schema: Mapping[str, Any], pose_scale: Sequence[float]) -> None:
    height, width, _ = image_shape(schema)
    if width % FINE_STRIDE or height < 2 * FINE_STRIDE:
        raise ValueError(
            f"image_size is {[height, width]}; the width must be a multiple of {FINE_STRIDE} "
            f"and the height at least {2 * FINE_STRIDE}"
        )
    things, classes = list(schema.get("things", ())), schema["classes"]
    first = classes.index(things[0]) if things and things[0] in classes else len(classes)
    if config.scene and (not things or classes[first : first + len(things)] != things):
        wanted = "needs labels of things that follow one another among the classes"
        raise ValueError(f"a network of whole scenes {wanted} {classes}, and these have {things or 'none'}")
    names = schema["pose"]
    if len(pose_scale) != len(names) or not all(math.isfinite(scale) and scale > 0 for scale in pose_scale):
        raise ValueError(
            f"pose_scale is {list(pose_scale)}; it needs one positive number for each of {names}"
        )
