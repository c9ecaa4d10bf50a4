import json
from pathlib import Path

import pytest
import train_classifier


def test_it_prints_and_writes_what_it_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "out.json"
    words = ["--network", "two_three_one", "--data", "zeros_and_ones", "--training.epochs", "10"]
    words += ["--training.learning_rate", "0.05", "--folds", "3", "--json", str(path)]
    assert train_classifier.main(words) == 0
    found = json.loads(path.read_text())
    shown = capsys.readouterr().out
    assert f"accuracy {found['accuracy']:.4f}" in shown
    assert f"{found['wrong']} of 360 wrong" in shown
    assert found["accuracy"] == pytest.approx(1 - found["wrong"] / 360)
    assert len(found["folds"]) == 3
    assert found["interval"][0] <= found["accuracy"] <= found["interval"][1]
    assert found["accuracy"] > 0.8


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--network", "none"], "network is 'none'"),
        (["--data", "none"], "data is 'none'"),
        (["--folds", "1"], "folds is 1"),
        (["--network", "ten_twenty", "--data", "photographs"], "ten_twenty does not take samples of shape"),
        (["--training.epochs", "0"], "epochs is 0"),
        (["--network", "two_three_one", "--data", "zeros_and_ones", "--folds", "900"], "900 folds of 360"),
    ],
)
def test_bad_input_is_one_sentence(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train_classifier.main(words) == 2
    said = capsys.readouterr().err
    assert sentence in " ".join(said.split())
    assert "Traceback" not in said
