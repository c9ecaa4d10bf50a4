"""The view: a pinhole camera, and how it is mounted on a car."""

from dataclasses import dataclass, fields

import numpy as np

from envs.driving.compiling import kernel

_CAMERA_RANGES = {
    "field_of_view": (0.2, 2.6),
    "height": (0.3, 5.0),
    "forward": (-3.0, 3.0),
    "pitch": (-0.3, 1.2),
}


@dataclass(frozen=True)
class CameraParams:
    """A camera behind the windscreen. SI units and radians."""

    field_of_view: float = np.pi / 2  # [rad] horizontal
    height: float = 1.5  # [m] above the road
    forward: float = 0.5  # [m] ahead of the centre of gravity
    pitch: float = 0.15  # [rad] downwards

    def __post_init__(self) -> None:
        """Check every number.

        Raises:
            ValueError: a number is outside what a camera on a car can have.
        """
        for name, (low, high) in _CAMERA_RANGES.items():
            value = getattr(self, name)
            if not isinstance(value, int | float) or not low <= value <= high:
                raise ValueError(f"camera.{name} is {value!r}; it must be a number from {low} to {high}.")

    @classmethod
    def from_keywords(cls, keywords: dict[str, float]) -> "CameraParams":
        """Build a camera from named numbers.

        Raises:
            ValueError: a name is unknown or a number out of range.
        """
        known = [field.name for field in fields(cls)]
        for name in keywords:
            if name not in known:
                raise ValueError(f"the camera has no number {name!r}; it has {', '.join(known)}.")
        return cls(**keywords)

    def schema(self, height: int, width: int) -> dict[str, float | list[int]]:
        """Everything that tells two cameras apart, JSON-able."""
        return {
            "image_size": [height, width],
            "field_of_view": float(self.field_of_view),
            "mounting_height": self.height,
            "mounting_forward": self.forward,
            "mounting_pitch": self.pitch,
        }

    def focal_length(self, width: int) -> float:
        """[pixels]."""
        return width / 2 / float(np.tan(self.field_of_view / 2))


# One record of this type a row of the batch: where the camera is and how it looks at the world.
VIEW = np.dtype(
    [
        ("origin", np.float32, 3),  # [m] z the height
        ("axes", np.float32, (3, 3)),  # forward, right, down of the image, in the same coordinates
        ("focal", np.float32),  # [pixels]
        ("azimuth", np.float32),  # [turns] of the optical axis against the hills
        ("mirror", np.float32),  # −1 where the picture is mirrored
        ("car", np.float32, 3),  # x, y [m], yaw [rad] of the car that it is on
    ]
)


@kernel
def aim(view, car, focal, mounting, errors):
    """Place a camera on a car.

    Args:
        view: `VIEW` record to fill.
        car: record with x, y [m], yaw [rad] and mirror, −1 where the picture is to be mirrored.
        focal: focal length [pixels].
        mounting: (height, forward, pitch, turn to the left) of the camera.
        errors: (height [m], pitch, roll, yaw [rad]) added to the mounting.
    """
    heading, pitch, roll = car.yaw + errors[3] + car.mirror * mounting[3], mounting[2] + errors[1], errors[2]
    ch, sh, cp, sp = np.cos(heading), np.sin(heading), np.cos(pitch), np.sin(pitch)
    cr, sr = np.cos(roll), np.sin(roll)
    view.origin[0] = car.x + mounting[1] * np.cos(car.yaw)
    view.origin[1] = car.y + mounting[1] * np.sin(car.yaw)
    view.origin[2] = mounting[0] + errors[0]
    right = (sh, -ch, np.float32(0.0))
    down = (-sp * ch, -sp * sh, -cp)
    forward = (cp * ch, cp * sh, -sp)
    for k in range(3):
        view.axes[0, k] = forward[k]
        view.axes[1, k] = car.mirror * (cr * right[k] + sr * down[k])
        view.axes[2, k] = cr * down[k] - sr * right[k]
    view.focal, view.mirror = focal, car.mirror
    view.car[0], view.car[1], view.car[2] = car.x, car.y, car.yaw
    view.azimuth = car.mirror * heading * np.float32(0.5 / np.pi)
