"""Which expert knows a task's roads."""

from envs.driving.driven import Driven
from envs.driving.expert import PurePursuit
from envs.driving.race_expert import RaceExpert
from envs.driving.street_driver import StreetDriver


def expert_for(env: Driven) -> PurePursuit | RaceExpert | StreetDriver:
    """The driver who knows how to drive on an environment's roads."""
    if env.simulator.roads.section.lanes > 0:
        return StreetDriver()
    return RaceExpert() if env.config.road == "raceway" else PurePursuit()
