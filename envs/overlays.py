"""Overlays: what the labels say, laid over a picture of the same size; and everybody on the map."""

from typing import NamedTuple

import numpy as np
import pygame

from envs.drawing import CLASS_COLOURS, MapScale, colour_depth
from envs.driving.actors import BARRIER, CAR, CONE, KINDS, NOBODY, PARKED, PEDESTRIAN
from envs.driving.objects import BOX_FIELDS
from envs.driving.simulator import Simulator
from envs.window import FINE, Colour, write

OVERLAYS = ("none", "semantic", "depth")
KIND_COLOURS: dict[int, Colour] = {
    CAR: (255, 107, 94),
    PARKED: (150, 160, 255),
    CONE: (255, 168, 40),
    BARRIER: (255, 168, 40),
    PEDESTRIAN: (250, 120, 220),
}
_SHARE = 0.55  # of the overlay in the picture
_SCENERY: Colour = (96, 140, 96)
_HIDDEN = 0.02  # share of what must be seen of something for its box to be drawn


class Labels(NamedTuple):
    """What is known of a picture: of `Simulator.label`, for one row and one camera."""

    classes: np.ndarray  # (H, W) uint8
    depths: np.ndarray  # (H, W) float32 [m]
    boxes: np.ndarray  # (M, 6) int32 by `BOX_FIELDS`
    kinds: np.ndarray  # (M,) of the actors


def lay_over(picture: np.ndarray, overlay: str, labels: Labels) -> None:
    """Blend classes or depths into a picture (H, W, 3) uint8, in false colours, by one of `OVERLAYS`."""
    if overlay == "none":
        return
    colours = CLASS_COLOURS[labels.classes] if overlay == "semantic" else colour_depth(labels.depths)
    picture[:] = ((1.0 - _SHARE) * picture + _SHARE * colours).astype(np.uint8)


def draw_boxes(canvas: pygame.Surface, labels: Labels) -> None:
    """Outline every actor that is seen, with its kind and the share of it that is not hidden."""
    fields = {name: labels.boxes[:, n] for n, name in enumerate(BOX_FIELDS)}
    for n in np.flatnonzero(fields["seen"] > _HIDDEN * np.maximum(fields["pixels"], 1)):
        left, top = int(fields["left"][n]), int(fields["top"][n])
        size = int(fields["right"][n]) - left, int(fields["bottom"][n]) - top
        kind, colour = int(labels.kinds[n]), KIND_COLOURS[int(labels.kinds[n])]
        pygame.draw.rect(canvas, colour, pygame.Rect((left, top), size), 2)
        share = round(100 * fields["seen"][n] / fields["pixels"][n])
        words = KINDS[kind] if share == 100 else f"{KINDS[kind]} {share} %"
        write(canvas, words, 16, colour, bottomleft=(left, max(top - 2, 12)))


def draw_inhabitants(fine: pygame.Surface, simulator: Simulator, row: int, scale: MapScale) -> None:
    """Put everybody on a map, drawn `FINE` times larger: dots for scenery, shapes for actors."""
    level, roads = int(simulator.rows["level"][row]), simulator.roads
    if simulator.config.scenery:
        beside = roads.scenery[level, : roads.scenery_counts[level]]
        for place in scale.place(np.stack([beside["x"], beside["y"]], axis=1)):
            pygame.draw.circle(fine, _SCENERY, (FINE * place).tolist(), FINE * 1.0)
    for actor in simulator.there.actors[row]:
        if actor["kind"] != NOBODY:
            colour = KIND_COLOURS[int(actor["kind"])]
            pygame.draw.polygon(fine, colour, (FINE * _outline(actor, scale)).tolist())


def _outline(actor: np.record, scale: MapScale) -> np.ndarray:
    """The corners (4, 2) of an actor on the map, at least so large that it is seen."""
    long = max(float(actor["half_length"]), 2.2 / scale.pixels_per_metre)
    wide = max(float(actor["half_width"]), 1.4 / scale.pixels_per_metre)
    cos, sin = np.cos(actor["yaw"]), np.sin(actor["yaw"])
    corners = np.array([(1, 1), (1, -1), (-1, -1), (-1, 1)]) * (long, wide)
    turned = corners @ np.array([(cos, sin), (-sin, cos)])
    return scale.place(turned + (actor["x"], actor["y"]))
