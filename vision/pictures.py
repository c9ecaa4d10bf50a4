"""Pictures for reports: frames beside what is true of them and what a network says."""

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw

from vision.data import LabelledBatch, to_tensors
from vision.networks import PerceptionNetwork

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
    ],
    np.uint8,
)
LINE_HEIGHT = 11  # [pixels] of the default font


@torch.inference_mode()
def prediction_grid(
    network: PerceptionNetwork, batch: LabelledBatch, columns: int = 4, scale: int = 2
) -> UInt8[np.ndarray, "H W 3"]:
    """Each frame beside its true and its predicted classes, with the true and predicted pose below.

    Rows that the encoder does not see stay black in the predicted mask.

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
    cells = [
        _cell(panels, _pose_lines(network.pose_names, *numbers), scale)
        for panels, numbers in zip(
            zip(batch.frames, _painted(batch.semantic), _painted(predicted), strict=True),
            zip(batch.pose, pose, deviation, strict=True),
            strict=True,
        )
    ]
    return _grid(cells, columns)


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


def _cell(panels: tuple[np.ndarray, ...], lines: list[str], scale: int) -> UInt8[np.ndarray, "H W 3"]:
    picture = np.concatenate(panels, axis=1).repeat(scale, axis=0).repeat(scale, axis=1)
    text = Image.new("RGB", (picture.shape[1], LINE_HEIGHT * len(lines) + 4))
    ImageDraw.Draw(text).multiline_text((2, 0), "\n".join(lines), fill="white", spacing=0)
    return np.pad(np.concatenate([picture, np.asarray(text)]), ((2, 2), (2, 2), (0, 0)))


def _grid(cells: list[np.ndarray], columns: int) -> UInt8[np.ndarray, "H W 3"]:
    empty = [np.zeros_like(cells[0])] * (-len(cells) % columns)
    cells = [*cells, *empty]
    rows = [np.concatenate(cells[i : i + columns], axis=1) for i in range(0, len(cells), columns)]
    return np.concatenate(rows)
