"""How far and how fast the tabular agents learn in a finite model, measured without a run around them."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

from gymnasium import spaces

from agents.exact import FARSIGHTED, exact_return
from agents.tabular.agent import TabularAgent
from agents.tabular.config import (
    DoubleQConfig,
    DynaQConfig,
    PrioritizedSweepingConfig,
    QLambdaConfig,
    QLearningConfig,
    TabularConfig,
)

NUM_ROWS = 8
SHARED: dict[str, Any] = {
    "discount": FARSIGHTED,
    "learning_rate_power": 0.55,
    "epsilon_end": 0.3,
    "exploration_steps": 3_000_000,
}
BACKED_UP: dict[str, Any] = SHARED | {"learning_rate_power": 0.0}
RECIPES: dict[str, tuple[TabularConfig, int]] = {
    "q-learning": (QLearningConfig(**SHARED), 10_000_000),
    "double-q": (DoubleQConfig(**SHARED), 20_000_000),
    "q-lambda": (QLambdaConfig(**SHARED, trace_decay=0.5), 8_000_000),
    "dyna-q": (DynaQConfig(**SHARED, planning_steps=2), 6_000_000),
    "prioritized-sweeping": (PrioritizedSweepingConfig(**BACKED_UP, planning_steps=2), 2_000_000),
}
"""Agent's name → what finds the optimum of the 8 × 8 lake, the cliff and the taxi, and in how many steps."""


def learnt(config: TabularConfig, model: Any, env_steps: int, seed: int = 0) -> TabularAgent:
    """An agent that has learnt for so many steps in a model."""
    num_states, num_actions, _ = model.next_state.shape
    whole = replace(config, report_every=env_steps)
    agent = TabularAgent(whole, spaces.Discrete(num_states), spaces.Discrete(num_actions), seed)
    agent.practise(model, env_steps, NUM_ROWS)
    return agent


def learnt_return(config: TabularConfig, model: Any, env_steps: int, seed: int) -> float:
    """The exact return of what an agent has learnt."""
    return exact_return(model, learnt(config, model, env_steps, seed).q_values().argmax(-1))


def learnt_returns(name: str, model: Any, seeds: Sequence[int], most_steps: int, threads: int) -> list[float]:
    """The exact return that an agent's recipe comes to, for each seed, in at most so many steps."""
    config, env_steps = RECIPES[name]
    with ThreadPoolExecutor(threads) as pool:
        run = partial(learnt_return, config, model, min(env_steps, most_steps))
        return list(pool.map(run, seeds))


def updates_per_second(config: TabularConfig, model: Any, env_steps: int, threads: int) -> float:
    """Environment steps learnt from in a second, by one learner in each of several threads, all together."""
    learnt(config, model, NUM_ROWS)  # compiles
    with ThreadPoolExecutor(threads) as pool:
        start = time.perf_counter()
        list(pool.map(partial(learnt, config, model, env_steps), range(threads)))
        return threads * env_steps / (time.perf_counter() - start)
