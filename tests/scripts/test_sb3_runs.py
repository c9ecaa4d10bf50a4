"""Whole runs of SB3's agents: what they leave, how they are judged and filmed, that they are not resumed."""

import json
import signal
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.runs.metrics_file import read_metrics
from agents.runs.threads import THREADS
from scripts import evaluate, render_episode, train_agent
from train_program import ROOT, start, stop_at

pytestmark = pytest.mark.slow
FEW = [
    *("--track.mode", "disabled", "--train.env_steps", "400", "--agent.report_every", "100"),
    *("--evaluate.interval", "200", "--evaluate.choose_episodes", "2", "--evaluate.episodes", "3"),
]
CARTPOLE = ["--env.id", "CartPole-v1", "--env.num_envs", "2"]
DQN = [
    "--agent.name",
    "sb3-dqn",
    "--agent.kwargs.learning_starts",
    "50",
    "--agent.policy_kwargs.net_arch",
    "[8]",
]
DRIVING = [
    *("--env.id", "Hairpin/LaneFollow-v0", "--env.num_envs", "4", "--env.kwargs.num_levels", "4"),
    *("--env.kwargs.obs", "dict", "--env.kwargs.image_size", "36", "--evaluate.max_steps", "50"),
]
PPO = ["--agent.name", "sb3-ppo", "--agent.kwargs.n_steps", "50", "--agent.kwargs.batch_size", "100"]
PPO += ["--agent.kwargs.n_epochs", "1"]


@pytest.fixture(autouse=True, scope="module")
def small_work() -> Iterator[None]:
    """Short films, and one thread: a second one waits where another test holds its core."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(THREADS, "cnn", 1)
        patch.setattr(train_agent, "FILM_SECONDS", 0.5)
        yield


def run(folder: Path, *options: str) -> Path:
    assert train_agent.main(["--run_dir", str(folder), *FEW, *options]) == 0
    return folder


@pytest.fixture(scope="module")
def cartpole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tmp_path_factory.mktemp("runs") / "cartpole", *CARTPOLE, *DQN)


@pytest.fixture(scope="module")
def driving(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tmp_path_factory.mktemp("runs") / "driving", *DRIVING, *PPO)


def test_a_run_leaves_what_every_run_leaves(cartpole: Path):
    expected = {
        "config.yaml", "metrics.jsonl", "policy.safetensors", "evaluation.json",
        "curves.png", "episode.mp4", "report.html",
    }  # fmt: skip
    assert {path.name for path in cartpole.iterdir()} == expected
    scores = json.loads((cartpole / "evaluation.json").read_text())
    assert (scores["env"], scores["agent"], scores["episodes"]) == ("CartPole-v1", "sb3-dqn", 3)
    records = read_metrics(cartpole / "metrics.jsonl")
    assert [record["env_steps"] for record in records if "choose/mean_return" in record] == [200, 400]
    told = [record for record in records if "train/loss" in record]
    assert {"episode_return", "episodes", "train/n_updates"} <= told[0].keys()
    assert [name for name in told[0] if name.startswith("time/") or name == "seconds"] == ["seconds"]


def test_the_same_run_again_ends_in_the_same_bits(cartpole: Path, tmp_path: Path):
    again = run(tmp_path / "again", *CARTPOLE, *DQN)
    assert (again / "policy.safetensors").read_bytes() == (cartpole / "policy.safetensors").read_bytes()


@pytest.mark.parametrize("name", ["cartpole", "driving"])
def test_it_is_judged_as_in_its_own_run(name: str, request: pytest.FixtureRequest, tmp_path: Path):
    folder, out = request.getfixturevalue(name), tmp_path / "out.json"
    assert evaluate.main([str(folder), "--episodes", "3", "--json", str(out)]) == 0
    assert out.read_text() == (folder / "evaluation.json").read_text()


@pytest.mark.parametrize("name", ["cartpole", "driving"])
def test_it_is_filmed(name: str, request: pytest.FixtureRequest, tmp_path: Path):
    film = tmp_path / "drive.gif"
    folder = request.getfixturevalue(name)
    assert render_episode.main([str(folder), "--save", str(film), "--seconds", "0.5"]) == 0
    assert film.stat().st_size > 1000


def test_it_sees_through_an_encoder_of_the_run_s_own(tmp_path: Path):
    """The encoder is trained first; SB3 is then shown rows of features."""
    small = [
        *("--perception.training.updates", "3", "--perception.batch_size", "8"),
        *("--perception.evaluation_batches", "1", "--env.kwargs.image_size", "32", "--agent.perception"),
    ]
    folder = run(tmp_path / "features", *DRIVING, *DQN, *small, "features")
    assert (folder / "perception" / "perception.json").is_file()
    assert evaluate.main([str(folder), "--episodes", "3"]) == 0


@pytest.mark.parametrize(
    "config", sorted((ROOT / "configs" / "peers").glob("*.yaml")), ids=lambda path: path.stem
)
def test_a_named_experiment_suits_its_agent(config: Path, tmp_path: Path):
    packages = {"lunarlander": "Box2D", "minatar": "minatar"}
    if package := packages.get(config.stem.partition("_")[0]):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Box2D's C code crashes where its own warning is an error
            pytest.importorskip(package)
    folder = run(tmp_path / "run", "--config", str(config), *FEW, "--evaluate.max_steps", "30")
    assert json.loads((folder / "evaluation.json").read_text())["agent"] == "sb3-dqn"


def test_a_finished_run_says_so_and_another_is_not_gone_on_with(
    cartpole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert train_agent.main(["--resume", str(cartpole)]) == 0
    assert "is finished" in capsys.readouterr().out
    unfinished = tmp_path / "unfinished"
    unfinished.mkdir()
    (unfinished / "config.yaml").write_bytes((cartpole / "config.yaml").read_bytes())
    assert train_agent.main(["--resume", str(unfinished)]) == 2
    told = capsys.readouterr().err
    assert told == f"sb3-dqn has no exact resume: start {unfinished} anew, under another run_dir\n"


def test_ctrl_c_leaves_a_policy_that_can_be_judged(tmp_path: Path):
    folder = tmp_path / "interrupted"
    options = [*FEW, *CARTPOLE, *DQN, "--train.env_steps", "1000000"]
    status, told = stop_at(6, signal.SIGINT, folder, "--run_dir", str(folder), *options)
    assert status == 130
    assert told == (
        f"stopped; sb3-dqn has no exact resume, but its best policy so far is {folder}/policy.safetensors\n"
    )
    assert evaluate.main([str(folder), "--episodes", "2"]) == 0
    process = start("--resume", str(folder))
    _, told = process.communicate(timeout=60)
    assert process.returncode == 2
    assert told.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([*CARTPOLE, *DQN, "--agent.kwargs.colour", "3"], "unexpected keyword argument 'colour'"),
        (["--env.id", "Pendulum-v1", *DQN], "sb3-dqn and its options do not suit Box"),
        (["--env.id", "Blackjack-v1", *DQN], "sb3-dqn and its options do not suit Tuple"),
        ([*CARTPOLE, *DQN, "--agent.kwargs.seed", "3"], "agent.kwargs.seed is 3; it must be left out"),
    ],
)
def test_what_does_not_suit_is_one_sentence_and_leaves_nothing(
    options: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert train_agent.main(["--run_dir", str(tmp_path / "run"), *FEW, *options]) == 2
    told = capsys.readouterr().err
    assert words in told
    assert told.count("\n") == 1
    assert not (tmp_path / "run").exists()
