"""Counter-based randomness: draw number n of a stream is a pure function of the stream's key and n.

So a run that goes on, in pieces of any size, draws what it would have drawn in one. A stream is SplitMix64
(Steele, Lea, Flood 2014) entered at any place; keys are drawn apart, so that streams share nothing.
"""

from typing import NamedTuple, no_type_check

import numpy as np

from agents.tabular.compiling import kernel

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_SHIFT_30, _SHIFT_27, _SHIFT_31, _SHIFT_32 = (np.uint64(shift) for shift in (30, 27, 31, 32))
_LOW = np.uint64(0xFFFFFFFF)
TO_UNIT = 2.0**-32


class Keys(NamedTuple):
    """One stream for every purpose."""

    choice: np.uint64  # of an action, by the number of the step before it
    outcome: np.uint64  # of an action, by the number of the step
    first_choice: np.uint64  # of an episode's first action, by the number of the episode
    start: np.uint64  # of an episode, by its number
    rule: np.uint64  # what an update draws, by the number of the step


def draw_keys(seed: int) -> Keys:
    """The streams of one seed."""
    words = np.random.SeedSequence(seed).generate_state(len(Keys._fields), np.uint64)
    return Keys(*words)


@kernel
@no_type_check
def random_bits(key, counter):
    """Draw number `counter` of a stream: 64 bits."""
    z = key + np.uint64(counter) * _GOLDEN
    z = (z ^ (z >> _SHIFT_30)) * _MIX_1
    z = (z ^ (z >> _SHIFT_27)) * _MIX_2
    return z ^ (z >> _SHIFT_31)


@kernel
@no_type_check
def upper_unit(bits):
    """The upper 32 bits as a number in [0, 1)."""
    return float(bits >> _SHIFT_32) * TO_UNIT


@kernel
@no_type_check
def lower_below(bits, number):
    """The lower 32 bits as a whole number in [0, number)."""
    return np.int64(((bits & _LOW) * np.uint64(number)) >> _SHIFT_32)
