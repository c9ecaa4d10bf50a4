"""Seeds and generators for every purpose of a run, all from the run's one seed."""

import zlib

import numpy as np


def derive_seed(seed: int, *path: str | int) -> int:
    """A seed of 31 bits for the purpose that `path` names; neighbouring seeds and purposes share nothing.

    Raises:
        ValueError: the seed is negative.
    """
    return int(_sequence(seed, path).generate_state(1, np.uint32)[0]) >> 1


def generator(seed: int, *path: str | int) -> np.random.Generator:
    """A generator of its own for the purpose that `path` names.

    Raises:
        ValueError: the seed is negative.
    """
    return np.random.Generator(np.random.PCG64(_sequence(seed, path)))


def _sequence(seed: int, path: tuple[str | int, ...]) -> np.random.SeedSequence:
    if seed < 0:
        raise ValueError(f"seed is {seed}; it must be 0 or greater")
    key = tuple(zlib.crc32(part.encode()) if isinstance(part, str) else part for part in path)
    return np.random.SeedSequence(seed, spawn_key=key)
