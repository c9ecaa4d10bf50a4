"""What a labelled source says of its camera and labels, and how two such records are compared."""

import json
from collections.abc import Mapping
from typing import Any

REQUIRED_KEYS = ("camera", "channels", "classes", "pose", "pose_units")

Schema = dict[str, Any]


def checked_schema(schema: Mapping[str, Any]) -> Schema:
    """The schema as JSON would give it back: tuples become lists.

    Args:
        schema: needs `camera` (with `image_size` [H, W] and whatever else tells it from another camera),
            `channels`, the names of the `classes` and of the `pose` numbers, and their `pose_units`.

    Raises:
        ValueError: a required key is missing, or the units do not match the pose numbers.
    """
    missing = [key for key in REQUIRED_KEYS if key not in schema]
    if not missing and "image_size" not in schema["camera"]:
        missing = ["camera.image_size"]
    if missing:
        raise ValueError(f"the label schema lacks {', '.join(missing)}; it needs {', '.join(REQUIRED_KEYS)}")
    if len(schema["pose_units"]) != len(schema["pose"]):
        raise ValueError(
            f"the label schema has {len(schema['pose'])} pose numbers and {len(schema['pose_units'])} units"
        )
    return json.loads(json.dumps(dict(schema)))


def image_shape(schema: Mapping[str, Any]) -> tuple[int, int, int]:
    """Height, width and channels of a frame."""
    height, width = schema["camera"]["image_size"]
    return height, width, schema["channels"]


def schema_difference(found: Mapping[str, Any], expected: Mapping[str, Any], prefix: str = "") -> str | None:
    """The first entry in which two schemas differ, as 'NAME FOUND, … EXPECTED', or None."""
    for key in [*expected, *(key for key in found if key not in expected)]:
        name = f"{prefix}{key}"
        ours, theirs = found.get(key), expected.get(key)
        if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
            difference = schema_difference(ours, theirs, f"{name}.")
            if difference is not None:
                return difference
        elif ours != theirs:
            return f"{name} {_shown(ours)}, the environment gives {_shown(theirs)}"
    return None


def _shown(value: object) -> str:
    return "none" if value is None else json.dumps(value)
