"""From a configuration to the records that the compiled functions work on, and their arrays by name."""

from typing import Any

import numpy as np

from agents.tabular.config import (
    DoubleQConfig,
    DynaQConfig,
    ExpectedSarsaConfig,
    NStepSarsaConfig,
    PrioritizedSweepingConfig,
    QLambdaConfig,
    SarsaConfig,
    TabularConfig,
)
from agents.tabular.randomness import draw_keys
from agents.tabular.records import (
    COUNT_BONUS,
    EPSILON_GREEDY,
    SOFTMAX,
    UCB,
    DoubleQ,
    DynaQ,
    ExpectedSarsa,
    Exploration,
    Heap,
    Learner,
    LearntModel,
    NStepSarsa,
    PrioritizedSweeping,
    QLambda,
    QLearning,
    Recent,
    Rule,
    Sarsa,
    StepSize,
    Tables,
)

FAINTEST_TRACE = 1e-3  # a trace below this is forgotten
MOST_TRACES = 1_000
KINDS = {"epsilon_greedy": EPSILON_GREEDY, "softmax": SOFTMAX, "ucb": UCB, "count_bonus": COUNT_BONUS}


def new_learner(
    config: TabularConfig, num_states: int, num_actions: int, num_rows: int, seed: int
) -> Learner:
    """A learner that knows nothing yet, for so many environments."""
    shape = (num_states, num_actions)
    q = np.full(shape, float(config.initial_value))
    visits, due = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    return Learner(
        new_rule(config, q, num_rows),
        exploration_of(config),
        StepSize(float(config.learning_rate), float(config.learning_rate_power)),
        draw_keys(seed),
        Tables(q, visits, np.zeros(shape), due),
    )


def exploration_of(config: TabularConfig) -> Exploration:
    """How the configuration has actions tried."""
    softmax = config.exploration == "softmax"
    start = config.temperature_start if softmax else config.epsilon_start
    end = config.temperature_end if softmax else config.epsilon_end
    per_step = 1.0 / config.exploration_steps if config.exploration_steps else 1e18
    return Exploration(KINDS[config.exploration], float(start), float(end), per_step, float(config.bonus))


def new_rule(config: TabularConfig, q: np.ndarray, num_rows: int) -> Rule:
    """The update rule of a configuration, with an empty memory."""
    discount = float(config.discount)
    match config:
        case SarsaConfig():
            return Sarsa(discount)
        case ExpectedSarsaConfig():
            return ExpectedSarsa(discount)
        case DoubleQConfig():
            return DoubleQ(discount, np.stack([q, q]))
        case NStepSarsaConfig():
            return NStepSarsa(discount, _recent(num_rows, config.n_step))
        case QLambdaConfig():
            decay = discount * config.trace_decay
            return QLambda(discount, decay, _recent(num_rows, traces_kept(decay)))
        case DynaQConfig():
            return DynaQ(discount, config.planning_steps, _learnt_model(q, config.model_successors))
        case PrioritizedSweepingConfig():
            model = _learnt_model(q, config.model_successors)
            threshold = float(config.priority_threshold)
            return PrioritizedSweeping(discount, config.planning_steps, threshold, model, _heap(q.size))
        case _:
            return QLearning(discount)


def traces_kept(decay: float) -> int:
    """Steps until a trace that falls by this factor is too faint to matter."""
    if decay <= 0.0:
        return 1
    steps = np.log(FAINTEST_TRACE) / np.log(decay) if decay < 1.0 else MOST_TRACES
    return int(min(np.ceil(steps) + 1, MOST_TRACES))


def arrays_of(record: Any) -> dict[str, Any]:
    """The arrays of a record and of the records within it, by name."""
    found: dict[str, Any] = {}
    for name, value in record._asdict().items():
        if isinstance(value, np.ndarray):
            found[name] = value
        elif hasattr(value, "_asdict"):
            found[name] = arrays_of(value)
    return {name: value for name, value in found.items() if not isinstance(value, dict) or value}


def put_back(record: Any, arrays: dict[str, Any]) -> None:
    """Write into a record what `arrays_of` found in one of the same shapes."""
    for name, saved in arrays.items():
        value = getattr(record, name)
        if isinstance(value, np.ndarray):
            value[...] = saved
        else:
            put_back(value, saved)


def _recent(num_rows: int, length: int) -> Recent:
    shape = (num_rows, length)
    return Recent(np.zeros(shape, np.int64), np.zeros(shape), np.zeros(num_rows, np.int64))


def _learnt_model(q: np.ndarray, successors: int) -> LearntModel:
    shape, whole = (q.size, successors), np.int64
    return LearntModel(
        next_state=np.zeros(shape, whole),
        terminated=np.zeros(shape, np.bool_),
        reward=np.zeros(shape),
        seen=np.zeros(shape, whole),
        total=np.zeros(q.size, whole),
        known=np.zeros(q.size, whole),
        num_known=np.zeros(1, whole),
        head=np.full(len(q), -1, whole),
        link=np.full(q.size * successors, -1, whole),
    )


def _heap(num_pairs: int) -> Heap:
    whole = np.zeros(num_pairs, np.int64)
    return Heap(whole, whole - 1, np.zeros(num_pairs), np.zeros(1, np.int64))
