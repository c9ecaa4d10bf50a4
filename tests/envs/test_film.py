import resource
import subprocess
from pathlib import Path
from typing import Any

import gymnasium as gym
import imageio.v3 as imageio
import imageio_ffmpeg
import numpy as np
import pytest
from gymnasium.vector import SyncVectorEnv
from gymnasium.wrappers import TimeLimit

from envs.drivers import make_driver
from envs.driving.vector_env import DrivingVectorEnv
from envs.film import Film, drive_episode, record_episode, told_numbers

Metrics = dict[str, float]


def make_batch(num_envs: int = 1, **keywords: Any) -> DrivingVectorEnv:
    return DrivingVectorEnv(
        num_envs, **{"num_levels": 4, "obs": "state", "render_mode": "rgb_array", **keywords}
    )


def read_film(path: Path) -> np.ndarray:
    """Frames (T, H, W, 3). An mp4 is not read by imageio: that leaves its pipes open."""
    if path.suffix == ".gif":
        return imageio.imread(path)
    width, height = next(imageio_ffmpeg.read_frames(str(path)))["source_size"]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3)


def write(path: Path, count: int, rate: float = 20.0) -> None:
    with Film(path, rate) as film:
        for number in range(count):
            film.write(np.full((48, 64, 3), 10 * number, np.uint8))


@pytest.mark.parametrize("name", ["film.mp4", "film.gif"])
def test_a_film_has_the_frames_it_was_given(name: str, tmp_path: Path):
    write(tmp_path / name, 20)
    assert list(tmp_path.iterdir()) == [tmp_path / name]
    frames = read_film(tmp_path / name)
    assert frames.shape == (20, 48, 64, 3)
    assert np.allclose(frames.mean(axis=(1, 2, 3)), np.arange(20) * 10, atol=4)


def test_a_fast_gif_keeps_every_second_frame(tmp_path: Path):
    write(tmp_path / "film.gif", 9, rate=40.0)
    frames = read_film(tmp_path / "film.gif")
    assert np.allclose(frames.mean(axis=(1, 2, 3)), [0, 20, 40, 60, 80], atol=4)
    assert imageio.immeta(tmp_path / "film.gif")["duration"] == 50  # [ms]


def test_a_film_has_the_rate_it_was_given(tmp_path: Path):
    write(tmp_path / "film.mp4", 20, rate=10.0)
    frames, seconds = imageio_ffmpeg.count_frames_and_secs(str(tmp_path / "film.mp4"))
    assert frames == 20
    assert seconds == pytest.approx(2.0, abs=0.05)


def test_a_large_gif_is_made_small_and_an_odd_mp4_even(tmp_path: Path):
    frame = np.zeros((301, 961, 3), np.uint8)
    for name in ("film.gif", "film.mp4"):
        with Film(tmp_path / name, 20.0) as film:
            film.write(frame)
            film.write(frame)
    assert read_film(tmp_path / "film.gif").shape[-2] == 480
    assert read_film(tmp_path / "film.mp4").shape[1:] == (300, 960, 3)


@pytest.mark.parametrize(
    ("name", "sentence"), [("film.avi", "must end in .mp4, .gif"), ("none/film.mp4", "is no folder")]
)
def test_a_path_that_does_not_suit_is_refused(name: str, sentence: str, tmp_path: Path):
    with pytest.raises(ValueError, match=sentence):
        Film(tmp_path / name, 20.0)


def test_a_film_that_was_cut_short_leaves_what_there_was(tmp_path: Path):
    path = tmp_path / "film.mp4"
    path.write_bytes(b"an older film")

    def interrupted() -> None:
        with Film(path, 20.0) as film:
            film.write(np.zeros((48, 64, 3), np.uint8))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == b"an older film"


def test_a_full_disk_is_one_sentence(tmp_path: Path):
    frames = np.random.default_rng(0).integers(0, 256, (40, 256, 256, 3), np.uint8)

    def filming() -> None:
        with Film(tmp_path / "film.mp4", 20.0) as film:
            for frame in frames:
                film.write(frame)

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises(OSError, match="film.mp4 cannot be written: "):
            filming()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []


