"""Every formula says its equation and its source and is tested, and the index is up to date."""

import ast
import re
from pathlib import Path

import pytest

import formula_index
from scripts import write_formula_index

FORMULAS = [
    pytest.param(path, *formula, id=f"{path.parts[-3]}.{path.stem}.{formula[0]}")
    for path in formula_index.formula_modules()
    for formula in formula_index.formulas(formula_index.parsed(path))
]
PAGE = formula_index.ROOT / "docs" / "formulas.md"


def is_equation(line: str) -> bool:
    """One line that sets something equal to something, moves it, sums it up, or takes a difference."""
    return "\n" not in line and re.search("[=←Σ−]", line) is not None


def names_a_work(source: str) -> bool:
    """A paper by its number or its year, or one of the documents."""
    return re.search(r"arXiv:\d{4}\.\d{4,5}|[( ](19|20)\d\d\b|document\w* 00[0-4]", source) is not None


@pytest.fixture(scope="module")
def users() -> dict[str, list[Path]]:
    return formula_index.formula_users()


@pytest.mark.parametrize(("path", "name", "equation", "source"), FORMULAS)
def test_a_formula_says_what_it_is_and_is_tested(users, path: Path, name: str, equation: str, source: str):
    assert is_equation(equation), f"the first paragraph of {name} must be its equation, on one line"
    assert names_a_work(source), f"the docstring of {name} needs a paragraph 'Source: …'"
    module = ".".join(path.relative_to(formula_index.ROOT).with_suffix("").parts)
    tests = [user for user in users[f"{module}.{name}"] if user.name.startswith("test_")]
    assert tests, f"no test uses {name}"


def test_the_page_is_up_to_date():
    written = PAGE.read_text(encoding="utf-8")
    assert written == formula_index.page(), "run python scripts/write_formula_index.py"


def test_the_index_is_long_and_leads_somewhere():
    assert len(FORMULAS) > 50
    targets = set(re.findall(r"\]\((\.\./[^)]+)\)", formula_index.page()))
    assert [target for target in targets if not (PAGE.parent / target).is_file()] == []


@pytest.mark.parametrize(
    ("line", "passes"),
    [
        ("Target y = r + γ V(s').", True),
        ("(1/B) Σ_b |ŷ_b − y_b|, for each column.", True),
        ("Move Q ← (1 − α) Q + α y.", True),
        ("Share 1 − Var(G − V) / Var(G) of the variance.", True),
        ("The target of Q-learning.", False),
        ("Return G = Σ γᵏ r_k,\nwhich runs on.", False),
    ],
)
def test_what_is_an_equation(line: str, passes: bool):
    assert is_equation(line) is passes


@pytest.mark.parametrize(
    ("source", "passes"),
    [
        ("Source: document 001 §3.1.4.", True),
        ("Source: arXiv:1509.06461.", True),
        ("Source: Huber (1964).", True),
        ("Source: well known.", False),
        ("document 001 §3.1.4 has it.", False),
    ],
)
def test_what_is_a_source(source: str, passes: bool):
    function = f'def f():\n    """y = x.\n\n    What x is.\n    {source}\n\n    Raises:\n        a\n    """'
    [(_, equation, found)] = formula_index.formulas(ast.parse(function))
    assert equation == "y = x."
    assert names_a_work(found) is passes
    assert "Raises" not in found


@pytest.mark.parametrize(
    ("program", "passes"),
    [
        ("from agents.formulas.returns import lambda_return\nlambda_return(1)", True),
        ("from agents.formulas.returns import lambda_return as g\nx = [g]", True),
        ("from agents.formulas import returns\nreturns.lambda_return(1)", True),
        ("from agents.formulas.returns import lambda_return", False),
        ("from agents.formulas.returns import n_step_return as lambda_return\nlambda_return(1)", False),
        ("from agents.formulas import returns\nreturns.n_step_return(1)", False),
        ("def lambda_return(): pass\nlambda_return()", False),
    ],
)
def test_what_is_a_use(program: str, passes: bool):
    assert (
        "agents.formulas.returns.lambda_return" in formula_index.used_formulas(ast.parse(program))
    ) is passes


def test_markdown_is_left_nothing_to_read_into_an_equation():
    assert formula_index.plain("|δ_t|\n  [a*]") == r"\|δ\_t\| \[a\*\]"


def test_the_program_writes_the_page(tmp_path: Path):
    assert write_formula_index.main(["--save", str(tmp_path / "index.md")]) == 0
    assert (tmp_path / "index.md").read_text(encoding="utf-8") == formula_index.page()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--save", "page.html"], "save is 'page.html'; it must be a Markdown page, .md"),
        (["--save", "no/folder/page.md"], "it must be in a folder that exists"),
    ],
)
def test_bad_input_is_one_sentence(arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]):
    assert write_formula_index.main(arguments) == 2
    told = capsys.readouterr().err
    assert sentence in told
    assert told.count("\n") == 1
