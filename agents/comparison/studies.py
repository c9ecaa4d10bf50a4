"""What is varied about one agent, and how a study of it is introduced."""

from collections.abc import Mapping
from typing import Any, NamedTuple

BASE = "dqn"
"""What every variant is one of."""


class Study(NamedTuple):
    """Variants that are compared with the base, each of them under the same name and seeds."""

    name: str
    """What all of it is called on the command line."""
    title: str
    introduction: str
    variants: Mapping[str, tuple[str, Mapping[str, Any]]]
    """Variant → what sets it apart, in words and in options; whatever is left out is as in the base."""


NO_EPSILON = {
    "agent.epsilon_start": 0.0,
    "agent.epsilon_end": 0.0,
}  # the noise of the layers explores instead
RAINBOW = {
    "agent.dueling": True,
    "agent.prioritised": True,
    "agent.distribution": "categorical",
    "agent.noisy": True,
}
INGREDIENTS: dict[str, tuple[str, Mapping[str, Any]]] = {
    "dqn-single": ("− double estimator", {"agent.double": False}),
    "dqn-one-step": ("− n-step returns", {"agent.n_step": 1}),
    "dqn-dueling": ("+ dueling streams", {"agent.dueling": True}),
    "dqn-prioritised": ("+ prioritised replay", {"agent.prioritised": True}),
    "dqn-categorical": ("+ categorical (C51)", {"agent.distribution": "categorical"}),
    "dqn-quantile": ("+ quantiles (QR)", {"agent.distribution": "quantile"}),
    "dqn-implicit": ("+ implicit quantiles (IQN)", {"agent.distribution": "implicit", "agent.atoms": 8}),
    "dqn-noisy": ("+ noisy layers", {"agent.noisy": True, **NO_EPSILON}),
    "dqn-munchausen": ("+ Munchausen", {"agent.munchausen": True}),
    "dqn-rainbow": ("Rainbow: six together", {**RAINBOW, **NO_EPSILON}),
}
ENVIRONMENTS: dict[str, tuple[str, Mapping[str, Any]]] = {
    "dqn-1-environment": ("1 environment", {"env.num_envs": 1}),
    "dqn-8-environments": ("8 environments", {"env.num_envs": 8}),
    "dqn-32-environments": ("32 environments", {"env.num_envs": 32}),
}
READ = f"""*Better* is the chance that a run scores higher than one of `{BASE}`, a mean over tasks; *time* is
that of training, beside `{BASE}`."""
STUDIES = (
    Study(
        "ablation",
        "The ingredients of DQN",
        f"""`{BASE}` learns by the double estimator and n-step returns. Each row takes one ingredient away (−)
or adds one (+) and leaves everything else as it is. {READ}""",
        INGREDIENTS,
    ),
    Study(
        "environments",
        "The number of environments",
        f"""How much is learnt is counted in samples per environment step, so that a recipe holds for any
number of environments side by side; `{BASE}` has sixteen here. {READ}""",
        ENVIRONMENTS,
    ),
)
