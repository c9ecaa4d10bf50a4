"""Environments of other packages that are registered only once their package is asked for."""

from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np

PICTURE_SCALE = 24  # pixels to a cell of MinAtar's grid


class Provider(NamedTuple):
    """A package, what to call in it before its ids are known, and what its rows are wrapped in."""

    module: str
    install: str
    register: str | None = None
    wrap: Callable[[gym.Env], gym.Env] = lambda env: env


class MinAtarRow(gym.Wrapper):
    """MinAtar whose episode follows from its seed, and which draws what can be seen.

    Its sticky actions reach back into the episode before, and its pictures are ten pixels wide, in [0, 1].
    """

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin an episode that remembers no action."""
        self.unwrapped.game.last_action = 0  # pyright: ignore[reportAttributeAccessIssue]
        return super().reset(seed=seed, options=options)

    def render(self) -> Any:
        """The grid with cells of `PICTURE_SCALE` pixels, (H, W, 3) uint8 (`rgb_array`)."""
        picture = super().render()
        if not isinstance(picture, np.ndarray) or self.render_mode != "rgb_array":
            return picture
        cells = (255 * picture).round().astype(np.uint8)
        return cells.repeat(PICTURE_SCALE, 0).repeat(PICTURE_SCALE, 1)


PROVIDERS = {
    "ALE": Provider("ale_py", "ale-py"),
    "MinAtar": Provider("minatar.gym", "minatar", "register_envs", MinAtarRow),
}
"""Namespace of ids → who provides them."""


def provider_of(env_id: str) -> Provider | None:
    """Who provides the ids of this namespace; None where nothing needs to be done."""
    return PROVIDERS.get(env_id.partition("/")[0])


def register_ids(env_id: str) -> None:
    """Make an id known that another package provides.

    Raises:
        ValueError: the package is not installed.
    """
    provider = provider_of(env_id)
    if provider is None or any(known.startswith(f"{env_id.partition('/')[0]}/") for known in gym.registry):
        return
    try:
        module = import_module(provider.module)
    except ImportError as fault:
        raise ValueError(f"{provider.install} is not installed: pip install {provider.install}") from fault
    if provider.register:
        getattr(module, provider.register)()
