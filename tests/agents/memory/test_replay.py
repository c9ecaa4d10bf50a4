"""The replay ring against a plain list of everything that ever happened."""

from typing import NamedTuple

import numpy as np
import pytest
import torch
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.agent import Transition
from agents.formulas.returns import n_step_window
from agents.memory import replay as replay_module
from agents.memory.replay import Replay

ID_SPACE = spaces.Box(-np.inf, np.inf, (1,), np.float64)
DISCOUNT = 0.9


class Case(NamedTuple):
    """A stream of environments, and the ring that it goes through."""

    seed: int
    num_envs: int
    num_rows: int
    capacity_rows: int
    n_step: int
    ends: float


CASES = st.builds(
    Case,
    seed=st.integers(0, 2**32 - 1),
    num_envs=st.integers(1, 5) | st.just(64),
    num_rows=st.integers(8, 60),
    capacity_rows=st.integers(7, 30),
    n_step=st.integers(1, 5),
    ends=st.floats(0, 0.5),
)


def stream(case):
    """A NEXT_STEP stream: every observation is its row · N + environment, the row after an end is ignored."""
    generator = np.random.default_rng(case.seed)
    shape = (case.num_envs,)
    ended = np.zeros(shape, np.bool_)
    for row in range(case.num_rows):
        ignored = ended
        terminated = ~ignored & (generator.random(shape) < case.ends)
        truncated = ~ignored & (generator.random(shape) < case.ends)
        ended = terminated | truncated
        obs = (row * case.num_envs + np.arange(case.num_envs, dtype=np.float64))[:, None]
        reward = np.where(ignored, 0, generator.normal(size=shape)).astype(np.float32)
        action = generator.integers(0, 9, shape)
        yield Transition(obs, action, reward, terminated, truncated, obs + case.num_envs, ignored)


def filled(case):
    """The ring after the stream, and the stream."""
    capacity = case.capacity_rows * case.num_envs + case.num_envs - 1  # the rest of the division is left over
    replay = Replay(
        ID_SPACE,
        spaces.Discrete(9),
        num_envs=case.num_envs,
        capacity=capacity,
        n_step=case.n_step,
        discount=DISCOUNT,
    )
    transitions = list(stream(case))
    for transition in transitions:
        replay.add(transition)
    return replay, transitions


def expected_sample(transitions, row, column, n_step):
    """Return, discount and place to bootstrap from, step by step."""
    total, factor = 0.0, 1.0
    for _ in range(n_step):
        step = transitions[row]
        total += factor * step.reward[column]
        factor *= 0.0 if step.terminated[column] else DISCOUNT
        row += 1
        if step.terminated[column] or step.truncated[column]:
            break
    return total, factor, row


def first_rows(case):
    """The rows that a sample may begin at: still held, and all that it needs written."""
    return range(max(case.num_rows - case.capacity_rows, 0), case.num_rows - case.n_step)


