"""The agents by name; nothing heavy is imported before an agent is asked for."""

from importlib import import_module
from typing import Any

from gymnasium import Space

from agents.agent import Agent

AGENTS: dict[str, tuple[str, str, str]] = {
    "a2c": ("agents.a2c", "A2CConfig", "A2C"),
    "dagger": ("agents.dagger", "DAggerConfig", "DAgger"),
    "dqn": ("agents.dqn", "DQNConfig", "DQN"),
    "ppo": ("agents.ppo", "PPOConfig", "PPO"),
    "pqn": ("agents.pqn", "PQNConfig", "PQN"),
    "reinforce": ("agents.reinforce", "ReinforceConfig", "Reinforce"),
    "sb3-a2c": ("agents.peers.sb3", "SB3A2CConfig", "SB3Agent"),
    "sb3-dqn": ("agents.peers.sb3", "SB3DQNConfig", "SB3Agent"),
    "sb3-ppo": ("agents.peers.sb3", "SB3PPOConfig", "SB3Agent"),
    "sb3-qrdqn": ("agents.peers.sb3", "SB3QRDQNConfig", "SB3Agent"),
    "lstm-q": ("agents.memory_q", "LSTMQConfig", "LSTMQ"),
    "rainbow": ("agents.dqn", "RainbowConfig", "DQN"),
    "transformer-q": ("agents.memory_q", "TransformerQConfig", "TransformerQ"),
    "double-q": ("agents.tabular", "DoubleQConfig", "TabularAgent"),
    "dyna-q": ("agents.tabular", "DynaQConfig", "TabularAgent"),
    "expected-sarsa": ("agents.tabular", "ExpectedSarsaConfig", "TabularAgent"),
    "n-step-sarsa": ("agents.tabular", "NStepSarsaConfig", "TabularAgent"),
    "prioritized-sweeping": ("agents.tabular", "PrioritizedSweepingConfig", "TabularAgent"),
    "q-lambda": ("agents.tabular", "QLambdaConfig", "TabularAgent"),
    "q-learning": ("agents.tabular", "QLearningConfig", "TabularAgent"),
    "sarsa": ("agents.tabular", "SarsaConfig", "TabularAgent"),
}
"""Name → module, configuration class, agent class."""


def config_class(name: str) -> type:
    """The configuration class of an agent.

    Raises:
        ValueError: there is no agent of that name.
    """
    module, config, _ = _entry(name)
    return getattr(import_module(module), config)


def agent_class(name: str) -> type:
    """The class of an agent.

    Raises:
        ValueError: there is no agent of that name.
    """
    module, _, agent = _entry(name)
    return getattr(import_module(module), agent)


def make_agent(
    config: Any, observation_space: Space, action_space: Space, seed: int, device: str = "auto"
) -> Agent:
    """Build the agent that a configuration describes, for the spaces of a single environment.

    Raises:
        ValueError: the spaces do not suit the agent, or the device is not there.
    """
    agent = agent_class(config.name)
    try:
        return agent(config, observation_space, action_space, seed, device)
    except ValueError as fault:
        if config.name in str(fault):
            raise
        raise ValueError(f"{config.name} cannot be made: {fault}") from fault


def _entry(name: str) -> tuple[str, str, str]:
    if name not in AGENTS:
        raise ValueError(f"agent.name is {name!r}; it must be one of {', '.join(sorted(AGENTS))}")
    return AGENTS[name]
