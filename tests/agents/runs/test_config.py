from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest

from agents.dqn import DQNConfig
from agents.runs.config import (
    EncoderRunConfig,
    EnvConfig,
    EvaluateConfig,
    PerceptionConfig,
    RunConfig,
    TrainConfig,
)


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: EnvConfig(id=""), "env.id is ''; it must be the id"),
        (lambda: EnvConfig(num_envs=0), "env.num_envs is 0; it must be at least 1"),
        (lambda: PerceptionConfig(batch_size=0), "perception.batch_size is 0"),
        (lambda: PerceptionConfig(evaluation_batches=0), "perception.evaluation_batches is 0"),
        (lambda: TrainConfig(env_steps=0), "train.env_steps is 0"),
        (lambda: TrainConfig(seconds=0.0), "train.seconds is 0.0; it must be above 0, or null"),
        (lambda: TrainConfig(checkpoint_seconds=-1.0), "train.checkpoint_seconds is -1.0"),
        (lambda: EvaluateConfig(episodes=0), "evaluate.episodes is 0"),
        (lambda: EvaluateConfig(interval=0), "evaluate.interval is 0"),
        (
            lambda: EncoderRunConfig(perception=PerceptionConfig(path=Path("runs/x"))),
            "perception.path is 'runs/x'; it must be left out",
        ),
        (lambda: TrainConfig(until_success=0.0), "train.until_success is 0.0; it must be above 0"),
        (lambda: TrainConfig(until_success=1.01), "train.until_success is 1.01; it must be above 0"),
        (lambda: EvaluateConfig(choose_episodes=0), "evaluate.choose_episodes is 0"),
        (lambda: EvaluateConfig(choose_split="test"), "evaluate.choose_split is 'test'; it must be another"),
        (lambda: RunConfig(DQNConfig(), seed=-1), "seed is -1; it must be 0 or more"),
    ],
)
def test_a_value_out_of_range_is_named_with_what_would_be_right(build: Callable[[], object], sentence: str):
    with pytest.raises(ValueError, match=sentence):
        build()


@pytest.mark.parametrize(
    ("perception", "needs"),
    [
        ("pixels", False),
        ("privileged", False),
        ("features", True),
        ("affordances", True),
        ("segmentation", True),
    ],
)
def test_an_encoder_is_needed_by_those_who_see_through_one(perception, needs: bool):
    assert RunConfig(DQNConfig(perception=perception)).needs_encoder is needs


def test_top_level_is_the_same_everywhere():
    names = {field.name for field in fields(RunConfig)}
    assert names == {"seed", "device", "run_dir", "env", "perception", "agent", "train", "evaluate", "track"}
