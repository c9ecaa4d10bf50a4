"""The compiled pass against the formulas that it puts together."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from agents import mean_pass as module
from agents.formulas.value_learning import (
    double_q_target,
    td_error,
    td_loss,
    td_loss_gradient,
    td_target,
)
from agents.mean_pass import mean_pass


def batch(seed, rows=9, num_actions=3):
    generator = torch.Generator().manual_seed(seed)
    q_values, values, chooser = 2 * torch.randn(3, rows, num_actions, generator=generator)
    action = torch.randint(0, num_actions, (rows,), generator=generator)
    reward, weight = torch.randn(rows, generator=generator), torch.rand(rows, generator=generator)
    discount = 0.9 * (torch.rand(rows, generator=generator) > 0.3)
    return q_values, action, reward, discount, values, chooser, weight


def check(seed, double, weighted):
    q_values, action, reward, discount, values, chooser, weight = batch(seed)
    after = (values, chooser if double else values)
    told = mean_pass(q_values, action, reward, discount, after, weight if weighted else None)
    weights = weight if weighted else None
    target = (
        double_q_target(reward, discount, chooser, values) if double else td_target(reward, discount, values)
    )
    expected = td_loss(q_values, action, target, 1.0, weights)
    torch.testing.assert_close(torch.tensor(told.loss), expected, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(told.gradient, td_loss_gradient(q_values, action, target, 1.0, weights))
    torch.testing.assert_close(told.surprise, -td_error(q_values, action, target))
    assert told.target == pytest.approx(float(target.mean()), abs=1e-5)


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 2**32 - 1), double=st.booleans(), weighted=st.booleans())
def test_the_pass_is_what_the_formulas_say(seed, double, weighted):
    check(seed, double, weighted)


def test_the_compiled_pass_is_the_python_one(monkeypatch):
    monkeypatch.setattr(module, "_mean_pass", module._mean_pass.py_func)
    for seed in range(4):
        check(seed, double=True, weighted=True)


def test_a_row_by_hand():
    """Q(s, a) = 1, r = 0.5, γ = 0.9; the online network prefers action 1, which is worth 2: y = 2.3."""
    one = torch.tensor
    told = mean_pass(
        one([[1.0, 5.0]]), one([0]), one([0.5]), one([0.9]), (one([[3.0, 2.0]]), one([[0.0, 1.0]])), None
    )
    assert told.target == pytest.approx(2.3)
    assert told.surprise.tolist() == pytest.approx([-1.3])
    assert told.loss == pytest.approx(0.8)  # |δ| − ½
    assert told.gradient.tolist() == [[-1.0, 0.0]]


def test_what_is_not_a_number_is_told():
    q_values, action, reward, discount, values, chooser, _ = batch(0)
    values[:] = torch.nan
    told = mean_pass(q_values, action, reward, torch.ones_like(discount), (values, chooser), None)
    assert told.loss != told.loss
    assert told.gradient.isnan().any()
