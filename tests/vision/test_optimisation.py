import pytest
import torch

from vision.formulas.optimisers import orthogonalised
from vision.networks import NetworkConfig, PerceptionNetwork
from vision.optimisation import (
    Muon,
    WeightAverage,
    build_optimisers,
    named_moments,
    restore_moments,
    scale_learning_rates,
)


@pytest.fixture
def network(road):
    config = NetworkConfig(latent_size=8)
    return PerceptionNetwork(config, road.schema(), [1.0] * 5, torch.Generator().manual_seed(0))


def test_a_step_of_muon_worked_by_hand():
    kernel = torch.nn.Parameter(torch.zeros(6, 2, 1, 1))
    optimiser = Muon([kernel], lr=0.1, momentum=0.75)
    first, second = (torch.randn(6, 2, 1, 1, generator=torch.Generator().manual_seed(s)) for s in (1, 2))
    expected, average = torch.zeros(6, 2), torch.zeros(6, 2)
    for gradient in (first, second):
        kernel.grad = gradient.clone()
        optimiser.step()
        average = 0.75 * average + 0.25 * gradient.flatten(1)
        direction = orthogonalised(0.25 * gradient.flatten(1) + 0.75 * average)
        expected = expected - 0.1 * 3**0.5 * direction
    torch.testing.assert_close(kernel.detach().flatten(1), expected)


def test_muon_finds_the_bottom_of_a_bowl():
    target = torch.randn(4, 7, generator=torch.Generator().manual_seed(0))
    matrix = torch.nn.Parameter(torch.zeros(4, 7))
    optimiser = Muon([matrix], lr=0.1)
    for update in range(200):
        matrix.grad = 2 * (matrix.detach() - target)
        optimiser.param_groups[0]["lr"] = 0.1 * (1 - update / 200)
        optimiser.step()
    torch.testing.assert_close(matrix.detach(), target, atol=0.02, rtol=0)


def test_a_kernel_without_gradient_stays(network):
    before = [kernel.clone() for kernel in network.hidden_kernels()]
    Muon(network.hidden_kernels(), lr=1.0).step()
    for kernel, old in zip(network.hidden_kernels(), before, strict=True):
        assert torch.equal(kernel, old)


def test_every_parameter_has_one_optimiser(network):
    optimisers = build_optimisers(network, (0.02, 0.003), 0.01)
    owned = [id(p) for optimiser in optimisers for group in optimiser.param_groups for p in group["params"]]
    assert sorted(owned) == sorted(id(parameter) for parameter in network.parameters())


def test_biases_are_not_decayed(network):
    _, adamw = build_optimisers(network, (0.02, 0.003), 0.01)
    for group in adamw.param_groups:
        assert all((parameter.ndim > 1) == (group["weight_decay"] > 0) for parameter in group["params"])


def test_rates_are_fractions_of_the_largest(network):
    optimisers = build_optimisers(network, (0.02, 0.003), 0.01)
    for fraction in (0.5, 0.25):
        scale_learning_rates(optimisers, fraction)
        rates = [group["lr"] for optimiser in optimisers for group in optimiser.param_groups]
        assert rates == pytest.approx([0.02 * fraction, 0.003 * fraction, 0.003 * fraction])


def test_moments_go_to_a_twin_and_back(network, road):
    def update(network, optimisers):
        network.zero_grad()
        estimate, logits = network(frames)
        (estimate.mean.square().sum() + logits.square().mean()).backward()
        for optimiser in optimisers:
            optimiser.step()

    frames = torch.from_numpy(road.next_batch()[0])
    optimisers = build_optimisers(network, (0.02, 0.003), 0.01)
    update(network, optimisers)
    twin = network.frozen().requires_grad_(True)
    twin_optimisers = build_optimisers(twin, (0.02, 0.003), 0.01)
    restore_moments(twin_optimisers, twin, named_moments(optimisers, network))
    update(network, optimisers)
    update(twin, twin_optimisers)
    for one, other in zip(network.parameters(), twin.parameters(), strict=True):
        assert torch.equal(one, other)


def test_the_average_of_a_literal_sequence():
    layer = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(layer.weight)
    average = WeightAverage(layer, decay=0.2)
    expected = 0.0
    for count, value in enumerate((1.0, 2.0, 3.0)):
        torch.nn.init.constant_(layer.weight, value)
        average.update(count)
        decay = min(0.2, (1 + count) / (10 + count))
        expected = decay * expected + (1 - decay) * value
    assert average.network.weight.item() == pytest.approx(expected)
    assert layer.weight.item() == 3
