"""Agents by name."""

import subprocess
import sys

import pytest
from gymnasium import spaces

from agents.agent import Agent
from agents.registry import AGENTS, config_class, make_agent

VECTOR = spaces.Box(-1, 1, (3,))


@pytest.mark.parametrize("name", AGENTS)
def test_every_agent_is_one(name):
    if name == "sb3-qrdqn":
        pytest.importorskip("sb3_contrib")
    config = config_class(name)()
    assert config.name == name
    assert isinstance(make_agent(config, VECTOR, spaces.Discrete(2), 0, "cpu"), Agent)


def test_an_unknown_agent_is_refused():
    with pytest.raises(ValueError, match="agent.name is 'dqm'; it must be one of .*dqn"):
        config_class("dqm")


def test_the_registry_is_quick_to_import():
    program = "import sys, agents.registry; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
