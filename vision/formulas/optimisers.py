"""Directions in which training moves the weights."""

from jaxtyping import Float
from torch import Tensor

COEFFICIENTS = (3.4445, -4.7750, 2.0315)


def orthogonalised(matrix: Float[Tensor, "M N"], steps: int = 5) -> Float[Tensor, "M N"]:
    """About U Vᵀ of G = U S Vᵀ: the same directions, every one of them equally strong.

    X ← G / ‖G‖, then `steps` times X ← a X + (b X Xᵀ + c (X Xᵀ)²) X, a quintic that takes singular values
    between about 0.01 and 1 to between about 0.7 and 1.2: (a, b, c) = (3.4445, −4.7750, 2.0315).
    Source: Jordan et al. (2024), "Muon: an optimizer for hidden layers in neural networks".
    """
    a, b, c = COEFFICIENTS
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    x = wide / (wide.norm() + 1e-7)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x if matrix.shape[0] <= matrix.shape[1] else x.T
