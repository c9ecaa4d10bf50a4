import socket

import numpy as np
import pytest
import torch
from torch import distributed
from torch.multiprocessing.spawn import spawn

from vision.networks import NetworkConfig
from vision.processes import Processes
from vision.recipe import TrainingConfig
from vision.training import PerceptionTrainer

UPDATES = 3


def config_of(parts: int) -> TrainingConfig:
    return TrainingConfig(updates=UPDATES, log_interval=1, parts=parts, clip=1.5)


class Both:
    """The batches of two sources, one after the other."""

    def __init__(self, first, second):
        self.sources = first, second

    def next_batch(self):
        batches = [source.next_batch() for source in self.sources]
        return tuple(np.concatenate(parts) for parts in zip(*batches, strict=True))

    def schema(self):
        return self.sources[0].schema()

    def state_dict(self):
        return {}

    def load_state_dict(self, state):
        pass


def trained(rank: int, port: int, make_source, folder: str) -> None:
    """One of two processes: trains, saves, and stores what it has in the end."""
    torch.set_num_threads(1)
    address = f"tcp://127.0.0.1:{port}"
    distributed.init_process_group("gloo", init_method=address, rank=rank, world_size=2)
    processes = Processes(rank, 2)
    source = make_source(batch_size=4, seed=rank)
    trainer = PerceptionTrainer(
        NetworkConfig(latent_size=16), config_of(1), source, seed=3, processes=processes
    )
    records = list(trainer.train())
    state = trainer.state_dict()
    torch.save(
        {
            "scale": trainer.network.pose_scale,
            "weights": trainer.network.state_dict(),
            "loss": [record["loss"] for record in records],
            "images": trainer.images,
            "sources": state["source"],
        },
        f"{folder}/{rank}.pt",
    )
    processes.leave()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_two_processes_train_as_one_on_the_frames_of_both(make_road, tmp_path):
    spawn(trained, (free_port(), make_road, str(tmp_path)), nprocs=2)
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    for name, tensor in first["weights"].items():
        assert torch.equal(tensor, second["weights"][name]), name
    assert first["loss"] == second["loss"]
    assert first["images"] == second["images"] == UPDATES * 8
    assert [source["number"] for source in first["sources"]] == [16 + UPDATES] * 2

    both = Both(make_road(batch_size=4, seed=0), make_road(batch_size=4, seed=1))
    alone = PerceptionTrainer(NetworkConfig(latent_size=16), config_of(2), both, seed=3)
    alone.network.pose_scale.copy_(first["scale"])  # measured on the first one's frames there
    losses = [record["loss"] for record in alone.train()]
    assert losses == pytest.approx(first["loss"], rel=1e-4)
    for name, tensor in alone.network.state_dict().items():
        torch.testing.assert_close(first["weights"][name], tensor, rtol=1e-3, atol=1e-4)


def test_one_process_alone_asks_nobody(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    alone = Processes.joined(torch.device("cpu"))
    assert (alone.rank, alone.count) == (0, 1)
    assert alone.agreed([1.0, 2.0]) == [1.0, 2.0]
    assert alone.gathered("state") == ["state"]
    report = torch.tensor([1.0])
    assert alone.mean(report, torch.nn.Linear(1, 1)) is report
    alone.leave()


def test_a_training_of_two_is_not_gone_on_with_by_one(make_road):
    trainer = PerceptionTrainer(NetworkConfig(latent_size=4), config_of(1), make_road(batch_size=4), seed=0)
    state = trainer.state_dict()
    state["source"] = [state["source"]] * 2
    with pytest.raises(ValueError, match="2 processes saved the training, and 1 would"):
        trainer.load_state_dict(state)
