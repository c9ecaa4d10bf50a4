"""A whole run on the road, perception included: killed in every stage, it must end in the same bits."""

import json
import signal
from pathlib import Path

import pytest

from train_program import assert_same_run, finish, start, stop_at

UPDATES, LOG_INTERVAL = 24, 4
OPTIONS = [
    *("--env.id", "Hairpin/LaneFollow-v0", "--env.num_envs", "4", "--env.kwargs.obs", "dict"),
    *("--env.kwargs.num_levels", "8", "--track.mode", "disabled"),
    *("--perception.batch_size", "16", "--perception.evaluation_batches", "1"),
    *("--perception.training.updates", str(UPDATES), "--perception.training.log_interval", str(LOG_INTERVAL)),
    *("--agent.perception", "features", "--agent.learning_starts", "100", "--agent.report_every", "100"),
    *("--agent.batch_size", "32", "--train.env_steps", "1500", "--train.checkpoint_seconds", "0"),
    *("--evaluate.interval", "750", "--evaluate.choose_episodes", "2", "--evaluate.episodes", "2"),
]
PERCEPTION_LINES = UPDATES // LOG_INTERVAL


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that nobody disturbed."""
    folder = tmp_path_factory.mktemp("runs") / "alone"
    finish("--run_dir", str(folder), *OPTIONS)
    return folder


def encoder_hash(folder: Path) -> str:
    return json.loads((folder / "perception" / "perception.json").read_text())["weights_sha256"]


@pytest.mark.slow
def test_a_run_judges_on_the_reported_split(alone: Path):
    scores = json.loads((alone / "evaluation.json").read_text())
    assert (scores["split"], scores["episodes"]) == ("test", 2)
    assert 0.0 <= scores["success_rate"] <= 1.0
    assert not (alone / "checkpoints" / "perception").exists()
    assert (alone / "episode.mp4").stat().st_size > 1000


@pytest.mark.slow
def test_a_run_killed_in_perception_and_in_the_agent_ends_in_the_same_bits(alone: Path, tmp_path: Path):
    folder = tmp_path / "killed"
    stop_at(PERCEPTION_LINES // 2, signal.SIGKILL, folder, "--run_dir", str(folder), *OPTIONS)
    stop_at(PERCEPTION_LINES + 1, signal.SIGKILL, folder, "--resume", str(folder))
    stop_at(PERCEPTION_LINES + 8, signal.SIGKILL, folder, "--resume", str(folder))
    finish("--resume", str(folder))
    assert_same_run(folder, alone)  # first the losses: they tell where two runs part
    assert encoder_hash(folder) == encoder_hash(alone)


@pytest.mark.slow
def test_a_run_interrupted_in_perception_is_saved(alone: Path, tmp_path: Path):
    folder = tmp_path / "interrupted"
    status, told = stop_at(2, signal.SIGINT, folder, "--run_dir", str(folder), *OPTIONS)
    assert (status, told) == (130, f"stopped and saved; go on with --resume {folder}\n")
    finish("--resume", str(folder))
    assert_same_run(folder, alone)  # first the losses: they tell where two runs part
    assert encoder_hash(folder) == encoder_hash(alone)


@pytest.mark.slow
def test_an_encoder_is_used_again_and_refused_for_another_camera(alone: Path, tmp_path: Path):
    given = [*OPTIONS, "--perception.path", str(alone / "perception")]
    folder = tmp_path / "given"
    finish("--run_dir", str(folder), *given, "--train.env_steps", "200")
    assert not (folder / "perception").exists()
    status, told = refused("--run_dir", str(tmp_path / "other"), *given, "--env.kwargs.image_size", "48")
    assert status == 2
    assert "was trained for" in told
    assert told.count("\n") == 1


def refused(*arguments: str) -> tuple[int, str]:
    process = start(*arguments)
    _, told = process.communicate(timeout=120)
    return process.returncode, told


@pytest.mark.slow
def test_an_agent_sees_through_maps_of_classes_and_changes_no_bit_of_the_encoder(
    alone: Path, tmp_path: Path
) -> None:
    given = [*OPTIONS, "--perception.path", str(alone / "perception"), "--agent.perception", "segmentation"]
    before = {path.name: path.read_bytes() for path in (alone / "perception").iterdir()}
    few = ["--train.env_steps", "200", "--evaluate.max_steps", "100"]
    finish("--run_dir", str(tmp_path / "run"), *given, *few)
    assert before == {path.name: path.read_bytes() for path in (alone / "perception").iterdir()}
    assert (tmp_path / "run" / "evaluation.json").exists()


@pytest.mark.slow
def test_an_encoder_for_another_mounting_of_the_camera_is_refused(alone: Path, tmp_path: Path):
    mounting = tmp_path / "mounting.yaml"
    mounting.write_text("env: {kwargs: {camera: {pitch: 0.6}}}\n")
    given = [*OPTIONS, "--config", str(mounting), "--perception.path", str(alone / "perception")]
    status, told = refused("--run_dir", str(tmp_path / "run"), *given)
    assert (status, told.count("\n")) == (2, 1)
    assert "was trained for" in told


@pytest.mark.slow
def test_more_episodes_than_roads_are_refused_before_anything_is_trained(tmp_path: Path):
    status, told = refused("--run_dir", str(tmp_path / "run"), *OPTIONS, "--evaluate.episodes", "9")
    assert (status, told.count("\n")) == (2, 1)
    assert "0 … 7" in told
    assert not (tmp_path / "run").exists()
