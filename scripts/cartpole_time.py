"""How long it takes until a pole is balanced: seconds of training alone, from the first step on."""

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from statistics import median

from agents.agent import Agent
from agents.registry import make_agent
from agents.runs.command_line import load_config
from agents.runs.config import RunConfig
from agents.runs.environments import Environments, make_environment
from agents.runs.evaluation import evaluate
from agents.runs.loop import Training
from agents.runs.seeding import derive_seed
from agents.runs.threads import prepare_threads
from benchmark_row import Row, Scope, row

CONFIGS = Path(__file__).parents[1] / "configs" / "classic"
FASTEST = "cartpole_fast.yaml", "cartpole_dqn.yaml"  # the first that there is
SEEDS = range(10)
EPISODES, BALANCED = 100, 475.0
LOOK_EVERY = 500  # environment steps
LONGEST = 120.0  # seconds


def measure(scope: Scope) -> Iterator[Row]:
    """Seconds until the mean of 100 episodes is 475, for ten seeds: the median and the worst of them."""
    prepare_threads()
    path = next(CONFIGS / name for name in FASTEST if (CONFIGS / name).is_file())
    config, limit = load_config(path), scope.seconds or LONGEST
    seconds_to_balance(config, 0, min(limit, 1.0))  # compiles
    taken = [seconds_to_balance(config, seed, limit) for seed in SEEDS]
    settings = {"config": path.name, "seconds": taken, "limit": limit, "look_every": LOOK_EVERY}
    known = [seconds for seconds in taken if seconds is not None]
    worst = max(known) if len(known) == len(taken) else None
    middle = sorted(seconds if seconds is not None else float("inf") for seconds in taken)
    half = median(middle)
    yield row("CartPole-v1 balanced, median of ten seeds", half if half < limit else None, "s", settings)
    yield row("CartPole-v1 balanced, worst of ten seeds", worst, "s", settings)


def seconds_to_balance(config: RunConfig, seed: int, limit: float) -> float | None:
    """Seconds of training until a look finds the pole balanced; the looks do not count. None: not in time."""
    environments = Environments(make_environment(config.env.id, config.env.num_envs), seed)
    seen = environments.observation_space, environments.action_space
    agent = make_agent(config.agent, *seen, derive_seed(seed, "agent"), "cpu")
    training, spent = Training(agent, environments), 0.0
    for target in range(LOOK_EVERY, config.train.env_steps + 1, LOOK_EVERY):
        start = time.perf_counter()
        for _ in training.train(target):
            pass
        spent += time.perf_counter() - start
        if spent > limit:
            break
        if balanced(agent, config.env.id, derive_seed(seed, "look")):
            return spent
    return None


def balanced(agent: Agent, env_id: str, seed: int) -> bool:
    """Whether the policy reaches the mark, over as many episodes as the mark is for."""
    make = partial(make_environment, env_id)
    return evaluate(agent, make, EPISODES, seed, name="agent")["mean_return"] >= BALANCED
