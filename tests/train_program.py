"""`train_agent.py` as a user starts it, stops it and starts it again."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from agents.runs.metrics_file import read_metrics

ROOT = Path(__file__).parents[1]
COMMAND = [sys.executable, "scripts/train_agent.py"]


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(*arguments: str) -> str:
    process = start(*arguments)
    printed, faults = process.communicate(timeout=300)
    assert process.returncode == 0, faults
    return printed


def stop_at(lines: int, number: signal.Signals, folder: Path, *arguments: str) -> tuple[int, str]:
    """Start a run and send it a signal once its metrics have that many lines."""
    process = start(*arguments)
    deadline = time.monotonic() + 120
    while count_lines(folder / "metrics.jsonl") < lines:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(number)
    return process.wait(60), process.communicate()[1]


def count_lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def timeless(folder: Path) -> list[dict]:
    """The metrics without what the clock wrote."""
    return [
        {name: value for name, value in record.items() if name != "seconds" and not name.startswith("time/")}
        for record in read_metrics(folder / "metrics.jsonl")
    ]


def assert_same_run(folder: Path, alone: Path) -> None:
    assert timeless(folder) == timeless(alone)
    assert (folder / "policy.safetensors").read_bytes() == (alone / "policy.safetensors").read_bytes()
    assert json.loads((folder / "evaluation.json").read_text()) == json.loads(
        (alone / "evaluation.json").read_text()
    )
