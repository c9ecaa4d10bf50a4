"""The checker of vector environments: it lets good ones pass, and finds every fault that is planted."""

from functools import partial
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv, VectorWrapper
from gymnasium.vector.utils import batch_space

import envs  # noqa: F401, registers
from envs.vector_checker import VectorEnvFault, check_vector_env

NUM_ENVS, STEPS = 3, 120
OURS = sorted(name for name in gym.registry if name.startswith("Hairpin/"))
ONE_START = "another seed begins in the same way, which is right only where there is a single beginning"
NEXT_STEP, SAME_STEP, DISABLED = AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP, AutoresetMode.DISABLED


@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize("name", OURS)
def test_every_environment_of_ours_keeps_the_rules(name, mode):
    notes = check_vector_env(partial(gym.make_vec, name, NUM_ENVS, autoreset_mode=mode.value), steps=STEPS)
    assert set(notes) <= {ONE_START, f"no episode ended within {STEPS} steps: resets were not looked at"}


@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize("kind", [SyncVectorEnv, AsyncVectorEnv])
@pytest.mark.parametrize(("name", "notes"), [("CartPole-v1", []), ("FrozenLake-v1", [ONE_START])])
def test_gymnasiums_keep_the_rules(name, notes, kind, mode):
    made = [partial(gym.make, name)] * NUM_ENVS
    assert check_vector_env(partial(kind, made, autoreset_mode=mode), steps=60) == notes


def test_gymnasiums_cart_pole_has_one_generator_for_all_rows():
    make = partial(gym.make_vec, "CartPole-v1", NUM_ENVS, vectorization_mode="vector_entry_point")
    (note,) = check_vector_env(make)
    assert note.startswith("a list of seeds is refused: ")


def test_what_is_not_copied_is_told():
    (note,) = check_vector_env(partial(cart_pole, copy=False))
    assert note == "the obs of a step is overwritten by the next one, as copy=False says"


def test_too_few_steps_are_told():
    (note,) = check_vector_env(cart_pole, steps=3)
    assert note == "no episode ended within 3 steps: resets were not looked at"


def cart_pole(mode=NEXT_STEP, **keywords):
    return SyncVectorEnv([partial(gym.make, "CartPole-v1")] * NUM_ENVS, autoreset_mode=mode, **keywords)


class Given(NamedTuple):
    """What a step gives."""

    obs: Any
    reward: Any
    terminated: Any
    truncated: Any
    info: dict[str, Any]


class Decoy(VectorWrapper):
    """A sound environment that one thing is done to; what `step` gives passes through `spoil`."""

    def spoil(self, given: Given) -> Given:
        return given

    def step(self, actions):
        return self.spoil(Given(*self.env.step(actions)))


class ObservationsOutside(Decoy):
    def spoil(self, given):
        return given._replace(obs=given.obs.astype(np.float64))


class RewardsInAColumn(Decoy):
    def spoil(self, given):
        return given._replace(reward=given.reward[:, None])


class UndefinedRewards(Decoy):
    def spoil(self, given):
        return given._replace(reward=given.reward * np.nan)


class FlagsOfNumbers(Decoy):
    def spoil(self, given):
        return given._replace(terminated=given.terminated.astype(int))


class InfoWithoutMask(Decoy):
    def spoil(self, given):
        return given._replace(info={**given.info, "speed": np.zeros(self.num_envs)})


class InfoOfTooFewRows(Decoy):
    def spoil(self, given):
        few = {"speed": np.zeros(1), "_speed": np.ones(self.num_envs, bool)}
        return given._replace(info={**given.info, **few})


class InfoOfOneNumber(Decoy):
    def spoil(self, given):
        return given._replace(info={**given.info, "speed": 1.0, "_speed": np.ones(self.num_envs, bool)})


class RewardForAReset(Decoy):
    def spoil(self, given):
        return given._replace(reward=np.ones_like(given.reward))


class NoFinalObservation(Decoy):
    def spoil(self, given):
        return given._replace(info={key: value for key, value in given.info.items() if "obs" not in key})


class WrongFinalObservation(Decoy):
    def spoil(self, given):
        last = [None if obs is None else obs[:2] for obs in given.info.get("final_obs", ())]
        return given._replace(info={**given.info, "final_obs": last}) if last else given


