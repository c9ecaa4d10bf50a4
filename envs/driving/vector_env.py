"""The vector environment: many cars, one call."""

from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from envs.batching import as_autoreset_mode, reset_mask, reset_options, row_seeds, seed_words, whole_seed
from envs.driving.actions import action_space, controls, discrete_towards
from envs.driving.config import RENDER_MODES, DrivingConfig
from envs.driving.experts import expert_for
from envs.driving.levels import SPLITS
from envs.driving.metrics import METRICS, ROAD_METRICS
from envs.driving.observations import Observation, Observer, observation_space
from envs.driving.params import CONTROL_STEP
from envs.driving.simulator import Simulator, as_bytes

_FLAGS = ("success", "off_road", "timeout")


class DrivingVectorEnv(VectorEnv):
    """A driving task as a batch of rows, each with its own seed, road and look.

    `reset(seed=s)` seeds row i with s + i. Options of `reset`: `levels`, an integer or (N,) integers, pins
    the road of each row; `reset_mask`, (N,) bool, resets those rows alone.
    """

    metadata: dict[str, Any] = {
        "render_modes": list(RENDER_MODES),
        "render_fps": round(1 / CONTROL_STEP),
        "autoreset_mode": AutoresetMode.NEXT_STEP,
        "splits": SPLITS,
    }

    def __init__(
        self,
        num_envs: int = 1,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        copy: bool = True,
        render_mode: str | None = None,
        **keywords: Any,
    ) -> None:
        if type(num_envs) is not int or num_envs < 1:
            raise ValueError(f"num_envs is {num_envs!r}; it must be a whole number above 0.")
        if render_mode not in (None, *RENDER_MODES):
            raise ValueError(f"render_mode is {render_mode!r}; it must be human, rgb_array or none.")
        self.config = DrivingConfig.from_keywords(keywords)
        self.num_envs, self.copy, self.render_mode = num_envs, copy, render_mode
        self.autoreset_mode = as_autoreset_mode(autoreset_mode)
        fps = round(1 / CONTROL_STEP / self.config.frame_skip)
        self.metadata = {**self.metadata, "autoreset_mode": self.autoreset_mode, "render_fps": fps}
        self.single_observation_space = observation_space(self.config)
        self.single_action_space: spaces.Space[Any] = action_space(self.config.actions)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.simulator = Simulator(self.config, num_envs)
        self._observer = Observer(self.config, self.simulator, copy)
        self._expert = expert_for(self) if self.config.expert else None
        self._controls = np.zeros((num_envs, 2), np.float32)
        self._everyone, self._none = np.ones(num_envs, np.bool_), np.zeros(num_envs, np.bool_)
        self._begun = False
        self._viewer: Any = None
        self._values: np.ndarray | None = None

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin new episodes.

        Raises:
            ValueError: the seed, the mask or the levels do not fit the batch.
        """
        options = reset_options(options)
        mask = self._mask(options.pop("reset_mask", None))
        levels = self._levels(options)
        if options:
            raise ValueError(
                f"reset knows no option {next(iter(options))!r}; it knows levels and reset_mask."
            )
        self._seed(seed, mask)
        self.simulator.begin(mask, levels)
        self._begun = True
        return self._observer.observe(mask, self._none), self._with_told({})

    def step(self, actions: Any) -> tuple[Observation, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Step every row; actions (N,) or (N, 2).

        Raises:
            ValueError: an action is not a number or outside the space, or its shape is wrong.
            RuntimeError: `reset` was not called, or, without autoreset, an ended row was not reset.
        """
        if not self._begun:
            raise RuntimeError("step was called before reset.")
        controls(self.config.actions, actions, self._controls)
        ended = self.simulator.rows["ended"].copy()
        if self.autoreset_mode is AutoresetMode.DISABLED and ended.any():
            raise RuntimeError(f"row {ended.argmax()} has ended; reset it (in a batch by reset_mask).")
        if ended.any():
            self.simulator.begin(ended)
        frames = self._observer.canvas()
        outcome = self.simulator.step(~ended, self._controls, frames)
        over = outcome.terminated | outcome.truncated
        info = self._episode_info(over) if over.any() else {}
        if self.autoreset_mode is AutoresetMode.SAME_STEP and over.any():
            obs, info = self._reset_ended(over, info, frames)
        else:
            obs, info = self._observer.observe(ended, ~ended, frames), self._with_told(info)
        return obs, outcome.reward.copy(), outcome.terminated.copy(), outcome.truncated.copy(), info

    def _reset_ended(
        self, over: np.ndarray, info: dict[str, Any], frames: np.ndarray | None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin the next episode of rows that have just ended; their last observation goes into `info`."""
        last, info = self._observer.observe(self._none, self._everyone, frames), self._with_told(info)
        final = np.full(self.num_envs, None, object)
        for n in np.flatnonzero(over):
            final[n] = {key: value[n] for key, value in last.items()} if isinstance(last, dict) else last[n]
        self.simulator.begin(over)
        info = {"final_obs": final, "_final_obs": over, "final_info": info, "_final_info": over}
        return self._observer.observe(over, self._none), self._with_told(info)

    def _episode_info(self, over: np.ndarray) -> dict[str, Any]:
        figures = self.simulator.outcome.metrics.T.copy()
        info: dict[str, Any] = {}
        names = METRICS if self.config.is_plain else METRICS + ROAD_METRICS
        for name, values in zip(names, figures, strict=False):
            info[name], info[f"_{name}"] = values > 0.5 if name in _FLAGS else values, over
        return info

    def _with_told(self, info: dict[str, Any]) -> dict[str, Any]:
        """Add what is told of the present on request: labels, the expert's action."""
        if self._expert:
            told = {"expert_action": self._expert.act(self), "_expert_action": self._everyone.copy()}
            info = {**info, **told}
        if self.config.labels:
            labels = self._observer.labels()
            labels.update({f"_{name}": self._everyone.copy() for name in labels})
            info = {**info, "labels": labels, "_labels": self._everyone.copy()}
        return info

    def _mask(self, mask: np.ndarray | None) -> np.ndarray:
        if mask is None or not self._begun:
            return self._everyone
        return reset_mask(mask, self.num_envs)

    def nearest_actions(self, wanted: np.ndarray) -> np.ndarray:
        """The actions (N,) or (N, 2) of its space that come nearest to steering and pedal (N, 2)."""
        if self.config.actions != "discrete":
            return wanted
        rows, cars = self.simulator.rows, self.simulator.there.cars
        reach = cars["steer_rate"] * np.float32(CONTROL_STEP * self.config.frame_skip) / cars["max_steer"]
        return discrete_towards(wanted, rows["steer"] * rows["mirror"] / cars["max_steer"], reach)

    def _levels(self, options: dict[str, Any]) -> np.ndarray | None:
        """The levels that the options of `reset` pin, which are taken out of them."""
        if {"level", "levels"} <= options.keys():
            raise ValueError("reset was given both level and levels; they mean the same, so give one.")
        levels = options.pop("levels", options.pop("level", None))
        if levels is None:
            return None
        levels = np.asarray(levels)
        if levels.dtype.kind not in "iu" or levels.shape not in ((), (self.num_envs,)):
            raise ValueError(f"levels must be a whole number or ({self.num_envs},) of them.")
        last = self.config.level_count - 1
        if levels.min() < 0 or levels.max() > last:
            raise ValueError(
                f"levels reach from {levels.min()} to {levels.max()}; "
                f"split {self.config.split!r} has 0 … {last} (num_levels says how many)."
            )
        return np.broadcast_to(levels, (self.num_envs,)).astype(np.int64)

    def _seed(self, seed: int | list[int | None] | None, mask: np.ndarray) -> None:
        """Seed the rows of `mask`; rows given no seed go on with their own, or draw one if they have none."""
        seeds = row_seeds(seed, self.num_envs)
        if seed is not None and not isinstance(seed, list | tuple | np.ndarray):
            super().reset(seed=abs(whole_seed(seed)))
        words, given = seed_words(seeds, self._begun, self.np_random)
        self.simulator.seed_rows(mask & given, words)

    def state_dict(self) -> dict[str, np.ndarray]:
        """Everything that the next steps depend on; `load_state_dict` continues bit for bit."""
        state = {name: as_bytes(array).copy() for name, array in self.simulator.state.items()}
        if self._observer.stack is not None:
            state["stack"] = self._observer.stack.copy()
        return state

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Take over a state.

        Raises:
            ValueError: the state is of another batch or another configuration.
        """
        mine = self.state_dict()
        if {k: v.shape for k, v in mine.items()} != {k: v.shape for k, v in state.items()}:
            raise ValueError("the state belongs to a driving environment with other rows or options.")
        simulator = self.simulator
        for name, array in simulator.state.items():
            as_bytes(array)[:] = state[name]
        if self._observer.stack is not None:
            self._observer.stack[:] = state["stack"]
        simulator.roads.require(simulator.rows["level"])
        self._begun = True

    def render(self) -> tuple[np.ndarray, ...] | None:
        """One picture a row, (H, W, 3) uint8 (`rgb_array`), or the first row in a window (`human`)."""
        if self.render_mode is None:
            return None
        if not self._begun:
            raise RuntimeError("render was called before reset.")
        from envs.viewer import Viewer

        if self._viewer is None:
            self._viewer = Viewer(self.simulator, window=self.render_mode == "human")
        self._viewer.values = self._values
        if self.render_mode == "human":
            self._viewer.show(0, action=self._last_action(0))
            return None
        return tuple(self._viewer.picture(n, action=self._last_action(n)) for n in range(self.num_envs))

    def show_action_values(self, values: np.ndarray | None) -> None:
        """Draw beside the pictures to come what the driver thought of each discrete action, (A,)."""
        self._values = values

    def _last_action(self, n: int) -> np.ndarray | None:
        """Steering and pedal that led to a row's present state; None where an episode has just begun."""
        return self._controls[n] if self.simulator.rows["step"][n] > 0 else None

    def close_extras(self, **kwargs: Any) -> None:
        """Close the window, if one is open."""
        if self._viewer is not None:
            self._viewer.close()
            self._viewer = None
