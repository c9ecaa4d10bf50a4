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
from agents.memory.replay import Replay, ReplayConfig
from replay_stream import Stream, stream

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
    frame_stack: int = 1
    prioritised: bool = False


CASES = st.builds(
    Case,
    seed=st.integers(0, 2**32 - 1),
    num_envs=st.integers(1, 5) | st.just(64),
    num_rows=st.integers(8, 60),
    capacity_rows=st.integers(10, 30),
    n_step=st.integers(1, 5),
    ends=st.floats(0, 0.5),
    frame_stack=st.integers(1, 4),
    prioritised=st.booleans(),
)


def filled(case):
    """The ring after the stream, and the stream."""
    capacity = case.capacity_rows * case.num_envs + case.num_envs - 1  # the rest of the division is left over
    config = ReplayConfig(capacity, case.n_step, DISCOUNT, case.frame_stack, case.prioritised)
    replay = Replay(ID_SPACE, spaces.Discrete(9), num_envs=case.num_envs, config=config)
    transitions = list(stream(Stream(case.seed, case.num_envs, case.num_rows, case.ends)))
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


def expected_stack(transitions, row, column, frame_stack):
    """The observation of a row and those before it in its episode, zeros before its first; newest last."""
    frames = []
    while len(frames) < frame_stack and row >= 0 and (not frames or not transitions[row].ignored[column]):
        known = row < len(transitions)  # the last one's next observation is in no row
        frames.append(transitions[row].obs[column, 0] if known else transitions[-1].next_obs[column, 0])
        row -= 1
    return [0.0] * (frame_stack - len(frames)) + frames[::-1]


def first_rows(case):
    """The rows that a sample may begin at: their stack still held, and all that they need written."""
    forgotten = max(case.num_rows - case.capacity_rows, 0)
    return range(forgotten + case.frame_stack - 1 if forgotten else 0, case.num_rows - case.n_step)


