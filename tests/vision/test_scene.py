from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vision.data import LabelledBatch, PrefetchedSource, TensorBatch, to_tensors
from vision.evaluation import evaluate_perception
from vision.networks import SCENE_TASKS, NetworkConfig, PerceptionNetwork
from vision.pictures import prediction_grid
from vision.recipe import TrainingConfig
from vision.scene import (
    SceneEstimate,
    cell_middles,
    find_objects,
    group_instances,
    scene_targets,
    visible_objects,
)
from vision.scene_evaluation import SceneTally
from vision.scene_losses import scene_losses
from vision.storage import load_perception, save_perception
from vision.training import PerceptionTrainer

CONFIG = NetworkConfig(scene=True, sky=0.0, latent_size=16)
FIRST, THINGS = 2, 3


def batch_of(source) -> TensorBatch:
    return to_tensors(LabelledBatch(*source.next_batch()), torch.device("cpu"))


def network_of(source, config: NetworkConfig = CONFIG) -> PerceptionNetwork:
    return PerceptionNetwork(config, source.schema(), [10.0], torch.Generator().manual_seed(0))


def perfect(batch: TensorBatch) -> SceneEstimate:
    """What a network that knows everything would say."""
    assert batch.depth is not None
    assert batch.instances is not None
    shape = (batch.semantic.shape[1] // 2, batch.semantic.shape[2] // 2)
    objects = visible_objects(batch.instances, batch.semantic, FIRST, THINGS)
    targets = scene_targets(objects, batch.instances, shape, THINGS)
    size, shift = (torch.zeros(len(batch.frames), 2, *shape) for _ in range(2))
    place = (targets.frame, slice(None), targets.row, targets.column)
    size[place], shift[place] = targets.size, targets.shift
    semantic = 20.0 * torch.nn.functional.one_hot(batch.semantic.long(), FIRST + THINGS).movedim(-1, 1)
    heat = targets.heat.clamp(1e-6, 1 - 1e-6)
    return SceneEstimate(semantic.float(), batch.depth.log(), heat.logit(), size, shift, targets.vector)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 9999))
def test_visible_objects_are_those_counted_one_by_one(seed):
    generator = np.random.default_rng(seed)
    instances = np.kron(generator.integers(0, 6, (2, 3, 4)), np.ones((1, 2, 2), np.int64)).astype(np.uint8)
    instances[generator.random(instances.shape) < 0.3] = 0
    kinds = generator.integers(0, 5, 6)  # of each number; 0 and 1 are no things
    semantic = kinds[instances].astype(np.uint8)
    found = visible_objects(torch.from_numpy(instances), torch.from_numpy(semantic), FIRST, THINGS)
    expected = []
    for frame, name in product(range(2), range(1, 6)):
        rows, columns = np.nonzero(instances[frame] == name)
        if len(rows) >= 2 and kinds[name] >= FIRST:
            box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            expected.append((frame, kinds[name] - FIRST, box, name))
    assert found.frame.tolist() == [frame for frame, *_ in expected]
    assert found.kind.tolist() == [kind for _, kind, *_ in expected]
    assert found.box.tolist() == [box for *_, box, _ in expected]
    assert found.name.tolist() == [name for *_, name in expected]


def test_a_middle_is_hot_and_what_is_around_it_less(make_scene):
    batch = batch_of(make_scene())
    assert batch.instances is not None
    objects = visible_objects(batch.instances, batch.semantic, FIRST, THINGS)
    targets = scene_targets(objects, batch.instances, (16, 24), THINGS)
    assert len(objects.kind) > 8
    assert torch.equal(
        targets.heat[targets.frame, objects.kind, targets.row, targets.column], torch.ones(len(objects.kind))
    )
    assert int((targets.heat == 1).sum()) <= len(objects.kind)
    assert float(targets.heat.min()) >= 0.0
    beside = targets.heat[targets.frame, objects.kind, targets.row, (targets.column + 1).clamp(max=23)]
    assert float(beside[targets.column < 23].median()) < 0.95


