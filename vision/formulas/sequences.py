"""What looks back along a sequence: a step of an LSTM, and attention."""

from math import sqrt

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def lstm_step(
    gates: Float[Tensor, "B G"], cell: Float[Tensor, "B H"]
) -> tuple[Float[Tensor, "B H"], Float[Tensor, "B H"]]:
    """Memory c' = f ⊙ c + i ⊙ g and output h' = o ⊙ tanh(c'), from i, f, o = σ(·) and g = tanh(·).

    `gates` are W x + U h + b, those of i, f, g and o side by side, so that G = 4 H; gives h' and c'.
    Source: document 003 §3.3 and document 004 §3.2, which give h_t = f(h_{t−1}, x_t) and leave f open;
    Hochreiter and Schmidhuber (1997), with the forgetting of Gers et al. (2000).
    """
    taken, kept, new, told = gates.chunk(4, -1)
    cell = kept.sigmoid() * cell + taken.sigmoid() * new.tanh()
    return told.sigmoid() * cell.tanh(), cell


def attention(
    query: Float[Tensor, "*B T D"],
    key: Float[Tensor, "*B S D"],
    value: Float[Tensor, "*B S V"],
    seen: Bool[Tensor, "*#B T S"],
) -> Float[Tensor, "*B T V"]:
    """Attention a = softmax(Q Kᵀ / √d) V over the positions that are `seen`; d is the width of a query.

    Each position must see one at least.
    Source: document 004 §3.3, which leaves √d out; arXiv:1706.03762 §3.2.1: without it wide queries would
    look at one position alone.
    """
    scores = query @ key.transpose(-1, -2) / sqrt(query.shape[-1])
    return torch.softmax(scores.masked_fill(~seen, -torch.inf), -1) @ value
