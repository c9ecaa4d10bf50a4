"""What the vehicle is made of. SI units; derived quantities are properties, so that they cannot disagree."""

from dataclasses import dataclass, fields

import numpy as np

GRAVITY = 9.81  # [m/s²]
CONTROL_STEP = 0.05  # [s] one action without frame skip
PHYSICS_STEPS = 5  # of the vehicle in a control step
PHYSICS_STEP = CONTROL_STEP / PHYSICS_STEPS  # [s]


@dataclass(frozen=True)
class VehicleParams:
    """A mid-size car. SI units."""

    mass: float = 1225.0  # [kg]
    yaw_inertia: float = 1538.0  # [kg m²]
    front_axle: float = 1.16  # [m] centre of gravity → front axle
    rear_axle: float = 1.42  # [m] centre of gravity → rear axle
    gravity_height: float = 0.55  # [m] of the centre of gravity
    friction: float = 1.0  # of the tyres on dry asphalt
    stiffness: float = 11.0  # [1/rad] B C of the tyre curve: cornering stiffness over friction × load
    front_grip: float = 0.9  # of the tyres, front over rear: below 1 the car runs wide before it can spin
    shape: float = 1.35  # C of the tyre curve
    max_steer: float = 0.42  # [rad] of the front wheels
    steer_rate: float = 1.3  # [rad/s]
    max_drive: float = 5200.0  # [N] at the front wheels
    max_brake: float = 9500.0  # [N] at all wheels
    brake_front: float = 0.62  # share of the brake force at the front
    max_speed: float = 15.0  # [m/s] where the drive force has faded to nothing
    drag: float = 0.42  # [N s²/m²]
    rolling: float = 150.0  # [N]

    def __post_init__(self) -> None:
        """Check that every number is positive."""
        for field in fields(self):
            if not getattr(self, field.name) > 0.0:
                raise ValueError(
                    f"VehicleParams.{field.name} is {getattr(self, field.name)}; it must be above 0."
                )

    @property
    def wheelbase(self) -> float:
        """Front axle → rear axle [m]."""
        return self.front_axle + self.rear_axle

    def record(self) -> np.ndarray:
        """The numbers that the compiled code reads, a record array of shape (1,)."""
        return np.array([tuple(getattr(self, name) for name in VEHICLE.names or ())], VEHICLE)


VEHICLE = np.dtype([(field.name, np.float32) for field in fields(VehicleParams)])
