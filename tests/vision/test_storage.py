import json
import resource

import pytest
import torch

from vision.networks import NetworkConfig, PerceptionNetwork
from vision.storage import PerceptionError, load_perception, save_perception, weights_hash

SCALE = [1.0, 0.3, 0.03, 0.03, 0.04]


def build(schema, seed=0):
    config = NetworkConfig(latent_size=16)
    return PerceptionNetwork(config, schema, SCALE, torch.Generator().manual_seed(seed)).eval()


@pytest.fixture
def schema(road):
    return road.schema()


@pytest.fixture
def stored(schema, tmp_path):
    save_perception(tmp_path / "perception", build(schema), {"mae": 0.05})
    return tmp_path / "perception"


def weights_of(directory):
    return directory / json.loads((directory / "perception.json").read_text())["weights"]


def test_what_is_loaded_is_what_was_saved(stored, schema, road):
    network, loaded = build(schema), load_perception(stored, schema)
    assert weights_hash(loaded) == weights_hash(network)
    assert loaded.config == network.config
    assert loaded.schema == network.schema
    frames = torch.from_numpy(road.next_batch()[0])
    torch.testing.assert_close(loaded.latent(frames), network.latent(frames), rtol=0, atol=0)
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())


def test_the_record_keeps_the_extra_entries(stored):
    assert json.loads((stored / "perception.json").read_text())["extra"] == {"mae": 0.05}


def test_another_camera_is_refused_by_name(stored, schema):
    with pytest.raises(PerceptionError) as refusal:
        load_perception(stored, {**schema, "camera": {**schema["camera"], "image_size": [84, 84]}})
    assert str(refusal.value) == (
        f"perception at {stored} was trained for camera.image_size [64, 64], the environment gives [84, 84]"
    )


def test_any_schema_will_do_when_none_is_expected(stored):
    assert load_perception(stored).pose_names[0] == "lane_offset"


def test_nothing_there_is_said(tmp_path):
    with pytest.raises(PerceptionError, match="there is no perception at .*: perception.json is missing"):
        load_perception(tmp_path)


def test_lost_weights_are_named(stored):
    weights_of(stored).unlink()
    with pytest.raises(PerceptionError, match=r"lacks its weights, weights-\w+\.safetensors"):
        load_perception(stored)


@pytest.mark.parametrize("kept", [0, 100, -1])
def test_truncated_weights_are_found(stored, kept):
    path = weights_of(stored)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(PerceptionError, match=r"is truncated or altered: weights-"):
        load_perception(stored)


def test_altered_weights_are_found(stored):
    path = weights_of(stored)
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    with pytest.raises(PerceptionError, match=r"is truncated or altered: weights-"):
        load_perception(stored)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[: len(text) // 2],
        lambda text: text.replace('"pitch": 0.12', '"pitch": 0.21'),
        lambda text: "[]",
        lambda text: "\x00",
    ],
)
def test_a_changed_record_is_found(stored, change):
    path = stored / "perception.json"
    path.write_text(change(path.read_text()))
    with pytest.raises(PerceptionError, match="is truncated or altered: perception.json"):
        load_perception(stored)


def test_saving_again_replaces_the_old_one(stored, schema):
    save_perception(stored, build(schema, seed=1))
    assert weights_hash(load_perception(stored)) == weights_hash(build(schema, seed=1))
    assert sorted(path.name for path in stored.iterdir()) == ["perception.json", weights_of(stored).name]


def test_a_full_disk_leaves_the_old_one_whole(stored, schema):
    """A file-size limit stands for the full disk: Python turns the signal into an OSError."""
    before = {path.name: path.read_bytes() for path in stored.iterdir()}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            save_perception(stored, build(schema, seed=1))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert {path.name: path.read_bytes() for path in stored.iterdir()} == before
