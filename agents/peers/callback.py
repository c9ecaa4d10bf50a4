"""What SB3 tells of its training, passed on to the run."""

import math
from typing import Any

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback

from agents.agent import NonFiniteLossError
from agents.peers.training import TrainingListener
from agents.peers.vec_env import SB3VecEnv


class ListenerCallback(BaseCallback):
    """Tells a listener of every step, of every policy between two rollouts, and the numbers now and then.

    The numbers are SB3's own, as `train/loss`, with the statistics of the environments before them.

    Args:
        listener: whom to tell.
        env: where the statistics come from.
        report_every: environment steps between two tellings of numbers.
    """

    def __init__(self, listener: TrainingListener, env: SB3VecEnv, report_every: int):
        super().__init__()
        self._listener = listener
        self._env = env
        self._report_every = report_every
        self._reported = 0

    def _on_rollout_start(self) -> None:
        self._listener.on_policy(self.num_timesteps)

    def _on_step(self) -> bool:
        if self.num_timesteps // self._report_every > self._reported:
            self._reported = self.num_timesteps // self._report_every
            self._report()
        return self._listener.on_step(self.num_timesteps)

    def _on_training_end(self) -> None:
        self._report()

    def _report(self) -> None:
        """Pass the numbers on.

        Raises:
            NonFiniteLossError: a loss among them is not finite.
        """
        told = {name: value for name, value in self.logger.name_to_value.items() if _is_number(value)}
        self.logger.dump(self.num_timesteps)
        if any(name.endswith("loss") and not math.isfinite(value) for name, value in told.items()):
            raise NonFiniteLossError(self.num_timesteps, int(told.get("train/n_updates", 0)))
        metrics = {name: float(value) for name, value in told.items()}
        self._listener.on_metrics(self.num_timesteps, self._env.statistics.means() | metrics)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number)
