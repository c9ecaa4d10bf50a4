"""The labelled stream: batches that depend on their number alone, and cover what a camera may meet."""

import json
from typing import Any

import numpy as np
import pytest

from envs.driving.actors import PEDESTRIAN
from envs.driving.camera import CLASSES
from envs.driving.config import DrivingConfig
from envs.driving.labels import POSE, STATE
from envs.driving.stream import STREAMS, DrivenStream, LabelledStream
from envs.driving.surroundings import SURROUNDINGS

SMALL = {"image_size": [32, 48], "num_levels": 6}


def stream(batch_size: int = 16, seed: int = 1, **keywords) -> LabelledStream:
    return LabelledStream("train", batch_size, seed, **{**SMALL, **keywords})


def test_a_batch_has_frames_masks_and_poses() -> None:
    frames, masks, poses = stream().next_batch()
    assert (frames.shape, frames.dtype) == ((16, 32, 48, 3), np.uint8)
    assert (masks.shape, masks.dtype) == ((16, 32, 48), np.uint8)
    assert (poses.shape, poses.dtype) == ((16, len(POSE)), np.float32)
    assert masks.max() < len(CLASSES)


def test_batches_repeat_with_the_seed_and_differ_otherwise() -> None:
    a, b, other = stream(), stream(num_threads=1), stream(seed=2)
    seen = []
    for _ in range(3):
        first, second = a.next_batch(), b.next_batch()
        for left, right in zip(first, second, strict=True):
            np.testing.assert_array_equal(left, right)
        seen += [first[2], other.next_batch()[2]]
    assert len(np.unique(np.concatenate(seen), axis=0)) == 6 * 16


def test_what_was_returned_is_not_overwritten() -> None:
    source = stream()
    first = source.next_batch()
    copies = [part.copy() for part in first]
    source.next_batch()
    for part, copy in zip(first, copies, strict=True):
        np.testing.assert_array_equal(part, copy)


def test_a_restored_stream_goes_on_where_the_other_was() -> None:
    source = stream()
    source.next_batch()
    state = json.loads(json.dumps(source.state_dict()))
    expected = source.next_batch()
    other = stream(seed=99)
    other.load_state_dict(state)
    for left, right in zip(expected, other.next_batch(), strict=True):
        np.testing.assert_array_equal(left, right)


def test_the_schema_is_plain_json_and_tells_cameras_apart() -> None:
    schema = stream().schema()
    assert json.loads(json.dumps(schema)) == schema
    assert schema["classes"] == list(CLASSES)
    assert schema["pose"] == list(POSE)
    assert schema["channels"] == 3
    assert schema["camera"]["image_size"] == [32, 48]
    others: list[dict[str, Any]] = [
        {"image_size": 32},
        {"camera": {"height": 1.2}},
        {"camera": {"pitch": 0.1}},
    ]
    for other in others:
        assert stream(**other).schema() != schema


def test_labels_cover_the_road_and_centre_on_nothing() -> None:
    source = stream(256)
    poses = np.concatenate([source.next_batch()[2] for _ in range(8)])
    assert np.abs(poses[:, 0]).max() == pytest.approx(3.6, abs=0.15)
    assert np.abs(poses[:, 1]).max() == pytest.approx(0.77, abs=0.05)
    assert np.abs(poses.mean(0)).max() < 0.05
    assert (np.abs(poses[:, 2:]).max(0) > 0.03).all()
    assert 1.0 < poses[:, 0].std() < 1.8


def test_masks_and_poses_belong_to_the_frames(reference_camera) -> None:
    """The stream's own cars, seen through the reference camera."""
    source = stream(8)
    _, masks, poses = source.next_batch()
    for n in range(8):
        camera = reference_camera(source.simulator, n)
        row = source.simulator.rows[n]
        pixels = np.argwhere(np.ones((32, 48), bool))[::5]
        shares, _ = camera.shares(pixels, (32, 48))
        got = masks[n][tuple(pixels.T)]
        assert (got == shares.argmax(1)).mean() > 0.96
        left = camera.road.place(np.array([[row["x"], row["y"]]], np.float64))[0, 0]
        assert poses[n, 0] == pytest.approx(left * row["mirror"] * row["direction"], abs=0.01)


