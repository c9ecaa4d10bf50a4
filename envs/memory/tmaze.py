"""A T-maze: which way to turn is told at the start of a corridor, and needed at its end."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces

from envs.draws import choices, stream_keys
from envs.row_batch import Outcome, RowBatch, split_keywords
from envs.single_row import SingleRow, single_metadata

FORWARD, LEFT, RIGHT = range(3)
OBSERVATION = ("cue_left", "cue_right", "corridor", "junction")
_STREAM_CUE = 0


@dataclass(frozen=True)
class TMazeConfig:
    """Keyword arguments of `Hairpin/TMaze-v0`, all JSON-able."""

    length: int = 10
    """How many cells the corridor has: steps from the cue to the junction, at least."""
    step_penalty: float = 0.0
    """Taken from the reward of every step."""
    stay_penalty: float = 0.01
    """Taken as well where a step leads nowhere: a turn in the corridor, or forward at the junction."""

    def __post_init__(self) -> None:
        """Check every value.

        Raises:
            ValueError: a value is not one that the environment can have.
        """
        if type(self.length) is not int or not 1 <= self.length <= 1000:
            raise ValueError(f"length is {self.length!r}; it must be a whole number from 1 to 1000.")
        for name in ("step_penalty", "stay_penalty"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value <= 1.0:
                raise ValueError(f"{name} is {value!r}; it must be a number from 0 to 1.")

    @property
    def max_steps(self) -> int:
        """The time limit: actions at random reach the junction in 3 · length steps on average."""
        return 4 * self.length + 20


class TMazeVectorEnv(RowBatch):
    """`Hairpin/TMaze-v0` as a batch of rows.

    An observation is (cue left, cue right, in the corridor, at the junction), zeros and ones. The cue is in
    the first observation of an episode alone, even for an agent that stays where it saw it. Forward goes on
    by a cell; a turn has an effect at the junction alone, and terminates the episode: +1 for the side of the
    cue, −1 for the other. A time limit truncates. `info` tells `success` at an end: whether the turn was
    right. Without memory no policy succeeds in more than half of the episodes.

    Easier than the source in one way: nobody walks back, so that even random actions reach the junction.
    Source: Bakker (2002), where the agent walks in four directions for rewards of 4 and −0.1.
    """

    def __init__(self, num_envs: int = 1, **keywords: Any) -> None:
        self.config, keywords = split_keywords(TMazeConfig, keywords)
        row = [("place", np.int64), ("cue", np.int64), ("turn", np.int64)]
        space = spaces.Box(0.0, 1.0, (len(OBSERVATION),), np.float32)
        super().__init__(num_envs, space, spaces.Discrete(3), row, **keywords)

    def _begin(self, chosen: np.ndarray) -> None:
        rows = self.rows
        keys = stream_keys(rows["seed"][chosen], rows["episode"][chosen], 0, _STREAM_CUE)
        rows["cue"][chosen] = LEFT + choices(keys, 2)
        rows["place"][chosen], rows["turn"][chosen] = 0, FORWARD

    def _advance(self, active: np.ndarray, actions: np.ndarray) -> Outcome:
        rows, config = self.rows, self.config
        ahead, at_junction = actions == FORWARD, rows["place"] == config.length
        turned, walked = active & at_junction & ~ahead, active & ~at_junction & ahead
        rows["place"] += walked
        rows["turn"][turned] = actions[turned]
        right = turned & (actions == rows["cue"])
        stayed = active & ~turned & ~walked
        reward = right * 1.0 - (turned & ~right) - config.step_penalty * active - config.stay_penalty * stayed
        truncated = active & ~turned & (rows["step"] >= config.max_steps)
        return Outcome(reward.astype(np.float32), turned, truncated, {"success": right})

    def _observe(self, out: np.ndarray) -> None:
        rows = self.rows
        first, turned = rows["step"] == 0, rows["turn"] != FORWARD
        out[:, 0], out[:, 1] = first & (rows["cue"] == LEFT), first & (rows["cue"] == RIGHT)
        out[:, 2] = rows["place"] < self.config.length
        out[:, 3] = ~turned & (rows["place"] == self.config.length)

    def _draw(self, row: int) -> np.ndarray:
        from envs.memory.scenes import tmaze_scene

        return tmaze_scene(self.rows[row], self.config.length, self.config.max_steps)


class TMazeEnv(SingleRow):
    """`Hairpin/TMaze-v0`; see `TMazeVectorEnv`."""

    batch_class = TMazeVectorEnv
    metadata = single_metadata(TMazeVectorEnv)
