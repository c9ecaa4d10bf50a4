"""A film of one episode, from what the environment itself draws."""

import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from gymnasium.vector import VectorEnv

from agents.runs.trained import TrainedRun

LONGEST = 3000  # frames
USUAL_RATE = 30  # frames a second, where the environment does not say


def record_episode(run: TrainedRun, path: Path) -> None:
    """Drive one episode of the reported split greedily and write it as mp4.

    Raises:
        ValueError: the environment cannot draw.
    """
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")  # a film needs no window
    env = run.make_env(1, run.reported_split, render_mode="rgb_array")
    try:
        write_video(episode_frames(run, env), path, round(env.metadata.get("render_fps") or USUAL_RATE))
    finally:
        env.close()


def episode_frames(run: TrainedRun, env: VectorEnv) -> Iterator[np.ndarray]:
    """Frames of one greedy episode, uint8 of shape (H, W, 3) each.

    Raises:
        ValueError: the environment draws nothing.
    """
    obs, _ = env.reset(seed=run.config.seed)
    state = run.agent.initial_state(1)
    for _ in range(LONGEST):
        frames = env.render()
        if frames is None:
            raise ValueError(f"{run.config.env.id} draws no pictures (render_mode='rgb_array')")
        yield np.asarray(frames[0])
        action, state = run.agent.act_greedily(obs, state)
        obs, _, terminated, truncated, _ = env.step(action)
        if terminated[0] or truncated[0]:
            return


def write_video(frames: Iterator[np.ndarray], path: Path, frames_per_second: int) -> None:
    """Write frames, uint8 of shape (H, W, 3), as H.264 in mp4; a film is there whole or not at all."""
    first = next(frames)
    height, width, _ = first.shape
    partial = path.with_name(f".partial-{path.name}")
    writer = imageio_ffmpeg.write_frames(
        str(partial), (width, height), fps=frames_per_second, macro_block_size=2, ffmpeg_log_level="error"
    )
    writer.send(None)
    for frame in chain([first], frames):
        writer.send(np.ascontiguousarray(frame))
    writer.close()
    partial.replace(path)
