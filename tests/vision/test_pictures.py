import numpy as np
import pytest
import torch

from vision.data import LabelledBatch
from vision.networks import NetworkConfig, PerceptionNetwork
from vision.pictures import LINE_HEIGHT, LINE_WIDTH, PALETTE, prediction_grid


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


def test_of_a_scene_boxes_lie_on_the_frame_and_depths_follow(make_scene):
    source = make_scene(batch_size=2)
    config = NetworkConfig(scene=True, sky=0.25, latent_size=4)
    scenes = PerceptionNetwork(config, source.schema(), [1.0], torch.Generator().manual_seed(0))
    batch = LabelledBatch(*source.next_batch())
    grid = prediction_grid(scenes, batch, columns=1, scale=1)
    assert grid.shape == (2 * (32 + LINE_HEIGHT + 4 + 4), 5 * 48 + 4, 3)
    frame, truth, _, near, told = (grid[2:34, 2 + 48 * k : 50 + 48 * k] for k in range(5))
    changed = (frame != batch.frames[0]).any(-1)
    assert 4 <= changed.sum() < changed.size / 2
    assert (frame[changed] == [255, 255, 255]).all(-1).any()
    np.testing.assert_array_equal(truth, PALETTE[batch.semantic[0]])
    assert batch.depth is not None
    order = np.argsort(batch.depth[0].ravel(), kind="stable")
    assert (np.diff(near[..., 0].ravel()[order].astype(int)) <= 0).all()
    assert not told[:8].any()  # rows that the encoder does not see
    assert told[8:].all()


def test_many_numbers_stand_in_columns(make_road):
    road = make_road(batch_size=1, size=128)
    network = PerceptionNetwork(NetworkConfig(latent_size=4), road.schema(), [1.0] * 5, torch.Generator())
    grid = prediction_grid(network, LabelledBatch(*road.next_batch()), columns=1, scale=2)
    assert grid.shape == (2 * 128 + 2 * LINE_HEIGHT + 4 + 4, 3 * 2 * 128 + 4, 3)  # three columns of two
    text = grid[2 + 256 : -2, 2:-2]
    shown = [text[:LINE_HEIGHT, column * LINE_WIDTH : (column + 1) * LINE_WIDTH].max() for column in range(3)]
    assert min(shown) > 200
    assert not text[LINE_HEIGHT : 2 * LINE_HEIGHT, 2 * LINE_WIDTH :].any()  # five lines, not six
