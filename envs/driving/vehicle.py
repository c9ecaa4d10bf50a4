"""The vehicle: a single-track (bicycle) model with saturating tyres.

The car is a rigid body with one wheel an axle. Each tyre's lateral force follows the sine-of-an-arc-tangent
curve of Pacejka's magic formula, scaled by the axle's load and shrunk by the friction ellipse when the wheel
also drives or brakes; loads shift with the longitudinal acceleration. At walking pace, where slip angles lose
their meaning, the motion blends into the kinematic model.
Source: Rajamani, Vehicle Dynamics and Control, chapters 2 and 13.
"""

import numpy as np

from envs.driving.compiling import kernel
from envs.driving.params import GRAVITY, PHYSICS_STEP, PHYSICS_STEPS

DYNAMIC, KINEMATIC = 0, 1
PHYSICS = ("dynamic", "kinematic")
_BLEND_FROM, _BLEND_TO = np.float32(1.0), np.float32(3.0)  # [m/s] kinematic below, dynamic above
_DT, _G = np.float32(PHYSICS_STEP), np.float32(GRAVITY)

CAR_FIELDS = [
    ("x", np.float32),  # [m]
    ("y", np.float32),  # [m]
    ("yaw", np.float32),  # [rad] counter-clockwise
    ("vx", np.float32),  # [m/s] forward
    ("vy", np.float32),  # [m/s] to the left
    ("yaw_rate", np.float32),  # [rad/s]
    ("steer", np.float32),  # [rad] front wheels, to the left
    ("acceleration", np.float32),  # [m/s²] forward
]


@kernel
def tyre_force(slip, load, along, car):
    """Lateral force of an axle [N].

    F = √(1 − (F_x / μ F_z)²) · μ F_z · sin(C atan(B α)), |F_x / μ F_z| taken as 0.98 at most

    Args:
        slip: slip angle α [rad], positive where the force is to the left.
        load: F_z [N].
        along: longitudinal force F_x of the same axle [N].
        car: `VEHICLE` record; its stiffness is B C [1/rad], its shape C.
    """
    grip = car.friction * load
    share = min(abs(along) / grip, np.float32(0.98))
    curve = np.sin(car.shape * np.arctan(car.stiffness / car.shape * slip))
    return np.sqrt(np.float32(1.0) - share * share) * grip * curve


@kernel
def axle_loads(acceleration, car):
    """Loads of the front and rear axle [N] under a forward acceleration [m/s²]."""
    wheelbase = car.front_axle + car.rear_axle
    shift = car.mass * acceleration * car.gravity_height / wheelbase
    front = car.mass * _G * car.rear_axle / wheelbase - shift
    rear = car.mass * _G * car.front_axle / wheelbase + shift
    return max(front, np.float32(50.0)), max(rear, np.float32(50.0))


@kernel
def _axle_drive(state, pedal, loads, car):
    """Longitudinal force of the front and rear axle [N], within their grip."""
    fade = min(max((car.max_speed - state.vx) * np.float32(0.5), np.float32(0.0)), np.float32(1.0))
    drive = max(pedal, np.float32(0.0)) * car.max_drive * fade
    brake = max(-pedal, np.float32(0.0)) * car.max_brake * min(state.vx * np.float32(2.0), np.float32(1.0))
    front_grip = np.float32(0.98) * car.friction * car.front_grip * loads[0]
    rear_grip = np.float32(0.98) * car.friction * loads[1]
    front = drive - brake * car.brake_front
    rear = brake * (np.float32(1.0) - car.brake_front)
    return min(max(front, -front_grip), front_grip), -min(rear, rear_grip)


@kernel
def _step(state, target, pedal, kinematic, car):
    """Advance one car by one physics step."""
    reach = car.steer_rate * _DT
    state.steer += min(max(target - state.steer, -reach), reach)
    wheelbase = car.front_axle + car.rear_axle
    loads = axle_loads(state.acceleration, car)
    front, rear = _axle_drive(state, pedal, loads, car)
    moving = min(state.vx * np.float32(2.0), np.float32(1.0))
    resistance = (car.rolling * moving) + car.drag * state.vx * state.vx
    cos, sin, tan = np.cos(state.steer), np.sin(state.steer), np.tan(state.steer)

    easy_rate = state.vx * tan / wheelbase
    easy_vy = easy_rate * car.rear_axle
    easy_ax = (front + rear - resistance) / car.mass
    if kinematic:
        ax, vy, yaw_rate = easy_ax, easy_vy, easy_rate
    else:
        blend = (state.vx - _BLEND_FROM) / (_BLEND_TO - _BLEND_FROM)
        blend = min(max(blend, np.float32(0.0)), np.float32(1.0))
        speed = max(state.vx, _BLEND_FROM)
        slip_front = state.steer - np.arctan((state.vy + car.front_axle * state.yaw_rate) / speed)
        slip_rear = -np.arctan((state.vy - car.rear_axle * state.yaw_rate) / speed)
        force_front = tyre_force(slip_front, car.front_grip * loads[0], front, car)
        force_rear = tyre_force(slip_rear, loads[1], rear, car)
        side = force_front * cos + front * sin
        ax = (rear + front * cos - force_front * sin - resistance) / car.mass + state.vy * state.yaw_rate
        ay = (side + force_rear) / car.mass - state.vx * state.yaw_rate
        turn = (car.front_axle * side - car.rear_axle * force_rear) / car.yaw_inertia
        ax = easy_ax + blend * (ax - easy_ax)
        vy = easy_vy + blend * (state.vy + _DT * ay - easy_vy)
        yaw_rate = easy_rate + blend * (state.yaw_rate + _DT * turn - easy_rate)
    _move(state, ax, vy, yaw_rate)


@kernel
def _move(state, ax, vy, yaw_rate):
    """Take over the new velocities and integrate the pose at the middle of the step."""
    state.vx, state.vy, state.yaw_rate = max(state.vx + _DT * ax, np.float32(0.0)), vy, yaw_rate
    state.acceleration += np.float32(0.2) * (ax - state.acceleration)
    yaw = state.yaw + np.float32(0.5) * _DT * yaw_rate
    cos, sin = np.cos(yaw), np.sin(yaw)
    state.x += _DT * (state.vx * cos - vy * sin)
    state.y += _DT * (state.vx * sin + vy * cos)
    yaw = state.yaw + _DT * yaw_rate
    turn = np.float32(2.0 * np.pi)
    state.yaw = yaw - turn * np.floor(yaw / turn + np.float32(0.5))


@kernel
def drive(state, steer, pedal, kinematic, car):
    """Advance one car by one control step (five physics steps).

    Args:
        state: record with `CAR_FIELDS`, changed in place.
        steer: target of the steering angle, [−1, 1] of the greatest, to the left.
        pedal: [−1, 1], below zero the brake.
        kinematic: whether the tyres never slip.
        car: `VEHICLE` record.
    """
    for _ in range(PHYSICS_STEPS):
        _step(state, steer * car.max_steer, pedal, kinematic, car)
