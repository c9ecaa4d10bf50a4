import json

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from vision.data import LabelledBatch, to_tensors
from vision.formulas.losses import gaussian_negative_log_likelihood
from vision.networks import NetworkConfig
from vision.optimisation import GradientClip
from vision.recipe import TrainingConfig
from vision.training import SCALE_BATCHES, NonFiniteLossError, PerceptionTrainer


def trainer(source, **settings):
    config = TrainingConfig(**{"updates": 8, "log_interval": 2, **settings})
    return PerceptionTrainer(NetworkConfig(latent_size=16), config, source, seed=3)


def assert_same_state(first, second):
    assert first.keys() == second.keys()
    for key, value in first.items():
        if isinstance(value, dict):
            assert_same_state(value, second[key])
        elif isinstance(value, torch.Tensor):
            torch.testing.assert_close(value, second[key], rtol=0, atol=0, equal_nan=True)
        elif key != "seconds":
            assert value == second[key]


def as_stored(state):
    """What a checkpoint gives back: tensors lose their memory layout, numbers go through JSON."""
    stored = {}
    for key, value in state.items():
        if isinstance(value, dict):
            stored[key] = as_stored(value)
        elif isinstance(value, torch.Tensor):
            stored[key] = load(save({"tensor": value.contiguous()}))["tensor"]
        else:
            stored[key] = json.loads(json.dumps(value))
    return stored


def without_time(records):
    return [
        {key: value for key, value in record.items() if not key.startswith(("seconds", "time/"))}
        for record in records
    ]


def test_records_come_at_the_interval_and_at_the_end(make_road):
    records = list(trainer(make_road(batch_size=4), updates=5).train())
    assert [record["update"] for record in records] == [2, 4, 5]
    assert [record["images"] for record in records] == [8, 16, 20]
    assert all(np.isfinite(list(record.values())).all() for record in records)


def test_the_same_seed_gives_the_same_weights(make_road):
    first, second = trainer(make_road(batch_size=4)), trainer(make_road(batch_size=4))
    assert without_time(first.train()) == without_time(second.train())
    assert_same_state(first.state_dict(), second.state_dict())


@pytest.mark.parametrize("stop_after", [1, 2, 3])
def test_a_resumed_run_ends_in_the_same_bits(make_road, stop_after):
    alone = trainer(make_road(batch_size=4))
    records = without_time(alone.train())
    interrupted = trainer(make_road(batch_size=4))
    running = interrupted.train()
    for _ in range(stop_after):
        next(running)
    state = interrupted.state_dict()
    list(running)  # what the dead run did after its checkpoint must not matter
    resumed = trainer(make_road(batch_size=4))
    resumed.load_state_dict(as_stored(state))
    assert without_time(resumed.train()) == records[stop_after:]
    assert_same_state(resumed.state_dict(), alone.state_dict())


def test_the_state_is_tensors_and_json(make_road):
    learner = trainer(make_road(batch_size=4))
    next(learner.train())

    def plain(value):
        if isinstance(value, dict):
            return {key: plain(entry) for key, entry in value.items()}
        return None if isinstance(value, torch.Tensor) else value

    state = plain(learner.state_dict())
    assert json.loads(json.dumps(state)) == state


def test_the_state_is_a_copy(make_road):
    learner = trainer(make_road(batch_size=4))
    running = learner.train()
    next(running)
    state = learner.state_dict()
    kept = state["network"]["pose_head.weight"].clone()
    moment = state["optimisers"]["pose_head.weight"]["exp_avg"].clone()
    list(running)
    torch.testing.assert_close(state["network"]["pose_head.weight"], kept, rtol=0, atol=0)
    torch.testing.assert_close(state["optimisers"]["pose_head.weight"]["exp_avg"], moment, rtol=0, atol=0)


def test_the_scale_is_the_deviation_of_the_first_labels(make_road):
    road = make_road(batch_size=4)
    poses = np.concatenate([road.next_batch()[2] for _ in range(SCALE_BATCHES)])
    scale = trainer(make_road(batch_size=4)).network.pose_scale.numpy()
    np.testing.assert_allclose(scale, poses.std(0), rtol=1e-5)


