"""What results come to: by hand."""

import numpy as np
import pytest

from agents.comparison.catalogue import TASKS
from agents.comparison.rows import rows_of
from agents.comparison.scores import (
    SECONDS,
    STEPS,
    by_task,
    estimate_improvement,
    estimate_score,
    learning_curve,
    normalised_strata,
    profile,
    summarise_agent,
)

CARTPOLE = TASKS["cartpole"]


def test_a_summary_by_hand(make_result):
    """Of four scores the middle two count; of the last looks, at which three have solved it, the median."""
    scores, seconds = [500.0, 475.0, 490.0, 300.0], [10.0, 20.0, 30.0, 40.0]
    runs = [make_result("cartpole", "dqn", *it) for it in zip(range(4), scores, seconds, strict=True)]
    peer = [make_result("cartpole", "sb3-dqn", 0, 480.0)]
    summary = summarise_agent(CARTPOLE, runs, peer)
    assert (summary.agent, summary.runs, summary.seconds) == ("dqn", 4, 25.0)
    assert summary.score.value == (475 + 490) / 2
    assert summary.steps_to_solve == CARTPOLE.env_steps
    assert summary.seconds_to_solve == (20 + 30) / 2
    assert summary.better is not None
    assert summary.better.value == 2 / 4
    assert summary.score.low is not None
    assert summary.score.low <= summary.score.value <= (summary.score.high or 0)


def test_half_of_the_runs_unsolved_is_no_time_to_solve(make_result):
    runs = [make_result("cartpole", "dqn", seed, score) for seed, score in enumerate([480.0, 100.0])]
    assert summarise_agent(CARTPOLE, runs, []).steps_to_solve is None
    assert summarise_agent(CARTPOLE, runs, []).better is None


def test_one_run_has_no_interval(make_result):
    summary = summarise_agent(CARTPOLE, [make_result("cartpole", "dqn", 0, 480.0)], [])
    assert (summary.score.low, summary.score.high) == (None, None)


def test_several_tasks_are_put_on_one_scale(make_result, few_resamples):
    results = [
        make_result("cartpole", "dqn", 0, CARTPOLE.solved),
        make_result("cartpole", "dqn", 1, CARTPOLE.chance),
        make_result("acrobot", "dqn", 0, (TASKS["acrobot"].solved + TASKS["acrobot"].chance) / 2),
    ]
    strata = normalised_strata([CARTPOLE, TASKS["acrobot"]], by_task(results), "dqn")
    assert np.concatenate(strata) == pytest.approx([1, 0, 0.5])
    assert estimate_score(strata).value == pytest.approx(0.5)


def test_an_improvement_is_a_mean_over_tasks(few_resamples):
    ours = [np.array([1.0, 2.0, 3.0]), np.array([0.0])]
    theirs = [np.array([0.0]), np.array([1.0])]
    assert estimate_improvement(ours, theirs).value == 1 / 2


def test_a_profile_lies_in_its_interval(few_resamples):
    strata = [np.array([0.0, 0.4, 0.8]), np.array([0.2, 1.0])]
    curve = profile(strata, np.linspace(-1, 2, 7))
    assert np.all((curve.low <= curve.middle) & (curve.middle <= curve.high))
    assert (curve.middle[0], curve.middle[-1]) == (1, 0)


@pytest.mark.parametrize("axis", [STEPS, SECONDS])
def test_a_learning_curve_goes_from_chance_to_where_the_first_run_ends(make_result, few_resamples, axis):
    runs = [make_result("cartpole", "dqn", 0, 400.0, 10.0), make_result("cartpole", "dqn", 1, 400.0, 20.0)]
    curve = learning_curve(CARTPOLE, runs, axis)
    assert curve.x[0] == 0
    assert curve.x[-1] == (CARTPOLE.env_steps if axis == STEPS else 10.0)
    assert curve.middle[0] == pytest.approx(CARTPOLE.chance)
    halfway = CARTPOLE.chance + (400 - CARTPOLE.chance) / 2
    assert curve.middle[-1] == pytest.approx(400 if axis == STEPS else (400 + halfway) / 2)
    assert np.all((curve.low <= curve.middle + 1e-9) & (curve.middle <= curve.high + 1e-9))


def test_rows_say_above_one_where_ours_is_better(make_result, few_resamples):
    """Also where every score is negative: what counts is the distance from chance."""
    acrobot = TASKS["acrobot"]
    ours, theirs = acrobot.chance + 400, acrobot.chance + 200
    results = [
        make_result("acrobot", "dqn", 0, ours, 10.0),
        make_result("acrobot", "sb3-dqn", 0, theirs, 30.0),
    ]
    score, seconds, caught_up, *others = rows_of(results)
    assert list(score) == ["name", "value", "unit", "peer", "peer_value", "ratio", "settings"]
    assert (score["value"], score["peer_value"], score["ratio"]) == (ours, theirs, pytest.approx(2))
    assert (seconds["value"], seconds["peer_value"], seconds["ratio"]) == (10, 30, 3)
    assert (caught_up["value"], caught_up["peer_value"], caught_up["ratio"]) == (5, 30, 6), "half way up"
    assert [(row["peer"], row["ratio"]) for row in others] == [(None, None)] * 2


def test_an_agent_that_never_has_its_peers_score_has_no_time_for_it(make_result, few_resamples):
    theirs = [make_result("cartpole", "sb3-dqn", seed, 300.0) for seed in range(3)]
    ours = [make_result("cartpole", "dqn", seed, score) for seed, score in enumerate((299.0, 500.0, 290.0))]
    assert summarise_agent(CARTPOLE, ours, theirs).seconds_to_peer is None
    assert len(list(rows_of([*ours, *theirs]))) == 4
    better = [make_result("cartpole", "dqn", seed, score) for seed, score in enumerate((299.0, 500.0, 400.0))]
    assert summarise_agent(CARTPOLE, better, theirs).seconds_to_peer == 7.5, "two of three, at the third look"


def test_a_peer_is_told_when_it_first_had_its_own_score(make_result, few_resamples):
    theirs = [make_result("cartpole", "sb3-dqn", seed, 300.0) for seed in range(3)]
    for run in theirs:
        run.curve[1][2] = 301.0  # better half way than at the end
    peer = summarise_agent(CARTPOLE, theirs, theirs)
    assert (peer.seconds_to_peer, peer.better) == (5.0, None)
    ours = [make_result("cartpole", "dqn", seed, 500.0) for seed in range(3)]
    caught_up = list(rows_of([*ours, *theirs]))[2]
    assert caught_up["settings"]["peer_until_its_score"] == 5.0


def test_a_peer_at_chance_has_no_ratio(make_result):
    results = [
        make_result("acrobot", "dqn", 0, -100.0),
        make_result("acrobot", "sb3-dqn", 0, TASKS["acrobot"].chance),
    ]
    assert next(rows_of(results))["ratio"] is None
