import numpy as np
import pytest

from vision.evaluation import evaluate_perception
from vision.networks import NetworkConfig
from vision.recipe import TrainingConfig
from vision.training import PerceptionTrainer


@pytest.mark.learning
def test_roads_never_seen_are_read(make_road):
    config = TrainingConfig(updates=600, log_interval=100)
    trainer = PerceptionTrainer(NetworkConfig(), config, make_road(batch_size=32, seed=1), seed=0)
    losses = [record["loss"] for record in trainer.train()]
    assert losses[-1] < losses[0]
    scores = evaluate_perception(trainer.averaged, make_road(batch_size=128, seed=2), batches=4)
    labels = make_road(batch_size=512, seed=2).next_batch()[2]
    blind = np.abs(labels - labels.mean(0)).mean(0)  # the error of one who never looks
    assert scores.mae["lane_offset"] < 0.15 < blind[0] / 5
    assert scores.mae["heading_error"] < 3 < np.degrees(blind[1])
    assert scores.mae["curvature_16"] < 0.4 * blind[3]
    assert scores.mean_iou > 0.5
    assert 0.5 < scores.within_1_sigma["lane_offset"] < 0.9
    assert 0.8 < scores.within_2_sigma["lane_offset"] < 1
