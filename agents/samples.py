"""What a rollout is worth learning: its steps, each with its advantage."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from agents.formulas.returns import generalised_advantage
from agents.memory.rollout import Rollout
from agents.policies import PolicyNetwork

PIECE = 4096  # rows that are looked at together where no gradient is needed


class Samples(NamedTuple):
    """Steps to learn from."""

    obs: dict[str, Tensor]  # (B, …) each
    choice: Tensor  # (B, …), as `agents.policies` draws them
    log_probability: Tensor  # (B,), of the policy that chose
    advantage: Tensor  # (B,)
    target: Tensor  # (B,), what the value is drawn to

    def at(self, index: Tensor) -> "Samples":
        """Some of them."""
        obs = {name: part[index] for name, part in self.obs.items()}
        return Samples(obs, *(part[index] for part in self[1:]))


def look_back(
    network: PolicyNetwork, obs: dict[str, Tensor]
) -> tuple[Float[Tensor, "B P"], Float[Tensor, " B"]]:
    """Policy and value of all rows, some at a time."""
    pieces = zip(*(part.split(PIECE) for part in obs.values()), strict=True)
    looks = [network(dict(zip(obs, piece, strict=True))) for piece in pieces]
    policy, value = zip(*looks, strict=True)
    return torch.cat(policy), torch.cat(value)


def advantage_of(
    rollout: Rollout, value: Float[Tensor, " B"], discount: float, decay: float, reward_factor: float = 1.0
) -> Float[Tensor, " M"]:
    """The advantage of every step, of `ignored` ones as well: they are worth nothing.

    `value` holds those of all rows and of what the last row led to. A terminated step has nothing after it,
    a truncated one the value of its final observation.
    """
    value = value.view(rollout.length + 1, rollout.num_envs)
    reward = torch.from_numpy(rollout.rows("reward")) * reward_factor
    stays = discount * (~torch.from_numpy(rollout.rows("terminated"))).float()
    ended = torch.from_numpy(rollout.ended)
    return generalised_advantage(reward, stays, ended, value[:-1], value[1:], decay).reshape(-1)
