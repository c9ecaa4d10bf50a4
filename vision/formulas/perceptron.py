"""A multilayer perceptron with its backward pass written out, over one flat buffer of parameters.

No graph is recorded and, norms apart, nothing is allocated in a pass, so that a small network spends its time
in its matrix products; the optimiser, clipping and averaging are one operation each on the flat buffers.
"""

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from vision.formulas.activations import relu_backward
from vision.formulas.layers import (
    Normed,
    dense,
    dense_input_gradient,
    dense_parameter_gradient,
    layer_norm,
    layer_norm_backward,
)

Pair = tuple[Tensor, Tensor]


class Passes(NamedTuple):
    """What the two passes over one batch size write: one tensor for each layer, (B, outputs)."""

    sums: list[Tensor]  # z, of which a hidden layer's becomes its activation
    deltas: list[Tensor]  # ∂J/∂z of the hidden layers; that of the last one is the caller's


class Perceptron:
    """Map a⁽ˡ⁾ = max(0, W⁽ˡ⁾ a⁽ˡ⁻¹⁾ + b⁽ˡ⁾) layer by layer from a⁽⁰⁾ = x, the last layer without the maximum.

    `flat` holds W⁽¹⁾, b⁽¹⁾, W⁽²⁾, b⁽²⁾ … and `flat_gradient` what belongs to them, in the same order: that of
    the parameters of a chain of `torch.nn.Linear`. The perceptron looks into both, so a module whose
    parameters lie in them as well is the same network.

    Raises:
        ValueError: a buffer does not hold as many numbers as the sizes ask for.
    Source: documents 002 §4.2, 003 §4.1 and 004 §4.1.1.
    """

    _normed = False

    def __init__(
        self, sizes: Sequence[int], flat: Float[Tensor, " _"], flat_gradient: Float[Tensor, " _"]
    ) -> None:
        self.sizes = tuple(sizes)
        self.flat, self.flat_gradient = flat.detach(), flat_gradient
        needed = parameter_count(sizes, self._normed)
        for buffer in (flat, flat_gradient):
            if len(buffer) != needed:
                raise ValueError(f"layers of {self.sizes} have {needed} parameters, not {len(buffer)}")
        self.parameters, self.norms = _layers(self.sizes, self.flat, self._normed)
        self.gradients, self.norm_gradients = _layers(self.sizes, self.flat_gradient, self._normed)
        self._passes: dict[int, Passes] = {}
        self._inputs = self.flat[:0]
        self._activations: list[Tensor] = []

    def forward(self, inputs: Float[Tensor, "B I"]) -> Float[Tensor, "B O"]:
        """Outputs of each row, in a buffer that the next pass over as many rows overwrites.

        `inputs` is kept, not copied, for the backward pass. No gradient flows through the outputs.
        """
        outputs = self._inputs = inputs.detach()
        sums, _ = self._passes.get(len(inputs)) or self._allocate(len(inputs))
        self._activations.clear()
        last = sums[-1]
        for (weight, bias), out in zip(self.parameters, sums, strict=True):
            outputs = dense(outputs, weight, bias, out=out)
            if out is not last:
                outputs = self._activate(len(self._activations), outputs)
                self._activations.append(outputs)
        return outputs

    def backward(self, gradient: Float[Tensor, "B O"], d_inputs: Float[Tensor, "B I"] | None = None) -> None:
        """Write ∂J/∂parameters over `flat_gradient`, for the rows that `forward` saw last.

        `gradient` is ∂J/∂outputs. `d_inputs`, where given, receives ∂J/∂x.
        """
        sums, deltas = self._passes[len(self._inputs)]
        for index in range(len(deltas), 0, -1):
            below, delta = self._activations[index - 1], deltas[index - 1]
            dense_parameter_gradient(gradient, below, out=self.gradients[index])
            dense_input_gradient(gradient, self.parameters[index][0], out=delta)
            gradient = self._before(index - 1, sums[index - 1], relu_backward(delta, below, out=delta))
        dense_parameter_gradient(gradient, self._inputs, out=self.gradients[0])
        if d_inputs is not None:
            dense_input_gradient(gradient, self.parameters[0][0], out=d_inputs)

    def _activate(self, index: int, z: Tensor) -> Tensor:
        """The activation of a hidden layer."""
        return z.relu_()

    def _before(self, index: int, z: Tensor, gradient: Tensor) -> Tensor:
        """∂J/∂z of a hidden layer, from the slope at what its maximum is taken of."""
        return gradient

    @torch.inference_mode(False)  # else a first pass in inference mode would bar the others from the buffers
    def _allocate(self, batch: int) -> Passes:
        outputs = self.sizes[1:]
        passes = Passes(
            [self.flat.new_empty(batch, size) for size in outputs],
            [self.flat.new_empty(batch, size) for size in outputs[:-1]],
        )
        self._passes[batch] = passes
        return passes


