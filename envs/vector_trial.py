"""A vector environment driven at random: everything that it gave, for `envs.vector_checker` to look at."""

from collections.abc import Callable, Iterator
from contextlib import closing
from copy import deepcopy
from typing import Any, NamedTuple

import numpy as np
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import concatenate, create_empty_array, iterate

MakeVectorEnv = Callable[[], VectorEnv]


class Moment(NamedTuple):
    """What a step gave; or a reset, which gives neither rewards nor flags."""

    obs: Any
    reward: Any
    terminated: Any
    truncated: Any
    info: dict[str, Any]

    @property
    def ended(self) -> np.ndarray:
        """(N,) bool: whose episode ended."""
        return np.asarray(self.terminated, np.bool_) | np.asarray(self.truncated, np.bool_)


class Step(NamedTuple):
    """A step of the batch."""

    number: int  # from 1
    before: Moment  # what the rows were when they were told their actions
    after: Moment
    reset: tuple[Moment, np.ndarray] | None  # before it, where rows were reset by hand: and which, (N,) bool


class Trial:
    """One environment driven at random, all that it gave, and what is needed to drive another.

    Args:
        make: gives a new environment.
        steps: of the batch.
        seed: of the environment and of the actions.
    """

    def __init__(self, make: MakeVectorEnv, steps: int, seed: int) -> None:
        self.make, self.steps, self.seed = make, steps, seed
        self.overwritten = ""  # the part of a step that the next one changed
        with closing(make()) as env:
            self.num_envs, self.spec, self.copies = env.num_envs, env.spec, getattr(env, "copy", True)
            self.spaces = env.observation_space, env.single_observation_space
            self.action_spaces = env.action_space, env.single_action_space
            self.mode = env.metadata.get("autoreset_mode")
            self.first, self.taken = self.drive(env)

    @property
    def moments(self) -> Iterator[tuple[str, Moment]]:
        """All that it gave, and how a sentence calls it."""
        yield "reset", self.first
        for step in self.taken:
            if step.reset:
                yield f"reset before step {step.number}", step.before
            yield f"step {step.number}", step.after

    def again(self, *, other_actions_when_ended: bool = False) -> tuple[Moment, list[Step]]:
        """What another environment gives from the same seed and actions."""
        with closing(self.make()) as env:
            return self.drive(env, other_actions_when_ended)

    def drive(self, env: VectorEnv, other_actions_when_ended: bool = False) -> tuple[Moment, list[Step]]:
        """Reset an environment and step it at random; the actions are a function of the seed alone."""
        env.action_space.seed(self.seed)
        others = deepcopy(env.action_space)
        others.seed(self.seed + 1)
        first = before = began(env, seed=self.seed)
        live, taken = None, []
        for number in range(1, self.steps + 1):
            ended, reset = before.ended, None
            if self.mode == AutoresetMode.DISABLED and ended.any():
                reset = before, ended
                before = began(env, options={"reset_mask": ended.copy()})
            action = env.action_space.sample()
            if other_actions_when_ended:
                action = self._mixed(action, others.sample(), ended)
            given = Moment(*env.step(action))
            self.overwritten = self.overwritten or (_changed(live, taken[-1].after) if live else "")
            live = given
            taken.append(Step(number, before, deepcopy(given), reset))
            before = taken[-1].after
        return first, taken

    def _mixed(self, action: Any, other: Any, chosen: np.ndarray) -> Any:
        batch, single = self.action_spaces
        rows = zip(iterate(batch, action), iterate(batch, other), chosen, strict=True)
        mixed = [theirs if taken else ours for ours, theirs, taken in rows]
        return concatenate(single, mixed, create_empty_array(single, self.num_envs))


def began(env: VectorEnv, **keywords: Any) -> Moment:
    """What a reset gives."""
    obs, info = env.reset(**keywords)
    nothing = np.zeros(env.num_envs, np.bool_)
    return deepcopy(Moment(obs, np.zeros(env.num_envs), nothing, nothing, info))


def _changed(live: Moment, kept: Moment) -> str:
    """The first part of what a step gave that is no longer what it was."""
    parts = zip(Moment._fields, live, kept, strict=True)
    return next((name for name, now, then in parts if not same(now, then)), "")


def same(one: Any, other: Any) -> bool:
    """Whether two of anything that environments give are equal, bit for bit."""
    return data_equivalence(one, other, exact=True)
