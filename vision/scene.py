"""A scene: what is where in a frame, from a feature pyramid; its targets, and how it is read off again.

Everything that stands or moves is found by its middle (Zhou et al., arXiv:1904.07850), and every pixel of it
points there, so that pixels that point to one middle are one instance (Cheng et al., arXiv:1911.10194).
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int64, UInt8
from torch import Tensor, nn

from vision.encoder import Encoding, Stage

STRIDE = 2  # pixels of the frame to a cell of the finest map
_SPREAD = 1 / 6  # deviation of the heat around a middle, in sides of the box
_NARROWEST = 0.4  # [cells] of that deviation
_FEWEST = 2  # pixels of an object that counts
_VECTOR = 8.0  # [pixels] that a unit of the vector map stands for
_IDS = 256  # that instances have at most


class SceneEstimate(NamedTuple):
    """What is said of the rows that the encoder sees, in logits, and in cells of `STRIDE` pixels."""

    semantic: Float[Tensor, "B K H W"]
    log_depth: Float[Tensor, "B H W"]  # of the depth [m]
    heat: Float[Tensor, "B T h w"]  # logits of a thing's middle
    size: Float[Tensor, "B 2 h w"]  # logarithms of its width and height [pixels]
    shift: Float[Tensor, "B 2 h w"]  # right and down, of the middle in its cell [cells]
    vector: Float[Tensor, "B 2 h w"]  # right and down, to the middle of what the cell shows [_VECTOR]


class Objects(NamedTuple):
    """The visible objects of a batch, one after the other."""

    frame: Int64[Tensor, " N"]
    kind: Int64[Tensor, " N"]  # index among the things
    box: Float[Tensor, "N 4"]  # left, top, right, bottom of its visible pixels [pixels]
    name: Int64[Tensor, " N"]  # its number in the instance mask


class SceneHead(nn.Module):
    """A feature pyramid, and everything that is said of each of its finest cells.

    Source: Lin et al. (2017), arXiv:1612.03144, for the pyramid.
    """

    def __init__(self, stages: Sequence[Stage], num_classes: int, num_things: int, width: int) -> None:
        super().__init__()
        self._parts = num_classes * STRIDE**2, STRIDE**2, num_things, 2, 2, 2
        widths = (stages[0].width, stages[1].width, stages[-1].width)
        self.lateral = nn.ModuleList(nn.Conv2d(before, width, 1) for before in widths)
        self.smooth = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
        self.to_cells = nn.Conv2d(width, sum(self._parts), 1)

    def forward(self, encoding: Encoding) -> SceneEstimate:
        """Everything that is said of a batch of frames."""
        x = self.lateral[2](encoding.coarse)
        for level, finer in ((1, encoding.fine), (0, encoding.stem)):
            x = F.interpolate(F.silu(x), finer.shape[2:], mode="nearest") + self.lateral[level](finer)
            x = self.smooth[level](F.silu(x))
        cells = self.to_cells(F.silu(x))
        semantic, depth, heat, size, shift, vector = cells.split(self._parts, 1)
        log_depth = F.pixel_shuffle(depth, STRIDE).squeeze(1) + 3.0
        return SceneEstimate(
            F.pixel_shuffle(semantic, STRIDE), log_depth, heat - 4.0, size + 2.0, shift, vector
        )


def visible_objects(
    instances: UInt8[Tensor, "B H W"], semantic: UInt8[Tensor, "B H W"], first: int, num_things: int
) -> Objects:
    """The objects of which an instance mask shows two pixels or more, and the boxes around what it shows.

    Args:
        instances: numbers of objects; 0 is none.
        semantic: classes of the pixels.
        first: the class of the first kind of thing.
        num_things: kinds of things; their classes follow one another.
    """
    batch, height, width = instances.shape
    key = instances.long() + _IDS * torch.arange(batch, device=instances.device)[:, None, None]
    place = key.flatten()
    row = torch.arange(height, device=place.device)[None, :, None].expand_as(key).flatten()
    column = torch.arange(width, device=place.device).expand_as(key).flatten()
    counts = place.bincount(minlength=batch * _IDS)

    def extreme(values: Tensor, reduce: str) -> Tensor:
        return values.new_zeros(batch * _IDS).scatter_reduce(0, place, values, reduce, include_self=False)

    kind = extreme(semantic.flatten().long() - first, "amax")
    number = torch.arange(batch * _IDS, device=place.device)
    seen = (counts >= _FEWEST) & (number % _IDS > 0) & (kind >= 0) & (kind < num_things)
    edges = [
        extreme(column, "amin"),
        extreme(row, "amin"),
        extreme(column, "amax") + 1,
        extreme(row, "amax") + 1,
    ]
    box = torch.stack([edge[seen] for edge in edges], 1).float()
    return Objects(number[seen] // _IDS, kind[seen], box, number[seen] % _IDS)


class SceneTargets(NamedTuple):
    """What a `SceneEstimate` should say of things."""

    heat: Float[Tensor, "B T h w"]
    frame: Int64[Tensor, " N"]
    row: Int64[Tensor, " N"]  # of the cell that an object's middle is in
    column: Int64[Tensor, " N"]
    size: Float[Tensor, "N 2"]
    shift: Float[Tensor, "N 2"]
    vector: Float[Tensor, "B 2 h w"]
    thing: Bool[Tensor, "B h w"]  # cells of which a thing is in the middle


def scene_targets(
    objects: Objects, instances: UInt8[Tensor, "B H W"], shape: tuple[int, int], num_things: int
) -> SceneTargets:
    """Targets of things, of (h, w) cells.

    Args:
        objects: of `visible_objects`.
        instances: the mask that they are of.
        shape: rows and columns of cells.
        num_things: kinds of things.
    """
    batch, (rows, columns), box = len(instances), shape, objects.box
    middle = (box[:, :2] + box[:, 2:]) / 2
    sides = box[:, 2:] - box[:, :2]
    cell = (middle / STRIDE).floor().long()
    column, row = cell[:, 0].clamp(max=columns - 1), cell[:, 1].clamp(max=rows - 1)
    spread = (sides * (_SPREAD / STRIDE)).clamp(min=_NARROWEST)
    across = (torch.arange(columns, device=box.device) - column[:, None]) / spread[:, :1]
    down = (torch.arange(rows, device=box.device) - row[:, None]) / spread[:, 1:]
    bells = (-0.5 * (across.square()[:, None, :] + down.square()[:, :, None])).exp()
    heat = box.new_zeros(batch * num_things, rows, columns)
    layer = (objects.frame * num_things + objects.kind)[:, None, None].expand_as(bells)
    heat.scatter_reduce_(0, layer, bells, "amax")
    vector, thing = _vectors(objects, middle, instances, shape)
    shift = middle / STRIDE - torch.stack([column, row], 1) - 0.5
    return SceneTargets(
        heat.view(batch, num_things, rows, columns),
        objects.frame, row, column, sides.log(), shift, vector, thing,
    )  # fmt: skip


def _vectors(
    objects: Objects, middle: Tensor, instances: Tensor, shape: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Where cells point to the middle of the thing that they show, and which do."""
    batch, (rows, columns) = len(instances), shape
    known = torch.full((batch * _IDS, 2), torch.nan, device=middle.device)
    known[objects.frame * _IDS + objects.name] = middle
    shown = instances[:, STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE][:, :rows, :columns].long()
    key = shown + _IDS * torch.arange(batch, device=shown.device)[:, None, None]
    target = known[key].movedim(-1, 1)
    thing = ~target[:, 0].isnan()
    return ((target - cell_middles(shape, middle.device)) / _VECTOR).nan_to_num(), thing


