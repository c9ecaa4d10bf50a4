from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from gymnasium import spaces

from agents.runs.threads import prepare_threads, threads_for, work_on

SMALLEST_NORMAL = torch.finfo(torch.float32).tiny


@pytest.fixture
def _restored():
    threads = torch.get_num_threads()
    torch.set_flush_denormal(False)
    yield
    torch.set_flush_denormal(False)
    torch.set_num_threads(threads)


def half_of_the_smallest() -> float:
    return (torch.tensor(SMALLEST_NORMAL) * 0.5).item()


@pytest.mark.usefixtures("_restored")
def test_subnormal_numbers_are_flushed_here_and_in_later_threads():
    assert half_of_the_smallest() != 0.0
    prepare_threads()
    assert torch.get_num_threads() == 1
    assert half_of_the_smallest() == 0.0
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(half_of_the_smallest).result() == 0.0


@pytest.mark.usefixtures("_restored")
def test_matrices_get_one_thread_and_convolutions_two():
    threads_for("mlp")
    assert torch.get_num_threads() == 1
    threads_for("cnn")
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize(
    ("space", "work"),
    [
        (spaces.Box(-1, 1, (4,)), "mlp"),
        (spaces.Discrete(16), "mlp"),
        (spaces.Box(0, 255, (64, 64, 3), np.uint8), "cnn"),
        (spaces.Box(0, 255, (4, 84, 84), np.uint8), "cnn"),
        (spaces.Box(0, 255, (10, 10, 4), np.uint8), "mlp"),
        (spaces.Dict(camera=spaces.Box(0, 255, (64, 64, 3), np.uint8), speed=spaces.Box(-1, 1, (2,))), "cnn"),
        (spaces.Dict(speed=spaces.Box(-1, 1, (2,))), "mlp"),
    ],
)
def test_what_is_computed_follows_from_what_is_seen(space: spaces.Space, work: str):
    assert work_on(space) == work
