"""How long it takes to learn to drive: through an encoder, from pixels, and with Stable-Baselines3."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any

import gymnasium as gym
from stable_baselines3 import DQN
from stable_baselines3.common.callbacks import BaseCallback

from agents.runs.environments import make_environment
from agents.runs.evaluation import evaluate
from agents.runs.metrics_file import read_metrics
from agents.runs.seeding import derive_seed
from benchmark_row import Row, Scope

Records = list[dict[str, Any]]
ID = "Hairpin/LaneFollow-v0"
SOLVED = 0.9  # share of the validation roads
LOOK_EVERY = 4_000  # environment steps between two looks at the validation roads, for whoever is timed
LONGEST = 900.0  # seconds of a training
SCRIPTS = Path(__file__).parent
CONFIGS = SCRIPTS.parent / "configs" / "driving"
KWARGS = {"obs": "dict", "look": "randomized", "frame_skip": 2, "num_levels": 256}
PEER: dict[str, Any] = {
    "learning_rate": 1e-4,
    "batch_size": 32,
    "train_freq": 4,
    "gradient_steps": 1,
    "buffer_size": 50_000,
    "learning_starts": 1_000,
    "target_update_interval": 1_000,
    "exploration_fraction": 0.1,
    "exploration_final_eps": 0.01,
}
"""The zoo's settings for Atari's pixels, with a start and a buffer for minutes instead of hours."""
PEER_STEPS_PER_SECOND = 120  # about what it reaches here: its exploration is planned over this many


def train(folder: Path, config: str, seed: int, **options: Any) -> Records:
    """Carry a run out as a user would; returns its metrics."""
    command = [sys.executable, SCRIPTS / "train_agent.py", "--config", CONFIGS / config, "--seed", str(seed)]
    settings = {"run_dir": folder, "track.mode": "disabled", **options}
    words = [str(word) for name, value in settings.items() for word in (f"--{name}", value)]
    subprocess.run([*command, *words], check=True, stdout=subprocess.DEVNULL)
    return read_metrics(folder / "metrics.jsonl")


def seconds_to_solve(records: Records) -> float | None:
    """Time until a network drove `SOLVED` of the validation roads, the looks at them not counted [s]."""
    looking = 0.0
    for record in records:
        looking += record.get("time/choose", 0.0)
        if record.get("choose/success_rate", 0.0) >= SOLVED:
            return record["seconds"] - looking
    return None


def times_to_solve(config: str, seeds: Sequence[int], limit: float, **options: Any) -> list[float | None]:
    """`seconds_to_solve` of a run for each seed, none of them trained for over `limit` seconds."""
    timed = {"train.until_success": SOLVED, "train.seconds": limit, "evaluate.interval": LOOK_EVERY}
    options = {**timed, "evaluate.episodes": 1, **options}
    with TemporaryDirectory() as folder:
        runs = (train(Path(folder) / str(seed), config, seed, **options) for seed in seeds)
        return [seconds_to_solve(records) for records in runs]


class Clock(BaseCallback):
    """Ends the learning of Stable-Baselines3 after so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.end = time.monotonic() + seconds

    def _on_step(self) -> bool:
        return time.monotonic() < self.end


def peer_success(seconds: float, seed: int, episodes: int) -> float:
    """Share of the test roads that Stable-Baselines3's DQN drives after so many seconds, from pixels."""
    env = gym.make(ID, split="train", **KWARGS)
    policy = DQN("MultiInputPolicy", env, seed=seed, **PEER)
    policy.learn(int(PEER_STEPS_PER_SECOND * seconds), callback=Clock(seconds))
    return float(
        evaluate(
            lambda obs, _: policy.predict(obs, deterministic=True)[0],
            lambda rows: make_environment(ID, rows, {**KWARGS, "split": "test"}),
            episodes,
            derive_seed(seed, "evaluate"),
            name="sb3-dqn",
            split="test",
        )["success_rate"]
    )


def measure(scope: Scope) -> Iterator[Row]:
    """Rows of the benchmark; nothing is trained for longer than the scope says."""
    seeds, limit = scope.seeds, scope.seconds or LONGEST
    with TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        records = train(run, "lane_follow.yaml", seeds[0])
        ours = json.loads((run / "evaluation.json").read_text())
        encoder = next(record["seconds"] for record in records if "perception/val/images" in record)
        ready = times_to_solve("lane_follow.yaml", seeds, limit, **{"perception.path": run / "perception"})
    pixels = times_to_solve("lane_follow_pixels.yaml", seeds, limit)
    counted = [seconds and seconds + encoder for seconds in ready]
    settings = {"seeds": list(seeds), "solved": SOLVED, "limit": limit, "pixels": pixels}
    for name, times in (("encoder ready", ready), ("encoder's training counted", counted)):
        yield against_pixels(f"LaneFollow solved, {name}", times, pixels, settings)
    if scope.peers:
        total = records[-1]["seconds"]
        theirs = peer_success(total, seeds[0], ours["episodes"])
        name, share = f"LaneFollow, share of test roads after {total:.0f} s", ours["success_rate"]
        result = {"name": name, "value": share, "unit": "share", "peer": "Stable-Baselines3 DQN, pixels"}
        ratio = round(share / theirs, 1) if theirs else None
        yield result | {"peer_value": theirs, "ratio": ratio, "settings": {"seed": seeds[0], **PEER}}


def against_pixels(name: str, times: list[float | None], pixels: list[float | None], settings: Row) -> Row:
    """Mean times side by side; None where a seed did not reach the mark within the limit."""
    ours, theirs = mean_or_none(times), mean_or_none(pixels)
    result = {
        "name": name,
        "value": ours,
        "unit": "s",
        "peer": "the same agent, pixels",
        "peer_value": theirs,
    }
    ratio = round(theirs / ours, 1) if ours and theirs else None
    return result | {"ratio": ratio, "settings": settings | {"features": times}}


def mean_or_none(times: list[float | None]) -> float | None:
    """The mean; None where there is none."""
    known = [seconds for seconds in times if seconds is not None]
    return round(fmean(known), 2) if len(known) == len(times) else None
