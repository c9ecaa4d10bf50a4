import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from vision.formulas.losses import cross_entropy, gaussian_negative_log_likelihood

numbers = st.floats(-5, 5, width=32)


def column(*values: float) -> torch.Tensor:
    return torch.tensor([values])


def test_gaussian_likelihood_of_literal_numbers():
    loss = gaussian_negative_log_likelihood(
        column(0.0, 1.0, 3.0), column(0.0, 0.0, math.log(4.0)), column(0.0, 2.0, 1.0)
    )
    half_log_two_pi = 0.9189385
    expected = column(half_log_two_pi, half_log_two_pi + 0.5, half_log_two_pi + math.log(2) + 0.5)
    torch.testing.assert_close(loss, expected)


@given(mean=numbers, log_variance=numbers, target=numbers)
def test_gaussian_likelihood_is_that_of_torch_s_distribution(mean, log_variance, target):
    loss = gaussian_negative_log_likelihood(column(mean), column(log_variance), column(target))
    normal = torch.distributions.Normal(column(mean), column(log_variance).mul(0.5).exp())
    torch.testing.assert_close(loss, -normal.log_prob(column(target)), rtol=1e-4, atol=1e-4)


@given(error=st.floats(0.125, 5, width=32))
def test_gaussian_likelihood_is_best_where_the_variance_is_the_squared_error(error):
    log_variance = torch.full((1, 1), 2 * math.log(error), requires_grad=True)
    gaussian_negative_log_likelihood(column(0.0), log_variance, column(error)).sum().backward()
    assert log_variance.grad is not None
    assert abs(float(log_variance.grad)) < 1e-5


def image(*values: float) -> torch.Tensor:
    return torch.tensor(values).reshape(1, -1, 1, 1)


def test_cross_entropy_of_literal_probabilities():
    logits = image(0.7, 0.2, 0.1).log()
    assert float(cross_entropy(logits, torch.tensor([[[1]]]))) == pytest.approx(-math.log(0.2))


def test_cross_entropy_counts_every_label_not_only_the_ones():
    """Document 003's example sums over y = 1 only, and so loses the sample with y = 0: 0.1567, not 1.7661."""
    predicted = torch.tensor([0.9, 0.2, 0.8, 0.01])
    label = torch.tensor([1, 0, 1, 1])
    logits = torch.stack([1 - predicted, predicted], 1).log()[:, :, None, None]
    right = -(label * predicted.log() + (1 - label) * (1 - predicted).log()).mean()
    one_sided = -(label * predicted.log()).mean()
    loss = cross_entropy(logits, label[:, None, None])
    torch.testing.assert_close(loss, right)
    assert not torch.isclose(loss, one_sided)


@given(seed=st.integers(0, 1000))
def test_cross_entropy_is_torch_s(seed):
    generator = torch.Generator().manual_seed(seed)
    logits = 20 * torch.randn(2, 5, 3, 4, generator=generator)
    label = torch.randint(0, 5, (2, 3, 4), generator=generator).to(torch.uint8)
    torch.testing.assert_close(cross_entropy(logits, label), F.cross_entropy(logits, label.long()))


def test_cross_entropy_refuses_a_label_that_is_no_class():
    with pytest.raises(RuntimeError):
        cross_entropy(image(0.0, 0.0), torch.tensor([[[2]]]))
