"""Environments that are not ours, by their ids: trained in, judged and filmed, or refused in one sentence."""

import json
import warnings
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from agents.runs.metrics_file import read_metrics
from agents.runs.threads import THREADS
from scripts import train_agent

pytestmark = pytest.mark.slow
FEW = [
    *("--agent.name", "dqn", "--agent.learning_starts", "60", "--agent.batch_size", "8"),
    *("--agent.samples_per_step", "1", "--agent.report_every", "50", "--track.mode", "disabled"),
    *("--env.num_envs", "2", "--train.env_steps", "120", "--evaluate.interval", "120"),
    *("--evaluate.choose_episodes", "1", "--evaluate.episodes", "1", "--evaluate.max_steps", "30"),
]
PACKAGES = {"ALE": "ale_py", "MinAtar": "minatar", "LunarLander": "Box2D"}


def require_package(env_id: str) -> None:
    for beginning, package in PACKAGES.items():
        if env_id.startswith(beginning):
            if find_spec(package) is None:
                pytest.skip(f"{env_id} needs {package}, which is not installed")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Box2D's C code crashes where its own warning is an error
                import_module(package)


@pytest.mark.parametrize(
    ("env_id", "kwargs"),
    [
        ("CartPole-v1", []),
        ("Acrobot-v1", []),
        ("MountainCar-v0", []),
        ("LunarLander-v3", []),
        ("FrozenLake-v1", []),
        ("Taxi-v4", []),
        ("CliffWalking-v1", []),
        ("MinAtar/Breakout-v1", []),
        ("MinAtar/Seaquest-v1", []),
        ("ALE/Pong-v5", []),
        ("ALE/Breakout-v5", ["--env.kwargs.obs_type", "ram"]),
    ],
    ids=str,
)
def test_dqn_trains_in_any_environment_that_suits_it(
    env_id: str, kwargs: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    require_package(env_id)
    monkeypatch.setattr(train_agent, "FILM_SECONDS", 0.5)
    monkeypatch.setitem(THREADS, "cnn", 1)  # a second one waits where another test holds its core
    folder = tmp_path / "run"
    assert train_agent.main(["--run_dir", str(folder), "--env.id", env_id, *kwargs, *FEW]) == 0
    assert json.loads((folder / "evaluation.json").read_text())["env"] == env_id
    assert (folder / "episode.mp4").stat().st_size > 1000
    assert any(record.get("updates") for record in read_metrics(folder / "metrics.jsonl"))


@pytest.mark.parametrize(
    ("env_id", "words"),
    [
        ("Blackjack-v1", ["Tuple", "Box"]),
        ("Pendulum-v1", ["dqn", "Box", "Discrete"]),
        ("MountainCarContinuous-v0", ["dqn", "Box", "Discrete"]),
        ("MinAtar/Nothing-v1", ["MinAtar/Nothing-v1", "Nothing"]),
        ("ALE/Nothing-v5", ["ALE/Nothing-v5", "Nothing"]),
        ("Taxi-v3", ["Taxi-v3", "Taxi-v4"]),
    ],
)
def test_what_does_not_suit_is_refused_in_one_sentence(
    env_id: str, words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    require_package(env_id)
    assert train_agent.main(["--run_dir", str(tmp_path / "run"), "--env.id", env_id, *FEW]) == 2
    told = capsys.readouterr().err
    assert [word for word in words if word not in told] == []
    assert told.count("\n") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "least"),
    [
        (["--agent.replay_capacity", "1"], "must be at least 20"),
        (["--agent.n_step", "10000000"], "must be at least 40000008"),
        (["--agent.name", "lstm-q", "--agent.replay_capacity", "10"], "must be at least 264"),
    ],
)
def test_a_memory_too_small_is_refused_before_anything_is_written(
    options: list[str], least: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    run = ["--run_dir", str(tmp_path / "run"), "--env.id", "CartPole-v1", "--env.num_envs", "4"]
    assert train_agent.main([*run, *options]) == 2
    told = capsys.readouterr().err
    assert told.startswith("the replay capacity is")
    assert least in told
    assert told.count("\n") == 1
    assert not (tmp_path / "run").exists()