def test_looks_are_randomized_unless_told_otherwise() -> None:
    source, clean = stream(), stream(look="clean")
    for each in (source, clean):
        each.next_batch()
    assert source.simulator.looks["errors"].std() > 0.0
    assert (clean.simulator.looks["errors"] == 0.0).all()


def test_splits_have_their_own_roads() -> None:
    poses = {
        split: LabelledStream(split, 16, 1, **SMALL).next_batch()[2] for split in ("train", "test", "ood")
    }
    assert not np.array_equal(poses["train"], poses["test"])
    assert not np.array_equal(poses["test"], poses["ood"])
    with pytest.raises(ValueError, match="split is 'night'; it must be one of"):
        LabelledStream("night", 4, 0)
    with pytest.raises(TypeError, match="has no option 'size'"):
        LabelledStream("train", 4, 0, size=64)


def driven(batch_size: int = 24, seed: int = 1, **keywords) -> DrivenStream:
    return DrivenStream("train", batch_size, seed, **{**SMALL, "task": "traffic", **keywords})


def test_streets_are_driven_and_what_is_ahead_is_told() -> None:
    source = driven(64)
    schema = source.schema()
    assert json.loads(json.dumps(schema)) == schema
    first, second = source.next_batch(), source.next_batch()
    assert first[2].shape == (64, len(schema["pose"]))
    assert len(schema["pose"]) == len(schema["pose_units"])
    assert not any(what in name for name in schema["pose"] for what in ("behind", "approach"))
    state = source.simulator.privileged()
    names = [*(f"lane {k}" for k in range(9)), *SURROUNDINGS]
    for name in ("left_edge", "curvature_80", "crossing"):
        np.testing.assert_array_equal(second[2][:, schema["pose"].index(name)], state[:, names.index(name)])
    gap, own = second[2][:, schema["pose"].index("own_gap")], state[:, names.index("own_gap")]
    assert (gap >= own).all()
    assert (gap == own).mean() > 0.8
    gaps = np.concatenate([first[2], second[2]])[:, schema["pose"].index("own_gap")]
    assert (gaps < 1.0).sum() > 5
    assert (gaps == 1.0).sum() > 5
    assert np.abs(first[2][:, 0] - second[2][:, 0]).max() > 0.01  # they have moved


def test_what_no_pixel_shows_is_not_told() -> None:
    source = driven(128, image_size=[32, 64])
    names, classes = source.schema()["pose"], source.schema()["classes"]
    told, hidden = {"crossing_busy": 0, "gap": 0}, 0
    for _ in range(10):
        _, masks, poses = source.next_batch()
        people = (masks == classes.index("pedestrian")).any((1, 2))
        things = (masks >= classes.index("vehicle")).any((1, 2))
        busy = poses[:, names.index("crossing_busy")] > 0
        gap = poses[:, [names.index(f"{side}_gap") for side in ("left", "own", "right")]].min(1) < 1.0
        assert not (busy & ~people).any()
        assert not (gap & ~things).any()
        told["crossing_busy"] += int(busy.sum())
        told["gap"] += int(gap.sum())
        state = source.simulator.privileged()
        there = state[:, len(STATE) + SURROUNDINGS.index("own_gap")] < 1.0
        hidden += int((there & (poses[:, names.index("own_gap")] == 1.0)).sum())
    assert min(told.values()) > 10
    assert hidden > 0, "somebody hides somebody else now and then"