def test_what_a_network_that_knows_everything_says_is_read_off_again(make_scene):
    right = pixels = 0
    for seed in range(5):
        batch = batch_of(make_scene(seed=seed))
        assert batch.instances is not None
        objects = visible_objects(batch.instances, batch.semantic, FIRST, THINGS)
        estimate = perfect(batch)
        found = find_objects(estimate, least=0.9)
        grouped = group_instances(estimate, found, FIRST)
        for n, mine in enumerate(found):
            here = objects.frame == n
            true = {tuple(row) for row in objects.box[here].round().tolist()}
            told = {tuple(row) for row in mine.box.round().tolist()}
            assert told <= true
            assert len(true - told) <= 1  # two middles in neighbouring cells are one peak
            if told != true:
                continue
            for number in range(len(mine.kind)):
                mask = grouped[n] == number + 1
                counts = batch.instances[n][mask].unique(return_counts=True)[1]
                right, pixels = right + int(counts.max()), pixels + int(counts.sum())
    assert right / pixels > 0.98  # a cell of four pixels points to one middle
    assert pixels > 1000


def test_a_network_that_knows_everything_has_no_loss(make_scene, monkeypatch):
    batch, network = batch_of(make_scene()), network_of(make_scene())
    estimate = perfect(batch)
    monkeypatch.setattr(network, "scene", lambda _: estimate)
    losses = dict(zip(SCENE_TASKS, scene_losses(network, network.encode(batch.frames), batch), strict=True))
    for task in ("segmentation", "depth", "box", "instance"):
        assert float(losses[task]) == pytest.approx(0.0, abs=1e-3), task
    assert float(losses["heat"]) < 0.2


