"""Finished cells: kept whole, known again, told apart from those that would differ today."""

import json
from dataclasses import replace

import pytest

from agents.comparison.catalogue import CONTENDERS, TASKS
from agents.comparison.records import Cell
from agents.comparison.results import curve_of, read_result, same_definition
from agents.runs.errors import RunError

CELL = Cell(TASKS["cartpole"], CONTENDERS["dqn"], 3)


def test_a_result_comes_back_as_it_was(store, make_result):
    result = make_result("cartpole", "dqn", 3, 480.0)
    store.save(result)
    assert store.find(CELL) == result
    assert list(store.results()) == [result]
    assert store.find(replace(CELL, seed=4)) is None
    assert [path.name for path in store.root.rglob("*.*")] == ["3.json"]


def test_a_result_of_another_recipe_is_not_found(store, make_result):
    result = make_result("cartpole", "dqn", 3, 480.0)
    agent = result.definition["agent"] | {"n_step": 99}
    store.save(replace(result, definition=result.definition | {"agent": agent}))
    assert store.find(CELL) is None


@pytest.mark.parametrize(
    ("former", "present", "same"),
    [
        ({"agent": {"n": 1}}, {"agent": {"n": 1}}, True),
        ({"agent": {"n": 1}}, {"agent": {"n": 2}}, False),
        ({"agent": {"n": 1}}, {"agent": {"n": 1, "new": 0}}, True),
        ({"agent": {"n": 1, "gone": 0}}, {"agent": {"n": 1}}, False),
        ({"env": {"kwargs": {"a": 1}}}, {"env": {"kwargs": {"a": 1, "b": 2}}}, False),
        ({"env": {"kwargs": {}}}, {"env": {"kwargs": {"b": 2}}}, False),
        ({"agent": {"policy_kwargs": {"net": [1]}}}, {"agent": {"policy_kwargs": {"net": [1]}}}, True),
        ({"train": None}, {"train": {"seconds": 1}}, False),
        ({"agent": {"n": 1}}, {"agent": {"n": 1, "new": 7}}, False),
        ({"agent": {"n": 1}}, {"agent": {"n": 1, "newer": 0}}, False),
    ],
)
def test_an_option_that_is_new_since_then_must_have_its_default(former, present, same):
    defaults = {"agent": {"n": 5, "new": 0, "policy_kwargs": {}}, "env": {"kwargs": {}}, "train": None}
    assert same_definition(former, present, defaults) == same


def test_a_damaged_file_is_named(store, make_result):
    store.save(make_result("cartpole", "dqn", 3, 480.0))
    path = store.root / "cartpole" / "dqn" / "3.json"
    for text in ("{", "[]", json.dumps(json.loads(path.read_text()) | {"more": 1})):
        path.write_text(text)
        with pytest.raises(RunError, match="3.json is no result"):
            read_result(path)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"curve": []}, "its curve has no looks"),
        ({"curve": [[1, 2]]}, "its curve has no looks"),
        ({"score": None}, ""),
        ({"score": float("nan")}, "not finite"),
        ({"definition": None}, ""),
        ({"seed": 4}, "it is that of cartpole dqn 4"),
    ],
)
def test_what_no_training_comes_to_is_named(store, make_result, change, sentence):
    store.save(make_result("cartpole", "dqn", 3, 480.0))
    path = store.root / "cartpole" / "dqn" / "3.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(RunError, match=f"3.json is no result: .*{sentence}"):
        read_result(path)


def test_a_curve_has_the_looks_and_not_the_time_they_took():
    records = [
        {"env_steps": 100, "seconds": 1.0, "loss": 0.5},
        {"env_steps": 200, "seconds": 3.0, "choose/mean_return": 7.0, "time/choose": 0.5},
        {"env_steps": 300, "seconds": 4.0, "choose/mean_return": None, "time/choose": 0.25},
        {"env_steps": 400, "seconds": 6.0, "choose/mean_return": 9.0, "time/choose": 1.0},
    ]
    assert curve_of(records, "mean_return") == [[200, 2.5, 7.0], [400, 4.25, 9.0]]
    assert curve_of(records, "success_rate") == []
