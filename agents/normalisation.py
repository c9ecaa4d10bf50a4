"""Running means and variances, and what is brought to one scale by them."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor, nn

LARGEST = 10.0  # deviations from the mean that are still told apart
SMALLEST_VARIANCE = 1e-8


class RunningMoments(nn.Module):
    """The mean and the variance of everything seen; brings rows to mean 0 and deviation 1.

    Until something is seen, the mean is 0 and the variance 1.
    Source: the pairwise update of Chan, Golub and LeVeque (1983).
    """

    mean: Float[Tensor, " D"]
    variance: Float[Tensor, " D"]
    count: Int[Tensor, ""]

    def __init__(self, size: int):
        super().__init__()
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("variance", torch.ones(size))
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def update(self, rows: Shaped[Tensor, "B ..."]) -> None:
        """Take in more rows."""
        rows = rows.reshape(len(rows), -1).float()
        variance, mean = torch.var_mean(rows, 0, correction=0)
        before, share = self.count.clone(), len(rows) / (self.count + len(rows))
        apart = mean - self.mean
        self.count += len(rows)
        self.mean += apart * share
        joint = self.variance + (variance - self.variance) * share + apart.square() * share * (1 - share)
        self.variance.copy_(joint if before > 0 else variance)

    def forward(self, rows: Shaped[Tensor, "B ..."]) -> Float[Tensor, "B D"]:
        """(x − mean) / deviation, cut at ten deviations; each row flattened."""
        flat = rows.reshape(len(rows), -1).float()
        return ((flat - self.mean) * (self.variance + SMALLEST_VARIANCE).rsqrt()).clamp(-LARGEST, LARGEST)


class RewardScale:
    """Divides rewards by the deviation of their running discounted sum R_t = r_t + γ R_{t−1}.

    The mean stays: a reward keeps its sign. The sum begins anew with each episode.
    Source: a practice written down in arXiv:2005.12729.
    """

    def __init__(self, discount: float, num_envs: int):
        self.discount = discount
        self.moments = RunningMoments(1)
        self.total = np.zeros(num_envs, np.float32)

    def update(self, reward: Float[np.ndarray, "T N"], ended: Bool[np.ndarray, "T N"]) -> None:
        """Take in the rewards of a stretch of the stream; `ended` where an episode's last reward is."""
        totals = np.empty_like(reward)
        for step in range(len(reward)):
            self.total = totals[step] = reward[step] + self.discount * self.total
            self.total = np.where(ended[step], np.float32(0), self.total)
        self.moments.update(torch.from_numpy(totals).reshape(-1, 1))

    @property
    def factor(self) -> float:
        """What rewards are multiplied by; 1 until their sums differ."""
        variance = float(self.moments.variance)
        return (variance + SMALLEST_VARIANCE) ** -0.5 if variance > 0 else 1.0

    def state_dict(self) -> dict[str, Any]:
        """The moments, and the sums of the running episodes."""
        return {"moments": self.moments.state_dict(), "total": self.total}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self.moments.load_state_dict(state["moments"])
        self.total = state["total"].copy()