def test_a_budget_of_seconds_ends_training(make_road):
    learner = trainer(make_road(batch_size=4), updates=1_000_000, seconds=0.5)
    records = list(learner.train())
    assert learner.finished
    assert 0.5 <= records[-1]["seconds"] < 5
    assert records[-1]["learning_rate"] == pytest.approx(0, abs=1e-9)


def test_the_learning_rate_rises_then_falls_to_zero(make_road):
    learner = trainer(make_road(batch_size=4), updates=100, warmup=0.1)
    rates = []
    for update in range(101):
        learner.update = update
        rates.append(learner.learning_rate_factor())
    assert rates[0] == pytest.approx(0.1)
    assert rates[9] == pytest.approx(max(rates)) == 1
    assert rates[55] == pytest.approx(0.5)
    assert rates[100] == pytest.approx(0)
    assert all(later <= earlier for earlier, later in zip(rates[10:], rates[11:], strict=False))


def test_the_averaged_network_lags_behind(make_road):
    learner = trainer(make_road(batch_size=4), updates=40, average=0.9)
    start = learner.averaged.pose_head.weight.clone()
    list(learner.train())
    trained, averaged = learner.network.pose_head.weight, learner.averaged.pose_head.weight
    assert 0 < (averaged - start).norm() < (trained - start).norm()
    assert not averaged.requires_grad


def test_no_average_is_the_network_itself(make_road):
    learner = trainer(make_road(batch_size=4), average=0.0)
    list(learner.train())
    trained = learner.network.state_dict()
    for name, tensor in learner.averaged.state_dict().items():
        if tensor.is_floating_point():
            torch.testing.assert_close(tensor, trained[name], rtol=0, atol=0)


def test_a_non_finite_loss_stops_and_names_the_update(make_road):
    class Broken(make_road):
        def next_batch(self):
            frames, semantic, pose = super().next_batch()
            if self.state_dict()["number"] == SCALE_BATCHES + 3:
                pose = pose * np.float32("inf")
            return frames, semantic, pose

    learner = trainer(Broken(batch_size=4))
    with pytest.raises(NonFiniteLossError, match="at update 3; a learning_rate below 0.0") as failure:
        list(learner.train())
    assert failure.value.update == 3


def test_segmentation_can_be_left_out(make_road):
    learner = trainer(make_road(batch_size=4), segmentation_weight=0.0)
    before = learner.network.segmentation_head.to_pixels.weight.clone()
    records = list(learner.train())
    assert records[-1]["loss/segmentation"] == 0
    assert torch.equal(learner.network.segmentation_head.to_pixels.weight, before)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"updates": 0}, "updates is 0; it must be positive"),
        ({"average": 1.5}, "average is 1.5; it must lie between 0 and 1"),
        ({"weight_decay": -1.0}, "weight_decay is -1.0; it must not be negative"),
        ({"clip": 0.5}, "clip is 0.5; it must be at least 1, or null for no limit"),
        ({"seconds": 0.0}, "seconds is 0.0; it must be positive, or null for no limit"),
    ],
)
def test_bad_settings_are_refused(settings, reason):
    with pytest.raises(ValueError, match=reason):
        TrainingConfig(**settings)


def test_the_variance_exponent_softens_what_is_learnt(make_road):
    """The first update's loss is the likelihood of each number times its variance to the β."""
    plain, soft = (trainer(make_road(batch_size=4), variance_exponent=beta) for beta in (0.0, 0.5))
    batch = to_tensors(LabelledBatch(*make_road(batch_size=4).next_batch()), torch.device("cpu"))
    with torch.no_grad():
        for learner in (plain, soft):
            learner.network.pose_head.bias.copy_(torch.linspace(-1, 1, len(learner.network.pose_head.bias)))
        mean, log_variance = soft.network.pose(soft.network.latent(batch.frames))
        target = batch.pose / soft.network.pose_scale
        likelihood = gaussian_negative_log_likelihood(mean, log_variance, target)
        expected = [(likelihood * (beta * log_variance).exp()).sum(1).mean() for beta in (0.0, 0.5)]
        losses = [learner.losses(batch)[1][1] for learner in (plain, soft)]
    torch.testing.assert_close(torch.stack(losses), torch.stack(expected))
    assert float((losses[0] - losses[1]).abs()) > 0.01


