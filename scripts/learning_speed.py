"""How long it takes to learn to drive: through an encoder, from pixels, and with Stable-Baselines3."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gymnasium as gym
from stable_baselines3 import DQN
from stable_baselines3.common.callbacks import BaseCallback

from agents.runs.environments import make_environment
from agents.runs.evaluation import evaluate
from agents.runs.metrics_file import read_metrics
from agents.runs.seeding import derive_seed

Row = dict[str, Any]
Records = list[dict[str, Any]]
ID = "Hairpin/LaneFollow-v0"
SOLVED = 0.9  # share of the validation roads
SCRIPTS = Path(__file__).parent
CONFIGS = SCRIPTS.parent / "configs" / "driving"
KWARGS = {"obs": "dict", "look": "randomized", "frame_skip": 2, "num_levels": 256}
PEER_STEPS_PER_SECOND = 120  # about what it reaches here: its exploration is planned over this many


def train(folder: Path, config: str, seed: int, *options: str) -> Records:
    """Carry a run out as a user would; returns its metrics."""
    command = [sys.executable, SCRIPTS / "train_agent.py", "--config", CONFIGS / config, "--seed", str(seed)]
    settings = ["--run_dir", folder, "--track.mode", "disabled"]
    subprocess.run([*command, *settings, *options], check=True, stdout=subprocess.DEVNULL)
    return read_metrics(folder / "metrics.jsonl")


def seconds_to_solve(records: Records) -> float | None:
    """When a network first drove `SOLVED` of the validation roads, from the start of the run [s]."""
    solved = (r["seconds"] for r in records if r.get("choose/success_rate", 0.0) >= SOLVED)
    return next(solved, None)


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
    settings: dict[str, Any] = {
        "buffer_size": 50_000,
        "learning_starts": 1_000,
        "target_update_interval": 1_000,
    }
    policy = DQN("MultiInputPolicy", env, seed=seed, **settings)
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


def measure(seed: int, seconds: float, peers: bool) -> Iterator[Row]:
    """Rows of the benchmark, in the form of `benchmark.py --json`; nothing is trained for over `seconds`."""
    settings = {"seed": seed, "limit": seconds, "solved": SOLVED}
    with TemporaryDirectory() as folder:
        run = Path(folder) / "features"
        features = train(run, "lane_follow.yaml", seed)
        scores = json.loads((run / "evaluation.json").read_text())
        limit = ("--train.seconds", str(seconds))
        pixels = train(Path(folder) / "pixels", "lane_follow_pixels.yaml", seed, *limit)
    encoder = next(r["seconds"] for r in features if "perception/val/images" in r)
    whole, slow = seconds_to_solve(features), seconds_to_solve(pixels)
    for name, ours in (("encoder ready", whole and whole - encoder), ("encoder's training counted", whole)):
        ratio = slow / ours if slow and ours else None
        yield row(
            (f"LaneFollow solved, {name}", "s"), ours, ("the same agent, pixels", slow), ratio, settings
        )
    if peers:
        total, ours = features[-1]["seconds"], scores["success_rate"]
        theirs = peer_success(total, seed, scores["episodes"])
        name = f"LaneFollow, share of test roads after {total:.0f} s"
        peer = ("Stable-Baselines3 DQN, pixels", theirs)
        yield row((name, "share"), ours, peer, ours / theirs if theirs else None, settings)


def row(
    what: tuple[str, str],
    value: float | None,
    peer: tuple[str, float | None],
    ratio: float | None,
    settings: Row,
) -> Row:
    """One row; a time is None where the mark was not reached within the limit."""
    result = {"name": what[0], "value": value, "unit": what[1], "peer": peer[0], "peer_value": peer[1]}
    return result | {"ratio": ratio and round(ratio, 1), "settings": settings}
