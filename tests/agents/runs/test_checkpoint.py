"""Checkpoints: what comes back, what damage is noticed, and what a full disk leaves behind."""

import json
import os
import resource

import numpy as np
import pytest
import torch

from agents.memory.row_log import RowLog
from agents.runs.checkpoint import CheckpointError, CheckpointStore


def log_of(start, stop, rows_per_segment=4):
    """Rows whose content is their number, and the ranges that were asked for."""
    asked = []

    def read(first, last):
        asked.append((first, last))
        return {"number": np.arange(first, last), "frame": np.full((last - first, 2), 7, np.uint8)}

    return RowLog(start, stop, rows_per_segment, read), asked


def state_of(step):
    return {"step": step, "weights": torch.full((3,), float(step)), "rows": log_of(0, step)[0]}


@pytest.fixture
def store(tmp_path):
    return CheckpointStore(tmp_path / "checkpoints")


def test_everything_comes_back_as_it_was(store):
    generator = np.random.default_rng(5)
    state = {
        "tensor": torch.arange(6.0).reshape(2, 3).T,
        "scalar": torch.tensor(2.5, dtype=torch.float64),
        "array": np.asfortranarray(np.arange(6, dtype=np.uint8).reshape(2, 3)),
        "empty": np.zeros((0, 3), np.float32),
        "flags": [np.array([True, False]), None, True, 3, 0.1, "text"],
        "generator": generator.bit_generator.state,
        "nested": {"": {}, "deep": {"a/b": np.float64(0.1) * 3}},
    }
    state["nested"]["deep"]["a/b"] = float(state["nested"]["deep"]["a/b"])
    store.save(state, 12)
    checkpoint = latest(store)
    assert (checkpoint.step, checkpoint.warnings) == (12, [])
    loaded = checkpoint.state
    assert torch.equal(loaded["tensor"], state["tensor"])
    assert torch.equal(loaded["scalar"], state["scalar"])
    assert loaded["scalar"].dtype == torch.float64
    np.testing.assert_array_equal(loaded["array"], state["array"])
    assert loaded["array"].dtype == np.uint8
    assert loaded["empty"].shape == (0, 3)
    np.testing.assert_array_equal(loaded["flags"][0], [True, False])
    assert loaded["flags"][1:] == [None, True, 3, 0.1, "text"]
    assert loaded["generator"] == state["generator"]
    assert loaded["nested"] == state["nested"]


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"a": [{"b": object()}]}, "state/a/0/b is of type object"),
        ({"a": np.array([None])}, "state/a is of type object"),
        ({"a": torch.zeros(1, dtype=torch.bfloat16)}, "state/a is of type torch.bfloat16"),
        ({"a": np.int64(3)}, "state/a is of type int64"),
        ({3: 1}, "state has the key 3"),
        ({"$log": 1}, r"state has the key '\$log'"),
    ],
)
def test_what_it_cannot_hold_is_named(store, state, message):
    with pytest.raises(TypeError, match=message):
        store.save(state, 0)


def test_without_any_checkpoint_there_is_none(store):
    assert store.load_latest() is None


def test_nothing_on_the_disk_is_a_pickle(store):
    store.save(state_of(9), 9)
    kinds = {path.suffix for path in store.folder.rglob("*") if path.is_file()}
    assert kinds == {".json", ".safetensors"}


def test_the_last_two_are_kept_and_nothing_else(store):
    for step in range(1, 30, 4):
        store.save(state_of(step), step)
    folders = sorted(path.name for path in store.folder.iterdir())
    assert folders == ["000007-step-25", "000008-step-29", "segments"]
    named = [path.name.rsplit("-", 1)[0] for path in (store.folder / "segments").iterdir()]
    full = [f"state-rows-{first}-{first + 4}" for first in range(0, 28, 4)]
    assert sorted(named) == sorted([*full, "state-rows-24-25", "state-rows-28-29"])


def test_rows_are_written_once(store):
    store.save({"rows": log_of(0, 10)[0]}, 1)
    log, asked = log_of(0, 15)
    store.save({"rows": log}, 2)
    assert asked == [(8, 12), (12, 15)]


def test_rows_that_were_loaded_are_not_written_again(store):
    store.save({"rows": log_of(0, 10)[0]}, 1)
    again = CheckpointStore(store.folder)
    again.load_latest()
    log, asked = log_of(0, 15)
    again.save({"rows": log}, 2)
    assert asked == [(8, 12), (12, 15)]


