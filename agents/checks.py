"""What every agent's configuration is checked for."""

from dataclasses import fields
from math import isinf
from typing import Any

MAY_BE_INFINITE = {"max_grad_norm", "munchausen_floor"}  # which is how they are turned off


def require_finite(config: Any) -> None:
    """Refuse an infinite option; those that are not numbers at all fail the comparisons that follow.

    Raises:
        ValueError: names the option.
    """
    for field in fields(config):
        value = getattr(config, field.name)
        if isinstance(value, float) and isinf(value) and field.name not in MAY_BE_INFINITE:
            raise ValueError(f"agent.{field.name} is {value!r}; it must be finite")