def drive(env: DrivingVectorEnv, path: Path | None = None, **keywords: Any) -> Metrics:
    act = make_driver("expert", env, 0)
    if path is None:
        return drive_episode(env, act, 3, {"levels": 2})
    return record_episode(env, act, path, 3, {"levels": 2}, **keywords)


@pytest.fixture(scope="module")
def whole() -> Metrics:
    """The episode that is filmed, not filmed."""
    return drive(make_batch(render_mode=None))


def test_an_episode_is_driven_to_its_end(whole: Metrics):
    assert whole["success"] == 1.0
    assert whole["route_completion"] == pytest.approx(1.0, abs=0.01)
    assert whole["episode_return"] > 50.0
    assert 5.0 < whole["mean_speed"] < 15.0


def test_a_whole_episode_has_a_frame_a_step_and_one_for_the_start(tmp_path: Path):
    told: list[int] = []
    path, env = tmp_path / "a.mp4", make_batch()

    def leave_the_road(obs: Any) -> np.ndarray:
        return np.array([14])

    metrics = record_episode(
        env, leave_the_road, path, 3, on_progress=lambda percent, _: told.append(percent)
    )
    assert metrics["off_road"] == 1.0
    assert len(read_film(path)) == len(told) - 1 == metrics["episode_length"] + 1
    assert told[0] == 0
    assert told[-1] == 100


def test_the_first_seconds_are_filmed_and_the_whole_episode_is_judged(whole: Metrics, tmp_path: Path):
    assert drive(make_batch(), tmp_path / "a.gif", seconds=1.5) == whole
    frames = read_film(tmp_path / "a.gif")
    assert frames.shape == (30, 300, 480, 3)
    assert np.abs(frames[0].astype(int) - frames[-1]).mean() > 2.0


def test_an_episode_may_end_with_its_film(whole: Metrics, tmp_path: Path):
    metrics = drive(make_batch(), tmp_path / "a.mp4", seconds=1.5, to_its_end=False)
    assert metrics["episode_length"] == len(read_film(tmp_path / "a.mp4")) - 1 == 29
    assert metrics["episode_length"] < whole["episode_length"]


def test_what_an_environment_tells_beside_numbers_is_left_out():
    """Taxi's `action_mask` has a number for each action."""
    info = {"mask": np.ones((2, 6), np.int8), "speed": np.array([3.0, 4.0]), "late": np.array([1.0, 2.0])}
    info |= {"_mask": np.ones(2, np.bool_), "_speed": np.ones(2, np.bool_), "_late": np.zeros(2, np.bool_)}
    assert told_numbers(info) == {"speed": 3.0}


def test_an_episode_that_nothing_ends_is_cut_off(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("envs.film.MOST_STEPS", 12)
    metrics = drive(make_batch(render_mode=None))
    assert metrics["episode_length"] == 12.0
    assert "success" not in metrics


def test_other_rows_do_not_touch_the_film_of_the_first(whole: Metrics):
    assert drive(make_batch(3, render_mode=None)) == whole


def test_a_row_that_resets_in_the_same_step_cannot_be_filmed():
    with pytest.raises(ValueError, match="resets in the same step"):
        drive(make_batch(autoreset_mode="SameStep"))


def test_an_environment_of_another_kind_is_filmed_as_it_draws_itself(tmp_path: Path):
    env = SyncVectorEnv([lambda: TimeLimit(gym.make("CartPole-v1", render_mode="rgb_array"), 5)])
    metrics = record_episode(env, make_driver("random", env, 0), tmp_path / "a.gif", 0)
    assert metrics["episode_length"] == metrics["episode_return"] == 5.0
    assert read_film(tmp_path / "a.gif").shape[0] == 3  # at 25 of its 50 frames a second
    env.close()
