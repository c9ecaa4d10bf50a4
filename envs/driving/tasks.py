"""Tasks: named presets of the one driving environment, each with a difficulty in [0, 1].

| task | road | what is on it | what difficulty adds |
| --- | --- | --- | --- |
| lane_follow | track | nothing | from ½ on: less grip |
| obstacles | street | cones, barriers, cars parked half on the road, people who cross | more of all |
| traffic | avenue | moving cars in both directions, people who cross, parked cars, scenery | more of all |
| race | raceway | nothing; a faster car | less grip |
| weather | avenue | traffic under every look | more of all, stronger looks |
"""

from collections.abc import Callable
from typing import Any

IDS = {
    "lane_follow": "Hairpin/LaneFollow-v0",
    "obstacles": "Hairpin/Obstacles-v0",
    "traffic": "Hairpin/Traffic-v0",
    "race": "Hairpin/Race-v0",
    "weather": "Hairpin/Weather-v0",
}
EASY_GRIP, HARD_GRIP = 1.0, 0.6  # friction of the road


def _lane_follow(difficulty: float) -> dict[str, Any]:
    grip = EASY_GRIP - 2.0 * max(difficulty - 0.5, 0.0) * (EASY_GRIP - HARD_GRIP)
    return {"car": {"friction": grip}} if grip < EASY_GRIP else {}


def _obstacles(difficulty: float) -> dict[str, Any]:
    return {
        "road": "street",
        "num_obstacles": round(3 + 6 * difficulty),
        "num_parked": round(1 + 2 * difficulty),
        "num_pedestrians": round(8 * difficulty),
        "scenery": True,
        "cruise_speed": 3.0,
        "reward": {"lane": -0.04, "pace": 9.0},
    }


def _traffic(difficulty: float) -> dict[str, Any]:
    return {
        "road": "avenue",
        "num_cars": round(8 + 16 * difficulty),
        "num_parked": round(8 * difficulty),
        "num_pedestrians": round(8 * difficulty),
        "scenery": True,
        "cruise_speed": 3.0,
        "reward": {"lane": -0.04, "pace": 9.0},
    }


def _race(difficulty: float) -> dict[str, Any]:
    grip = 1.15 - 0.3 * difficulty
    return {
        "road": "raceway",
        "car": {"max_speed": 30.0, "max_drive": 8000.0, "max_brake": 12000.0, "friction": grip},
        "reward": {"lane": 0.0, "grip": 0.0},
    }


def _weather(difficulty: float) -> dict[str, Any]:
    strongest = min(1.4 * difficulty, 1.0)
    names = ("night", "rain", "fog", "snow", "low_sun", "wet", "motion_blur", "noise", "dirt")
    return {**_traffic(difficulty), "weather": {name: [0.0, strongest] for name in names}}


PRESETS: dict[str, Callable[[float], dict[str, Any]]] = {
    "lane_follow": _lane_follow,
    "obstacles": _obstacles,
    "traffic": _traffic,
    "race": _race,
    "weather": _weather,
}
"""The keyword arguments of each task at a difficulty."""
