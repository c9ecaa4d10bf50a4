"""Which machine and which code a figure comes from."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import torch

from agents.comparison.results import Provenance

LIBRARIES = ("gymnasium", "numpy", "stable-baselines3", "torch")
CODE = ("agents", "configs", "envs", "scripts", "vision")


def provenance(root: Path, together: int = 1) -> Provenance:
    """Of a figure that is about to be made by the code in `root`, with so many cells side by side."""
    commit = _git(root, "rev-parse", "--short=9", "HEAD")
    return Provenance(
        processor=processor(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        accelerator=torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        versions={"python": platform.python_version()} | {name: version(name) for name in LIBRARIES},
        commit=commit,
        changed=bool(commit and _git(root, "status", "--porcelain", "--", *CODE)),
        together=together,
    )


def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's name, as far as the system tells it."""
    if cpuinfo.is_file():
        lines = (line.partition(":") for line in cpuinfo.read_text().splitlines())
        names = [value.strip() for key, _, value in lines if key.strip() == "model name"]
        if names:
            return names[0]
    return platform.processor() or platform.machine()


def _git(root: Path, *words: str) -> str | None:
    """What git says; None where it is missing, or the folder is no repository."""
    try:
        done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