def test_forgotten_rows_are_neither_written_nor_given_back(store):
    store.save({"rows": log_of(0, 10)[0]}, 1)
    log, asked = log_of(6, 15)
    store.save({"rows": log}, 2)
    assert asked == [(8, 12), (12, 15)]
    rows = latest(store).state["rows"]
    assert (rows.start, rows.stop) == (6, 15)
    numbers = np.concatenate([rows.read(*span)["number"] for span in rows.segments()])
    np.testing.assert_array_equal(numbers, np.arange(6, 15))
    np.testing.assert_array_equal(rows.read(7, 13)["number"], np.arange(7, 13))


def latest(store):
    """The newest checkpoint; a new store reads it, as a new process would."""
    checkpoint = CheckpointStore(store.folder).load_latest()
    assert checkpoint is not None
    return checkpoint


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


def alter(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def remove(path):
    path.unlink()


@pytest.mark.parametrize("spoil", [cut, alter, remove])
@pytest.mark.parametrize("part", ["state.json", "arrays.safetensors", "manifest.json", "segments"])
def test_damage_is_named_and_the_checkpoint_before_is_used(store, part, spoil):
    store.save(state_of(5), 5)
    path = store.save(state_of(9), 9)
    victim = next((store.folder / part).glob("*-8-9-*")) if part == "segments" else path / part
    spoil(victim)
    reopened = CheckpointStore(store.folder)
    checkpoint = reopened.load_latest()
    assert checkpoint is not None
    assert checkpoint.step == checkpoint.state["step"] == 5
    [warning] = checkpoint.warnings
    assert path.name in warning
    assert victim.name in warning
    assert warning.endswith("; 000001-step-5, before it, is used")
    reopened.save(state_of(9), 9)
    assert latest(store)[1::2] == (9, [])
    assert not path.exists()


def test_when_all_are_damaged_nothing_is_invented(store):
    for step in (5, 9):
        cut(store.save(state_of(step), step) / "state.json")
    with pytest.raises(
        CheckpointError, match="no checkpoint .* is whole: .*000002-step-9.*000001-step-5"
    ) as fault:
        store.load_latest()
    assert "is used" not in str(fault.value)


def test_checkpoints_of_another_origin_are_refused(store):
    CheckpointStore(store.folder, origin=lambda: "one").save(state_of(5), 5)
    same = CheckpointStore(store.folder, origin=lambda: "one").load_latest()
    assert same is not None
    assert same.step == 5
    with pytest.raises(CheckpointError, match="was made under another configuration: put config.yaml back"):
        CheckpointStore(store.folder, origin=lambda: "two").load_latest()


@pytest.mark.parametrize("name", ["0abc-step-9", "000003-step-9x", "000003-step-"])
def test_a_folder_that_only_looks_like_a_checkpoint_is_passed_over(store, name):
    store.save(state_of(5), 5)
    (store.folder / name).mkdir()
    assert latest(store).step == 5


def test_half_a_checkpoint_is_none(store):
    """What a kill leaves behind: everything but the last rename."""
    store.save(state_of(5), 5)
    path = store.save(state_of(9), 9)
    path.rename(path.with_name(path.name + ".partial"))
    assert latest(store).step == 5
    store.save(state_of(13), 13)
    assert not list(store.folder.glob("*.partial"))


def test_a_full_disk_is_one_sentence_and_leaves_the_rest(store):
    store.save(state_of(5), 5)
    before = sorted(store.folder.rglob("*"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(CheckpointError) as caught:
            store.save({"weights": torch.zeros(100_000), "rows": log_of(0, 9)[0]}, 77)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(caught.value) == (
        f"the checkpoint of step 77 could not be written to {store.folder} (File too large); "
        "those before it are intact"
    )
    assert sorted(store.folder.rglob("*")) == before
    assert latest(store).step == 5


def test_rows_of_a_failed_checkpoint_are_written_again(store, monkeypatch):
    store.save(state_of(5), 5)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", FailsAfter(os.fsync, calls=6))
        with pytest.raises(CheckpointError, match="No space left on device"):
            store.save(state_of(13), 13)
    store.save(state_of(14), 14)
    rows = latest(store).state["rows"]
    np.testing.assert_array_equal(rows.read(0, 14)["number"], np.arange(14))


class FailsAfter:
    """A call that works some times, and then finds the disk full."""

    def __init__(self, call, calls):
        self.call, self.left = call, calls

    def __call__(self, *args):
        self.left -= 1
        if self.left < 0:
            raise OSError(28, "No space left on device")
        return self.call(*args)


def test_the_manifest_is_plain(store):
    path = store.save(state_of(5), 5)
    assert {entry["name"] for entry in json.loads((path / "manifest.json").read_bytes())} == {
        "state.json",
        "arrays.safetensors",
    }
