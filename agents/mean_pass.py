"""The targets, the loss and its slope of plain action values: one compiled pass over a batch.

The same as the formulas' `td_target` or `double_q_target`, `td_loss` and `td_loss_gradient`, to which a test
holds it. Of an update of a small network a fifth would else go into starting twenty small operations.
"""

from typing import NamedTuple, no_type_check

import numpy as np
import torch
from jaxtyping import Float, Int
from numba import njit
from torch import Tensor


class MeanPass(NamedTuple):
    """What a batch tells."""

    loss: float
    target: float  # its mean
    surprise: Float[Tensor, " B"]  # Q(s, a) − y
    gradient: Float[Tensor, "B A"]  # ∂loss / ∂Q(s, ·)


def mean_pass(
    q_values: Float[Tensor, "B A"],
    action: Int[Tensor, " B"],
    reward: Float[Tensor, " B"],
    discount: Float[Tensor, " B"],
    after: tuple[Float[Tensor, "B A"], Float[Tensor, "B A"]],
    weight: Float[Tensor, " B"] | None,
) -> MeanPass:
    """Compare Q(s, a) with y = r + γ Q⁻(s', argmax_a' Q'(s', a')) by Huber's loss; all on a processor.

    `after` holds Q⁻ and Q', both of s': the same tensor where the estimator is not double.
    """
    surprise, gradient = torch.empty_like(reward), torch.empty_like(q_values)
    values, chooser = after
    weights = _NO_WEIGHT if weight is None else weight.numpy()
    batch = action.numpy(), reward.numpy(), discount.numpy(), weights
    out = surprise.numpy(), gradient.numpy()
    loss, target = _mean_pass(q_values.numpy(), values.numpy(), chooser.numpy(), batch, out)
    return MeanPass(loss, target, surprise, gradient)


_NO_WEIGHT = np.empty(0, np.float32)


@njit(cache=True, error_model="numpy")
@no_type_check
def _mean_pass(q_values, values, chooser, batch, out):
    """Row by row; the mean loss and the mean target."""
    action, reward, discount, weight = batch
    surprise, gradient = out
    rows, loss, total = len(reward), 0.0, 0.0
    for row in range(rows):
        target = reward[row] + discount[row] * values[row, np.argmax(chooser[row])]
        error = q_values[row, action[row]] - target
        clipped = min(max(error, np.float32(-1.0)), np.float32(1.0)) if error == error else error
        share = (weight[row] if len(weight) else np.float32(1.0)) / rows
        gradient[row] = 0.0
        gradient[row, action[row]] = share * clipped
        loss += share * clipped * (error - 0.5 * clipped)
        total += target
        surprise[row] = error
    return loss, total / rows
