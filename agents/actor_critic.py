"""What the agents have in common that learn a policy from their own latest steps, with a critic beside it."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from math import ceil
from typing import Any, Generic, TypeVar, cast

import numpy as np
import torch
from gymnasium import Space
from jaxtyping import Bool, Float
from torch import Tensor

from agents.actor_critic_config import ActorCriticConfig
from agents.agent import NonFiniteLossError, Observation, Transition, observation_parts
from agents.devices import find_device, parts_to_device, to_device
from agents.formulas.policy_gradient import (
    explained_variance,
    normalised_advantage,
    policy_gradient_loss,
    value_loss,
)
from agents.memory.rollout import Rollout
from agents.networks import flatten_parameters
from agents.normalisation import RewardScale
from agents.policies import PolicyNetwork
from agents.samples import Samples, advantage_of, look_back

Config = TypeVar("Config", bound=ActorCriticConfig)


class ActorCritic(Generic[Config]):
    """Acts by chance, learns from a rollout of what came of it, and forgets the rollout.

    One who derives from it says when a rollout is complete, what of it is learnt from, and by which loss.

    Raises:
        ValueError: the spaces do not suit it, or the device is not there.
    """

    reading_names: tuple[str, ...] = (
        "explained_variance",
        "loss",
        "gradient_norm",
        "policy_loss",
        "value_loss",
        "entropy",
    )

    def __init__(
        self,
        config: Config,
        observation_space: Space,
        action_space: Space,
        seed: int,
        device: str = "auto",
    ):
        torch.set_flush_denormal(True)  # moments of dead units go subnormal, and cost up to eight times
        self.config, self.device = config, find_device(device)
        self.observation_space = observation_space
        weights, acting, drawing = np.random.SeedSequence(seed).spawn(3)
        self.acting, self.drawing = np.random.default_rng(acting), np.random.default_rng(drawing)
        self.network = self._build_network(observation_space, action_space, weights).to(self.device)
        self.flat = flatten_parameters(self.network)
        self.optimizer = torch.optim.Adam([self.flat], config.learning_rate, fused=True)
        self.rollout: Rollout | None = None  # built at the first step, which tells the number of environments
        self.reward_scale: RewardScale | None = None
        self.chosen: np.ndarray | None = None  # by the last `act`: the environment may be handed less of it
        self.env_steps = 0
        self.updates = 0
        self.readings: list[Tensor] = []  # of each rollout since the last report, (updates, names)

    def initial_state(self, num_envs: int) -> None:
        """Nothing: what to do depends on the current observation alone."""
        return None

    def act(self, obs: Observation, state: None) -> tuple[np.ndarray, None]:
        """Draw an action from the policy."""
        head = self.network.head
        self.chosen = head.sample(self._look(obs), self.acting)
        return head.action(self.chosen), None

    def act_greedily(self, obs: Observation, state: None) -> tuple[np.ndarray, None]:
        """The policy's likeliest action."""
        head = self.network.head
        return head.action(head.mode(self._look(obs))), None

    def observe(self, transition: Transition) -> None:
        """Store one step of all environments, with what was chosen last."""
        assert self.chosen is not None, "a policy learns from its own steps: act comes first"
        if self.rollout is None:
            self._prepare(len(transition.reward))
        cast(Rollout, self.rollout).add(transition._replace(action=self.chosen))

    def learn(self, env_steps: int) -> Iterator[dict[str, float]]:
        """Learn from the rollout if it is complete, and report every `report_every` steps.

        Raises:
            NonFiniteLossError: a loss, or its gradient, was not finite.
        """
        reported = self.env_steps // self.config.report_every
        self.env_steps = env_steps
        if self.rollout is not None and self._is_complete(self.rollout):
            self._learn_from(self.rollout)
            self.rollout.clear()
        if env_steps // self.config.report_every > reported:
            yield self._report()

    def state_dict(self) -> dict[str, Any]:
        """Network, optimiser, rollout, generators, counters, as they are now: copy what must not change."""
        return {
            "network": self.network.state_dict(),
            "optimizer": dict(self.optimizer.state[self.flat]),
            "rollout": self.rollout.state_dict() if self.rollout else None,
            "reward_scale": self.reward_scale.state_dict() if self.reward_scale else None,
            "acting": self.acting.bit_generator.state,
            "drawing": self.drawing.bit_generator.state,
            "env_steps": self.env_steps,
            "updates": self.updates,
            "readings": self._stacked_readings(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self.network.load_state_dict(state["network"])
        moments = {0: state["optimizer"]} if state["optimizer"] else {}
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": moments, "param_groups": groups})
        if state["rollout"]:
            self._prepare(state["rollout"]["num_envs"])
            cast(Rollout, self.rollout).load_state_dict(state["rollout"])
        if self.reward_scale is not None:
            self.reward_scale.load_state_dict(state["reward_scale"])
        self.acting.bit_generator.state = state["acting"]
        self.drawing.bit_generator.state = state["drawing"]
        self.env_steps, self.updates = state["env_steps"], state["updates"]
        self.readings = [state["readings"]]

    def policy_state_dict(self) -> dict[str, Any]:
        """The network, with the means that observations are measured from."""
        return self.network.state_dict()

    def load_policy_state_dict(self, state: dict[str, Any]) -> None:
        """Take back the network."""
        self.network.load_state_dict(state)

    def _is_complete(self, rollout: Rollout) -> bool:
        """Whether it is time to learn."""
        return rollout.length >= self._rows_wanted(rollout.num_envs)

    def _learnable(self, rollout: Rollout) -> Bool[np.ndarray, "T N"]:
        """Which steps are learnt from."""
        return ~rollout.rows("ignored")

    def _batches(self, places: np.ndarray) -> Iterator[np.ndarray]:
        """The samples of each update, out of the places of all."""
        yield places

    def _policy_loss(self, log_probability: Tensor, samples: Samples) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The loss of the policy, and further readings."""
        return policy_gradient_loss(log_probability, samples.advantage), ()

    def _rows_wanted(self, num_envs: int) -> int:
        return ceil(self.config.rollout_steps / num_envs)

    def _build_network(
        self, observation_space: Space, action_space: Space, seed: np.random.SeedSequence
    ) -> PolicyNetwork:
        generator = torch.Generator().manual_seed(int(seed.generate_state(1, np.uint64)[0] >> 1))
        sizes, normalise = self.config.hidden_sizes, self.config.normalise_observations
        try:
            return PolicyNetwork(observation_space, action_space, sizes, generator, normalise)
        except ValueError as fault:
            raise ValueError(f"{self.config.name} cannot act here: {fault}") from fault

    def _prepare(self, num_envs: int) -> None:
        """What depends on the number of environments."""
        rows = self._rows_wanted(num_envs)
        self.rollout = Rollout(self.observation_space, self.network.head.choices, num_envs, rows)
        if self.config.scale_rewards:
            self.reward_scale = RewardScale(self.config.discount, num_envs)

    @torch.inference_mode()
    def _look(self, obs: Observation) -> np.ndarray:
        with self._autocast():
            policy = self.network.policy(parts_to_device(observation_parts(obs), self.device))
        return policy.cpu().numpy()

    def _learn_from(self, rollout: Rollout) -> None:
        """Do the updates that a complete rollout is good for."""
        obs = parts_to_device(rollout.observations(), self.device)
        places = np.flatnonzero(self._learnable(rollout))
        if self.reward_scale is not None:
            self.reward_scale.update(rollout.rows("reward"), rollout.ended)
        if len(places) and self.network.is_measured:
            samples, explained = self._samples(rollout, obs, to_device(places, self.device))
            readings = [
                torch.stack((explained, *self._update(samples.at(to_device(batch, self.device)))))
                for batch in self._batches(places)
            ]
            self._take_readings(torch.stack(readings))
        self.network.update_moments(obs)  # only now: until here the policy is to be the one that acted

    @torch.no_grad()
    def _samples(self, rollout: Rollout, obs: dict[str, Tensor], places: Tensor) -> tuple[Samples, Tensor]:
        """Every step with its advantage, and how well the values foretold; `places` are learnt from."""
        config, scale = self.config, self.reward_scale.factor if self.reward_scale else 1.0
        with self._autocast():
            policy, value = look_back(self.network, obs)
        choice = rollout.rows("action")
        choice = to_device(choice.reshape(-1, *choice.shape[2:]), self.device)
        log_probability = self.network.head.log_probability(policy[: len(choice)], choice)
        advantage = advantage_of(rollout, value.cpu(), config.discount, config.decay, scale).to(self.device)
        value = value[: len(choice)]
        target = value + advantage
        explained = explained_variance(value[places], target[places])
        if config.normalise_advantages:
            advantage[places] = normalised_advantage(advantage[places])
        return Samples(obs, choice, log_probability, advantage, target), explained

    def _update(self, samples: Samples) -> tuple[Tensor, ...]:
        """One step of Adam; returns its readings."""
        config, head = self.config, self.network.head
        with self._autocast():
            policy, value = self.network(samples.obs)
        policy_loss, more = self._policy_loss(head.log_probability(policy, samples.choice), samples)
        critic_loss, entropy = value_loss(value, samples.target), head.entropy(policy)
        loss = policy_loss + config.value_weight * critic_loss - config.entropy_weight * entropy
        gradient = cast(Tensor, self.flat.grad)
        gradient.zero_()
        loss.backward()
        norm = gradient.norm()
        gradient.mul_((config.max_grad_norm / (norm + 1e-6)).clamp(max=1.0))
        self.optimizer.param_groups[0]["lr"] = self._learning_rate()
        self.optimizer.step()
        self.updates += 1
        return tuple(reading.detach() for reading in (loss, norm, policy_loss, critic_loss, entropy, *more))

    def _learning_rate(self) -> float:
        steps = self.config.learning_rate_steps
        share = min(self.env_steps / steps, 1.0) if steps else 0.0
        return self.config.learning_rate * (1.0 - 0.9 * share)

    def _autocast(self) -> AbstractContextManager[Any]:
        return torch.autocast(self.device.type, torch.bfloat16) if self.config.autocast else nullcontext()

    def _take_readings(self, readings: Float[Tensor, "U R"]) -> None:
        """Keep them for the report; the one place that waits for the device.

        What is not finite ends it here: an action that is not a number is nothing to hand an environment.
        """
        readings = readings.cpu()
        spoilt = (~readings[:, 1:3].isfinite().all(1)).nonzero()  # loss and gradient
        if len(spoilt):
            raise NonFiniteLossError(self.env_steps, self.updates - len(readings) + int(spoilt[0]) + 1)
        self.readings.append(readings)

    def _stacked_readings(self) -> Float[Tensor, "U R"]:
        return torch.cat([torch.zeros(0, len(self.reading_names)), *self.readings])

    def _report(self) -> dict[str, float]:
        readings = self._stacked_readings()
        self.readings.clear()
        means = readings.mean(0).tolist() if len(readings) else ()
        return {"updates": float(self.updates), **dict(zip(self.reading_names, means, strict=False))}
