"""The agents by name; nothing heavy is imported before an agent is asked for."""

from importlib import import_module
from typing import Any

from gymnasium import Space

from agents.agent import Agent

AGENTS: dict[str, tuple[str, str, str]] = {
    "dqn": ("agents.dqn", "DQNConfig", "DQN"),
}
"""Name → module, configuration class, agent class."""


def config_class(name: str) -> type:
    """The configuration class of an agent.

    Raises:
        ValueError: there is no agent of that name.
    """
    module, config, _ = _entry(name)
    return getattr(import_module(module), config)


def make_agent(
    config: Any, observation_space: Space, action_space: Space, seed: int, device: str = "auto"
) -> Agent:
    """Build the agent that a configuration describes, for the spaces of a single environment.

    Raises:
        ValueError: the spaces do not suit the agent, or the device is not there.
    """
    module, _, agent = _entry(config.name)
    return getattr(import_module(module), agent)(config, observation_space, action_space, seed, device)


def _entry(name: str) -> tuple[str, str, str]:
    if name not in AGENTS:
        raise ValueError(f"agent.name is {name!r}; it must be one of {', '.join(sorted(AGENTS))}")
    return AGENTS[name]
