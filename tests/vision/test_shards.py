import json
from pathlib import Path

import numpy as np
import pytest

from vision.data import LabelledBatch
from vision.shards import MANIFEST, ShardError, ShardSource, check_batch, write_shards


def stored(folder: Path, source, batches: int = 5, batches_per_shard: int = 2) -> Path:
    assert list(write_shards(source, folder, batches, batches_per_shard=batches_per_shard))[-1] == batches
    return folder


def rows_of(batch: tuple[np.ndarray, ...]) -> set[bytes]:
    return {b"".join(part[n].tobytes() for part in batch) for n in range(len(batch[0]))}


@pytest.mark.parametrize("kind", ["make_road", "make_scene"])
def test_what_is_stored_comes_back_each_frame_once_a_round(tmp_path, request, kind):
    make = request.getfixturevalue(kind)
    source, other = make(batch_size=4), make(batch_size=4)
    shards = ShardSource(stored(tmp_path, source), 10, seed=1, expected_schema=source.schema())
    expected = set().union(*(rows_of(other.next_batch()) for _ in range(5)))
    assert len(shards) == len(expected) == 20
    rounds = [[shards.next_batch() for _ in range(2)] for _ in range(2)]
    for first, second in rounds:
        assert rows_of(first) | rows_of(second) == expected
        assert [part.dtype for part in first] == [part.dtype for part in source.next_batch()]
    assert rounds[0][0][0].tobytes() != rounds[1][0][0].tobytes()  # another order each time
    assert shards.schema() == json.loads(json.dumps(source.schema()))


def test_frames_of_a_shard_come_in_a_random_order(tmp_path, make_road):
    stored(tmp_path, make_road(batch_size=16), batches=2)
    other = make_road(batch_size=16)
    as_made = [frame.tobytes() for _ in range(2) for frame in other.next_batch()[0]]
    (frames, *_) = ShardSource(tmp_path, 32, seed=0).next_batch()
    places = [as_made.index(frame.tobytes()) for frame in frames]
    assert sorted(places) == list(range(32))
    assert sum(abs(a - b) == 1 for a, b in zip(places, places[1:], strict=False)) < 10


def test_the_order_follows_the_seed_and_a_state_goes_on_where_it_was(tmp_path, make_road):
    stored(tmp_path, make_road(batch_size=4))
    first, same, other = (ShardSource(tmp_path, 3, seed) for seed in (1, 1, 2))
    batches = [first.next_batch() for _ in range(4)]
    assert all((a == b).all() for a, b in zip(batches[0], same.next_batch(), strict=True))
    assert batches[0][0].tobytes() != other.next_batch()[0].tobytes()
    state = json.loads(json.dumps(first.state_dict()))
    following = [first.next_batch() for _ in range(5)]
    other.load_state_dict(state)
    for expected in following:
        assert all((a == b).all() for a, b in zip(expected, other.next_batch(), strict=True))


def test_a_folder_without_a_manifest_holds_nothing(tmp_path, make_road):
    writing = write_shards(make_road(batch_size=4), tmp_path, 5, batches_per_shard=2)
    next(writing)  # and no more, as if it had been killed
    with pytest.raises(ShardError, match=r"holds no stored frames: manifest\.json is missing"):
        ShardSource(tmp_path, 4, 0)
    stored(tmp_path, make_road(batch_size=4))
    with pytest.raises(ShardError, match="holds stored frames already"):
        stored(tmp_path, make_road(batch_size=4))


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("fault", ["altered", "cut", "missing"])
def test_a_damaged_shard_is_named(tmp_path, make_road, fault):
    stored(tmp_path, make_road(batch_size=4), batches=2)
    path = tmp_path / "shard-00000.safetensors"
    if fault == "altered":
        damage(path)
    elif fault == "cut":
        path.write_bytes(path.read_bytes()[:-7])
    else:
        path.unlink()
    sentence = "is missing" if fault == "missing" else "is truncated or altered"
    with pytest.raises(ShardError, match=f"shard-00000.safetensors {sentence}"):
        ShardSource(tmp_path, 4, 0).next_batch()


def test_a_damaged_manifest_and_another_format_are_refused(tmp_path, make_road):
    stored(tmp_path, make_road(batch_size=4), batches=2)
    path = tmp_path / MANIFEST
    whole = path.read_text()
    for broken in (whole[:-9], whole.replace('"frames": 8', '"frames": 9'), "[]"):
        path.write_text(broken)
        with pytest.raises(ShardError, match=r"manifest\.json is truncated or altered"):
            ShardSource(tmp_path, 4, 0)


def test_too_few_frames_and_another_camera_are_refused(tmp_path, make_road):
    stored(tmp_path, make_road(batch_size=4), batches=2)
    with pytest.raises(ShardError, match="holds 8 frames; a batch has 9"):
        ShardSource(tmp_path, 9, 0)
    with pytest.raises(ShardError, match=r"have camera\.image_size \[64, 64\], the environment gives"):
        ShardSource(tmp_path, 4, 0, make_road(size=32).schema())


@pytest.mark.parametrize(
    ("part", "value", "sentence"),
    [
        ("semantic", 9, "semantic has a class 9; there are 5"),
        ("pose", np.nan, "pose has numbers that are not finite"),
        ("depth", np.inf, "depth has numbers that are not finite"),
        ("depth", -1.0, "depth has -1.0; it must be above 0"),
    ],
)
def test_labels_out_of_range_are_refused_before_anything_is_written(
    tmp_path, make_scene, part, value, sentence
):
    source = make_scene()
    batch = LabelledBatch(*source.next_batch())
    label = getattr(batch, part)
    label[(1,) * label.ndim if label.shape[-1] > 1 else (1, 0)] = value
    with pytest.raises(ShardError, match=sentence):
        check_batch(batch, source.schema())

    class Broken(type(source)):
        def next_batch(self):
            return tuple(part for part in batch if part is not None)

    with pytest.raises(ShardError, match=sentence):
        stored(tmp_path, Broken())
    assert not list(tmp_path.iterdir())


def test_empty_and_wrongly_shaped_images_are_refused(make_road):
    source = make_road(batch_size=4)
    batch = LabelledBatch(*source.next_batch())
    for wrong, sentence in (
        (batch._replace(frames=batch.frames[:0]), "frames are uint8 of shape"),
        (batch._replace(frames=batch.frames.astype(np.float32)), "frames are float32"),
        (batch._replace(frames=batch.frames[:, :9]), "must be bytes of shape"),
        (batch._replace(semantic=batch.semantic[:, 1:]), "semantic is uint8 of shape"),
        (batch._replace(pose=batch.pose[:, 1:]), "it must have 5 columns"),
    ):
        with pytest.raises(ShardError, match=sentence):
            check_batch(wrong, source.schema())
