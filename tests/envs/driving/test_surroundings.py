"""How far the way is free, against what would be hit if the car were there."""

import numpy as np

from envs.driving.actors import NOBODY
from envs.driving.sections import M_HALF_WIDTH
from envs.driving.street_driver import StreetDriver
from envs.driving.surroundings import EGO_HALF_LENGTH, EGO_HALF_WIDTH, SIGHT, SURROUNDINGS
from envs.driving.vector_env import DrivingVectorEnv

PLACES = np.arange(-5, 6)  # [m] to the left of where the car is
FIRST = 9 + SURROUNDINGS.index("way_-5")
CLEARANCE = 0.1  # [m]


def test_the_way_is_free_up_to_what_would_be_hit_there() -> None:
    env = DrivingVectorEnv(24, task="obstacles", obs="state", num_obstacles=12, difficulty=1.0, num_levels=8)
    env.reset(seed=3)
    simulator, driver, blocked = env.simulator, StreetDriver(), 0
    assert [name for name in SURROUNDINGS if name.startswith("way")] == [f"way_{k:+d}" for k in PLACES]
    for _ in range(6):
        for _ in range(25):
            env.step(driver.act(env))
        ways, roads = simulator.poses()[1][:, FIRST:], simulator.roads.arrays()
        assert ways.shape == (24, len(PLACES))
        for n, row in enumerate(simulator.rows):
            spacing, line = roads.spacings[row["level"]], roads.centrelines[row["level"]]
            lap, hand = roads.counts[row["level"]] * spacing, row["direction"] * row["mirror"]
            along = row["nearest"] * spacing + row["advance"]
            half = roads.marks[M_HALF_WIDTH] * line[row["nearest"], 4]
            edge = half - row["offset"] * hand  # to the left of the car
            expected = np.where((edge - 2 * half < PLACES) & (edge > PLACES), 1.0, 0.0)
            for it in simulator.there.actors[n]:
                away = (it["along"] - along) * row["direction"]
                away -= lap * np.floor(away / lap + 0.5)
                left = (it["side"] - row["offset"]) * hand
                if it["kind"] == NOBODY or not 0 < away <= SIGHT + it["half_length"]:
                    continue
                free = max(away - it["half_length"] - EGO_HALF_LENGTH, 0.0) / SIGHT
                hit = np.abs(PLACES - left) <= it["half_width"] + EGO_HALF_WIDTH + CLEARANCE
                expected[hit] = np.minimum(expected[hit], free)
                blocked += int(hit.sum())
            np.testing.assert_allclose(ways[n], expected, atol=1e-4)
    assert blocked > 500
