"""Train a network of the documents on real pictures, and judge it by cross-validation."""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import Tensor

from agents.runs.durable import write_durably
from agents.runs.errors import RunError, require
from agents.runs.parser import exit_status, parse_options
from agents.runs.statistics import bootstrap_interval
from agents.runs.threads import prepare_threads
from vision.classification import ClassifierConfig, cross_validation
from vision.classifiers import CLASSIFIERS
from vision.formulas.metrics import accuracy, f1_score, precision, recall
from vision.samples import SAMPLES


@dataclass(frozen=True)
class Options:
    """What is trained, and on what."""

    network: str = "ten_twenty"
    """two_three_one, ten_twenty or thirty_two_sixty_four."""
    data: str = "digits"
    """digits, zeros_and_ones (of the digits, as two numbers each) or photographs (patches of two)."""
    folds: int = 5
    """Parts that the samples are cut into; each is told by a network that has learnt from the others."""
    seed: int = 0
    """Of the folds, the initial weights and the order."""
    json: Path | None = None
    """File for the results."""
    training: ClassifierConfig = field(default_factory=ClassifierConfig)
    """The recipe."""

    def __post_init__(self) -> None:
        require(self.network in CLASSIFIERS, "network", self.network, " or ".join(CLASSIFIERS))
        require(self.data in SAMPLES, "data", self.data, " or ".join(SAMPLES))
        require(self.folds >= 2, "folds", self.folds, "at least 2")
        require(self.seed >= 0, "seed", self.seed, "0 or greater")
        if self.json:
            require(self.json.parent.is_dir(), "json", str(self.json), "in a folder that exists")


def train(arguments: Sequence[str]) -> None:
    """Train, print the measures of each class and write them.

    Raises:
        RunError: what is wrong with the arguments.
    """
    options = parse_options(Options, arguments, str(__doc__))
    prepare_threads()
    started = time.perf_counter()
    try:
        samples = SAMPLES[options.data]()
        each = cross_validation(options.network, samples, options.training, options.folds, options.seed)
        folds = list(track(each, "folds", options.folds))
    except (ValueError, ModuleNotFoundError) as fault:
        raise RunError(str(fault)) from fault
    found = {
        "network": options.network,
        "data": options.data,
        "seed": options.seed,
        **totals(folds, options.seed),
        "folds": [float(accuracy(fold)) for fold in folds],
        "seconds": round(time.perf_counter() - started, 1),
    }
    show(sum(folds[1:], folds[0]), samples.classes, found)
    if options.json:
        text = json.dumps(found, indent=2) + "\n"
        write_durably(options.json.parent, options.json.name, text.encode())


def totals(folds: Sequence[Tensor], seed: int) -> dict[str, Any]:
    """Accuracy over all folds' confusions, its interval of 95 %, and how many are wrong of how many."""
    confusion = sum(folds[1:], folds[0])
    right, count = int(confusion.trace()), int(confusion.sum())
    hits = np.repeat([1.0, 0.0], [right, count - right])
    interval = bootstrap_interval(hits, np.random.default_rng(seed))
    return {
        "accuracy": float(accuracy(confusion)),
        "interval": list(interval),
        "wrong": count - right,
        "samples": count,
    }


def show(confusion: Tensor, classes: Sequence[str], found: Mapping[str, Any]) -> None:
    """Print the measures of each class, and the accuracy."""
    table = Table("class", "precision", "recall", "F1", "samples")
    measures = (precision(confusion), recall(confusion), f1_score(confusion), confusion.sum(1))
    for name, *row, count in zip(classes, *(values.tolist() for values in measures), strict=True):
        table.add_row(name, *(f"{value:.4f}" for value in row), str(count))
    console, (low, high) = Console(), found["interval"]
    console.print(table)
    console.print(
        f"accuracy {found['accuracy']:.4f} [{low:.4f}, {high:.4f}]: {found['wrong']} of {found['samples']} "
        f"wrong, each told by a network that never saw it; {len(found['folds'])} folds, "
        f"{found['seconds']:.0f} s",
        soft_wrap=True,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status of the program: 0, or 2 for bad input."""
    return exit_status(partial(train, sys.argv[1:] if arguments is None else arguments))


if __name__ == "__main__":
    sys.exit(main())