def check(case, replay, transitions, batches=4):
    """Compare everything drawn with the reference; returns the places that were drawn."""
    drawn = set()
    for seed in range(batches):
        batch = replay.sample(64, np.random.default_rng(seed))
        stacks = batch.obs["obs"].reshape(64, case.frame_stack)
        places = [divmod(int(newest) - 1, case.num_envs) for newest in stacks[:, -1]]
        assert all(row in first_rows(case) and not transitions[row].ignored[column] for row, column in places)
        expected = [expected_sample(transitions, *place, case.n_step) for place in places]
        total, factor, last = (np.array(column) for column in zip(*expected, strict=True))
        columns = [column for _, column in places]
        np.testing.assert_array_equal(
            batch.action, [transitions[row].action[column] for row, column in places]
        )
        np.testing.assert_allclose(batch.reward, total, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(batch.discount, factor, rtol=1e-6)
        for frames, rows in ((batch.obs, [row for row, _ in places]), (batch.next_obs, last)):
            seen = [
                expected_stack(transitions, *place, case.frame_stack)
                for place in zip(rows, columns, strict=True)
            ]
            np.testing.assert_array_equal(frames["obs"].reshape(64, case.frame_stack), seen)
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


@pytest.mark.parametrize("prioritised", [False, True])
@pytest.mark.parametrize("frame_stack", [1, 3])
def test_every_transition_can_be_drawn_and_no_other(frame_stack, prioritised):
    case = Case(3, 2, num_rows=33, capacity_rows=14, n_step=3, ends=0.2, frame_stack=frame_stack)
    case = case._replace(prioritised=prioritised)
    replay, transitions = filled(case)
    columns = range(case.num_envs)
    places = {(row, column) for row in first_rows(case) for column in columns}
    counted = {(row, column) for row, column in places if not transitions[row].ignored[column]}
    assert check(case, replay, transitions, batches=20) == counted
    assert counted < places


FILL_WINDOWS, FIND_STACKS = replay_module._fill_windows, replay_module._find_stacks


def merges_ends(first, stream_, n_step, discount, out):
    """The mistake of treating a time limit as an end."""
    reward, terminated, truncated, num_envs = stream_
    FILL_WINDOWS(first, (reward, terminated | truncated, truncated, num_envs), n_step, discount, out)


def runs_over_ends(first, stream_, n_step, discount, out):
    """The mistake of summing on into the next episode."""
    reward, _, truncated, num_envs = stream_
    never = np.zeros_like(truncated)
    FILL_WINDOWS(first, (reward, never, never, num_envs), n_step, discount, out)


def stacks_over_beginnings(places, stream_, out):
    """The mistake of seeing the episode before in the first frames of one."""
    ignored, num_envs, wraps = stream_
    FIND_STACKS(places, (np.zeros_like(ignored), num_envs, wraps), out)


@pytest.mark.parametrize("decoy", [merges_ends, runs_over_ends, stacks_over_beginnings])
def test_a_wrong_window_is_caught(decoy, monkeypatch):
    case = Case(seed=1, num_envs=3, num_rows=40, capacity_rows=20, n_step=3, ends=0.2, frame_stack=2)
    replay, transitions = filled(case)
    check(case, replay, transitions)
    kernel = "_find_stacks" if decoy is stacks_over_beginnings else "_fill_windows"
    monkeypatch.setattr(replay_module, kernel, decoy)
    with pytest.raises(AssertionError):
        check(case, replay, transitions)


def test_the_compiled_stack_is_the_python_one():
    ignored = np.random.default_rng(0).random(24) < 0.3
    for wraps in (False, True):
        outs = np.zeros((2, 24, 3), np.int64)
        FIND_STACKS(np.arange(24), (ignored, 4, wraps), outs[0])
        FIND_STACKS.py_func(np.arange(24), (ignored, 4, wraps), outs[1])
        np.testing.assert_array_equal(outs[0], outs[1])
        assert (outs[0] == replay_module.NOTHING).any()


@settings(deadline=None, max_examples=40)
@given(case=CASES)
def test_a_place_is_drawn_as_often_as_its_priority_says(case):
    """Priorities change where places still count, and nowhere else."""
    case = case._replace(prioritised=True)
    replay, transitions = filled(case)
    if len(first_rows(case)) < 2:
        return
    priorities = replay.sampler.priorities
    assert priorities is not None
    generator = np.random.default_rng(case.seed)
    everywhere = np.arange(replay.ring.num_rows * case.num_envs)
    priority = generator.random(everywhere.size) + 0.01
    rows, columns = replay.sampler.row_of(everywhere), everywhere % case.num_envs
    counts = np.array([drawable(case, transitions, *place) for place in zip(rows, columns, strict=True)])
    before = priorities.tree[priorities.first_leaf :][: everywhere.size].copy()
    np.testing.assert_array_equal(before > 0, counts)
    replay.update_priorities(everywhere[counts], priority[counts])
    place, probability = priorities.draw(4096, generator)
    expected = np.where(counts, priority, 0) / priority[counts].sum()
    np.testing.assert_allclose(probability, expected[place], rtol=1e-9)
    seen = np.bincount(place, minlength=everywhere.size) / 4096
    np.testing.assert_allclose(seen, expected, atol=2 / 4096)  # one draw of each of 4096 equal shares
    batch = replay.sample(32, generator, 0.7)
    raw = (expected[batch.place] * len(first_rows(case)) * case.num_envs) ** -0.7
    np.testing.assert_allclose(batch.weight, raw / raw.max(), rtol=1e-5)


def drawable(case, transitions, row, column):
    return row in first_rows(case) and not transitions[row].ignored[column]


def test_a_place_that_cannot_be_drawn_takes_no_priority():
    case = Case(3, 2, num_rows=33, capacity_rows=14, n_step=3, ends=0.2, prioritised=True)
    replay, _ = filled(case)
    assert replay.sampler.priorities is not None
    before = replay.sampler.priorities.tree.copy()
    unfinished = replay.sampler.places(32)
    replay.update_priorities(unfinished, np.full(2, 5.0))
    np.testing.assert_array_equal(replay.sampler.priorities.tree, before)


def test_what_is_new_gets_the_largest_priority():
    case = Case(3, 2, num_rows=12, capacity_rows=14, n_step=1, ends=0.0, prioritised=True)
    replay, _ = filled(case)
    replay.update_priorities(np.array([4]), np.array([7.5]))
    replay.add(next(stream(Stream(case.seed, 2, num_rows=1, ends=0.0))))
    newest = replay.sampler.places(replay.sampler.last_row - 1)
    assert replay.sampler.priorities is not None
    np.testing.assert_array_equal(
        replay.sampler.priorities.tree[replay.sampler.priorities.first_leaf + newest], 7.5
    )


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
    replay = Replay(space, spaces.Box(-1, 1, (2,)), num_envs=4, config=ReplayConfig(40))
    for row in range(10):
        obs = {
            "camera": np.full((4, 8, 8, 3), row, np.uint8),
            "instruments": np.full((4, 2), row / 10, np.float32),
        }
        nothing = np.zeros(4, np.bool_)
        action = np.full((4, 2), row, np.float32)
        replay.add(Transition(obs, action, np.zeros(4, np.float32), nothing, nothing, obs, nothing))
    assert replay.ring.rows["obs/camera"].nbytes == 40 * 8 * 8 * 3
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
    assert other.ring.written == replay.ring.written
    for name, rows in replay.ring.rows.items():
        np.testing.assert_array_equal(other.ring.rows[name], rows)
    if replay.sampler.priorities and other.sampler.priorities:
        assert other.sampler.priorities.tree.tobytes() == replay.sampler.priorities.tree.tobytes()


def test_a_ring_of_another_size_is_refused():
    replay, _ = filled(Case(0, 3, 20, 10, 1, 0.1))
    other, _ = filled(Case(0, 3, 0, 9, 1, 0.1))
    with pytest.raises(ValueError, match="a replay of 9 rows × 3 environments cannot take 10 rows × 3"):
        other.load_state_dict(replay.state_dict())


def test_a_capacity_too_small_to_draw_from_is_refused():
    with pytest.raises(ValueError, match="the replay capacity is 20: for 4 environments .* at least 28"):
        Replay(ID_SPACE, spaces.Discrete(2), num_envs=4, config=ReplayConfig(20, n_step=5))


def test_drawing_too_early_is_refused():
    replay, _ = filled(Case(0, 3, 2, 10, 1, 0.1))
    assert not replay.can_sample
    with pytest.raises(ValueError, match="holds 2 rows: too few to draw one that 1 follow"):
        replay.sample(8, np.random.default_rng(0))
