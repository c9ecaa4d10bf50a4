"""How fast perception trains, and what share of the processor's matrix arithmetic that is."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from agents.runs.threads import prepare_threads, threads_for
from benchmark_row import Row, row
from envs.driving.stream import STREAMS
from vision.data import LabelledBatch, to_tensors
from vision.networks import NetworkConfig
from vision.recipe import TrainingConfig
from vision.training import PerceptionTrainer

ENV_ID, CAMERA = "Hairpin/Weather-v0", {"image_size": [64, 96], "num_levels": 64}
CASES: dict[str, NetworkConfig] = {
    "pose and classes, tiny": NetworkConfig(),
    "whole scenes, tiny": NetworkConfig(scene=True, sky=0.0),
}
BATCH, SIDE, UPDATES = 64, 1536, 1_000_000


class Repeated:
    """A source that gives the same batch again and again: what it takes to make one is measured by itself."""

    def __init__(self, scene: bool) -> None:
        stream = STREAMS[ENV_ID]("train", BATCH, 0, scene=scene, **CAMERA)
        self._batch, self._schema = stream.next_batch(), stream.schema()

    def next_batch(self) -> tuple[Any, ...]:
        """The batch."""
        return self._batch

    def schema(self) -> dict[str, Any]:
        """What it holds."""
        return self._schema

    def state_dict(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing."""


def measure(threads: int, seconds: float) -> Iterator[Row]:
    """Rows of the benchmark, in the form of `benchmark.py --json`."""
    prepare_threads()
    peak = matrix_peak(threads, seconds)
    settings = {"threads": threads, "batch_size": BATCH, "env_id": ENV_ID, **CAMERA}
    yield row("float32 matrix product", peak / 1e9, "GFLOP/s", {"threads": threads, "side": SIDE})
    for name, config in CASES.items():
        source = Repeated(config.scene)
        training = TrainingConfig(updates=UPDATES, parts=threads, variance_exponent=1.0, clip=1.5)
        trainer = PerceptionTrainer(config, training, source, seed=0)
        threads_for("parts")
        rate = BATCH * rate_of(trainer.step, seconds)
        flops = flops_per_image(trainer)
        yield row(f"training, {name}", rate, "images/s", settings)
        yield row(f"training, {name}: arithmetic", flops / 1e6, "MFLOP/image", settings)
        yield row(f"training, {name}: share of the matrix product's", rate * flops / peak, "", settings)
    stream = STREAMS[ENV_ID]("train", BATCH, 0, scene=True, num_threads=threads, **CAMERA)
    yield row("labelled scenes made", BATCH * rate_of(stream.next_batch, seconds), "images/s", settings)


def rate_of(work: Callable[[], Any], seconds: float) -> float:
    """Times a second that something can be done."""
    work()
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        work()
        count += 1
    return count / (time.perf_counter() - start)


def matrix_peak(threads: int, seconds: float) -> float:
    """Floating-point operations a second of a product of large matrices: the best of several."""
    torch.set_num_threads(threads)
    left, right = torch.randn(2, SIDE, SIDE)
    product, best, start = torch.empty(SIDE, SIDE), float("inf"), time.perf_counter()
    while time.perf_counter() - start < max(seconds, 0.2):
        begun = time.perf_counter()
        torch.mm(left, right, out=product)
        best = min(best, time.perf_counter() - begun)
    return 2 * SIDE**3 / best


def flops_per_image(trainer: PerceptionTrainer) -> float:
    """Operations of convolutions and matrix products, forward and backward, for one image."""
    batch = to_tensors(LabelledBatch(*Repeated(trainer.network.config.scene).next_batch()), trainer.device)
    with FlopCounterMode(display=False) as counter:
        loss, _ = trainer.losses(batch)
        loss.backward()
    return counter.get_total_flops() / BATCH
