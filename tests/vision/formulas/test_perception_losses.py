import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vision.formulas.activations import softmax
from vision.formulas.losses import cross_entropy
from vision.formulas.perception_losses import (
    dice_loss,
    focal_loss,
    heat_map_loss,
    multi_task_loss,
    scale_invariant_loss,
)


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def labels(*shape: int, classes: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, classes, shape, generator=torch.Generator().manual_seed(seed))


def probabilities(logits: torch.Tensor) -> torch.Tensor:
    return softmax(logits.movedim(1, -1)).movedim(-1, 1)


@settings(deadline=None, max_examples=25)
@given(st.integers(2, 5), st.floats(0.0, 5.0), st.integers(0, 99))
def test_focal_loss_is_its_sum_in_numpy(classes, focus, seed):
    logits, label = drawn(3, classes, 4, 2, seed=seed), labels(3, 4, 2, classes=classes, seed=seed)
    z = logits.numpy()
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    chosen = np.take_along_axis(p, label.numpy()[:, None], 1)
    expected = np.mean(-((1 - chosen) ** focus) * np.log(chosen))
    assert float(focal_loss(logits, label, focus)) == pytest.approx(expected, rel=1e-9)


def test_focal_loss_without_focus_is_the_cross_entropy_and_with_it_forgets_what_is_known():
    logits, label = drawn(2, 3, 5), labels(2, 5, classes=3)
    torch.testing.assert_close(focal_loss(logits, label, 0.0), cross_entropy(logits, label))
    sure, unsure = torch.tensor([[6.0, 0.0]]), torch.tensor([[0.5, 0.0]])
    right = torch.tensor([0])
    ratio = focal_loss(sure, right) / cross_entropy(sure, right)
    assert float(ratio) < 1e-4 < float(focal_loss(unsure, right) / cross_entropy(unsure, right))


def test_dice_loss_of_literal_masks():
    label = torch.tensor([[[0, 0], [1, 1]]])
    right = torch.nn.functional.one_hot(label, 3).movedim(-1, 1).double()
    assert float(dice_loss(right, label)) == 0.0
    wrong = right[:, [1, 0, 2]]
    assert float(dice_loss(wrong, label)) == pytest.approx(1 - (1 / 5 + 1 / 5 + 1) / 3)


@settings(deadline=None, max_examples=25)
@given(st.integers(2, 4), st.integers(0, 99))
def test_dice_loss_is_its_sum_in_numpy(classes, seed):
    probability, label = (
        probabilities(drawn(2, classes, 3, 4, seed=seed)),
        labels(2, 3, 4, classes=classes, seed=seed),
    )
    shares = []
    for kind in range(classes):
        p, y = probability.numpy()[:, kind], (label.numpy() == kind).astype(float)
        shares.append((2 * (p * y).sum() + 1) / (p.sum() + y.sum() + 1))
    assert float(dice_loss(probability, label)) == pytest.approx(1 - np.mean(shares), rel=1e-9)


def test_the_best_weight_of_a_task_is_one_over_its_loss():
    losses = torch.tensor([0.25, 4.0], dtype=torch.float64)
    best = losses.log().requires_grad_()
    loss = multi_task_loss(losses, best)
    assert float(loss.detach()) == pytest.approx(0.5 * (2 + math.log(0.25) + math.log(4.0)))
    (slope,) = torch.autograd.grad(loss, best)
    torch.testing.assert_close(slope, torch.zeros_like(slope))


def test_a_depth_wrong_by_one_factor_is_right_but_for_its_scale():
    target = drawn(2, 3, 4)
    torch.testing.assert_close(
        scale_invariant_loss(target + 0.7, target, 1.0), torch.zeros(2, dtype=torch.float64)
    )
    difference = np.array([[1.0, 3.0]])
    loss = scale_invariant_loss(torch.from_numpy(difference), torch.zeros(1, 2, dtype=torch.float64), 0.5)
    assert float(loss) == pytest.approx(5.0 - 0.5 * 4.0)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 99), st.integers(0, 3))
def test_heat_map_loss_is_its_sum_in_numpy(seed, objects):
    logits, generator = drawn(2, 2, 3, 4, seed=seed), np.random.default_rng(seed)
    heat = generator.uniform(0.0, 0.9, (2, 2, 3, 4))
    heat.reshape(-1)[generator.permutation(48)[:objects]] = 1.0
    p = 1 / (1 + np.exp(-logits.numpy()))
    found, empty = (1 - p) ** 2 * np.log(p), (1 - heat) ** 4 * p**2 * np.log(1 - p)
    expected = -np.where(heat == 1.0, found, empty).sum() / max(objects, 1)
    assert float(heat_map_loss(logits, torch.from_numpy(heat))) == pytest.approx(expected, rel=1e-9)


def test_heat_map_loss_is_finite_for_the_surest_logits():
    logits, heat = torch.tensor([[[[200.0, -200.0]]]]), torch.tensor([[[[0.0, 1.0]]]])
    assert math.isfinite(float(heat_map_loss(logits, heat)))
    assert float(heat_map_loss(-logits, heat)) == 0.0


def test_all_pass_gradcheck():
    logits, label = drawn(2, 3, 4).requires_grad_(), labels(2, 4, classes=3)
    assert torch.autograd.gradcheck(lambda z: focal_loss(z, label), [logits])
    assert torch.autograd.gradcheck(lambda z: dice_loss(probabilities(z), label), [logits])
    weights = [drawn(3, seed=1).abs().requires_grad_(), drawn(3, seed=2).requires_grad_()]
    assert torch.autograd.gradcheck(multi_task_loss, weights)
    heat = drawn(2, 3, 2, 4, seed=5).sigmoid()
    assert torch.autograd.gradcheck(lambda z: heat_map_loss(z, heat), [drawn(2, 3, 2, 4).requires_grad_()])
    depths = [drawn(2, 5, seed=3).requires_grad_(), drawn(2, 5, seed=4).requires_grad_()]
    assert torch.autograd.gradcheck(scale_invariant_loss, depths)
