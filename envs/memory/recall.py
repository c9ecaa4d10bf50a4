"""Recall: a sequence of symbols is shown, and asked for in the same order after a delay."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces

from envs.draws import choices, stream_keys
from envs.row_batch import Outcome, RowBatch, split_keywords
from envs.single_row import SingleRow, single_metadata

NO_ANSWER = -1
_STREAM_SYMBOLS = 0
_RANGES = (("num_symbols", 2, 64), ("length", 1, 256), ("delay", 0, 1000))


@dataclass(frozen=True)
class RecallConfig:
    """Keyword arguments of `Hairpin/Recall-v0`, all JSON-able."""

    num_symbols: int = 4
    """How many symbols there are to tell apart."""
    length: int = 5
    """How many symbols are shown, and asked for."""
    delay: int = 10
    """Empty observations between the last symbol and the first question."""

    def __post_init__(self) -> None:
        """Check every value.

        Raises:
            ValueError: a value is not one that the environment can have.
        """
        for name, low, high in _RANGES:
            value = getattr(self, name)
            if type(value) is not int or not low <= value <= high:
                raise ValueError(f"{name} is {value!r}; it must be a whole number from {low} to {high}.")

    @property
    def first_question(self) -> int:
        """The step of an episode whose observation asks for the first symbol."""
        return self.length + self.delay

    @property
    def steps(self) -> int:
        """How many steps every episode has."""
        return self.first_question + self.length


class RecallVectorEnv(RowBatch):
    """`Hairpin/Recall-v0` as a batch of rows.

    An observation is the symbol shown, one-hot, and whether an answer is asked for, (num_symbols + 1,) zeros
    and ones. The action that follows a question names a symbol; which one of the sequence is asked for has to
    be counted. A right answer is worth 1 / length; other actions have no effect. The last answer terminates
    the episode, and `info` tells `recalled`, the share of right answers, and `success`: all were right.
    Without memory the expected return is 1 / num_symbols.
    """

    def __init__(self, num_envs: int = 1, **keywords: Any) -> None:
        self.config, keywords = split_keywords(RecallConfig, keywords)
        sequence = (self.config.length,)
        row = [("symbols", np.int64, sequence), ("answers", np.int64, sequence), ("right", np.int64)]
        space = spaces.Box(0.0, 1.0, (self.config.num_symbols + 1,), np.float32)
        super().__init__(num_envs, space, spaces.Discrete(self.config.num_symbols), row, **keywords)

    def _begin(self, chosen: np.ndarray) -> None:
        rows = self.rows
        keys = stream_keys(rows["seed"][chosen], rows["episode"][chosen], 0, _STREAM_SYMBOLS)
        order = np.arange(self.config.length)
        rows["symbols"][chosen] = choices(keys[:, None], self.config.num_symbols, order)
        rows["answers"][chosen], rows["right"][chosen] = NO_ANSWER, 0

    def _advance(self, active: np.ndarray, actions: np.ndarray) -> Outcome:
        rows, length = self.rows, self.config.length
        question = rows["step"] - 1 - self.config.first_question
        asked = np.flatnonzero(active & (question >= 0))
        place = asked, question[asked]
        rows["answers"][place] = actions[asked]
        right = np.zeros(self.num_envs, np.bool_)
        right[asked] = actions[asked] == rows["symbols"][place]
        rows["right"] += right
        figures = {"success": rows["right"] == length, "recalled": rows["right"] / length}
        terminated = active & (rows["step"] == self.config.steps)
        reward = right.astype(np.float32) / np.float32(length)
        return Outcome(reward, terminated, np.zeros_like(terminated), figures)

    def _observe(self, out: np.ndarray) -> None:
        out[:] = 0.0
        step = self.rows["step"]
        shown = np.flatnonzero(step < self.config.length)
        out[shown, self.rows["symbols"][shown, step[shown]]] = 1.0
        out[:, -1] = (step >= self.config.first_question) & (step < self.config.steps)

    def _draw(self, row: int) -> np.ndarray:
        from envs.memory.scenes import recall_scene

        return recall_scene(self.rows[row], self.config.num_symbols, self.config.first_question)


class RecallEnv(SingleRow):
    """`Hairpin/Recall-v0`; see `RecallVectorEnv`."""

    batch_class = RecallVectorEnv
    metadata = single_metadata(RecallVectorEnv)
