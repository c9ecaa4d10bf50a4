"""Held-out axes: what is unlike anything in training, one thing at a time.

| axis | what differs |
| --- | --- |
| curvature | the roads of the split ood: longer, and with sharper bends than any other split has |
| density | twice as much on the road, 32 cars at most; no more people, for whom all traffic would stand |
| friction | tyres hold three quarters of what they do |
| look | dusk, fog, rain and a wet road at once |
| camera | mounted higher, tilted further down, with a wider lens |

Sets are apart: no environment trains on them unless it is told to.
"""

from typing import Any

from envs.driving.config import DrivingConfig

LOOK = {"night": 0.6, "fog": 0.5, "rain": 0.7, "wet": 0.7}
CAMERA = {"height": 1.9, "pitch": 0.2, "field_of_view": 1.75}
FRICTION = 0.75  # of what it is
_MOST_CARS, _MOST_OTHERS = 32, 16


def held_out_axes(config: DrivingConfig) -> dict[str, dict[str, Any]]:
    """Keyword arguments, by axis, that take an environment of a configuration out of what it trains on.

    Axes that would change nothing are left out: no more cars where there are none, no other camera where
    nothing is seen.
    """
    axes: dict[str, dict[str, Any]] = {"curvature": {"split": "ood"}}
    denser = _denser(config)
    if denser:
        axes["density"] = denser
    axes["friction"] = {"car": {**config.car, "friction": _less_friction(config)}}
    if config.obs != "state":
        axes["look"] = {"weather": LOOK}
        axes["camera"] = {"camera": CAMERA}
    return axes


def _denser(config: DrivingConfig) -> dict[str, int]:
    """Twice as much of everything that there is on the road."""
    most = {"num_cars": _MOST_CARS, "num_obstacles": _MOST_OTHERS, "num_parked": _MOST_OTHERS}
    counts = {name: getattr(config, name) for name in most}
    return {name: min(2 * count, most[name]) for name, count in counts.items() if count > 0}


def _less_friction(config: DrivingConfig) -> float | list[float]:
    """The configuration's friction, or the range it is drawn from, made smaller."""
    friction = config.car.get("friction", 1.0)
    if isinstance(friction, list | tuple):
        return [FRICTION * float(number) for number in friction]
    return FRICTION * float(friction)
