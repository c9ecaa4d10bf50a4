import json
import math

import pytest
import torch

from vision.evaluation import evaluate_perception
from vision.networks import NetworkConfig, PerceptionNetwork, PoseEstimate

DEVIATION = (0.1, 0.02, 0.01, 0.01, 0.01)


class Oracle(PerceptionNetwork):
    """Answers with the labels of the source's batches, off by a known error."""

    def __init__(self, road, error):
        super().__init__(NetworkConfig(latent_size=4), road.schema(), [2.0] * 5, torch.Generator())
        self.answers, self.error = road, torch.tensor(error)

    def frozen(self):
        return self

    def forward(self, frames):
        _, semantic, pose = self.answers.next_batch()
        log_variance = 2 * (torch.tensor(DEVIATION) / 2).log().expand(len(pose), 5)
        mean = (torch.from_numpy(pose) + self.error) / 2
        seen = self.seen_labels(torch.from_numpy(semantic)).long()
        return PoseEstimate(mean, log_variance), torch.nn.functional.one_hot(seen, 5).movedim(-1, 1).float()


def test_scores_of_known_errors_are_in_their_units(make_road):
    oracle = Oracle(make_road(batch_size=8), error=(0.05, math.radians(1.5), -0.015, 0.0, 0.03))
    scores = evaluate_perception(oracle, make_road(batch_size=8), batches=2)
    assert scores.images == 16
    assert scores.mae == pytest.approx(
        {
            "lane_offset": 0.05,
            "heading_error": 1.5,
            "curvature_8": 0.015,
            "curvature_16": 0,
            "curvature_30": 0.03,
        },
        abs=1e-5,
    )
    assert list(scores.within_1_sigma.values()) == [1, 0, 0, 1, 0]
    assert list(scores.within_2_sigma.values()) == [1, 1, 1, 1, 0]
    assert scores.mean_iou == 1


def test_a_class_that_no_frame_shows_has_no_overlap(make_road):
    class Skyless(make_road):
        def next_batch(self):
            frames, semantic, pose = super().next_batch()
            return frames, semantic.clip(min=1), pose

    oracle = Oracle(Skyless(batch_size=2), error=(0.0,) * 5)
    scores = evaluate_perception(oracle, Skyless(batch_size=2), batches=1)
    assert scores.iou == {"sky": None, "grass": 1, "road": 1, "line": 1, "kerb": 1}
    assert scores.mean_iou == 1


def test_scores_are_flat_json(make_road):
    oracle = Oracle(make_road(batch_size=2), error=(0.5,) * 5)
    flat = evaluate_perception(oracle, make_road(batch_size=2), batches=1).as_dict()
    assert flat["mae/lane_offset"] == pytest.approx(0.5)
    assert {"within_1_sigma/curvature_30", "iou/road", "mean_iou", "images"} <= flat.keys()
    assert json.loads(json.dumps(flat)) == flat


def test_evaluation_leaves_the_network_alone(road):
    network = PerceptionNetwork(NetworkConfig(latent_size=4), road.schema(), [1.0] * 5, torch.Generator())
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    evaluate_perception(network, road, batches=1)
    assert network.training
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_no_batches_are_refused(road):
    network = PerceptionNetwork(NetworkConfig(latent_size=4), road.schema(), [1.0] * 5, torch.Generator())
    with pytest.raises(ValueError, match="batches is 0; it must be at least 1"):
        evaluate_perception(network, road, batches=0)
