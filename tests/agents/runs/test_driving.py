"""The run's parts on the project's own environment: saved by its own state, judged by level."""

import gymnasium as gym
import numpy as np
import pytest

import envs  # noqa: F401  (registers the ids)
from agents.runs.checkpoint import CheckpointStore
from agents.runs.environments import Environments, make_environment
from agents.runs.evaluation import evaluate

ENV_ID = "Hairpin/LaneFollow-v0"
SMALL = {"obs": "dict", "image_size": 16, "num_levels": 2}


def environments_of(seed=0, **kwargs):
    return Environments(make_environment(ENV_ID, 3, SMALL | kwargs), seed)


def drive(environments, steps, seed):
    generator = np.random.default_rng(seed)
    num_actions = environments.action_space.n
    return [environments.step(generator.integers(0, num_actions, 3)) for _ in range(steps)]


def test_it_saves_itself_and_goes_on_in_the_same_bits(tmp_path):
    environments, other = environments_of(), environments_of(seed=9)
    drive(environments, 150, 1)
    CheckpointStore(tmp_path).save(environments.state_dict(), 150)
    checkpoint = CheckpointStore(tmp_path).load_latest()
    assert checkpoint is not None
    other.load_state_dict(checkpoint.state)
    for left, right in zip(drive(environments, 100, 2), drive(other, 100, 2), strict=True):
        np.testing.assert_equal(left, right)
    assert environments.statistics() == other.statistics()
    assert environments.episodes > 0


def test_an_observation_is_not_overwritten_by_the_next():
    environments = environments_of()
    before = environments.obs
    assert isinstance(before, dict)
    kept = {name: part.copy() for name, part in before.items()}
    drive(environments, 5, 0)
    np.testing.assert_equal(before, kept)


def test_each_level_of_a_split_is_driven_from_the_same_start_whatever_the_batch(monkeypatch):
    def score():
        return evaluate(
            lambda obs, env: np.full(env.num_envs, 7),
            lambda rows: make_environment(ENV_ID, rows, {"obs": "state", "split": "val"}),
            5,
            0,
            name="straight",
            split="val",
        )

    at_once = score()
    monkeypatch.setattr("agents.runs.evaluation.ROWS", 2)
    assert score() == at_once
    assert at_once["split"] == "val"
    assert at_once["success_rate"] == 0.0
    assert at_once["off_road"] > 0


@pytest.mark.parametrize("kwargs", [{"obs": "radar"}, {"colour": "red"}])
def test_keyword_arguments_that_do_not_suit_are_one_sentence(kwargs):
    with pytest.raises(ValueError, match=next(iter(kwargs))):
        make_environment(ENV_ID, 2, kwargs)


def test_it_is_the_vector_class_of_the_environment():
    assert ENV_ID in gym.registry
    assert hasattr(environments_of().env.unwrapped, "load_state_dict")
