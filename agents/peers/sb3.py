"""Stable-Baselines3's own agents, in our runs.

Their recipe, networks, replay and loop are SB3's. They draw from the global generators of numpy and torch,
which SB3 seeds: two agents in one process disturb each other.
"""

import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Literal, NoReturn

import numpy as np
from gymnasium import Space, spaces
from gymnasium.vector import VectorEnv
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.preprocessing import is_image_space

from agents.agent import NonFiniteLossError, Observation, Transition
from agents.devices import find_device
from agents.peers.callback import ListenerCallback
from agents.peers.policy_options import named_classes
from agents.peers.training import TrainingListener
from agents.peers.vec_env import SB3VecEnv

ALGORITHMS = {
    "sb3-a2c": ("stable_baselines3", "A2C"),
    "sb3-dqn": ("stable_baselines3", "DQN"),
    "sb3-ppo": ("stable_baselines3", "PPO"),
    "sb3-qrdqn": ("sb3_contrib", "QRDQN"),
}
"""Name → module and class."""
OURS = ("policy", "env", "policy_kwargs", "seed", "device", "verbose", "tensorboard_log", "_init_setup_model")
"""Arguments of SB3's constructors that the run decides."""
SMALLEST_CNN_SIDE = 36  # [pixels] what SB3's own convolutions leave something of


@dataclass(frozen=True)
class SB3Config:
    """An agent of Stable-Baselines3, by its own recipe; it cannot be resumed where it was."""

    name: str
    """The agent's name."""
    perception: Literal["pixels", "features", "affordances", "privileged"] = "pixels"
    """What it sees: the observation as it is, a trained encoder's features or predictions, or the truth."""
    policy: str = "auto"
    """SB3's policy class: MlpPolicy, CnnPolicy, MultiInputPolicy, or auto for the one that fits."""
    policy_kwargs: dict[str, Any] = field(default_factory=dict)
    """What SB3's policy is built with, such as net_arch; classes by name, such as activation_fn ReLU."""
    kwargs: dict[str, Any] = field(default_factory=dict)
    """What SB3's algorithm is built with, as it is, such as learning_rate."""
    report_every: int = 1_000
    """Environment steps between two lines of metrics."""

    def __post_init__(self) -> None:
        if self.report_every < 1:
            raise ValueError(f"agent.report_every is {self.report_every}; it must be at least 1")
        for key in OURS:
            if key in self.kwargs:
                raise ValueError(f"agent.kwargs.{key} is {self.kwargs[key]!r}; it must be left out")


@dataclass(frozen=True)
class SB3A2CConfig(SB3Config):
    """Advantage actor-critic of Stable-Baselines3, by its own recipe; it cannot be resumed where it was."""

    name: Literal["sb3-a2c"] = "sb3-a2c"
    """The agent's name."""


@dataclass(frozen=True)
class SB3DQNConfig(SB3Config):
    """Deep Q-learning of Stable-Baselines3, by its own recipe; it cannot be resumed where it was."""

    name: Literal["sb3-dqn"] = "sb3-dqn"
    """The agent's name."""


@dataclass(frozen=True)
class SB3PPOConfig(SB3Config):
    """Proximal policies of Stable-Baselines3, by its own recipe; it cannot be resumed where it was."""

    name: Literal["sb3-ppo"] = "sb3-ppo"
    """The agent's name."""


@dataclass(frozen=True)
class SB3QRDQNConfig(SB3Config):
    """Quantile Q-learning of SB3 Contrib, under its own recipe; it cannot be resumed where it was."""

    name: Literal["sb3-qrdqn"] = "sb3-qrdqn"
    """The agent's name."""


