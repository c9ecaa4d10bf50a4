"""A run's policy, with what it sees through and where it acts."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from gymnasium.vector import VectorEnv
from safetensors import SafetensorError
from safetensors.torch import load as from_safetensors

from agents.agent import Agent, Observation, ScoresActions, TellsValues
from agents.devices import find_device
from agents.exact import told_model
from agents.registry import make_agent
from agents.runs.build import make_env, splits_of
from agents.runs.command_line import load_config
from agents.runs.config import RunConfig
from agents.runs.errors import RunError
from agents.runs.evaluation import evaluate
from agents.runs.folder import RunFolder
from agents.runs.seeding import derive_seed
from vision.networks import PerceptionNetwork
from vision.storage import PerceptionError, load_perception


class GreedyPolicy:
    """An agent's best actions for one row, from its observations; it remembers what it must.

    Attributes:
        values: (A,) what the agent thought of each action; None where it does not tell.
    """

    def __init__(self, agent: Agent) -> None:
        self._agent, self._state = agent, agent.initial_state(1)
        self.values: np.ndarray | None = None

    def __call__(self, obs: Observation) -> np.ndarray:
        """The action."""
        if isinstance(self._agent, ScoresActions):
            self.values = self._agent.scores(obs, self._state)[0]
        action, self._state = self._agent.act_greedily(obs, self._state)
        return action


@dataclass(frozen=True)
class TrainedRun:
    """A policy with everything it is trained with."""

    config: RunConfig
    agent: Agent
    encoder: PerceptionNetwork | None
    splits: tuple[str, ...]

    @property
    def reported_split(self) -> str | None:
        """The split of the final evaluation; None where the environment has no splits."""
        return self.config.evaluate.split if self.splits else None

    def make_env(self, num_envs: int, split: str | None = None, /, **overrides: Any) -> VectorEnv:
        """Environments as the agent sees them; `overrides` replace the run's keyword arguments.

        Raises:
            ValueError: the environment refuses a keyword argument.
        """
        return make_env(self.config, self.encoder, num_envs, split, **overrides)

    def watched_env(self, split: str | None = None, /, **overrides: Any) -> VectorEnv:
        """One environment to be looked at: a finite world shows what the agent's table says of its states."""
        env = self.make_env(1, split, **overrides)
        seen = env.single_observation_space, env.single_action_space
        if isinstance(self.agent, TellsValues) and told_model(env, *seen) is not None:
            cast(Any, env.unwrapped).show_values(self.agent.q_values())
        return env

    def greedy_policy(self) -> GreedyPolicy:
        """The policy for one row."""
        return GreedyPolicy(self.agent)

    def evaluate(
        self,
        split: str | None,
        episodes: int,
        seed: int | None = None,
        on_episodes: Callable[[int], None] = lambda _: None,
        /,
        **overrides: Any,
    ) -> dict[str, Any]:
        """Judge the policy on episodes of a split, each on a level of its own.

        Args:
            split: one of the environment's splits; ignored where it has none.
            episodes: number of episodes.
            seed: seed of the episodes; None is the one of the run's own final evaluation.
            on_episodes: called with the number of episodes done, now and then; may raise to stop.
            **overrides: keyword arguments that replace the run's, such as another look.

        Raises:
            RunError: there is no such split, or a keyword argument does not suit.
        """
        if self.splits and split not in self.splits:
            raise RunError(f"split is {split!r}; {self.config.env.id} has {', '.join(self.splits)}")
        split = split if self.splits else None

        try:
            if overrides:
                self._require_same_sight(split, overrides)
            return evaluate(
                self.agent,
                lambda rows: self.make_env(rows, split, **overrides),
                episodes,
                derive_seed(self.config.seed, "evaluate") if seed is None else seed,
                name=self.config.agent.name,
                split=split,
                max_steps=self.config.evaluate.max_steps,
                on_episodes=on_episodes,
            )
        except ValueError as fault:
            raise RunError(str(fault)) from fault

    def _require_same_sight(self, split: str | None, overrides: dict[str, Any]) -> None:
        """Refuse keyword arguments that show the agent something else, or give it other actions.

        Raises:
            ValueError: names them.
        """
        own, other = self.make_env(1, split), self.make_env(1, split, **overrides)
        same = own.single_observation_space == other.single_observation_space
        if not same or own.single_action_space != other.single_action_space:
            raise ValueError(f"with {overrides} the environment does not fit the agent of this run")


def load_run(path: Path, device: str = "auto") -> TrainedRun:
    """The best policy of a run, finished or not.

    Raises:
        RunError: one sentence: the folder is missing, not a run's, has no policy yet, or was altered.
    """
    folder = RunFolder(path)
    folder.require_run()
    config = load_config(folder.config)
    if not folder.policy.is_file():
        raise RunError(f"{path} has no policy yet: go on with train_agent.py --resume {path}")
    try:
        device = str(find_device(device))
        encoder = load_encoder(config, folder, device)
        env = make_env(config, encoder, 1)
        agent = make_agent(
            config.agent, env.single_observation_space, env.single_action_space, config.seed, device
        )
        splits = splits_of(env)
        env.close()
        weights = from_safetensors(folder.policy.read_bytes())
    except (ValueError, RuntimeError, SafetensorError) as fault:
        raise RunError(f"{path}: {fault}") from fault
    try:
        agent.load_policy_state_dict(weights)
    except (ValueError, RuntimeError, KeyError) as fault:
        raise RunError(f"{folder.policy} holds another network than {folder.config} describes") from fault
    return TrainedRun(config, agent, encoder, splits)


def load_encoder(
    config: RunConfig, folder: RunFolder, device: str, schema: dict[str, Any] | None = None
) -> PerceptionNetwork | None:
    """The encoder of a run, where its agent sees through one: a given one, or the run's own.

    Raises:
        RunError: it is missing, altered, or made for another camera than `schema` says.
    """
    if not config.needs_encoder:
        return None
    try:
        return load_perception(config.perception.path or folder.perception, schema, device)
    except PerceptionError as fault:
        raise RunError(str(fault)) from fault
