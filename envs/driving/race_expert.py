"""The expert on a raceway: it follows the racing line of each road that it drives on."""

from dataclasses import dataclass, field

import numpy as np

from envs.driving.driven import Driven
from envs.driving.params import VehicleParams
from envs.driving.racing_driver import RaceDriver
from envs.driving.racing_line import RacingLine, racing_line
from envs.driving.sections import M_HALF_WIDTH
from envs.driving.simulator import Simulator
from envs.driving.vehicle import CAR_FIELDS

_NAMES = [name for name, *_ in CAR_FIELDS]
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

    def act(self, env: Driven) -> np.ndarray:
        """Actions (N,) or (N, 2) for the environment's present state, as its action space wants them."""
        actions = np.empty((env.num_envs, 2), np.float32)
        self.drive(env.simulator, actions)
        return env.nearest_actions(actions)

    def drive(self, simulator: Simulator, actions: np.ndarray) -> None:
        """Fill `actions` (N, 2) with steering and pedal in [−1, 1]."""
        rows, states = simulator.rows, np.recarray(len(simulator.rows), np.dtype(CAR_FIELDS))
        for name in _NAMES:  # `race` is compiled once, for a car's own record
            states[name] = rows[name]
        for n, state in enumerate(states):
            line = self.line(simulator, n)
            steer, pedal = self.driver.act(state, line, rows["direction"][n], simulator.there.cars[n])
            actions[n] = steer * rows["mirror"][n], pedal

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
