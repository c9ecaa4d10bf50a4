"""Models: what things look like, of boxes, ellipsoids and cones, in metres, x forward, z up from the road."""

from typing import NamedTuple

import numpy as np

# What a part is: a box, an ellipsoid, or an upright cone, whose half sizes are those of its lower and upper
# radius and of its height.
BOX, ELLIPSOID, CONE = range(3)
# What a part's skin shows; see `shading`.
PLAIN, BODY, CABIN, STRIPES, BANDS, WINDOWS, LEAVES, LAMP, PLATE = range(9)

# Colours, red green blue, 0 … 255. The first are those of cars, of which one is drawn for each.
PAINTS = np.array(
    [
        (196, 42, 40),
        (38, 84, 166),
        (232, 232, 228),
        (34, 36, 40),
        (150, 154, 160),
        (226, 176, 42),
        (44, 118, 78),
        (110, 42, 88),
        (212, 104, 40),
        (96, 170, 190),
        (28, 30, 34),  # tyres
        (44, 54, 66),  # glass
        (92, 70, 52),  # trunks
        (62, 108, 52),  # broad leaves
        (44, 84, 58),  # needles
        (238, 110, 30),  # cones
        (244, 244, 240),  # white bands
        (200, 44, 40),  # red bands
        (120, 124, 130),  # posts
        (255, 240, 196),  # lamps
        (228, 188, 156),  # skin
        (58, 62, 84),  # trousers
        (186, 168, 146),  # walls
        (158, 112, 92),
        (204, 200, 190),
        (36, 92, 176),  # plates
    ],
    np.float32,
)
NUM_CAR_PAINTS = 10
TYRE, GLASS, TRUNK, LEAF, NEEDLE, ORANGE, WHITE, RED, POST, GLOW, SKIN, TROUSERS = range(10, 22)
WALLS = (22, 23, 24)
BLUE = 25
OWN = -1  # the object's own colour

CLASS_VEHICLE, CLASS_PEDESTRIAN, CLASS_OBSTACLE, CLASS_PLANT, CLASS_BUILDING, CLASS_POST = range(5, 11)


class Part(NamedTuple):
    """One convex piece of a model."""

    form: int
    skin: int
    paint: int
    middle: tuple[float, float, float]  # [m]
    half: tuple[float, float, float]  # [m]


class Model(NamedTuple):
    """A thing on the road or beside it; its box is what it collides by."""

    name: str
    kind: int  # of `camera.CLASSES`
    half_length: float  # [m]
    half_width: float  # [m]
    height: float  # [m]
    parts: tuple[Part, ...]


def _car(
    name: str,
    size: tuple[float, float, float],
    cabin: tuple[float, float],
    belt: float = 0.58,
    tuck: float = 0.88,
) -> Model:
    """A car: a body on wheels, and a cabin.

    Args:
        name: of the model.
        size: length, width and height [m].
        cabin: shares of the length from its rear, from which to which the cabin reaches.
        belt: share of the height at which the cabin begins.
        tuck: width of the cabin over that of the body.
    """
    length, width, height = size
    x, y, edge = length / 2, width / 2, belt * height
    middle, half = (cabin[0] + cabin[1]) / 2 * length - x, (cabin[1] - cabin[0]) / 2 * length
    body = Part(BOX, BODY, OWN, (0.0, 0.0, (0.12 + edge) / 2), (x, y, (edge - 0.12) / 2))
    top = Part(BOX, CABIN, OWN, (middle, 0.0, (edge + height) / 2), (half, tuck * y, (height - edge) / 2))
    return Model(name, CLASS_VEHICLE, x, y, height, (body, top))


def _tree(name: str, trunk: float, crown: tuple[float, float], form: int, paint: int) -> Model:
    """A tree: a trunk so high and a crown of so much half width and half height."""
    width, high = crown
    middle = (0.0, 0.0, trunk + 0.85 * high)
    half = (width, 0.0, high) if form == CONE else (width, width, high)
    stem = Part(CONE, PLAIN, TRUNK, (0.0, 0.0, trunk / 2), (0.22, 0.16, trunk / 2))
    return Model(
        name, CLASS_PLANT, width, width, trunk + 1.9 * high, (stem, Part(form, LEAVES, paint, middle, half))
    )


def _house(name: str, length: float, width: float, height: float) -> Model:
    walls = Part(BOX, WINDOWS, OWN, (0.0, 0.0, height / 2), (length / 2, width / 2, height / 2))
    return Model(name, CLASS_BUILDING, length / 2, width / 2, height, (walls,))


def _sign(name: str, paint: int) -> Model:
    """A sign on a post; it looks towards −x, to who drives along +x."""
    post = Part(CONE, PLAIN, POST, (0.0, 0.0, 1.1), (0.05, 0.05, 1.1))
    plate = Part(BOX, PLATE, paint, (-0.06, 0.0, 2.35), (0.03, 0.4, 0.4))
    return Model(name, CLASS_POST, 0.12, 0.4, 2.8, (post, plate))


