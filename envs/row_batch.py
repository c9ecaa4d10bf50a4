"""A vector environment of rows: seeds, episodes, resets. A world adds how a row begins, moves and looks."""

from abc import ABC, abstractmethod
from dataclasses import fields
from typing import Any, NamedTuple, TypeVar

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from envs.batching import as_autoreset_mode, reset_mask, reset_options, row_seeds, seed_words, whole_seed

ROW_FIELDS = [
    ("seed", np.uint64),
    ("episode", np.int64),
    ("step", np.int64),  # since the episode began
    ("ended", np.bool_),
]
RENDER_MODES = ("human", "rgb_array")


Config = TypeVar("Config")


def split_keywords(config: type[Config], keywords: dict[str, Any]) -> tuple[Config, dict[str, Any]]:
    """A world's configuration from the keywords that are its fields, and the keywords left for `RowBatch`."""
    names = {field.name for field in fields(config)}  # pyright: ignore[reportArgumentType]
    mine = {name: value for name, value in keywords.items() if name in names}
    return config(**mine), {name: value for name, value in keywords.items() if name not in names}


class Outcome(NamedTuple):
    """What a step gives, a row an environment; zeros for rows that were not active."""

    reward: np.ndarray  # (N,) float32
    terminated: np.ndarray  # (N,) bool
    truncated: np.ndarray  # (N,) bool
    figures: dict[str, np.ndarray]  # (N,) each, told in `info` of the rows whose episode ended


