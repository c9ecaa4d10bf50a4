"""Every command and every program of the README runs, on a small budget."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
LINES = [
    line.partition(" #")[0].strip() for kind, text in BLOCKS if kind == "sh" for line in text.splitlines()
]
COMMANDS = [line for line in LINES if line and line != "make test"]
PROGRAMS = [text for kind, text in BLOCKS if kind == "python"]
JUDGED = ["--evaluate.choose_episodes", "2", "--evaluate.episodes", "2"]
PERCEPTION = [
    *("--perception.training.updates", "4", "--perception.batch_size", "16"),
    *("--perception.evaluation_batches", "1"),
]
FEW = ["--train.env_steps", "300", *JUDGED, "--track.mode", "disabled"]
AGENT = [*FEW, "--agent.learning_starts", "100"]
TRAINING = [*AGENT, *PERCEPTION]
SMALL = {
    "scripts/train_agent.py": TRAINING,
    "scripts/train_perception.py": [*PERCEPTION, "--track.mode", "disabled"],
    "scripts/train_classifier.py": ["--training.epochs", "1", "--folds", "2"],
    "scripts/record_frames.py": ["--batches", "2", "--batch_size", "16"],
    "scripts/evaluate.py": ["--episodes", "2"],
    "scripts/render_episode.py": ["--seconds", "1"],
    "scripts/render_camera.py": ["--columns", "2"],
    "scripts/write_formula_index.py": [],
    "scripts/benchmark.py": ["--seconds", "0.05", "--num_envs", "8", "--peers", "false"],
}
SLOW = ("benchmark.py learning",)  # trains for minutes whatever its options


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    command = [sys.executable, "scripts/train_agent.py", "--run_dir", str(folder), *TRAINING]
    subprocess.run(command, cwd=ROOT, check=True, timeout=300)
    return folder


def small(command: str, run: Path, folder: Path) -> list[str]:
    """The command's words, with this run, on a small budget, writing into `folder` alone."""
    words = [str(run) if word == "runs/NAME" else word for word in shlex.split(command)]
    written = re.compile(r"\w+\.(json|mp4|gif|png)|frames")
    words = [str(folder / word) if written.fullmatch(word) else word for word in words]
    own = ["--run_dir", str(folder / "run")]
    if words[0] == "make":
        return [*words, f"OPTIONS={shlex.join([*own, *TRAINING])}"]
    options = [] if "--resume" in words else SMALL[words[1]]
    if re.search("tabular|ppo", command):
        options = FEW
    elif re.search("cartpole|tmaze|rainbow|_state", command):
        options = AGENT
    runs = words[1] in ("scripts/train_agent.py", "scripts/train_perception.py")
    own = own if runs and "--resume" not in words else []
    return [sys.executable, *words[1:], *options, *own]


def test_there_is_something_to_run():
    assert len(COMMANDS) > 8
    assert PROGRAMS


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_runs(command: str, run: Path, tmp_path: Path):
    if command.startswith("make") and Path(sys.prefix) != ROOT / ".venv":
        pytest.skip("make would install a second environment")
    if any(slow in command for slow in SLOW):
        command += " --help"
    words = small(command, run, tmp_path)
    if "human" in words:
        with pytest.raises(subprocess.TimeoutExpired):  # a window stays until it is closed
            subprocess.run(words, cwd=ROOT, check=True, timeout=10)
        return
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_runs(program: str):
    exec(program, {})
