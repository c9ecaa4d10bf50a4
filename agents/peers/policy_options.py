"""Classes in the options of an SB3 policy, by their names: a configuration file holds no code."""

from collections.abc import Mapping
from typing import Any

from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn, optim

from agents.peers.features import GridFeatures


def named_classes(policy_kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The options with each class in the place of its name.

    `activation_fn` is one of torch.nn's, `optimizer_class` of torch.optim's, `features_extractor_class` of
    agents.peers.features'.

    Raises:
        ValueError: there is no such class.
    """
    found = dict(policy_kwargs)
    for key, (where, kind, known) in KINDS.items():
        if isinstance(name := found.get(key), str):
            found[key] = known.get(name)
            if not (isinstance(found[key], type) and issubclass(found[key], kind)):
                raise ValueError(f"agent.policy_kwargs.{key} is {name!r}; it must be a class of {where}")
    return found


KINDS: dict[str, tuple[str, type, Mapping[str, Any]]] = {
    "activation_fn": ("torch.nn", nn.Module, vars(nn)),
    "optimizer_class": ("torch.optim", optim.Optimizer, vars(optim)),
    "features_extractor_class": (
        "agents.peers.features",
        BaseFeaturesExtractor,
        {"GridFeatures": GridFeatures},
    ),
}
"""Option → where its classes are, what they derive from, and they themselves by name."""
