"""Directions in which training moves the weights."""

from jaxtyping import Float
from torch import Tensor, add

COEFFICIENTS = (3.4445, -4.7750, 2.0315)


def orthogonalised(matrix: Float[Tensor, "M N"], steps: int = 5) -> Float[Tensor, "M N"]:
    """About U Vᵀ of G = U S Vᵀ: the same directions, every one of them about equally strong.

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
