"""Counter-based randomness for whole batches: every draw is a pure function of (seed, episode, step, stream).

A row draws the same numbers whatever the other rows and the order of work, and nothing needs to be saved.
The keys are those of the simulator's compiled code: SplitMix64's finaliser (Steele, Lea, Flood 2014), once a
word.
"""

import numpy as np

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_SHIFT_30, _SHIFT_27, _SHIFT_31, _SHIFT_40 = (np.uint64(s) for s in (30, 27, 31, 40))
_TO_UNIT = np.float32(2.0**-24)


def mix(keys: np.ndarray, words: np.ndarray | int) -> np.ndarray:
    """Fold one more word into each 64-bit key; keys (…) uint64, one axis at least, since arrays may wrap."""
    z = (keys ^ np.asarray(words).astype(np.uint64)) + _GOLDEN
    z = (z ^ (z >> _SHIFT_30)) * _MIX_1
    z = (z ^ (z >> _SHIFT_27)) * _MIX_2
    return z ^ (z >> _SHIFT_31)


def stream_keys(seeds: np.ndarray, episodes: np.ndarray, steps: np.ndarray | int, stream: int) -> np.ndarray:
    """The key of one stream of each row, (N,) uint64, at one moment of its episode."""
    keys = mix(mix(np.zeros_like(seeds, np.uint64), seeds), stream)
    return mix(mix(keys, episodes), steps)


def uniforms(keys: np.ndarray, counter: np.ndarray | int = 0) -> np.ndarray:
    """Draw number `counter` of each key, uniform in [0, 1), float32 with 24 random bits."""
    return (mix(keys, counter) >> _SHIFT_40).astype(np.float32) * _TO_UNIT


def choices(keys: np.ndarray, count: int, counter: np.ndarray | int = 0) -> np.ndarray:
    """Draw number `counter` of each key, one of 0 … count − 1, int64."""
    return (mix(keys, counter) % np.uint64(count)).astype(np.int64)
