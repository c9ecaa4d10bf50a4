"""The compiled loop draws what the model says, in pieces as in one, and is the stepped agent bit for bit."""

from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from agents.agent import Transition
from agents.registry import AGENTS, config_class
from agents.tabular import QLearningConfig, TabularAgent
from agents.tabular.compiled import WINDOW, finite_model, new_walkers, practice_since, walk
from agents.tabular.learner import arrays_of, new_learner
from agents.tabular.randomness import random_bits, upper_unit

TABULAR = [name for name, (module, _, _) in AGENTS.items() if module == "agents.tabular"]


def walked(model, config, pieces, num_rows, seed=0) -> Any:
    """Learner and rows after so many rounds, in pieces."""
    num_states, num_actions, _ = model.next_state.shape
    learner, walkers = new_learner(config, num_states, num_actions, num_rows, seed), new_walkers(num_rows)
    for rounds in pieces:
        walk(learner, finite_model(model), walkers, rounds)
    return learner, walkers


def unit_of(key, counter):
    return upper_unit(np.uint64(random_bits(key, counter)))


def assert_same(one, other):
    for name, array in one.items():
        if isinstance(array, dict):
            assert_same(array, other[name])
        else:
            np.testing.assert_array_equal(array, other[name], err_msg=name)


def test_there_are_eight_rules():
    assert len(TABULAR) == 8


@pytest.mark.parametrize("name", TABULAR)
def test_pieces_are_the_whole(lake, name):
    config = config_class(name)()
    whole, rows = walked(lake, config, [300], 3)
    pieces, other_rows = walked(lake, config, [1, 99, 50, 150], 3)
    assert_same(arrays_of(whole.tables), arrays_of(pieces.tables))
    assert_same(arrays_of(whole.rule), arrays_of(pieces.rule))
    assert_same(arrays_of(rows), arrays_of(other_rows))
    assert rows.counts[0] == 900


class ModelStream:
    """One row of a model in NEXT_STEP mode, with the loop's own draws and none of its code."""

    def __init__(self, model, keys):
        self.model, self.keys = model, keys
        self.steps, self.episodes, self.length = 0, 0, 0
        self.state, self.ended = self.first_state(), False

    def first_state(self):
        unit = unit_of(self.keys.start, self.episodes)
        self.episodes, self.length = self.episodes + 1, 0
        return int(np.flatnonzero(unit < np.cumsum(self.model.start))[0])

    def step(self, action):
        if self.ended:
            before, self.ended = self.state, False
            self.state = self.first_state()
            return self.told(before, action, 0.0, False, False, ignored=True)
        unit = unit_of(self.keys.outcome, self.steps)
        place = before, action = self.state, int(action)
        slot = int(np.flatnonzero(unit < np.cumsum(self.model.probability[place]))[0])
        self.state = int(self.model.next_state[(*place, slot)])
        self.steps, self.length = self.steps + 1, self.length + 1
        terminated = bool(self.model.terminated[(*place, slot)])
        truncated = self.length == self.model.max_steps
        self.ended = terminated or truncated
        return self.told(before, action, self.model.reward[(*place, slot)], terminated, truncated)

    def told(self, before, action, reward, terminated, truncated, ignored=False):
        flags = [np.array([flag]) for flag in (terminated, truncated)]
        rewards = np.array([reward], np.float32)
        states = np.array([before]), np.array([self.state])
        return Transition(
            states[0], np.array([action]), rewards, flags[0], flags[1], states[1], np.array([ignored])
        )


@pytest.mark.parametrize("exploration", ["epsilon_greedy", "softmax", "ucb", "count_bonus"])
@pytest.mark.parametrize("name", TABULAR)
def test_the_loop_is_the_stepped_agent(lake, name, exploration):
    """One row of the slippery lake, stepped from outside: the same tables in the same bits."""
    config = config_class(name)(exploration=exploration, exploration_steps=300)
    agent = TabularAgent(config, spaces.Discrete(16), spaces.Discrete(4), seed=5)
    stream = ModelStream(lake, agent.learner.keys)
    while stream.steps < 500:
        action, _ = agent.act(np.array([stream.state]), None)
        agent.observe(stream.step(action[0]))
    learner, _ = walked(lake, config, [500], 1, seed=5)
    assert stream.episodes > 5
    assert_same(arrays_of(learner.tables), arrays_of(agent.learner.tables))
    assert_same(arrays_of(learner.rule), arrays_of(agent.learner.rule))


