"""What every batch of environments is told in the same way: seeds, options of `reset`, autoreset modes."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode

_WORD = 2**64


def as_autoreset_mode(mode: AutoresetMode | str) -> AutoresetMode:
    """An autoreset mode from itself or its name, however that is written.

    Raises:
        ValueError: there is no such mode.
    """
    if isinstance(mode, AutoresetMode):
        return mode
    for known in AutoresetMode:
        if str(mode).replace("_", "").lower() == known.value.lower():
            return known
    names = ", ".join(known.value for known in AutoresetMode)
    raise ValueError(f"autoreset_mode is {mode!r}; it must be one of {names}.")


def reset_options(options: Any) -> dict[str, Any]:
    """A copy of the options of `reset`.

    Raises:
        ValueError: they are no dictionary.
    """
    if not isinstance(options, Mapping | None):
        raise ValueError(f"options of reset are {options!r}; they must be a dictionary.")
    return dict(options or {})


def reset_mask(mask: Any, num_envs: int) -> np.ndarray:
    """The option `reset_mask` as an array (N,) bool.

    Raises:
        ValueError: it has another shape or type, or chooses no row.
    """
    mask = np.asarray(mask)
    if mask.shape != (num_envs,) or mask.dtype != np.bool_ or not mask.any():
        raise ValueError(f"reset_mask must be ({num_envs},) bool with at least one row chosen.")
    return mask


def whole_seed(seed: Any) -> int:
    """A seed as Python's integer.

    Raises:
        ValueError: it is not a whole number.
    """
    if isinstance(seed, bool | np.bool_) or not isinstance(seed, int | np.integer):
        raise ValueError(f"seed is {seed!r}; it must be a whole number.")
    return int(seed)


def row_seeds(seed: Any, num_envs: int) -> list[int | None]:
    """The seed of each row: one number is counted up from row to row, and a row may be given none.

    Raises:
        ValueError: a seed is no whole number, or there are more or fewer of them than rows.
    """
    if isinstance(seed, list | tuple | np.ndarray):
        if len(seed) != num_envs:
            raise ValueError(f"{len(seed)} seeds were given for {num_envs} rows.")
        return [None if s is None else whole_seed(s) for s in seed]
    if seed is None:
        return [None] * num_envs
    return [whole_seed(seed) + n for n in range(num_envs)]


def seed_words(
    seeds: list[int | None], begun: bool, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Seeds as (N,) uint64, and (N,) bool which rows take theirs; the others go on with what they have.

    Rows that have not begun and are given no seed draw one from the generator.
    """
    given = np.array([s is not None for s in seeds])
    drawn = [0] * len(seeds)
    if not (begun or given.all()):
        drawn = generator.integers(0, 2**63, len(seeds)).tolist()
        given[:] = True
    words = [drawn[n] if s is None else s % _WORD for n, s in enumerate(seeds)]
    return np.array(words, np.uint64), given


def only_row(obs: Any) -> Any:
    """The observation of a batch's first row."""
    return {key: value[0] for key, value in obs.items()} if isinstance(obs, dict) else obs[0]


def only_row_info(info: dict[str, Any]) -> dict[str, Any]:
    """The first row's info, masks left out."""
    return {
        key: only_row_info(value)
        if isinstance(value, dict)
        else value[0].item()
        if value[0].ndim == 0
        else value[0]
        for key, value in info.items()
        if not key.startswith("_")
    }
