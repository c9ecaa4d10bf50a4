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
"""
HEADER = "| equation | function | document and paper | tests | used by |\n| --- | --- | --- | --- | --- |\n"


def formula_modules() -> list[Path]:
    """The files that hold formulas."""
    return [path for folder in FOLDERS for path in sorted((ROOT / folder).glob("[!_]*.py"))]


def formulas(module: ast.Module) -> Iterator[tuple[str, str, str]]:
    """Name, equation and source of every public function; empty where it gives none."""
    for node in module.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            text = ast.get_docstring(node) or ""
            source = re.search(r"^Source: (.+?)(?:\n\n|\Z)", text, re.DOTALL | re.MULTILINE)
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


def formula_users() -> dict[str, list[Path]]:
    """The files outside the formula folders that use each formula."""
    users: dict[str, list[Path]] = defaultdict(list)
    own = formula_modules()
    for path in sorted(path for top in ("agents", "tests", "vision") for path in (ROOT / top).rglob("*.py")):
        if path not in own:
            for name in used_formulas(parsed(path)):
                users[name].append(path)
    return users


def parsed(path: Path) -> ast.Module:
    """A file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"))


def table(path: Path, users: dict[str, list[Path]]) -> str:
    """The formulas of one module under its title, a row each."""
    tree = parsed(path)
    title = (ast.get_docstring(tree) or path.stem).partition("\n")[0].rstrip(".")
    rows = f"\n## {title}\n\n{HEADER}"
    place = path.relative_to(ROOT).as_posix()
    for name, equation, source in formulas(tree):
        uses = users[f"{place.removesuffix('.py').replace('/', '.')}.{name}"]
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
