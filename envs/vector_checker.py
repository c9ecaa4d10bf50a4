"""A checker of vector environments, anybody's: does one keep what Gymnasium says of all of them?

    notes = check_vector_env(lambda: gymnasium.make_vec("CartPole-v1", 8))

raises, with every fault in a sentence of its own, or gives what is allowed but worth knowing.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import numpy as np
from gymnasium.spaces.utils import is_space_dtype_shape_equiv
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space, iterate

from envs.vector_trial import MakeVectorEnv, Trial, began, same


class VectorEnvFault(ValueError):
    """A vector environment breaks a rule.

    Attributes:
        faults: a sentence for each rule that it breaks.
    """

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


def check_vector_env(make: MakeVectorEnv, *, steps: int = 300, seed: int = 0) -> list[str]:
    """Step a vector environment with random actions, in its own autoreset mode, and look at what it tells.

    Args:
        make: gives a new one; called a few times, and each is closed.
        steps: of the batch; episodes should end within them, for how they do is half of what is looked at.
        seed: of the environments and of the actions.

    Returns:
        What no rule forbids but who trains on it should know, a sentence each.

    Raises:
        VectorEnvFault: it breaks rules.
    """
    trial = Trial(make, steps, seed)
    faults = _first_of_each(RULES, trial)
    if faults:
        raise VectorEnvFault(faults)
    return _first_of_each(HABITS, trial)


def _rows(trial: Trial, obs: Any) -> list[Any]:
    return list(iterate(trial.spaces[0], obs))


def _spaces_fit(trial: Trial) -> Iterator[str]:
    for name, (batch, single) in {"observation": trial.spaces, "action": trial.action_spaces}.items():
        if not is_space_dtype_shape_equiv(batch_space(single, trial.num_envs), batch):
            yield f"{name}_space is not that of {trial.num_envs} rows of single_{name}_space"


def _observations_lie_in_their_space(trial: Trial) -> Iterator[str]:
    for name, moment in trial.moments:
        if moment.obs not in trial.spaces[0]:
            yield f"{name}: the observation does not lie in observation_space"


def _rewards_are_numbers(trial: Trial) -> Iterator[str]:
    for step in trial.taken:
        reward = step.after.reward
        if not isinstance(reward, np.ndarray) or reward.shape != (trial.num_envs,):
            yield f"step {step.number}: the rewards are no array ({trial.num_envs},)"
        elif not (np.issubdtype(reward.dtype, np.number) and np.isfinite(reward).all()):
            yield f"step {step.number}: the rewards are not finite numbers"


def _flags_are_truth_values(trial: Trial) -> Iterator[str]:
    for step in trial.taken:
        for name in ("terminated", "truncated"):
            flags = getattr(step.after, name)
            if not (
                isinstance(flags, np.ndarray) and flags.shape == (trial.num_envs,) and flags.dtype == bool
            ):
                yield f"step {step.number}: {name} is no array ({trial.num_envs},) of bool"


def _infos_have_masks(trial: Trial) -> Iterator[str]:
    for name, moment in trial.moments:
        yield from (f"{name}: {fault}" for fault in _info_faults(moment.info, trial.num_envs))


def _info_faults(info: Any, num_envs: int, place: str = "info") -> Iterator[str]:
    if not isinstance(info, dict):
        yield f"{place} is no dictionary"
        return
    for key, value in info.items():
        if key.startswith("_") and key[1:] in info:
            continue
        mask = info.get(f"_{key}")
        if not (isinstance(mask, np.ndarray) and mask.shape == (num_envs,) and mask.dtype == bool):
            yield f"{place}[{key!r}] has no mask {place}['_{key}'] of ({num_envs},) bool"
        if isinstance(value, dict):
            yield from _info_faults(value, num_envs, f"{place}[{key!r}]")
        elif np.shape(value if isinstance(value, np.ndarray) else np.asarray(value, object))[:1] != (
            num_envs,
        ):
            yield f"{place}[{key!r}] is {value!r}; it must have {num_envs} rows"


def _mode_is_told(trial: Trial) -> Iterator[str]:
    if not isinstance(trial.mode, AutoresetMode):
        yield f"metadata['autoreset_mode'] is {trial.mode!r}; it must be a member of AutoresetMode"


def _next_step_resets(trial: Trial) -> Iterator[str]:
    """The step after an episode's end begins the next one: no reward, no flags, whatever the action."""
    if trial.mode != AutoresetMode.NEXT_STEP:
        return
    for step in trial.taken:
        begins, after = step.before.ended, step.after
        if np.asarray(after.reward)[begins].any() or after.ended[begins].any():
            yield f"step {step.number} begins episodes, and gives them a reward or ends them"
    if not same((trial.first, trial.taken), trial.again(other_actions_when_ended=True)):
        yield "the action of a step that begins an episode changes what follows"


