"""The house rules that a reader cannot hold in mind and a linter does not know."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {"agents", "envs", "scripts", "tests", "vision"}
MAY_IMPORT = {
    "envs": {"envs"},
    "vision": {"vision"},
    "agents": {"agents", "vision"},
    "scripts": {"agents", "envs", "scripts", "vision"},
}
MAY_DRAW = {"envs/overlays.py", "envs/viewer.py", "envs/window.py"}
LONGEST_AGENT = 300  # lines
VAGUE_NAMES = {"base2", "common", "helpers", "misc", "utils"}
SOURCES = sorted(path for package in MAY_IMPORT for path in (ROOT / package).rglob("*.py"))


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported_modules(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: relative import; write the whole path"
            yield node.module or ""
        elif isinstance(node, ast.Call) and called_name(node) in ("import_module", "__import__"):
            yield from (str(word.value) for word in node.args[:1] if isinstance(word, ast.Constant))


def called_name(call: ast.Call) -> str:
    function = call.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def import_faults(package: str, path: str, tree: ast.AST) -> Iterator[str]:
    for module in imported_modules(tree):
        root = module.split(".")[0]
        if root in PACKAGES - MAY_IMPORT[package]:
            yield f"{package} imports {root}"
        if root == "pygame" and path not in MAY_DRAW:
            yield f"only {' and '.join(sorted(MAY_DRAW))} import pygame"
        if root in ("pickle", "cloudpickle", "dill", "joblib"):
            yield f"imports {root}: nothing here unpickles"


def call_faults(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        if called in ("torch.load", "torch.save"):
            yield f"calls {called}, which pickles"
        allows_pickle = any(
            keyword.arg == "allow_pickle" and getattr(keyword.value, "value", True) is not False
            for keyword in node.keywords
        )
        if called in ("np.load", "np.save", "numpy.load", "numpy.save") and allows_pickle:
            yield f"calls {called} with allow_pickle"


def faults(package: str, path: str, source: str) -> list[str]:
    tree = ast.parse(source)
    return [*import_faults(package, path, tree), *call_faults(tree)]


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_file_keeps_the_rules(path: Path):
    name = relative(path)
    assert faults(name.split("/")[0], name, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "path", [path for path in SOURCES if relative(path).startswith("agents/")], ids=relative
)
def test_no_agent_takes_long_to_read(path: Path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_AGENT


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_no_name_says_nothing(path: Path):
    assert not VAGUE_NAMES & {part.removesuffix(".py") for part in path.relative_to(ROOT).parts}


@pytest.mark.parametrize(
    ("package", "source"),
    [
        ("envs", "import agents.dqn"),
        ("vision", "from agents import dqn"),
        ("vision", "import envs"),
        ("agents", "def f():\n    import envs.driving"),
        ("agents", "from scripts.train_agent import main"),
        ("agents", "importlib.import_module('envs.driving')"),
        ("envs", "from tests import conftest"),
        ("agents", "import pygame"),
        ("agents", "import pickle"),
        ("agents", "torch.load(path)"),
        ("vision", "np.load(path, allow_pickle=True)"),
        ("vision", "np.load(path, allow_pickle=flag)"),
    ],
)
def test_the_walk_sees_each_fault(package: str, source: str):
    assert len(faults(package, f"{package}/planted.py", source)) == 1


@pytest.mark.parametrize(
    ("package", "path", "source"),
    [
        ("agents", "agents/a.py", "import vision.networks"),
        ("scripts", "scripts/a.py", "import agents, envs, vision"),
        ("envs", "envs/viewer.py", "import pygame"),
        ("envs", "envs/window.py", "import pygame"),
        ("vision", "vision/a.py", "np.load(path, allow_pickle=False)"),
    ],
)
def test_the_walk_lets_the_rest_pass(package: str, path: str, source: str):
    assert faults(package, path, source) == []


def test_the_walk_refuses_relative_imports():
    with pytest.raises(AssertionError, match="relative import"):
        faults("agents", "agents/a.py", "from . import dqn")
