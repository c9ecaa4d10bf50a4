"""Settings that hold for every test: no window, no sound, no network, Ctrl-C as in a terminal."""

import os
import signal
from collections.abc import Iterator

import pytest
import torch

os.environ["SDL_VIDEODRIVER"] = "dummy"
os.environ["SDL_AUDIODRIVER"] = "dummy"
os.environ["PYGAME_HIDE_SUPPORT_PROMPT"] = "1"
os.environ["MPLBACKEND"] = "Agg"
os.environ["WANDB_MODE"] = "disabled"
# A shell's background job ignores Ctrl-C, and whatever it starts does so too.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def subnormal_numbers() -> Iterator[None]:
    """Agents flush subnormal numbers to zero for the whole thread; the next test has them again."""
    yield
    torch.set_flush_denormal(False)
