"""Networks that remember: one step at a time and a whole stretch at once are the same."""

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces

from agents.memory.state import restarted
from agents.memory_networks import LSTMQNetwork, TransformerQNetwork, turned
from vision.formulas.sequences import attention

VECTOR = spaces.Box(-1, 1, (3,), np.float32)
MIXED = spaces.Dict(camera=spaces.Box(0, 255, (16, 16, 3), np.uint8), speed=VECTOR)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def lstm(space=VECTOR, seed=0):
    return LSTMQNetwork(space, 4, 8, seeded(seed), horizon=20)


def transformer(space=VECTOR, seed=0, window=5):
    return TransformerQNetwork(space, 4, 8, seeded(seed), window=window, layers=2, heads=2)


def stretch(space, steps, rows):
    space.seed(0)
    sample = [[space.sample() for _ in range(rows)] for _ in range(steps)]
    if isinstance(space, spaces.Dict):
        names = space.keys()
        return {
            name: torch.from_numpy(np.array([[row[name] for row in step] for step in sample]))
            for name in names
        }
    return {"obs": torch.from_numpy(np.array(sample))}


@pytest.mark.parametrize("space", [VECTOR, MIXED], ids=["vector", "dict"])
@pytest.mark.parametrize("make", [lstm, transformer])
def test_acting_step_by_step_is_the_whole_stretch_at_once(make, space):
    network, steps, rows = make(space), 14, 3
    obs = stretch(space, steps, rows)
    begins = torch.rand(steps, rows, generator=seeded(4)) < 0.15
    begins[0] = False
    assert begins.any()
    with torch.no_grad():
        whole = network.unroll(obs, begins, network.initial(rows))
        memory = network.initial(rows)
        for step in range(steps):
            memory = restarted(memory, network.initial(rows), begins[step].numpy())
            assert memory is not None
            q_values, memory = network.step({name: part[step] for name, part in obs.items()}, memory)
            torch.testing.assert_close(q_values, whole[step], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("make", [lstm, transformer])
def test_what_was_seen_first_matters_later_and_what_comes_later_does_not_matter_before(make):
    network, obs = make(), stretch(VECTOR, 5, 1)
    begins = torch.zeros(5, 1, dtype=torch.bool)
    changed = {"obs": obs["obs"].clone()}
    changed["obs"][0] += 1.0
    later = {"obs": obs["obs"].clone()}
    later["obs"][3] += 1.0
    with torch.no_grad():
        plain, first, last = (
            network.unroll(part, begins, network.initial(1)) for part in (obs, changed, later)
        )
    assert not torch.allclose(plain[4], first[4], atol=1e-6)
    assert torch.equal(plain[:3], last[:3])
    assert not torch.allclose(plain[3:], last[3:], atol=1e-6)


@pytest.mark.parametrize("make", [lstm, transformer])
def test_an_episode_knows_nothing_of_the_one_before(make):
    network, obs = make(), stretch(VECTOR, 5, 1)
    begins = torch.tensor([False, False, True, False, False]).unsqueeze(1)
    changed = {"obs": obs["obs"].clone()}
    changed["obs"][:2] += 1.0
    with torch.no_grad():
        plain, other = (network.unroll(part, begins, network.initial(1)) for part in (obs, changed))
    assert torch.equal(plain[2:], other[2:])
    assert not torch.allclose(plain[:2], other[:2], atol=1e-6)


def test_attention_reaches_as_far_as_its_window_and_no_further():
    """One block: with two, what lies before the window still comes through what it changed."""
    network = TransformerQNetwork(VECTOR, 4, 8, seeded(), window=3, layers=1, heads=2)
    obs, begins = stretch(VECTOR, 6, 1), torch.zeros(6, 1, dtype=torch.bool)
    changed = {"obs": obs["obs"].clone()}
    changed["obs"][1] += 1.0
    with torch.no_grad():
        plain, other = (network.unroll(part, begins, network.initial(1)) for part in (obs, changed))
    differs = (plain != other).any(-1)[:, 0].tolist()
    assert differs == [False, True, True, True, False, False]


def test_turning_leaves_lengths_alone_and_tells_distances_only():
    heads = torch.randn(2, 1, 2, 3, 8, generator=seeded()).unbind(0)
    at = torch.tensor([[0.0, 4.0, 9.0]])
    products = []
    for shift in (0.0, 70.0):
        query, key = (turned(part, at + shift) for part in heads)
        torch.testing.assert_close(query.norm(dim=-1), heads[0].norm(dim=-1))
        products.append(query @ key.transpose(-1, -2))
    torch.testing.assert_close(*products, rtol=1e-3, atol=1e-4)
    assert not torch.allclose(products[0], heads[0] @ heads[1].transpose(-1, -2), atol=1e-2)


def test_the_lstm_is_the_formula():
    network, obs = lstm(), stretch(VECTOR, 1, 2)
    memory = {
        "hidden": torch.randn(2, 8, generator=seeded(1)),
        "cell": torch.randn(2, 8, generator=seeded(2)),
    }
    with torch.no_grad():
        q_values, after = network.step({"obs": obs["obs"][0]}, memory)
        feature = torch.relu(network.inputs(obs["obs"][0]))
        gates = network.gates(feature) + network.recurrent(memory["hidden"])
        i, f, g, o = gates.chunk(4, -1)
        cell = f.sigmoid() * memory["cell"] + i.sigmoid() * g.tanh()
        hidden = o.sigmoid() * cell.tanh()
    torch.testing.assert_close(after["cell"], cell)
    torch.testing.assert_close(after["hidden"], hidden)
    torch.testing.assert_close(q_values, network.values(hidden).detach())


def layer_norm(x):
    """By a LayerNorm as it is made: gain 1, shift 0."""
    return (x - x.mean(-1, keepdim=True)) / (x.var(-1, unbiased=False, keepdim=True) + 1e-5).sqrt()


def test_the_transformer_is_the_formula():
    """h ← h + out(attention of LN(h)), h ← h + down(max(0, up(LN(h)))) in each block, Q from LN(h)."""
    network, obs, steps = transformer(window=3), stretch(VECTOR, 5, 2), 5
    begins = torch.zeros(steps, 2, dtype=torch.bool)
    position = torch.arange(steps)
    back = position.unsqueeze(1) - position
    seen = ((back >= 0) & (back < 3)).expand(2, 1, steps, steps)
    with torch.no_grad():
        q_values = network.unroll(obs, begins, network.initial(2))
        hidden = network.inputs(obs["obs"]).transpose(0, 1)
        for part in network.blocks:
            block: Any = part
            parts = block.project(layer_norm(hidden)).split(8, -1)
            query, key, value = (part.view(2, steps, 2, 4).transpose(1, 2) for part in parts)
            query, key = (turned(part, position.float().expand(2, -1)) for part in (query, key))
            heads = attention(query, key, value, seen).transpose(1, 2).reshape(2, steps, 8)
            hidden = hidden + block.out(heads)
            hidden = hidden + block.down(torch.relu(block.up(layer_norm(hidden))))
        expected = network.values(layer_norm(hidden)).transpose(0, 1)
    torch.testing.assert_close(q_values, expected, rtol=1e-4, atol=1e-5)
