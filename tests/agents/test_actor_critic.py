"""What the policy-gradient agents share: what they store, when they learn, an update by hand."""

from copy import deepcopy
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import Space, spaces

from agents.a2c import A2CConfig
from agents.agent import NonFiniteLossError, Transition
from agents.ppo import PPOConfig
from agents.registry import make_agent
from agents.reinforce import ReinforceConfig

VECTOR = spaces.Box(-1, 1, (3,), np.float32)
FOUR_ACTIONS = spaces.Discrete(4)
ARM = spaces.Box(-2, 2, (2,), np.float32)
SMALL = {"hidden_sizes": (16,), "report_every": 70}
A2C_SMALL = A2CConfig(**SMALL, rollout_steps=24)
PPO_SMALL = PPOConfig(**SMALL, rollout_steps=64, minibatch_size=16, epochs=2)
REINFORCE_SMALL = ReinforceConfig(**SMALL, rollout_steps=40)
ALL = [A2C_SMALL, PPO_SMALL, REINFORCE_SMALL]


def agent_of(config, action_space: Space = FOUR_ACTIONS, observation_space: Space = VECTOR, seed=0) -> Any:
    return make_agent(config, observation_space, action_space, seed, "cpu")


def played(agent, steps, num_envs=4, seed=0, reward_of=None, end_rate=0.1):
    """The metrics of so many rows of noise, some of which end."""
    generator = np.random.default_rng(seed)
    obs, ignored, env_steps, metrics = (
        np.zeros((num_envs, 3), np.float32),
        np.zeros(num_envs, np.bool_),
        0,
        [],
    )
    for _ in range(steps):
        action, _ = agent.act(obs, None)
        next_obs = generator.uniform(-1, 1, (num_envs, 3)).astype(np.float32)
        terminated, truncated = (generator.random((2, num_envs)) < end_rate) & ~ignored
        reward = generator.normal(size=num_envs) if reward_of is None else reward_of(action)
        reward = np.where(ignored, 0, reward).astype(np.float32)
        agent.observe(Transition(obs, action, reward, terminated, truncated, next_obs, ignored))
        env_steps += num_envs - int(ignored.sum())
        metrics += agent.learn(env_steps)
        obs, ignored = next_obs, terminated | truncated
    return metrics


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"learning_rate": 0.0}, "agent.learning_rate is 0.0; it must be greater than 0"),
        ({"discount": 1.5}, "agent.discount is 1.5; it must be between 0 and 1"),
        ({"decay": -0.1}, "agent.decay is -0.1; it must be between 0 and 1"),
        ({"rollout_steps": 0}, "agent.rollout_steps is 0; it must be at least 1"),
        ({"entropy_weight": -1.0}, "agent.entropy_weight is -1.0; it must be at least 0"),
        ({"hidden_sizes": (64, 0)}, r"agent.hidden_sizes is \(64, 0\); it must be widths of at least 1"),
        ({"max_grad_norm": float("nan")}, "agent.max_grad_norm is nan; it must be greater than 0"),
    ],
)
def test_a_bad_option_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        A2CConfig(**options)


@pytest.mark.parametrize("config", ALL)
def test_unfit_spaces_are_refused_by_name(config):
    with pytest.raises(
        ValueError, match=rf"^{config.name} cannot act here: no distribution over actions of MultiBinary\(3\)"
    ):
        agent_of(config, spaces.MultiBinary(3))
    with pytest.raises(
        ValueError, match=rf"^{config.name} cannot act here: no encoder for observations of Text"
    ):
        agent_of(config, observation_space=spaces.Text(3))


@pytest.mark.parametrize("action_space", [spaces.Discrete(4, start=3), ARM])
def test_it_acts_by_chance_and_greedily_by_none(action_space):
    agent = agent_of(A2C_SMALL, action_space)
    obs = np.zeros((500, 3), np.float32)
    action, state = agent.act(obs, None)
    assert state is None
    assert len(np.unique(action, axis=0)) >= 4
    assert all(action_space.contains(one) for one in action)
    before = deepcopy(agent.state_dict()["acting"])
    greedy, _ = agent.act_greedily(obs, None)
    assert (greedy == greedy[0]).all()
    assert action_space.contains(greedy[0])
    assert agent.state_dict()["acting"] == before


