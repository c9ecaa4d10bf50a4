"""What a unit gives for what it receives, and the derivative that the backward pass multiplies by.

A derivative is a function of the activation a, which the forward pass has kept, not of the pre-activation z.
Every function works element by element, but the two softmaxes, whose classes are on the last axis.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def linear(z: Float[Tensor, "*S"]) -> Float[Tensor, "*S"]:
    """Activation a = z.

    Source: document 003 §4.1.2 and document 004 §4.1.1.
    """
    return z


def linear_derivative(activation: Float[Tensor, "*S"]) -> Float[Tensor, "*S"]:
    """da/dz = 1.

    Source: document 003 §4.1.2 and document 004 §4.1.1.
    """
    return torch.ones_like(activation)


def sigmoid(z: Float[Tensor, "*S"]) -> Float[Tensor, "*S"]:
    """Activation a = 1 / (1 + e⁻ᶻ).

    In this form an e⁻ᶻ that overflows gives 0, as it should; eᶻ / (1 + eᶻ), the same on paper, gives NaN.
    Source: document 003 §4.1.2 and document 004 §4.1.1.
    """
    return z.sigmoid()


def sigmoid_derivative(activation: Float[Tensor, "*S"]) -> Float[Tensor, "*S"]:
    """da/dz = a (1 − a).

    Source: document 003 §4.1.2 and document 004 §4.1.1.
    """
    return activation * (1 - activation)


def relu(z: Float[Tensor, "*S"]) -> Float[Tensor, "*S"]:
    """Activation a = max(0, z).

    Source: document 003 §4.1.2 and document 004 §4.1.1.
    """
    return z.clamp_min(0)


def relu_derivative(activation: Float[Tensor, "*S"]) -> Float[Tensor, "*S"]:
    """da/dz = [a > 0].

    At z = 0, where there is no derivative, it is 0.
    Source: document 003 §4.1.2 and document 004 §4.1.1.
    """
    return (activation > 0).to(activation.dtype)


def relu_backward(
    gradient: Float[Tensor, "*S"],
    activation: Float[Tensor, "*S"],
    out: Float[Tensor, "*S"] | None = None,
) -> Float[Tensor, "*S"]:
    """∂J/∂z = ∂J/∂a ⊙ [a > 0].

    One pass over memory, where a product with `relu_derivative` takes two; `out` may be `gradient` itself.
    Source: document 002 §4.2 and document 003 §4.1.2.
    """
    kernel = torch.ops.aten.threshold_backward
    if out is None:
        return kernel(gradient, activation, 0)
    return kernel.grad_input(gradient, activation, 0, grad_input=out)


def tanh(z: Float[Tensor, "*S"]) -> Float[Tensor, "*S"]:
    """Activation a = (eᶻ − e⁻ᶻ) / (eᶻ + e⁻ᶻ).

    As printed it is ∞/∞ at large |z|; here it saturates at ±1.
    Source: document 003 §4.1.2 and document 004 §4.1.1.
    """
    return z.tanh()


def tanh_derivative(activation: Float[Tensor, "*S"]) -> Float[Tensor, "*S"]:
    """da/dz = 1 − a².

    Source: document 003 §4.1.2 and document 004 §4.1.1.
    """
    return 1 - activation.square()


def softmax(z: Float[Tensor, "*S K"]) -> Float[Tensor, "*S K"]:
    """p_k = e^{z_k − m} / Σ_j e^{z_j − m} with m = max_j z_j.

    Any m gives the same p; the largest keeps every power at most 1, so that none overflows.
    Source: documents 001 §3.1.2, 003 §3.2 and 004 §3.1, which name it as the last layer of a classifier.
    """
    powers = (z - z.detach().amax(-1, keepdim=True)).exp()
    return powers / powers.sum(-1, keepdim=True)


def softmax_backward(
    gradient: Float[Tensor, "*S K"], probability: Float[Tensor, "*S K"]
) -> Float[Tensor, "*S K"]:
    """∂J/∂z = p ⊙ (∂J/∂p − Σ_k p_k ∂J/∂p_k).

    Source: documents 001 §3.1.2, 003 §3.2 and 004 §3.1, by the chain rule of document 002 §4.2.
    """
    mean = (gradient * probability).sum(-1, keepdim=True)
    return probability * (gradient - mean)


def log_softmax(z: Float[Tensor, "*S K"]) -> Float[Tensor, "*S K"]:
    """Logarithm log p_k = z_k − m − log Σ_j e^{z_j − m} with m = max_j z_j.

    Finite where p_k itself is 0 in floating point, and its logarithm −∞.
    Source: documents 001 §3.1.2, 003 §3.2 and 004 §3.1 for p, 001 §4.2.1 for its logarithm.
    """
    shifted = z - z.detach().amax(-1, keepdim=True)
    return shifted - shifted.exp().sum(-1, keepdim=True).log()


def log_softmax_backward(
    gradient: Float[Tensor, "*S K"], log_probability: Float[Tensor, "*S K"]
) -> Float[Tensor, "*S K"]:
    """∂J/∂z = ∂J/∂log p − p Σ_k ∂J/∂log p_k.

    Source: documents 001 §3.1.2, 003 §3.2 and 004 §3.1, by the chain rule of document 002 §4.2.
    """
    return gradient - log_probability.exp() * gradient.sum(-1, keepdim=True)
