from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import pytest

from envs.drawing import CLASS_COLOURS
from scripts import render_camera

USUAL = ["--columns", "3", "--zoom", "1", "--env_kwargs.num_levels", "4"]


def test_the_sheet_has_a_column_a_car(tmp_path: Path):
    path = tmp_path / "camera.png"
    assert render_camera.main([str(path), *USUAL]) == 0
    sheet = imageio.imread(path)[..., :3]
    assert sheet.shape == (3 * 66 - 2, 3 * 66 - 2, 3)
    classes = sheet[66:130, 66:130].reshape(-1, 3)
    assert {tuple(colour) for colour in classes} <= {tuple(colour) for colour in CLASS_COLOURS}
    assert not np.array_equal(sheet[:64, :64], sheet[:64, 66:130])
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["sheet.gif"], "save is 'sheet.gif'; it must be a png"),
        (["no/folder/sheet.png"], "it must be in a folder that exists"),
        (["sheet.png", "--columns", "0"], "columns is 0; it must be at least 1"),
        (["sheet.png", "--split", "tset"], "split is 'tset'"),
        ([], "save"),
    ],
)
def test_bad_input_is_one_sentence(arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]):
    assert render_camera.main(arguments) == 2
    told = capsys.readouterr().err
    assert sentence in told
    assert told.count("\n") == 1
