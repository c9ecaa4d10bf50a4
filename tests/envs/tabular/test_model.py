from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from envs.tabular.model import FiniteModel, Outcome, build_model

# Two states, two actions: 0 stays or goes on to the other; 1 ends a quarter of the time.
NEXT_STATE = np.array([[[0, 1], [1, 0]], [[1, 0], [1, 1]]], np.int32)
PROBABILITY = np.array([[[0.5, 0.5], [0.25, 0.75]], [[0.1, 0.9], [1.0, 0.0]]])
REWARD = np.array([[[1.0, 3.0], [8.0, 0.0]], [[0.0, 10.0], [2.0, 99.0]]])
TERMINATED = np.array([[[False, False], [True, False]], [[False, False], [True, False]]])
MODEL = FiniteModel(NEXT_STATE, PROBABILITY, REWARD, TERMINATED, np.array([1.0, 0.0]), 7)


def test_transition_holds_the_chances_of_going_on():
    expected = [[[0.5, 0.5], [0.75, 0.0]], [[0.9, 0.1], [0.0, 0.0]]]
    np.testing.assert_allclose(MODEL.transition(), expected, atol=1e-15)


def test_expected_reward_is_the_mean_over_outcomes_with_those_that_end():
    np.testing.assert_allclose(MODEL.expected_reward(), [[2.0, 2.0], [9.0, 2.0]], atol=1e-15)


def test_two_outcomes_with_the_same_next_state_add_up():
    same = replace(MODEL, next_state=np.zeros_like(NEXT_STATE), terminated=np.zeros_like(TERMINATED))
    np.testing.assert_allclose(same.transition()[..., 0], 1.0)


def test_it_knows_its_sizes():
    assert (MODEL.num_states, MODEL.num_actions) == (2, 2)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"next_state": NEXT_STATE[0]}, r"^next_state has shape \(2, 2\); it must be \(S, A, K\)"),
        ({"reward": REWARD[..., :1]}, r"^reward has shape \(2, 2, 1\); expected \(2, 2, 2\)\.$"),
        ({"terminated": TERMINATED[:1]}, r"^terminated has shape"),
        ({"probability": PROBABILITY[:, :1]}, r"^probability has shape"),
        ({"start": np.ones(3) / 3}, r"^start has shape \(3,\); expected \(2,\)\.$"),
        ({"next_state": NEXT_STATE + 1}, r"^next_state names a state that is not in 0 … 1\.$"),
        ({"next_state": NEXT_STATE - 1}, r"^next_state names a state that is not in 0 … 1\.$"),
        ({"probability": 1.1 * PROBABILITY}, r"^probability must hold chances"),
        ({"probability": PROBABILITY * [2.0, 0.5]}, r"^probability must hold chances"),
        ({"probability": PROBABILITY + np.nan}, r"^probability must hold chances"),
        ({"start": np.array([1.5, -0.5])}, r"^start must hold chances"),
        ({"reward": REWARD + np.inf}, r"^reward holds a number that is not finite\.$"),
        ({"max_steps": -1}, r"^max_steps is -1; it must be a whole number, 0 for no limit\.$"),
        ({"max_steps": 1.5}, r"^max_steps is 1\.5"),
    ],
)
def test_what_is_no_model_is_refused_in_a_sentence(change: dict[str, Any], fault: str):
    with pytest.raises(ValueError, match=fault):
        replace(MODEL, **change)


def test_building_merges_what_differs_in_chance_alone_and_fills_up():
    def outcomes(state: int, action: int) -> list[Outcome]:
        if state == 0:
            return [Outcome(0.25, 1, 5.0), Outcome(0.5, 0, 0.0), Outcome(0.25, 1, 5.0), Outcome(0.0, 1, 9.0)]
        return [Outcome(1.0, 1, 3.0, True)]

    model = build_model(2, 1, outcomes, np.array([3, 1]), 0)
    np.testing.assert_array_equal(model.probability, [[[0.5, 0.5]], [[1.0, 0.0]]])
    np.testing.assert_array_equal(model.next_state, [[[1, 0]], [[1, 1]]])
    np.testing.assert_array_equal(model.reward, [[[5.0, 0.0]], [[3.0, 0.0]]])
    np.testing.assert_array_equal(model.terminated, [[[False, False]], [[True, False]]])
    np.testing.assert_array_equal(model.start, [0.75, 0.25])