def test_what_is_learnt_from_is_what_was_drawn_and_not_what_the_bounds_left_of_it():
    agent = agent_of(A2C_SMALL, ARM)
    obs, nothing = np.zeros((50, 3), np.float32), np.zeros(50, np.bool_)
    action, _ = agent.act(obs, None)
    agent.observe(Transition(obs, action, np.zeros(50, np.float32), nothing, nothing, obs, nothing))
    stored = agent.rollout.rows("action")[0]
    assert np.abs(stored).max() > 1
    np.testing.assert_array_equal(action, (2 * stored).clip(-2, 2))


@pytest.mark.parametrize("num_envs", [1, 4, 16])
def test_the_number_of_environments_does_not_change_how_much_is_learnt_from(num_envs):
    agent = agent_of(PPO_SMALL)
    played(agent, 640 // num_envs, num_envs, end_rate=0.0)
    assert agent.updates == 640 // 64 * 2 * 64 // 16


def test_a_rollout_of_nothing_but_resets_teaches_nothing():
    agent = agent_of(A2CConfig(**SMALL, rollout_steps=1))
    before, all_rows = agent.flat.detach().clone(), np.ones(4, np.bool_)
    obs = np.zeros((4, 3), np.float32)
    action, _ = agent.act(obs, None)
    agent.observe(Transition(obs, action, np.zeros(4, np.float32), ~all_rows, ~all_rows, obs, all_rows))
    assert list(agent.learn(70)) == [{"updates": 0.0}]
    assert torch.equal(agent.flat, before)


def test_metrics_come_at_every_report_and_before_learning_too():
    metrics = played(agent_of(PPO_SMALL), 60)
    names = ("loss", "policy_loss", "value_loss", "entropy", "kl", "clip_fraction", "explained_variance")
    assert {*names, "updates", "gradient_norm"} == metrics[1].keys()
    assert all(np.isfinite(list(entry.values())).all() for entry in metrics)
    early = played(agent_of(PPO_SMALL), 20, num_envs=2)
    assert early == []
    assert played(agent_of(A2CConfig(report_every=10, rollout_steps=1000)), 20)[0] == {"updates": 0.0}


def by_hand(agent, rollout_rows):
    """The network after one A2C update, written out for each step; one row in each rollout of one step."""
    config, network = agent.config, deepcopy(agent.network)
    optimizer = torch.optim.Adam(network.parameters(), config.learning_rate)
    obs, choice, reward, terminated, next_obs = rollout_rows
    with torch.no_grad():
        value_now, value_next = (network({"obs": part})[1] for part in (obs, next_obs))
    advantage = reward + config.discount * (1 - terminated) * value_next - value_now
    target = advantage + value_now
    scaled = (advantage - advantage.mean()) / (advantage.std(correction=0) + 1e-8)
    policy, value = network({"obs": obs})
    log_odds = policy.log_softmax(-1)
    taken = log_odds[torch.arange(len(choice)), choice]
    entropy = -(log_odds.exp() * log_odds).sum(-1).mean()
    loss = -(taken * scaled).mean() + config.value_weight * ((value - target) ** 2 / 2).mean()
    (loss - config.entropy_weight * entropy).backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), config.max_grad_norm)
    optimizer.step()
    return network, float((loss - config.entropy_weight * entropy).detach())


