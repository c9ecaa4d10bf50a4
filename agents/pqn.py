"""Q-learning from what was met last, without replay and without a target network.

Source: document 001 §3.1.4, whose Q-learning it is; arXiv:2407.04811, where normalised layers take the place
of the target network, and many environments that of the replay. Deviations from the paper: Huber's loss for
the square, Adam for RAdam, only dense layers are normalised, and a Polyak average is what is evaluated.
"""

from math import ceil

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from agents.agent import AgentState, Observation, Transition, observation_parts
from agents.devices import parts_to_device, to_device
from agents.formulas.returns import lambda_return
from agents.formulas.value_learning import td_loss, td_loss_gradient
from agents.memory.rollout import Rollout
from agents.pqn_config import PQNConfig
from agents.q_agent import QAgent
from agents.q_twins import build_q_twins
from agents.samples import PIECE
from agents.twins import Twins

__all__ = ["PQN", "PQNConfig"]
Parts = dict[str, Tensor]


class PQN(QAgent[PQNConfig, Rollout]):
    """Learns λ-returns from each rollout."""

    def _build_twins(self, seed: np.random.SeedSequence) -> Twins:
        number, config = int(seed.generate_state(1, np.uint64)[0] >> 1), self.config
        built = build_q_twins(
            config, config.network, self.spaces[0], (self.num_actions, 1), number, self.device
        )
        twins, self.online, self.averaged = built
        return twins

    def _build_memory(self, num_envs: int) -> Rollout:
        return Rollout(*self.spaces, num_envs, self._rows_wanted(num_envs))

    def _choose(self, obs: Observation, state: AgentState, explores: bool) -> tuple[np.ndarray, AgentState]:
        function = self.online if explores else self.averaged
        q_values = function(parts_to_device(observation_parts(obs), self.device)).squeeze(-1)
        return q_values.argmax(-1).cpu().numpy(), state

    def scores(self, obs: Observation, state: AgentState) -> np.ndarray:
        """The averaged network's action values, (N, A)."""
        q_values = self.averaged(parts_to_device(observation_parts(obs), self.device)).squeeze(-1)
        return q_values.cpu().numpy().copy()

    def _remember(self, memory: Rollout, transition: Transition) -> None:
        memory.add(transition)

    def _learn_what_is_due(self, memory: Rollout) -> None:
        if memory.length >= self._rows_wanted(memory.num_envs):
            self._learn_from(memory)
            memory.clear()

    def _rows_wanted(self, num_envs: int) -> int:
        return ceil(self.config.rollout_steps / num_envs)

    @torch.no_grad()
    def _learn_from(self, rollout: Rollout) -> None:
        """Every epoch deals all samples out anew; the returns stay as they were before the first."""
        obs = parts_to_device(rollout.observations(), self.device)
        target = self._target(rollout, obs)
        action = to_device(rollout.rows("action").reshape(-1), self.device) - self.first_action
        places = np.flatnonzero(~rollout.rows("ignored"))
        parts = max(round(len(places) / self.config.minibatch_size), 1)
        for _ in range(self.config.epochs if len(places) else 0):
            for batch in np.array_split(self.drawing.permutation(places), parts):
                index = to_device(batch, self.device)
                seen = {name: part[index] for name, part in obs.items()}
                self._update(seen, action[index], target[index])

    def _target(self, rollout: Rollout, obs: Parts) -> Float[Tensor, " M"]:
        """The λ-return of every step, of `ignored` ones as well, by the best action of what it led to."""
        pieces = zip(*(part[rollout.num_envs :].split(PIECE) for part in obs.values()), strict=True)
        looks = [self.online(dict(zip(obs, piece, strict=True))).amax((1, 2)) for piece in pieces]
        next_value = torch.cat(looks).cpu().view(rollout.length, rollout.num_envs)
        reward, terminated = (torch.from_numpy(rollout.rows(name)) for name in ("reward", "terminated"))
        stays = self.config.discount * (~terminated).float()
        ended = torch.from_numpy(rollout.ended)
        target = lambda_return(reward, stays, ended, next_value, self.config.decay)
        return target.reshape(-1).to(self.device)

    def _update(self, obs: Parts, action: Int[Tensor, " B"], target: Float[Tensor, " B"]) -> None:
        """One step along the error."""
        q_values = self.online.forward(obs).squeeze(-1)
        self.online.backward(td_loss_gradient(q_values, action, target).unsqueeze(-1))
        self.twins.step(td_loss(q_values, action, target), target.mean())
