"""Driving with a camera that drops out: for stretches of time every frame is black."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from envs.draws import stream_keys, uniforms
from envs.driving.config import DrivingConfig
from envs.driving.observations import Observation, Observer
from envs.driving.simulator import Simulator
from envs.driving.vector_env import DrivingVectorEnv
from envs.row_batch import split_keywords
from envs.single_row import SingleRow, single_metadata

_STREAM_DROPOUT = 0x64726F70  # far from the streams of the simulator, whose draws stay what they are


@dataclass(frozen=True)
class DropoutConfig:
    """Keyword arguments of `Hairpin/LaneFollowDropout-v0` beside those of `Hairpin/LaneFollow-v0`."""

    dropout: float = 0.1
    """Share of the time for which the camera shows nothing."""
    dropout_steps: float = 10.0
    """Mean length of a drop-out, in steps of the environment."""

    def __post_init__(self) -> None:
        """Check every value.

        Raises:
            ValueError: a value is not one that the environment can have.
        """
        if not _is_number(self.dropout) or not 0.0 <= self.dropout < 1.0:
            raise ValueError(f"dropout is {self.dropout!r}; it must be a share from 0 to below 1.")
        if not _is_number(self.dropout_steps) or not 1.0 <= self.dropout_steps <= 1e6:
            raise ValueError(f"dropout_steps is {self.dropout_steps!r}; it must be from 1 to 1000000.")
        if self.chance_to_begin > 1.0:
            raise ValueError(
                f"dropout_steps is {self.dropout_steps!r}; at dropout {self.dropout!r} it must be at least "
                f"{self.dropout / (1.0 - self.dropout):.4g}, or breaks between them would be below a step."
            )

    @property
    def chance_to_end(self) -> float:
        """Of a drop-out, each step: its length is geometrically distributed."""
        return 1.0 / self.dropout_steps

    @property
    def chance_to_begin(self) -> float:
        """Of a drop-out, each step with a picture; then `dropout` is the share of time in the long run."""
        return self.chance_to_end * self.dropout / (1.0 - self.dropout)


class DropoutObserver(Observer):
    """An observer whose frames are zeros while the camera of their row has dropped out.

    Attributes:
        dark: (N,) bool, rows whose camera shows nothing at present.
    """

    def __init__(
        self, config: DrivingConfig, simulator: Simulator, copy: bool, dropout: DropoutConfig
    ) -> None:
        super().__init__(config, simulator, copy)
        self._dropout = dropout
        self.dark = np.zeros(simulator.num_rows, np.bool_)

    def observe(
        self, fresh: np.ndarray, stepped: np.ndarray, painted: np.ndarray | None = None
    ) -> Observation:
        """The observation of every row; arguments as those of `Observer.observe`."""
        self._go_on(fresh, stepped)
        if self._config.obs == "state":
            return super().observe(fresh, stepped)
        frames = self._look() if painted is None else painted
        frames[self.dark] = 0
        return super().observe(fresh, stepped, frames)

    def _go_on(self, fresh: np.ndarray, stepped: np.ndarray) -> None:
        """Draw who is dark now: at an episode's start by the share of time, later by what was before."""
        rows, dropout = self._simulator.rows, self._dropout
        draws = uniforms(stream_keys(rows["seed"], rows["episode"], rows["step"], _STREAM_DROPOUT))
        following = np.where(self.dark, draws >= dropout.chance_to_end, draws < dropout.chance_to_begin)
        self.dark = np.where(stepped, following, self.dark)
        self.dark[fresh] = draws[fresh] < dropout.dropout


class DropoutVectorEnv(DrivingVectorEnv):
    """`Hairpin/LaneFollowDropout-v0`: `DrivingVectorEnv` with a camera that drops out.

    While it does, the frames of the observation are zeros: black, those of `semantic` and `depth` as well.
    Instruments, the privileged state and labels go on. All else is bit for bit what `Hairpin/LaneFollow-v0`
    does with the same seeds and actions.
    """

    def __init__(
        self, num_envs: int = 1, *, copy: bool = True, render_mode: str | None = None, **keywords: Any
    ) -> None:
        self.dropout, keywords = split_keywords(DropoutConfig, keywords)
        super().__init__(num_envs, copy=copy, render_mode=render_mode, **keywords)
        self._dropping = DropoutObserver(self.config, self.simulator, copy, self.dropout)
        self._observer = self._dropping

    @property
    def dark(self) -> np.ndarray:
        """(N,) bool, rows whose camera shows nothing at present."""
        return self._dropping.dark

    def state_dict(self) -> dict[str, np.ndarray]:
        """Everything that the next steps depend on; `load_state_dict` continues bit for bit."""
        return {**super().state_dict(), "dark": self.dark.copy()}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Take over a state.

        Raises:
            ValueError: the state is of another batch or another configuration.
        """
        super().load_state_dict(state)
        self._dropping.dark = np.array(state["dark"], np.bool_)

    def render(self) -> tuple[np.ndarray, ...] | None:
        """What `DrivingVectorEnv.render` gives, with the agent's view dark while its camera is."""
        if self._viewer is None and self.render_mode is not None and self._begun:
            from envs.memory.dropout_viewer import DropoutViewer

            self._viewer = DropoutViewer(self.simulator, self._dropping, self.render_mode == "human")
        return super().render()


class DropoutEnv(SingleRow):
    """`Hairpin/LaneFollowDropout-v0`. Options of `reset`: `level`, the number of the road."""

    batch_class = DropoutVectorEnv
    metadata = single_metadata(DropoutVectorEnv)

    def __init__(self, render_mode: str | None = None, **keywords: Any) -> None:
        super().__init__(render_mode, **{"num_threads": 1, **keywords})


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
