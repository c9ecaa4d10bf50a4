"""Action values from what an episode has shown: an LSTM, and a Transformer over the newest observations.

Both evaluate one step with a memory that is handed on, or a whole stretch at once; the two agree.
"""

from typing import Protocol, runtime_checkable

import torch
from gymnasium import Space, spaces
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from agents.networks import Encoder, ImageKind, linear, make_encoder

Memory = dict[str, Tensor]
Parts = dict[str, Tensor]


@runtime_checkable
class MemoryNetwork(Protocol):
    """Action values from an observation and what is remembered of those before it."""

    stored: tuple[str, ...]
    """Names of the memory that a replay keeps with each row; a stretch begins with it."""

    def initial(self, rows: int) -> Memory:
        """What is remembered before an episode, (N, …) by name."""
        ...

    def step(self, obs: Parts, memory: Memory) -> tuple[Float[Tensor, "N A"], Memory]:
        """Q of one observation of each row, and the memory after it."""
        ...

    def unroll(self, obs: Parts, begins: Bool[Tensor, "T B"], memory: Memory) -> Float[Tensor, "T B A"]:
        """Q of stretches (T, B, …); where one `begins` an episode, all before it is forgotten."""
        ...


class LSTMQNetwork(nn.Module):
    """Encoder, a dense layer, an LSTM, action values. Source: document 003 §3.3, document 004 §1.3 and §3.2.

    i, f, o = σ(W x + U h + b), g = tanh(W x + U h + b), c ← f ⊙ c + i ⊙ g, h ← o ⊙ tanh(c): the `lstm_step`
    (Hochreiter and Schmidhuber, 1997; Gers et al., 2000). To begin with, a cell forgets over some time
    between 1 and `horizon` steps, b_f = log u with u uniform in between, and takes in as slowly
    (arXiv:1804.11188).
    """

    stored: tuple[str, ...] = ("hidden", "cell")

    def __init__(
        self,
        space: Space,
        num_actions: int,
        width: int,
        generator: torch.Generator,
        *,
        horizon: int,
        encoder: ImageKind = "patches",
    ):
        super().__init__()
        self.single = not isinstance(space, spaces.Dict)
        self.width = width
        self.encoder = make_encoder(space, generator, encoder)
        self.inputs = linear(self.encoder.size, width, generator)
        self.gates = linear(width, 4 * width, generator, gain=1.0)
        self.recurrent = linear(width, 4 * width, generator, gain=1.0)
        self.values = linear(width, num_actions, generator, gain=0.1)
        with torch.no_grad():
            forget = self.gates.bias[width : 2 * width]
            forget.uniform_(1.0, max(horizon - 1.0, 1.0), generator=generator).log_()
            self.gates.bias[:width] = -forget

    def initial(self, rows: int) -> Memory:
        """Zeros."""
        zeros = self.values.weight.new_zeros(rows, self.width)
        return {"hidden": zeros, "cell": zeros.clone()}

    def step(self, obs: Parts, memory: Memory) -> tuple[Float[Tensor, "N A"], Memory]:
        """One step of the LSTM."""
        hidden, cell = self._cell(self._features(obs), memory["hidden"], memory["cell"])
        return self.values(hidden), {"hidden": hidden, "cell": cell}

    def unroll(self, obs: Parts, begins: Bool[Tensor, "T B"], memory: Memory) -> Float[Tensor, "T B A"]:
        """Step by step; only what does not depend on the memory is computed at once."""
        steps, rows = begins.shape
        features = self._features({name: part.flatten(0, 1) for name, part in obs.items()})
        hidden, cell, outputs = memory["hidden"], memory["cell"], []
        keeps = (~begins).to(features.dtype).unsqueeze(-1)
        waits = (
            begins.device.type != "cpu"
        )  # asking which steps begin something would; then all are multiplied
        forgets = [True] * steps if waits else begins.any(1).tolist()
        for step, feature in enumerate(features.unflatten(0, (steps, rows)).unbind(0)):
            if forgets[step]:
                hidden, cell = hidden * keeps[step], cell * keeps[step]
            hidden, cell = self._cell(feature, hidden, cell)
            outputs.append(hidden)
        return self.values(torch.stack(outputs))

    def _features(self, obs: Parts) -> Float[Tensor, "N H"]:
        return self.inputs(_encoded(self.encoder, obs, self.single)).relu_()

    def _cell(
        self, inputs: Float[Tensor, "N H"], hidden: Float[Tensor, "N H"], cell: Float[Tensor, "N H"]
    ) -> tuple[Float[Tensor, "N H"], Float[Tensor, "N H"]]:
        weights = self.gates.weight, self.recurrent.weight, self.gates.bias, self.recurrent.bias
        return torch.lstm_cell(inputs, (hidden, cell), *weights)


