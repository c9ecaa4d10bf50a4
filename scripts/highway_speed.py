"""Steps per second of highway-env, from its image; run by a Python that has highway-env and nothing of ours.

highway-env brings pygame-ce, which would overwrite pygame: it has an environment of its own, `make highway`.
"""

import os
import sys
import time
from importlib import import_module

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")

import gymnasium as gym

SIZE = 64


def rate(seconds: float) -> float:
    """Steps per second of highway-fast-v0 in a plain loop, resets included, from 64 × 64 images.

    Its image has one channel, for which the colours are weighted; four channels are the default stack, here
    it is one, which is less work.
    """
    gym.register_envs(import_module("highway_env"))  # installed only where this runs
    observation = {
        "type": "GrayscaleObservation",
        "observation_shape": (SIZE, SIZE),
        "stack_size": 1,
        "weights": [0.2989, 0.5870, 0.1140],
        "scaling": 1.75,
    }
    env = gym.make("highway-fast-v0", config={"observation": observation, "offscreen_rendering": True})
    env.action_space.seed(0)
    env.reset(seed=0)
    steps, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        _, _, terminated, truncated, _ = env.step(env.action_space.sample())
        steps += 1
        if terminated or truncated:
            env.reset()
    return steps / (time.perf_counter() - start)


if __name__ == "__main__":
    print(rate(float(sys.argv[1])))
