"""Files that are whole or not there, and records that vouch for themselves."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_SEAL = "record_sha256"


class DamagedRecordError(ValueError):
    """A record is not what was written."""


def write_record(path: Path, record: Mapping[str, Any]) -> None:
    """Write a record as JSON with its own hash in it.

    Raises:
        OSError: the disk is full, or something of that kind; nothing is left behind.
    """
    write_whole(path, json.dumps({**record, _SEAL: _hash_of(record)}, indent=2).encode())


def read_record(path: Path) -> dict[str, Any]:
    """What `write_record` has written.

    Raises:
        OSError: there is none.
        DamagedRecordError: it is cut short or altered.
    """
    try:
        record = json.loads(path.read_bytes())
    except ValueError as fault:
        raise DamagedRecordError(f"{path} is truncated or altered") from fault
    if not isinstance(record, dict) or record.pop(_SEAL, None) != _hash_of(record):
        raise DamagedRecordError(f"{path} is truncated or altered")
    return record


def write_whole(path: Path, content: bytes) -> None:
    """Write to a file beside `path`, make sure of it, then take its place.

    Raises:
        OSError: the disk is full, or something of that kind; nothing is left behind.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Make sure that the names of a folder's files are on the disk."""
    if os.name == "nt":
        return  # Windows has no such call, and needs none
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _hash_of(record: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(dict(record), sort_keys=True).encode()).hexdigest()