def tallied(batch: TensorBatch, estimate: SceneEstimate, network: PerceptionNetwork) -> dict[str, float]:
    """Scores of a network that says this of a batch."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network, "scene", lambda _: estimate)
        tally = SceneTally(network)
        encoding = network.encode(batch.frames)
        for _ in range(2):
            tally.add(encoding, batch)
    return {name: value for name, value in tally.scores().items() if value is not None}


def test_who_knows_everything_scores_fully_and_each_fault_lowers_its_own_measure(make_scene):
    batch, network = batch_of(make_scene(batch_size=16)), network_of(make_scene())
    known = perfect(batch)
    best = tallied(batch, known, network)
    assert best["depth/abs_rel"] == pytest.approx(0.0, abs=1e-5)
    assert best["depth/delta_1"] == best["boundary_f1"] == best["pq/floor"] == best["pq/wall"] == 1.0
    assert best["calibration_error"] == pytest.approx(0.0, abs=1e-5)
    things = ("vehicle", "pedestrian", "obstacle")
    for thing in things:  # two middles in neighbouring cells are one peak
        assert best[f"ap50/{thing}"] > 0.85
        assert best[f"ap/{thing}"] > 0.8
        assert best[f"pq/{thing}"] > 0.85

    far = tallied(batch, known._replace(log_depth=known.log_depth + np.log(1.5)), network)
    assert far["depth/abs_rel"] == pytest.approx(0.5, abs=1e-4)
    assert far["depth/delta_1"] == 0.0
    assert {name: far[name] for name in best if "depth" not in name} == {
        name: best[name] for name in best if "depth" not in name
    }
    wide = tallied(batch, known._replace(size=known.size + np.log(1.3)), network)  # overlap 1 / 1.69
    for thing in things:
        assert wide[f"ap50/{thing}"] == pytest.approx(best[f"ap50/{thing}"], abs=1e-6)
        assert wide[f"ap/{thing}"] == pytest.approx(0.2 * wide[f"ap50/{thing}"], abs=0.06)
    blind = tallied(batch, known._replace(heat=torch.full_like(known.heat, -9.0)), network)
    assert blind["ap50/vehicle"] == blind["pq/vehicle"] == 0.0
    assert blind["pq/floor"] == 1.0
    turned = tallied(batch, known._replace(semantic=known.semantic[:, [1, 0, 2, 3, 4]]), network)
    assert turned["pq/floor"] == turned["pq/wall"] == 0.0
    assert turned["pq/vehicle"] == best["pq/vehicle"]
    assert turned["calibration_error"] > 0.5


def test_cells_have_their_middles_between_pixels():
    middles = cell_middles((2, 3), torch.device("cpu"))
    assert middles[0].tolist() == [[1.0, 3.0, 5.0]] * 2
    assert middles[1].tolist() == [[1.0] * 3, [3.0] * 3]


@pytest.mark.parametrize("size", ["tiny", "small", "base"])
@pytest.mark.parametrize("sky", [0.0, 0.375])
def test_every_size_tells_of_the_rows_that_it_sees(make_scene, size, sky):
    source = make_scene(shape=(32, 48))
    network, batch = network_of(source, NetworkConfig(size=size, scene=True, sky=sky)), batch_of(source)
    estimate = network.scene(network.encode(batch.frames))
    rows = network.encoder.rows
    assert estimate.semantic.shape == (8, 5, rows, 48)
    assert estimate.log_depth.shape == network.seen_labels(batch.semantic).shape == (8, rows, 48)
    assert estimate.heat.shape == (8, 3, rows // 2, 24)
    losses = scene_losses(network, network.encode(batch.frames), batch)
    assert torch.isfinite(losses).all()
    losses.sum().backward()
    assert all(part.grad is not None for part in network.scene_head.parameters())


def test_it_learns_what_is_where_and_a_network_of_chance_does_not(make_scene):
    source = make_scene(batch_size=32, seed=1)
    config = TrainingConfig(updates=250, log_interval=50, parts=1, variance_exponent=1.0)
    trainer = PerceptionTrainer(CONFIG, config, source, seed=0)
    records = list(trainer.train())
    assert {f"loss/{task}" for task in SCENE_TASKS} < records[-1].keys()
    learnt = evaluate_perception(trainer.averaged, make_scene(batch_size=32, seed=2), 4).as_dict()
    chance = evaluate_perception(network_of(source), make_scene(batch_size=32, seed=2), 4).as_dict()
    for measure, least in (("mean_iou", 0.85), ("pq", 0.6), ("ap50/vehicle", 0.6), ("depth/delta_1", 0.85)):
        value, before = learnt[measure], chance[measure] or 0.0
        assert value is not None
        assert value > least > before, measure
    assert (learnt["depth/abs_rel"] or 1.0) < 0.15 < (chance["depth/abs_rel"] or 0.0)
    assert float(trainer.averaged.task_log_variance.detach().abs().max()) > 0.05  # the weights are learnt


def test_scenes_resume_bit_for_bit(make_scene):
    def trainer(updates: int) -> PerceptionTrainer:
        config = TrainingConfig(updates=updates, log_interval=2, parts=2)
        return PerceptionTrainer(CONFIG, config, PrefetchedSource(make_scene()), seed=3)

    whole, first, second = trainer(6), trainer(6), trainer(6)
    list(whole.train())
    records = first.train()
    next(records)
    second.load_state_dict(first.state_dict())
    list(second.train())
    for name, tensor in whole.network.state_dict().items():
        assert torch.equal(tensor, second.network.state_dict()[name]), name


def test_scenes_are_stored_and_pictured(make_scene, tmp_path):
    source = make_scene()
    network = network_of(source)
    save_perception(tmp_path, network)
    loaded, batch = load_perception(tmp_path, source.schema()), LabelledBatch(*source.next_batch())
    frames = torch.from_numpy(batch.frames)
    first, second = (each.scene(each.encode(frames)) for each in (network, loaded))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert prediction_grid(loaded, batch).ndim == 3


def test_the_scene_is_weighed_against_the_pose(make_scene):
    batch = batch_of(make_scene())
    terms = []
    for weight in (0.0, 1.0, 4.0):
        config = TrainingConfig(updates=1, parts=1, scene_weight=weight)
        learner = PerceptionTrainer(CONFIG, config, make_scene(), seed=0)
        with torch.no_grad():
            total, report = learner.losses(batch)
        torch.testing.assert_close(report[0], total)
        assert len(report) == 2 + len(SCENE_TASKS)
        terms.append((float(total), float(report[1]), 0.5 * float(report[2:].sum())))  # s = 0 at first
    (none, pose, _), (once, _, scene), (four, _, _) = terms
    assert none == pytest.approx(pose)
    assert once == pytest.approx(pose + scene, rel=1e-5)
    assert four == pytest.approx(pose + 4 * scene, rel=1e-5)


def test_things_must_follow_one_another_among_the_classes(make_scene):
    schema = make_scene().schema()
    for things in ([], ["vehicle", "obstacle"], ["pedestrian", "vehicle"], ["tree"]):
        with pytest.raises(ValueError, match="things that follow one another among the classes"):
            PerceptionNetwork(CONFIG, {**schema, "things": things}, [1.0], torch.Generator())


def test_labels_without_scenes_are_refused(make_road, make_scene):
    with pytest.raises(ValueError, match="needs labels of things .* and these have none"):
        network_of(make_road(size=32), CONFIG)
    batch, network = batch_of(make_scene()), network_of(make_scene())
    flat = TensorBatch(batch.frames, batch.semantic, batch.pose)
    with pytest.raises(ValueError, match="whole scenes need labels of depth and of instances"):
        scene_losses(network, network.encode(batch.frames), flat)
