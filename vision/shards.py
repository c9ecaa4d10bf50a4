"""Labelled frames on disk: shards of many frames each, and a manifest that names and vouches for them."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load, save

from vision.data import LabelledBatch, LabelledSource
from vision.files import DamagedRecordError, read_record, write_record, write_whole
from vision.schema import checked_schema, image_shape, schema_difference

MANIFEST = "manifest.json"
FORMAT = 1
_HELD = 3  # shards in memory: a batch lies in two at most where shards are no smaller than it


class ShardError(ValueError):
    """Stored frames that cannot be used, and why, in one sentence."""


def check_batch(batch: LabelledBatch, schema: Mapping[str, Any]) -> None:
    """Refuse frames and labels that are not what their schema says.

    Raises:
        ShardError: a part is empty, has another shape, or holds what is no label.
    """
    count, shape, classes = len(batch.frames), image_shape(schema), len(schema["classes"])
    if batch.frames.shape != (count, *shape) or batch.frames.dtype != np.uint8 or batch.frames.size == 0:
        raise ShardError(
            f"frames are {_shown(batch.frames)}; they must be bytes of shape (N, {_listed(shape)})"
        )
    for name, image in (("semantic", batch.semantic), ("depth", batch.depth), ("instances", batch.instances)):
        if image is not None and image.shape != (count, *shape[:2]):
            raise ShardError(f"{name} is {_shown(image)}; it must have the frames' shape")
    if batch.pose.shape != (count, len(schema["pose"])):
        raise ShardError(f"pose is {_shown(batch.pose)}; it must have {len(schema['pose'])} columns")
    if int(batch.semantic.max()) >= classes:
        raise ShardError(f"semantic has a class {int(batch.semantic.max())}; there are {classes}")
    for name, numbers in (("pose", batch.pose), ("depth", batch.depth)):
        if numbers is not None and not np.isfinite(numbers).all():
            raise ShardError(f"{name} has numbers that are not finite")
    if batch.depth is not None and float(batch.depth.min()) <= 0:
        raise ShardError(f"depth has {float(batch.depth.min())}; it must be above 0")


def write_shards(
    source: LabelledSource,
    directory: str | Path,
    batches: int,
    *,
    batches_per_shard: int = 8,
    about: Mapping[str, Any] | None = None,
) -> Iterator[int]:
    """Store the next batches of a source; gives how many are stored, after each shard.

    The manifest is written last: a folder without one holds nothing yet.

    Args:
        source: of labelled frames.
        directory: made if it does not exist.
        batches: how many.
        batches_per_shard: in a file.
        about: JSON-able; kept in the manifest (where the frames are from).

    Raises:
        ShardError: there are stored frames already, or a batch is not what its schema says.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    if (directory / MANIFEST).exists():
        raise ShardError(f"{directory} holds stored frames already")
    schema, shards, done = checked_schema(source.schema()), [], 0
    while done < batches:
        few = [LabelledBatch(*source.next_batch()) for _ in range(min(batches_per_shard, batches - done))]
        shards.append(_write_shard(few, schema, directory / f"shard-{len(shards):05d}.safetensors"))
        done += len(few)
        yield done
    record = {"format": FORMAT, "schema": schema, "about": dict(about or {}), "shards": shards}
    write_record(directory / MANIFEST, record)


