"""What a run is: the records that a YAML file and the command line fill.

Defaults here are general-purpose; `configs/` holds the named experiments.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from agents.runs.errors import require
from agents.runs.evaluation import MAX_STEPS
from vision.networks import NetworkConfig
from vision.recipe import TrainingConfig


@runtime_checkable
class AgentConfig(Protocol):
    """What a run asks of any agent's configuration."""

    @property
    def name(self) -> str:
        """The agent's name on the command line."""
        ...

    @property
    def perception(self) -> str:
        """What the agent sees: pixels, features, affordances, segmentation or privileged."""
        ...


@dataclass(frozen=True)
class EnvConfig:
    """The environment that the agent learns in."""

    id: str = "Hairpin/LaneFollow-v0"
    """Gymnasium id of the environment."""
    num_envs: int = 8
    """Environments that are stepped together; it changes the speed, not the recipe."""
    kwargs: dict[str, Any] = field(default_factory=dict)
    """Keyword arguments of the environment, one by one (--env.kwargs.image_size 48) or as a dictionary."""

    def __post_init__(self) -> None:
        require(bool(self.id), "env.id", self.id, "the id of a Gymnasium environment")
        require(self.num_envs >= 1, "env.num_envs", self.num_envs, "at least 1")
        mode = self.kwargs.get("render_mode")
        require(mode != "human", "env.kwargs.render_mode", mode, "left out: render_episode.py shows a run")


@dataclass(frozen=True)
class PerceptionConfig:
    """The encoder that the agent sees through, where its option asks for one."""

    path: Path | None = None
    """Folder of a trained encoder; without it the run trains its own first."""
    data: Path | None = None
    """Folder of frames stored by record_frames.py to learn from; without it they are made while it learns."""
    network: NetworkConfig = field(default_factory=NetworkConfig)
    """The network to train."""
    training: TrainingConfig = field(default_factory=TrainingConfig)
    """How it is trained."""
    batch_size: int = 256
    """Labelled frames in a batch."""
    evaluation_batches: int = 16
    """Batches of frames from unseen roads that the error is measured on."""

    def __post_init__(self) -> None:
        require(self.batch_size >= 1, "perception.batch_size", self.batch_size, "at least 1")
        batches = self.evaluation_batches
        require(batches >= 1, "perception.evaluation_batches", batches, "at least 1")


@dataclass(frozen=True)
class TrainConfig:
    """The budget of the agent's training; whichever end comes first."""

    env_steps: int = 50_000
    """Environment steps, counted over all environments."""
    seconds: float | None = None
    """Wall-clock limit; a run that it ends is not reproducible bit for bit."""
    until_success: float | None = None
    """Stop once this share of the choosing episodes succeeds; null trains to the end of the budget."""
    checkpoint_seconds: float = 10.0
    """Least time between two checkpoints; they also never take more than 5 % of the run."""

    def __post_init__(self) -> None:
        require(self.env_steps >= 1, "train.env_steps", self.env_steps, "at least 1")
        positive = self.seconds is None or self.seconds > 0
        require(positive, "train.seconds", self.seconds, "above 0, or null for no limit")
        share = self.until_success is None or 0 < self.until_success <= 1
        require(share, "train.until_success", self.until_success, "above 0 and at most 1, or null")
        seconds = self.checkpoint_seconds
        require(seconds >= 0, "train.checkpoint_seconds", seconds, "0 or more")


@dataclass(frozen=True)
class EvaluateConfig:
    """How the policy is judged: while it trains, to choose; at the end, once, to report."""

    split: str = "test"
    """Split of the final evaluation; no choice ever looks at it."""
    episodes: int = 100
    """Episodes of the final evaluation, each on a level of its own."""
    interval: int = 10_000
    """Environment steps between two evaluations that choose the best network."""
    choose_split: str = "val"
    """Split of the evaluations that choose the best network."""
    choose_episodes: int = 64
    """Episodes of each of them."""
    max_steps: int = MAX_STEPS
    """Steps after which an episode that nothing ends is cut off."""

    def __post_init__(self) -> None:
        require(self.episodes >= 1, "evaluate.episodes", self.episodes, "at least 1")
        require(self.interval >= 1, "evaluate.interval", self.interval, "at least 1")
        require(self.choose_episodes >= 1, "evaluate.choose_episodes", self.choose_episodes, "at least 1")
        require(self.max_steps >= 1, "evaluate.max_steps", self.max_steps, "at least 1")
        apart = self.choose_split != "test"
        require(apart, "evaluate.choose_split", self.choose_split, "another: choosing on test spoils it")


@dataclass(frozen=True)
class TrackConfig:
    """Who listens, besides metrics.jsonl, which is always written."""

    mode: Literal["offline", "online", "disabled"] = "offline"
    """Weights & Biases: into the run's folder, to its server, or not at all."""
    project: str = "hairpin"
    """Weights & Biases project."""
    tensorboard: bool = False
    """Write TensorBoard files as well."""


@dataclass(frozen=True)
class EncoderRunConfig:
    """The training of an encoder alone."""

    seed: int = 0
    """Seed that every random generator of the run is derived from."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where the network runs; auto takes the graphics processor where there is one."""
    run_dir: Path | None = None
    """This run's own folder; by default runs/ENV-perception-SEED-TIME."""
    env: EnvConfig = field(default_factory=EnvConfig)
    """The environment whose camera it learns to read."""
    perception: PerceptionConfig = field(default_factory=PerceptionConfig)
    """The encoder and its budget."""
    track: TrackConfig = field(default_factory=TrackConfig)
    """The listeners."""

    def __post_init__(self) -> None:
        require(self.seed >= 0, "seed", self.seed, "0 or more")
        path = self.perception.path and str(self.perception.path)
        require(path is None, "perception.path", path, "left out: this run trains an encoder of its own")


@dataclass(frozen=True)
class RunConfig:
    """One experiment, whole."""

    agent: AgentConfig
    """The agent and its options."""
    seed: int = 0
    """Seed that every random generator of the run is derived from."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where networks run; auto takes the graphics processor where there is one."""
    run_dir: Path | None = None
    """This run's own folder; by default runs/ENV-AGENT-SEED-TIME."""
    env: EnvConfig = field(default_factory=EnvConfig)
    """The environment."""
    perception: PerceptionConfig = field(default_factory=PerceptionConfig)
    """The encoder."""
    train: TrainConfig = field(default_factory=TrainConfig)
    """The budget."""
    evaluate: EvaluateConfig = field(default_factory=EvaluateConfig)
    """The judge."""
    track: TrackConfig = field(default_factory=TrackConfig)
    """The listeners."""

    def __post_init__(self) -> None:
        require(self.seed >= 0, "seed", self.seed, "0 or more")

    @property
    def needs_encoder(self) -> bool:
        """Whether the agent sees through a trained encoder."""
        return self.agent.perception in ("features", "affordances", "segmentation")
