"""Agents whose values are a table: one class for all update rules, on any environment with few states.

Deviations from the books: an action is chosen before the update, from the values that the target reads; rows
of several environments share one table; α falls with the visits of a state and action.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from gymnasium import Space
from jaxtyping import Float

from agents.agent import NonFiniteLossError, Practice, Transition
from agents.tabular.compiled import finite_model, new_walkers, practice_since, walk
from agents.tabular.config import TabularConfig
from agents.tabular.exploration import scheduled
from agents.tabular.learner import arrays_of, new_learner, put_back
from agents.tabular.spaces import ActionNumbers, StateNumbers, require_table
from agents.tabular.stepping import answer, follow


class TabularAgent:
    """Explores by a table of action values, learns from every step at once, is judged by the best actions.

    Attributes:
        env_steps: environment steps told to `learn`.

    Raises:
        ValueError: the spaces do not suit it.
    """

    def __init__(
        self,
        config: TabularConfig,
        observation_space: Space,
        action_space: Space,
        seed: int,
        device: str = "auto",
    ):
        self.config, self.seed = config, seed
        bins = config.bins, config.low, config.high, config.unbounded
        self.states, self.actions = StateNumbers(observation_space, *bins), ActionNumbers(action_space)
        require_table(self.states, self.actions)
        self.env_steps = 0
        self._model: Any = None
        self._prepare(1)

    def q_values(self) -> Float[np.ndarray, "S A"]:
        """What every action of every state is thought to be worth; a copy."""
        return self.learner.tables.q.copy()

    def initial_state(self, num_envs: int) -> None:
        """Nothing: what to do depends on the current observation alone."""
        return None

    def act(self, obs: Any, state: None) -> tuple[np.ndarray, None]:
        """The actions that were chosen when these observations were learnt from; new ones at a beginning."""
        states = self.states.encode(obs)
        self._require_rows(len(states))
        answer(self.learner, self.walkers, states)
        return self.actions.decode(self.walkers.action.copy()), None

    def act_greedily(self, obs: Any, state: None) -> tuple[np.ndarray, None]:
        """Choose the best action by the table; the first of several."""
        return self.actions.decode(self.learner.tables.q[self.states.encode(obs)].argmax(-1)), None

    def observe(self, transition: Transition) -> None:
        """Learn from one step of all environments, row by row."""
        states, next_states = self.states.encode(transition.obs), self.states.encode(transition.next_obs)
        self._require_rows(len(states))
        ended = np.logical_or(transition.terminated, transition.truncated)
        follow(
            self.learner,
            self.walkers,
            (states, self.actions.encode(transition.action), next_states),
            np.array(transition.reward, np.float64),
            (np.array(transition.terminated, np.bool_), ended, np.array(transition.ignored, np.bool_)),
        )

    def practise(self, model: Any, env_steps: int, num_envs: int) -> Practice | None:
        """Learn in a model for up to so many steps; None where it steps environments instead.

        Takes at least one step of every row, and no more than a report needs.
        """
        if not self.config.use_model:
            return None
        self._require_rows(num_envs)
        if self._model is None:
            self._model = finite_model(model)
        report_every = self.config.report_every
        steps = min(env_steps, report_every - int(self.walkers.counts[0]) % report_every)
        before = self.walkers.counts.copy()
        walk(self.learner, self._model, self.walkers, -(-steps // num_envs))
        return practice_since(before, self.walkers)

    def learn(self, env_steps: int) -> Iterator[dict[str, float]]:
        """Report every `report_every` steps; the learning is done already.

        Raises:
            NonFiniteLossError: at a report, when a value is not finite.
        """
        reported = self.env_steps // self.config.report_every
        self.env_steps = env_steps
        if env_steps // self.config.report_every > reported:
            self._require_finite()
            yield self._report()

    def state_dict(self) -> dict[str, Any]:
        """Tables, memories, keys and counters, as they are now: copy what must not change.

        Raises:
            NonFiniteLossError: the table is spoilt.
        """
        self._require_finite()
        return {
            "num_rows": len(self.walkers.state),
            "env_steps": self.env_steps,
            "keys": np.array(self.learner.keys, np.uint64),
            "tables": arrays_of(self.learner.tables),
            "rule": arrays_of(self.learner.rule),
            "walkers": arrays_of(self.walkers),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self._prepare(state["num_rows"])
        self.env_steps = state["env_steps"]
        keys = type(self.learner.keys)(*state["keys"])
        self.learner = self.learner._replace(keys=keys)
        put_back(self.learner.tables, state["tables"])
        put_back(self.learner.rule, state["rule"])
        put_back(self.walkers, state["walkers"])

    def policy_state_dict(self) -> dict[str, Any]:
        """The table."""
        return {"q": torch.from_numpy(self.q_values())}

    def load_policy_state_dict(self, state: dict[str, Any]) -> None:
        """Take back the table.

        Raises:
            ValueError: it is another one.
        """
        table, ours = state.get("q"), self.learner.tables.q
        if table is None or table.shape != ours.shape:
            raise ValueError(f"its policy is no table of {ours.shape[0]} states and {ours.shape[1]} actions")
        ours[...] = table.numpy()

    def _prepare(self, num_rows: int) -> None:
        """Begin anew, for so many environments."""
        sizes = self.states.number, self.actions.number, num_rows
        self.learner, self.walkers = new_learner(self.config, *sizes, self.seed), new_walkers(num_rows)

    def _require_rows(self, num_rows: int) -> None:
        """Begin with as many rows as there turn out to be.

        Raises:
            ValueError: it has begun with another number.
        """
        if num_rows == len(self.walkers.state):
            return
        if self.walkers.counts.any():
            raise ValueError(
                f"{self.config.name} learns from {len(self.walkers.state)} environments, not from {num_rows}"
            )
        table = self.learner.tables.q
        self._prepare(num_rows)
        self.learner.tables.q[...] = table

    def _require_finite(self) -> None:
        if not np.isfinite(self.learner.tables.q).all():
            raise NonFiniteLossError(self.env_steps, int(self.walkers.counts[0]))

    def _report(self) -> dict[str, float]:
        learner = self.learner
        metrics = {"visited": float((learner.tables.visits > 0).mean())}
        if self.config.exploration in ("epsilon_greedy", "softmax"):
            name = "epsilon" if self.config.exploration == "epsilon_greedy" else "temperature"
            metrics[name] = float(scheduled(learner.exploration, self.env_steps))
        return metrics | {"highest_value": float(learner.tables.q.max())}
