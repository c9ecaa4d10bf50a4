"""Stretches of a stream against the plain list of everything that happened."""

import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.memory.ring import Field
from agents.memory.sequences import SequenceReplay
from replay_stream import Stream, stream

ID_SPACE = spaces.Box(-np.inf, np.inf, (1,), np.float64)
CASES = st.builds(
    Stream,
    seed=st.integers(0, 2**32 - 1),
    num_envs=st.integers(1, 4),
    num_rows=st.integers(10, 60),
    ends=st.floats(0, 0.4),
)
FLAGS = ("reward", "terminated", "truncated", "ignored")


def filled(case, capacity_rows, length, prioritised=False, beginnings=0.0):
    replay = SequenceReplay(
        (ID_SPACE, spaces.Discrete(9)),
        {"hidden": Field((2,), np.float32)},
        num_envs=case.num_envs,
        capacity=capacity_rows * case.num_envs,
        length=length,
        beginnings=beginnings,
        prioritised=prioritised,
    )
    transitions = list(stream(case))
    for transition in transitions:
        replay.add(transition, {"hidden": np.repeat(np.asarray(transition.obs), 2, 1) + 0.5})
    return replay, transitions


@settings(deadline=None, max_examples=50)
@given(case=CASES, capacity=st.integers(8, 40), length=st.integers(1, 6), prioritised=st.booleans())
def test_every_stretch_is_what_the_stream_held(case, capacity, length, prioritised):
    replay, transitions = filled(case, capacity, length, prioritised)
    first_row = max(case.num_rows - capacity, 0)
    if case.num_rows - length - first_row < 2:
        assert not replay.can_sample
        return
    drawn = replay.sample(32, np.random.default_rng(0))
    rows, columns = np.divmod(drawn.obs["obs"][0, :, 0].astype(int) - 1, case.num_envs)
    assert ((rows >= first_row) & (rows + length < case.num_rows)).all()
    assert not drawn.ignored[0].any()
    np.testing.assert_array_equal(drawn.state["hidden"][:, 0], drawn.obs["obs"][0, :, 0] + 0.5)
    for step in range(length):
        for column, (row, env) in enumerate(zip(rows, columns, strict=True)):
            happened = transitions[row + step]
            assert drawn.obs["obs"][step, column, 0] == happened.obs[env, 0]
            assert drawn.obs["obs"][step + 1, column, 0] == happened.next_obs[env, 0]
            assert drawn.action[step, column] == happened.action[env]
            for name in FLAGS:
                assert getattr(drawn, name)[step, column] == getattr(happened, name)[env]
    assert (drawn.weight == 1).all() or prioritised


@settings(deadline=None, max_examples=50)
@given(case=CASES, capacity=st.integers(10, 40), length=st.integers(1, 6))
def test_stretches_may_begin_where_their_episode_does(case, capacity, length):
    replay, transitions = filled(case, capacity, length, beginnings=1.0)
    if not replay.can_sample:
        return
    oldest = max(case.num_rows - capacity, 0)
    drawn = replay.sample(32, np.random.default_rng(0))
    rows, columns = np.divmod(drawn.obs["obs"][0, :, 0].astype(int) - 1, case.num_envs)
    for row, env in zip(rows, columns, strict=True):
        assert not transitions[row].ignored[env]
        assert row == oldest or transitions[row - 1].ignored[env]


def test_priorities_choose_where_stretches_begin():
    case = Stream(seed=1, num_envs=2, num_rows=30, ends=0.1)
    replay, _ = filled(case, 20, 4, prioritised=True)
    place = replay.sample(8, np.random.default_rng(0)).place
    priorities = replay.sampler.priorities
    assert priorities is not None
    able = np.flatnonzero(priorities.tree[priorities.first_leaf :][:40])
    replay.update_priorities(able, np.full(len(able), 1e-9))
    replay.update_priorities(place[:1], np.array([5.0]))
    drawn = replay.sample(16, np.random.default_rng(1))
    assert (drawn.place == place[0]).all()


def test_what_is_drawn_by_priority_is_not_moved():
    with pytest.raises(ValueError, match="beginnings is 0.5, but what is drawn by priority cannot be moved"):
        filled(Stream(0, 1, 10, 0.1), 20, 4, prioritised=True, beginnings=0.5)


def test_a_loaded_replay_goes_on_in_the_same_bits():
    case = Stream(seed=1, num_envs=2, num_rows=30, ends=0.1)
    one, _ = filled(case, 20, 4, prioritised=True)
    other, _ = filled(case._replace(num_rows=0), 20, 4, prioritised=True)
    other.load_state_dict(one.state_dict())
    left, right = (replay.sample(16, np.random.default_rng(1)) for replay in (one, other))
    for name in ("action", *FLAGS, "weight", "place"):
        np.testing.assert_array_equal(getattr(left, name), getattr(right, name))
    np.testing.assert_array_equal(left.state["hidden"], right.state["hidden"])


def test_a_capacity_too_small_to_draw_from_is_refused():
    with pytest.raises(ValueError, match="for 4 environments and sequences of 5 it must be at least 28"):
        SequenceReplay((ID_SPACE, spaces.Discrete(2)), {}, num_envs=4, capacity=27, length=5)
