"""The one place that says how many threads compute, and how they treat numbers too small to matter."""

from typing import Literal

import torch

# Small matrices are done before a second thread has woken up; convolutions are worth two.
THREADS = {"mlp": 1, "cnn": 2}


def prepare_threads() -> None:
    """Flush subnormal numbers to zero, here and in every thread started from here on.

    Adam's moments of dead units become subnormal, and cost up to eight times the time. Call it once, before
    anything computes: a thread inherits the setting from the thread that starts it.
    """
    torch.set_flush_denormal(True)


def threads_for(work: Literal["mlp", "cnn"]) -> None:
    """Give torch the threads that this work gains from."""
    torch.set_num_threads(THREADS[work])

