"""Deep Q-learning over many environments at once.

Source: document 004 §3.4, document 001 §3.1.4; Nature 518 (2015) 529. Deviations from the paper: the target
network is a Polyak average (and is the policy that is evaluated), the double estimator and n-step returns are
on, Adam for RMSProp, and learning is counted in samples per environment step.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import torch
from gymnasium import Space, spaces
from torch import Tensor

from agents.agent import NonFiniteLossError, Observation, Transition, observation_parts
from agents.devices import find_device
from agents.formulas.exploration import epsilon_greedy, linear_epsilon
from agents.formulas.value_learning import double_q_target, polyak_average, td_loss, td_target
from agents.memory.replay import Replay
from agents.networks import QNetwork, flatten_parameters


@dataclass(frozen=True)
class DQNConfig:
    """Deep Q-learning: the values of a few actions, learnt from replayed experience."""

    name: Literal["dqn"] = "dqn"
    """The agent's name."""
    perception: Literal["pixels", "features", "affordances", "privileged"] = "pixels"
    """What it sees: the observation as it is, a trained encoder's features or predictions, or the truth."""
    learning_rate: float = 1e-3
    """Step size of Adam."""
    learning_rate_steps: int = 0
    """Environment steps over which the step size falls to a tenth, in a straight line; 0 keeps it."""
    discount: float = 0.99
    """Weight of a reward one step later, γ."""
    double: bool = True
    """Whether the online network chooses the action that the averaged one values."""
    n_step: int = 3
    """Rewards that are summed before the value of what follows is trusted."""
    batch_size: int = 256
    """Transitions in an update."""
    replay_capacity: int = 100_000
    """Environment steps that are remembered."""
    samples_per_step: float = 8.0
    """Transitions learnt for each environment step, whatever the number of environments."""
    learning_starts: int = 1_000
    """Environment steps before the first update."""
    epsilon_start: float = 1.0
    """Share of random actions at the beginning."""
    epsilon_end: float = 0.05
    """Share of random actions after `epsilon_steps`."""
    epsilon_steps: int = 20_000
    """Environment steps over which random actions give way."""
    polyak: float = 0.01
    """Share of the online network that each update mixes into the averaged one, τ."""
    hidden_sizes: tuple[int, ...] = (256, 256)
    """Widths of the hidden layers."""
    max_grad_norm: float = 10.0
    """Longest gradient that is followed as it is; a longer one is shortened to it."""
    autocast: bool = False
    """Compute in bfloat16 where that is safe: for CUDA, with images."""
    report_every: int = 1_000
    """Environment steps between two lines of metrics."""

    def __post_init__(self) -> None:
        for key in ("learning_rate", "samples_per_step", "max_grad_norm"):
            self._require(getattr(self, key) > 0, key, "greater than 0")
        for key in ("discount", "epsilon_start", "epsilon_end"):
            self._require(0 <= getattr(self, key) <= 1, key, "between 0 and 1")
        for key in ("n_step", "batch_size", "replay_capacity", "report_every"):
            self._require(getattr(self, key) >= 1, key, "at least 1")
        for key in ("learning_starts", "epsilon_steps", "learning_rate_steps"):
            self._require(getattr(self, key) >= 0, key, "at least 0")
        self._require(0 < self.polyak <= 1, "polyak", "greater than 0 and at most 1")
        self._require(all(size >= 1 for size in self.hidden_sizes), "hidden_sizes", "widths of at least 1")

    def _require(self, condition: bool, key: str, expected: str) -> None:
        if not condition:
            raise ValueError(f"agent.{key} is {getattr(self, key)!r}; it must be {expected}")


