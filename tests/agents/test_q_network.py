"""What the ingredients make of a network's numbers, by literal weights: streams, noise, fractions."""

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces

from agents.formulas.value_learning import dueling_values
from agents.q_config import QNetworkConfig
from agents.q_network import NoisyLinear, QNetwork

PAIR = spaces.Box(-1, 1, (2,), np.float32)


def network_of(num_actions=2, size=1, **options: Any) -> Any:
    shape: dict[str, Any] = {"hidden_sizes": (2,)} | options
    config = QNetworkConfig(**shape)
    return QNetwork(PAIR, num_actions, size, config, torch.Generator().manual_seed(0))


def put(layer: Any, weight, bias) -> None:
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(weight))
        layer.bias.copy_(torch.tensor(bias))


def test_dueling_values_by_hand():
    """V = 10, A = (1, 2, 6) of mean 3: Q = 10 + (−2, −1, 3); the mean is over actions, not over numbers."""
    value, advantage = torch.tensor([10.0]), torch.tensor([[1.0, 2.0, 6.0]])
    assert dueling_values(value, advantage).tolist() == [[8, 9, 13]]
    value, advantage = torch.tensor([[10.0, 0.0]]), torch.tensor([[[1.0, 5.0], [3.0, 9.0]]])
    assert dueling_values(value, advantage).tolist() == [[[9, -2], [11, 2]]]


def test_dueling_streams_by_hand():
    """x = (1, −1): V = 2 · max(0, x₁) + 5 = 7, A = (1 · max(0, x₁), 3) of mean 2: Q = (6, 8)."""
    network = network_of(dueling=True)
    assert network.value is not None
    for stream in (network.value, network.advantage):
        put(stream.layers[0], [[1.0, 0.0], [0.0, 1.0]], [0.0, 0.0])
    put(network.value.layers[2], [[2.0, 50.0]], [5.0])
    put(network.advantage.layers[2], [[1.0, 50.0], [0.0, 50.0]], [0.0, 3.0])
    assert network({"obs": torch.tensor([[1.0, -1.0]])})[..., 0].tolist() == [[6, 8]]


def test_what_lifts_all_advantages_alike_changes_nothing():
    network, obs = network_of(dueling=True, num_actions=3), {"obs": torch.randn(5, 2)}
    before = network(obs)
    with torch.no_grad():
        network.advantage.layers[2].bias.add_(4.0)
    torch.testing.assert_close(network(obs), before)


def test_a_noisy_layer_by_hand():
    """μ = (1, 2), b = 3, σ = (0.1, 0.2), σ_b = 0.5; ε = (10, −5), ε_b = 4: y = 2 x₁ + x₂ + 5."""
    layer = NoisyLinear(2, 1, torch.Generator().manual_seed(0))
    put(layer, [[1.0, 2.0]], [3.0])
    with torch.no_grad():
        layer.weight_scale.copy_(torch.tensor([[0.1, 0.2]]))
        layer.bias_scale.copy_(torch.tensor([0.5]))
    x = torch.tensor([[1.0, 10.0]])
    assert layer(x).item() == 24
    layer.noise = torch.tensor([[10.0, -5.0]]), torch.tensor([4.0])
    assert layer(x).item() == pytest.approx(17)


def test_noise_is_of_one_number_an_input_and_one_an_output_and_new_at_every_draw():
    layer, generator = NoisyLinear(3, 4, torch.Generator().manual_seed(0)), torch.Generator().manual_seed(1)
    layer.draw(generator)
    assert layer.noise is not None
    weight, bias = layer.noise
    assert torch.linalg.matrix_rank(weight) == 1
    assert len(weight.unique()) == 12
    torch.testing.assert_close(weight / weight[:1], (bias / bias[0]).unsqueeze(1).expand(4, 3))
    layer.draw(generator)
    assert not (layer.noise[0] == weight).any()
    layer.draw(None)
    assert layer.noise is None


def test_noise_reaches_every_layer_of_a_network_and_is_taken_away():
    network, obs = network_of(noisy=True, dueling=True), {"obs": torch.randn(5, 2)}
    plain = network(obs)
    network.draw(torch.Generator().manual_seed(3))
    assert not torch.allclose(network(obs), plain)
    noisy = [layer for layer in network.modules() if isinstance(layer, NoisyLinear)]
    assert len(noisy) == 4
    assert all(layer.noise is not None for layer in noisy)
    network.draw(None)
    torch.testing.assert_close(network(obs), plain, rtol=0, atol=0)


def test_the_features_of_a_fraction_multiply_those_of_the_state():
    """Without hidden layers x = (1, 2) is what is multiplied; of φ(τ), only cos(0) and cos(π τ) count.

    At τ = 1/3: φ = max(0, (1 + cos 0 · 1, 2 · cos π/3)) = (2, 1), so Q = x ⊙ φ = (2, 2) and Q₂ = 2 + 2 + 1.
    """
    network = network_of(implicit=True, hidden_sizes=())
    assert network.fraction is not None
    weight = torch.zeros_like(network.fraction.weight)
    weight[0, 0], weight[1, 1] = 1.0, 2.0
    put(network.fraction, weight.tolist(), [1.0, 0.0])
    put(network.advantage.layers[0], [[1.0, 0.0], [1.0, 1.0]], [0.0, 1.0])
    numbers = network({"obs": torch.tensor([[1.0, 2.0]])}, torch.tensor([[1 / 3, 0.75]]))
    torch.testing.assert_close(numbers, torch.tensor([[[2.0, 2.0], [5.0, 3.0]]]))
