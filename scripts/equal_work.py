"""Our DQN and Stable-Baselines3's at the same work, one after the other in the same process."""

import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any, NamedTuple

import gymnasium as gym
from gymnasium.vector import VectorEnv
from stable_baselines3 import DQN as PeerDQN

from agents.agent import Agent
from agents.dqn import DQN, DQNConfig
from agents.runs.environments import Environments
from agents.runs.evaluation import Policy
from agents.runs.loop import Training
from benchmark_row import Peer, Row, Scope, row

PEER_NAME = "Stable-Baselines3 DQN"
WARM_UP = 32  # environment steps after the first update


class Work(NamedTuple):
    """The same learning, once by ours and once by Stable-Baselines3."""

    ours: DQNConfig
    make_env: Callable[[], VectorEnv]
    policy: str
    their_env: Callable[[], gym.Env]
    theirs: Mapping[str, Any]
    env_steps: int


class Learnt(NamedTuple):
    """What came of it."""

    seconds: float
    updates: int
    policy: Agent | Policy


def both(work: Work, scope: Scope) -> tuple[list[Learnt], list[Learnt]]:
    """Ours and theirs in turns, so that what slows the machine down slows both; each has been warmed up."""
    short = work._replace(env_steps=work.ours.learning_starts + WARM_UP)
    train_ours(short, 0)
    if scope.peers:
        train_theirs(short, 0)
    ours, theirs = [], []
    for seed in scope.seeds:
        ours.append(train_ours(work, seed))
        theirs += [train_theirs(work, seed)] if scope.peers else []
    return ours, theirs


def train_ours(work: Work, seed: int) -> Learnt:
    """Our agent in our loop, nothing else of a run around it."""
    environments = Environments(work.make_env(), seed)
    seen = environments.observation_space, environments.action_space
    agent = DQN(work.ours, *seen, seed, "cpu")
    start = time.perf_counter()
    for _ in Training(agent, environments).train(work.env_steps):
        pass
    seconds = time.perf_counter() - start
    environments.close()
    return Learnt(seconds, agent.learner.twins.updates, agent)


def train_theirs(work: Work, seed: int) -> Learnt:
    """Stable-Baselines3's agent in its own loop."""
    model = PeerDQN(work.policy, work.their_env(), seed=seed, device="cpu", **work.theirs)
    start = time.perf_counter()
    model.learn(work.env_steps)
    seconds = time.perf_counter() - start
    return Learnt(seconds, model._n_updates, lambda obs, _: model.predict(obs, deterministic=True)[0])


def seconds_row(name: str, ours: list[Learnt], theirs: list[Learnt], settings: Row) -> Row:
    """Medians over seeds side by side."""
    taken, beside = ([learnt.seconds for learnt in runs] for runs in (ours, theirs))
    settings = settings | {"seconds": taken, "peer_seconds": beside, "updates": ours[0].updates}
    settings |= {"peer_updates": theirs[0].updates} if theirs else {}
    peer = Peer(PEER_NAME, median(beside), median(beside) / median(taken)) if beside else None
    return row(name, median(taken), "s", settings, peer)
