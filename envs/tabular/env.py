"""The single environment of a finite world."""

from typing import Any

from envs.single_row import SingleRow, single_metadata
from envs.tabular.model import FiniteModel
from envs.tabular.vector_env import FiniteVectorEnv


class FiniteEnv(SingleRow):
    """A finite world; observations are the numbers of states. Keywords are those of `FiniteVectorEnv`."""

    metadata: dict[str, Any] = single_metadata(FiniteVectorEnv)
    batch_class = FiniteVectorEnv
    batch: FiniteVectorEnv

    @property
    def model(self) -> FiniteModel:
        """The chances and rewards by which the world is played."""
        return self.batch.model

    def show_values(self, values: Any, discount: float = 0.99) -> None:
        """Draw values over the board from now on: see `FiniteVectorEnv.show_values`."""
        self.batch.show_values(values, discount)