def _same_step_resets(trial: Trial) -> Iterator[str]:
    """The step that ends an episode begins the next one, and tells the last observation in `final_obs`."""
    if trial.mode != AutoresetMode.SAME_STEP:
        return
    for step in trial.taken:
        ended, info = step.after.ended, step.after.info
        told = info.get("_final_obs", np.zeros(trial.num_envs, np.bool_))
        if not np.array_equal(told, ended):
            yield f"step {step.number}: info['_final_obs'] does not mark the episodes that ended"
        elif any(info["final_obs"][row] not in trial.spaces[1] for row in np.flatnonzero(ended)):
            yield f"step {step.number}: a row of info['final_obs'] does not lie in single_observation_space"


def _masked_reset_leaves_others(trial: Trial) -> Iterator[str]:
    """Without autoreset, the rows that `reset_mask` leaves out stay as they are."""
    for step in trial.taken:
        if step.reset:
            was, chosen = step.reset
            rows = zip(_rows(trial, was.obs), _rows(trial, step.before.obs), chosen, strict=True)
            if not all(taken or same(old, new) for old, new, taken in rows):
                yield f"reset before step {step.number} changes rows that its reset_mask leaves out"


def _the_same_seed_gives_the_same(trial: Trial) -> Iterator[str]:
    if not same((trial.first, trial.taken), trial.again()):
        yield f"the same seed, {trial.seed}, and the same actions give something else in another one"
        return
    with closing(trial.make()) as env:
        trial.drive(env)  # so that its generators have moved on
        if not same(began(env, seed=trial.seed), trial.first):
            yield "reset(seed=…) after some episodes begins otherwise than in a new one"


def _time_limits_truncate(trial: Trial) -> Iterator[str]:
    limit = getattr(trial.spec, "max_episode_steps", None)
    lengths = np.zeros(trial.num_envs, np.int64)
    for step in trial.taken:
        ended = step.before.ended if step.reset is None else step.reset[1]
        fresh = ended & (trial.mode == AutoresetMode.NEXT_STEP)
        lengths = np.where(ended, 0, lengths) + ~fresh
        if limit is not None and (late := (lengths >= limit) & ~step.after.ended).any():
            yield f"step {step.number}: the episode of row {late.argmax()} goes on after {limit} steps"


RULES = (
    _spaces_fit,
    _mode_is_told,
    _observations_lie_in_their_space,
    _rewards_are_numbers,
    _flags_are_truth_values,
    _infos_have_masks,
    _next_step_resets,
    _same_step_resets,
    _masked_reset_leaves_others,
    _the_same_seed_gives_the_same,
    _time_limits_truncate,
)


def _episodes_ended(trial: Trial) -> Iterator[str]:
    if not any(step.after.ended.any() for step in trial.taken):
        yield f"no episode ended within {trial.steps} steps: resets were not looked at"


def _what_was_given_stays(trial: Trial) -> Iterator[str]:
    if trial.overwritten:
        asked = "" if trial.copies else ", as copy=False says"
        yield f"the {trial.overwritten} of a step is overwritten by the next one{asked}"


def _rows_have_seeds(trial: Trial) -> Iterator[str]:
    """A list of seeds, one for each row; one number is counted up from row to row."""
    seeds: list[int | None] = [trial.seed + row for row in range(trial.num_envs)]
    with closing(trial.make()) as env:
        try:
            obs = began(env, seed=seeds[::-1]).obs
        except Exception as fault:  # whatever another's environment raises: it is what the note tells
            yield f"a list of seeds is refused: {fault or type(fault).__name__}"
            return
    if not same(_rows(trial, obs)[::-1], _rows(trial, trial.first.obs)):
        yield "a row does not depend on its own seed alone: the same seeds in another order give others"


def _seeds_differ(trial: Trial) -> Iterator[str]:
    with closing(trial.make()) as env:
        if same(began(env, seed=trial.seed + trial.num_envs).obs, trial.first.obs):
            yield "another seed begins in the same way, which is right only where there is a single beginning"


HABITS = (_episodes_ended, _what_was_given_stays, _rows_have_seeds, _seeds_differ)


def _first_of_each(checks: tuple[Callable[[Trial], Iterator[str]], ...], trial: Trial) -> list[str]:
    return [said for check in checks if (said := next(check(trial), None))]
