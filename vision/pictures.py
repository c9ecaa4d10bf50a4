"""Pictures for reports: frames beside what is true of them and what a network says."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw

from vision.data import LabelledBatch, to_tensors
from vision.networks import PerceptionNetwork
from vision.scene import find_objects, visible_objects

PALETTE = np.array(
    [
        [120, 170, 230],
        [70, 130, 60],
        [100, 100, 105],
        [245, 245, 245],
        [200, 80, 70],
        [250, 190, 50],
        [150, 90, 200],
        [60, 190, 190],
        [30, 90, 60],
        [170, 120, 90],
        [230, 120, 190],
    ],
    np.uint8,
)
LINE_HEIGHT, LINE_WIDTH = 11, 235  # [pixels] of the default font, and of the longest line
_SURE = 0.3  # score of a box that is drawn
_HALF_BRIGHT = 10.0  # [m] away


@torch.inference_mode()
def prediction_grid(
    network: PerceptionNetwork, batch: LabelledBatch, columns: int = 4, scale: int = 2
) -> UInt8[np.ndarray, "H W 3"]:
    """Each frame beside its true and its predicted classes, with the true and predicted pose below.

    Rows that the encoder does not see stay black in the predicted mask. Of a network of whole scenes true and
    predicted depths follow, the nearer the brighter, and boxes lie on the frames: true ones white, found ones
    yellow.

    Args:
        network: what is shown.
        batch: B frames of three channels.
        columns: frames side by side.
        scale: pixels of the picture for each pixel of a frame.
    """
    frozen = network.frozen()
    estimate, logits = frozen(to_tensors(batch, frozen.pose_scale.device).frames)
    predicted = np.full(batch.semantic.shape, -1)
    predicted[:, -logits.shape[2] :] = logits.argmax(1).cpu().numpy()
    pose = (estimate.mean * frozen.pose_scale).cpu().numpy()
    deviation = ((0.5 * estimate.log_variance).exp() * frozen.pose_scale).cpu().numpy()
    panels = [batch.frames, _painted(batch.semantic), _painted(predicted)]
    if network.config.scene:
        panels = _scene_panels(frozen, batch, panels)
    numbers = zip(batch.pose, pose, deviation, strict=True)
    cells = [
        _cell(pictures, _pose_lines(network.pose_names, *row), scale)
        for *pictures, row in zip(*panels, numbers, strict=True)
    ]
    return _grid(cells, columns)


def _scene_panels(
    network: PerceptionNetwork, batch: LabelledBatch, panels: list[np.ndarray]
) -> list[np.ndarray]:
    """The panels with boxes on the frames, and depths after them."""
    assert batch.depth is not None
    assert batch.instances is not None
    tensors = to_tensors(batch, network.pose_scale.device)
    estimate = network.scene(network.encode(tensors.frames))
    above = batch.frames.shape[1] - estimate.log_depth.shape[1]
    true = visible_objects(
        torch.from_numpy(batch.instances),
        torch.from_numpy(batch.semantic),
        network.first_thing,
        len(network.things),
    )
    frames = []
    for n, (frame, found) in enumerate(zip(batch.frames, find_objects(estimate, least=_SURE), strict=True)):
        picture = Image.fromarray(frame)
        draw, lower = ImageDraw.Draw(picture), torch.tensor([0, above, 0, above])
        for boxes, colour in ((true.box[true.frame == n], "white"), (found.box.cpu() + lower, "yellow")):
            for left, top, right, bottom in boxes.tolist():
                draw.rectangle((left - 1, top - 1, max(right, left), max(bottom, top)), outline=colour)
        frames.append(np.asarray(picture))
    depth = np.full(batch.depth.shape, np.inf, np.float32)
    depth[:, above:] = estimate.log_depth.exp().cpu().numpy()
    return [np.stack(frames), *panels[1:], _nearness(batch.depth), _nearness(depth)]


def _nearness(depth: Float[np.ndarray, "B H W"]) -> UInt8[np.ndarray, "B H W 3"]:
    """Depths [m] as grays: white at the camera, black far away."""
    gray = 255 / (1 + depth / _HALF_BRIGHT)
    return np.repeat(gray[..., None], 3, 3).astype(np.uint8)


def _painted(classes: np.ndarray) -> UInt8[np.ndarray, "*shape 3"]:
    colours = PALETTE[classes % len(PALETTE)]
    return np.where(classes[..., None] >= 0, colours, np.uint8(0))


def _pose_lines(
    names: tuple[str, ...],
    true: Float[np.ndarray, " P"],
    mean: Float[np.ndarray, " P"],
    deviation: Float[np.ndarray, " P"],
) -> list[str]:
    numbers = zip(names, true, mean, deviation, strict=True)
    return [f"{name} {a:+.3f} {b:+.3f}±{c:.3f}" for name, a, b, c in numbers]


def _cell(panels: Sequence[np.ndarray], lines: list[str], scale: int) -> UInt8[np.ndarray, "H W 3"]:
    picture = np.concatenate(panels, axis=1).repeat(scale, axis=0).repeat(scale, axis=1)
    columns = max(picture.shape[1] // LINE_WIDTH, 1)
    rows = -(-len(lines) // columns)
    text = Image.new("RGB", (picture.shape[1], LINE_HEIGHT * rows + 4))
    for column in range(columns):
        few = "\n".join(lines[column * rows : (column + 1) * rows])
        ImageDraw.Draw(text).multiline_text((2 + column * LINE_WIDTH, 0), few, fill="white", spacing=0)
    return np.pad(np.concatenate([picture, np.asarray(text)]), ((2, 2), (2, 2), (0, 0)))


def _grid(cells: list[np.ndarray], columns: int) -> UInt8[np.ndarray, "H W 3"]:
    empty = [np.zeros_like(cells[0])] * (-len(cells) % columns)
    cells = [*cells, *empty]
    rows = [np.concatenate(cells[i : i + columns], axis=1) for i in range(0, len(cells), columns)]
    return np.concatenate(rows)
