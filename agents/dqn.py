"""Deep Q-learning over many environments at once.

Source: document 004 §3.4, document 001 §3.1.4; Nature 518 (2015) 529. Deviations from the paper: the target
network is a Polyak average (and is the policy that is evaluated), the double estimator and n-step returns are
on, Adam for RMSProp, and learning is counted in samples per environment step.
"""

from typing import Any

import numpy as np

from agents.agent import AgentState, Observation, Transition, space_parts
from agents.devices import parts_to_device, to_device
from agents.formulas.exploration import linear_epsilon
from agents.memory.replay import Batch, Replay, ReplayConfig
from agents.memory.stacking import no_frames, push_frames, stacked_space
from agents.networks import is_image
from agents.q_agent import QAgent
from agents.q_config import DQNConfig, RainbowConfig
from agents.q_learner import QBatch, QLearner
from agents.twins import Twins

__all__ = ["DQN", "DQNConfig", "RainbowConfig"]
UPDATES_TOGETHER = 16
LEAST_SURPRISE = 1e-6  # what a transition that surprises nobody is still replayed by


class DQN(QAgent[DQNConfig, Replay]):
    """Learns from replayed transitions, with any set of ingredients."""

    def initial_state(self, num_envs: int) -> AgentState:
        """The frames of a stack before the newest one; without a stack nothing."""
        return no_frames(self.spaces[0], num_envs, self.config.frame_stack)

    def state_dict(self) -> dict[str, Any]:
        """As of any such agent, and the generator of noise."""
        return {**super().state_dict(), "noise": self.learner.noise.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        super().load_state_dict(state)
        self.learner.noise.set_state(state["noise"])

    def _build_twins(self, seed: np.random.SeedSequence) -> Twins:
        seen = stacked_space(self.spaces[0], self.config.frame_stack)
        self.learner = QLearner(self.config, seen, self.num_actions, seed, self.device)
        return self.learner.twins

    def _build_memory(self, num_envs: int) -> Replay:
        config = self.config
        replay = ReplayConfig(
            config.replay_capacity, config.n_step, config.discount, config.frame_stack, config.prioritised
        )
        return Replay(*self.spaces, num_envs=num_envs, config=replay)

    def _choose(self, obs: Observation, state: AgentState, explores: bool) -> tuple[np.ndarray, AgentState]:
        parts, state = push_frames(obs, state)
        choose = self.learner.act if explores else self.learner.act_greedily
        return choose(parts_to_device(parts, self.device)).cpu().numpy(), state

    def scores(self, obs: Observation, state: AgentState) -> np.ndarray:
        """The averaged network's action values, (N, A)."""
        parts, _ = push_frames(obs, state)
        return self.learner.q_values(parts_to_device(parts, self.device)).cpu().numpy().copy()

    def _remember(self, memory: Replay, transition: Transition) -> None:
        memory.add(transition)

    def _learn_what_is_due(self, memory: Replay) -> None:
        while memory.can_sample and (due := self._updates_due() - self.twins.updates) > 0:
            self._update(memory, min(due, self._updates_together))

    def _updates_due(self) -> int:
        steps = max(self.twins.env_steps - self.config.learning_starts, 0)
        return int(steps * self.config.samples_per_step / self.config.batch_size)

    def _update(self, replay: Replay, updates: int) -> None:
        """Draw the batches of so many updates at once, and learn from one after the other."""
        config, steps = self.config, self.twins.env_steps
        correction = linear_epsilon(steps, config.priority_correction, 1.0, config.priority_steps)
        drawn = replay.sample(updates * config.batch_size, self.drawing, correction)
        for batch in self._on_device(drawn).split(config.batch_size):
            surprise = self.learner.update(batch)
            if config.prioritised:
                priority = (surprise.abs().double() + LEAST_SURPRISE) ** config.priority_exponent
                replay.update_priorities(drawn.place, priority.cpu().numpy())

    @property
    def _updates_together(self) -> int:
        """Updates whose batches are drawn at once: several where that is quicker and changes nothing."""
        if self.config.prioritised or any(map(is_image, space_parts(self.spaces[0]).values())):
            return 1  # priorities change with every update, and frames fill the caches by themselves
        return UPDATES_TOGETHER

    def _on_device(self, batch: Batch) -> QBatch:
        obs, next_obs = (parts_to_device(parts, self.device) for parts in (batch.obs, batch.next_obs))
        numbers = (batch.action, batch.reward, batch.discount)
        action, reward, discount = (to_device(array, self.device) for array in numbers)
        weight = to_device(batch.weight, self.device) if self.config.prioritised else None
        return QBatch(obs, action - self.first_action, reward, discount, next_obs, weight)
