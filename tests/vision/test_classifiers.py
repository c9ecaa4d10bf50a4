from dataclasses import replace

import pytest
import torch
from torch import nn

from vision.classification import (
    ClassifierConfig,
    cross_validation,
    loss_of,
    moved,
    predicted,
    train_classifier,
)
from vision.classifiers import CLASSIFIERS, fitting, ten_twenty, thirty_two_sixty_four, two_three_one
from vision.formulas.activations import relu, sigmoid
from vision.formulas.convolution import convolution, max_pooling
from vision.formulas.layers import dense
from vision.formulas.losses import binary_cross_entropy, cross_entropy
from vision.formulas.metrics import accuracy
from vision.samples import SAMPLES, Samples, digits, photographs, zeros_and_ones

BRIEF = ClassifierConfig(epochs=5)


def layers(network: nn.Module) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Kernel and bias of each layer that has them."""
    parts = (part for part in network.modules() if isinstance(part, nn.Conv2d | nn.Linear))
    return [(part.weight, part.bias) for part in parts if part.bias is not None]


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def test_ten_twenty_is_the_formulas_one_after_the_other():
    network, images = ten_twenty().eval(), drawn(3, 1, 28, 28)
    first, second, third, last = layers(network)
    pooled, _ = max_pooling(convolution(images, *first), 2)
    pooled, _ = max_pooling(convolution(relu(pooled), *second), 2)
    hidden = relu(dense(relu(pooled).flatten(1), *third))
    assert hidden.shape == (3, 50)
    torch.testing.assert_close(dense(hidden, *last), network(images))


def test_thirty_two_sixty_four_is_the_formulas_one_after_the_other():
    network, images = thirty_two_sixty_four(3, 32, 2).eval(), drawn(2, 3, 32, 32)
    first, second, third, last = layers(network)
    pooled, _ = max_pooling(relu(convolution(images, *first)), 2)
    pooled, _ = max_pooling(relu(convolution(pooled, *second)), 2)
    hidden = relu(dense(pooled.flatten(1), *third))
    torch.testing.assert_close(dense(hidden, *last), network(images))


def test_two_three_one_is_the_formulas_and_its_loss_that_of_its_sigmoid():
    network, samples = two_three_one(), drawn(5, 2)
    first, last = layers(network)
    logits = dense(sigmoid(dense(samples, *first)), *last)
    torch.testing.assert_close(logits, network(samples))
    label = torch.tensor([0, 1, 1, 0, 1])
    expected = binary_cross_entropy(sigmoid(logits.squeeze(1)), label.float())
    torch.testing.assert_close(loss_of(logits, label), expected)
    assert predicted(network, samples).tolist() == (sigmoid(logits) > 0.5).long().squeeze(1).tolist()
    several = drawn(5, 3)
    torch.testing.assert_close(loss_of(several, label), cross_entropy(several, label))


def test_digits_are_those_that_ship_and_photographs_keep_their_bands_apart():
    samples = digits()
    assert samples.inputs.shape == (1797, 1, 28, 28)
    assert 0 <= float(samples.inputs.min()) < float(samples.inputs.max()) <= 1
    assert samples.label.bincount().tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    few = zeros_and_ones()
    assert few.inputs.shape == (360, 2)
    patches = photographs()
    assert patches.inputs.shape == (520, 3, 32, 32)
    assert patches.label.bincount().tolist() == [260, 260]
    assert len(patches.group.unique()) == 20
    assert all(len(patches.label[patches.group == band].unique()) == 1 for band in patches.group.unique())
    assert torch.equal(patches.inputs[0, :, 0, 0] * 255, (patches.inputs[0, :, 0, 0] * 255).round())


@pytest.mark.parametrize(
    ("network", "data", "least"),
    [
        ("ten_twenty", "digits", 0.9),
        ("two_three_one", "zeros_and_ones", 0.9),
        ("thirty_two_sixty_four", "photographs", 0.9),
    ],
)
def test_each_learns_real_data_in_a_few_epochs(network: str, data: str, least: float):
    config = ClassifierConfig(epochs=25, learning_rate=0.05) if network == "two_three_one" else BRIEF
    first = next(cross_validation(network, SAMPLES[data](), config, 5, seed=0))
    assert float(accuracy(first)) > least


def test_what_is_tested_was_never_learnt():
    """Noise with labels of chance can be learnt by heart, and then told only where it was learnt."""
    label = torch.randint(0, 2, (80,), generator=torch.Generator().manual_seed(0))
    samples = Samples(drawn(80, 1, 12, 12), label, torch.arange(80), ("a", "b"))
    config = ClassifierConfig(epochs=40, batch_size=16, dropout=0.0, turn=0.0)
    generator = torch.Generator().manual_seed(0)
    by_heart = train_classifier(thirty_two_sixty_four(1, 12, 2), samples, config, generator)
    assert float((predicted(by_heart, samples.inputs) == label).float().mean()) > 0.95
    folds = cross_validation("thirty_two_sixty_four", samples, config, 4, seed=0)
    assert float(accuracy(torch.stack(list(folds)).sum(0))) < 0.7


def test_the_same_seed_gives_the_same_folds_and_weights():
    config, samples = ClassifierConfig(epochs=2), zeros_and_ones()
    runs = [list(cross_validation("two_three_one", samples, config, 3, seed)) for seed in (0, 0, 1)]
    assert all(torch.equal(a, b) for a, b in zip(runs[0], runs[1], strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(runs[0], runs[2], strict=True))
    assert sum(int(fold.sum()) for fold in runs[0]) == len(samples.label)


def test_pictures_are_moved_each_by_its_own_draw_and_numbers_are_not():
    images, generator = drawn(1, 1, 28, 28).expand(4, 1, 28, 28), torch.Generator().manual_seed(0)
    out = moved(images, 0.15, generator)
    assert out.shape == images.shape
    assert not torch.allclose(out[0], out[1])
    assert float((out - images).abs().max()) > 0.01
    assert torch.equal(moved(images, 0.0, generator), images)
    numbers = drawn(4, 2)
    assert torch.equal(moved(numbers, 0.15, generator), numbers)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_samples_that_do_not_fit_are_refused(name: str):
    with pytest.raises(ValueError, match=f"{name} does not take samples of shape"):
        fitting(name, torch.Size((5,)), 7, 0.0)


@pytest.mark.parametrize(("name", "value"), [("epochs", 0), ("dropout", 1.0), ("turn", -1.0)])
def test_a_recipe_out_of_range_is_refused(name: str, value: float):
    with pytest.raises(ValueError, match=name):
        replace(BRIEF, **{name: value})
