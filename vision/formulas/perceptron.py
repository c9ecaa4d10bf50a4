"""A multilayer perceptron with its backward pass written out, over one flat buffer of parameters.

No graph is recorded and, norms apart, nothing is allocated in a pass, so that a small network spends its time
in its matrix products; the optimiser, clipping and averaging are one operation each on the flat buffers.
What is looked into again and again, such as Wᵀ, is looked up once: a hundred small calls take as long as
the products.
"""

from collections.abc import Sequence
from math import sqrt
from typing import Any, NamedTuple, no_type_check

import numpy as np
import torch
from jaxtyping import Float
from numba import njit
from torch import Tensor

from vision.formulas.activations import relu_backward
from vision.formulas.layers import Normed, dense_input_gradient, layer_norm, layer_norm_backward

Pair = tuple[Tensor, Tensor]


class Hidden(NamedTuple):
    """What the two passes over one batch size write for a hidden layer, and the same memory as arrays."""

    activation: Float[Tensor, "B O"]  # z before it is activated
    delta: Float[Tensor, "B O"]  # ∂J/∂a, which becomes ∂J/∂z
    turned: Float[Tensor, "O B"]  # δᵀ
    arrays: tuple[np.ndarray, np.ndarray, np.ndarray]  # delta, activation, ∂J/∂b


class Passes(NamedTuple):
    """What the two passes over one batch size write."""

    hidden: list[Hidden]
    outputs: Float[Tensor, "B O"]


class Perceptron:
    """Map a⁽ˡ⁾ = max(0, W⁽ˡ⁾ a⁽ˡ⁻¹⁾ + b⁽ˡ⁾) layer by layer from a⁽⁰⁾ = x, the last layer without the maximum.

    `flat` holds W⁽¹⁾, b⁽¹⁾, W⁽²⁾, b⁽²⁾ … and `flat_gradient` what belongs to them, in the same order: that of
    the parameters of a chain of `torch.nn.Linear`. The perceptron looks into both, so a module whose
    parameters lie in them as well is the same network. Each layer is `dense` and then `relu`, each step back
    `relu_backward` and then `dense_backward`.

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
        self._turned = [weight.t() for weight, _ in self.parameters]
        self._passes: dict[int, Passes] = {}
        self._inputs = self.flat[:0]
        self._activations: list[Tensor] = []

    def forward(self, inputs: Float[Tensor, "B I"]) -> Float[Tensor, "B O"]:
        """Outputs of each row, in a buffer that the next pass over as many rows overwrites.

        `inputs` is kept, not copied, for the backward pass. No gradient flows through the outputs.
        """
        below = self._inputs = inputs.detach()
        batch = below.shape[0]
        hidden, outputs = self._passes.get(batch) or self._allocate(batch)
        self._activations.clear()
        for index, layer in enumerate(hidden):
            z = torch.addmm(self.parameters[index][1], below, self._turned[index], out=layer.activation)
            below = self._activate(index, z)
            self._activations.append(below)
        return torch.addmm(self.parameters[-1][1], below, self._turned[-1], out=outputs)

    def backward(self, gradient: Float[Tensor, "B O"], d_inputs: Float[Tensor, "B I"] | None = None) -> None:
        """Write ∂J/∂parameters over `flat_gradient`, for the rows that `forward` saw last.

        `gradient` is ∂J/∂outputs. `d_inputs`, where given, receives ∂J/∂x.
        """
        hidden = self._passes[self._inputs.shape[0]].hidden
        turned = gradient.t()
        torch.sum(gradient, 0, out=self.gradients[-1][1])
        for index in range(len(hidden) - 1, -1, -1):
            layer = hidden[index]
            torch.mm(turned, self._activations[index], out=self.gradients[index + 1][0])
            dense_input_gradient(gradient, self.parameters[index + 1][0], out=layer.delta)
            self._take_back(index, layer)
            gradient, turned = layer.delta, layer.turned
        torch.mm(turned, self._inputs, out=self.gradients[0][0])
        if d_inputs is not None:
            dense_input_gradient(gradient, self.parameters[0][0], out=d_inputs)

    def __getstate__(self) -> dict[str, Any]:
        """What a copy takes over: not the passes, whose arrays would share no memory with its tensors."""
        return self.__dict__ | {"_passes": {}}

    def _activate(self, index: int, z: Tensor) -> Tensor:
        """The activation of a hidden layer."""
        return z.relu_()

    def _take_back(self, index: int, layer: Hidden) -> None:
        """From ∂J/∂a of a hidden layer to ∂J/∂z, in its place, and to ∂J/∂b."""
        _take_back_relu(*layer.arrays)

    @torch.inference_mode(False)  # else a first pass in inference mode would bar the others from the buffers
    def _allocate(self, batch: int) -> Passes:
        hidden = []
        for size, (_, d_bias) in zip(self.sizes[1:-1], self.gradients[:-1], strict=True):
            activation, delta = self.flat.new_empty(2, batch, size)
            arrays = delta.numpy(), activation.numpy(), d_bias.detach().numpy()
            hidden.append(Hidden(activation, delta, delta.t(), arrays))
        passes = self._passes[batch] = Passes(hidden, self.flat.new_empty(batch, self.sizes[-1]))
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

    def _take_back(self, index: int, layer: Hidden) -> None:
        slope = relu_backward(layer.delta, self._activations[index])
        slopes = layer_norm_backward(slope, layer.activation, self._taken[index], *self.norms[index])
        for out, slope in zip((layer.delta, *self.norm_gradients[index]), slopes, strict=True):
            out.copy_(slope)
        torch.sum(layer.delta, 0, out=self.gradients[index][1])


@njit(cache=True, error_model="numpy")
@no_type_check
def _take_back_relu(delta, activation, d_bias):
    """δ ← δ ⊙ [a > 0] and ∂J/∂b = Σ δ over the batch, `relu_backward` and a sum in one pass over memory."""
    rows, columns = delta.shape
    nothing = delta.dtype.type(0)
    d_bias[:] = nothing
    for row in range(rows):
        for column in range(columns):
            slope = nothing if activation[row, column] <= nothing else delta[row, column]
            delta[row, column] = slope
            d_bias[column] += slope


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