def test_of_whole_scenes_depths_and_instances_agree_with_the_masks() -> None:
    source = driven(32, scene=True, image_size=[32, 64])
    schema, plain = source.schema(), driven(32, image_size=[32, 64])
    things = [schema["classes"].index(name) for name in schema["things"]]
    assert things == list(range(things[0], things[0] + len(things)))
    assert "things" not in plain.schema()
    seen = 0
    for _ in range(3):
        frames, masks, poses, depths, instances = source.next_batch()
        for scene_part, part in zip((frames, masks, poses), plain.next_batch(), strict=True):
            np.testing.assert_array_equal(scene_part, part)
        assert (depths.dtype, instances.dtype) == (np.float32, np.uint8)
        np.testing.assert_array_equal(instances > 0, np.isin(masks, things))
        assert (depths[masks == schema["classes"].index("sky")] == schema["furthest"]).all()
        for n, number in sorted({(row, int(k)) for row in range(32) for k in np.unique(instances[row]) if k}):
            mine = instances[n] == number
            assert len(np.unique(masks[n][mine])) == 1
            assert np.ptp(depths[n][mine]) < 12.0  # one thing is no longer than a bus
        seen += int((instances > 0).sum())
    assert seen > 300


def test_more_stands_in_the_way_than_in_the_task() -> None:
    usual = DrivingConfig.from_keywords({"task": "obstacles"}).num_obstacles
    stream = DrivenStream("train", 4, 1, task="obstacles", **SMALL)
    assert stream.config.num_obstacles == min(4 * usual, 16) > usual > 0
    asked = DrivenStream("train", 4, 1, task="obstacles", num_obstacles=1, **SMALL)
    assert asked.config.num_obstacles == 1


def test_to_tell_what_is_seen_changes_nothing_in_the_world() -> None:
    source = driven(16)
    source.next_batch()
    before = {name: array.tobytes() for name, array in source.simulator.state.items()}
    source._poses(np.ones(source.simulator.there.actors.shape, np.bool_))
    assert before == {name: array.tobytes() for name, array in source.simulator.state.items()}


def test_what_is_told_does_not_depend_on_speeds() -> None:
    source = driven(64)
    for _ in range(3):
        source.next_batch()
    nobody_hidden = np.zeros(source.simulator.there.actors.shape, np.bool_)
    before = source._poses(nobody_hidden)
    assert (before[:, source.schema()["pose"].index("crossing_busy")] > 0).any()
    source.simulator.rows["vx"] = 0.5
    np.testing.assert_array_equal(source._poses(nobody_hidden), before)


def test_a_restored_driven_stream_goes_on_where_the_other_was() -> None:
    source = driven()
    for _ in range(3):
        source.next_batch()
    state = source.state_dict()
    expected = [source.next_batch() for _ in range(3)]
    other = driven(seed=99, num_threads=1)
    other.next_batch()
    other.load_state_dict(state)
    for batch in expected:
        for left, right in zip(batch, other.next_batch(), strict=True):
            np.testing.assert_array_equal(left, right)


def test_driven_streams_stray_from_what_the_expert_does(monkeypatch: pytest.MonkeyPatch) -> None:
    def turned() -> float:
        """How far cars are turned from the way of their lane, for the tenth that is most."""
        source = driven(256, image_size=[8, 8])
        poses = [source.next_batch()[2] for _ in range(4)]
        return float(np.quantile(np.abs(poses[-1][:, 1]), 0.9))

    astray = turned()
    monkeypatch.setattr("envs.driving.stream._STRAY", 0.0)
    assert astray > 2.0 * turned()


def test_more_people_walk_in_driven_streams_up_to_what_a_task_can_have() -> None:
    tasks: list[tuple[dict[str, Any], int]] = [
        ({}, 16),
        ({"difficulty": 0.25}, 8),
        ({"num_pedestrians": 3}, 3),
    ]
    for keywords, people in tasks:
        source = driven(2, **keywords)
        source.next_batch()
        kinds = source.simulator.there.actors["kind"]
        assert ((kinds == PEDESTRIAN).sum(axis=1) == people).all()


@pytest.mark.parametrize("name", STREAMS)
def test_every_stream_shows_its_task(name: str) -> None:
    source = STREAMS[name]("val", 8, 0, image_size=[32, 32], num_levels=2)
    frames, masks, poses = source.next_batch()
    assert frames.shape == (8, 32, 32, 3)
    assert masks.max() < len(source.schema()["classes"])
    assert poses.shape == (8, len(source.schema()["pose"]))
    assert np.isfinite(poses).all()
    assert poses.std(axis=0)[:2].min() > 0