def _write_shard(batches: Sequence[LabelledBatch], schema: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Store a few batches in one file; what the manifest says of it."""
    for batch in batches:
        check_batch(batch, schema)
    names = [name for name, part in batches[0]._asdict().items() if part is not None]
    parts = {name: np.concatenate([getattr(batch, name) for batch in batches]) for name in names}
    content = save(parts)
    write_whole(path, content)
    digest = hashlib.sha256(content).hexdigest()
    return {"file": path.name, "frames": len(parts["frames"]), "sha256": digest}


class ShardSource:
    """Stored frames as a labelled source, in a random order that is another one each time round.

    The frames of a shard follow one another, so that two shards at most are read for a batch. Each shard's
    checksum is compared, and its labels are checked, whenever it is read.

    Args:
        directory: what `write_shards` has filled.
        batch_size: frames a batch; the few that are left over at the end of a round are left out.
        seed: of the order.
        expected_schema: the camera and labels that the frames must have; None accepts any.

    Raises:
        ShardError: nothing is stored there, the manifest is damaged, the frames are of another camera, or
            they are too few.
    """

    def __init__(
        self,
        directory: str | Path,
        batch_size: int,
        seed: int,
        expected_schema: Mapping[str, Any] | None = None,
    ) -> None:
        self._directory = Path(directory)
        self._record = _read_manifest(self._directory)
        if expected_schema is not None:
            difference = schema_difference(self._record["schema"], checked_schema(expected_schema))
            if difference is not None:
                raise ShardError(f"the frames in {directory} have {difference}")
        self._counts = [shard["frames"] for shard in self._record["shards"]]
        self._rounds = sum(self._counts) // batch_size
        if self._rounds < 1:
            raise ShardError(f"{directory} holds {sum(self._counts)} frames; a batch has {batch_size}")
        self._batch_size, self._seed, self._number = batch_size, seed, 0
        self._shard = lru_cache(_HELD)(self._read)
        self._order = lru_cache(1)(self._ordered)

    def __len__(self) -> int:
        """Frames that are stored."""
        return sum(self._counts)

    def next_batch(self) -> tuple[np.ndarray, ...]:
        """The next batch.

        Raises:
            ShardError: a shard is missing, altered, or holds what is no label.
        """
        turn, place = divmod(self._number, self._rounds)
        chosen = self._order(turn)[place * self._batch_size : (place + 1) * self._batch_size]
        batches = [self._rows(number, chosen[chosen[:, 0] == number, 1]) for number in _in_turn(chosen[:, 0])]
        self._number += 1
        return tuple(np.concatenate(parts) for parts in zip(*batches, strict=True))

    def schema(self) -> dict[str, Any]:
        """The camera and labels of the frames."""
        return dict(self._record["schema"])

    def state_dict(self) -> dict[str, Any]:
        """Where the source is."""
        return {"seed": self._seed, "number": self._number}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where another one was."""
        self._seed, self._number = int(state["seed"]), int(state["number"])
        self._order.cache_clear()

    def _ordered(self, turn: int) -> np.ndarray:
        """Shard and row of every frame, (N, 2), in the order of a round."""
        generator = np.random.default_rng([self._seed, turn])
        parts = []
        for number in generator.permutation(len(self._counts)):
            rows = generator.permutation(self._counts[number])
            parts.append(np.column_stack([np.full(len(rows), number), rows]))
        return np.concatenate(parts)

    def _rows(self, number: int, rows: np.ndarray) -> list[np.ndarray]:
        return [part[rows] for part in self._shard(number) if part is not None]

    def _read(self, number: int) -> LabelledBatch:
        shard = self._record["shards"][number]
        path = self._directory / shard["file"]
        try:
            content = path.read_bytes()
        except OSError:
            raise ShardError(f"{path} is missing") from None
        if hashlib.sha256(content).hexdigest() != shard["sha256"]:
            raise ShardError(f"{path} is truncated or altered")
        batch = LabelledBatch(**load(content))
        try:
            check_batch(batch, self._record["schema"])
        except ShardError as fault:
            raise ShardError(f"{path}: {fault}") from None
        return batch


def _read_manifest(directory: Path) -> dict[str, Any]:
    try:
        record = read_record(directory / MANIFEST)
    except OSError:
        raise ShardError(f"{directory} holds no stored frames: {MANIFEST} is missing") from None
    except DamagedRecordError as fault:
        raise ShardError(str(fault)) from None
    if record["format"] != FORMAT:
        raise ShardError(f"{directory} has format {record['format']}; this version reads format {FORMAT}")
    return record


def _in_turn(numbers: np.ndarray) -> list[int]:
    """Distinct numbers, in the order in which they come."""
    return list(dict.fromkeys(numbers.tolist()))


def _shown(array: np.ndarray) -> str:
    return f"{array.dtype} of shape {array.shape}"


def _listed(shape: tuple[int, ...]) -> str:
    return ", ".join(map(str, shape))
