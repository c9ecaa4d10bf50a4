import numpy as np
import pytest
import torch

from vision.data import LabelledBatch
from vision.networks import NetworkConfig, PerceptionNetwork
from vision.pictures import LINE_HEIGHT, PALETTE, prediction_grid


@pytest.fixture
def network(road):
    return PerceptionNetwork(NetworkConfig(latent_size=4), road.schema(), [1.0] * 5, torch.Generator())


def test_the_grid_holds_every_frame(network, make_road):
    batch = LabelledBatch(*make_road(batch_size=3).next_batch())
    grid = prediction_grid(network, batch, columns=2, scale=2)
    cell = (2 * 64 + 5 * LINE_HEIGHT + 4 + 4, 3 * 2 * 64 + 4)
    assert grid.shape == (2 * cell[0], 2 * cell[1], 3)
    assert grid.dtype == np.uint8
    first = grid[2 : 2 + 128 : 2, 2 : 2 + 128 : 2]
    np.testing.assert_array_equal(first, batch.frames[0])
    truth = grid[2 : 2 + 128 : 2, 2 + 128 : 2 + 256 : 2]
    np.testing.assert_array_equal(truth, PALETTE[batch.semantic[0]])
    assert not grid[cell[0] :, cell[1] :].any()


def test_rows_that_are_not_seen_stay_black(network, make_road):
    grid = prediction_grid(network, LabelledBatch(*make_road(batch_size=1).next_batch()), columns=1, scale=1)
    predicted = grid[2 : 2 + 64, 2 + 128 : 2 + 192]
    assert not predicted[:24].any()
    assert predicted[24:].any(axis=-1).all()


def test_the_numbers_are_written(network, make_road):
    grid = prediction_grid(network, LabelledBatch(*make_road(batch_size=1).next_batch()), columns=1)
    text = grid[2 + 128 : -2, 2:-2]
    lines = [text[i * LINE_HEIGHT : (i + 1) * LINE_HEIGHT] for i in range(5)]
    assert all(line.max() > 200 for line in lines)
