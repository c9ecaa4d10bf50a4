"""One update against automatic differentiation, for any set of ingredients."""

import itertools
from copy import deepcopy

import numpy as np
import pytest
import torch
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st

from agents import q_learner as module
from agents.formulas.distributional import (
    categorical_loss,
    categorical_projection,
    quantile_huber_loss,
    quantile_midpoints,
)
from agents.formulas.value_learning import (
    double_q_target,
    log_policy,
    munchausen_reward,
    policy_target,
    td_error,
    td_loss,
    td_target,
)
from agents.q_config import DQNConfig
from agents.q_learner import QBatch, QLearner
from vision.formulas.perceptron import NormedPerceptron

VECTOR = spaces.Box(-1, 1, (3,), np.float32)
ATOMS = 7
SMALL = {
    "hidden_sizes": (12, 10),
    "atoms": ATOMS,
    "lowest_value": -3.0,
    "highest_value": 3.0,
    "polyak": 0.1,
    "temperature": 0.5,
    "max_grad_norm": 0.5,
}
CPU = torch.device("cpu")
INGREDIENTS = st.fixed_dictionaries(
    {
        "distribution": st.sampled_from(["none", "categorical", "quantile", "implicit"]),
        **{name: st.booleans() for name in ("double", "dueling", "noisy", "munchausen", "layer_norm")},
    }
)


def learner_of(**options):
    learner = QLearner(DQNConfig(**SMALL, **options), VECTOR, 4, np.random.SeedSequence(3), CPU)
    with torch.no_grad():
        learner.twins.averaged_flat.add_(
            0.2 * torch.randn(learner.twins.averaged_flat.shape, generator=seeded(8))
        )
    return learner


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def batch_of(size=6, seed=0):
    generator = seeded(seed)
    obs, next_obs = torch.randn(2, size, 3, generator=generator)
    action = torch.randint(0, 4, (size,), generator=generator)
    reward, weight = torch.randn(size, generator=generator), torch.rand(size, generator=generator)
    discount = 0.9 * (torch.rand(size, generator=generator) > 0.3)
    return QBatch({"obs": obs}, action, reward, discount, {"obs": next_obs}, weight)


class Reference:
    """The same update written out plainly: whole networks under automatic differentiation."""

    def __init__(self, learner):
        self.config, self.head = learner.config, learner.head
        self.online = deepcopy(learner.online.network)
        self.averaged = deepcopy(learner.averaged.network)
        self.noise = deepcopy(learner.noise)

    def loss(self, batch):
        config = self.config
        if config.noisy:
            self.online.draw(self.noise)
            self.averaged.draw(self.noise)
        reward = batch.reward
        with torch.no_grad():
            if config.munchausen:
                soft = self.log_policy(self.averaged(batch.obs, self.fractions(batch)))
                taken = soft.gather(1, batch.action[:, None])[:, 0]
                reward = munchausen_reward(reward, taken, config.temperature, 0.9, -1.0)
            after = self.averaged(batch.next_obs, self.fractions(batch))
            chooser = self.online(batch.next_obs, self.fractions(batch)) if config.double else after
            target = self.target(batch, reward, after, chooser)
        at = self.fractions(batch)
        numbers = self.online(batch.obs, at)
        taken = numbers[torch.arange(len(reward)), batch.action]
        if config.distribution == "none":
            return td_loss(numbers[..., 0], batch.action, target, 1.0, batch.weight)
        if config.distribution == "categorical":
            return (batch.weight * categorical_loss(taken, target)).mean()
        at = quantile_midpoints(ATOMS).expand_as(taken) if at is None else at
        return (batch.weight * quantile_huber_loss(taken, at, target)).mean()

    def fractions(self, batch):
        implicit = self.config.distribution == "implicit"
        return torch.rand(len(batch.action), ATOMS, generator=self.noise) if implicit else None

    def log_policy(self, numbers):
        return log_policy(self.head.q_values(numbers), self.config.temperature)

    def target(self, batch, reward, after, chooser):
        """Row by row, from what each distribution is."""
        soft = self.log_policy(chooser)
        hard = torch.nn.functional.one_hot(self.head.q_values(chooser).argmax(-1), 4).float()
        policy = soft.exp() if self.config.munchausen else hard
        bonus = -self.config.temperature * soft if self.config.munchausen else torch.zeros_like(soft)
        if self.config.distribution == "none":
            return policy_target(reward, batch.discount, after[..., 0] + bonus, policy)
        rows = []
        for row in range(len(reward)):
            if self.config.distribution == "categorical":
                rows.append(self.odds(reward[row], batch.discount[row], after[row], policy[row], bonus[row]))
            else:
                mixed = sum(policy[row, a] * (after[row, a] + bonus[row, a]) for a in range(4))
                rows.append(reward[row] + batch.discount[row] * mixed)
        return torch.stack(rows)

    def odds(self, reward, discount, numbers, policy, bonus):
        """The mixture of the actions' projected odds."""
        total = torch.zeros(ATOMS)
        atoms = torch.linspace(-3, 3, ATOMS)
        for action in range(4):
            support = reward + discount * (atoms + bonus[action])
            odds = numbers[action].softmax(-1)
            total += policy[action] * categorical_projection(support[None], odds[None], atoms)[0]
        return total

    def step(self, batch):
        optimizer = torch.optim.Adam(self.online.parameters(), self.config.learning_rate)
        loss = self.loss(batch)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.online.parameters(), self.config.max_grad_norm)
        optimizer.step()
        with torch.no_grad():
            pairs = zip(self.averaged.parameters(), self.online.parameters(), strict=True)
            for mean, new in pairs:
                mean.lerp_(new, self.config.polyak)
        return loss.detach(), norm


