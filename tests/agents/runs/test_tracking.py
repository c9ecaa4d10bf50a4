import sys
import threading
from pathlib import Path

import pytest

from agents.runs.config import TrackConfig
from agents.runs.folder import RunFolder
from agents.runs.metrics_file import read_metrics
from agents.runs.tracking import Tracker

DISABLED = TrackConfig(mode="disabled")


def test_a_record_has_the_steps_first_and_the_clock_last(tmp_path: Path):
    tracker = Tracker(RunFolder(tmp_path), {}, DISABLED)
    tracker.log(10, {"loss": 0.5})
    tracker.close()
    (record,) = read_metrics(tmp_path / "metrics.jsonl")
    assert list(record) == ["env_steps", "loss", "seconds"]
    assert (record["env_steps"], record["loss"]) == (10, 0.5)


def test_going_on_cuts_the_file_and_keeps_the_clock(tmp_path: Path):
    tracker = Tracker(RunFolder(tmp_path), {}, DISABLED)
    tracker.log(1, {})
    state = tracker.state_dict()
    tracker.log(2, {})
    tracker.close()
    again = Tracker(RunFolder(tmp_path), {}, DISABLED, {**state, "seconds": 1000.0})
    again.log(3, {})
    again.close()
    records = read_metrics(tmp_path / "metrics.jsonl")
    assert [record["env_steps"] for record in records] == [1, 3]
    assert records[-1]["seconds"] is not None
    assert 1000.0 <= records[-1]["seconds"] < 1010.0


def test_tensorboard_is_written_when_asked(tmp_path: Path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    tracker = Tracker(RunFolder(tmp_path), {}, TrackConfig(mode="disabled", tensorboard=True))
    tracker.log(10, {"loss": 0.5})
    tracker.close()
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    (event,) = events.Scalars("loss")
    assert (event.step, event.value) == (10, 0.5)


class FakeRun:
    def __init__(self) -> None:
        self.logged: list = []
        self.finished = False

    def define_metric(self, *arguments: str, **options: str) -> None:
        pass

    def log(self, record: dict) -> None:
        self.logged.append(record)

    def finish(self) -> None:
        self.finished = True


@pytest.fixture
def fake_wandb(monkeypatch: pytest.MonkeyPatch):
    """A stand-in for the library; it has not started before `may_start` is set."""

    class FakeWandb:
        run = FakeRun()
        started: dict = {}
        fault: Exception | None = None
        may_start = threading.Event()

        Settings = staticmethod(lambda **settings: settings)
        Image = staticmethod(lambda path: ("image", path))
        Video = staticmethod(lambda path: ("video", path))

        @classmethod
        def init(cls, **settings):
            assert cls.may_start.wait(10)
            cls.started = settings
            if cls.fault:
                raise cls.fault
            return cls.run

    monkeypatch.setitem(sys.modules, "wandb", FakeWandb)
    return FakeWandb


def test_weights_and_biases_starts_in_the_background_and_gets_everything(tmp_path: Path, fake_wandb):
    tracker = Tracker(RunFolder(tmp_path), {"seed": 3}, TrackConfig(project="p"))
    tracker.log(10, {"loss": 0.5})
    tracker.picture("grid", tmp_path / "grid.png")
    tracker.video("episode", tmp_path / "episode.mp4")
    assert not fake_wandb.started  # nobody waited for it
    fake_wandb.may_start.set()
    tracker.close()
    run = fake_wandb.run
    assert run.finished
    assert {"env_steps": 10, "loss": 0.5}.items() <= run.logged[0].items()
    assert run.logged[1] == {"grid": ("image", str(tmp_path / "grid.png"))}
    assert run.logged[2] == {"episode": ("video", str(tmp_path / "episode.mp4"))}
    started = fake_wandb.started
    assert (started["project"], started["mode"], started["config"]) == ("p", "offline", {"seed": 3})
    assert started["dir"] == str(tmp_path)


def test_a_resumed_run_is_the_same_run_there(tmp_path: Path, fake_wandb):
    fake_wandb.may_start.set()
    Tracker(RunFolder(tmp_path), {}, TrackConfig()).close()
    first = fake_wandb.started["id"]
    Tracker(RunFolder(tmp_path), {}, TrackConfig()).close()
    assert fake_wandb.started["id"] == first


def test_weights_and_biases_never_stops_a_run(tmp_path: Path, fake_wandb, capsys: pytest.CaptureFixture[str]):
    fake_wandb.may_start.set()
    fake_wandb.fault = ConnectionError("no network")
    tracker = Tracker(RunFolder(tmp_path), {}, TrackConfig(mode="online"))
    tracker.log(10, {"loss": 0.5})
    tracker.close()
    assert "Weights & Biases did not take this run (no network)" in capsys.readouterr().err
    assert len(read_metrics(tmp_path / "metrics.jsonl")) == 1


@pytest.mark.slow
def test_the_real_library_keeps_everything_below_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("WANDB_MODE", raising=False)
    tracker = Tracker(RunFolder(tmp_path), {"seed": 3}, TrackConfig(mode="offline"))
    for env_steps in range(0, 1000, 100):
        tracker.log(env_steps, {"loss": 1.0})
    tracker.close()
    assert {path.name for path in tmp_path.iterdir()} == {"metrics.jsonl", "wandb"}
    (record,) = (tmp_path / "wandb").glob("offline-run-*/run-*.wandb")
    assert record.stat().st_size > 0
