"""The training loop: its budget, its metrics, and a run that is cut in two."""

import json
import subprocess
import sys

import numpy as np
import pytest

from agents.dqn import DQNConfig
from agents.registry import make_agent
from agents.runs.checkpoint import CheckpointStore
from agents.runs.environments import Environments, make_environment
from agents.runs.loop import Training
from agents.runs.state_tree import take_apart

SMALL = DQNConfig(
    hidden_sizes=(16,),
    batch_size=16,
    learning_starts=100,
    samples_per_step=4.0,
    replay_capacity=400,
    epsilon_steps=500,
    report_every=70,
)


def training_of(seed=3):
    environments = Environments(make_environment("CartPole-v1", 4), seed)
    spaces = environments.observation_space, environments.action_space
    return Training(make_agent(SMALL, *spaces, seed, "cpu"), environments)


def assert_same_bits(left, right):
    one, other = take_apart(left), take_apart(right)
    assert json.dumps(one.tree) == json.dumps(other.tree)
    assert one.arrays.keys() == other.arrays.keys()
    for name, array in one.arrays.items():
        assert array.tobytes() == other.arrays[name].tobytes(), name
    for name, log in one.logs.items():
        assert (log.start, log.stop) == (other.logs[name].start, other.logs[name].stop)
        np.testing.assert_equal(log.read(log.start, log.stop), other.logs[name].read(log.start, log.stop))


def test_it_stops_at_its_budget_and_reports_on_the_way():
    training = training_of()
    metrics = list(training.train(300))
    assert 300 <= training.environments.env_steps < 304
    assert [entry["env_steps"] // 70 for entry in metrics] == [1, 2, 3, 4]
    assert next(iter(metrics[0])) == "env_steps"
    assert {"episodes", "episode_return", "episode_length", "epsilon", "updates", "loss"} <= metrics[
        -1
    ].keys()


def test_a_spent_budget_is_no_work():
    training = training_of()
    list(training.train(100))
    before = training.environments.env_steps
    assert list(training.train(100)) == []
    assert training.environments.env_steps == before


def test_it_stops_when_it_is_asked_to():
    training = training_of()
    answers = iter([False] * 5 + [True])
    assert list(training.train(10_000, stop=lambda: next(answers))) == []
    assert training.environments.env_steps == 5 * 4


@pytest.mark.parametrize("cut", [40, 161, 450])
def test_a_run_cut_in_two_is_the_run_left_alone(cut, tmp_path):
    """Before learning starts, in the middle, and after the replay has gone round."""
    alone, first = training_of(), training_of()
    expected = list(alone.train(700))
    metrics = list(first.train(cut))
    CheckpointStore(tmp_path).save(first.state_dict(), first.environments.env_steps)
    second = training_of(seed=99)
    checkpoint = CheckpointStore(tmp_path).load_latest()
    assert checkpoint is not None
    second.load_state_dict(checkpoint.state)
    assert metrics + list(second.train(700)) == expected
    assert_same_bits(second.state_dict(), alone.state_dict())


def test_saving_changes_nothing(tmp_path):
    store, alone, saved = CheckpointStore(tmp_path), training_of(), training_of()
    expected = list(alone.train(400))
    metrics = []
    for entry in saved.train(400):
        metrics.append(entry)
        store.save(saved.state_dict(), saved.environments.env_steps)
    assert metrics == expected
    assert_same_bits(saved.state_dict(), alone.state_dict())


RESUME = """
import sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from agents.dqn import DQNConfig
from agents.registry import make_agent
from agents.runs.checkpoint import CheckpointStore
from agents.runs.environments import Environments, make_environment
from agents.runs.loop import Training
config = eval(sys.argv[2])
environments = Environments(make_environment("CartPole-v1", 4), 0)
agent = make_agent(config, environments.observation_space, environments.action_space, 0, "cpu")
training, store = Training(agent, environments), CheckpointStore(Path(sys.argv[1]))
training.load_state_dict(store.load_latest().state)
list(training.train(700))
store.save(training.state_dict(), 700)
"""


def test_another_process_goes_on_in_the_same_bits(tmp_path):
    alone, first = training_of(), training_of()
    list(alone.train(700))
    list(first.train(350))
    store = CheckpointStore(tmp_path)
    store.save(first.state_dict(), 350)
    subprocess.run([sys.executable, "-c", RESUME, str(tmp_path), repr(SMALL)], check=True)
    checkpoint = store.load_latest()
    assert checkpoint is not None
    assert checkpoint.step == 700
    assert_same_bits(checkpoint.state, alone.state_dict())
