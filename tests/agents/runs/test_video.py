import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np

from agents.runs.video import write_video


def read_film(path: Path, height: int, width: int) -> np.ndarray:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3)


def test_a_film_has_the_frames_it_was_given(tmp_path: Path):
    frames = (np.full((48, 64, 3), 10 * number, np.uint8) for number in range(20))
    write_video(frames, tmp_path / "film.mp4", frames_per_second=10)
    assert list(tmp_path.iterdir()) == [tmp_path / "film.mp4"]
    film = read_film(tmp_path / "film.mp4", 48, 64)
    assert np.allclose(film.mean((1, 2, 3)), np.arange(20) * 10, atol=4)


def test_a_film_has_the_rate_it_was_given(tmp_path: Path):
    frames = (np.zeros((48, 64, 3), np.uint8) for _ in range(20))
    write_video(frames, tmp_path / "film.mp4", frames_per_second=10)
    _, seconds = imageio_ffmpeg.count_frames_and_secs(str(tmp_path / "film.mp4"))
    assert abs(seconds - 2.0) < 0.1