def test_the_loop_is_what_is_written(lake):
    """The compiled loop against its Python source."""
    config = QLearningConfig(exploration_steps=100)
    compiled, rows = walked(lake, config, [80], 2)
    written, other_rows = new_learner(config, 16, 4, 2, 0), new_walkers(2)
    walk.py_func(written, finite_model(lake), other_rows, 80)
    assert_same(arrays_of(compiled.tables), arrays_of(written.tables))
    assert_same(arrays_of(rows), arrays_of(other_rows))


def test_successors_come_as_often_as_the_model_says(lake):
    """Uniform play, counted by Dyna-Q's own model."""
    always = {"epsilon_start": 1.0, "epsilon_end": 1.0, "planning_steps": 1}
    learner, _ = walked(lake, config_class("dyna-q")(**always), [100_000], 4)
    learnt = learner.rule.model
    counted = np.zeros((16, 4, 16))
    for pair, slot in np.ndindex(learnt.seen.shape):
        counted[pair // 4, pair % 4, learnt.next_state[pair, slot]] += learnt.seen[pair, slot]
    expected = np.zeros_like(counted)
    for place in np.ndindex(lake.probability.shape):
        expected[(*place[:2], lake.next_state[place])] += lake.probability[place]
    total = counted.sum(2)
    often = total > 3000
    assert often.sum() >= 20
    np.testing.assert_allclose((counted / total.clip(1)[..., None])[often], expected[often], atol=0.035)


def test_rounding_leads_to_no_impossible_successor(chain_model):
    """Ten tenths do not sum to one; what follows them has no chance, nor has a first state after the last."""
    model = chain_model(4)
    wide = finite_model(
        type(model)(
            np.zeros((4, 2, 12), np.int32),
            np.broadcast_to(np.array([0.1] * 10 + [0.0, 0.0]), (4, 2, 12)),
            np.zeros((4, 2, 12)),
            np.zeros((4, 2, 12), np.bool_),
            np.array([0.1, 0.9, 0.0, 0.0]),
            0,
        )
    )
    assert (wide.chance[:, :, 9:] == 2.0).all()
    assert (wide.chance[:, :, :9] < 1.0).all()
    assert wide.start.tolist() == [0, 1]
    assert wide.start_chance.tolist() == [0.1, 2.0]


def test_a_time_limit_cuts_and_keeps_the_bootstrap(chain_model):
    """Back and forth for ever: an episode of three steps is cut, and the values know of no end."""
    model = chain_model(3, max_steps=3)
    model.reward[...], model.terminated[...] = 1.0, False
    config = QLearningConfig(discount=0.5, learning_rate_power=0.0, learning_rate=0.5, epsilon_end=1.0)
    learner, walkers = walked(model, config, [3000], 2)
    np.testing.assert_allclose(learner.tables.q, 2.0, atol=1e-6)
    assert walkers.counts.tolist() == [6000, 2002, 2000]
    assert set(walkers.last_length) == {3.0}
    assert set(walkers.last_return) == {3.0}


def test_practice_tells_the_last_episodes_in_order(chain_model):
    learner, walkers = walked(chain_model(2), QLearningConfig(epsilon_end=1.0), [60], 1)
    counts = walkers.counts.copy()
    told = practice_since(np.zeros(3, np.int64), walkers)
    assert (told.env_steps, told.episodes) == (60, counts[2])
    assert told.lengths.sum() == 60 - walkers.length[0]
    assert set(told.returns) == {1.0}
    walk(learner, finite_model(chain_model(2)), walkers, 1000)
    later = practice_since(counts, walkers)
    assert later.episodes > 3 * WINDOW
    assert len(later.returns) == len(later.lengths) == WINDOW
    newest = walkers.last_length[(walkers.counts[2] - 1) % WINDOW]
    assert later.lengths[-1] == newest
