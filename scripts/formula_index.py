"""The formula index, read from the source: each equation with its document, function, tests and users."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("agents/formulas", "vision/formulas")
INTRODUCTION = """# Formulas

Every formula is one pure function. `scripts/write_formula_index.py` writes this page from their docstrings,
and a test fails when it is out of date. The documents, 000 to 004, are the five that the project starts from.
Compiled code cannot call a formula: it writes it out again, names it, and a test holds the two together.
"""
HEADER = "| equation | function | document and paper | tests | used by |\n| --- | --- | --- | --- | --- |\n"


def formula_modules() -> list[Path]:
    """The files that hold formulas."""
    return [path for folder in FOLDERS for path in sorted((ROOT / folder).glob("[!_]*.py"))]


def formulas(module: ast.Module) -> Iterator[tuple[str, str, str]]:
    """Name, equation and source, or nothing, of every public function, and of the classes that give one."""
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            text = ast.get_docstring(node) or ""
            source = re.search(r"^ *Source: (.+?)(?:\n\n|\Z)", text, re.DOTALL | re.MULTILINE)
            if source or isinstance(node, ast.FunctionDef):
                yield node.name, text.partition("\n\n")[0], source[1] if source else ""


def used_formulas(tree: ast.Module) -> set[str]:
    """What a file imports from the formulas and names again elsewhere, as package.module.function."""
    nodes = list(ast.walk(tree))
    imports = [
        node for node in nodes if isinstance(node, ast.ImportFrom) and ".formulas" in (node.module or "")
    ]
    meaning = {
        alias.asname or alias.name: f"{node.module}.{alias.name}" for node in imports for alias in node.names
    }
    named = {meaning.get(node.id, "") for node in nodes if isinstance(node, ast.Name)}
    members = [node for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)]
    return named | {f"{meaning.get(ast.unparse(node.value), '')}.{node.attr}" for node in members}


def written_out_formulas(tree: ast.AST, known: dict[str, str]) -> set[str]:
    """What a file's docstrings name in backticks: compiled code cannot call a formula, and repeats it."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    texts = [ast.get_docstring(node) or "" for node in ast.walk(tree) if isinstance(node, documented)]
    return {known[name] for text in texts for name in re.findall(r"`(\w+)`", text) if name in known}


def formula_users() -> dict[str, list[Path]]:
    """The other files that use each formula, or write it out again."""
    users: dict[str, list[Path]] = defaultdict(list)
    known = {
        name: f"{module_name(path)}.{name}"
        for path in formula_modules()
        for name, *_ in formulas(parsed(path))
    }
    for path in sorted(path for top in ("agents", "tests", "vision") for path in (ROOT / top).rglob("*.py")):
        tree = parsed(path)
        tests = path.is_relative_to(ROOT / "tests")
        used = used_formulas(tree) | (set() if tests else written_out_formulas(tree, known))
        for name in used:
            if name.rpartition(".")[0] != module_name(path):
                users[name].append(path)
    return users


def module_name(path: Path) -> str:
    """What a file is imported by."""
    return path.relative_to(ROOT).as_posix().removesuffix(".py").replace("/", ".")


def parsed(path: Path) -> ast.Module:
    """A file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"))


def table(path: Path, users: dict[str, list[Path]]) -> str:
    """The formulas of one module under its title, a row each."""
    tree = parsed(path)
    title = (ast.get_docstring(tree) or path.stem).partition("\n")[0].rstrip(".")
    rows = f"\n## {title}\n\n{HEADER}"
    place, module = path.relative_to(ROOT).as_posix(), module_name(path)
    for name, equation, source in formulas(tree):
        uses = users[f"{module}.{name}"]
        tests = links(use for use in uses if use.is_relative_to(ROOT / "tests"))
        agents = links(use for use in uses if not use.is_relative_to(ROOT / "tests"))
        rows += f"| {plain(equation)} | [{name}](../{place}) | {plain(source)} | {tests} | {agents} |\n"
    return rows


def links(paths: Iterable[Path]) -> str:
    """The files, each by its name."""
    return ", ".join(f"[{path.stem}](../{path.relative_to(ROOT).as_posix()})" for path in paths) or "–"


def plain(text: str) -> str:
    """The text on one line, with nothing in it that Markdown takes for its own."""
    return re.sub(r"([\\|_*<>\[\]`])", r"\\\1", " ".join(text.split()))


def page() -> str:
    """The whole index, as Markdown."""
    users = formula_users()
    return INTRODUCTION + "".join(table(path, users) for path in formula_modules())
