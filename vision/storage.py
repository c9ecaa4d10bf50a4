"""A trained perception network on disk: a JSON record that names and vouches for its weights."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load, save

from vision.files import DamagedRecordError, read_record, write_record, write_whole
from vision.networks import NetworkConfig, PerceptionNetwork
from vision.schema import checked_schema, schema_difference

RECORD_NAME = "perception.json"
FORMAT = 1


class PerceptionError(ValueError):
    """A stored perception that cannot be used, and why, in one sentence."""


def save_perception(
    directory: str | Path, network: PerceptionNetwork, extra: Mapping[str, Any] | None = None
) -> None:
    """Store `network` in `directory`: whole, or not at all.

    The weights are written first, under a name made of their hash; the record that names them takes the place
    of an earlier one in a single step.

    Args:
        directory: made if it does not exist.
        network: an unfolded network.
        extra: JSON-able; kept in the record under `extra` (scores, for instance).
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    weights = save({name: tensor.contiguous() for name, tensor in network.state_dict().items()})
    digest = hashlib.sha256(weights).hexdigest()
    record = {
        "format": FORMAT,
        "weights": f"weights-{digest[:12]}.safetensors",
        "weights_sha256": digest,
        "network": asdict(network.config),
        "schema": network.schema,
        "pose_scale": network.pose_scale.tolist(),
        "extra": dict(extra or {}),
    }
    write_whole(directory / record["weights"], weights)
    write_record(directory / RECORD_NAME, record)
    _remove_others(directory, record["weights"])


def load_perception(
    directory: str | Path,
    expected_schema: Mapping[str, Any] | None = None,
    device: str | torch.device = "cpu",
) -> PerceptionNetwork:
    """The network stored in `directory`, for evaluation.

    Args:
        directory: what `save_perception` wrote.
        expected_schema: the camera and labels it is to work with; None accepts any.
        device: where to put it.

    Raises:
        PerceptionError: nothing is stored there, it is truncated or altered, or it was trained for another
            camera or other labels.
    """
    directory = Path(directory)
    record = _read_record(directory)
    if expected_schema is not None:
        difference = schema_difference(record["schema"], checked_schema(expected_schema))
        if difference is not None:
            raise PerceptionError(f"perception at {directory} was trained for {difference}")
    network = PerceptionNetwork(
        NetworkConfig(**record["network"]), record["schema"], record["pose_scale"], torch.Generator()
    )
    network.load_state_dict(load(_read_weights(directory, record)))
    return network.to(torch.device(device)).eval().requires_grad_(False)


def weights_hash(network: torch.nn.Module) -> str:
    """SHA-256 of the network's parameters and buffers: two equal hashes, two equal networks."""
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    return hashlib.sha256(save(state)).hexdigest()


def _read_record(directory: Path) -> dict[str, Any]:
    try:
        record = read_record(directory / RECORD_NAME)
    except OSError:
        raise PerceptionError(f"there is no perception at {directory}: {RECORD_NAME} is missing") from None
    except DamagedRecordError:
        raise PerceptionError(f"perception at {directory} is truncated or altered: {RECORD_NAME}") from None
    if record["format"] != FORMAT:
        raise PerceptionError(
            f"perception at {directory} has format {record['format']}; this version reads format {FORMAT}"
        )
    return record


def _read_weights(directory: Path, record: Mapping[str, Any]) -> bytes:
    try:
        weights = (directory / record["weights"]).read_bytes()
    except OSError:
        raise PerceptionError(f"perception at {directory} lacks its weights, {record['weights']}") from None
    if hashlib.sha256(weights).hexdigest() != record["weights_sha256"]:
        raise PerceptionError(f"perception at {directory} is truncated or altered: {record['weights']}")
    return weights


def _remove_others(directory: Path, weights: str) -> None:
    for path in directory.glob("weights-*.safetensors"):
        if path.name != weights:
            path.unlink()
