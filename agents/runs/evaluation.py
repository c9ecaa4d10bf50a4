"""Evaluation: each of N episodes driven once to its end, never the first N to finish."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv

from agents.agent import Agent, Observation
from agents.exact import exact_scores, told_model
from agents.runs.episodes import numbers_of_row
from agents.runs.seeding import derive_seed, generator
from agents.runs.statistics import bootstrap_interval, interquartile_mean

Policy = Callable[[Observation, VectorEnv], np.ndarray]
"""Actions of all rows from their observations; an expert may look into the environment."""

ROWS = 128  # most episodes at once
MAX_STEPS = 30_000  # of an episode; one that nothing ends is cut off there
PATIENCE = 16  # steps after which a listener is told how many episodes have ended, even if it is as many


def evaluate(
    policy: Agent | Policy,
    make_env: Callable[[int], VectorEnv],
    episodes: int,
    seed: int,
    *,
    name: str,
    split: str | None = None,
    max_steps: int = MAX_STEPS,
    on_episodes: Callable[[int], None] = lambda finished: None,
) -> dict[str, Any]:
    """Score a policy on `episodes` levels, or seeds where the environment has no levels.

    `make_env` makes an environment of so many rows, of that split. `name` is what the policy is called, and
    `on_episodes` is told how many episodes have ended. Seeds are apart from those of training. An episode of
    `max_steps` steps is cut off: it counts as `unfinished`, and as no `success` where others tell of one.

    Returns env, agent, split (None without levels), episodes, what `summarise` tells, and the exact return
    where the environment tells its finite model.

    Raises:
        ValueError: `episodes` is not positive, or the environment has no such split.
    """
    if episodes < 1:
        raise ValueError(f"evaluate.episodes is {episodes}; it must be at least 1")
    rows: list[dict[str, float]] = []
    heading: dict[str, Any] = {}
    while len(rows) < episodes:
        env = make_env(min(ROWS, episodes - len(rows)))
        try:
            levelled = _has_levels(env, split)
            heading = heading or _heading(policy, env, name, split if levelled else None)
            chunk = _Chunk(env, derive_seed(seed, "evaluation"), len(rows), levelled)
            act = _Greedy(policy, env.num_envs) if isinstance(policy, Agent) else policy
            for finished in chunk.play(act, max_steps):
                on_episodes(len(rows) + finished)
            rows += chunk.episodes
        finally:
            env.close()
    _count_unfinished(rows)
    return heading | {"episodes": episodes} | summarise(rows, generator(seed, "evaluation", "bootstrap"))


def _heading(policy: Agent | Policy, env: VectorEnv, name: str, split: str | None) -> dict[str, Any]:
    """What is judged and where; and what `agents.exact` says of an agent, where there is a model to ask."""
    model = told_model(env, env.single_observation_space, env.single_action_space)
    exact = exact_scores(policy, model) if model is not None and isinstance(policy, Agent) else {}
    return {"env": _env_id(env), "agent": name, "split": split, **exact}


def _count_unfinished(rows: list[dict[str, float]]) -> None:
    """Where any episode was cut off, say of each whether it was, and count it among the failures."""
    if any("unfinished" in row for row in rows):
        told = any("success" in row for row in rows)
        for row in rows:
            row.setdefault("unfinished", 0.0)
            if told:
                row.setdefault("success", 0.0)


def summarise(rows: list[dict[str, float]], bootstrap: np.random.Generator) -> dict[str, Any]:
    """Means over episodes: return, length, and every number that the environment told at the ends.

    Of the return also the interquartile mean, and the mean's interval of 95 %. `success_rate` is None where
    the environment tells no `success`.
    """
    returns = np.array([row["return"] for row in rows])
    names = dict.fromkeys(name for row in rows for name in row if name not in ("return", "length", "success"))
    means = {name: float(np.mean([row[name] for row in rows if name in row])) for name in names}
    successes = [row["success"] for row in rows if "success" in row]
    return {
        "mean_return": float(returns.mean()),
        "iqm_return": interquartile_mean(returns),
        "ci95": list(bootstrap_interval(returns, bootstrap)),
        "success_rate": float(np.mean(successes)) if successes else None,
        "mean_length": float(np.mean([row["length"] for row in rows])),
        **means,
    }


class _Chunk:
    """The episodes `first`, `first` + 1, … of an evaluation: the first of each row of one environment."""

    def __init__(self, env: VectorEnv, seed: int, first: int, levelled: bool):
        self.env = env
        self.seed = seed + first
        self.options = {"levels": first + np.arange(env.num_envs)} if levelled else None
        self.episodes: list[dict[str, float]] = [{} for _ in range(env.num_envs)]

    def play(self, act: Policy, max_steps: int) -> Iterator[int]:
        """Step until every row has ended once or is cut off; yields how many have, now and then."""
        obs, _ = self.env.reset(seed=self.seed, options=self.options)
        playing = np.ones(self.env.num_envs, np.bool_)
        returns = np.zeros(self.env.num_envs)
        for length in range(1, max_steps + 1):
            obs, reward, terminated, truncated, info = self.env.step(act(obs, self.env))
            returns += np.asarray(reward) * playing
            ended = playing & (terminated | truncated)
            for row in np.flatnonzero(ended).tolist():
                told = {"return": float(returns[row]), "length": float(length)}
                self.episodes[row] = told | numbers_of_row(info, row)
            playing &= ~ended
            if ended.any() or length % PATIENCE == 0:
                yield int(np.count_nonzero(~playing))
            if not playing.any():
                return
        for row in np.flatnonzero(playing).tolist():
            self.episodes[row] = {
                "return": float(returns[row]),
                "length": float(max_steps),
                "unfinished": 1.0,
            }
        yield len(playing)


class _Greedy:
    """An agent as a policy of one environment, with the memory that goes with it."""

    def __init__(self, agent: Agent, num_envs: int):
        self.agent = agent
        self.state = agent.initial_state(num_envs)

    def __call__(self, obs: Observation, env: VectorEnv) -> np.ndarray:
        action, self.state = self.agent.act_greedily(obs, self.state)
        return action


def _env_id(env: VectorEnv) -> str:
    spec = env.unwrapped.spec
    return spec.id if spec else type(env.unwrapped).__name__


def _has_levels(env: VectorEnv, split: str | None) -> bool:
    splits = env.unwrapped.metadata.get("splits")
    if splits is None:
        return False
    if split not in splits:
        raise ValueError(f"evaluate.split is {split!r}; {_env_id(env)} has {', '.join(splits)}")
    return True
