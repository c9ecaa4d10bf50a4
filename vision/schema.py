"""What a labelled source says of its camera and labels, and how two such records are compared."""

import json
from collections.abc import Mapping
from typing import Any

REQUIRED_KEYS = ("image_size", "channels", "class_names", "pose_names")

Schema = dict[str, Any]


def checked_schema(schema: Mapping[str, Any]) -> Schema:
    """The schema as JSON would give it back: tuples become lists.

    Args:
        schema: needs `image_size` ([H, W]), `channels`, `class_names` and `pose_names`; whatever else it
            holds (the camera's intrinsics and mounting) is kept and compared.

    Raises:
        ValueError: a required key is missing.
    """
    missing = [key for key in REQUIRED_KEYS if key not in schema]
    if missing:
        raise ValueError(f"the label schema lacks {', '.join(missing)}; it needs {', '.join(REQUIRED_KEYS)}")
    return json.loads(json.dumps(dict(schema)))


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
