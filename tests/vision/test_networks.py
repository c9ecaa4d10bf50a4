import numpy as np
import pytest
import torch

from vision.encoder import standardised
from vision.networks import NetworkConfig, PerceptionNetwork

SCALE = [1.0, 0.3, 0.03, 0.03, 0.04]


@pytest.fixture
def network(road):
    return PerceptionNetwork(NetworkConfig(), road.schema(), SCALE, torch.Generator().manual_seed(0))


def test_standardising_is_the_formula_and_keeps_channels_last(frames):
    pixels = standardised(frames)
    sample = frames[:, 1::4, 1::4].double()
    mean, deviation = sample.mean((1, 2), keepdim=True), sample.std((1, 2), keepdim=True, correction=0)
    expected = ((frames.double() - mean) / (deviation + 4)).permute(0, 3, 1, 2)
    torch.testing.assert_close(pixels.double(), expected, rtol=1e-4, atol=1e-4)
    assert pixels.is_contiguous(memory_format=torch.channels_last)


def test_light_and_tint_hardly_matter(network, frames):
    network.eval()
    brighter = (frames.float() * torch.tensor([0.5, 0.6, 0.7])).round().to(torch.uint8)
    change = (network.latent(brighter) - network.latent(frames)).abs().mean()
    assert change < 0.2 * network.latent(frames).abs().mean()


@pytest.fixture
def frames(road):
    return torch.from_numpy(road.next_batch()[0])


@pytest.mark.parametrize("size", ["tiny", "small"])
@pytest.mark.parametrize("image_size", [(64, 64), (84, 84), (50, 96)])
def test_shapes_for_any_image_size(road, size, image_size):
    schema = {**road.schema(), "camera": {"image_size": image_size}}
    network = PerceptionNetwork(NetworkConfig(size=size, latent_size=32), schema, SCALE, torch.Generator())
    frames = torch.zeros((2, *image_size, 3), dtype=torch.uint8)
    (mean, log_variance), logits = network(frames)
    assert mean.shape == log_variance.shape == (2, 5)
    assert network.latent(frames).shape == (2, 32)
    assert network.affordances(frames).shape == (2, 10)
    assert logits.shape == (2, 5, network.encoder.rows, image_size[1])
    assert network.seen_labels(frames[..., 0]).shape == (2, *logits.shape[2:])


def test_the_sky_is_not_seen(network, frames):
    hidden = frames.clone()
    hidden[:, : 64 - network.encoder.rows] = 0
    assert network.encoder.rows == 40
    network.eval()
    torch.testing.assert_close(network.latent(hidden), network.latent(frames), rtol=0, atol=0)
    hidden[:, 64 - network.encoder.rows] = 255
    assert not torch.equal(network.latent(hidden), network.latent(frames))


def test_a_frozen_copy_sees_the_same_and_learns_nothing(network, frames):
    frozen = network.frozen()
    torch.testing.assert_close(frozen.latent(frames), network.latent(frames), rtol=0, atol=0)
    assert not any(parameter.requires_grad for parameter in frozen.parameters())
    with torch.no_grad():
        network.pose_head.weight.add_(1)
    assert not torch.equal(frozen.pose_head.weight, network.pose_head.weight)


def test_hidden_kernels_are_between_the_first_layer_and_the_heads(network):
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    hidden = [names[id(parameter)] for parameter in network.hidden_kernels()]
    assert "encoder.to_latent.weight" in hidden
    assert all(name.startswith("encoder.") and name.endswith("weight") for name in hidden)
    assert "encoder.stem.0.weight" not in hidden


def test_freezing_leaves_the_original_alone(network):
    network.train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    network.frozen()
    assert network.training
    assert all(parameter.requires_grad for parameter in network.parameters())
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(tensor, before[name], rtol=0, atol=0)


def test_weights_come_from_the_generator_alone(road):
    def weights(seed):
        network = PerceptionNetwork(
            NetworkConfig(), road.schema(), SCALE, torch.Generator().manual_seed(seed)
        )
        return torch.cat([parameter.flatten() for parameter in network.parameters()])

    untouched = torch.random.get_rng_state()
    first = weights(1)
    torch.manual_seed(5)
    assert torch.equal(first, weights(1))
    assert not torch.equal(first, weights(2))
    torch.random.set_rng_state(untouched)
    weights(1)
    assert torch.equal(torch.random.get_rng_state(), untouched)


def test_affordances_are_mean_and_deviation(network, frames):
    network.eval()
    mean, log_variance = network.pose(network.latent(frames))
    affordances = network.affordances(frames)
    torch.testing.assert_close(affordances[:, :5], mean)
    torch.testing.assert_close(affordances[:, 5:].square(), log_variance.exp())


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"latent_size": 0}, "latent_size is 0; it must be at least 1"),
        ({"sky": 0.9}, "sky is 0.9; it must lie between 0 and 0.75"),
    ],
)
def test_bad_settings_are_refused(settings, reason):
    with pytest.raises(ValueError, match=reason):
        NetworkConfig(**settings)


@pytest.mark.parametrize("scale", [[1.0], [1.0, 0.3, 0.0, 0.1, 0.1], [1.0, 0.3, float("nan"), 0.1, 0.1]])
def test_a_scale_that_does_not_fit_is_refused(road, scale):
    with pytest.raises(ValueError, match="needs one positive number for each"):
        PerceptionNetwork(NetworkConfig(), road.schema(), scale, torch.Generator())


def test_a_width_that_does_not_fit_is_refused(road):
    schema = {**road.schema(), "camera": {"image_size": [64, 66]}}
    with pytest.raises(ValueError, match=r"image_size is \[64, 66\]; the width must be a multiple of 4"):
        PerceptionNetwork(NetworkConfig(), schema, SCALE, torch.Generator())


def test_labels_match_what_is_seen(network, road):
    semantic = road.next_batch()[1]
    seen = network.seen_labels(torch.from_numpy(semantic)).numpy()
    np.testing.assert_array_equal(seen, semantic[:, 24:])
