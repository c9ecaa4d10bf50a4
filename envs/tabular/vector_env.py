"""The vector environment of finite worlds: many rows, one call."""

import hashlib
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode

from envs.row_batch import RowBatch
from envs.tabular.model import FiniteModel
from envs.tabular.rows import FIELDS, Outcomes, begin_rows, model_arrays, step_rows
from envs.tabular.values import Shown, as_shown
from envs.tabular.world import World
from envs.tabular.worlds import make_world


class FiniteVectorEnv(RowBatch):
    """A finite world as a batch of rows; observations are the numbers of states.

    The time limit is the world's own `max_steps`, and truncates.

    Args:
        num_envs: number of rows.
        world: the name of one of `WORLDS`, or any `World`.
        autoreset_mode: what becomes of rows that end: the mode or its name.
        copy: whether arrays that were handed out stay as they are.
        render_mode: human, rgb_array or none.
        options: of the world, where it is given by its name.

    Attributes:
        world: what is played.
    """

    metadata: dict[str, Any] = {**RowBatch.metadata, "render_fps": 5}

    def __init__(
        self,
        num_envs: int = 1,
        world: str | World = "Lake",
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        copy: bool = True,
        render_mode: str | None = None,
        **options: Any,
    ) -> None:
        if isinstance(world, World) and options:
            raise TypeError(f"a world that is given whole takes no option {next(iter(options))!r}.")
        self.world = world if isinstance(world, World) else make_world(world, **options)
        states, actions = (spaces.Discrete(n) for n in (self.model.num_states, self.model.num_actions))
        super().__init__(num_envs, states, actions, FIELDS, autoreset_mode, copy, render_mode)
        self._arrays = model_arrays(self.model)
        self._kept = self._fresh_outcomes()
        self._shown: Shown | None = None
        self._viewer: Any = None

    @property
    def model(self) -> FiniteModel:
        """The chances and rewards by which the rows are played."""
        return self.world.model

    def step(self, actions: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Step every row; actions (N,). One kernel does in one pass what `RowBatch.step` does in many.

        Raises:
            ValueError: an action is not a whole number or outside the space, or there is not one a row.
            RuntimeError: `reset` was not called, or, without autoreset, an ended row was not reset.
        """
        if not self._begun:
            raise RuntimeError("step was called before reset.")
        actions = self._checked(actions)
        if self.autoreset_mode is AutoresetMode.DISABLED and self.rows["ended"].any():
            row = self.rows["ended"].argmax()
            raise RuntimeError(f"row {row} has ended; reset it (in a batch by reset_mask).")
        outcomes = self._fresh_outcomes() if self.copy else self._kept
        ends = step_rows(self.rows, actions, self._arrays, outcomes)
        obs, reward, terminated, truncated = outcomes
        info: dict[str, Any] = {}
        if ends:
            over = terminated | truncated
            info = self._told(outcomes, over)
            if self.autoreset_mode is AutoresetMode.SAME_STEP:
                obs, info = self._reset_ended(over, obs, info)
        return obs, reward, terminated, truncated, info

    def show_values(self, values: Any, discount: float = 0.99) -> None:
        """Draw values over the board from now on, with the actions that are greedy by them.

        Args:
            values: of actions, (S, A), or of states, (S,); None: draw no values any more.
            discount: with which greedy actions are found, one step ahead, where the values are of states.

        Raises:
            ValueError: the values have another shape, or are not finite.
        """
        self._shown = None if values is None else as_shown(self.model, values, discount)

    def state_dict(self) -> dict[str, np.ndarray]:
        """Everything that the next steps depend on; `load_state_dict` continues bit for bit."""
        return {**super().state_dict(), "model": self._fingerprint()}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Take over a state.

        Raises:
            ValueError: the state is of another batch or another world.
        """
        if not np.array_equal(state.get("model", ()), self._fingerprint()):
            raise ValueError("the state belongs to another finite world, or to one with other options.")
        super().load_state_dict({name: part for name, part in state.items() if name != "model"})

    def _next_episodes(self, chosen: np.ndarray) -> None:
        begin_rows(self.rows, chosen, self._arrays.start)

    def _observe(self, out: np.ndarray) -> None:
        out[:] = self.rows["state"]

    def _draw(self, row: int) -> np.ndarray:
        if self._viewer is None:
            from envs.tabular.viewer import BoardViewer

            self._viewer = BoardViewer(self.world.layout)
        return self._viewer.picture(int(self.rows["state"][row]), self._shown)

    def _told(self, outcomes: Outcomes, over: np.ndarray) -> dict[str, Any]:
        """What `info` tells of rows that have just ended."""
        if self.world.goals is None:
            return {}
        reached = outcomes.terminated & self.world.goals[outcomes.obs]
        survived = outcomes.truncated & self.world.survival
        return {"success": reached | survived, "_success": over.copy()}

    def _fresh_outcomes(self) -> Outcomes:
        n = self.num_envs
        return Outcomes(np.empty(n, np.int64), np.empty(n), np.empty(n, np.bool_), np.empty(n, np.bool_))

    def _fingerprint(self) -> np.ndarray:
        """(32,) uint8 that differs from model to model."""
        model = self.model
        digest = hashlib.sha256(f"{model.next_state.shape} {model.max_steps}".encode())
        for array in (model.next_state, model.probability, model.reward, model.terminated, model.start):
            digest.update(np.ascontiguousarray(array).data)
        return np.frombuffer(digest.digest(), np.uint8).copy()