@pytest.mark.parametrize("max_grad_norm", [10.0, 0.01])
def test_an_update_is_what_the_formulas_say(max_grad_norm):
    config = A2CConfig(
        rollout_steps=6,
        entropy_weight=0.1,
        scale_rewards=False,
        max_grad_norm=max_grad_norm,
        learning_rate=0.01,
        report_every=1,
    )
    agent = agent_of(config)
    generator = np.random.default_rng(0)
    obs, next_obs = generator.uniform(-1, 1, (2, 6, 3)).astype(np.float32)
    reward, terminated = generator.normal(size=6).astype(np.float32), np.array([True] + [False] * 5)
    action, _ = agent.act(obs, None)
    rows = [torch.from_numpy(array.copy()) for array in (obs, action, reward, terminated, next_obs)]
    expected, loss = by_hand(agent, [*rows[:3], rows[3].float(), rows[4]])
    nothing = np.zeros(6, np.bool_)
    agent.observe(Transition(obs, action, reward, terminated, nothing, next_obs, nothing))
    (metrics,) = agent.learn(6)
    assert metrics["loss"] == pytest.approx(loss, rel=1e-5)
    for ours, right in zip(agent.network.parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(ours, right, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [(0, [1e-2, 1e-2, 1e-2]), (400, [1e-2, 0.55e-2, 1e-3]), (800, [1e-2, 0.775e-2, 0.55e-2])],
)
def test_the_step_size_falls_to_a_tenth_over_its_steps(steps, expected):
    agent = agent_of(A2CConfig(**SMALL, learning_rate=1e-2, learning_rate_steps=steps, rollout_steps=4))
    obs, nothing, used = np.zeros((4, 3), np.float32), np.zeros(4, np.bool_), []
    for step in range(4, 409, 4):
        action, _ = agent.act(obs, None)
        agent.observe(Transition(obs, action, np.ones(4, np.float32), nothing, nothing, obs, nothing))
        list(agent.learn(step))
        used.append(agent.optimizer.param_groups[0]["lr"])
    assert [used[0], used[49], used[99]] == pytest.approx(expected, rel=2e-2)


@pytest.mark.parametrize("config", [A2C_SMALL, PPO_SMALL])
@pytest.mark.parametrize("factor", [1.0, 1000.0])
def test_scaled_rewards_teach_the_same_whatever_their_unit(config, factor):
    agent, plain = agent_of(config), agent_of(config)
    played(agent, 40, reward_of=lambda action: factor * (action - 1.5))
    played(plain, 40, reward_of=lambda action: action - 1.5)
    torch.testing.assert_close(agent.flat, plain.flat, rtol=1e-3, atol=1e-4)


def test_the_first_rollout_is_measured_before_anything_is_learnt():
    agent = agent_of(A2CConfig(**SMALL, rollout_steps=24, normalise_observations=True))
    untouched = agent.flat.detach().clone()
    played(agent, 6)
    assert torch.equal(agent.flat, untouched)
    assert agent.network.is_measured
    played(agent, 6)
    assert not torch.equal(agent.flat, untouched)


def test_the_policy_carries_what_its_observations_are_measured_by():
    config = A2CConfig(**SMALL, rollout_steps=24, normalise_observations=True)
    agent, other = agent_of(config, ARM, seed=1), agent_of(config, ARM, seed=2)
    played(agent, 40)
    other.load_policy_state_dict(deepcopy(agent.policy_state_dict()))
    obs = np.random.default_rng(0).uniform(-1, 1, (50, 3)).astype(np.float32)
    np.testing.assert_array_equal(other.act_greedily(obs, None)[0], agent.act_greedily(obs, None)[0])


@pytest.mark.parametrize("config", ALL)
def test_a_loss_that_is_not_finite_stops_it_and_names_the_update(config):
    agent = agent_of(config)
    played(agent, 30)
    clean = agent.updates
    with torch.no_grad():
        agent.flat[-1] = torch.nan  # of the value: the policy still acts
    with pytest.raises(NonFiniteLossError, match=f"not finite since update {clean + 1} "):
        played(agent, 100, seed=1)


@pytest.mark.parametrize("config", ALL)
def test_it_learns_which_action_pays_and_from_dict_observations(config):
    """Two observations, each with an action of its own that pays."""
    space = spaces.Dict({"lamp": spaces.Discrete(2), "noise": spaces.Box(-1, 1, (2,), np.float32)})
    options: dict[str, Any] = {
        "discount": 0.0,
        "learning_rate": 0.02,
        "rollout_steps": 64,
        "hidden_sizes": (16,),
    }
    if isinstance(config, ReinforceConfig):
        options["longest_wait"] = 0  # no episode ends here
    agent = agent_of(type(config)(**options), spaces.Discrete(2, start=6), space)
    generator, nothing = np.random.default_rng(0), np.zeros(8, np.bool_)
    obs = {"lamp": np.zeros(8, np.int64), "noise": np.zeros((8, 2), np.float32)}
    for step in range(8, 8 * 300, 8):
        action, _ = agent.act(obs, None)
        reward = (action == obs["lamp"] + 6).astype(np.float32)
        noise = generator.uniform(-1, 1, (8, 2)).astype(np.float32)
        next_obs = {"lamp": generator.integers(0, 2, 8), "noise": noise}
        agent.observe(Transition(obs, action, reward, nothing, nothing, next_obs, nothing))
        list(agent.learn(step))
        obs = next_obs
    lamps = {"lamp": np.array([0, 1]), "noise": np.zeros((2, 2), np.float32)}
    assert agent.act_greedily(lamps, None)[0].tolist() == [6, 7]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("config", ALL)
def test_it_learns_on_cuda(config):
    agent: Any = make_agent(config, VECTOR, ARM, 0, "cuda")
    played(agent, 100)
    assert agent.updates > 0
