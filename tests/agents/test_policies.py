"""Policies: what is drawn has its odds, bounds are kept, and nothing is preferred at first."""

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import Space, spaces
from hypothesis import given
from hypothesis import strategies as st

from agents.policies import CategoricalHead, GaussianHead, PolicyNetwork, make_head

VECTOR = spaces.Box(-1, 1, (3,), np.float32)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def network(action_space, observation_space: Space = VECTOR, **options):
    return PolicyNetwork(observation_space, action_space, (16, 16), generator(), **options)


def test_actions_are_drawn_by_their_odds():
    head = CategoricalHead(spaces.Discrete(3, start=5), 4, generator())
    odds = np.array([0.2, 0.5, 0.3])
    logits = np.log(odds).astype(np.float32)[None].repeat(20_000, 0) + 100
    choice = head.sample(logits, np.random.default_rng(0))
    np.testing.assert_allclose(np.bincount(choice) / len(choice), odds, atol=0.01)
    assert set(head.action(choice)) == {5, 6, 7}
    assert head.mode(logits)[:2].tolist() == [1, 1]


class Always(np.random.Generator):
    """Draws one number again and again."""

    def __init__(self, number: float):
        super().__init__(np.random.PCG64(0))
        self.number = number

    def random(self, *args: Any, **_: Any) -> Any:
        return np.full(args[0], self.number)


@given(logits=st.lists(st.floats(-2000, 2000, width=32), min_size=1, max_size=6), largest=st.booleans())
def test_the_choice_is_always_an_action_that_can_happen(logits, largest):
    """With the least and with the largest number that a generator draws."""
    head = CategoricalHead(spaces.Discrete(len(logits)), 4, generator())
    number = np.nextafter(1.0, 0.0) if largest else 0.0
    choice = head.sample(np.array([logits], np.float32), Always(number))
    assert 0 <= choice[0] < len(logits)
    assert logits[choice[0]] > max(logits) - 750  # e to the minus 750 is nothing


def test_numbers_are_drawn_with_their_deviation():
    head = GaussianHead(spaces.Box(-1, 1, (2,)), 4, generator())
    with torch.no_grad():
        head.log_std.copy_(torch.tensor([0.5, 2.0]).log())
    mean = np.array([[1.0, -3.0]], np.float32).repeat(20_000, 0)
    choice = head.sample(mean, np.random.default_rng(0))
    np.testing.assert_allclose(choice.mean(0), [1.0, -3.0], atol=0.05)
    np.testing.assert_allclose(choice.std(0), [0.5, 2.0], rtol=0.03)
    assert head.mode(mean) is mean


def test_a_choice_is_measured_in_half_widths_of_the_bounds():
    """Bounds on both sides, on one, on none; what lies outside is handed on as the nearest inside."""
    low, high = np.array([[-2.0, 0.0], [-1.0, -np.inf]]), np.array([[2.0, 10.0], [np.inf, np.inf]])
    head = GaussianHead(spaces.Box(low, high, dtype=np.float64), 4, generator())
    choice = np.array([[0.5, 0.5, 7.0, 7.0], [-3.0, -3.0, -3.0, -3.0]], np.float32)
    action = head.action(choice)
    assert action.dtype == np.float64
    np.testing.assert_allclose(action, [[[1.0, 7.5], [7.0, 7.0]], [[-2.0, 0.0], [-1.0, -3.0]]])


@pytest.mark.parametrize("shape", [(), (1,), (2, 3)])
def test_actions_of_a_box_have_its_shape_and_type(shape):
    space = spaces.Box(-0.5, 0.5, shape, np.float32)
    head = GaussianHead(space, 4, generator())
    choice = head.sample(np.zeros((5, int(np.prod(shape))), np.float32), np.random.default_rng(0))
    actions = head.action(choice)
    assert actions.shape == (5, *shape)
    assert all(space.contains(np.asarray(action)) for action in actions)


@pytest.mark.parametrize("normalise", [False, True])
@pytest.mark.parametrize("action_space", [spaces.Discrete(4), spaces.Box(-1, 1, (2,), np.float32)])
def test_it_begins_with_hardly_a_preference(action_space, normalise):
    obs = {"obs": torch.randn(100, 3, generator=generator())}
    policy, value = network(action_space, normalise=normalise)(obs)
    assert policy.abs().max() < 0.05
    assert value.shape == (100,)
    assert value.std() > 0.1


def test_the_policy_alone_is_the_policy_of_both():
    net = network(spaces.Discrete(4))
    obs = {"obs": torch.randn(5, 3, generator=generator())}
    torch.testing.assert_close(net.policy(obs), net(obs)[0])


def test_parts_of_floats_are_normalised_and_others_are_not():
    space = spaces.Dict(
        {
            "speed": spaces.Box(0, 100, (1,), np.float32),
            "gear": spaces.Discrete(3),
            "frame": spaces.Box(0, 255, (8, 8, 3), np.uint8),
        }
    )
    net = network(spaces.Discrete(2), space, normalise=True)
    assert list(net.moments) == ["speed"]
    frame = torch.randint(256, (4, 8, 8, 3), generator=generator(), dtype=torch.uint8)
    obs = {
        "speed": torch.tensor([[10.0], [20.0], [30.0], [40.0]]),
        "gear": torch.arange(4) % 3,
        "frame": frame,
    }
    assert not net.is_measured
    net.update_moments(obs)
    assert net.is_measured
    scaled = obs | {"speed": (obs["speed"] - 25) / np.sqrt(125)}
    plain = network(spaces.Discrete(2), space)
    plain.load_state_dict({k: v for k, v in net.state_dict().items() if "moments" not in k})
    torch.testing.assert_close(net(obs), plain(scaled))


def test_moments_are_part_of_the_state_and_no_parameters():
    net = network(spaces.Discrete(2), normalise=True)
    assert {name for name in net.state_dict() if "moments" in name}
    assert not [name for name, _ in net.named_parameters() if "moments" in name]


@pytest.mark.parametrize(
    "space",
    [spaces.MultiDiscrete([2, 3]), spaces.MultiBinary(2), spaces.Box(0, 9, (2,), np.int64), spaces.Text(3)],
)
def test_actions_without_a_distribution_are_refused(space):
    with pytest.raises(ValueError, match="no distribution over actions of .*: Discrete, or a Box of floats"):
        make_head(space, 4, generator())


def test_equal_seeds_give_equal_weights():
    one, other = network(spaces.Discrete(2)), network(spaces.Discrete(2))
    for left, right in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.equal(left, right)


def test_bounds_of_the_largest_numbers_are_none():
    largest = np.finfo(np.float32).max
    head = GaussianHead(spaces.Box(-largest, largest, (2,)), 4, generator())
    assert head.action(np.array([[0.0, 2.0]], np.float32)).tolist() == [[0.0, 2.0]]
