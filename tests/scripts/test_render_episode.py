import subprocess
import sys
from pathlib import Path

import imageio.v3 as imageio
import imageio_ffmpeg
import pygame
import pytest

from scripts import render_episode

USUAL = ["--env_kwargs.num_levels", "4"]


@pytest.mark.parametrize("policy", ["expert", "random"])
def test_a_policy_is_filmed(policy: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    film = tmp_path / "drive.gif"
    arguments = ["--policy", policy, "--save", str(film), "--seconds", "1", "--level", "2", *USUAL]
    assert render_episode.main(arguments) == 0
    assert imageio.imread(film).shape == (20, 300, 480, 3)
    assert "route completion" in capsys.readouterr().out


def test_the_seed_says_which_episode(tmp_path: Path):
    films = []
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        film = tmp_path / f"{name}.gif"
        arguments = ["--policy", "expert", "--save", str(film), "--seed", seed, "--seconds", "0.1", *USUAL]
        assert render_episode.main(arguments) == 0
        films.append(film.read_bytes())
    assert films[0] == films[1] != films[2]


def test_a_window_shows_an_episode(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pygame.time.Clock", Hurried)
    assert render_episode.main(["--policy", "random", "--split", "ood", *USUAL]) == 0
    assert "episode length" in capsys.readouterr().out


class Hurried:
    """A clock that waits for nothing."""

    def tick(self, rate: float) -> None:
        assert rate == 20.0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["runs/none"], "runs/none is missing: name the folder of a run, such as runs/NAME"),
        (["--policy", "expret"], "expret is missing: name the folder of a run"),
        (["--policy", "expert", "--save", "drive.avi"], "drive.avi must end in .mp4, .gif"),
        (["--policy", "expert", "--save", "no/folder/a.mp4"], "no/folder is no folder"),
        (
            ["--policy", "expert", "--split", "tset"],
            "split is 'tset'; it must be one of train, val, test, ood",
        ),
        (["--policy", "random", "--level", "4", *USUAL], "split 'test' has 0 … 3"),
        (["--policy", "random", "--env_kwargs.look", "foggy"], "look is 'foggy'; it must be one of"),
        (["--policy", "random", "--env_kwargs.colour", "red"], "has no option 'colour'"),
        (["--polcy", "random"], "there is no option polcy; did you mean policy?"),
        (["--policy", "random", "--seed", "-1"], "seed is -1; it must be 0 or greater"),
        (["--policy", "random", "--seconds", "0"], "seconds is 0.0; it must be above 0"),
        (["--seed", "one"], "seed: 'one' is not a whole number"),
    ],
)
def test_bad_input_is_one_sentence(arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]):
    assert render_episode.main(arguments) == 2
    told = capsys.readouterr().err
    assert sentence in told
    assert told.count("\n") == 1


@pytest.mark.parametrize("policy", ["human", "expert"])
def test_without_a_display_there_is_one_sentence(
    policy: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    pygame.display.quit()  # another test's window would do
    monkeypatch.setenv("SDL_VIDEODRIVER", "x11")
    monkeypatch.setenv("DISPLAY", ":97")
    assert render_episode.main(["--policy", policy, *USUAL]) == 2
    told = capsys.readouterr().err
    assert told.startswith("there is no display to open a window on")
    assert told.count("\n") == 1


@pytest.mark.slow
def test_a_run_is_filmed(driving_run: Path, tmp_path: Path):
    film = tmp_path / "drive.mp4"
    assert render_episode.main([str(driving_run), "--save", str(film), "--seconds", "1", "--level", "1"]) == 0
    assert imageio_ffmpeg.count_frames_and_secs(str(film)) == (20, 1.0)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["folder", "num_envs", "colour"])
def test_a_keyword_that_a_run_s_environment_does_not_know_is_one_sentence(
    name: str, driving_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    arguments = [str(driving_run), "--save", str(tmp_path / "drive.mp4"), f"--env_kwargs.{name}", "3"]
    assert render_episode.main(arguments) == 2
    told = capsys.readouterr().err
    assert name in told
    assert told.count("\n") == 1


@pytest.mark.slow
def test_a_run_of_another_environment_is_filmed(cartpole_run: Path, tmp_path: Path):
    film = tmp_path / "drive.gif"
    assert render_episode.main([str(cartpole_run), "--save", str(film)]) == 0
    assert imageio.imread(film).shape[1:] == (320, 480, 3)


@pytest.mark.slow
def test_a_person_without_a_run_does_not_wait_for_torch():
    program = (
        "import sys; sys.path.insert(0, '.'); import scripts.render_episode; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
