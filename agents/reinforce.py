"""REINFORCE with a baseline: the policy gradient from the returns of whole episodes.

Source: document 001 §3.1.4 and §3.2.4, which name policy gradients without a formula; Williams (1992), Sutton
and Barto (2018) §13.4. Deviations: the return of a truncated episode goes on with the value of its final
observation, since a time limit is not a part of the task; one update learns from several episodes, with Adam;
a step is not weighted by γᵗ, as hardly anybody does; and advantages and rewards are brought to one scale,
unless `normalise_advantages` and `scale_rewards` are false.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool

from agents.actor_critic import ActorCritic
from agents.actor_critic_config import ActorCriticConfig
from agents.memory.rollout import Rollout


@dataclass(frozen=True)
class ReinforceConfig(ActorCriticConfig):
    """REINFORCE: a policy learnt from the returns of whole episodes, less what was expected of them."""

    name: Literal["reinforce"] = "reinforce"
    """The agent's name."""
    learning_rate: float = 3e-3
    """Step size of Adam."""
    rollout_steps: int = 1_024
    """Steps after which no more episodes are begun that will be learnt from, over all environments."""
    decay: float = 1.0
    """Weight of what one more step tells about an advantage, λ: 1 is the whole return, and REINFORCE."""
    longest_wait: int = 10_000
    """Steps that the episodes of a full rollout are waited for; those that go on still end in their value."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require(self.longest_wait >= 0, "longest_wait", "at least 0")


class Reinforce(ActorCritic[ReinforceConfig]):
    """Acts until the rollout is full and the episodes that then run have ended; learns from all up to there.

    So every return is a whole one, of one policy. What other rows do while the longest episode is waited for
    is not learnt from: only short episodes get done in that time, and the sample would be one of those.
    """

    def _is_complete(self, rollout: Rollout) -> bool:
        """Whether the rollout is full, and no environment still waited for."""
        wanted = self._rows_wanted(rollout.num_envs)
        if rollout.length < wanted:
            return False
        waited = rollout.length - wanted >= self.config.longest_wait
        return waited or bool(rollout.ended[wanted - 1 :].any(0).all())

    def _learnable(self, rollout: Rollout) -> Bool[np.ndarray, "T N"]:
        """All steps up to the end of the episode that ran when the rollout was full."""
        wanted = self._rows_wanted(rollout.num_envs)
        ended = rollout.ended
        ended[: wanted - 1] = False
        over = ended.cumsum(0) - ended > 0  # below the first end
        return ~rollout.rows("ignored") & ~over
