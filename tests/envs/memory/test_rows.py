"""Both worlds as batches: against their rows alone, and against Gymnasium's batch of single environments."""

import pickle
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from numpy.testing import assert_array_equal, assert_equal

import envs  # noqa: F401  (registers the environments)
from envs.memory.recall import RecallVectorEnv
from envs.memory.tmaze import TMazeVectorEnv
from envs.row_batch import RowBatch
from envs.window import Window

SMALL: dict[str, dict[str, Any]] = {
    "Hairpin/TMaze-v0": {"length": 2, "step_penalty": 0.125},
    "Hairpin/Recall-v0": {"num_symbols": 3, "length": 3, "delay": 2},
}
CLASSES = {"Hairpin/TMaze-v0": TMazeVectorEnv, "Hairpin/Recall-v0": RecallVectorEnv}
MODES = [mode.value for mode in AutoresetMode]
STEPS, SEED = 120, 40
Part = Callable[[Any, int], Any]
Bits = Callable[[Any], Any]
worlds = pytest.mark.parametrize("name", SMALL)


def make(name: str, num_envs: int, mode: str = "NextStep", **keywords: Any) -> RowBatch:
    return CLASSES[name](num_envs, autoreset_mode=mode, **{**SMALL[name], **keywords})


def actions_of(row: int) -> np.ndarray:
    """A row's actions, (STEPS,); one row in three never turns, so that its time runs out in the maze."""
    actions = np.random.default_rng([7, row]).integers(0, 3, STEPS)
    return np.zeros_like(actions) if row % 3 == 2 else actions


def play(env: RowBatch, rows: list[int], mode: str, part: Part) -> list[list]:
    """What each row gets at every step; where nothing resets ended rows, this does."""
    obs, info = env.reset(seed=SEED + rows[0])
    seen: list[list] = [[(part(obs, n), part(info, n))] for n in range(len(rows))]
    actions = np.stack([actions_of(row) for row in rows])
    for t in range(STEPS):
        obs, reward, terminated, truncated, info = env.step(actions[:, t])
        for n in range(len(rows)):
            seen[n].append((obs[n], reward[n], terminated[n], truncated[n], part(info, n)))
        over = terminated | truncated
        if mode == "Disabled" and over.any():
            obs, info = env.reset(options={"reset_mask": over})
            for n in np.flatnonzero(over).tolist():
                seen[n].append((obs[n], part(info, n)))
    return seen


@worlds
@pytest.mark.parametrize("mode", MODES)
def test_a_batch_is_its_rows_played_alone_bit_for_bit(name: str, mode: str, part: Part, bits: Bits) -> None:
    together = play(make(name, 9, mode), list(range(9)), mode, part)
    ends = []
    for row in range(9):
        assert bits(together[row]) == bits(play(make(name, 1, mode), [row], mode, part)[0])
        ends += [step[2:4] for step in together[row] if len(step) == 5]
    assert (True, False) in ends
    assert ((False, True) in ends) == (name == "Hairpin/TMaze-v0"), "only the maze runs out of time"
    assert (True, True) not in ends


