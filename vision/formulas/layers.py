"""Layers as pure functions, forward and backward.

A row is one sample, so the column vectors of the documents are rows here: W x + b is `inputs @ weight.T +
bias`, with `weight` of (outputs, inputs) as in `torch.nn.Linear`. Where tensors are given as `out`, they are
written and nothing is allocated; that needs `torch.no_grad()`, or tensors that ask for no gradient.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

NORM_EPSILON = 1e-5


def dense(
    inputs: Float[Tensor, "B I"],
    weight: Float[Tensor, "O I"],
    bias: Float[Tensor, " O"],
    out: Float[Tensor, "B O"] | None = None,
) -> Float[Tensor, "B O"]:
    """Pre-activation z = W x + b, so z_o = Σ_i W_oi x_i + b_o.

    The activation follows: a = σ(z), layer by layer.
    Source: documents 002 §4.2, 003 §4.1 and 004 §4.1.1.
    """
    return torch.addmm(bias, inputs, weight.t(), out=out)


def dense_parameter_gradient(
    gradient: Float[Tensor, "B O"],
    inputs: Float[Tensor, "B I"],
    out: tuple[Float[Tensor, "O I"], Float[Tensor, " O"]] | None = None,
) -> tuple[Float[Tensor, "O I"], Float[Tensor, " O"]]:
    """∂J/∂W = ∂J/∂z · aᵀ and ∂J/∂b = ∂J/∂z, both summed over the batch.

    `gradient` is ∂J/∂z and `inputs` is a, the activation of the layer before. Divide J by the batch where a
    mean is meant.
    Source: document 002 §4.2 and document 000 §4.2 (∂L/∂W = ∂L/∂out · ∂out/∂W). Document 002 prints ∂J/∂a in
    both rows, which leaves the slope of the activation out.
    """
    d_weight, d_bias = out or (None, None)
    return torch.mm(gradient.t(), inputs, out=d_weight), torch.sum(gradient, 0, out=d_bias)


def dense_input_gradient(
    gradient: Float[Tensor, "B O"],
    weight: Float[Tensor, "O I"],
    out: Float[Tensor, "B I"] | None = None,
) -> Float[Tensor, "B I"]:
    """∂J/∂a = Wᵀ · ∂J/∂z, for the activation a of the layer before.

    `gradient` is ∂J/∂z.
    Source: document 002 §4.2, which prints this row in the place of ∂J/∂z = ∂J/∂a ⊙ σ'(z), and that one here.
    """
    return torch.mm(gradient, weight, out=out)


def dense_backward(
    gradient: Float[Tensor, "B O"],
    inputs: Float[Tensor, "B I"],
    weight: Float[Tensor, "O I"],
    out: tuple[Float[Tensor, "B I"], Float[Tensor, "O I"], Float[Tensor, " O"]] | None = None,
) -> tuple[Float[Tensor, "B I"], Float[Tensor, "O I"], Float[Tensor, " O"]]:
    """∂J/∂a = Wᵀ · ∂J/∂z, ∂J/∂W = ∂J/∂z · aᵀ, ∂J/∂b = ∂J/∂z, in this order.

    `gradient` is ∂J/∂z and `inputs` is a. The first layer of a network needs `dense_parameter_gradient` only.
    Source: document 002 §4.2, whose mistakes the two halves of this function tell.
    """
    d_inputs, d_weight, d_bias = out or (None, None, None)
    parameters = None if d_weight is None or d_bias is None else (d_weight, d_bias)
    return (
        dense_input_gradient(gradient, weight, d_inputs),
        *dense_parameter_gradient(gradient, inputs, parameters),
    )


class Normed(NamedTuple):
    """What normalising a layer gives, and what its backward pass needs again."""

    outputs: Float[Tensor, "B O"]
    mean: Float[Tensor, "B 1"]  # μ
    scale: Float[Tensor, "B 1"]  # 1 / √(σ² + ε)


def layer_norm(z: Float[Tensor, "B O"], gain: Float[Tensor, " O"], shift: Float[Tensor, " O"]) -> Normed:
    """Normalised n = g ⊙ (z − μ) / √(σ² + ε) + b, where μ and σ² are those of a row's own numbers.

    Source: arXiv:1607.06450 §3.
    """
    return Normed(*torch.native_layer_norm(z, gain.shape, gain, shift, NORM_EPSILON))


def layer_norm_backward(
    gradient: Float[Tensor, "B O"],
    z: Float[Tensor, "B O"],
    normed: Normed,
    gain: Float[Tensor, " O"],
    shift: Float[Tensor, " O"],
) -> tuple[Float[Tensor, "B O"], Float[Tensor, " O"], Float[Tensor, " O"]]:
    """∂J/∂z = (h − mean(h) − ẑ mean(h ẑ)) / √(σ² + ε), ∂J/∂g = Σ ∂J/∂n ẑ and ∂J/∂b = Σ ∂J/∂n, in this order.

    `gradient` is ∂J/∂n, h = g ⊙ ∂J/∂n and ẑ = (z − μ) / √(σ² + ε); means are over a row, sums over the batch.
    Source: arXiv:1607.06450 §3, differentiated.
    """
    kernel, wanted = torch.ops.aten.native_layer_norm_backward, [True, True, True]
    return kernel(gradient, z, gain.shape, normed.mean, normed.scale, gain, shift, wanted)


def output_delta(
    activation_gradient: Float[Tensor, "*S"], derivative: Float[Tensor, "*S"]
) -> Float[Tensor, "*S"]:
    """δ = ∂L/∂z = ∂L/∂a ⊙ f'(z).

    `derivative` is f'(z), from `vision.formulas.activations`. A hidden layer's δ is the same, with the ∂L/∂a
    that the layer after gives.
    Source: document 003 §4.2.1, which prints ∂L/∂z ⊙ f'(z) and so counts the slope twice; document 002 §4.2.
    """
    return activation_gradient * derivative