class RowBatch(VectorEnv, ABC):
    """Rows with `Discrete` actions and `Box` or `Discrete` observations, each with its own seed.

    `reset(seed=s)` seeds row i with s + i; its option `reset_mask`, (N,) bool, resets those rows alone.
    What a row does depends on its seed, its episode and its actions, never on the rows beside it.

    Args:
        num_envs: N, how many rows.
        observation_space: of one row.
        action_space: of one row.
        fields: names and types of what a row's state holds beside `ROW_FIELDS`.
        autoreset_mode: the mode, or its name.
        copy: whether observations that were handed out stay as they are.
        render_mode: human, rgb_array or none.

    Attributes:
        rows: (N,) records: the whole state.
    """

    metadata: dict[str, Any] = {
        "render_modes": list(RENDER_MODES),
        "render_fps": 10,
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

    def __init__(
        self,
        num_envs: int,
        observation_space: spaces.Box | spaces.Discrete,
        action_space: spaces.Discrete,
        fields: list[tuple],
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        copy: bool = True,
        render_mode: str | None = None,
    ) -> None:
        if type(num_envs) is not int or num_envs < 1:
            raise ValueError(f"num_envs is {num_envs!r}; it must be a whole number above 0.")
        if render_mode not in (None, *RENDER_MODES):
            raise ValueError(f"render_mode is {render_mode!r}; it must be human, rgb_array or none.")
        self.num_envs, self.copy, self.render_mode = num_envs, copy, render_mode
        self.autoreset_mode = as_autoreset_mode(autoreset_mode)
        self.metadata = {**self.metadata, "autoreset_mode": self.autoreset_mode}
        self.single_observation_space, self.single_action_space = observation_space, action_space
        self.observation_space = batch_space(observation_space, num_envs)
        self.action_space = batch_space(action_space, num_envs)
        self.rows = np.zeros(num_envs, np.dtype([*ROW_FIELDS, *fields]))
        self._obs = np.zeros((num_envs, *(observation_space.shape or ())), observation_space.dtype)
        self._begun = False
        self._window: Any = None

    # A world that steps its rows by a kernel of its own needs neither of these two.

    def _begin(self, chosen: np.ndarray) -> None:
        """Set the state of the chosen rows, (N,) bool, to the start of their episode."""
        raise NotImplementedError

    def _advance(self, active: np.ndarray, actions: np.ndarray) -> Outcome:
        """Move the active rows, (N,) bool, by actions (N,) int64; `step` already counts this step."""
        raise NotImplementedError

    @abstractmethod
    def _observe(self, out: np.ndarray) -> None:
        """Write every row's observation into `out`, (N, …)."""

    @abstractmethod
    def _draw(self, row: int) -> np.ndarray:
        """A picture of a row, (H, W, 3) uint8."""

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin new episodes.

        Raises:
            ValueError: the seed or the mask do not fit the batch, or an option is unknown.
        """
        options = reset_options(options)
        chosen = self._chosen(options.pop("reset_mask", None))
        if options:
            raise ValueError(f"reset knows no option {next(iter(options))!r}; it knows reset_mask.")
        self._seed(seed, chosen)
        self._next_episodes(chosen)
        self._begun = True
        return self._seen(), {}

    def step(self, actions: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Step every row; actions (N,).

        Raises:
            ValueError: an action is no whole number or outside the space, or the shape is wrong.
            RuntimeError: `reset` was not called, or, without autoreset, an ended row was not reset.
        """
        if not self._begun:
            raise RuntimeError("step was called before reset.")
        actions = self._checked(actions)
        ended = self.rows["ended"].copy()
        if self.autoreset_mode is AutoresetMode.DISABLED and ended.any():
            raise RuntimeError(f"row {ended.argmax()} has ended; reset it (in a batch by reset_mask).")
        if ended.any():
            self._next_episodes(ended)
        self.rows["step"] += ~ended
        reward, terminated, truncated, figures = self._advance(~ended, actions)
        over = terminated | truncated
        self.rows["ended"] = over
        obs, info = self._seen(), {}
        if over.any():
            info = _told(figures, over)
            if self.autoreset_mode is AutoresetMode.SAME_STEP:
                obs, info = self._reset_ended(over, obs, info)
        return obs, reward, terminated, truncated, info

    def _reset_ended(
        self, over: np.ndarray, last: np.ndarray, info: dict[str, Any]
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin the next episode of rows that have just ended; their last observation goes into `info`."""
        final = np.full(self.num_envs, None, object)
        for n in np.flatnonzero(over):
            final[n] = last[n].copy()
        self._next_episodes(over)
        return self._seen(), {"final_obs": final, "_final_obs": over, "final_info": info, "_final_info": over}

    def _next_episodes(self, chosen: np.ndarray) -> None:
        self.rows["episode"][chosen] += 1
        self.rows["step"][chosen] = 0
        self.rows["ended"][chosen] = False
        self._begin(chosen)

    def _seen(self) -> np.ndarray:
        self._observe(self._obs)
        return self._obs.copy() if self.copy else self._obs

    def _checked(self, actions: Any) -> np.ndarray:
        actions, space = np.asarray(actions), self.single_action_space
        assert isinstance(space, spaces.Discrete)
        if actions.shape != (self.num_envs,) or actions.dtype.kind not in "iu":
            raise ValueError(
                f"actions have shape {actions.shape} and type {actions.dtype}; "
                f"expected ({self.num_envs},) whole numbers."
            )
        wrong = (actions < 0) | (actions >= space.n)
        if wrong.any():
            raise ValueError(f"action {actions[wrong][0]} is not in 0 … {space.n - 1}.")
        return actions.astype(np.int64)

    def _chosen(self, mask: Any) -> np.ndarray:
        everyone = mask is None or not self._begun
        return np.ones(self.num_envs, np.bool_) if everyone else reset_mask(mask, self.num_envs)

    def _seed(self, seed: Any, chosen: np.ndarray) -> None:
        """Seed the chosen rows; rows given no seed go on with their own, or draw one if they have none."""
        seeds = row_seeds(seed, self.num_envs)
        if seed is not None and not isinstance(seed, list | tuple | np.ndarray):
            super().reset(seed=abs(whole_seed(seed)))
        words, given = seed_words(seeds, self._begun, self.np_random)
        self.rows["seed"][chosen & given] = words[chosen & given]
        self.rows["episode"][chosen & given] = -1

    def state_dict(self) -> dict[str, np.ndarray]:
        """Everything that the next steps depend on; `load_state_dict` continues bit for bit."""
        return {"rows": self.rows.view(np.uint8).reshape(self.num_envs, -1).copy()}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Take over a state.

        Raises:
            ValueError: the state is of another batch or another world.
        """
        mine = self.rows.view(np.uint8).reshape(self.num_envs, -1)
        if state.keys() != {"rows"} or state["rows"].shape != mine.shape:
            raise ValueError(f"the state belongs to another environment than this {type(self).__name__}.")
        mine[:] = state["rows"]
        self._begun = True

    def render(self) -> tuple[np.ndarray, ...] | None:
        """One picture a row, (H, W, 3) uint8 (`rgb_array`), or the first row in a window (`human`)."""
        if self.render_mode is None:
            return None
        if not self._begun:
            raise RuntimeError("render was called before reset.")
        if self.render_mode == "rgb_array":
            return tuple(self._draw(n) for n in range(self.num_envs))
        if self._window is None:
            from envs.window import Window

            self._window = Window()
        if not self._window.closed:
            self._window.show(self._draw(0), self.metadata["render_fps"])
        return None

    def close_extras(self, **kwargs: Any) -> None:
        """Close the window, if one is open."""
        if self._window is not None:
            self._window.close()
            self._window = None


def _told(figures: dict[str, np.ndarray], over: np.ndarray) -> dict[str, Any]:
    """Figures of the rows whose episode ended, as `info` has them: zeros elsewhere, and a mask to each."""
    info: dict[str, Any] = {}
    for name, values in figures.items():
        info[name], info[f"_{name}"] = np.where(over, values, np.zeros((), values.dtype)), over.copy()
    return info
