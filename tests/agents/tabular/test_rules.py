"""Each update rule by hand, against its formula, and against a naive form of itself."""

from typing import Any

import numpy as np
import pytest
import torch

from agents.formulas.dynamic_programming import action_value, sweeping_priority, value_iteration
from agents.formulas.exploration import count_bonus, softmax_policy
from agents.formulas.returns import n_step_return
from agents.formulas.value_learning import (
    double_q_target,
    expected_sarsa_target,
    q_learning_update,
    sarsa_target,
    td_target,
)
from agents.tabular import (
    DoubleQConfig,
    DynaQConfig,
    ExpectedSarsaConfig,
    NStepSarsaConfig,
    PrioritizedSweepingConfig,
    QLambdaConfig,
    QLearningConfig,
    SarsaConfig,
)
from agents.tabular.learner import new_learner, traces_kept
from agents.tabular.randomness import random_bits
from agents.tabular.records import Step
from agents.tabular.rules import GRAIN, update

F64 = torch.float64
HALF: dict[str, Any] = {"discount": 0.5, "learning_rate": 0.5, "learning_rate_power": 0.0}


def learner_of(config, q, num_rows=1) -> Any:
    """A learner with this table, which double Q has twice."""
    q = np.asarray(q, np.float64)
    learner: Any = new_learner(config, len(q), len(q[0]), num_rows, seed=0)
    learner.tables.q[...] = q
    if isinstance(config, DoubleQConfig):
        learner.rule.twins[...] = q
    return learner


def learn(learner, state, action, reward, next_state, **more):
    """One step; what is not told is as it mostly is."""
    values: dict[str, Any] = {"row": 0, "number": 0, "terminated": False, "next_action": 0} | more
    values.setdefault("ended", values["terminated"])
    greedy = int(learner.tables.q[next_state].argmax())
    named = {"state": state, "action": action, "reward": float(reward), "next_state": next_state}
    told: dict[str, Any] = values | named
    update(learner, Step(**told, greedy=greedy))


TABLE = [[0.0, 0.0], [2.0, 4.0], [0.0, 0.0]]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (QLearningConfig(**HALF), 0.5 * (1 + 0.5 * 4)),
        (DoubleQConfig(**HALF), 0.5 * 0.5 * (1 + 0.5 * 4)),  # one of the two tables learns, q is their mean
        (SarsaConfig(**HALF), 0.5 * (1 + 0.5 * 2)),
        (ExpectedSarsaConfig(**HALF, epsilon_start=0.5), 0.5 * (1 + 0.5 * (0.75 * 4 + 0.25 * 2))),
        (NStepSarsaConfig(**HALF, n_step=1), 0.5 * (1 + 0.5 * 2)),
        (QLambdaConfig(**HALF), 0.5 * (1 + 0.5 * 4)),
        (PrioritizedSweepingConfig(**HALF, planning_steps=1), 0.5 * (1 + 0.5 * 4)),
    ],
)
@pytest.mark.parametrize("ends", ["no", "truncated", "terminated"])
def test_one_step_by_hand(config, expected, ends):
    """Reward 1, then a state worth 2 or 4: an end drops that, a time limit keeps it."""
    learner = learner_of(config, TABLE)
    learn(learner, 0, 1, 1.0, 1, terminated=ends == "terminated", ended=ends != "no")
    if ends == "terminated":
        expected = 0.25 if isinstance(config, DoubleQConfig) else 0.5
    np.testing.assert_allclose(learner.tables.q, [[0.0, expected], [2.0, 4.0], [0.0, 0.0]])
    assert learner.tables.visits.tolist() == [[0, 1], [0, 0], [0, 0]]


def random_steps(generator, count, num_states=6, num_actions=3):
    for number in range(count):
        terminated = bool(generator.random() < 0.2)
        yield {
            "state": int(generator.integers(num_states)),
            "action": int(generator.integers(num_actions)),
            "reward": float(generator.normal()),
            "next_state": int(generator.integers(num_states)),
            "number": number,
            "terminated": terminated,
            "ended": terminated or bool(generator.random() < 0.2),
            "next_action": int(generator.integers(num_actions)),
        }


def q_target(learner, reward, discount, rows, step):
    return td_target(reward, discount, rows)


def taken_target(learner, reward, discount, rows, step):
    return sarsa_target(reward, discount, rows, torch.tensor([step["next_action"]]))


def mean_target(learner, reward, discount, rows, step):
    return expected_sarsa_target(reward, discount, rows, torch.from_numpy(softmax_policy(rows.numpy(), 0.7)))