class SB3Agent:
    """Acts by a policy of Stable-Baselines3, which it lets train itself.

    Raises:
        ValueError: the spaces or the options do not suit, SB3 Contrib is missing, or the device is not there.
    """

    def __init__(
        self,
        config: SB3Config,
        observation_space: Space,
        action_space: Space,
        seed: int,
        device: str = "auto",
    ):
        self.config, self.seed, self.device = config, seed, find_device(device)
        self._algorithm = _algorithm(config.name)
        _require_actions_from_zero(config.name, action_space)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they are about a number of rows that is not known yet
            self.model = self._build(SB3VecEnv(_Spaces(observation_space, action_space)))

    def train(self, env: VectorEnv, env_steps: int, seed: int, listener: TrainingListener) -> None:
        """Learn by SB3's own loop, to the end of the rollout that reaches `env_steps` or the listener ends.

        Raises:
            NonFiniteLossError: learning has diverged.
            ValueError: the options do not suit so many rows.
        """
        rows = SB3VecEnv(env)
        self.model = self._build(rows)
        self.model.set_logger(Logger(folder=None, output_formats=[]))
        rows.seed(seed)
        callback = ListenerCallback(listener, rows, self.config.report_every)
        try:
            self.model.learn(env_steps, callback, log_interval=sys.maxsize)  # it is the callback that reports
        except ValueError as fault:
            refused = "found invalid values" in str(fault)  # by a distribution, before any loss tells of it
            if refused or self._is_spoilt():
                raise NonFiniteLossError(self.model.num_timesteps, self.model._n_updates) from fault
            raise

    def initial_state(self, num_envs: int) -> None:
        """Nothing: what to do depends on the current observation alone."""
        return None

    def act(self, obs: Observation, state: None) -> tuple[np.ndarray, None]:
        """Explore as SB3 does, from the global generators."""
        return self.model.predict(obs, deterministic=False)[0], None

    def act_greedily(self, obs: Observation, state: None) -> tuple[np.ndarray, None]:
        """Choose the best known action for each row."""
        return self.model.policy.predict(obs, deterministic=True)[0], None

    def policy_state_dict(self) -> dict[str, Any]:
        """SB3's policy: its networks, target networks among them."""
        return self.model.policy.state_dict()

    def load_policy_state_dict(self, state: dict[str, Any]) -> None:
        """Take back SB3's policy."""
        self.model.policy.load_state_dict(state)

    def observe(self, transition: Transition) -> None:
        """Refuse: it trains itself."""
        self._refuse()

    def learn(self, env_steps: int) -> Iterator[dict[str, float]]:
        """Refuse: it trains itself."""
        self._refuse()

    def state_dict(self) -> dict[str, Any]:
        """Refuse: it cannot be resumed where it was."""
        self._refuse()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Refuse: it cannot be resumed where it was."""
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise RuntimeError(f"{self.config.name} trains itself: call train; it has no exact resume")

    def _build(self, env: SB3VecEnv) -> BaseAlgorithm:
        """SB3's algorithm for an environment.

        Raises:
            ValueError: SB3 refuses an option or a space; its own words.
        """
        config, space = self.config, env.observation_space
        policy = _fitting_policy(space) if config.policy == "auto" else config.policy
        options = {"policy_kwargs": named_classes(config.policy_kwargs), **config.kwargs}
        try:
            return self._algorithm(policy, env, seed=self.seed, device=str(self.device), **options)
        except (AssertionError, NotImplementedError, RuntimeError, TypeError, ValueError) as fault:
            words = " ".join(str(fault).split()) or type(fault).__name__
            raise ValueError(
                f"{config.name} and its options do not suit {space} and {env.action_space}: {words}"
            ) from fault

    def _is_spoilt(self) -> bool:
        return not all(bool(part.isfinite().all()) for part in self.model.policy.parameters())


class _Spaces(VectorEnv):
    """An environment that has spaces and nothing else: enough to build a policy for.

    It has two rows, as PPO refuses a single one where a rollout is one step long.
    """

    def __init__(self, observation_space: Space, action_space: Space):
        self.num_envs = 2
        self.single_observation_space = observation_space
        self.single_action_space = action_space


def _algorithm(name: str) -> type[BaseAlgorithm]:
    module, algorithm = ALGORITHMS[name]
    try:
        return getattr(import_module(module), algorithm)
    except ImportError as fault:
        package = module.replace("_", "-")
        raise ValueError(
            f"agent.name is {name!r}, but {package} is not installed: pip install {package}"
        ) from fault


def _require_actions_from_zero(name: str, space: Space) -> None:
    if isinstance(space, spaces.Discrete) and space.start != 0:
        raise ValueError(f"{name} counts actions from 0; this action space is {space}")


def _fitting_policy(space: Space) -> str:
    if isinstance(space, spaces.Dict):
        return "MultiInputPolicy"
    if (
        is_image_space(space)
        and isinstance(space, spaces.Box)
        and sorted(space.shape)[1] >= SMALLEST_CNN_SIDE
    ):
        return "CnnPolicy"
    return "MlpPolicy"