class Block(nn.Module):
    """Causal self-attention over a window, then a feed-forward layer, each behind a normalisation.

    The `attention` softmax(Q Kᵀ / √d) V in every head, over the `window` newest positions of the episode.
    Positions turn queries and keys (arXiv:2104.09864), so that only distances count and old keys stay as
    they are.
    Source: document 004 §3.3, which leaves scaling, residuals and normalisation out; arXiv:1706.03762.
    """

    def __init__(self, width: int, heads: int, generator: torch.Generator):
        super().__init__()
        self.heads = heads
        self.before_attention, self.before_layers = nn.LayerNorm(width), nn.LayerNorm(width)
        self.project = linear(width, 3 * width, generator, gain=1.0)
        self.out = linear(width, width, generator, gain=0.5)
        self.up, self.down = (
            linear(width, 4 * width, generator),
            linear(4 * width, width, generator, gain=0.5),
        )

    def project_heads(
        self, hidden: Float[Tensor, "B T H"], position: Float[Tensor, "B T"]
    ) -> tuple[Float[Tensor, "B h T d"], Float[Tensor, "B h T d"], Float[Tensor, "B h T d"]]:
        """Queries, keys and values of every head, the first two turned by their positions."""
        projected = self.project(self.before_attention(hidden)).chunk(3, -1)
        query, key, value = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in projected)
        return turned(query, position), turned(key, position), value

    def finish(
        self, hidden: Float[Tensor, "B T H"], heads: Float[Tensor, "B h T d"]
    ) -> Float[Tensor, "B T H"]:
        """Add what the heads found, then the feed-forward layer."""
        hidden = hidden + self.out(heads.transpose(1, 2).flatten(2))
        return hidden + self.down(self.up(self.before_layers(hidden)).relu())


class TransformerQNetwork(nn.Module):
    """Encoder, a dense layer, blocks of causal attention, action values. Source: document 004 §3.3.

    A step computes one position alone: keys and values of those before it are the memory.
    """

    stored: tuple[str, ...] = ()

    def __init__(
        self,
        space: Space,
        num_actions: int,
        width: int,
        generator: torch.Generator,
        *,
        window: int,
        layers: int,
        heads: int,
        encoder: ImageKind = "patches",
    ):
        super().__init__()
        self.single = not isinstance(space, spaces.Dict)
        self.width, self.window, self.heads = width, window, heads
        self.encoder = make_encoder(space, generator, encoder)
        self.inputs = linear(self.encoder.size, width, generator)
        self.blocks = nn.ModuleList(Block(width, heads, generator) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.values = linear(width, num_actions, generator, gain=0.1)

    def initial(self, rows: int) -> Memory:
        """Nothing remembered: keys and values of the window before, and how old the episode is."""
        shape = (rows, len(self.blocks), self.heads, self.window - 1, self.width // self.heads)
        zeros = self.values.weight.new_zeros(shape)
        return {"keys": zeros, "values": zeros.clone(), "age": zeros.new_zeros(rows, dtype=torch.int64)}

    def step(self, obs: Parts, memory: Memory) -> tuple[Float[Tensor, "N A"], Memory]:
        """Attend from the newest position to those remembered."""
        age = memory["age"]
        hidden = self._features(obs).unsqueeze(1)
        places = torch.arange(self.window, device=age.device)
        seen = places >= (self.window - 1 - age).unsqueeze(1)  # N W: the memory is filled from its end
        keys, values = [], []
        for layer, block in enumerate(self.blocks):
            assert isinstance(block, Block)
            query, key, value = block.project_heads(hidden, age.unsqueeze(1).to(hidden.dtype))
            key = torch.cat((memory["keys"][:, layer], key), dim=2)
            value = torch.cat((memory["values"][:, layer], value), dim=2)
            attended = functional.scaled_dot_product_attention(query, key, value, seen[:, None, None])
            hidden = block.finish(hidden, attended)
            keys.append(key[:, :, 1:])
            values.append(value[:, :, 1:])
        after = {"keys": torch.stack(keys, 1), "values": torch.stack(values, 1), "age": age + 1}
        return self.values(self.norm(hidden.squeeze(1))), after

    def unroll(self, obs: Parts, begins: Bool[Tensor, "T B"], memory: Memory) -> Float[Tensor, "T B A"]:
        """All positions at once, each seeing those of its episode and window that the stretch holds."""
        steps, rows = begins.shape
        features = self._features({name: part.flatten(0, 1) for name, part in obs.items()})
        hidden = features.unflatten(0, (steps, rows)).transpose(0, 1)
        position = torch.arange(steps, device=begins.device)
        distance = position.unsqueeze(1) - position  # T T: how far back
        episode = begins.long().cumsum(0).t()  # B T
        same = episode.unsqueeze(2) == episode.unsqueeze(1)
        seen = same & ((distance >= 0) & (distance < self.window))
        at = position.to(hidden.dtype).expand(rows, -1)
        for block in self.blocks:
            assert isinstance(block, Block)
            query, key, value = block.project_heads(hidden, at)
            attended = functional.scaled_dot_product_attention(query, key, value, seen.unsqueeze(1))
            hidden = block.finish(hidden, attended)
        return self.values(self.norm(hidden)).transpose(0, 1)

    def _features(self, obs: Parts) -> Float[Tensor, "N H"]:
        return self.inputs(_encoded(self.encoder, obs, self.single))


def turned(heads: Float[Tensor, "B h T d"], position: Float[Tensor, "B T"]) -> Float[Tensor, "B h T d"]:
    """Each pair of numbers turned by position · 10000^(−i / (d / 2)), so that products tell distances alone.

    Source: arXiv:2104.09864.
    """
    half = heads.shape[-1] // 2
    speed = 10_000 ** (-torch.arange(half, device=heads.device, dtype=heads.dtype) / half)
    angle = position[:, None, :, None] * speed
    cosine, sine = angle.cos(), angle.sin()
    one, other = heads[..., :half], heads[..., half:]
    return torch.cat((one * cosine - other * sine, one * sine + other * cosine), dim=-1)


def _encoded(encoder: Encoder, obs: Parts, single: bool) -> Float[Tensor, "N D"]:
    return encoder(obs["obs"] if single else obs)