def test_a_long_gradient_is_shortened_to_a_multiple_of_the_usual_one():
    layer = torch.nn.Linear(2, 1)
    clip = GradientClip(layer, 2.0, torch.device("cpu"))
    lengths = []
    for length in (3.0, 3.0, 300.0, 1.0):
        layer.weight.grad, layer.bias.grad = torch.tensor([[0.6, 0.0]]) * length, torch.tensor([0.8]) * length
        clip.shorten()
        lengths.append(float(torch.cat([layer.weight.grad.flatten(), layer.bias.grad]).norm()))
        torch.testing.assert_close(layer.weight.grad[0, 0] / layer.bias.grad[0], torch.tensor(0.75))
    assert lengths == pytest.approx([3.0, 3.0, 6.0, 1.0])
    assert float(clip.usual) == pytest.approx(0.98 * (0.98 * 3.0 + 0.02 * 6.0) + 0.02 * 1.0)


def test_an_odd_batch_is_softened_and_training_continues_in_the_same_bits(make_road):
    class Odd(make_road):
        def next_batch(self):
            frames, semantic, pose = super().next_batch()
            if self.state_dict()["number"] == SCALE_BATCHES + 6:
                pose = pose * np.float32(50.0)
            return frames, semantic, pose

    alone, first, second = (trainer(Odd(batch_size=4), clip=1.0, log_interval=1) for _ in range(3))
    unclipped = trainer(Odd(batch_size=4), log_interval=1)
    clipped, plain = ([record["loss"] for record in learner.train()] for learner in (alone, unclipped))
    assert clipped[:6] == plain[:6]
    assert clipped[6:] != plain[6:]
    begun = first.train()
    for _ in range(4):
        next(begun)
    second.load_state_dict(as_stored(first.state_dict()))
    list(second.train())
    assert_same_state(second.state_dict(), alone.state_dict())


@pytest.mark.parametrize("scene", [False, True])
def test_half_precision_learns_nearly_the_same_and_auto_is_float32_on_a_processor(
    make_road, make_scene, scene
):
    make, config = (
        (make_scene, NetworkConfig(scene=True, sky=0.0, latent_size=16))
        if scene
        else (make_road, NetworkConfig(latent_size=16))
    )
    losses, networks = {}, {}
    for precision in ("auto", "float32", "bfloat16"):
        settings = TrainingConfig(updates=6, log_interval=2, parts=1, precision=precision)
        learner = PerceptionTrainer(config, settings, make(batch_size=4), seed=3)
        losses[precision] = [record["loss"] for record in learner.train()]
        networks[precision] = learner
    assert losses["auto"] == losses["float32"]
    assert losses["bfloat16"] != losses["float32"]
    assert losses["bfloat16"] == pytest.approx(losses["float32"], rel=0.1)
    half = networks["bfloat16"]
    assert half.network.mixed
    assert not half.averaged.mixed  # what is saved and acts computes as always
    assert all(part.dtype == torch.float32 for part in half.network.state_dict().values())


@pytest.mark.parametrize("scene", [False, True])
def test_layers_are_compiled_on_request_alone(make_scene, monkeypatch, scene):
    compiled = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda layer: compiled.append(type(layer).__name__))
    config = NetworkConfig(scene=scene, sky=0.0, latent_size=16)
    for wanted in (False, True):
        settings = TrainingConfig(updates=1, parts=1, compiled=wanted)
        learner = PerceptionTrainer(config, settings, make_scene(batch_size=4), seed=3)
        list(learner.train())
    assert compiled == ["Encoder", "SceneHead"][: 1 + scene]
