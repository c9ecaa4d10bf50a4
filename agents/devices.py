"""Where tensors live."""

import numpy as np
import torch
from torch import Tensor


def find_device(name: str) -> torch.device:
    """The device of that name; `auto` is CUDA or MPS where there is one, else the processor.

    Raises:
        ValueError: there is no such device, or not here.
    """
    here = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if here[kind]))
    kind = name.partition(":")[0]
    if kind not in here:
        raise ValueError(f"device is {name!r}; it must be auto, cpu, cuda or mps")
    if not here[kind]:
        raise ValueError(f"device is {name!r}, but this machine has none; auto takes what there is")
    return torch.device(name)


def to_device(array: np.ndarray, device: torch.device) -> Tensor:
    """The array as a tensor that lives there; numbers of 64 bits with a point become 32.

    On the processor it is the same memory, where the type allows.
    """
    tensor = torch.from_numpy(array)
    if tensor.dtype == torch.float64:
        tensor = tensor.float()  # half the way to go, and MPS knows no other
    return moved(tensor, device)


def moved(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor of the processor as one that lives there; nobody waits for the copy."""
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)  # the copy in pinned memory is its own


def parts_to_device(parts: dict[str, np.ndarray], device: torch.device) -> dict[str, Tensor]:
    """The arrays of an observation as tensors that live there."""
    return {name: to_device(part, device) for name, part in parts.items()}
