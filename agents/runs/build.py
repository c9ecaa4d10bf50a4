"""From a configuration to the environments that a run acts in."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from gymnasium.vector import VectorEnv

from agents.agent import LearnsFromExpert
from agents.runs.config import EnvConfig, RunConfig
from agents.runs.environments import EXPERT_ACTION, make_environment
from agents.runs.errors import RunError
from vision.data import LabelledSource
from vision.features import PerceptionObservation, SegmentedObservation
from vision.networks import PerceptionNetwork

LabelledStream = Callable[..., LabelledSource]
"""Takes a split, a batch size and a seed, and keywords of the camera; gives labelled frames without end."""
CAMERA_KWARGS = ("image_size", "camera", "look", "num_levels", "difficulty", "weather")
"""Keyword arguments of an environment that its labelled stream understands as well."""


def make_env(
    config: RunConfig,
    encoder: PerceptionNetwork | None,
    num_envs: int,
    split: str | None = None,
    /,
    **overrides: Any,
) -> VectorEnv:
    """Environments as the agent sees them, in Gymnasium's NEXT_STEP mode.

    Args:
        config: the run.
        encoder: what the agent sees through, where its option asks for one.
        num_envs: number of rows.
        split: the levels to draw from; None keeps what the configuration says.
        **overrides: keyword arguments of the environment that replace the configuration's.

    Raises:
        ValueError: the environment is unknown or refuses its keyword arguments; the message says which.
    """
    kwargs = {**config.env.kwargs, **overrides}
    if config.agent.perception == "privileged":
        kwargs["obs"] = "state"
    if split is not None:
        kwargs["split"] = split
        kwargs.pop("expert", None)  # who is judged on a split asks nobody
    try:
        env = make_environment(config.env.id, num_envs, kwargs)
    except ValueError:
        if config.agent.perception == "privileged":
            _require_privileged_state(config.env.id, kwargs)
        raise
    return observed(config, env, encoder)


def _require_privileged_state(env_id: str, kwargs: dict[str, Any]) -> None:
    """Refuse an environment that can be made, but not show its state.

    Raises:
        ValueError: says so; or why it cannot be made at all.
    """
    others = {name: value for name, value in kwargs.items() if name != "obs"}
    make_environment(env_id, 1, others).close()
    raise ValueError(f"agent.perception is 'privileged', and {env_id} tells no privileged state")


def observed(config: RunConfig, env: VectorEnv, encoder: PerceptionNetwork | None) -> VectorEnv:
    """The environments seen through the encoder, if there is one."""
    mode = config.agent.perception
    if encoder is None:
        return env
    if mode == "segmentation":
        return SegmentedObservation(env, encoder, parts=2)
    if mode != "features" and mode != "affordances":
        return env
    return PerceptionObservation(env, encoder, mode, parts=2)


def labelled_stream_of(env: EnvConfig, streams: Mapping[str, LabelledStream]) -> LabelledStream:
    """Labelled frames as the environment's own camera takes them.

    Args:
        env: the environment.
        streams: environment id → its labelled stream.

    Raises:
        RunError: the environment has none.
    """
    if env.id not in streams:
        raise RunError(
            f"an encoder learns from labelled frames, and env.id {env.id!r} gives none; "
            f"use {', '.join(sorted(streams))}, or an agent with perception pixels"
        )
    camera = {name: env.kwargs[name] for name in CAMERA_KWARGS if name in env.kwargs}
    return partial(streams[env.id], **camera)


def splits_of(env: VectorEnv) -> tuple[str, ...]:
    """The splits that the environment's levels are divided into; empty where it has none."""
    return tuple(env.metadata.get("splits", ()))


def require_splits(config: RunConfig, splits: tuple[str, ...]) -> None:
    """Refuse a split that the environment does not have.

    Raises:
        RunError: names the option and the splits there are.
    """
    asked = {"evaluate.split": config.evaluate.split, "evaluate.choose_split": config.evaluate.choose_split}
    for key, split in asked.items():
        if splits and split not in splits:
            raise RunError(f"{key} is {split!r}; {config.env.id} has {', '.join(splits)}")


def require_expert(config: RunConfig, agent: LearnsFromExpert) -> None:
    """Refuse an environment without an expert, before anything is trained.

    Raises:
        ValueError: names what is missing.
    """
    env = make_env(config, None, 1)
    agent.require_expert(env.reset(seed=0)[1].get(EXPERT_ACTION))
    env.close()


def require_levels(config: RunConfig, splits: tuple[str, ...]) -> None:
    """Refuse more episodes of a split than it has levels, before anything is trained.

    Raises:
        ValueError: says how many there are.
    """
    wanted = config.evaluate
    for split, episodes in (
        (wanted.split, wanted.episodes),
        (wanted.choose_split, wanted.choose_episodes),
    ):
        if splits:
            env = make_env(config, None, 1, split)
            env.reset(seed=0, options={"levels": episodes - 1})
            env.close()