def check(case, replay, transitions, batches=4):
    """Compare everything drawn with the reference; returns the places that were drawn."""
    drawn = set()
    for seed in range(batches):
        batch = replay.sample(64, np.random.default_rng(seed))
        places = [divmod(int(place), case.num_envs) for place in batch.obs["obs"][:, 0]]
        assert all(row in first_rows(case) and not transitions[row].ignored[column] for row, column in places)
        expected = [expected_sample(transitions, *place, case.n_step) for place in places]
        total, factor, last = (np.array(column) for column in zip(*expected, strict=True))
        columns = [column for _, column in places]
        np.testing.assert_array_equal(
            batch.action, [transitions[row].action[column] for row, column in places]
        )
        np.testing.assert_allclose(batch.reward, total, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(batch.discount, factor, rtol=1e-6)
        np.testing.assert_array_equal(batch.next_obs["obs"][:, 0], last * case.num_envs + columns)
        drawn |= set(places)
    return drawn


@settings(deadline=None, max_examples=60)
@given(case=CASES)
def test_every_sample_is_what_the_stream_held(case):
    replay, transitions = filled(case)
    if len(first_rows(case)) >= 2:
        check(case, replay, transitions)
    else:
        assert not replay.can_sample


def test_every_transition_can_be_drawn_and_no_other():
    case = Case(seed=3, num_envs=2, num_rows=33, capacity_rows=14, n_step=3, ends=0.2)
    replay, transitions = filled(case)
    columns = range(case.num_envs)
    places = {(row, column) for row in first_rows(case) for column in columns}
    counted = {(row, column) for row, column in places if not transitions[row].ignored[column]}
    assert check(case, replay, transitions, batches=20) == counted
    assert counted < places


FILL_WINDOWS = replay_module._fill_windows


def merges_ends(first, stream_, n_step, discount, out):
    """The mistake of treating a time limit as an end."""
    reward, terminated, truncated, num_envs = stream_
    FILL_WINDOWS(first, (reward, terminated | truncated, truncated, num_envs), n_step, discount, out)


def runs_over_ends(first, stream_, n_step, discount, out):
    """The mistake of summing on into the next episode."""
    reward, _, truncated, num_envs = stream_
    never = np.zeros_like(truncated)
    FILL_WINDOWS(first, (reward, never, never, num_envs), n_step, discount, out)


@pytest.mark.parametrize("decoy", [merges_ends, runs_over_ends])
def test_a_wrong_window_is_caught(decoy, monkeypatch):
    case = Case(seed=1, num_envs=3, num_rows=40, capacity_rows=20, n_step=3, ends=0.2)
    replay, transitions = filled(case)
    monkeypatch.setattr(replay_module, "_fill_windows", decoy)
    with pytest.raises(AssertionError):
        check(case, replay, transitions)


@given(seed=st.integers(0, 2**32 - 1), n_step=st.integers(1, 6))
@settings(deadline=None)
def test_the_compiled_window_is_the_formula(seed, n_step):
    generator = np.random.default_rng(seed)
    reward = generator.normal(size=(n_step, 8)).astype(np.float32)
    terminated, truncated = generator.random((2, n_step, 8)) < 0.2
    flat = reward.ravel(), terminated.ravel(), truncated.ravel(), 8
    outs = [(np.empty(8, np.float32), np.empty(8, np.float32), np.empty(8, np.int64)) for _ in range(2)]
    FILL_WINDOWS(np.arange(8), flat, n_step, DISCOUNT, outs[0])
    FILL_WINDOWS.py_func(np.arange(8), flat, n_step, DISCOUNT, outs[1])
    ends = torch.from_numpy(terminated.T), torch.from_numpy(truncated.T)
    formula = n_step_window(torch.from_numpy(reward.T), *ends, DISCOUNT)
    for total, factor, last in outs:
        np.testing.assert_allclose(total, formula.reward, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(factor, formula.discount, rtol=1e-6)
        np.testing.assert_array_equal(last, (formula.length.numpy() * 8 + np.arange(8)) % (8 * n_step))


def test_each_observation_is_stored_once_in_its_own_type():
    space = spaces.Dict(
        camera=spaces.Box(0, 255, (8, 8, 3), np.uint8), instruments=spaces.Box(-1, 1, (2,), np.float32)
    )
    replay = Replay(space, spaces.Box(-1, 1, (2,)), num_envs=4, capacity=40, n_step=1, discount=1.0)
    for row in range(10):
        obs = {
            "camera": np.full((4, 8, 8, 3), row, np.uint8),
            "instruments": np.full((4, 2), row / 10, np.float32),
        }
        nothing = np.zeros(4, np.bool_)
        action = np.full((4, 2), row, np.float32)
        replay.add(Transition(obs, action, np.zeros(4, np.float32), nothing, nothing, obs, nothing))
    assert replay.rows["obs/camera"].nbytes == 40 * 8 * 8 * 3
    batch = replay.sample(32, np.random.default_rng(0))
    assert (batch.obs["camera"].dtype, batch.obs["instruments"].dtype) == (np.uint8, np.float32)
    row = batch.obs["camera"][:, 0, 0, 0]
    np.testing.assert_array_equal(batch.next_obs["camera"], batch.obs["camera"] + 1)
    np.testing.assert_allclose(batch.obs["instruments"], np.stack([row, row], 1) / 10, rtol=1e-6)
    np.testing.assert_array_equal(batch.action, np.stack([row, row], 1))


@settings(deadline=None, max_examples=30)
@given(case=CASES)
def test_a_loaded_ring_goes_on_in_the_same_bits(case):
    replay, _ = filled(case)
    other, _ = filled(case._replace(num_rows=0))
    other.load_state_dict(replay.state_dict())
    assert other.written == replay.written
    for name, rows in replay.rows.items():
        np.testing.assert_array_equal(other.rows[name], rows)


def test_a_ring_of_another_size_is_refused():
    replay, _ = filled(Case(0, 3, 20, 10, 1, 0.1))
    other, _ = filled(Case(0, 3, 0, 9, 1, 0.1))
    with pytest.raises(ValueError, match="a replay of 9 rows × 3 environments cannot take 10 rows × 3"):
        other.load_state_dict(replay.state_dict())


def test_a_capacity_too_small_to_draw_from_is_refused():
    with pytest.raises(ValueError, match="the replay capacity is 20: for 4 environments .* at least 28"):
        Replay(ID_SPACE, spaces.Discrete(2), num_envs=4, capacity=20, n_step=5, discount=1.0)


def test_drawing_too_early_is_refused():
    replay, _ = filled(Case(0, 3, 2, 10, 1, 0.1))
    assert not replay.can_sample
    with pytest.raises(ValueError, match="holds 2 rows: too few"):
        replay.sample(8, np.random.default_rng(0))