class NormedPerceptron(Perceptron):
    """The same with hidden layers normalised, a⁽ˡ⁾ = max(0, layer_norm(W⁽ˡ⁾ a⁽ˡ⁻¹⁾ + b⁽ˡ⁾)).

    A hidden layer's gain and shift follow its bias in the buffers.
    Source: those of `Perceptron`; arXiv:1607.06450 for what is new.
    """

    _normed = True

    def __init__(
        self, sizes: Sequence[int], flat: Float[Tensor, " _"], flat_gradient: Float[Tensor, " _"]
    ) -> None:
        super().__init__(sizes, flat, flat_gradient)
        self._taken: dict[int, Normed] = {}  # by the last pass, of each hidden layer

    def _activate(self, index: int, z: Tensor) -> Tensor:
        normed = self._taken[index] = layer_norm(z, *self.norms[index])
        return normed.outputs.relu_()

    def _before(self, index: int, z: Tensor, gradient: Tensor) -> Tensor:
        slopes = layer_norm_backward(gradient, z, self._taken[index], *self.norms[index])
        for out, slope in zip(self.norm_gradients[index], slopes[1:], strict=True):
            out.copy_(slope)
        return slopes[0]


def parameter_count(sizes: Sequence[int], normed: bool = False) -> int:
    """P = Σ_l O_l (I_l + 1), weights and biases of dense layers of these sizes.

    Where the hidden layers are `normed`, each of their units has two more.
    Source: document 003 §4.1, whose layers these are.
    """
    dense_layers = sum(outputs * (inputs + 1) for inputs, outputs in zip(sizes, sizes[1:], strict=False))
    return dense_layers + (2 * sum(sizes[1:-1]) if normed else 0)


def drawn_parameters(sizes: Sequence[int], generator: torch.Generator) -> Float[Tensor, " P"]:
    """W ~ N(0, 2 / I), b = 0: a flat buffer that keeps the activations' scale through layers of ReLU.

    Source: arXiv:1502.01852; the documents name no initial weights.
    """
    flat = torch.zeros(parameter_count(sizes), device=generator.device)
    for weight, _ in _layers(sizes, flat)[0]:
        weight.normal_(0, sqrt(2 / weight.shape[1]), generator=generator)
    return flat


def _layers(sizes: Sequence[int], flat: Tensor, normed: bool = False) -> tuple[list[Pair], list[Pair]]:
    """Look into `flat`: W (outputs, inputs) and b (outputs,) of each layer, gain and shift of each norm."""
    lengths: list[int] = []
    for inputs, outputs in zip(sizes, sizes[1:], strict=False):
        lengths += [outputs * inputs, outputs, *([outputs, outputs] if normed else [])]
    lengths = lengths[:-2] if normed else lengths  # the last layer has no norm
    pieces = iter(flat.split(lengths))
    layers: list[Pair] = []
    norms: list[Pair] = []
    for inputs in sizes[:-1]:
        weight, bias = next(pieces), next(pieces)
        layers.append((weight.view(-1, inputs), bias))
        if normed and len(layers) < len(sizes) - 1:
            norms.append((next(pieces), next(pieces)))
    return layers, norms