class DQN:
    """Acts ε-greedily by an online network; bootstraps from, and is evaluated by, its Polyak average.

    Raises:
        ValueError: the spaces do not suit it, or the device is not there.
    """

    def __init__(
        self,
        config: DQNConfig,
        observation_space: Space,
        action_space: Space,
        seed: int,
        device: str = "auto",
    ):
        if not isinstance(action_space, spaces.Discrete):
            raise ValueError(
                f"dqn needs a Discrete action space, as CartPole-v1 has; this one is {action_space}"
            )
        torch.set_flush_denormal(True)  # moments of dead units go subnormal, and cost up to eight times
        self.config, self.device = config, find_device(device)
        self.spaces = observation_space, action_space
        self.first_action = int(action_space.start)
        weights, acting, drawing = np.random.SeedSequence(seed).spawn(3)
        self.acting, self.drawing = np.random.default_rng(acting), np.random.default_rng(drawing)
        self.online = self._build_network(weights)
        self.averaged = self._build_network(weights)
        self.online_flat = flatten_parameters(self.online)
        self.averaged_flat = flatten_parameters(self.averaged).requires_grad_(False)
        self.optimizer = torch.optim.Adam([self.online_flat], config.learning_rate, fused=True)
        self.replay: Replay | None = None  # built at the first step, which tells the number of environments
        self.env_steps = 0
        self.updates = 0
        self.readings: list[
            Tensor
        ] = []  # [loss, mean target, gradient norm] of each update since the last report

    def initial_state(self, num_envs: int) -> None:
        """Nothing: what to do depends on the current observation alone."""
        return None

    def act(self, obs: Observation, state: None) -> tuple[np.ndarray, None]:
        """Explore ε-greedily with the online network."""
        config = self.config
        epsilon = linear_epsilon(
            self.env_steps, config.epsilon_start, config.epsilon_end, config.epsilon_steps
        )
        greedy = self._best(self.online, obs)
        return epsilon_greedy(greedy, self.online.num_actions, epsilon, self.acting) + self.first_action, None

    def act_greedily(self, obs: Observation, state: None) -> tuple[np.ndarray, None]:
        """Choose the best action by the averaged network."""
        return self._best(self.averaged, obs) + self.first_action, None

    def observe(self, transition: Transition) -> None:
        """Store one step of all environments."""
        if self.replay is None:
            self.replay = self._build_replay(len(transition.reward))
        self.replay.add(transition)

    def learn(self, env_steps: int) -> Iterator[dict[str, float]]:
        """Do the updates that are due, and report every `report_every` steps.

        Raises:
            NonFiniteLossError: at a report, when a loss since the last one was not finite.
        """
        reported = self.env_steps // self.config.report_every
        self.env_steps = env_steps
        if self.replay is not None and self.replay.can_sample:
            while self.updates < self._updates_due():
                self._update(self.replay)
        if env_steps // self.config.report_every > reported:
            yield self._report()

    def state_dict(self) -> dict[str, Any]:
        """Networks, optimiser, replay, generators and counters, as they are now: copy what must not change.

        Raises:
            NonFiniteLossError: the networks are spoilt.
        """
        return {
            "online": self.online.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": dict(self.optimizer.state[self.online_flat]),
            "replay": self.replay.state_dict() if self.replay else None,
            "acting": self.acting.bit_generator.state,
            "drawing": self.drawing.bit_generator.state,
            "env_steps": self.env_steps,
            "updates": self.updates,
            "readings": self._finite_readings(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self.online.load_state_dict(state["online"])
        self.averaged.load_state_dict(state["averaged"])
        moments = {0: state["optimizer"]} if state["optimizer"] else {}
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": moments, "param_groups": groups})
        if state["replay"]:
            self.replay = self._build_replay(state["replay"]["num_envs"])
            self.replay.load_state_dict(state["replay"])
        self.acting.bit_generator.state = state["acting"]
        self.drawing.bit_generator.state = state["drawing"]
        self.env_steps, self.updates = state["env_steps"], state["updates"]
        self.readings = list(state["readings"].to(self.device))

    def policy_state_dict(self) -> dict[str, Any]:
        """The averaged network."""
        return self.averaged.state_dict()

    def load_policy_state_dict(self, state: dict[str, Any]) -> None:
        """Take back the averaged network."""
        self.averaged.load_state_dict(state)

    def _build_network(self, seed: np.random.SeedSequence) -> QNetwork:
        observation_space, action_space = self.spaces
        generator = torch.Generator().manual_seed(int(seed.generate_state(1, np.uint64)[0] >> 1))
        sizes = self.config.hidden_sizes
        return QNetwork(observation_space, int(action_space.n), sizes, generator).to(self.device)

    def _build_replay(self, num_envs: int) -> Replay:
        config = self.config
        returns = {"n_step": config.n_step, "discount": config.discount}
        return Replay(*self.spaces, num_envs=num_envs, capacity=config.replay_capacity, **returns)

    def _updates_due(self) -> int:
        steps = max(self.env_steps - self.config.learning_starts, 0)
        return int(steps * self.config.samples_per_step / self.config.batch_size)

    def _learning_rate(self) -> float:
        steps = self.config.learning_rate_steps
        share = min(self.env_steps / steps, 1.0) if steps else 0.0
        return self.config.learning_rate * (1.0 - 0.9 * share)

    def _update(self, replay: Replay) -> None:
        """One step of Adam on one batch, then one of the Polyak average."""
        batch = replay.sample(self.config.batch_size, self.drawing)
        reward, discount = self._to_device(batch.reward), self._to_device(batch.discount)
        action = self._to_device(batch.action) - self.first_action
        target = self._target(reward, discount, batch.next_obs)
        with self._autocast():
            q_values = self.online(self._parts_to_device(batch.obs))
        loss = td_loss(q_values, action, target)
        gradient = cast(Tensor, self.online_flat.grad)
        gradient.zero_()
        loss.backward()
        norm = gradient.norm()
        gradient.mul_((self.config.max_grad_norm / (norm + 1e-6)).clamp(max=1.0))
        self.optimizer.param_groups[0]["lr"] = self._learning_rate()
        self.optimizer.step()
        online = self.online_flat.detach()
        polyak_average(self.averaged_flat, online, self.config.polyak, out=self.averaged_flat)
        self.updates += 1
        self.readings.append(torch.stack((loss.detach(), target.mean(), norm)))

    @torch.no_grad()
    def _target(self, reward: Tensor, discount: Tensor, next_obs: dict[str, np.ndarray]) -> Tensor:
        parts = self._parts_to_device(next_obs)
        with self._autocast():
            averaged = self.averaged(parts)
            if not self.config.double:
                return td_target(reward, discount, averaged)
            return double_q_target(reward, discount, self.online(parts), averaged)

    @torch.inference_mode()
    def _best(self, network: QNetwork, obs: Observation) -> np.ndarray:
        with self._autocast():
            q_values = network(self._parts_to_device(observation_parts(obs)))
        return q_values.argmax(-1).cpu().numpy()

    def _autocast(self) -> AbstractContextManager[Any]:
        return torch.autocast(self.device.type, torch.bfloat16) if self.config.autocast else nullcontext()

    def _parts_to_device(self, parts: dict[str, np.ndarray]) -> dict[str, Tensor]:
        return {name: self._to_device(part) for name, part in parts.items()}

    def _to_device(self, array: np.ndarray) -> Tensor:
        tensor = torch.from_numpy(array)
        if tensor.dtype == torch.float64:
            tensor = tensor.float()  # half the way to go, and MPS knows no other
        if self.device.type != "cuda":
            return tensor.to(self.device)
        return tensor.pin_memory().to(self.device, non_blocking=True)  # the copy in pinned memory is its own

    def _finite_readings(self) -> Tensor:
        """Of each update since the last report; the one place that waits for the device."""
        readings = torch.stack(self.readings).cpu() if self.readings else torch.zeros(0, 3)
        spoilt = (~readings[:, 0].isfinite()).nonzero()
        if len(spoilt):
            first = self.updates - len(readings) + int(spoilt[0]) + 1
            raise NonFiniteLossError(self.env_steps, first)
        return readings

    def _report(self) -> dict[str, float]:
        config = self.config
        epsilon = linear_epsilon(
            self.env_steps, config.epsilon_start, config.epsilon_end, config.epsilon_steps
        )
        metrics = {"updates": float(self.updates), "epsilon": epsilon}
        readings = self._finite_readings()
        if len(readings):
            metrics |= dict(zip(("loss", "target", "gradient_norm"), readings.mean(0).tolist(), strict=True))
        self.readings.clear()
        return metrics
