"""A run's folder: what lies where, and in which state a folder is."""

import hashlib
from datetime import datetime
from pathlib import Path

from agents.runs.durable import write_durably
from agents.runs.errors import RunError


class RunFolder:
    """The paths of one run's files.

    Args:
        path: the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "config.yaml"
        self.metrics = path / "metrics.jsonl"
        self.perception = path / "perception"
        self.perception_checkpoints = path / "checkpoints" / "perception"
        self.agent_checkpoints = path / "checkpoints" / "agent"
        self.policy = path / "policy.safetensors"
        self.evaluation = path / "evaluation.json"
        self.curves = path / "curves.png"
        self.episode = path / "episode.mp4"
        self.report = path / "report.html"

    @property
    def finished(self) -> bool:
        """Whether the run is over: the report is written last."""
        return self.report.exists()

    def require_run(self) -> None:
        """Refuse a folder that is missing or not a run's.

        Raises:
            RunError: one sentence that says which.
        """
        if not self.path.is_dir():
            raise RunError(f"{self.path} is missing: name the folder of a run, such as runs/NAME")
        if not self.config.is_file():
            raise RunError(f"{self.path} is not a run's folder: it holds no config.yaml")

    def config_hash(self) -> str:
        """SHA-256 of the resolved configuration: what the run's checkpoints belong to."""
        return hashlib.sha256(self.config.read_bytes()).hexdigest()

    def create(self, config: str) -> None:
        """Make the folder and write the resolved configuration.

        Raises:
            RunError: something stands there already, or it cannot be made.
        """
        try:
            if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
                raise RunError(
                    f"{self.path} is taken: name another run_dir, or go on with --resume {self.path}"
                )
            self.path.mkdir(parents=True, exist_ok=True)
            write_durably(self.path, self.config.name, config.encode())
        except OSError as fault:
            raise RunError(f"run_dir {self.path} cannot be made: {fault.strerror}") from fault


def default_folder(env_id: str, agent: str, seed: int, now: datetime) -> Path:
    """`runs/ENV-AGENT-SEED-TIME`, slashes made dashes."""
    return Path("runs") / f"{env_id.replace('/', '-')}-{agent}-{seed}-{now:%Y%m%d-%H%M%S}"
