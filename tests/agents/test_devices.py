"""Devices by name."""

import pytest
import torch

from agents.devices import find_device


def test_the_processor_is_always_there():
    assert find_device("cpu") == torch.device("cpu")
    assert find_device("auto").type in ("cpu", "cuda", "mps")


def test_an_unknown_device_is_refused():
    with pytest.raises(ValueError, match="device is 'gpu'; it must be auto, cpu, cuda or mps"):
        find_device("gpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_a_missing_device_is_refused():
    with pytest.raises(ValueError, match="device is 'cuda', but this machine has none"):
        find_device("cuda")
