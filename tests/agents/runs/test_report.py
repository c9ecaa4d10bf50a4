import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread, imsave
from rich.console import Console

from agents.runs.folder import RunFolder
from agents.runs.metrics_file import MetricsFile
from agents.runs.report import draw_curves, print_evaluation, score_rows, write_report

SCORES = {
    "env": "Road-v0",
    "agent": "dqn",
    "split": "test",
    "episodes": 100,
    "mean_return": 12.5,
    "ci95": [11.0, 14.25],
    "success_rate": None,
}


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path)
    folder.config.write_text("env: {id: '<Road>'}\n")
    metrics = MetricsFile(folder.metrics)
    for update in range(5):
        metrics.write({"env_steps": 0, "perception/update": update, "perception/loss": 1.0 / (update + 1)})
    for env_steps in range(0, 500, 100):
        metrics.write({"env_steps": env_steps, "episode_return": env_steps / 10.0, "loss": 0.5})
    metrics.write({"env_steps": 500, "choose/mean_return": 60.0})
    metrics.close()
    return folder


def test_the_page_holds_everything_itself(folder: RunFolder):
    folder.episode.write_bytes(b"film")
    folder.perception.mkdir()
    imsave(folder.perception / "predictions.png", imread_of_ones())
    write_report(folder, SCORES)
    page = folder.report.read_text()
    assert page.count("data:image/png;base64,") == 2
    assert page.count("data:video/mp4;base64,") == 1
    assert not re.search(r"(src|href)='(?!data:)", page)
    assert "<td>mean return</td><td>12.500</td>" in page
    assert "id: &#x27;&lt;Road&gt;&#x27;" in page


def imread_of_ones():
    import numpy as np

    return np.ones((4, 4, 3))


def test_a_run_without_pictures_still_has_a_page(folder: RunFolder):
    write_report(folder, SCORES)
    page = folder.report.read_text()
    assert page.count("data:image/png;base64,") == 1
    assert "<video" not in page


def test_the_curves_are_a_picture_with_something_on_it(folder: RunFolder):
    write_report(folder, SCORES)
    picture = imread(folder.curves)
    assert picture.shape[0] > 300
    assert picture.std() > 0.01


def test_a_run_without_a_single_metric_still_has_a_page(tmp_path: Path):
    folder = RunFolder(tmp_path)
    folder.config.write_text("")
    folder.metrics.write_text("")
    write_report(folder, SCORES)
    assert folder.finished


def test_what_an_environment_does_not_have_is_left_out():
    assert [name for name, _ in score_rows(SCORES)] == [
        "env", "agent", "split", "episodes", "mean return", "ci95",
    ]  # fmt: skip
    assert dict(score_rows(SCORES))["ci95"] == "11.000 … 14.250"


def test_the_table_names_the_split(capsys: pytest.CaptureFixture[str]):
    print_evaluation(Console(width=80), SCORES)
    printed = capsys.readouterr().out
    assert "100 episodes of the test split" in printed
    assert "12.500" in printed


def test_a_legend_names_only_what_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    figures: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: figures.append(figure))
    draw_curves([{"env_steps": 1, "loss": 2.0}, {"env_steps": 2, "loss": 1.0}], tmp_path / "c.png")
    (axes,) = figures[0].axes
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["loss"]
    assert [np.asarray(line.get_ydata()).tolist() for line in axes.get_lines()] == [[2.0, 1.0]]
