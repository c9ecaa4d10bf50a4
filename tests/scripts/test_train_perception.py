import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import train_perception
from vision.storage import load_perception

ROOT = Path(__file__).parents[2]
OPTIONS = [
    *(
        "--env.kwargs.num_levels",
        "4",
        "--perception.batch_size",
        "16",
        "--perception.evaluation_batches",
        "1",
    ),
    *("--perception.training.updates", "6", "--perception.training.log_interval", "2"),
    *("--track.mode", "disabled"),
]


@pytest.mark.slow
def test_an_encoder_is_trained_measured_and_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder = tmp_path / "encoder"
    assert train_perception.main(["--run_dir", str(folder), *OPTIONS]) == 0
    assert f"--perception.path {folder / 'perception'}" in capsys.readouterr().out
    network = load_perception(folder / "perception")
    assert "lane_offset" in network.pose_names
    record = json.loads((folder / "perception" / "perception.json").read_text())
    assert record["extra"]["scores"]["mae/lane_offset"] > 0
    assert (folder / "perception" / "predictions.png").is_file()
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    updates = [json.loads(line).get("perception/update") for line in lines]
    assert updates == [2, 4, 6, None]
    assert train_perception.main(["--resume", str(folder)]) == 0
    assert "is finished" in capsys.readouterr().out


def torchrun(*words: str) -> subprocess.CompletedProcess[str]:
    """The program in two processes of one thread each."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    command += ["scripts/train_perception.py", *words]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, check=False
    )


@pytest.mark.slow
def test_two_processes_train_one_encoder_and_one_alone_is_told_that_it_cannot_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    folder = tmp_path / "encoder"
    ended = torchrun("--run_dir", str(folder), *OPTIONS, "--perception.training.parts", "1")
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert ended.stdout.count("encoder on unseen roads") == 1
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [line["perception/images"] for line in lines if "perception/images" in line] == [64, 128, 192]
    assert load_perception(folder / "perception").pose_names
    (folder / "report.html").unlink()  # as if it had been killed before the report
    assert train_perception.main(["--resume", str(folder)]) == 2
    assert "2 processes saved the training, and 1 would go on with it" in capsys.readouterr().err
    again = torchrun("--resume", str(folder))
    assert again.returncode == 0, again.stderr[-2000:]
    assert (folder / "report.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--env.id", "CartPole-v1"], "env.id 'CartPole-v1' gives none"),
        (["--perception.batch_size", "0"], "perception.batch_size is 0"),
        (["--agent.name", "dqn"], "there is no option agent.name"),
        (["--env.kwargs.colour", "red"], "colour"),
    ],
)
def test_a_fault_is_one_sentence(
    arguments: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert train_perception.main(["--run_dir", str(tmp_path / "x"), *arguments]) == 2
    told = capsys.readouterr().err
    assert sentence in told
    assert told.count("\n") == 1
    assert not (tmp_path / "x").exists()
