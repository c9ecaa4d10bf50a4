"""Agents whose values are a table, compiled; see `agent.py` for what they share, `rules.py` for the rules."""

from agents.tabular.agent import TabularAgent
from agents.tabular.config import (
    DoubleQConfig,
    DynaQConfig,
    ExpectedSarsaConfig,
    NStepSarsaConfig,
    PrioritizedSweepingConfig,
    QLambdaConfig,
    QLearningConfig,
    SarsaConfig,
)

__all__ = [
    "DoubleQConfig",
    "DynaQConfig",
    "ExpectedSarsaConfig",
    "NStepSarsaConfig",
    "PrioritizedSweepingConfig",
    "QLambdaConfig",
    "QLearningConfig",
    "SarsaConfig",
    "TabularAgent",
]