def cell_middles(shape: tuple[int, int], device: torch.device) -> Float[Tensor, "2 h w"]:
    """Columns and rows [pixels] that the middles of cells have."""
    row, column = (STRIDE * (torch.arange(size, device=device) + 0.5) for size in shape)
    return torch.stack([column.expand(shape), row[:, None].expand(shape)])


class Found(NamedTuple):
    """Objects that a network finds in one frame, the surest first."""

    kind: Int64[Tensor, " N"]
    score: Float[Tensor, " N"]
    box: Float[Tensor, "N 4"]  # left, top, right, bottom [pixels]


def find_objects(estimate: SceneEstimate, most: int = 16, least: float = 0.05) -> list[Found]:
    """The objects of each frame: where the heat is greatest among the cells around.

    Args:
        estimate: of a batch.
        most: objects of a frame.
        least: score of an object.
    """
    heat = estimate.heat.sigmoid()
    peaks = heat * (heat == F.max_pool2d(heat, 3, 1, 1))
    score, place = peaks.flatten(1).topk(min(most, peaks[0].numel()), 1)
    rows, columns = heat.shape[2:]
    kind, cell = place // (rows * columns), place % (rows * columns)
    size, shift = (_at(values, cell) for values in (estimate.size, estimate.shift))
    corner = torch.stack([cell % columns, cell // columns], 1)
    middle = (corner + 0.5 + shift) * STRIDE
    half = size.clamp(max=7.0).exp() / 2
    box = torch.cat([middle - half, middle + half], 1).movedim(1, 2)
    parts = zip(kind, score, box, strict=True)
    return [Found(*(part[sure >= least] for part in (what, sure, where))) for what, sure, where in parts]


def _at(values: Float[Tensor, "B 2 h w"], cell: Int64[Tensor, "B N"]) -> Float[Tensor, "B 2 N"]:
    return values.flatten(2).gather(2, cell[:, None].expand(-1, 2, -1))


def group_instances(
    estimate: SceneEstimate, found: Sequence[Found], first: int, least: float = 0.3
) -> Int64[Tensor, "B H W"]:
    """The instance that each pixel is of, 0 for none: that of its class whose middle it points nearest to.

    Args:
        estimate: of a batch.
        found: objects in its frames; instances are numbered in their order, from 1.
        first: the class of the first kind of thing.
        least: score of an object that pixels may belong to.
    """
    classes = estimate.semantic.argmax(1)
    vector = F.interpolate(estimate.vector, scale_factor=STRIDE, mode="nearest") * _VECTOR
    shape = classes.shape[1:]
    row, column = (torch.arange(size, device=classes.device) + 0.5 for size in shape)
    aim = vector + torch.stack([column.expand(shape), row[:, None].expand(shape)])
    instances = torch.zeros_like(classes)
    for n, objects in enumerate(found):
        sure = objects.score >= least
        middle = (objects.box[sure, :2] + objects.box[sure, 2:]) / 2
        for kind in objects.kind[sure].unique().tolist():
            mine = (objects.kind[sure] == kind).nonzero().squeeze(1)
            away = (aim[n][None] - middle[mine][:, :, None, None]).square().sum(1)
            nearest = mine[away.argmin(0)] + 1
            instances[n] = torch.where(classes[n] == first + kind, nearest, instances[n])
    return instances
