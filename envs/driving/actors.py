"""What can stand or move on a road beside the car: one record each, `max_actors` of them a row.

An actor is placed along the road and to its side, which is how traffic thinks, and in the world, which is how
the camera and collisions see it. SI units; `side` is to the left of the centreline, whatever way it goes.
"""

import numpy as np

KINDS = ("nobody", "car", "parked", "cone", "barrier", "pedestrian")
NOBODY, CAR, PARKED, CONE, BARRIER, PEDESTRIAN = range(len(KINDS))

ACTOR = np.dtype(
    [
        ("kind", np.int32),  # of KINDS; NOBODY where the place is empty
        ("model", np.int32),  # what it looks like, of `shapes.MODELS`
        ("colour", np.int32),  # of its paint, of `shapes.PAINTS`
        ("lane", np.int32),  # of its own direction, 0 the one beside the middle of the road
        ("direction", np.float32),  # +1 along the centreline, −1 against it, 0 for what stands
        ("along", np.float32),  # [m] along the centreline, in [0, lap)
        ("side", np.float32),  # [m] to the left of the centreline
        ("drift", np.float32),  # [m/s] of `side`
        ("speed", np.float32),  # [m/s] forward, never below 0
        ("acceleration", np.float32),  # [m/s²] forward
        ("desired_speed", np.float32),  # [m/s] on an empty, straight road
        ("half_length", np.float32),  # [m]
        ("half_width", np.float32),  # [m]
        ("x", np.float32),  # [m]
        ("y", np.float32),  # [m]
        ("yaw", np.float32),  # [rad]
        ("timer", np.float32),  # [s] until it decides anew
    ]
)
