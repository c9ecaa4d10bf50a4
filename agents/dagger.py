"""DAgger: to act as an expert would, in the situations that one's own acting leads to.

Source: arXiv:1011.0686 (data-set aggregation), with the documents' cross-entropy as its loss. Deviations from
the paper: the learner drives from the beginning, never the expert; it learns after every step instead of in
rounds; situations may count for more where his action is rare; and a Polyak average is what is evaluated.
"""

import numpy as np
import torch
from torch import Tensor

from agents.agent import AgentState, Observation, Transition
from agents.dagger_config import DAggerConfig
from agents.devices import parts_to_device, to_device
from agents.memory.replay import Replay, ReplayConfig
from agents.memory.stacking import no_frames, push_frames, stacked_space
from agents.q_agent import QAgent
from agents.q_twins import build_q_twins
from agents.twins import Twins
from vision.formulas.losses import cross_entropy, cross_entropy_gradient

__all__ = ["DAgger", "DAggerConfig"]


class DAgger(QAgent[DAggerConfig, Replay]):
    """Learns the expert's actions; a network's numbers are the logits of what he would do."""

    told = "agreement"

    def require_expert(self, expert_action: np.ndarray | None) -> np.ndarray:
        """What the expert would do.

        Raises:
            ValueError: the environment does not tell it.
        """
        if expert_action is None:
            raise ValueError(
                'dagger learns from an expert, and the environment tells no info["expert_action"]; '
                "the driving tasks do with env.kwargs.expert true"
            )
        return expert_action

    def initial_state(self, num_envs: int) -> AgentState:
        """The frames of a stack before the newest one; without a stack nothing."""
        return no_frames(self.spaces[0], num_envs, self.config.frame_stack)

    def _build_twins(self, seed: np.random.SeedSequence) -> Twins:
        number, config = int(seed.generate_state(1, np.uint64)[0] >> 1), self.config
        seen = stacked_space(self.spaces[0], config.frame_stack)
        built = build_q_twins(config, config.network, seen, (self.num_actions, 1), number, self.device)
        twins, self.online, self.averaged = built
        return twins

    def _build_memory(self, num_envs: int) -> Replay:
        replay = ReplayConfig(self.config.replay_capacity, frame_stack=self.config.frame_stack)
        return Replay(*self.spaces, num_envs=num_envs, config=replay)

    def _choose(self, obs: Observation, state: AgentState, explores: bool) -> tuple[np.ndarray, AgentState]:
        parts, state = push_frames(obs, state)
        function = self.online if explores else self.averaged
        logits = function(parts_to_device(parts, self.device)).squeeze(-1)
        return logits.argmax(-1).cpu().numpy(), state

    def scores(self, obs: Observation, state: AgentState) -> np.ndarray:
        """How likely the averaged network thinks each action of the expert, (N, A)."""
        parts, _ = push_frames(obs, state)
        logits = self.averaged(parts_to_device(parts, self.device)).squeeze(-1)
        return logits.softmax(-1).cpu().numpy()

    def _remember(self, memory: Replay, transition: Transition) -> None:
        """What is remembered as the action is the expert's."""
        memory.add(transition._replace(action=self.require_expert(transition.expert_action)))

    def _learn_what_is_due(self, memory: Replay) -> None:
        config, steps = self.config, max(self.twins.env_steps - self.config.learning_starts, 0)
        due = int(steps * config.samples_per_step / config.batch_size)
        while memory.can_sample and self.twins.updates < due:
            self._update(memory)

    @torch.no_grad()
    def _update(self, memory: Replay) -> None:
        """One step along the cross-entropy of a batch."""
        batch = memory.sample(self.config.batch_size, self.drawing)
        action = to_device(batch.action, self.device) - self.first_action
        logits = self.online.forward(parts_to_device(batch.obs, self.device)).squeeze(-1)
        agreement = (logits.argmax(-1) == action).float().mean()
        loss = cross_entropy(logits, action)
        slope = cross_entropy_gradient(logits, action) * self._weights(action).unsqueeze(1)
        self.online.backward(slope.unsqueeze(-1))
        self.twins.step(loss, agreement)

    def _weights(self, action: Tensor) -> Tensor:
        """Of a batch's situations, 1 on average: (1 + n)^−κ, the batch having their action n times."""
        counts = torch.ones(self.num_actions, device=action.device)
        counts = counts.scatter_add(0, action, torch.ones_like(action, dtype=counts.dtype))
        weight = counts.pow(-self.config.balance)[action]
        return weight / weight.mean()
