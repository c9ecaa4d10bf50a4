"""The pure-pursuit expert, who knows the road: upper reference, and proof that levels are drivable.

It aims at a point of the centreline some way ahead and steers the arc through it:
δ = atan(2 L sin α / d), α being the bearing of the point and d its distance (Coulter 1992). Its speed
is what the sharpest bend ahead allows, its own arc included.
"""

from dataclasses import dataclass

import numpy as np
from gymnasium import spaces

from envs.driving.actions import nearest_discrete
from envs.driving.driven import Driven
from envs.driving.params import VehicleParams


@dataclass(frozen=True)
class PurePursuit:
    """A driver for every row of a vector environment. SI units."""

    look_ahead: float = 3.0  # [m] at rest
    look_ahead_time: float = 0.45  # [s] × speed is added
    side_acceleration: float = 4.5  # [m/s²] that it takes bends with
    grip: float = 7.0  # [m/s²] of side acceleration that it never asks more of, whatever the road does
    horizon: float = 26.0  # [m] over which it looks for bends
    deceleration: float = 3.0  # [m/s²] that it brakes with
    gain: float = 1.0  # [s/m] pedal per speed error

    def act(self, env: Driven) -> np.ndarray:
        """Actions (N,) or (N, 2) for the environment's present state, as its action space wants them."""
        wanted = np.array([self._drive(env, n) for n in range(env.num_envs)], np.float32)
        return nearest_discrete(wanted) if isinstance(env.single_action_space, spaces.Discrete) else wanted

    def _drive(self, env: Driven, n: int) -> tuple[float, float]:
        row, road = env.simulator.rows[n], env.simulator.roads
        count, spacing = road.counts[row["level"]], road.spacings[row["level"]]
        centreline = road.centrelines[row["level"], :count]
        ahead = self.look_ahead + self.look_ahead_time * row["vx"]
        index = int(row["nearest"] + row["direction"] * round(ahead / spacing)) % count
        dx, dy = centreline[index, 0] - row["x"], centreline[index, 1] - row["y"]
        bearing = np.arctan2(dy, dx) - row["yaw"]
        vehicle = VehicleParams()
        arc = 2.0 * np.sin(bearing) / max(np.hypot(dx, dy), 1.0)
        steer = np.arctan(vehicle.wheelbase * arc)
        steps = np.arange(int(self.horizon / spacing))
        bends = np.abs(centreline[(row["nearest"] + row["direction"].astype(int) * steps) % count, 3])
        allowed = self.side_acceleration / np.maximum(bends, 1e-3) + 2.0 * self.deceleration * steps * spacing
        grip = self.grip / max(abs(arc), 1e-3)  # its own arc may be tighter than the road
        pedal = self.gain * (np.sqrt(min(allowed.min(), grip)) - row["vx"])
        return float(np.clip(steer * row["mirror"] / vehicle.max_steer, -1, 1)), float(np.clip(pedal, -1, 1))
