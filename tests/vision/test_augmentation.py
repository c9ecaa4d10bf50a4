import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.driving.stream import STREAMS, LabelledStream
from vision.augmentation import Augmentation, flipped, mirrored_pose, relit
from vision.data import LabelledBatch, TensorBatch, to_tensors
from vision.networks import NetworkConfig
from vision.recipe import TrainingConfig
from vision.training import PerceptionTrainer

SMALL = {"image_size": [32, 48], "num_levels": 4, "num_threads": 1}
ALL = torch.ones(16, dtype=torch.bool)
TASKS = ("LaneFollow", "Race", "Traffic")


@pytest.fixture(scope="module", params=TASKS)
def source(request) -> LabelledStream:
    stream = STREAMS[f"Hairpin/{request.param}-v0"]("train", 16, 3, scene=True, look="clean", **SMALL)
    stream.next_batch()
    return stream


def batch_of(source) -> TensorBatch:
    return to_tensors(LabelledBatch(*source.next_batch()), torch.device("cpu"))


def test_mirrored_twice_is_as_before(source):
    batch = batch_of(source)
    schema = source.schema()
    once = flipped(batch, ALL, schema)
    twice = flipped(once, ALL, schema)
    assert not torch.equal(once.frames, batch.frames)
    pairs = zip(twice, batch, strict=True)
    assert all(torch.equal(a, b) for a, b in pairs if a is not None and b is not None)


def test_a_mirrored_frame_is_that_of_the_mirrored_world(source):
    """The simulator has every road mirrored as well: what it shows of it is computed another way."""
    simulator = source.simulator
    size, shape = simulator.num_rows, source.config.frame_shape

    def scene() -> TensorBatch:
        frames, masks = np.empty((size, *shape, 3), np.uint8), np.empty((size, *shape), np.uint8)
        depths = np.zeros((size, *shape), np.float32)
        simulator.paint(frames)
        instances, boxes = simulator.label(masks, depths)
        poses = source._poses(boxes[..., 5] < 2)
        return to_tensors(LabelledBatch(frames, masks, poses, depths, instances), torch.device("cpu"))

    plain = scene()
    errors = simulator.looks["errors"].copy()
    simulator.rows["mirror"] *= -1
    simulator.looks["errors"] = 0
    mirrored = scene()
    simulator.rows["mirror"] *= -1
    straight = scene()
    simulator.looks["errors"] = errors
    expected = flipped(straight, ALL, source.schema())
    assert float((mirrored.semantic == expected.semantic).float().mean()) > 0.98
    off, turned = (
        float((mirrored.frames.float() - part.frames).abs().mean()) for part in (expected, straight)
    )
    assert off < 0.3 * turned  # hills and grass are drawn of another place
    torch.testing.assert_close(mirrored.pose, expected.pose, rtol=1e-4, atol=2e-3)
    assert not torch.equal(expected.pose, straight.pose)
    assert plain.frames.shape == mirrored.frames.shape


def test_only_the_chosen_are_mirrored(source):
    batch, chosen = batch_of(source), torch.arange(16) % 3 == 0
    some = flipped(batch, chosen, source.schema())
    every = flipped(batch, ALL, source.schema())
    for part, all_turned, as_before in zip(some, every, batch, strict=True):
        assert part is not None
        assert all_turned is not None
        assert as_before is not None
        assert torch.equal(part[chosen], all_turned[chosen])
        assert torch.equal(part[~chosen], as_before[~chosen])


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 999), st.floats(0.05, 0.5))
def test_light_changes_no_label_and_keeps_to_bytes(seed, light):
    generator = torch.Generator().manual_seed(seed)
    frames = torch.randint(0, 256, (6, 8, 12, 3), generator=generator).to(torch.uint8)
    change = light * (2 * torch.rand(6, 4, generator=generator) - 1)
    out = relit(frames, change)
    plain = frames.double().numpy() * (1 + change.double().numpy()[:, None, None, :3])
    mean = plain.mean((1, 2, 3), keepdims=True)
    expected = np.clip(np.round(mean + (plain - mean) * (1 + change.numpy()[:, None, None, 3:])), 0, 255)
    assert np.abs(out.numpy().astype(float) - expected).max() <= 1
    assert torch.equal(relit(frames, torch.zeros(6, 4)), frames)


def test_draws_follow_the_seed_and_shares_are_kept(source):
    batch, schema = batch_of(source), source.schema()
    many = TensorBatch(*(part.repeat(40, *[1] * (part.ndim - 1)) for part in batch if part is not None))
    changed = Augmentation(flip=0.25).apply(many, schema, torch.Generator().manual_seed(0)).frames
    turned = (changed == many.frames.flip(2)).flatten(1).all(1) & (changed != many.frames).flatten(1).any(1)
    assert float(turned.float().mean()) == pytest.approx(0.25, abs=0.06)
    change = Augmentation(flip=0.5, light=0.2)
    first, same, other = (change.apply(batch, schema, torch.Generator().manual_seed(n)) for n in (1, 1, 2))
    assert torch.equal(first.frames, same.frames)
    assert not torch.equal(first.frames, other.frames)
    assert torch.equal(Augmentation().apply(batch, schema, torch.Generator()).frames, batch.frames)


def test_a_trainer_with_augmentation_resumes_bit_for_bit(make_scene):
    class Mirrored(make_scene):
        def schema(self):
            return {**super().schema(), "mirror": {"nearest": ["nearest", 1]}}

    def trainer() -> PerceptionTrainer:
        change = Augmentation(flip=0.5, light=0.3)
        config = TrainingConfig(updates=4, log_interval=2, parts=1, augmentation=change)
        return PerceptionTrainer(NetworkConfig(scene=True, sky=0.0), config, Mirrored(), seed=3)

    whole, first, second = trainer(), trainer(), trainer()
    list(whole.train())
    next(first.train())
    second.load_state_dict(first.state_dict())
    list(second.train())
    for name, tensor in whole.network.state_dict().items():
        assert torch.equal(tensor, second.network.state_dict()[name]), name


def test_labels_that_no_mirror_is_known_for_are_refused(make_road):
    batch = batch_of(make_road(batch_size=4))
    with pytest.raises(ValueError, match="frames cannot be mirrored: .* what becomes of lane_offset"):
        mirrored_pose(batch.pose, make_road().schema())
    with pytest.raises(ValueError, match="flip is 1.5"):
        Augmentation(flip=1.5)
