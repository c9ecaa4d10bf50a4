"""What the training loop costs beside the bare environment: random actions, nothing learnt."""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from gymnasium import Space, spaces

import envs  # noqa: F401  registers its ids
from agents.agent import AgentState, Observation, Transition
from agents.runs.environments import Environments, make_environment
from agents.runs.loop import Training
from benchmark_row import Row, Scope, row

NUM_ENVS = 32
STEPS = 200  # of all rows, in a turn
WARM_UP = 2_000  # compiles, and builds what is built once
SECONDS = 10.0
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "CartPole-v1": ("CartPole-v1", {}),
    "LaneFollow, camera": ("Hairpin/LaneFollow-v0", {"num_levels": 8}),
    "LaneFollow, state": ("Hairpin/LaneFollow-v0", {"num_levels": 8, "obs": "state"}),
}
"""Name → environment; on few roads, so that none is built while the clock runs."""


class RandomAgent:
    """Acts at random and learns nothing."""

    def __init__(self, action_space: Space, seed: int):
        assert isinstance(action_space, spaces.Discrete)
        self.first_action, self.num_actions = int(action_space.start), int(action_space.n)
        self.generator = np.random.default_rng(seed)

    def initial_state(self, num_envs: int) -> AgentState:
        """Nothing."""
        return None

    def act(self, obs: Observation, state: AgentState) -> tuple[np.ndarray, AgentState]:
        """Draw an action for each row."""
        return self.first_action + self.generator.integers(self.num_actions, size=NUM_ENVS), state

    act_greedily = act

    def observe(self, transition: Transition) -> None:
        """Forget it."""

    def learn(self, env_steps: int) -> Iterator[dict[str, float]]:
        """Learn nothing."""
        return iter(())

    def state_dict(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take nothing back."""

    policy_state_dict, load_policy_state_dict = state_dict, load_state_dict


def overhead(scope: Scope) -> Iterator[Row]:
    """How much longer a step takes in the training loop, with random actions, than alone, with drawn ones."""
    for case, (env_id, kwargs) in CASES.items():
        loop, bare = Loop(env_id, kwargs), Bare(env_id, kwargs)
        loop.turn(WARM_UP)
        bare.turn(WARM_UP)
        turns, end = [], time.perf_counter() + (scope.seconds or SECONDS)
        while time.perf_counter() < end:
            turns.append((loop.turn(STEPS), bare.turn(STEPS)))
        in_loop, alone = (min(taken) for taken in zip(*turns, strict=True))  # what disturbs only adds
        settings = {"num_envs": NUM_ENVS, "steps_per_second": 1 / in_loop, "bare": 1 / alone, **kwargs}
        name = f"{case} × {NUM_ENVS}, overhead of the training loop"
        yield row(name, 100 * (in_loop / alone - 1), "%", settings)


class Loop:
    """Environments in the training loop."""

    def __init__(self, env_id: str, kwargs: dict[str, Any]):
        self.environments = Environments(make_environment(env_id, NUM_ENVS, kwargs), 0)
        self.training = Training(RandomAgent(self.environments.action_space, 0), self.environments)

    def turn(self, steps: int) -> float:
        """Seconds for a step of one row, over about so many of all."""
        start, before = time.perf_counter(), self.environments.env_steps
        for _ in self.training.train(before + steps * NUM_ENVS):
            pass
        return (time.perf_counter() - start) / (self.environments.env_steps - before)


class Bare:
    """The same environments alone, with actions that were drawn before."""

    def __init__(self, env_id: str, kwargs: dict[str, Any]):
        self.env = make_environment(env_id, NUM_ENVS, kwargs)
        self.env.action_space.seed(0)
        self.actions = [self.env.action_space.sample() for _ in range(WARM_UP)]
        self.env.reset(seed=0)
        self.ended = np.zeros(NUM_ENVS, np.bool_)

    def turn(self, steps: int) -> float:
        """Seconds for a step of one row; rows that are only being reset do not count."""
        counted, start = 0, time.perf_counter()
        for action in self.actions[:steps]:
            _, _, terminated, truncated, _ = self.env.step(action)
            counted += NUM_ENVS - np.count_nonzero(self.ended)
            self.ended = terminated | truncated
        return (time.perf_counter() - start) / counted
