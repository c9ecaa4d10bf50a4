"""Steps per second of the driving tasks: traffic, weather, all labels, and by the number of environments."""

import statistics
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from simulation_row import Row, row

from simulation_speed import Batch, batch_rate

HIGHWAY_PYTHON = Path(__file__).parents[1] / ".venv" / "highway" / "bin" / "python"
ALL_WEATHER = {
    "night": 0.7,
    "rain": 0.8,
    "fog": 0.5,
    "snow": 0.5,
    "low_sun": 0.6,
    "wet": 0.8,
    "motion_blur": 0.8,
    "noise": 0.6,
    "dirt": 0.6,
}
"""Everything on."""
TRAFFIC = {"task": "traffic", "num_cars": 16, "look": "clean"}
CASES: dict[str, dict[str, Any]] = {
    "Traffic, 16 cars, scenery, clean": TRAFFIC,
    "Traffic, all labels": {**TRAFFIC, "labels": True},
    "Weather, everything on": {"task": "weather", "weather": ALL_WEATHER},
    "Obstacles": {"task": "obstacles"},
    "Race": {"task": "race"},
}
SIZES = (16, 64, 256, 1024)
"""Environments of which the cost of one is compared."""


def measure_tasks(num_envs: int, threads: int, seconds: float, peers: bool) -> Iterator[Row]:
    """Rows of the benchmark about the tasks, in the form of `benchmark.py --json`."""
    for name, kwargs in CASES.items():
        rate = batch_rate(min(num_envs, 256), threads, seconds, **kwargs)
        settings = {"num_envs": min(num_envs, 256), "threads": threads, **kwargs}
        yield row(f"{name}, 64×64 RGB", rate, settings)
        if kwargs is TRAFFIC and peers:
            yield against_highway(rate, seconds, settings)
    yield from by_size(num_envs, threads, seconds)


def by_size(num_envs: int, threads: int, seconds: float) -> Iterator[Row]:
    """Rates of Traffic by the number of environments, and the dearest environment over the cheapest.

    The batches take turns, so that what else the machine does falls on all alike.
    """
    roads = {**TRAFFIC, "num_levels": 64}
    batches = {size: Batch(size, threads, **roads) for size in SIZES if size <= num_envs}
    rates: dict[int, list[float]] = {size: [] for size in batches}
    start = time.perf_counter()
    while batches and time.perf_counter() - start < seconds * len(batches):
        for size, batch in batches.items():
            rates[size].extend(batch.rate() for _ in range(max(SIZES) // size))
    medians = {size: statistics.median(seen) for size, seen in rates.items()}
    for size, rate in medians.items():
        batches[size].close()
        yield row(f"Traffic, {size} environments", rate, {"num_envs": size, "threads": threads, **roads})
    if medians:
        name = "Traffic, cost of one environment, dearest over cheapest batch"
        spread = row(name, 0.0, {"sizes": list(medians)})
        ratio = max(medians.values()) / min(medians.values())
        yield {**spread, "value": round(ratio, 3), "unit": "×"}


def against_highway(rate: float, seconds: float, settings: dict[str, Any]) -> Row:
    """The rate beside highway-env's, where `make highway` has installed it."""
    result = row("Traffic against highway-env's image", rate, settings)
    if not HIGHWAY_PYTHON.is_file():
        return {**result, "peer": "not measured: highway-env is not installed; make highway does it"}
    program = [str(HIGHWAY_PYTHON), str(Path(__file__).with_name("highway_speed.py")), str(max(seconds, 1.0))]
    ended = subprocess.run(program, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        return {**result, "peer": f"not measured: {ended.stderr.strip().splitlines()[-1:]}"}
    theirs = float(ended.stdout.split()[-1])
    ratio = round(rate / theirs, 1)
    return {**result, "peer": "highway-fast-v0", "peer_value": round(theirs, 1), "ratio": ratio}