def plain(value: Any) -> Any:
    """Nested names and numbers, whatever their types: Gymnasium's batch widens rewards."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, tuple | list):
        return [plain(inner) for inner in value]
    return plain(value.tolist()) if isinstance(value, np.ndarray) and value.dtype == object else value


@worlds
@pytest.mark.parametrize("mode", MODES)
def test_every_autoreset_mode_is_that_of_gymnasiums_batch(name: str, mode: str) -> None:
    ours = make(name, 6, mode)
    makers = [lambda: gym.make(name, **SMALL[name])] * 6
    theirs = SyncVectorEnv(makers, autoreset_mode=AutoresetMode(mode))
    assert ours.observation_space == theirs.observation_space
    assert ours.action_space == theirs.action_space
    assert_equal(ours.reset(seed=SEED), theirs.reset(seed=SEED))
    actions, told = np.stack([actions_of(row) for row in range(6)]), set()
    for t in range(STEPS):
        mine, its = ours.step(actions[:, t]), theirs.step(actions[:, t])
        assert_equal(plain(mine), plain(its))
        told |= mine[4].keys()
        over = mine[2] | mine[3]
        if mode == "Disabled" and over.any():
            mine, its = (env.reset(options={"reset_mask": over.copy()}) for env in (ours, theirs))
            assert_equal(mine[0][over], its[0][over])
    assert {"_final_obs", "_final_info"} <= told if mode == "SameStep" else {"success", "_success"} <= told


@worlds
def test_rows_left_out_of_a_reset_go_on_as_if_nothing_had_happened(name: str) -> None:
    env, twin = (make(name, 6, "Disabled") for _ in range(2))
    first = env.reset(seed=1)[0]
    twin.reset(seed=1)
    forward = np.zeros(6, int)
    before = [(env.step(forward), twin.step(forward)) for _ in range(2)][-1][0][0]
    mask = np.array([True, False, False, True, False, True])
    obs, info = env.reset(options={"reset_mask": mask})
    assert info == {}
    assert_array_equal(obs[~mask], before[~mask])
    assert_array_equal(env.rows[~mask], twin.rows[~mask])
    assert_array_equal(env.rows["episode"], mask)
    obs, _ = env.reset(seed=1, options={"reset_mask": mask})
    assert_array_equal(obs[mask], first[mask], "a seed goes to the row's own place")


@worlds
@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_a_restored_batch_goes_on_bit_for_bit(name: str, mode: str, bits: Bits) -> None:
    env, other = make(name, 5, mode), make(name, 5, mode)
    env.reset(seed=3)
    actions = np.stack([actions_of(row) for row in range(5)])
    for t in range(20):
        env.step(actions[:, t])
    state = {key: array.copy() for key, array in env.state_dict().items()}
    expected = [env.step(actions[:, t]) for t in range(20, STEPS)]
    other.load_state_dict(state)
    for t in range(20, STEPS):
        assert bits(other.step(actions[:, t])) == bits(expected[t - 20])


@worlds
@pytest.mark.parametrize("copied", [deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_a_copy_goes_on_as_the_original_does(name: str, copied: Callable, bits: Bits) -> None:
    env = make(name, 4)
    env.reset(seed=2)
    env.step(np.zeros(4, int))
    other = copied(env)
    for t in range(30):
        actions = np.array([actions_of(row)[t] for row in range(4)])
        assert bits(env.step(actions)) == bits(other.step(actions))


@worlds
def test_a_foreign_state_is_refused(name: str) -> None:
    env = make(name, 4)
    env.reset(seed=0)
    foreign = "TMazeVectorEnv" if name == "Hairpin/TMaze-v0" else "RecallVectorEnv"
    with pytest.raises(
        ValueError, match=rf"^the state belongs to another environment than this {foreign}\.$"
    ):
        make(name, 3).load_state_dict(env.state_dict())


@worlds
@pytest.mark.parametrize("copy", [True, False])
def test_observations_stay_as_they_were_handed_out_unless_copying_is_off(name: str, copy: bool) -> None:
    env = make(name, 4, copy=copy)
    first = env.reset(seed=0)[0]
    kept = first.copy()
    env.step(np.zeros(4, int))
    for t in range(8):
        env.step(np.full(4, t % 3))
    assert np.array_equal(first, kept) == copy


@worlds
def test_last_observations_are_copies_even_without_copying(name: str) -> None:
    env = make(name, 2, "SameStep", copy=False)
    env.reset(seed=0)
    final = None
    for t in range(40):
        *_, info = env.step(np.array([t % 2, t % 2]))
        if final is not None:
            np.testing.assert_array_equal(final[0], 0.0, "an ended row shows nothing")
            np.testing.assert_array_equal(final[1], 0.0)
            return
        final = info.get("final_obs")
    raise AssertionError("no episode ended")


def test_figures_are_told_of_rows_that_ended_alone() -> None:
    env = make("Hairpin/Recall-v0", 2, "Disabled")
    env.reset(seed=0)
    symbols = env.rows["symbols"].copy()
    env.step(np.zeros(2, int))
    env.reset(options={"reset_mask": np.array([False, True])})
    env.rows["symbols"] = symbols
    info: dict[str, np.ndarray] = {}
    for step in range(1, 8):
        places = np.maximum(step - np.array([5, 6]), 0)  # the second row began a step later
        *_, info = env.step(symbols[[0, 1], places])
    assert env.rows["right"].tolist() == [3, 2]
    assert {key: value.tolist() for key, value in info.items()} == {
        "success": [True, False],
        "_success": [True, False],
        "recalled": [1.0, 0.0],
        "_recalled": [True, False],
    }


@worlds
def test_seeds_count_up_and_episodes_differ(name: str) -> None:
    env = make(name, 64)
    first = env.reset(seed=7)[0]
    assert_array_equal(first[1:], env.reset(seed=8)[0][:-1])
    assert_array_equal(first, env.reset(seed=list(range(7, 71)))[0])
    assert not np.array_equal(first, env.reset()[0]), "the next episodes"
    assert_array_equal(make(name, 1).reset(seed=2**64 + 9)[0][0], first[2])
    assert not np.array_equal(make(name, 64).reset()[0], make(name, 64).reset()[0])


@worlds
@pytest.mark.parametrize(
    ("actions", "words"),
    [
        (np.array([0, 3]), r"^action 3 is not in 0 … 2\.$"),
        (np.array([-1, 0]), r"^action -1 is not in 0 … 2\.$"),
        (
            np.array([0.0, 1.0]),
            r"^actions have shape \(2,\) and type float64; expected \(2,\) whole numbers\.$",
        ),
        (np.array([[0, 1]]), r"^actions have shape \(1, 2\) and type int64"),
    ],
)
def test_a_refused_action_changes_nothing(name: str, actions: np.ndarray, words: str) -> None:
    env = make(name, 2)
    env.reset(seed=0)
    before = env.rows.copy()
    with pytest.raises(ValueError, match=words):
        env.step(actions)
    assert_array_equal(env.rows, before)


@worlds
def test_what_cannot_be_is_refused_in_a_sentence(name: str) -> None:
    env = make(name, 2, "Disabled", render_mode="rgb_array")
    with pytest.raises(RuntimeError, match=r"^step was called before reset\.$"):
        env.step(np.zeros(2, int))
    with pytest.raises(RuntimeError, match=r"^render was called before reset\.$"):
        env.render()
    env.reset(seed=0)
    env.rows["ended"][1] = True
    with pytest.raises(RuntimeError, match=r"^row 1 has ended; reset it \(in a batch by reset_mask\)\.$"):
        env.step(np.zeros(2, int))
    with pytest.raises(ValueError, match=r"^reset knows no option 'levels'; it knows reset_mask\.$"):
        env.reset(options={"levels": 3})
    with pytest.raises(ValueError, match=r"^num_envs is 0; it must be a whole number above 0\.$"):
        make(name, 0)
    with pytest.raises(ValueError, match=r"^render_mode is 'ansi'; it must be"):
        make(name, 1, render_mode="ansi")
    with pytest.raises(TypeError, match="unexpected keyword argument 'lenght'"):
        make(name, 1, lenght=3)


@worlds
def test_the_window_shows_the_first_row_and_the_pictures_every_row(name: str) -> None:
    env = make(name, 2, render_mode="rgb_array")
    env.reset(seed=0)
    start = env.render()
    assert start is not None
    assert [(picture.shape, picture.dtype) for picture in start] == [((600, 960, 3), np.uint8)] * 2
    env.step(np.zeros(2, int))
    following = env.render()
    assert following is not None
    assert not np.array_equal(start[0], following[0])
    window = gym.make(name, render_mode="human", **SMALL[name])
    window.reset(seed=0)
    assert window.render() is None
    window.close()


@worlds
def test_a_window_that_its_user_closed_stays_closed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = []
    monkeypatch.setattr(Window, "show", lambda window, picture, rate: shown.append(rate))
    env = make(name, 1, render_mode="human")
    env.reset(seed=0)
    env.render()
    env._window.closed = True
    env.render()
    assert shown == [10]
    env.close()
