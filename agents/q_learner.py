"""What all agents that learn action values by gradient share: two networks, a loss between them, one step."""

from collections.abc import Iterator
from itertools import repeat
from typing import NamedTuple

import numpy as np
import torch
from gymnasium import Space
from jaxtyping import Float, Int
from torch import Tensor

from agents.devices import moved
from agents.formulas.value_learning import log_policy, munchausen_reward
from agents.mean_pass import mean_pass
from agents.q_config import DQNConfig
from agents.q_function import QFunction
from agents.q_heads import Following, MeanHead, make_head
from agents.q_twins import build_q_twins
from vision.formulas.perceptron import Perceptron

Parts = dict[str, Tensor]


class QBatch(NamedTuple):
    """What an update learns from: `agents.memory.replay.Batch` as tensors on the device."""

    obs: Parts
    action: Int[Tensor, " B"]  # counted from 0
    reward: Float[Tensor, " B"]
    discount: Float[Tensor, " B"]
    next_obs: Parts
    weight: Float[Tensor, " B"] | None  # what priorities must be corrected by

    def split(self, size: int) -> Iterator["QBatch"]:
        """The batch in pieces of so many rows."""
        obs, next_obs = _split_parts(self.obs, size), _split_parts(self.next_obs, size)
        numbers = (part.split(size) for part in (self.action, self.reward, self.discount))
        weights = repeat(None) if self.weight is None else self.weight.split(size)
        yield from map(QBatch, obs, *numbers, next_obs, weights)


class QLearner:
    """An online network that learns, and its Polyak average, which values what comes next.

    Args:
        config: the ingredients.
        observation_space: what the networks see.
        num_actions: how many there are.
        seed: of the first weights and of all noise.
        device: where both live.
    """

    def __init__(
        self,
        config: DQNConfig,
        observation_space: Space,
        num_actions: int,
        seed: np.random.SeedSequence,
        device: torch.device,
    ):
        self.config, self.device, self.num_actions = config, device, num_actions
        weights, noise = (int(child.generate_state(1, np.uint64)[0] >> 1) for child in seed.spawn(2))
        self.head = make_head(config, device)
        numbers = num_actions, self.head.size
        built = build_q_twins(config, config.network, observation_space, numbers, weights, device)
        self.twins, self.online, self.averaged = built
        self.noise = torch.Generator().manual_seed(noise)

    def act(self, obs: Parts) -> Int[Tensor, " N"]:
        """The online network's best actions, under its noise where it has some."""
        self._draw_noise(self.online)
        return self.head.q_values(self.online(obs, self._midpoints(obs))).argmax(-1)

    def act_greedily(self, obs: Parts) -> Int[Tensor, " N"]:
        """The averaged network's best actions, without noise."""
        return self.q_values(obs).argmax(-1)

    def q_values(self, obs: Parts) -> Float[Tensor, "N A"]:
        """What the averaged network expects of each action."""
        self.averaged.network.draw(None)
        return self.head.q_values(self.averaged(obs, self._midpoints(obs)))

    def update(self, batch: QBatch) -> Float[Tensor, " B"]:
        """One step of Adam on one batch, then one of the average; returns how surprising each row was."""
        online, averaged = self.online.perceptron, self.averaged.perceptron
        one_number = isinstance(self.head, MeanHead) and not self.config.munchausen
        if one_number and online is not None and averaged is not None:
            return self._update_means(batch, online, averaged)
        return self._update_numbers(batch)

    @torch.no_grad()
    def _update_numbers(self, batch: QBatch) -> Float[Tensor, " B"]:
        """The same, whatever the head and wherever the networks are."""
        self._draw_noise(self.online, self.averaged)
        target = self.head.target(self._reward(batch), batch.discount, self._following(batch.next_obs))
        fractions = self._fractions(len(batch.action))
        numbers = self.online.forward(batch.obs, fractions)
        index = batch.action.view(-1, 1, 1).expand(-1, 1, numbers.shape[-1])
        learnt = self.head.learn(numbers.gather(1, index).squeeze(1), fractions, target, batch.weight)
        self.online.backward(torch.zeros_like(numbers).scatter_(1, index, learnt.gradient.unsqueeze(1)))
        self.twins.step(learnt.loss, self.head.worth(target))
        return learnt.surprise

    def _update_means(self, batch: QBatch, online: Perceptron, averaged: Perceptron) -> Float[Tensor, " B"]:
        """The same where an action has one number, nothing is drawn and no graph is recorded."""
        following = self.online.encode(batch.next_obs)
        values = averaged.forward(following)
        chooser = online.forward(following).clone() if self.config.double else values
        q_values = online.forward(self.online.encode(batch.obs))  # overwrites what it chose by
        told = mean_pass(
            q_values, batch.action, batch.reward, batch.discount, (values, chooser), batch.weight
        )
        online.backward(told.gradient)
        self.twins.step(told.loss, told.target)
        return told.surprise

    def _reward(self, batch: QBatch) -> Float[Tensor, " B"]:
        """The reward, with what Munchausen pays for the action taken."""
        config = self.config
        if not config.munchausen:
            return batch.reward
        numbers = self.averaged(batch.obs, self._fractions(len(batch.action)))
        logarithm = log_policy(self.head.q_values(numbers), config.temperature)
        taken = logarithm.gather(1, batch.action.unsqueeze(1)).squeeze(1)
        scale, floor = config.munchausen_scale, config.munchausen_floor
        return munchausen_reward(batch.reward, taken, config.temperature, scale, floor)

    def _following(self, next_obs: Parts) -> Following:
        """The averaged network's numbers of what the policy does next.

        The policy is the greedy one, or the soft one of Munchausen; of the online network where it is double.
        """
        config = self.config
        numbers = self.averaged(next_obs, self._fractions(_rows(next_obs)))
        chooser = self.online(next_obs, self._fractions(_rows(next_obs))) if config.double else numbers
        q_values = self.head.q_values(chooser)
        if config.munchausen:
            logarithm = log_policy(q_values, config.temperature)
            return Following(numbers, logarithm.exp(), -config.temperature * logarithm)
        index = q_values.argmax(-1).view(-1, 1, 1).expand(-1, 1, numbers.shape[-1])
        return Following(numbers.gather(1, index))

    def _draw_noise(self, *functions: QFunction) -> None:
        if self.config.noisy:
            for function in functions:
                function.network.draw(self.noise)

    def _fractions(self, rows: int) -> Float[Tensor, "B K"] | None:
        """Fractions drawn anew for every row, where quantiles are implicit."""
        if self.config.distribution != "implicit":
            return None
        return moved(torch.rand(rows, self.config.atoms, generator=self.noise), self.device)

    def _midpoints(self, obs: Parts) -> Float[Tensor, "B K"] | None:
        """The fractions that actions are chosen by: no chance is in them."""
        if self.config.distribution != "implicit":
            return None
        middles = (torch.arange(self.config.atoms, device=self.device) + 0.5) / self.config.atoms
        return middles.expand(_rows(obs), -1)


def _split_parts(parts: Parts, size: int) -> Iterator[Parts]:
    pieces = zip(*(part.split(size) for part in parts.values()), strict=True)
    return (dict(zip(parts, piece, strict=True)) for piece in pieces)


def _rows(obs: Parts) -> int:
    return len(next(iter(obs.values())))
