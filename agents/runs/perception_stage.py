"""The first stage of a run: the encoder that the agent will see through."""

from typing import Any

from rich.console import Console

from agents.runs.build import LabelledStream
from agents.runs.cadence import CheckpointCadence
from agents.runs.checkpoint import CheckpointError, CheckpointStore
from agents.runs.config import PerceptionConfig
from agents.runs.errors import RunError
from agents.runs.folder import RunFolder
from agents.runs.interrupt import Interrupt
from agents.runs.progress import Advance
from agents.runs.report import print_line
from agents.runs.seeding import derive_seed
from agents.runs.session import Session
from agents.runs.threads import threads_for
from vision.data import LabelledBatch, LabelledSource, PrefetchedSource
from vision.evaluation import evaluate_perception
from vision.networks import PerceptionNetwork
from vision.pictures import prediction_grid
from vision.processes import Processes
from vision.shards import ShardError, ShardSource
from vision.storage import save_perception
from vision.training import NonFiniteLossError, PerceptionTrainer

PICTURED_FRAMES = 16


class PerceptionStage:
    """Trains an encoder on labelled frames and saves it in the run's folder.

    Args:
        config: the encoder and its budget.
        labelled_stream: where labelled frames come from.
        folder: the run's folder.
        seed: seed of the run.
        device: where the network is trained.
        processes: those that train it together; this one alone by default.
    """

    def __init__(
        self,
        config: PerceptionConfig,
        labelled_stream: LabelledStream,
        folder: RunFolder,
        seed: int,
        device: str,
        processes: Processes | None = None,
    ) -> None:
        self._processes = processes or Processes()
        self._config = config
        self._labelled_stream = labelled_stream
        self._folder = folder
        self._seed = seed
        rank = self._processes.rank
        others = [str(rank)] if rank else []  # who leads sees what one alone would
        stream_seed = derive_seed(seed, "perception", "train", *others)
        stream = self._stream("train", stream_seed)
        if config.data is not None:
            stream = ShardSource(config.data, config.batch_size, stream_seed, stream.schema())
        self._source = PrefetchedSource(stream)
        self._trainer = PerceptionTrainer(
            config.network,
            config.training,
            self._source,
            seed=derive_seed(seed, "perception"),
            device=device,
            processes=self._processes,
        )
        self._store = CheckpointStore(folder.perception_checkpoints, origin=folder.config_hash)

    @property
    def network(self) -> PerceptionNetwork:
        """The network that the stage trains, as it is now."""
        return self._trainer.averaged

    def restore(self, console: Console) -> dict[str, Any] | None:
        """Go on from the stage's last checkpoint; returns the tracker's state there, None without one.

        Raises:
            RunError: there are checkpoints, and all are damaged, or of another number of processes.
        """
        try:
            checkpoint = self._store.load_latest()
        except CheckpointError as fault:
            raise RunError(str(fault)) from fault
        if checkpoint is None:
            return None
        for warning in checkpoint.warnings:
            print_line(console, warning)
        try:
            self._trainer.load_state_dict(checkpoint.state["trainer"])
        except ValueError as fault:
            raise RunError(str(fault)) from fault
        return checkpoint.state["tracking"]

    def run(self, session: Session) -> dict[str, float | None]:
        """Train, measure the error on unseen roads, save; returns the errors.

        Raises:
            InterruptedRunError: the user asked to stop; a checkpoint is written.
            RunError: the loss is no longer finite.
        """
        threads_for("parts")
        cadence = CheckpointCadence(lambda: self._save(session), session.checkpoint_seconds)
        updates = self._config.training.updates
        with session.progress("perception", updates, "updates", self._trainer.update) as advance:
            try:
                self._train(session, cadence, advance)
            except NonFiniteLossError as fault:
                raise session.diverged(str(fault), self._store) from fault
            except ShardError as fault:
                raise RunError(str(fault)) from fault
        self._source.close()
        threads_for("cnn")
        scores = self._evaluate(session)
        save_perception(self._folder.perception, self.network, {"scores": scores})
        return scores

    def _train(self, session: Session, cadence: CheckpointCadence, advance: Advance) -> None:
        for metrics in self._trainer.train():
            self._log(session, metrics)
            advance(int(metrics["update"]), f"loss {metrics['loss']:.3f}")
            asked, due = self._processes.agreed([session.interrupt.requested, cadence.is_due])
            if asked or due:
                cadence.save()
            if asked:
                raise session.interrupted()
        cadence.save()

    def follow(self) -> None:
        """Train beside the process that leads, which alone writes and says when to save and to stop.

        Raises:
            RunError: the loss is no longer finite, or a shard is damaged.
        """
        threads_for("parts")
        with Interrupt():  # Ctrl-C reaches every process; the leader says when all are to stop
            try:
                self._follow()
            except (NonFiniteLossError, ShardError) as fault:
                raise RunError(str(fault)) from fault
        self._source.close()

    def _follow(self) -> None:
        for _ in self._trainer.train():
            asked, due = self._processes.agreed([False, False])
            if asked or due:
                self._trainer.state_dict()  # a part of what the leader saves
            if asked:
                return
        self._trainer.state_dict()

    def _log(self, session: Session, metrics: dict[str, float]) -> None:
        """Write the trainer's metrics under `perception/`, its times under `time/`."""
        renamed = {}
        for name, value in metrics.items():
            if name.startswith("time/"):
                renamed[f"time/perception_{name.removeprefix('time/')}"] = value
            elif name != "seconds":
                renamed[f"perception/{name}"] = value
        session.tracker.log(0, renamed)

    def _stream(self, split: str, seed: int) -> LabelledSource:
        """Labelled frames of a split, and all that the network is to tell of them."""
        scene = {"scene": True} if self._config.network.scene else {}
        return self._labelled_stream(split, self._config.batch_size, seed, **scene)

    def _save(self, session: Session) -> None:
        state = {"trainer": self._trainer.state_dict(), "tracking": session.tracker.state_dict()}
        self._store.save(state, self._trainer.update)

    def _evaluate(self, session: Session) -> dict[str, float | None]:
        source = self._stream("val", derive_seed(self._seed, "perception", "val"))
        scores = evaluate_perception(self.network, source, self._config.evaluation_batches).as_dict()
        numbers = {f"perception/val/{name}": value for name, value in scores.items() if value is not None}
        session.tracker.log(0, numbers)
        self._draw(session, LabelledBatch(*source.next_batch()))
        return scores

    def _draw(self, session: Session, batch: LabelledBatch) -> None:
        from matplotlib.image import imsave  # takes long to load: not before there is something to draw

        few = LabelledBatch(*(part[:PICTURED_FRAMES] for part in batch if part is not None))
        path = self._folder.perception / "predictions.png"
        path.parent.mkdir(exist_ok=True)
        imsave(path, prediction_grid(self.network, few))
        session.tracker.picture("perception/predictions", path)