@settings(deadline=None, max_examples=60)
@given(options=INGREDIENTS)
def test_an_update_is_what_the_formulas_say(options):
    learner, batch = learner_of(**options), batch_of()
    reference = Reference(learner)
    expected, norm = reference.step(batch)
    learner.update(batch)
    loss, _, length = learner.twins.readings[0]
    torch.testing.assert_close(torch.tensor(loss), expected, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(torch.tensor(length), norm, rtol=1e-4, atol=1e-6)
    for ours, theirs in ((learner.online, reference.online), (learner.averaged, reference.averaged)):
        for left, right in zip(ours.network.parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(left, right, rtol=1e-3, atol=2e-6)


@pytest.mark.parametrize("distribution", ["none", "categorical", "quantile", "implicit"])
def test_every_set_of_ingredients_goes_on_in_the_same_bits(distribution):
    names = ("double", "dueling", "noisy", "munchausen", "layer_norm")
    for choice in itertools.product([False, True], repeat=len(names)):
        options = dict(zip(names, choice, strict=True), distribution=distribution)
        one, other = learner_of(**options), learner_of(**options)
        for seed in range(2):
            one.update(batch_of(seed=seed))
        other.twins.load_state_dict(deepcopy(one.twins.state_dict()))
        other.noise.set_state(one.noise.get_state())
        for learner in (one, other):
            learner.update(batch_of(seed=5))
        assert torch.equal(one.twins.flat, other.twins.flat), options
        assert torch.equal(one.twins.averaged_flat, other.twins.averaged_flat), options
        obs = batch_of().obs
        assert torch.equal(one.act(obs), other.act(obs))
        assert torch.equal(one.act_greedily(obs), other.act_greedily(obs))


def test_a_plain_network_learns_by_the_documents_backward_pass_and_no_other_does():
    assert learner_of().online.perceptron is not None
    assert learner_of(distribution="categorical").online.perceptron is not None
    assert isinstance(learner_of(layer_norm=True).online.perceptron, NormedPerceptron)
    for options in ({"dueling": True}, {"noisy": True}, {"distribution": "implicit"}):
        assert learner_of(**options).online.perceptron is None


def test_odds_are_told_by_the_return_that_they_stand_for():
    """Their own mean is 1 / atoms, whatever is learnt."""
    learner = learner_of(distribution="categorical")
    odds = torch.zeros(2, ATOMS)
    odds[0, -1] = odds[1, 0] = 1
    lowest, highest = learner.config.lowest_value, learner.config.highest_value
    assert learner.head.worth(odds[:1]) == highest
    assert learner.head.worth(odds) == pytest.approx((lowest + highest) / 2)
    batch = batch_of(64)._replace(reward=torch.full((64,), 100.0))
    learner.update(batch)
    assert learner.twins.readings[-1][1] == pytest.approx(highest), "beyond the last atom"


def test_a_normed_network_is_the_module_that_shares_its_memory():
    learner, batch = learner_of(layer_norm=True), batch_of(64)
    with torch.no_grad():
        learner.twins.flat.normal_(generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(learner.online(batch.obs), learner.online.network(batch.obs).detach())


@pytest.mark.parametrize("dueling", [False, True], ids=["in one pass", "step by step"])
@pytest.mark.parametrize("double", [False, True])
def test_the_mean_of_a_hard_maximum_has_the_target_of_its_formula(double, dueling):
    learner, batch = learner_of(double=double, dueling=dueling), batch_of(64)
    after = learner.averaged.network(batch.next_obs)[..., 0]
    online = learner.online.network(batch.next_obs)[..., 0]
    plain = td_target(batch.reward, batch.discount, after)
    doubled = double_q_target(batch.reward, batch.discount, online, after)
    assert not torch.equal(plain, doubled)
    values = learner.online.network(batch.obs)[..., 0]
    expected = td_error(values, batch.action, doubled if double else plain)
    torch.testing.assert_close(learner.update(batch).abs(), expected.abs())


def test_greedy_acting_is_free_of_noise_and_chance():
    learner = learner_of(noisy=True, distribution="implicit")
    obs, before = batch_of(64).obs, learner.noise.get_state()
    first = learner.act_greedily(obs)
    assert torch.equal(first, learner.act_greedily(obs))
    assert torch.equal(before, learner.noise.get_state())
    explored = [learner.act(obs) for _ in range(8)]
    assert any(not torch.equal(explored[0], other) for other in explored)


def test_the_average_may_be_a_copy_every_so_often():
    learner = QLearner(
        DQNConfig(**{**SMALL, "polyak": 1.0}, average_every=3), VECTOR, 4, np.random.SeedSequence(3), CPU
    )
    before = learner.twins.averaged_flat.clone()
    for _ in range(2):
        learner.update(batch_of())
    assert torch.equal(learner.twins.averaged_flat, before)
    learner.update(batch_of())
    assert torch.equal(learner.twins.averaged_flat, learner.twins.flat)
    assert not torch.equal(learner.twins.averaged_flat, before)


def averaged_chooses(self, next_obs):
    """The mistake of a double target whose action the averaged network chooses as well."""
    return RIGHT(deepcopy_without_double(self), next_obs)


def deepcopy_without_double(learner):
    other = deepcopy(learner)
    other.config = DQNConfig(**SMALL, double=False, dueling=True)
    return other


def online_values(self, next_obs):
    """The mistake of bootstrapping from the online network."""
    other = deepcopy(self)
    other.averaged = deepcopy(self.online)
    return RIGHT(other, next_obs)


RIGHT = QLearner._following


@pytest.mark.parametrize("decoy", [averaged_chooses, online_values])
def test_a_wrong_choice_of_network_is_caught(decoy, monkeypatch):
    monkeypatch.setattr(module.QLearner, "_following", decoy)
    with pytest.raises(AssertionError):
        test_the_mean_of_a_hard_maximum_has_the_target_of_its_formula(double=True, dueling=True)


@pytest.mark.parametrize("networks", [(0, 0), (1, 1), (1, 0)])
def test_a_wrong_choice_of_network_is_caught_in_one_pass_as_well(networks, monkeypatch):
    """The average, or the online network, for both; and one in the place of the other."""
    right = module.mean_pass

    def wrong(q_values, action, reward, discount, after, weight):
        return right(q_values, action, reward, discount, tuple(after[n] for n in networks), weight)

    monkeypatch.setattr(module, "mean_pass", wrong)
    with pytest.raises(AssertionError):
        test_the_mean_of_a_hard_maximum_has_the_target_of_its_formula(double=True, dueling=False)
