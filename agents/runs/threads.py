"""The one place that says how many threads compute, and how they treat numbers too small to matter."""

from math import prod
from typing import Literal

import torch
from gymnasium import Space

from agents.agent import space_parts
from agents.networks import is_image

Work = Literal["mlp", "cnn", "parts"]
# Small matrices are done before a second thread has woken up; convolutions are worth two, unless the batch is
# already cut into parts that have a thread each: two inside each part took twice the time of one.
THREADS: dict[Work, int] = {"mlp": 1, "cnn": 2, "parts": 1}
LARGE = 32 * 32  # numbers in an image; of a smaller one a convolution is done before a second thread wakes


def prepare_threads() -> None:
    """Flush subnormal numbers to zero, here and in every thread started from here on; compute with one.

    Adam's moments of dead units become subnormal, and cost up to eight times the time. Call it once, before
    anything computes: a thread inherits the setting from the thread that starts it.
    """
    torch.set_flush_denormal(True)
    threads_for("mlp")


def threads_for(work: Work) -> None:
    """Give torch the threads that this work gains from."""
    torch.set_num_threads(THREADS[work])


def work_on(observation_space: Space) -> Work:
    """What an agent's network mostly computes: convolutions where what it sees has a large image."""
    parts = space_parts(observation_space).values()
    large = (is_image(part) and prod(part.shape or ()) >= LARGE for part in parts)
    return "cnn" if any(large) else "mlp"
