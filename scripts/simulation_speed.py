"""Steps per second of Hairpin's simulator and of the environments that a user would pick instead."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from simulation_row import Row, row

from envs.driving.vector_env import DrivingVectorEnv

ID = "Hairpin/LaneFollow-v0"
PEER_SIZES = (8, 16, 64)
"""Batches in which EnvPool is measured."""
SMALLER = (16, 64, 256)
"""Batches that Hairpin is measured in as well: the smaller, the more each step's fixed cost weighs."""


class Batch:
    """A vector environment that is stepped under random actions, resets included."""

    def __init__(self, num_envs: int, threads: int, **kwargs: Any) -> None:
        self._env = DrivingVectorEnv(num_envs, num_threads=threads, **kwargs)
        self._env.action_space.seed(0)
        self._actions = [self._env.action_space.sample() for _ in range(64)]
        self._env.reset(seed=0)
        roads = self._env.simulator.roads
        roads.require(np.arange(roads.num_levels))  # else the first episodes on a road wait until it is built
        self.rate()

    def rate(self) -> float:
        """Steps per second of 64 steps of the batch."""
        start = time.perf_counter()
        for action in self._actions:
            self._env.step(action)
        return self._env.num_envs * len(self._actions) / (time.perf_counter() - start)

    def close(self) -> None:
        """End the environment."""
        self._env.close()


def batch_rate(num_envs: int, threads: int, seconds: float, **kwargs: Any) -> float:
    """Median of a batch's rates over so many seconds."""
    batch, rates, start = Batch(num_envs, threads, **kwargs), [], time.perf_counter()
    while not rates or time.perf_counter() - start < seconds:
        rates.append(batch.rate())
    batch.close()
    return statistics.median(rates)


def single_rate(env: gym.Env, seconds: float) -> float:
    """Steps per second of one environment in a plain loop under random actions, resets included."""
    env.action_space.seed(0)
    env.reset(seed=0)
    steps, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        for _ in range(50):
            _, _, terminated, truncated, _ = env.step(env.action_space.sample())
            if terminated or truncated:
                env.reset()
        steps += 50
    rate = steps / (time.perf_counter() - start)
    env.close()
    return rate


def first_reset() -> float:
    """Seconds from the start of Python to the first observation of one environment, compiled before."""
    program = f"import envs, gymnasium; gymnasium.make({ID!r}).reset(seed=0)"
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[1])
    return time.perf_counter() - start


def car_racing(threads: int, seconds: float) -> float:
    """Gymnasium's CarRacing-v3, one process."""
    return single_rate(gym.make("CarRacing-v3", continuous=False), seconds)


def envpool_car_racing(threads: int, seconds: float) -> float:
    """EnvPool's CarRacing-v3, in the batch that is fastest for it."""
    return max(envpool_rate(size, threads, seconds) for size in PEER_SIZES)


def envpool_rate(num_envs: int, threads: int, seconds: float) -> float:
    """Steps per second of EnvPool's CarRacing-v3."""
    envpool = import_module("envpool")  # an optional peer
    env = envpool.make("CarRacing-v3", env_type="gymnasium", num_envs=num_envs, num_threads=threads)
    env.reset()
    action = np.stack([env.action_space.sample() for _ in range(num_envs)])
    steps, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        env.step(action)
        steps += num_envs
    return steps / (time.perf_counter() - start)


PEERS: dict[str, Callable[[int, float], float]] = {
    "Gymnasium CarRacing-v3": car_racing,
    "EnvPool CarRacing-v3": envpool_car_racing,
}
CASES: dict[str, dict[str, Any]] = {
    "64×64 RGB": {"obs": "camera"},
    "64×64 RGB, per-pixel noise": {"obs": "camera", "look": "noisy"},
    "64×64 gray": {"obs": "gray"},
    "64×64 semantic": {"obs": "semantic"},
    "privileged state": {"obs": "state"},
}


def measure(num_envs: int, threads: int, seconds: float, peers: bool) -> Iterator[Row]:
    """Rows of the benchmark, in the form of `benchmark.py --json`."""
    for name, kwargs in CASES.items():
        rate = batch_rate(num_envs, threads, seconds, **kwargs)
        settings = {"num_envs": num_envs, "threads": threads, "physics": "dynamic", **kwargs}
        yield row(f"LaneFollow, {name}", rate, settings)
        if name == "64×64 RGB" and peers:
            yield from against_peers(rate, threads, seconds, settings)
    for size in (size for size in SMALLER if size < num_envs):
        rate = batch_rate(size, threads, seconds, obs="camera")
        settings = {"num_envs": size, "threads": threads, "physics": "dynamic", "obs": "camera"}
        yield row(f"LaneFollow, 64×64 RGB, {size} environments", rate, settings)
    one = single_rate(gym.make(ID), seconds)
    yield row("LaneFollow, one environment, plain loop", one, {"obs": "camera"})
    yield row("LaneFollow, first reset in a new process", first_reset(), {"obs": "camera"}) | {"unit": "s"}


def against_peers(rate: float, threads: int, seconds: float, settings: Row) -> Iterator[Row]:
    """The rate beside each peer that is installed."""
    for peer, peer_rate in PEERS.items():
        try:
            theirs = peer_rate(threads, seconds)
        except (ImportError, gym.error.Error) as missing:
            yield {**row(f"LaneFollow against {peer}", rate, settings), "peer": f"not measured: {missing}"}
            continue
        result = row(f"LaneFollow against {peer}", rate, settings)
        yield {**result, "peer": peer, "peer_value": round(theirs, 1), "ratio": round(rate / theirs, 1)}
