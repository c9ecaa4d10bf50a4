"""Every agent that is ours, cut in two on the disk, ends in the same bits as one left alone."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

import envs  # noqa: F401  registers the lake
from agents.registry import AGENTS, config_class, make_agent
from agents.runs.checkpoint import CheckpointStore
from agents.runs.environments import Environments, make_environment
from agents.runs.loop import Training
from agents.runs.state_tree import take_apart

SMALL: dict[str, Any] = {
    "batch_size": 16,
    "hidden_sizes": (16,),
    "learning_starts": 60,
    "minibatch_size": 32,
    "replay_capacity": 600,
    "report_every": 50,
    "rollout_steps": 96,
    "samples_per_step": 4.0,
    "sequence_length": 12,
    "width": 16,
}
OURS = sorted(name for name in AGENTS if not name.startswith("sb3-"))
TABULAR = [name for name in OURS if AGENTS[name][0] == "agents.tabular"]
VARIANTS: list[tuple[str, str, dict[str, Any]]] = [
    *(
        (name, "Hairpin/Lake-v0" if name in TABULAR else "CartPole-v1", {})
        for name in OURS
        if name != "dagger"
    ),
    ("dagger", "Hairpin/Obstacles-v0", {"frame_stack": 2}),
    *((name, "FrozenLake-v1", {}) for name in TABULAR),  # tells no model: stepped
    ("dqn", "CartPole-v1", {"prioritised": True, "frame_stack": 3}),
    ("rainbow", "CartPole-v1", {"munchausen": True, "distribution": "implicit", "atoms": 8}),
    ("ppo", "Pendulum-v1", {"normalise_observations": True}),
]


WITH_EXPERT = {"Hairpin/Obstacles-v0": {"obs": "state", "expert": True, "num_levels": 2}}


def training_of(name: str, env_id: str, options: dict[str, Any]) -> Training:
    known = {field.name for field in fields(config_class(name))}
    known -= {"hidden_sizes"} if "width" in known else set()  # one or the other says how large a network is
    chosen = {key: value for key, value in (SMALL | options).items() if key in known}
    environments = Environments(make_environment(env_id, 4, WITH_EXPERT.get(env_id)), 3)
    spaces = environments.observation_space, environments.action_space
    return Training(make_agent(config_class(name)(**chosen), *spaces, 5, "cpu"), environments)


def bits(training: Training) -> tuple[str, dict[str, bytes]]:
    parts = take_apart(training.state_dict())
    arrays = {name: array.tobytes() for name, array in parts.arrays.items()}
    for name, log in parts.logs.items():
        arrays |= {f"{name}/{part}": rows.tobytes() for part, rows in log.read(log.start, log.stop).items()}
    return json.dumps(parts.tree, sort_keys=True), arrays


@pytest.mark.parametrize(("name", "env_id", "options"), VARIANTS, ids=str)
def test_a_run_cut_in_two_ends_in_the_same_bits(name, env_id, options, tmp_path: Path):
    alone, first, second = (training_of(name, env_id, options) for _ in range(3))
    told = list(alone.train(600))
    assert told
    begun = list(first.train(310))
    CheckpointStore(tmp_path).save(first.state_dict(), 310)
    checkpoint = CheckpointStore(tmp_path).load_latest()
    assert checkpoint is not None
    second.load_state_dict(checkpoint.state)
    assert begun + list(second.train(600)) == told
    assert bits(second) == bits(alone)
