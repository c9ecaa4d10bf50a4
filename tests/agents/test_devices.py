"""Devices by name."""

import numpy as np
import pytest
import torch

from agents.devices import find_device, parts_to_device


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


def test_an_array_becomes_a_tensor_of_at_most_32_bits_with_a_point():
    parts = {"speed": np.array([0.5, 2.0]), "count": np.array([3]), "frame": np.zeros((1, 2), np.uint8)}
    got = parts_to_device(parts, torch.device("cpu"))
    assert {name: part.dtype for name, part in got.items()} == {
        "speed": torch.float32,
        "count": torch.int64,
        "frame": torch.uint8,
    }
    assert got["speed"].tolist() == [0.5, 2.0]
