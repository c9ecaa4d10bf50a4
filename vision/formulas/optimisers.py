"""Steps that training takes: from parameters and a gradient to new parameters.

Where `out` is given, or the name ends in an underscore, tensors are written and nothing is allocated.
"""

from math import sqrt
from typing import NamedTuple, no_type_check

import numpy as np
import torch
from jaxtyping import Float
from numba import njit
from torch import Tensor, add

COEFFICIENTS = (3.4445, -4.7750, 2.0315)


class AdamConstants(NamedTuple):
    """What Adam forgets at, and what keeps it from dividing by nothing."""

    first_decay: float = 0.9  # β₁
    second_decay: float = 0.999  # β₂
    epsilon: float = 1e-8  # ε


ADAM = AdamConstants()


def gradient_descent(
    parameters: Float[Tensor, "*S"],
    gradient: Float[Tensor, "*S"],
    learning_rate: float,
    out: Float[Tensor, "*S"] | None = None,
) -> Float[Tensor, "*S"]:
    """Step w ← w − α ∂L/∂w.

    With the gradient of a few samples drawn at random it is stochastic gradient descent. `out` may be
    `parameters` itself.
    Source: documents 003 §4.2.2, 004 §4.2 and 002 §5.2. 003's pseudo-code adds the gradient, and so climbs.
    """
    return torch.sub(parameters, gradient, alpha=learning_rate, out=out)


def momentum_update(
    parameters: Float[Tensor, "*S"],
    gradient: Float[Tensor, "*S"],
    velocity: Float[Tensor, "*S"],
    learning_rate: float = 0.01,
    momentum: float = 0.9,
) -> tuple[Float[Tensor, "*S"], Float[Tensor, "*S"]]:
    """Velocity u ← μ u + ∂L/∂w, then w ← w − α u; gives w and u.

    α stands outside u, as in `torch.optim.SGD` without dampening: a new α acts at once on the whole velocity.
    The other convention, u ← μ u − α ∂L/∂w and w ← w + u, is the same as long as α stays.
    Source: document 002 §5.2 (α = 0.01, μ = 0.9), document 004 §4.1.3; Polyak (1964).
    """
    velocity = torch.add(gradient, velocity, alpha=momentum)
    return gradient_descent(parameters, velocity, learning_rate), velocity


def adam_update(
    parameters: Float[Tensor, "*S"],
    gradient: Float[Tensor, "*S"],
    first: Float[Tensor, "*S"],
    second: Float[Tensor, "*S"],
    step: int,
    learning_rate: float = 1e-3,
    constants: AdamConstants = ADAM,
    bias_correction: bool = True,
) -> tuple[Float[Tensor, "*S"], Float[Tensor, "*S"], Float[Tensor, "*S"]]:
    """Moments m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g², then θ ← θ − α m̂ / (√v̂ + ε); gives θ, m, v.

    m̂ = m / (1 − β₁ᵗ) and v̂ = v / (1 − β₂ᵗ) undo the pull of the zeros that m and v start from; t is `step`, 1
    at the first. `bias_correction=False` takes m and v as they are.
    Source: document 004 §4.1.3 (arXiv:1412.6980). The document prints θ − α m / (√v + ε) and calls v the
    correction; v is the second moment, and uncorrected the first step is (1 − β₁) / √(1 − β₂) = 3.2 times
    too long.
    """
    decay, second_decay, epsilon = constants
    first = torch.lerp(first, gradient, 1 - decay)
    second = torch.lerp(second, gradient.square(), 1 - second_decay)
    unbiased, root = first, second.sqrt()
    if bias_correction:
        unbiased, root = first / (1 - decay**step), root / sqrt(1 - second_decay**step)
    return parameters - learning_rate * unbiased / (root + epsilon), first, second


def adam_step_(
    parameters: Float[Tensor, " P"],
    gradient: Float[Tensor, " P"],
    first: Float[Tensor, " P"],
    second: Float[Tensor, " P"],
    step: int,
    learning_rate: float = 1e-3,
    constants: AdamConstants = ADAM,
    scale: float | Float[Tensor, ""] = 1.0,
) -> None:
    """Step θ ← θ − α m̂ / (√v̂ + ε) of `adam_update`, with θ, m and v written in place.

    The gradient counts `scale` times, as where a long one is to be shortened.
    For the flat buffers of a whole network: on a processor one compiled pass over memory, in the thread that
    calls, so that its `torch.set_flush_denormal` holds.
    Source: document 004 §4.1.3 (arXiv:1412.6980), as `adam_update` says.
    """
    decay, second_decay, epsilon = constants
    rate = learning_rate / (1 - decay**step)
    root_scale = 1 / sqrt(1 - second_decay**step)
    factors = (1 - decay, 1 - second_decay, rate, root_scale, epsilon)
    if parameters.device.type != "cpu":
        return _adam_on_device(parameters.detach(), gradient * scale, first, second, factors)
    array = parameters.detach().numpy()
    numbers = np.array((*factors, float(scale)), array.dtype)
    _adam_pass(array, gradient.numpy(), first.numpy(), second.numpy(), numbers)


def _adam_on_device(
    parameters: Tensor, gradient: Tensor, first: Tensor, second: Tensor, factors: tuple[float, ...]
) -> None:
    gain, second_gain, rate, root_scale, epsilon = factors
    first.lerp_(gradient, gain)
    second.lerp_(gradient.square(), second_gain)
    parameters.addcdiv_(first, second.sqrt().mul_(root_scale).add_(epsilon), value=-rate)


@njit(cache=True, error_model="numpy")  # a division that may raise would keep the loop from being vectorised
@no_type_check
def _adam_pass(parameters, gradient, first, second, factors):
    """`factors` has the type of the arrays: a Python number would make the arithmetic double."""
    gain, second_gain, rate, root_scale, epsilon = factors[0], factors[1], factors[2], factors[3], factors[4]
    scale = factors[5]
    for index in range(parameters.size):
        slope = scale * gradient[index]
        mean = first[index] + gain * (slope - first[index])
        square = second[index] + second_gain * (slope * slope - second[index])
        first[index], second[index] = mean, square
        parameters[index] -= rate * mean / (np.sqrt(square) * root_scale + epsilon)


def orthogonalised(matrix: Float[Tensor, "M N"], steps: int = 5) -> Float[Tensor, "M N"]:
    """X ≈ U Vᵀ of G = U S Vᵀ: the same directions, every one of them about equally strong.

    X ← G / ‖G‖, then `steps` times X ← P X with P = a I + b A + c A² and A = X Xᵀ, a quintic that takes
    singular values between about 0.01 and 1 to between about 0.7 and 1.2; a, b, c are `COEFFICIENTS`.
    A and every P commute, so A ← P A P and the product Q of the P are followed instead of X, and the long
    side of G is touched twice only: X = Q G / ‖G‖.
    Source: Jordan et al. (2024), "Muon: an optimizer for hidden layers in neural networks".
    """
    if matrix.shape[0] > matrix.shape[1]:
        return orthogonalised(matrix.T, steps).T
    a, b, c = COEFFICIENTS
    norm = matrix.norm() + 1e-7
    gram = matrix @ matrix.T / norm.square()
    product = None
    for _ in range(steps):
        polynomial = add(b * gram, gram @ gram, alpha=c)
        polynomial.diagonal().add_(a)
        product = polynomial if product is None else polynomial @ product
        gram = polynomial @ (gram @ polynomial)
    return matrix if product is None else product @ matrix / norm