_CONE = Model(
    "cone",
    CLASS_OBSTACLE,
    0.25,
    0.25,
    0.75,
    (
        Part(BOX, PLAIN, ORANGE, (0.0, 0.0, 0.03), (0.25, 0.25, 0.03)),
        Part(CONE, BANDS, ORANGE, (0.0, 0.0, 0.4), (0.19, 0.04, 0.35)),
    ),
)
_BARRIER = Model(
    "barrier",
    CLASS_OBSTACLE,
    0.2,
    1.0,
    1.0,
    (
        Part(BOX, STRIPES, RED, (0.0, 0.0, 0.75), (0.08, 1.0, 0.22)),
        Part(BOX, PLAIN, POST, (0.0, 0.7, 0.27), (0.2, 0.06, 0.27)),
        Part(BOX, PLAIN, POST, (0.0, -0.7, 0.27), (0.2, 0.06, 0.27)),
    ),
)
_PERSON = Model(
    "pedestrian",
    CLASS_PEDESTRIAN,
    0.3,
    0.3,
    1.78,
    (
        Part(BOX, PLAIN, TROUSERS, (0.0, 0.0, 0.43), (0.13, 0.19, 0.43)),
        Part(ELLIPSOID, PLAIN, OWN, (0.0, 0.0, 1.15), (0.19, 0.29, 0.42)),
        Part(ELLIPSOID, PLAIN, SKIN, (0.0, 0.0, 1.63), (0.13, 0.12, 0.15)),
    ),
)
_LAMP_POST = Model(
    "lamp post",
    CLASS_POST,
    0.15,
    0.9,
    6.2,
    (
        Part(CONE, PLAIN, POST, (0.0, 0.75, 3.0), (0.1, 0.06, 3.0)),
        Part(BOX, PLAIN, POST, (0.0, 0.0, 6.05), (0.05, 0.8, 0.05)),
        Part(BOX, LAMP, GLOW, (0.0, -0.7, 5.95), (0.14, 0.35, 0.07)),
    ),
)

MODELS: tuple[Model, ...] = (
    _car("hatchback", (3.9, 1.72, 1.48), (0.06, 0.66)),
    _car("saloon", (4.6, 1.82, 1.44), (0.16, 0.68)),
    _car("estate", (4.7, 1.84, 1.5), (0.03, 0.67)),
    _car("van", (5.2, 1.95, 2.2), (0.0, 0.92), 0.45, 0.97),
    _car("truck", (7.2, 2.3, 3.1), (0.0, 0.92), 0.45, 0.97),
    _CONE,
    _BARRIER,
    _PERSON,
    _tree("broad tree", 2.0, (1.9, 2.2), ELLIPSOID, LEAF),
    _tree("bush", 0.3, (1.0, 0.8), ELLIPSOID, LEAF),
    _tree("conifer", 1.0, (1.6, 3.4), CONE, NEEDLE),
    _house("house", 11.0, 9.0, 6.5),
    _house("tower", 14.0, 12.0, 15.0),
    _LAMP_POST,
    _sign("crossing sign", BLUE),
    _sign("bend sign", RED),
)
NAMES = tuple(model.name for model in MODELS)
NUM_CARS = 5  # models of cars, the first ones
M_CONE, M_BARRIER, M_PERSON = 5, 6, 7
TREES, HOUSES = (8, 9, 10), (11, 12)
M_LAMP_POST, M_CROSSING_SIGN, M_BEND_SIGN = 13, 14, 15

# The same for the compiled code. A part: form, skin, paint, middle, half sizes.
PARTS = np.array(
    [(p.form, p.skin, p.paint, *p.middle, *p.half) for model in MODELS for p in model.parts], np.float32
)
MODEL_PARTS = np.cumsum([0, *(len(model.parts) for model in MODELS)]).astype(np.int32)
MODEL_KINDS = np.array([model.kind for model in MODELS], np.uint8)
SIZES = np.array([(m.half_length, m.half_width, m.height) for m in MODELS], np.float32)  # [m]
RADII = np.array(
    [np.hypot(np.hypot(m.half_length, m.half_width), m.height / 2) for m in MODELS], np.float32
)  # [m]
# The other three colours of each skin, and how much each of the four shines by itself, 0 … 255.
SKIN_PAINTS = np.zeros((9, 3), np.int32)
SKIN_GLOWS = np.zeros((9, 4), np.float32)
SKIN_PAINTS[BODY], SKIN_GLOWS[BODY] = (TYRE, GLOW, RED), (0, 0, 255, 255)
SKIN_PAINTS[CABIN, 0] = GLASS
SKIN_PAINTS[STRIPES, 0] = SKIN_PAINTS[BANDS, 0] = SKIN_PAINTS[PLATE, 0] = WHITE
SKIN_PAINTS[WINDOWS], SKIN_GLOWS[WINDOWS, 2] = (GLASS, GLASS, GLASS), 210
SKIN_GLOWS[LAMP] = 255
