"""A whole run on CartPole, left alone, killed, interrupted; every one must end in the same bits."""

import json
import re
import signal
import subprocess
from pathlib import Path

import pytest

from agents.runs.foreign import ForeignVectorEnv
from agents.runs.metrics_file import read_metrics
from scripts import train_agent
from train_program import COMMAND, ROOT, assert_same_run, finish, start, stop_at

OPTIONS = [
    *("--env.id", "CartPole-v1", "--env.num_envs", "4", "--track.mode", "disabled"),
    *("--agent.learning_starts", "100", "--agent.report_every", "100", "--agent.batch_size", "32"),
    *("--train.env_steps", "6000", "--train.checkpoint_seconds", "0"),
    *("--evaluate.interval", "2000", "--evaluate.choose_episodes", "4", "--evaluate.episodes", "5"),
]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that nobody disturbed."""
    folder = tmp_path_factory.mktemp("runs") / "alone"
    printed = finish("--run_dir", str(folder), *OPTIONS)
    assert str(folder / "report.html") in "".join(printed.split())
    return folder


@pytest.mark.slow
def test_a_run_leaves_what_was_promised(alone: Path):
    expected = {
        "config.yaml", "metrics.jsonl", "checkpoints", "policy.safetensors", "evaluation.json",
        "curves.png", "episode.mp4", "report.html",
    }  # fmt: skip
    assert {path.name for path in alone.iterdir()} == expected
    scores = json.loads((alone / "evaluation.json").read_text())
    assert (scores["env"], scores["agent"], scores["episodes"]) == ("CartPole-v1", "dqn", 5)
    assert scores["split"] is None
    assert scores["success_rate"] is None
    records = read_metrics(alone / "metrics.jsonl")
    chosen_at = [record["env_steps"] for record in records if "choose/mean_return" in record]
    assert [steps // 4 * 4 for steps in chosen_at if steps] == [
        2000,
        4000,
        6000,
    ]  # the last step may overshoot
    assert [name for name in records[0] if name.startswith("time/") or name == "seconds"] == ["seconds"]


@pytest.mark.slow
def test_a_run_killed_twice_ends_in_the_same_bits(alone: Path, tmp_path: Path):
    folder = tmp_path / "killed"
    stop_at(25, signal.SIGKILL, folder, "--run_dir", str(folder), *OPTIONS)
    stop_at(45, signal.SIGKILL, folder, "--resume", str(folder))
    finish("--resume", str(folder))
    assert_same_run(folder, alone)


@pytest.mark.slow
def test_a_run_killed_before_its_first_checkpoint_starts_over(alone: Path, tmp_path: Path):
    folder = tmp_path / "early"
    folder.mkdir()
    (folder / "config.yaml").write_bytes((alone / "config.yaml").read_bytes())
    (folder / "metrics.jsonl").write_text('{"env_steps": 7}\n')
    finish("--resume", str(folder))
    assert_same_run(folder, alone)


@pytest.mark.slow
def test_a_run_whose_configuration_was_edited_is_not_gone_on_with(tmp_path: Path):
    folder = tmp_path / "edited"
    stop_at(25, signal.SIGKILL, folder, "--run_dir", str(folder), *OPTIONS)
    config = (folder / "config.yaml").read_text()
    for old, new in (("num_envs: 4", "num_envs: 2"), ("seed: 0", "seed: 1")):
        assert old in config
        (folder / "config.yaml").write_text(config.replace(old, new))
        process = start("--resume", str(folder))
        _, told = process.communicate(timeout=60)
        assert process.returncode == 2
        assert "was made under another configuration" in told
        assert told.count("\n") == 1
    (folder / "config.yaml").write_text(config)
    finish("--resume", str(folder))


@pytest.mark.slow
def test_an_interrupted_run_is_saved_and_says_how_to_go_on(alone: Path, tmp_path: Path):
    folder = tmp_path / "interrupted"
    status, told = stop_at(30, signal.SIGINT, folder, "--run_dir", str(folder), *OPTIONS)
    assert status == 130
    assert told == f"stopped and saved; go on with --resume {folder}\n"
    finish("--resume", str(folder))
    assert_same_run(folder, alone)


@pytest.mark.slow
def test_an_altered_checkpoint_is_named_and_the_one_before_it_used(alone: Path, tmp_path: Path):
    folder = tmp_path / "altered"
    stop_at(45, signal.SIGKILL, folder, "--run_dir", str(folder), *OPTIONS)
    newest = damage_newest_checkpoint(folder)
    printed = finish("--resume", str(folder))
    assert newest.name in "".join(printed.split())
    assert_same_run(folder, alone)


def damage_newest_checkpoint(folder: Path) -> Path:
    """Change one byte in the middle of the newest checkpoint's arrays; returns the checkpoint."""
    whole = (path for path in (folder / "checkpoints" / "agent").glob("[0-9]*-step-*") if not path.suffix)
    newest = max(whole)
    arrays = bytearray((newest / "arrays.safetensors").read_bytes())
    arrays[len(arrays) // 2] ^= 1
    (newest / "arrays.safetensors").write_bytes(arrays)
    return newest


@pytest.mark.slow
def test_a_run_whose_environment_does_not_repeat_itself_is_not_gone_on_with(
    tmp_path: Path, monkeypatch, capsys
):
    folder = tmp_path / "run"
    stop_at(3, signal.SIGKILL, folder, "--run_dir", str(folder), *OPTIONS)
    monkeypatch.setattr(ForeignVectorEnv, "_digest", lambda *_: "another")
    assert train_agent.main(["--resume", str(folder)]) == 2
    assert re.search(
        "CartPole-v1 cannot be resumed exactly: row 0, played again for .*\n$", capsys.readouterr().err
    )


@pytest.mark.slow
def test_a_finished_run_says_so(alone: Path):
    before = {path: path.stat().st_mtime_ns for path in alone.rglob("*")}
    assert "is finished" in finish("--resume", str(alone))
    assert {path: path.stat().st_mtime_ns for path in alone.rglob("*")} == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--env.id", "NoSuch-v0"], "NoSuch"),
        (["--env.id", "CartPole-v1", "--env.kwargs.colour", "red"], "env.kwargs do not suit CartPole-v1"),
        (["--env.id", "Pendulum-v1"], "Discrete"),
        (["--env.id", "CartPole-v1", "--agent.perception", "features"], "labelled frames"),
        (
            ["--env.id", "CartPole-v1", "--agent.perception", "privileged"],
            "agent.perception is 'privileged', and CartPole-v1 tells no privileged state",
        ),
        (["--agent.perception", "privileged", "--env.kwargs.num_levels", "-1"], "num_levels"),
        (["--env.kwargs.render_mode", "human"], "render_episode.py shows a run"),
        (["--env.id", "CartPole-v1", "--agent.name", "dagger"], "the environment tells no info"),
    ],
)
def test_what_does_not_fit_is_one_sentence_and_leaves_nothing(
    arguments: list[str], sentence: str, tmp_path: Path
):
    process = start("--run_dir", str(tmp_path / "run"), "--track.mode", "disabled", *arguments)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 2
    assert sentence in told
    assert told.count("\n") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_full_disk_is_one_sentence_and_the_run_can_go_on(alone: Path, tmp_path: Path):
    folder = tmp_path / "full"
    limited = ["bash", "-c", 'ulimit -f 300; exec "$@"', "bash", *COMMAND]  # KiB: less than the replay needs
    process = subprocess.run(
        [*limited, "--run_dir", str(folder), *OPTIONS], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert process.returncode == 2, process.stderr
    assert process.stderr.startswith("the run stopped: the checkpoint of step")
    assert process.stderr.count("\n") == 1
    finish("--resume", str(folder))
    assert_same_run(folder, alone)
