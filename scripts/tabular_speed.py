"""Tabular agents: updates a second, and how surely they find the exact optimum."""

import time
from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np

import envs  # noqa: F401  registers its ids
from agents.exact import stationary_optimum
from agents.tabular.mastery import RECIPES, learnt_returns, updates_per_second
from benchmark_row import Peer, Row, Scope, row

LEARNER = "q-learning"
STEPS = 10_000_000  # of each thread
THREADS = 2
SEEDS = range(30)
SECONDS = 5.0
WORLDS: dict[str, tuple[str, dict[str, Any], int]] = {
    "the 4×4 lake": ("Lake", {"size": 4}, 2_000_000),
    "the 8×8 lake": ("Lake", {"size": 8}, 20_000_000),
    "the cliff": ("Cliff", {}, 2_000_000),
    "the taxi": ("Taxi", {}, 2_000_000),
}
"""What it is called → our world, its options, and the most steps of a learner in it."""
TIMED = "the 8×8 lake"
TOLERANCE = 1e-9


def model_of(name: str) -> Any:
    """The finite model of one of our worlds."""
    world, kwargs, _ = WORLDS[name]
    env: Any = gym.make(f"Hairpin/{world}-v0", **kwargs)
    return env.unwrapped.model


def updates(scope: Scope) -> Iterator[Row]:
    """Updates a second of compiled Q-learning on the 8 × 8 lake, beside a plain loop over Gymnasium's."""
    config, _ = RECIPES[LEARNER]
    steps = STEPS if scope.seconds is None else int(STEPS * min(scope.seconds / SECONDS, 1))
    rate = updates_per_second(config, model_of(TIMED), steps, THREADS)
    settings = {"threads": THREADS, "env_steps": steps}
    theirs = plain_rate(scope.seconds or SECONDS) if scope.peers else None
    peer = Peer("Python and Gymnasium, one process", theirs, rate / theirs) if theirs else None
    yield row(f"Q-learning on {TIMED}", rate, "updates/s", settings, peer)


def exact(scope: Scope) -> Iterator[Row]:
    """How many of thirty seeds end in a policy whose exact return is the optimum."""
    for name, (_, env_steps) in RECIPES.items():
        for world, (_, _, most_steps) in WORLDS.items():
            model, steps = model_of(world), min(env_steps, most_steps)
            optimum = stationary_optimum(model)
            returns = learnt_returns(name, model, SEEDS, steps, THREADS)
            found = sum(value >= optimum - TOLERANCE for value in returns)
            settings = {"seeds": len(SEEDS), "env_steps": steps, "optimum": optimum, "worst": min(returns)}
            yield row(
                f"seeds on which {name} finds the optimum of {world}", found, f"of {len(SEEDS)}", settings
            )


def plain_rate(seconds: float) -> float:
    """Updates a second of Q-learning as a textbook writes it."""
    env = gym.make("FrozenLake-v1", map_name="8x8")
    q, generator = np.zeros((64, 4)), np.random.default_rng(0)
    obs, _ = env.reset(seed=0)
    steps, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        for _ in range(100):
            greedy = generator.random() >= 0.1
            action = int(q[obs].argmax()) if greedy else int(generator.integers(4))
            next_obs, reward, terminated, truncated, _ = env.step(action)
            target = float(reward) + 0.99 * (not terminated) * q[next_obs].max()
            q[obs, action] += 0.1 * (target - q[obs, action])
            obs = env.reset()[0] if terminated or truncated else next_obs
        steps += 100
    return steps / (time.perf_counter() - start)
