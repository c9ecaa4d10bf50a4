"""What can be asked of the benchmark."""

from dataclasses import dataclass
from pathlib import Path

from agents.runs.errors import require

SUITES = ("simulation", "learning", "perception")
"""What can be measured."""
SECONDS = 3.0  # for each case of the simulation and of perception
RESULTS = Path(__file__).parents[1] / "docs" / "results"


@dataclass(frozen=True)
class Options:
    """What to measure."""

    suite: str
    """What to measure: simulation, the steps per second; learning, what agents learn and in what time; or
    perception, how fast an encoder trains."""
    tasks: tuple[str, ...] | None = None
    """What is learnt, such as --tasks '[cartpole,acrobot]'; by default everything there is."""
    agents: tuple[str, ...] | None = None
    """Who learns, such as --agents '[dqn,sb3-dqn]'; by default everyone whom a task has a recipe for."""
    seeds: tuple[int, ...] = (0,)
    """Seeds of what learns, such as --seeds '[0,1,2]'."""
    num_envs: int = 1024
    """Environments in the batch of the simulation."""
    threads: int = 2
    """Threads over the batch of the simulation."""
    parallel: int = 1
    """Trainings side by side; of several, each has one thread."""
    seconds: float | None = None
    """How long each case is measured at most; null for as long as each needs. Trainings have their steps."""
    peers: bool = True
    """Measure the peers as well (extra `peers`)."""
    json: Path | None = None
    """File for the results."""
    results: Path = RESULTS
    """Folder of finished trainings, which are not run again; the page about them is written beside it."""
    folder: Path | None = None
    """Folder for the trainings' own runs; by default they are removed when they are over."""
    report: bool = False
    """Train and measure nothing: only write the page from the finished trainings."""

    def __post_init__(self) -> None:
        require(self.suite in SUITES, "suite", self.suite, " or ".join(SUITES))
        for name in ("tasks", "agents"):
            chosen = getattr(self, name)
            require(chosen is None or len(chosen) > 0, name, [], "one or more names, or left out")
        require(1 <= self.num_envs <= 4096, "num_envs", self.num_envs, "from 1 to 4096")
        require(1 <= self.threads <= 256, "threads", self.threads, "from 1 to 256")
        require(1 <= self.parallel <= 256, "parallel", self.parallel, "from 1 to 256")
        fit = len(self.seeds) > 0 and min(self.seeds) >= 0
        require(fit, "seeds", list(self.seeds), "one or more whole numbers, 0 or greater")
        require(self.seconds is None or self.seconds > 0, "seconds", self.seconds, "above 0")
        if self.json:
            fits = self.json.parent.is_dir() and (self.json.is_file() or not self.json.exists())
            require(fits, "json", str(self.json), "a file in a folder that exists")
