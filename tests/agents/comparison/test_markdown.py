"""Numbers as they are read."""

from dataclasses import replace

import pytest

from agents.comparison.markdown import estimate, number, origin, table
from agents.comparison.results import Provenance
from agents.comparison.scores import Estimate


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((None, "–"), (0.984, "0.98"), (12.345, "12.3"), (-116.06, "−116.1"), (-0.5, "−0.50")),
        *((52_770_123.0, "52,770,123"), (999.96, "1,000.0")),
    ],
)
def test_a_number_has_the_digits_that_say_something(value, text):
    assert number(value) == text


def test_an_estimate_has_its_interval_if_it_has_one():
    assert estimate(Estimate(12.0, 10.0, 15.5)) == "12.0 [10.0, 15.5]"
    assert estimate(Estimate(12.0, None, None)) == "12.0"
    assert estimate(None) == "–"


def test_a_table_has_its_text_on_the_left_and_its_numbers_on_the_right():
    assert table(("what", "value"), [("a", "1"), ("b", "2")]) == (
        "| what | value |\n| --- | ---: |\n| a | 1 |\n| b | 2 |"
    )


def test_an_origin_names_each_commit_of_a_machine_once():
    one = Provenance("P", 1, "A Card", {"torch": "2"}, "aaa", False, 1)
    made = [one, replace(one, commit="bbb", changed=True), one, replace(one, cores=2, accelerator=None)]
    assert origin(made) == (
        "*1 core of P, A Card; torch 2; aaa, bbb with changes.* *2 cores of P; torch 2; aaa.*"
    )
