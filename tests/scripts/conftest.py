"""Small runs that several tests look at."""

from pathlib import Path

import pytest

from scripts import train_agent

FEW = ["--train.env_steps", "200", "--agent.learning_starts", "100", "--track.mode", "disabled"]
DRIVING = [
    *("--env.id", "Hairpin/LaneFollow-v0", "--env.num_envs", "4", "--env.kwargs.num_levels", "4"),
    *("--agent.perception", "privileged", "--agent.batch_size", "16"),
    *("--evaluate.choose_episodes", "1", "--evaluate.episodes", "2"),
]
CARTPOLE = ["--env.id", "CartPole-v1", "--evaluate.choose_episodes", "1", "--evaluate.episodes", "1"]


def trained(folder: Path, options: list[str]) -> Path:
    """The folder of a run with these options."""
    assert train_agent.main(["--run_dir", str(folder), *FEW, *options]) == 0
    return folder


@pytest.fixture(scope="session")
def driving_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on four roads."""
    return trained(tmp_path_factory.mktemp("runs") / "driving", DRIVING)


@pytest.fixture(scope="session")
def cartpole_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of an environment without splits."""
    return trained(tmp_path_factory.mktemp("runs") / "cartpole", CARTPOLE)
