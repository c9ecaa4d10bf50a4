"""Actions: the named ones of a discrete space, and what a vehicle is told to do."""

import numpy as np
from gymnasium import spaces

STEERS = {"hard right": -0.7, "right": -0.25, "straight": 0.0, "left": 0.25, "hard left": 0.7}
PEDALS = {"brake": -0.4, "coast": 0.0, "accelerate": 0.9}
ACTION_NAMES = tuple(f"{steer}, {pedal}" for steer in STEERS for pedal in PEDALS)
ACTION_TABLE = np.array([(s, p) for s in STEERS.values() for p in PEDALS.values()], np.float32)


def action_space(actions: str) -> spaces.Discrete | spaces.Box:
    """The space of one row's actions, for `actions` discrete or continuous."""
    if actions == "discrete":
        return spaces.Discrete(len(ACTION_TABLE))
    return spaces.Box(-1.0, 1.0, (2,), np.float32)


def controls(kind: str, actions: np.ndarray, out: np.ndarray) -> None:
    """Turn discrete actions (N,) or continuous ones (N, 2) into steering and pedal, `out` (N, 2) float32.

    Raises:
        ValueError: the shape is wrong, or an action is not a number or outside the space.
    """
    actions = np.asarray(actions)
    if kind == "discrete":
        if actions.shape != (len(out),) or actions.dtype.kind not in "iu":
            raise ValueError(
                f"actions have shape {actions.shape} and type {actions.dtype}; "
                f"expected ({len(out)},) whole numbers."
            )
        wrong = actions.astype(np.uint64) >= len(ACTION_TABLE)  # what is below zero becomes huge
        if wrong.any():
            raise ValueError(f"action {actions[wrong][0]} is not in 0 … {len(ACTION_TABLE) - 1}.")
        np.take(ACTION_TABLE, actions, axis=0, out=out, mode="clip")  # the mode that needs no second copy
        return
    if actions.shape != out.shape or actions.dtype.kind not in "fiu":
        raise ValueError(
            f"actions have shape {actions.shape} and type {actions.dtype}; expected {out.shape}."
        )
    inside = np.abs(actions) <= 1.0  # false for what is not a number
    if not inside.all():
        raise ValueError(f"action {actions[~inside][0]} is outside [-1, 1].")
    out[:] = actions


def nearest_discrete(wanted: np.ndarray) -> np.ndarray:
    """The discrete actions (N,) closest to wanted steering and pedal (N, 2)."""
    gap = np.abs(wanted[:, None, :] - ACTION_TABLE[None]) * np.array([1.0, 0.5], np.float32)
    return gap.sum(axis=2).argmin(axis=1)


def discrete_towards(wanted: np.ndarray, steer: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """The discrete actions (N,) that bring the wheels nearest to where they are wanted by the next step.

    Args:
        wanted: steering and pedal (N, 2).
        steer: where the wheels are (N,), a share of their greatest angle, as steering is.
        reach: how far they turn in one step (N,), likewise.
    """
    steers, pedals = np.array(list(STEERS.values())), np.array(list(PEDALS.values()))
    turn = np.clip(steers - steer[:, None], -reach[:, None], reach[:, None])
    nearest = np.abs(steer[:, None] + turn - wanted[:, :1]).argmin(axis=1)
    return nearest * len(PEDALS) + np.abs(pedals - wanted[:, 1:]).argmin(axis=1)
