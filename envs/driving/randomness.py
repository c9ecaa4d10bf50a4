"""Counter-based randomness: every draw is a pure function of (seed, episode, step, stream).

Nothing is carried from one draw to the next, so a row of a batch draws the same numbers whatever
the other rows, the number of threads or the order of work. The mixer is the finaliser of
SplitMix64 (Steele, Lea, Flood 2014), applied once a key.
"""

import numpy as np

from envs.driving.compiling import kernel

STREAM_LEVEL, STREAM_POSE, STREAM_LOOK, STREAM_NOISE, STREAM_CIRCUIT = range(5)
STREAM_COURSE, STREAM_SCENERY, STREAM_ACTORS, STREAM_TRAFFIC, STREAM_WEATHER, STREAM_CAR = range(20, 26)

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_SHIFT_30, _SHIFT_27, _SHIFT_31, _SHIFT_40 = (np.uint64(s) for s in (30, 27, 31, 40))
_TO_UNIT = np.float32(2.0**-24)


@kernel(inline="always")
def mix(key: np.uint64, word: np.uint64) -> np.uint64:
    """Fold one more word into a 64-bit key."""
    z = (key ^ np.uint64(word)) + _GOLDEN
    z = (z ^ (z >> _SHIFT_30)) * _MIX_1
    z = (z ^ (z >> _SHIFT_27)) * _MIX_2
    return z ^ (z >> _SHIFT_31)


@kernel(inline="always")
def stream_key(seed: np.uint64, episode: np.int64, step: np.int64, stream: np.int64) -> np.uint64:
    """The key of one stream at one moment of one episode."""
    key = mix(mix(np.uint64(0), np.uint64(seed)), np.uint64(stream))
    return mix(mix(key, np.uint64(episode)), np.uint64(step))


@kernel(inline="always")
def uniform(key: np.uint64, counter: np.int64) -> np.float32:
    """Draw number `counter` of a stream, uniform in [0, 1), float32 with 24 random bits."""
    return np.float32(mix(key, np.uint64(counter)) >> _SHIFT_40) * _TO_UNIT


@kernel(inline="always")
def between(key: np.uint64, counter: np.int64, low: np.float32, high: np.float32) -> np.float32:
    """Draw number `counter` of a stream, uniform in [low, high)."""
    return np.float32(low) + (np.float32(high) - np.float32(low)) * uniform(key, counter)
