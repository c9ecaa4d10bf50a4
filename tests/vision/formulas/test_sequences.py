import math

import pytest
import torch

from vision.formulas.sequences import attention, lstm_step


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_a_step_of_an_lstm_by_hand():
    """i = f = 1/2, g = tanh(ln 2) = 0.6, o = 3/4; c = 2: c' = 1 + 0.3, h' = 0.75 · tanh 1.3."""
    gates = torch.tensor([[0.0, 0.0, math.log(2), math.log(3)]])
    hidden, cell = lstm_step(gates, torch.tensor([[2.0]]))
    assert cell.item() == pytest.approx(1.3)
    assert hidden.item() == pytest.approx(0.75 * math.tanh(1.3))


def test_an_lstm_forgets_what_its_gate_says():
    shut, open_ = -50.0, 50.0
    cell = torch.tensor([[5.0]])
    assert lstm_step(torch.tensor([[shut, open_, 9.0, open_]]), cell)[1].item() == pytest.approx(5)
    assert lstm_step(torch.tensor([[open_, shut, 9.0, open_]]), cell)[1].item() == pytest.approx(1)


def test_a_step_of_an_lstm_is_torchs():
    module = torch.nn.LSTMCell(3, 5, dtype=torch.float64)
    x, hidden, cell = drawn(4, 3), drawn(4, 5, seed=1), drawn(4, 5, seed=2)
    gates = x @ module.weight_ih.T + module.bias_ih + hidden @ module.weight_hh.T + module.bias_hh
    for ours, theirs in zip(lstm_step(gates, cell), module(x, (hidden, cell)), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_attention_by_hand():
    """d = 4: scores (2 ln 3, 0) / √4 = (ln 3, 0), so 3/4 of the first value and 1/4 of the second."""
    query = torch.tensor([[1.0, 0.0, 0.0, 0.0]])
    key = torch.tensor([[2 * math.log(3), 9.0, 9.0, 9.0], [0.0, 9.0, 9.0, 9.0]])
    value, all_seen = torch.tensor([[4.0, 0.0], [8.0, 20.0]]), torch.ones(1, 2, dtype=torch.bool)
    torch.testing.assert_close(attention(query, key, value, all_seen), torch.tensor([[5.0, 5.0]]))
    second = torch.tensor([[False, True]])
    torch.testing.assert_close(attention(query, key, value, second), value[1:])


def test_attention_is_torchs():
    query, key, value = drawn(2, 3, 5, 4), drawn(2, 3, 6, 4, seed=1), drawn(2, 3, 6, 7, seed=2)
    seen = torch.rand(2, 1, 5, 6, generator=torch.Generator().manual_seed(3)) < 0.5
    seen[..., 0] = True
    expected = torch.nn.functional.scaled_dot_product_attention(query, key, value, seen)
    torch.testing.assert_close(attention(query, key, value, seen), expected)
