"""Networks: what fits which observation, where frames lie, and that nothing global is touched."""

import numpy as np
import pytest
import torch
from gymnasium import spaces

from agents.networks import flatten_parameters, is_image, make_encoder
from agents.q_config import QNetworkConfig
from agents.q_network import QNetwork

FRAMES = spaces.Box(0, 255, (64, 64, 3), np.uint8)
VECTOR = spaces.Box(-1, 1, (5,), np.float32)
BITS = spaces.Box(0.0, 1.0, (10, 10, 6), bool)  # pyright: ignore[reportArgumentType, reportCallIssue]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def q_network(space, hidden=(16, 16), seed=0):
    return QNetwork(space, 4, 1, QNetworkConfig(hidden), seeded(seed))


def batch_of(space, size=3):
    space.seed(0)
    rows = [space.sample() for _ in range(size)]
    if isinstance(space, spaces.Dict):
        return {name: torch.from_numpy(np.stack([row[name] for row in rows])) for name in space}
    return {"obs": torch.from_numpy(np.stack(rows))}


@pytest.mark.parametrize(
    "space",
    [
        VECTOR,
        spaces.Box(-1, 1, (2, 3), np.float64),
        spaces.Box(0, 255, (128,), np.uint8),
        spaces.Discrete(7, start=2),
        FRAMES,
        spaces.Box(0, 255, (64, 64, 12), np.uint8),
        spaces.Box(0, 255, (4, 84, 84), np.uint8),
        spaces.Box(0, 255, (50, 33, 1), np.uint8),
        spaces.Box(0, 255, (4, 40, 48, 3), np.uint8),
        spaces.Box(0, 255, (4, 3, 40, 48), np.uint8),
        BITS,
        spaces.Dict(camera=FRAMES, instruments=VECTOR, gear=spaces.Discrete(5)),
    ],
    ids=str,
)
def test_every_observation_gets_finite_values(space):
    values = q_network(space)(batch_of(space))
    assert values.shape == (3, 4, 1)
    assert values.dtype == torch.float32
    assert values.isfinite().all()
    assert (values[0] != values[1]).any()


def test_stacked_frames_are_the_same_wherever_their_channels_are():
    last, first = spaces.Box(0, 255, (4, 40, 48, 3), np.uint8), spaces.Box(0, 255, (4, 3, 40, 48), np.uint8)
    frames = batch_of(last)["obs"]
    expected = make_encoder(last, seeded())(frames)
    encoder = make_encoder(first, seeded())
    assert encoder.stem.weight.shape[1] == 12  # pyright: ignore[reportAttributeAccessIssue, reportIndexIssue]
    torch.testing.assert_close(encoder(frames.permute(0, 1, 4, 2, 3)), expected)


@pytest.mark.parametrize("space", [FRAMES, BITS], ids=str)
def test_frames_may_be_seen_as_a_row_of_numbers(space):
    encoder, frames = make_encoder(space, seeded(), "flat"), batch_of(space)["obs"]
    largest = 255 if space.dtype == np.uint8 else 1
    assert not list(encoder.parameters())
    assert encoder.size == np.prod(space.shape)
    torch.testing.assert_close(encoder(frames), frames.flatten(1).float() / largest)


@pytest.mark.parametrize("name", ["keys", "type", "train", "a.b", "obs"])
def test_a_part_may_have_any_name(name):
    space = spaces.Dict({name: VECTOR})
    assert q_network(space)(batch_of(space)).isfinite().all()


@pytest.mark.parametrize(
    "space", [spaces.Tuple([VECTOR]), spaces.Dict(inner=spaces.Dict(vector=VECTOR))], ids=str
)
def test_what_has_no_encoder_is_refused(space):
    with pytest.raises(
        ValueError, match=r"no encoder for observations of .*: Box, Discrete, or a Dict of these"
    ):
        make_encoder(space, seeded())


def test_bytes_are_scaled_to_one(monkeypatch):
    """The network on bytes is the network on numbers in [0, 1], wherever the scale is applied."""
    frames = torch.randint(0, 256, (2, 64, 64, 3), dtype=torch.uint8, generator=seeded(1))
    encoder = make_encoder(FRAMES, seeded())
    expected = encoder(frames)
    monkeypatch.setattr(encoder, "scale", 1.0)
    torch.testing.assert_close(encoder(frames / 255), expected)


def test_frames_may_have_their_channels_first():
    frames = torch.randint(0, 256, (2, 40, 48, 3), dtype=torch.uint8, generator=seeded(1))
    last = make_encoder(spaces.Box(0, 255, (40, 48, 3), np.uint8), seeded())
    first = make_encoder(spaces.Box(0, 255, (3, 40, 48), np.uint8), seeded())
    torch.testing.assert_close(first(frames.permute(0, 3, 1, 2).contiguous()), last(frames))


def test_a_stack_of_frames_is_one_frame_with_all_their_channels():
    frames = torch.randint(0, 256, (2, 4, 40, 48, 3), dtype=torch.uint8, generator=seeded(1))
    stacked = make_encoder(spaces.Box(0, 255, (4, 40, 48, 3), np.uint8), seeded())
    flat = make_encoder(spaces.Box(0, 255, (40, 48, 12), np.uint8), seeded())
    together = torch.cat(list(frames.unbind(1)), dim=-1)
    torch.testing.assert_close(stacked(frames), flat(together))


def test_only_bytes_and_truth_values_in_three_axes_are_images():
    assert is_image(FRAMES)
    assert not is_image(spaces.Box(0, 1, (64, 64, 3), np.float32))
    assert not is_image(spaces.Box(0, 255, (64, 64), np.uint8))


def test_a_dict_is_encoded_whatever_the_order_of_its_keys():
    space = spaces.Dict(b=VECTOR, a=FRAMES)
    batch = batch_of(space)
    turned = dict(reversed(batch.items()))
    network = q_network(space)
    assert torch.equal(network(batch), network(turned))


def test_weights_depend_on_their_generator_alone():
    before = torch.random.get_rng_state()
    one, same, other = (q_network(spaces.Dict(a=FRAMES, b=VECTOR), seed=seed) for seed in (0, 0, 1))
    assert torch.equal(torch.random.get_rng_state(), before)
    pairs = list(zip(one.parameters(), same.parameters(), other.parameters(), strict=True))
    assert all(torch.equal(left, right) for left, right, _ in pairs)
    assert any(not torch.equal(left, right) for left, _, right in pairs)


def test_flattening_moves_parameters_and_gradients_and_changes_nothing():
    batch = batch_of(FRAMES)
    plain, flattened = q_network(FRAMES), q_network(FRAMES)
    flat = flatten_parameters(flattened)
    assert torch.equal(plain(batch), flattened(batch))
    for network in (plain, flattened):
        network(batch).square().sum().backward()
    expected = torch.cat([torch.zeros(0) if p.grad is None else p.grad.flatten() for p in plain.parameters()])
    assert flat.grad is not None
    torch.testing.assert_close(flat.grad, expected)
    with torch.no_grad():
        flat.zero_()
    assert not flattened(batch).any()
