import json
import os
import signal
import subprocess
import sys
import time
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


def torchrun(*words: str) -> subprocess.Popen[str]:
    """The program in two processes of one thread each."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    return subprocess.Popen(
        [*command, "scripts/train_perception.py", *words],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finished(process: subprocess.Popen[str]) -> str:
    """What a program that ends well has printed."""
    told, _ = process.communicate(timeout=300)
    assert process.returncode == 0, told[-2000:]
    return told


def weights_of(folder: Path) -> str:
    return json.loads((folder / "perception" / "perception.json").read_text())["weights_sha256"]


@pytest.mark.slow
def test_two_processes_train_one_encoder_and_go_on_after_ctrl_c_in_the_same_bits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    more = [*OPTIONS, "--perception.training.parts", "1", "--perception.training.updates", "300"]
    whole, folder = tmp_path / "whole", tmp_path / "stopped"
    told = finished(torchrun("--run_dir", str(whole), *more))
    assert told.count("encoder on unseen roads") == 1
    lines = [json.loads(line) for line in (whole / "metrics.jsonl").read_text().splitlines()]
    assert [line["perception/images"] for line in lines[:2]] == [64, 128]
    assert load_perception(whole / "perception").pose_names

    process, metrics = torchrun("--run_dir", str(folder), *more), folder / "metrics.jsonl"
    while process.poll() is None and not (metrics.exists() and metrics.read_text().count("\n") > 5):
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to every process
    process.communicate(timeout=120)
    assert process.returncode != 0
    assert not (folder / "perception" / "perception.json").exists()
    assert train_perception.main(["--resume", str(folder)]) == 2
    assert "2 processes saved the training, and 1 would go on with it" in capsys.readouterr().err
    finished(torchrun("--resume", str(folder)))
    assert weights_of(folder) == weights_of(whole)


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
