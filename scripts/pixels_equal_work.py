"""Learning from frames of 84×84×4 that cost nothing to make, by our DQN and by Stable-Baselines3's."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from agents.dqn import DQNConfig
from agents.runs.foreign import ForeignVectorEnv
from agents.runs.threads import THREADS, prepare_threads, threads_for
from benchmark_row import Row, Scope
from equal_work import Work, both, seconds_row

ENV_STEPS = 1_500
NUM_ENVS = 8  # of ours, whose recipe does not depend on the number; that of Stable-Baselines3 is for one
OURS = DQNConfig(
    encoder="nature",
    hidden_sizes=(),
    learning_rate=1e-4,
    batch_size=32,
    samples_per_step=8.0,  # an update of 32 for every fourth step
    replay_capacity=10_000,
    learning_starts=100,
    double=False,
    n_step=1,
    polyak=1.0,
    average_every=2_500,
    epsilon_steps=150,
)
THEIRS: dict[str, Any] = {"buffer_size": 10_000, "learning_starts": 100, "train_freq": 4}


class FreeFrames(gym.Env):
    """Stacks of noise that are drawn once an episode: what is timed is learning, and nothing else."""

    observation_space = spaces.Box(0, 255, (4, 84, 84), np.uint8)
    action_space = spaces.Discrete(5)
    length = 500

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Draw the frames of the episode."""
        super().reset(seed=seed)
        self.age, self.frames = 0, self.np_random.integers(0, 256, (4, 84, 84), dtype=np.uint8)
        return self.frames, {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Show them again."""
        self.age += 1
        return self.frames, 0.0, False, self.age >= self.length, {}


WORK = Work(
    OURS,
    partial(ForeignVectorEnv, FreeFrames, NUM_ENVS),
    "CnnPolicy",
    FreeFrames,
    THEIRS,
    ENV_STEPS,
)


def measure(scope: Scope) -> Iterator[Row]:
    """Seconds for updates of the Nature paper's network on 84×84×4 frames that cost nothing to make."""
    prepare_threads()
    threads_for("cnn")
    ours, theirs = both(WORK, scope)
    settings = {"seeds": list(scope.seeds), "env_steps": ENV_STEPS, "num_envs": NUM_ENVS}
    settings["threads"] = THREADS["cnn"]
    yield seconds_row("frames of 84×84×4, 350 updates of 32", ours, theirs, settings)
