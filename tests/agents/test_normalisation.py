"""Running moments are those of everything seen; a scaled reward keeps its sign."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agents.normalisation import RewardScale, RunningMoments


@given(seed=st.integers(0, 2**32 - 1), sizes=st.lists(st.integers(1, 20), min_size=1, max_size=6))
def test_running_moments_are_those_of_all_rows_together(seed, sizes):
    generator = np.random.default_rng(seed)
    pieces = [generator.normal(3, 5, (size, 2, 2)).astype(np.float32) for size in sizes]
    moments = RunningMoments(4)
    for piece in pieces:
        moments.update(torch.from_numpy(piece))
    rows = np.concatenate(pieces).reshape(-1, 4)
    np.testing.assert_allclose(moments.mean, rows.mean(0), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(moments.variance, rows.var(0), rtol=1e-3, atol=1e-3)
    assert int(moments.count) == len(rows)


def test_rows_come_out_with_mean_0_and_deviation_1():
    rows = torch.tensor([[1.0, 10.0], [3.0, 30.0]])
    moments = RunningMoments(2)
    torch.testing.assert_close(moments(rows), torch.tensor([[1.0, 10.0], [3.0, 10.0]]))  # as it is, but cut
    moments.update(rows)
    torch.testing.assert_close(moments(rows), torch.tensor([[-1.0, -1.0], [1.0, 1.0]]))
    assert moments(torch.tensor([[1000.0, 20.0]])).tolist() == [[10.0, 0.0]]


def test_a_number_that_never_changes_stays_finite():
    moments = RunningMoments(1)
    moments.update(torch.full((5, 1), 7.0))
    assert moments(torch.full((1, 1), 7.0)).tolist() == [[0.0]]


def test_rewards_are_measured_by_their_discounted_sum_within_an_episode():
    reward = np.array([[1.0, 0.0], [2.0, 4.0], [3.0, 1.0], [5.0, 0.0]], np.float32)
    ended = np.array([[False, False], [True, False], [False, False], [False, False]])
    scale = RewardScale(0.5, 2)
    scale.update(reward[:2], ended[:2])
    scale.update(reward[2:], ended[2:])
    totals = [1.0, 2.5, 3.0, 6.5, 0.0, 4.0, 3.0, 1.5]  # the first row's sum begins anew after its end
    assert scale.factor == pytest.approx(1 / np.std(totals), rel=1e-5)
    assert scale.total.tolist() == [6.5, 1.5]


def test_forgetting_where_episodes_end_is_caught():
    reward, ended = np.ones((6, 1), np.float32), np.array([[False], [True]] * 3)
    right, decoy = RewardScale(0.9, 1), RewardScale(0.9, 1)
    right.update(reward, ended)
    decoy.update(reward, np.zeros_like(ended))
    assert right.factor > 2 * decoy.factor


def test_before_anything_is_seen_rewards_are_left_alone():
    assert RewardScale(0.9, 1).factor == pytest.approx(1.0)


def test_a_scale_can_be_taken_up_again():
    generator = np.random.default_rng(0)
    reward, ended = generator.normal(size=(9, 3)).astype(np.float32), generator.random((9, 3)) < 0.2
    whole, half, other = (RewardScale(0.9, 3) for _ in range(3))
    whole.update(reward[:4], ended[:4])
    whole.update(reward[4:], ended[4:])
    half.update(reward[:4], ended[:4])
    other.load_state_dict(half.state_dict())
    other.update(reward[4:], ended[4:])
    assert other.factor == whole.factor
    np.testing.assert_array_equal(other.total, whole.total)


def test_rewards_that_never_differ_stay_as_they_are():
    scale = RewardScale(0.99, 8)
    assert scale.factor == pytest.approx(1)
    scale.update(np.ones((1, 8), np.float32), np.zeros((1, 8), np.bool_))
    assert scale.factor == pytest.approx(1)
