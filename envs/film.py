"""Films on the disk, and an episode as a film."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import imageio_ffmpeg
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv

from envs.drawing import lap_share
from envs.driving.vector_env import DrivingVectorEnv

GIF_RATE, GIF_WIDTH, GIF_COLOURS = 20, 480, 128
MOST_STEPS = 30_000  # of an episode: where nothing ends it, this does
USUAL_RATE = 30  # frames a second, where an environment does not say
_GIF_FILTER = (
    f"scale=w='min({GIF_WIDTH},iw)':h=-1:flags=area,split[frames][sample];"
    f"[sample]palettegen=max_colors={GIF_COLOURS}:stats_mode=full[palette];"
    "[frames][palette]paletteuse=dither=none:diff_mode=rectangle"
)
_MP4_FILTER = "crop=trunc(iw/2)*2:trunc(ih/2)*2"  # its colours come for squares of four pixels
# What ffmpeg is told for each kind of file.
FORMATS = {
    ".mp4": f"-vf {_MP4_FILTER} -c:v libx264 -pix_fmt yuv420p -preset veryfast -crf 20 -f mp4".split(),
    ".gif": ["-filter_complex", _GIF_FILTER, "-f", "gif"],
}


def require_film(path: Path) -> None:
    """Check that a film can be written there.

    Raises:
        ValueError: the name does not end in a kind of file that is known, or the folder is missing.
    """
    if path.suffix not in FORMATS:
        raise ValueError(f"{path} must end in {', '.join(FORMATS)}")
    if path.exists() and not path.is_file():
        raise ValueError(f"{path} is there, and is no ordinary file: save elsewhere")
    if not path.parent.is_dir():
        raise ValueError(f"{path.parent} is no folder: create it, or save {path.name} elsewhere")


class Film:
    """A film being written: mp4, or gif with every n-th frame, at about `GIF_RATE`.

    It is there whole or not at all: written under another name, and given its own when the `with` block ends.

    Args:
        path: the file; its suffix says what kind.
        rate: frames a second.

    Attributes:
        frames: how many were given.

    Raises:
        ValueError: the path does not suit, see `require_film`.
    """

    def __init__(self, path: Path, rate: float) -> None:
        require_film(path)
        self.path, self.rate = path, rate
        self._stride = max(1, round(rate / GIF_RATE)) if path.suffix == ".gif" else 1
        self.frames = 0
        self._partial = path.with_name(f".partial-{path.name}")
        self._encoder: subprocess.Popen[bytes] | None = None

    def write(self, frame: np.ndarray) -> None:
        """Add a frame, (H, W, 3) uint8.

        Raises:
            OSError: it cannot be written; the message says why.
        """
        if self._encoder is None:
            self._encoder = self._start(frame.shape[1], frame.shape[0])
        if self.frames % self._stride == 0:
            assert self._encoder.stdin is not None
            try:
                self._encoder.stdin.write(np.ascontiguousarray(frame).data)
            except BrokenPipeError:
                self._finish(self._encoder)
        self.frames += 1

    def __enter__(self) -> "Film":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._encoder is not None and kind is None:
                self._finish(self._encoder)
                self._partial.replace(self.path)
            elif self._encoder is not None:
                self._encoder.kill()
                self._encoder.communicate()
        finally:
            self._partial.unlink(missing_ok=True)

    def _start(self, width: int, height: int) -> "subprocess.Popen[bytes]":
        size, rate = f"{width}x{height}", str(self.rate / self._stride)
        source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-r", rate, "-i", "-"]
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", *source]
        command += [*FORMATS[self.path.suffix], str(self._partial)]
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the program, which then ends the film in order
        )

    def _finish(self, encoder: "subprocess.Popen[bytes]") -> None:
        """Let the encoder come to its end.

        Raises:
            OSError: it failed.
        """
        told = encoder.communicate()[1].decode(errors="replace").strip()
        if encoder.returncode:
            reason = told.splitlines()[-1] if told else f"the encoder ended with {encoder.returncode}"
            raise OSError(f"{self.path} cannot be written: {reason}")


def record_episode(
    env: VectorEnv,
    act: Callable[[Any], np.ndarray],
    path: Path,
    seed: int,
    options: dict[str, Any] | None = None,
    seconds: float = np.inf,
    on_progress: Callable[[int, str], None] = lambda *_: None,
    to_its_end: bool = True,
) -> dict[str, float]:
    """Film what the first row of an environment draws while a policy drives one episode.

    Args:
        env: a vector environment with `render_mode="rgb_array"`, which does not reset in the same step.
        act: from the observations of all rows to their actions.
        path: mp4 or gif.
        seed: of the episode.
        options: for the environment's `reset`, such as `{"levels": 7}`.
        seconds: how much of the episode the film shows.
        on_progress: told how much of the lap is driven [%], where there are laps, and a note.
        to_its_end: whether the episode is driven on where the film is over.

    Returns:
        the metrics of the episode as far as it was driven, see `drive_episode`.

    Raises:
        ValueError: the path or the environment does not suit.
        OSError: the film cannot be written.
    """
    rate = float(env.metadata.get("render_fps") or USUAL_RATE)
    with Film(path, rate) as film:

        def keep(frame: np.ndarray) -> bool:
            film.write(frame)
            on_progress(_percent(env), "")
            return film.frames < seconds * rate

        metrics = drive_episode(env, act, seed, options, keep, to_its_end)
    on_progress(100, "")
    return metrics


def drive_episode(
    env: VectorEnv,
    act: Callable[[Any], np.ndarray],
    seed: int,
    options: dict[str, Any] | None = None,
    on_picture: Callable[[np.ndarray], bool] = lambda _: True,
    to_its_end: bool = True,
) -> dict[str, float]:
    """Drive one episode of the first row, drawing every step.

    Args:
        env: a vector environment that draws (or shows) itself, and does not reset in the same step.
        act: from the observations of all rows to their actions; its attribute `values` (A,), where it has
            one, is what it thinks of each action, and is drawn where the environment can.
        seed: of the episode.
        options: for the environment's `reset`.
        on_picture: takes each picture of the first row, (H, W, 3) uint8; false: no more pictures are needed.
        to_its_end: whether the episode is driven on where no more pictures are needed.

    Returns:
        `episode_return`, `episode_length` [steps] and every number that the environment tells at the end.

    Raises:
        ValueError: the environment resets in the same step.
    """
    if env.metadata.get("autoreset_mode") is AutoresetMode.SAME_STEP:
        raise ValueError("an episode's last picture is lost where the environment resets in the same step")
    obs, _ = env.reset(seed=seed, options=options)
    show = getattr(env.unwrapped, "show_action_values", None)
    wanted, total, steps = _draw(env, on_picture), 0.0, 0
    ended, info = False, {}
    while not ended and steps < MOST_STEPS and (wanted or to_its_end):
        obs, reward, terminated, truncated, info = env.step(act(obs))
        if show is not None:
            show(getattr(act, "values", None))
        total, steps = total + float(reward[0]), steps + 1
        wanted = wanted and _draw(env, on_picture)
        ended = bool(terminated[0] or truncated[0])
    return {"episode_return": total, "episode_length": float(steps), **told_numbers(info)}


def _draw(env: VectorEnv, on_picture: Callable[[np.ndarray], bool]) -> bool:
    pictures = env.render()
    return pictures is None or on_picture(np.asarray(pictures[0]))


def told_numbers(info: dict[str, Any]) -> dict[str, float]:
    """What a vector environment's `info` tells about the first row, where it is a number."""
    told = {name: values for name, values in info.items() if f"_{name}" in info and info[f"_{name}"][0]}
    arrays = {name: np.asarray(values) for name, values in told.items()}
    return {name: float(v[0]) for name, v in arrays.items() if v.ndim == 1 and v.dtype.kind in "biuf"}


def _percent(env: VectorEnv) -> int:
    cars = env.unwrapped
    return round(100 * lap_share(cars.simulator, 0)) if isinstance(cars, DrivingVectorEnv) else 0
