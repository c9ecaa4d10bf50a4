from pathlib import Path

import pytest

from scripts import record_frames, train_perception

FEW = ["--batches", "3", "--batch_size", "16", "--env_kwargs.image_size", "[32,48]"]
FEW += ["--env_kwargs.num_levels", "4"]
LEARN = ["--env.id", "Hairpin/Traffic-v0", "--env.kwargs.image_size", "[32,48]"]
LEARN += ["--env.kwargs.num_levels", "4", "--track.mode", "disabled", "--perception.batch_size", "16"]
LEARN += ["--perception.training.updates", "4", "--perception.evaluation_batches", "1"]


def test_an_encoder_learns_from_stored_scenes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames = tmp_path / "frames"
    assert record_frames.main([str(frames), "--scene", "true", *FEW]) == 0
    assert "48 frames of Hairpin/Traffic-v0 (train)" in capsys.readouterr().out
    data = ["--perception.data", str(frames), "--perception.network.scene", "true", *LEARN]
    assert train_perception.main(["--run_dir", str(tmp_path / "run"), *data]) == 0
    assert "pq/road" in capsys.readouterr().out
    flat = ["--perception.data", str(frames), *LEARN]  # asks for no depth, and these have it
    assert train_perception.main(["--run_dir", str(tmp_path / "flat"), *flat]) == 2
    assert "things" in capsys.readouterr().err
    shard = next(frames.glob("shard-*"))
    shard.write_bytes(shard.read_bytes()[:-1])
    assert train_perception.main(["--run_dir", str(tmp_path / "broken"), *data]) != 0
    said = " ".join(capsys.readouterr().err.split())
    assert "is truncated or altered" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--env_id", "CartPole-v1"], "env_id is 'CartPole-v1'"),
        (["--batches", "0"], "batches is 0"),
        (["--split", "none"], "none"),
        (["--env_kwargs.image_size", "[4,4]"], "image_size"),
    ],
)
def test_bad_input_is_one_sentence(
    tmp_path: Path, words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert record_frames.main([str(tmp_path / "frames"), *words]) == 2
    said = capsys.readouterr().err
    assert sentence in " ".join(said.split())
    assert "Traceback" not in said
