"""Deep Q-learning with a memory: from replayed sequences, by λ-returns.

Source: document 004 §3.2, §3.3 and §3.4; arXiv:1507.06527. Deviations: λ-returns in place of one step, the
target network is a Polyak average, and the rows of a burn-in are learnt through though they do not count.
"""

from abc import abstractmethod

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from agents.agent import AgentState, Observation, Transition, observation_parts
from agents.devices import parts_to_device, to_device
from agents.formulas.returns import lambda_return
from agents.formulas.value_learning import td_loss
from agents.memory.ring import Field
from agents.memory.sequences import SequenceReplay, Sequences
from agents.memory_networks import LSTMQNetwork, TransformerQNetwork
from agents.memory_q_config import LSTMQConfig, MemoryQConfig, TransformerQConfig
from agents.q_agent import QAgent
from agents.twins import Twins

__all__ = ["LSTMQ", "LSTMQConfig", "TransformerQ", "TransformerQConfig"]


class MemoryQ(QAgent[MemoryQConfig, SequenceReplay]):
    """Acts by what an episode has shown so far, and learns from replayed sequences."""

    @abstractmethod
    def _network(self, generator: torch.Generator) -> LSTMQNetwork | TransformerQNetwork:
        """A new network with weights drawn by the generator."""

    def initial_state(self, num_envs: int) -> AgentState:
        """The memory of the network before an episode."""
        return self.online.initial(num_envs)

    def _build_twins(self, seed: np.random.SeedSequence) -> Twins:
        number = int(seed.generate_state(1, np.uint64)[0] >> 1)
        generators = (torch.Generator().manual_seed(number) for _ in range(2))
        self.online, self.averaged = (self._network(generator).to(self.device) for generator in generators)
        self.remembered: dict[str, np.ndarray] = {}  # at the last exploring action, before its observation
        return Twins(self.config, self.online, self.averaged)

    def _build_memory(self, num_envs: int) -> SequenceReplay:
        config, memory = self.config, self.online.initial(1)
        fields = {name: Field(tuple(memory[name].shape[1:]), np.float32) for name in self.online.stored}
        return SequenceReplay(
            self.spaces,
            fields,
            num_envs=num_envs,
            capacity=config.replay_capacity,
            length=config.sequence_length,
            beginnings=config.beginnings,
        )

    @torch.no_grad()
    def _choose(self, obs: Observation, state: AgentState, explores: bool) -> tuple[np.ndarray, AgentState]:
        assert state is not None
        if explores:
            self.remembered = {name: state[name].cpu().numpy() for name in self.online.stored}
        network = self.online if explores else self.averaged
        parts = parts_to_device(observation_parts(obs), self.device)
        memory = {name: values.to(self.device) for name, values in state.items()}
        q_values, memory = network.step(parts, memory)
        return q_values.argmax(-1).cpu().numpy(), memory

    def _remember(self, memory: SequenceReplay, transition: Transition) -> None:
        memory.add(transition, self.remembered)

    def _learn_what_is_due(self, memory: SequenceReplay) -> None:
        while memory.can_sample and self.twins.updates < self._updates_due():
            self._update(memory.sample(self.config.batch_size, self.drawing))

    def _updates_due(self) -> int:
        config = self.config
        steps = max(self.twins.env_steps - config.learning_starts, 0)
        rows = config.batch_size * (config.sequence_length - config.burn_in)
        return int(steps * config.samples_per_step / rows)

    def _update(self, drawn: Sequences) -> None:
        """One step along the error of every row that counts."""
        obs, memory = (parts_to_device(parts, self.device) for parts in (drawn.obs, drawn.state))
        ignored = to_device(drawn.ignored, self.device)
        begins = torch.cat((torch.zeros_like(ignored[:1]), ignored))
        q_values = self.online.unroll(obs, begins, memory)
        target = self._target(drawn, q_values.detach(), obs, begins, memory)
        action = to_device(drawn.action, self.device) - self.first_action
        counts = ~ignored
        counts[: self.config.burn_in] = False
        weight = counts / counts.float().mean().clamp(min=1e-6)  # the mean of the rows that count
        values, action, aim = (part.flatten(0, 1) for part in (q_values[:-1], action, target))
        loss = td_loss(values, action, aim, weight=weight.flatten())
        self.twins.gradient.zero_()
        loss.backward()
        self.twins.step(loss, target.mean())

    @torch.no_grad()
    def _target(
        self,
        drawn: Sequences,
        q_values: Float[Tensor, "S B A"],
        obs: dict[str, Tensor],
        begins: Tensor,
        memory: dict[str, Tensor],
    ) -> Float[Tensor, "T B"]:
        """λ-returns of the greedy policy."""
        averaged = self.averaged.unroll(obs, begins, memory)
        chooser = q_values if self.config.double else averaged
        next_value = averaged[1:].gather(-1, chooser[1:].argmax(-1, keepdim=True)).squeeze(-1)
        terminated, truncated = (to_device(flag, self.device) for flag in (drawn.terminated, drawn.truncated))
        discount = self.config.discount * (~terminated).float()
        reward = to_device(drawn.reward, self.device)
        return lambda_return(reward, discount, terminated | truncated, next_value, self.config.decay)


class LSTMQ(MemoryQ):
    """Remembers by an LSTM."""

    def _network(self, generator: torch.Generator) -> LSTMQNetwork:
        config, (space, _) = self.config, self.spaces
        horizon, kind = config.sequence_length, config.encoder
        return LSTMQNetwork(space, self.num_actions, config.width, generator, horizon=horizon, encoder=kind)


class TransformerQ(MemoryQ):
    """Remembers by attending to the newest observations of the episode."""

    config: TransformerQConfig

    def _network(self, generator: torch.Generator) -> TransformerQNetwork:
        config, (space, _) = self.config, self.spaces
        shape = {"window": config.window, "layers": config.layers, "heads": config.heads}
        return TransformerQNetwork(
            space, self.num_actions, config.width, generator, **shape, encoder=config.encoder
        )