def double_target(learner, reward, discount, rows, step):
    twins = torch.from_numpy(learner.rule.twins[:, step["next_state"]])
    one = int(random_bits(learner.keys.rule, step["number"])) & 1
    return double_q_target(reward, discount, twins[[one]], twins[[1 - one]])


SOFTMAX: dict[str, Any] = {"exploration": "softmax", "temperature_start": 0.7, "temperature_end": 0.7}


@pytest.mark.parametrize(
    ("config", "target"),
    [
        (QLearningConfig(discount=0.9), q_target),
        (SarsaConfig(discount=0.9), taken_target),
        (ExpectedSarsaConfig(discount=0.9, **SOFTMAX), mean_target),
        (DoubleQConfig(discount=0.9), double_target),
    ],
)
def test_a_rule_is_its_formula(config, target):
    generator = np.random.default_rng(0)
    learner = learner_of(config, generator.normal(size=(6, 3)))
    for step in random_steps(generator, 200):
        state, action = step["state"], step["action"]
        rows = torch.from_numpy(learner.tables.q[[step["next_state"]]])
        reward, discount = torch.tensor([[step["reward"]], [0.0 if step["terminated"] else 0.9]], dtype=F64)
        y = target(learner, reward, discount, rows, step)
        tables = learner.rule.twins if isinstance(config, DoubleQConfig) else learner.tables.q[None]
        which = int(random_bits(learner.keys.rule, step["number"])) & 1 if len(tables) == 2 else 0
        rate = (learner.tables.visits[state, action] + 1.0) ** -0.6
        expected = tables.copy()
        before = torch.from_numpy(tables[which, state, [action]])
        expected[which, state, action] = q_learning_update(before, y, rate).item()
        learn(learner, **step)
        np.testing.assert_allclose(tables, expected, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(learner.tables.q, tables.mean(0), rtol=1e-12)


def test_only_the_twin_whose_turn_it_is_learns():
    learner = learner_of(DoubleQConfig(**HALF), TABLE)
    turns = []
    for number in range(400):
        before = learner.rule.twins.copy()
        learn(learner, 0, 1, 1.0 + number, 1, number=number)
        changed = (learner.rule.twins != before).any((1, 2))
        assert changed.sum() == 1
        turns.append(int(changed.argmax()))
    assert 160 < sum(turns) < 240


def test_the_step_size_falls_with_visits():
    """To the letter at first, then as good as: it is computed anew when visits have grown by a 64th."""
    learner = learner_of(QLearningConfig(learning_rate=0.8, learning_rate_power=0.7), TABLE)
    for visit in range(1, 2000):
        learn(learner, 0, 1, 0.0, 1)
        exact = 0.8 * visit**-0.7
        tolerance = 1e-12 if visit <= GRAIN else 0.7 / GRAIN
        assert learner.tables.rate[0, 1] == pytest.approx(exact, rel=tolerance)
    assert learner.tables.rate[0, 0] == 0.0


@pytest.mark.parametrize("n_step", [1, 2, 3, 5])
@pytest.mark.parametrize("ends", ["terminated", "truncated"])
def test_n_steps_are_the_formula_of_returns(n_step, ends):
    """An episode of seven different states; each one's target is the formula's, of the table at that time."""
    generator = np.random.default_rng(n_step)
    q = generator.normal(size=(8, 2))
    config = NStepSarsaConfig(discount=0.9, learning_rate=1.0, learning_rate_power=0.0, n_step=n_step)
    learner = learner_of(config, q, num_rows=2)
    rewards, next_actions = generator.normal(size=7), generator.integers(0, 2, 7)
    actions = np.concatenate([[1], next_actions[:-1]])
    for k in range(7):
        over: dict[str, Any] = {"terminated": k == 6 and ends == "terminated", "ended": k == 6}
        learn(learner, k, int(actions[k]), rewards[k], k + 1, row=1, next_action=int(next_actions[k]), **over)
    next_values = torch.from_numpy(q[np.arange(1, 8), next_actions])
    for k in range(7):
        window = slice(k, min(k + n_step, 7))
        size = window.stop - window.start
        last = torch.zeros(1, size, dtype=torch.bool)
        last[0, -1] = window.stop == 7
        never = torch.zeros_like(last)
        flags = (last, never) if ends == "terminated" else (never, last)
        rows = torch.from_numpy(rewards[window])[None], *flags, next_values[window][None]
        expected = n_step_return(*rows, 0.9).item()
        assert learner.tables.q[k, actions[k]] == pytest.approx(expected)
    assert learner.rule.recent.length.tolist() == [0, 0]


class NaiveTraces:
    """Watkins's Q(λ) with a trace for every pair of the table."""

    def __init__(self, q, discount, decay):
        self.q, self.trace = q.copy(), np.zeros_like(q)
        self.discount, self.decay = discount, decay

    def learn(self, step, rate):
        state, action, following = step["state"], step["action"], self.q[step["next_state"]].copy()
        bootstrap = 0.0 if step["terminated"] else self.discount * following.max()
        error = step["reward"] + bootstrap - self.q[state, action]
        self.trace[state, action] = 1.0
        self.q += rate * error * self.trace
        explores = following[step["next_action"]] < following.max()
        self.trace *= 0.0 if step["ended"] or explores else self.discount * self.decay


def test_traces_are_those_of_the_whole_table():
    """Greedy actions follow greedy ones often enough that traces live for several steps."""
    generator = np.random.default_rng(1)
    config = QLambdaConfig(discount=0.9, learning_rate=0.3, learning_rate_power=0.0, trace_decay=0.7)
    learner = learner_of(config, generator.normal(size=(4, 2)))
    naive = NaiveTraces(learner.tables.q, 0.9, 0.7)
    longest = 0
    for step in random_steps(generator, 400, 4, 2):
        if generator.random() < 0.8:
            step["next_action"] = int(learner.tables.q[step["next_state"]].argmax())
        rate = np.where((np.arange(8) == step["state"] * 2 + step["action"]).reshape(4, 2), 0.3, 0.0)
        naive.learn(step, np.maximum(learner.tables.rate, rate))
        learn(learner, **step)
        np.testing.assert_allclose(learner.tables.q, naive.q, atol=2e-3)
        naive.q[...] = learner.tables.q  # a faint trace is forgotten: not to let that add up
        longest = max(longest, int(learner.rule.recent.length[0]))
    assert longest > 6


@pytest.mark.parametrize(("decay", "kept"), [(0.0, 1), (0.5, 11), (1.0, 1000), (0.9999, 1000)])
def test_traces_are_kept_until_they_are_faint(decay, kept):
    assert traces_kept(decay) == kept


def test_no_trace_is_q_learning():
    generator = np.random.default_rng(2)
    q = generator.normal(size=(6, 3))
    one, other = learner_of(QLambdaConfig(trace_decay=0.0), q), learner_of(QLearningConfig(), q)
    for step in random_steps(generator, 100):
        learn(one, **step)
        learn(other, **step)
    np.testing.assert_allclose(one.tables.q, other.tables.q, rtol=1e-12)


def test_rows_have_recent_steps_of_their_own():
    """Two rows in turn learn what each would learn alone."""
    config = NStepSarsaConfig(**HALF, n_step=3)
    together = learner_of(config, np.zeros((8, 2)), num_rows=2)
    alone = learner_of(config, np.zeros((8, 2)), num_rows=1)
    for k in range(3):
        for row in range(2):
            learn(together, 4 * row + k, 0, 1.0 + row, 4 * row + k + 1, row=row, ended=k == 2)
    for row in range(2):
        for k in range(3):
            learn(alone, 4 * row + k, 0, 1.0 + row, 4 * row + k + 1, ended=k == 2)
    np.testing.assert_array_equal(together.tables.q, alone.tables.q)
    assert (together.tables.q[:3, 0] > 0).all()


def test_the_model_counts_what_followed():
    config = DynaQConfig(**HALF, planning_steps=1, model_successors=2)
    learner = learner_of(config, np.zeros((3, 2)))
    for reward, next_state, terminated in ((1, 1, False), (4, 2, False), (2, 1, False), (5, 1, True)):
        learn(learner, 0, 1, reward, next_state, terminated=terminated)
    model = learner.rule.model
    assert model.seen[1].tolist() == [2, 1]  # the third way to go is one more than there is room for
    assert model.next_state[1].tolist() == [1, 2]
    assert model.reward[1].tolist() == [1.5, 4.0]
    assert (model.total[1], model.known[0], model.num_known[0]) == (3, 1, 1)


def test_imagined_steps_learn_what_is_known_and_nothing_else():
    """A chain walked through once: planning hands the last reward back to the first state."""
    config = DynaQConfig(discount=0.5, learning_rate=1.0, learning_rate_power=0.0, planning_steps=50)
    learner = learner_of(config, np.zeros((4, 2)))
    for k in range(3):
        learn(learner, k, 1, float(k == 2), k + 1, terminated=k == 2, number=k)
    np.testing.assert_allclose(learner.tables.q[:, 1], [0.25, 0.5, 1.0, 0.0])
    np.testing.assert_array_equal(learner.tables.q[:, 0], 0.0)
    assert learner.tables.visits.sum() == 3


def test_imagined_successors_come_as_often_as_real_ones():
    """A pair that pays 1 in three of four times, learnt by imagining alone."""
    config = DynaQConfig(discount=0.0, learning_rate=0.01, learning_rate_power=0.0, planning_steps=20_000)
    learner = learner_of(config, np.zeros((3, 1)))
    for paid in (1, 1, 0, 1):
        learn(learner, 0, 0, float(paid), 1 + paid, number=3)
    assert learner.tables.q[0, 0] == pytest.approx(0.75, abs=0.1)


def empirical(model, num_states, num_actions):
    """Transition and reward of what was counted."""
    transition = np.zeros((num_states * num_actions, num_states))
    reward = np.zeros(num_states * num_actions)
    for pair, slot in np.ndindex(model.seen.shape):
        share = model.seen[pair, slot] / max(model.total[pair], 1)
        reward[pair] += share * model.reward[pair, slot]
        if not model.terminated[pair, slot]:
            transition[pair, model.next_state[pair, slot]] += share
    shape = (num_states, num_actions)
    return transition.reshape(*shape, num_states), reward.reshape(shape)


def test_sweeping_comes_to_the_optimum_of_what_was_seen():
    generator = np.random.default_rng(3)
    sweeps: dict[str, Any] = {"planning_steps": 10_000, "priority_threshold": 1e-9}
    config = PrioritizedSweepingConfig(discount=0.9, model_successors=12, **sweeps)
    learner = learner_of(config, np.zeros((6, 3)))
    for step in random_steps(generator, 200):
        learn(learner, **step)
    transition, reward = empirical(learner.rule.model, 6, 3)
    exact = value_iteration(transition, reward, 0.9)
    np.testing.assert_allclose(learner.tables.q, exact, atol=1e-6)
    assert learner.rule.heap.size[0] == 0


def test_sweeping_backs_up_the_largest_change_first():
    """Two pairs wait; the one backup that is left goes to the one whose formula says more."""
    config = PrioritizedSweepingConfig(discount=0.5, planning_steps=1, priority_threshold=0.0)
    learner = learner_of(config, [[0.0], [0.0], [0.0], [0.0]])
    learn(learner, 1, 0, 0.0, 0, number=0)  # both lead to state 0, which is worth nothing yet
    learn(learner, 2, 0, 1.0, 0, number=1)
    learner.tables.q[2, 0] = 0.7
    learn(learner, 0, 0, 4.0, 3, terminated=True, number=2)
    rewards, states = np.array([0.0, 1.0]), [1, 2]
    ahead = np.full((2, 1), learner.tables.q[0, 0])
    waiting = sweeping_priority(rewards, np.full(2, 0.5), ahead, learner.tables.q[states, 0])
    np.testing.assert_allclose(learner.rule.heap.priority[states], waiting)
    assert learner.rule.heap.pair[0] == 2 - int(waiting[0] > waiting[1])
    learn(learner, 3, 0, 0.0, 3, number=3)
    backed_up = action_value(*empirical(learner.rule.model, 4, 1), learner.tables.q.max(-1), 0.5)
    assert learner.tables.q[2, 0] == pytest.approx(backed_up[2, 0])
    assert learner.tables.q[1, 0] == 0.0


def test_a_threshold_leaves_small_changes_alone():
    config = PrioritizedSweepingConfig(discount=0.5, planning_steps=10, priority_threshold=0.5)
    learner = learner_of(config, np.zeros((3, 1)))
    learn(learner, 0, 0, 0.4, 1)
    assert learner.tables.q[0, 0] == 0.0
    learn(learner, 1, 0, 0.6, 2)
    assert learner.tables.q[1, 0] == pytest.approx(0.6)


@pytest.mark.parametrize("config_class", [QLearningConfig, SarsaConfig, ExpectedSarsaConfig])
def test_a_count_bonus_lifts_the_reward(config_class):
    learner = learner_of(config_class(**HALF, exploration="count_bonus", bonus=3.0), np.zeros((3, 2)))
    expected = 0.0
    for visit in range(1, 4):
        learn(learner, 0, 1, 1.0, 2)
        expected += 0.5 * (1.0 + count_bonus(np.array([visit]), 3.0)[0] - expected)
        assert learner.tables.q[0, 1] == pytest.approx(expected)
