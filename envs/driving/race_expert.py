"""The expert on a raceway: it follows the racing line of each road that it drives on."""

from dataclasses import dataclass, field

import numpy as np

from envs.driving.params import VehicleParams
from envs.driving.racing_driver import RaceDriver, nearest_point, race
from envs.driving.racing_line import RacingLine, racing_line
from envs.driving.sections import M_HALF_WIDTH
from envs.driving.simulator import Simulator
from envs.driving.vector_env import DrivingVectorEnv

_MOST_LINES = 1024  # that are kept; each takes about a hundred kilobytes


@dataclass(frozen=True)
class RaceExpert:
    """Drives every row of a simulator along the racing line of its road, for its own car."""

    pace: float = (
        0.9  # share of the tyres' grip that the line is made for; at the limit some laps end on grass
    )
    margin: float = 1.2  # [m] between the line and the edge of the road
    driver: RaceDriver = field(default_factory=RaceDriver)
    _lines: dict[tuple[int, bytes], RacingLine] = field(default_factory=dict, repr=False)

    def act(self, env: DrivingVectorEnv) -> np.ndarray:
        """Actions (N,) or (N, 2) for the environment's present state, as its action space wants them."""
        actions = np.empty((env.num_envs, 2), np.float32)
        self.drive(env.simulator, actions)
        return env.nearest_actions(actions)

    def drive(self, simulator: Simulator, actions: np.ndarray) -> None:
        """Fill `actions` (N, 2) with steering and pedal in [−1, 1]."""
        gains = self.driver.gains()
        for n, row in enumerate(simulator.rows):
            line, car = self.line(simulator, n).table, simulator.there.cars[n]
            nearest = nearest_point(line, row["x"], row["y"])
            steer, pedal = race(row, line, nearest, row["direction"], gains, car)
            actions[n] = steer * row["mirror"], pedal

    def line(self, simulator: Simulator, n: int) -> RacingLine:
        """The racing line of a row's road for its car; made when first asked for."""
        level, car, roads = int(simulator.rows["level"][n]), simulator.there.cars[n], simulator.roads
        key = level, car.tobytes()
        if key not in self._lines:
            if len(self._lines) >= _MOST_LINES:
                del self._lines[next(iter(self._lines))]
            points = roads.centrelines[level, : roads.counts[level]].astype(np.float64)
            vehicle = VehicleParams(*(float(number) for number in car))
            half_width = float(roads.section.numbers()[M_HALF_WIDTH])
            self._lines[key] = racing_line(points, half_width, vehicle, self.margin, self.pace)
        return self._lines[key]
