import threading

import pytest
import torch

from vision.data import TensorBatch
from vision.gradients import GradientWorkers


@pytest.fixture
def network():
    generator = torch.Generator().manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 2))
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, generator=generator)
    network.register_parameter("unused", torch.nn.Parameter(torch.ones(3)))
    return network


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(1)
    frames = torch.randint(0, 256, (7, 2, 2, 3), dtype=torch.uint8, generator=generator)
    return TensorBatch(frames, frames[..., 0], torch.randn(7, 2, generator=generator))


def losses_of(network):
    def losses(batch):
        error = network(batch.frames / 255) - batch.pose
        loss = error.square().mean()
        return loss, torch.stack([loss, error.mean()])

    return losses


@pytest.mark.parametrize("parts", [1, 2, 3, 20])
def test_parts_give_the_gradient_of_the_whole(network, batch, parts):
    losses = losses_of(network)
    loss, expected = losses(batch)
    gradients = torch.autograd.grad(loss, [network[1].weight, network[1].bias])
    report = GradientWorkers(parts).compute(losses, batch, network)
    torch.testing.assert_close(network[1].weight.grad, gradients[0])
    torch.testing.assert_close(network[1].bias.grad, gradients[1])
    torch.testing.assert_close(report, expected.detach())
    assert network.unused.grad is None


def test_the_bits_are_the_same_every_time(network, batch):
    workers, found = GradientWorkers(3), set()
    for _ in range(20):
        workers.compute(losses_of(network), batch, network)
        found.add(network[1].weight.grad.numpy().tobytes())
    assert len(found) == 1


def test_every_part_has_a_thread_of_its_own(network, batch):
    threads, meeting = set(), threading.Barrier(3, timeout=30)

    def losses(batch):
        meeting.wait()  # passes only if three threads are here at the same time
        threads.add(threading.get_ident())
        return losses_of(network)(batch)

    GradientWorkers(3).compute(losses, batch, network)
    assert len(threads) == 3


def test_a_failure_in_any_part_is_raised(network, batch):
    def losses(batch):
        if len(batch.frames) < 4:
            raise OSError("out of road")
        return losses_of(network)(batch)

    with pytest.raises(OSError, match="out of road"):
        GradientWorkers(2).compute(losses, batch, network)
