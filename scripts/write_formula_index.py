"""Write the formula index: each equation with its document, its function, its tests and who uses it."""

import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from agents.runs.durable import write_durably
from agents.runs.errors import RunError, require
from agents.runs.parser import exit_status, parse_options
from formula_index import page


@dataclass(frozen=True)
class Options:
    """Where the index goes."""

    save: Path = Path("docs/formulas.md")
    """The page."""

    def __post_init__(self) -> None:
        require(self.save.suffix == ".md", "save", str(self.save), "a Markdown page, .md")
        require(self.save.parent.is_dir(), "save", str(self.save), "in a folder that exists")


def write(arguments: list[str]) -> None:
    """Write the page where the arguments ask for it.

    Raises:
        RunError: what is wrong with them, or why the page cannot be written.
    """
    options = parse_options(Options, arguments, str(__doc__))
    try:
        write_durably(options.save.parent, options.save.name, page().encode())
    except OSError as fault:
        raise RunError(str(fault)) from fault


def main(arguments: list[str] | None = None) -> int:
    """Exit status of the program: 0, or 2 for bad input."""
    return exit_status(partial(write, sys.argv[1:] if arguments is None else arguments))


if __name__ == "__main__":
    sys.exit(main())
