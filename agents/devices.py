"""Where tensors live."""

import torch


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
