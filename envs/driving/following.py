"""How a driver follows and when he changes lanes: IDM and MOBIL, one function a formula.

Sources: Treiber, Hennecke, Helbing 2000, Congested traffic states in empirical observations and microscopic
simulations; Kesting, Treiber, Helbing 2007, General lane-changing model MOBIL for car-following models.
"""

from dataclasses import dataclass, fields

import numpy as np

from envs.driving.compiling import kernel

_CLOSEST = np.float32(0.01)  # [m] a gap is taken as this at least, so that touching is braking, not infinity
_SLOWEST = np.float32(0.1)  # [m/s] a desired speed is taken as this at least


@dataclass(frozen=True)
class DriverParams:
    """A lively but careful driver. SI units."""

    time_headway: float = 1.2  # [s] T
    minimum_gap: float = 2.0  # [m] s₀, bumper to bumper at a standstill
    acceleration: float = 1.8  # [m/s²] a, from rest on an empty road
    comfortable_deceleration: float = 2.5  # [m/s²] b
    exponent: float = 4.0  # δ, how long the acceleration lasts on the way to the desired speed
    politeness: float = 0.2  # p, what others' loss weighs against one's own gain in a change of lanes
    threshold: float = 0.2  # [m/s²] Δa, the least gain that is worth a change
    safe_deceleration: float = 3.0  # [m/s²] the most that a change may ask of anyone

    def __post_init__(self) -> None:
        """Check that every number is positive, or zero where it is only a weight or a threshold."""
        for field in fields(self):
            value, least = getattr(self, field.name), field.name not in ("politeness", "threshold")
            if not (value > 0.0 if least else value >= 0.0):
                bound = "above 0" if least else "at least 0"
                raise ValueError(f"DriverParams.{field.name} is {value}; it must be {bound}.")

    def record(self) -> np.ndarray:
        """The numbers that the compiled code reads, a record array of shape (1,)."""
        return np.array([tuple(getattr(self, name) for name in DRIVER.names or ())], DRIVER)


DRIVER = np.dtype([(field.name, np.float32) for field in fields(DriverParams)])


@kernel
def _power(ratio, exponent):
    """ratio^δ, without a logarithm for the usual δ = 4."""
    if exponent == np.float32(4.0):
        squared = ratio * ratio
        return squared * squared
    return ratio**exponent


@kernel
def idm_acceleration(speed, desired_speed, gap, approach, driver):
    """Acceleration of the Intelligent Driver Model [m/s²].

    a · (1 − (v / v₀)^δ − (s* / s)²),  s* = s₀ + max(0, v T + v Δv / (2 √(a b)))

    Args:
        speed: v [m/s].
        desired_speed: v₀ [m/s].
        gap: s [m], bumper to bumper.
        approach: Δv [m/s], own speed less the leader's.
        driver: `DRIVER` record.
    """
    brakes = np.float32(2.0) * np.sqrt(driver.acceleration * driver.comfortable_deceleration)
    dynamic = speed * driver.time_headway + speed * approach / brakes
    wanted = driver.minimum_gap + max(dynamic, np.float32(0.0))
    share = wanted / max(gap, _CLOSEST)
    free = np.float32(1.0) - _power(speed / max(desired_speed, _SLOWEST), driver.exponent)
    return driver.acceleration * (free - share * share)


@kernel
def equilibrium_gap(speed, desired_speed, driver):
    """The gap [m] at which nobody accelerates behind a leader of the same speed.

    s = (s₀ + v T) / √(1 − (v / v₀)^δ)

    Args:
        speed: v [m/s], below `desired_speed`.
        desired_speed: v₀ [m/s].
        driver: `DRIVER` record.
    """
    free = np.float32(1.0) - _power(speed / desired_speed, driver.exponent)
    return (driver.minimum_gap + speed * driver.time_headway) / np.sqrt(free)


@kernel
def mobil_gain(own, new_follower, old_follower, driver):
    """What a change of lanes brings [m/s²].

    ã_c − a_c + p (ã_n − a_n + ã_o − a_o)

    Args:
        own: accelerations [m/s²] without and with the change, (a_c, ã_c).
        new_follower: the same of who would be behind; (0, 0) for nobody.
        old_follower: the same of who is behind now.
        driver: `DRIVER` record.
    """
    others = new_follower[1] - new_follower[0] + old_follower[1] - old_follower[0]
    return own[1] - own[0] + driver.politeness * others


@kernel
def mobil_wants_change(own, new_follower, old_follower, driver):
    """Whether a change of lanes is safe for the new follower and worth it: ã_n ≥ −b_safe, gain > Δa.

    Arguments are those of `mobil_gain`.
    """
    if new_follower[1] < -driver.safe_deceleration:
        return False
    return mobil_gain(own, new_follower, old_follower, driver) > driver.threshold