class ResetsEveryRow(Decoy):
    def reset(self, *, seed=None, options=None):
        return self.env.reset(seed=seed)


class NoSeed(Decoy):
    def reset(self, *, seed=None, options=None):
        return self.env.reset(options=options)


class SeededOnce(Decoy):
    begun = False

    def reset(self, *, seed=None, options=None):
        seed, self.begun = None if self.begun else seed, True
        return self.env.reset(seed=seed, options=options)


class ListensWhenItResets(Decoy):
    """The action that should be ignored moves the rewards of everything after it."""

    def __init__(self, env):
        super().__init__(env)
        self.ended, self.shift = np.zeros(self.num_envs, bool), 0.0

    def reset(self, *, seed=None, options=None):
        self.shift = 0.0
        return self.env.reset(seed=seed, options=options)

    def step(self, actions):
        self.shift += float(actions[self.ended].sum())
        return super().step(actions)

    def spoil(self, given):
        reward = np.where(self.ended, 0.0, given.reward + self.shift)
        self.ended = given.terminated | given.truncated
        return given._replace(reward=reward)


class ModeUntold(Decoy):
    def __init__(self, env):
        super().__init__(env)
        self.metadata = {}


class NarrowObservations(Decoy):
    def __init__(self, env):
        super().__init__(env)
        self.observation_space = batch_space(env.single_observation_space, NUM_ENVS - 1)


PLANTED = [
    (ObservationsOutside, NEXT_STEP, "step 1: the observation does not lie in observation_space"),
    (RewardsInAColumn, NEXT_STEP, "step 1: the rewards are no array (3,)"),
    (UndefinedRewards, NEXT_STEP, "step 1: the rewards are not finite numbers"),
    (FlagsOfNumbers, NEXT_STEP, "step 1: terminated is no array (3,) of bool"),
    (InfoWithoutMask, NEXT_STEP, "step 1: info['speed'] has no mask info['_speed'] of (3,) bool"),
    (InfoOfTooFewRows, NEXT_STEP, "step 1: info['speed'] is array([0.]); it must have 3 rows"),
    (InfoOfOneNumber, NEXT_STEP, "step 1: info['speed'] is 1.0; it must have 3 rows"),
    (RewardForAReset, NEXT_STEP, "begins episodes, and gives them a reward or ends them"),
    (ListensWhenItResets, NEXT_STEP, "the action of a step that begins an episode changes what follows"),
    (NoFinalObservation, SAME_STEP, "info['_final_obs'] does not mark the episodes that ended"),
    (WrongFinalObservation, SAME_STEP, "does not lie in single_observation_space"),
    (ResetsEveryRow, DISABLED, "changes rows that its reset_mask leaves out"),
    (NoSeed, NEXT_STEP, "the same seed, 0, and the same actions give something else in another one"),
    (SeededOnce, NEXT_STEP, "after some episodes begins otherwise than in a new one"),
    (NarrowObservations, NEXT_STEP, "observation_space is not that of 3 rows"),
    (ModeUntold, NEXT_STEP, "metadata['autoreset_mode'] is None; it must be a member of AutoresetMode"),
]


@pytest.mark.parametrize(("decoy", "mode", "sentence"), PLANTED, ids=[row[0].__name__ for row in PLANTED])
def test_a_planted_fault_is_found(decoy, mode, sentence):
    with pytest.raises(VectorEnvFault) as caught:
        check_vector_env(lambda: decoy(cart_pole(mode)), steps=STEPS)
    assert any(sentence in fault for fault in caught.value.faults), caught.value.faults


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_an_episode_past_its_limit_is_found(mode):
    def chain(limit):
        env = gym.make_vec("Hairpin/Chain-v0", NUM_ENVS, max_steps=7, autoreset_mode=mode.value)
        env.spec = EnvSpec("Chain-v0", max_episode_steps=limit)
        return env

    assert check_vector_env(partial(chain, 7), steps=40) == [ONE_START]
    with pytest.raises(VectorEnvFault, match="step 6: the episode of row 0 goes on after 6 steps"):
        check_vector_env(partial(chain, 6), steps=40)
