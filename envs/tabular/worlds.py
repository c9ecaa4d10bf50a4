"""The worlds by name, made from keyword arguments."""

from collections.abc import Callable
from difflib import get_close_matches
from inspect import signature
from typing import Any

from envs.tabular.chain import make_chain
from envs.tabular.grid import make_cliff, make_four_rooms, make_lake, make_windy_grid
from envs.tabular.road import make_road
from envs.tabular.taxi import make_taxi
from envs.tabular.world import World

WORLDS: dict[str, Callable[..., World]] = {
    "Lake": make_lake,
    "Cliff": make_cliff,
    "Taxi": make_taxi,
    "FourRooms": make_four_rooms,
    "WindyGrid": make_windy_grid,
    "Chain": make_chain,
    "RoadGrid": make_road,
}


def make_world(name: str, **options: Any) -> World:
    """Make a world.

    Raises:
        TypeError: it has no such option.
        ValueError: there is no such world, or an option has a value that it cannot have.
    """
    if name not in WORLDS:
        raise ValueError(f"world is {name!r}; it must be one of {', '.join(WORLDS)}.")
    known = list(signature(WORLDS[name]).parameters)
    for option in options:
        if option not in known:
            close = get_close_matches(option, known, 1)
            hint = f"; did you mean {close[0]!r}?" if close else f"; it takes {', '.join(known)}."
            raise TypeError(f"Hairpin/{name}-v0 has no option {option!r}{hint}")
    return WORLDS[name](**options)
