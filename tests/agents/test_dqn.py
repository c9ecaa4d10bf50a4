"""The DQN agent: its update by hand, its scheduler, exact values, and what it refuses."""

from copy import deepcopy
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import Space, spaces

from agents.agent import NonFiniteLossError, Transition
from agents.dqn import DQN, DQNConfig

VECTOR = spaces.Box(-1, 1, (3,), np.float32)
FOUR_ACTIONS = spaces.Discrete(4)
SMALL = {
    "batch_size": 8,
    "hidden_sizes": (16,),
    "replay_capacity": 200,
    "learning_starts": 20,
    "report_every": 50,
}


def agent_of(
    observation_space: Space = VECTOR, action_space: Space = FOUR_ACTIONS, seed=0, **options: Any
) -> DQN:
    return DQN(DQNConfig(**(SMALL | options)), observation_space, action_space, seed, "cpu")


def random_transition(generator, num_envs, num_actions=4, reward=None):
    obs, next_obs = generator.uniform(-1, 1, (2, num_envs, 3)).astype(np.float32)
    terminated = generator.random(num_envs) < 0.1
    nothing = np.zeros(num_envs, np.bool_)
    rewards = generator.normal(size=num_envs).astype(np.float32) if reward is None else reward
    action = generator.integers(0, num_actions, num_envs)
    return Transition(obs, action, rewards, terminated, nothing, next_obs, nothing)


def trained(agent, env_steps, num_envs=4, seed=0):
    """The metrics of so many steps of noise."""
    generator = np.random.default_rng(seed)
    metrics = []
    for step in range(num_envs, env_steps + 1, num_envs):
        agent.observe(random_transition(generator, num_envs))
        metrics += agent.learn(step)
    return metrics


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"learning_rate": 0.0}, "agent.learning_rate is 0.0; it must be greater than 0"),
        ({"discount": 1.5}, "agent.discount is 1.5; it must be between 0 and 1"),
        ({"n_step": 0}, "agent.n_step is 0; it must be at least 1"),
        ({"learning_starts": -1}, "agent.learning_starts is -1; it must be at least 0"),
        ({"polyak": 0.0}, "agent.polyak is 0.0; it must be greater than 0 and at most 1"),
        ({"hidden_sizes": (64, 0)}, r"agent.hidden_sizes is \(64, 0\); it must be widths of at least 1"),
        ({"samples_per_step": float("inf")}, "agent.samples_per_step is inf; it must be finite"),
        ({"highest_value": float("inf")}, "agent.highest_value is inf; it must be finite"),
        ({"samples_per_step": float("nan")}, "agent.samples_per_step is nan; it must be greater than 0"),
    ],
)
def test_a_bad_option_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        DQNConfig(**options)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [(0, [1e-2, 1e-2, 1e-2]), (400, [1e-2, 0.55e-2, 1e-3]), (800, [1e-2, 0.775e-2, 0.55e-2])],
)
def test_the_step_size_falls_to_a_tenth_over_its_steps(steps, expected):
    agent, used = agent_of(learning_rate=1e-2, learning_rate_steps=steps, samples_per_step=8), []
    generator = np.random.default_rng(0)
    for step in range(4, 409, 4):
        agent.observe(random_transition(generator, 4))
        list(agent.learn(step))
        used.append(agent.learner.twins.learning_rate)
    assert [used[0], used[49], used[99]] == pytest.approx(expected, rel=1e-2)


def test_actions_that_are_not_discrete_are_refused():
    with pytest.raises(
        ValueError, match=r"dqn needs a Discrete action space.*this one is Box\(-1.0, 1.0, \(2,\)"
    ):
        agent_of(action_space=spaces.Box(-1, 1, (2,)))


def test_observations_without_an_encoder_are_refused():
    with pytest.raises(ValueError, match="no encoder for observations of MultiBinary"):
        agent_of(spaces.MultiBinary(3))


def test_it_explores_by_epsilon_and_knows_best_by_the_average():
    agent = agent_of(epsilon_start=1.0, epsilon_end=0.0, epsilon_steps=100)
    obs = np.random.default_rng(0).uniform(-1, 1, (2000, 3)).astype(np.float32)
    anything, _ = agent.act(obs, None)
    np.testing.assert_allclose(np.bincount(anything) / 2000, 0.25, atol=0.04)
    list(agent.learn(100))
    with torch.no_grad():
        agent.learner.twins.averaged_flat.normal_(generator=torch.Generator().manual_seed(3))
        online = agent.learner.online({"obs": torch.from_numpy(obs)}).argmax(1)[:, 0].numpy()
        averaged = agent.learner.averaged({"obs": torch.from_numpy(obs)}).argmax(1)[:, 0].numpy()
    assert (online != averaged).any()
    np.testing.assert_array_equal(agent.act(obs, None)[0], online)
    np.testing.assert_array_equal(agent.act_greedily(obs, None)[0], averaged)


def test_acting_greedily_draws_from_no_generator():
    agent = agent_of()
    before = deepcopy(agent.state_dict()["acting"])
    agent.act_greedily(np.zeros((2, 3), np.float32), None)
    assert agent.state_dict()["acting"] == before


def test_actions_may_start_anywhere():
    """The one that pays is the seventh, and it is found."""
    space = spaces.Discrete(2, start=6)
    agent = agent_of(action_space=space, n_step=1, discount=0.0, learning_rate=0.02, polyak=0.2)
    obs, nothing = np.zeros((4, 3), np.float32), np.zeros(4, np.bool_)
    for step in range(4, 400, 4):
        action, _ = agent.act(obs, None)
        assert set(action) <= {6, 7}
        agent.observe(
            Transition(obs, action, (action == 7).astype(np.float32), nothing, nothing, obs, nothing)
        )
        list(agent.learn(step))
    assert agent.act_greedily(obs, None)[0].tolist() == [7] * 4


@pytest.mark.parametrize("num_envs", [1, 4, 16])
def test_the_number_of_environments_does_not_change_how_much_is_learnt(num_envs):
    agent = agent_of(samples_per_step=2.0)
    trained(agent, 320, num_envs)
    assert agent.learner.twins.updates == (320 - 20) * 2 // 8


def by_hand(agent, batch, double):
    """Networks after one update, from the formulas written out for each row."""
    config = agent.config
    learner = agent.learner
    online, averaged = deepcopy(learner.online.network), deepcopy(learner.averaged.network)
    optimizer = torch.optim.Adam(online.parameters(), config.learning_rate)
    with torch.no_grad():
        q_next, q_chooser = (
            averaged(as_tensors(batch.next_obs))[..., 0],
            online(as_tensors(batch.next_obs))[..., 0],
        )
    total = torch.zeros(())
    for row, values in enumerate(online(as_tensors(batch.obs))[..., 0]):
        best = int((q_chooser if double else q_next)[row].argmax())
        target = float(batch.reward[row]) + float(batch.discount[row]) * q_next[row, best]
        error = values[int(batch.action[row])] - target
        huber = error**2 / 2 if abs(error) <= 1 else abs(error) - 0.5
        total = total + float(batch.weight[row]) * huber
    (total / len(batch.reward)).backward()
    torch.nn.utils.clip_grad_norm_(online.parameters(), config.max_grad_norm)
    optimizer.step()
    with torch.no_grad():
        for mean, new in zip(averaged.parameters(), online.parameters(), strict=True):
            mean.mul_(1 - config.polyak).add_(config.polyak * new)
    return online, averaged


def as_tensors(parts):
    return {name: torch.from_numpy(part.copy()) for name, part in parts.items()}


@pytest.mark.parametrize("double", [True, False])
@pytest.mark.parametrize("max_grad_norm", [10.0, 0.01])
def test_an_update_is_what_the_formulas_say(double, max_grad_norm):
    agent = agent_of(double=double, n_step=2, max_grad_norm=max_grad_norm, learning_starts=10**6)
    trained(agent, 120)
    with torch.no_grad():
        agent.learner.twins.averaged_flat.add_(0.1)
    replay = agent.memory
    assert replay is not None
    batch = replay.sample(8, np.random.default_rng(7))
    online, averaged = by_hand(agent, batch, double)
    agent.drawing = np.random.default_rng(7)
    agent._update(replay, 1)
    for ours, expected in ((agent.learner.online, online), (agent.learner.averaged, averaged)):
        for left, right in zip(ours.network.parameters(), expected.parameters(), strict=True):
            torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-6)


def surprises(agent, batch):
    """|Q(s, a) − y| of every row, by networks as they are."""
    learner, rows = agent.learner, range(len(batch.reward))
    with torch.no_grad():
        q_values, q_chooser = (
            learner.online.network(as_tensors(part))[..., 0] for part in (batch.obs, batch.next_obs)
        )
        q_next = learner.averaged.network(as_tensors(batch.next_obs))[..., 0]
    best = q_chooser.argmax(1)
    return [
        abs(
            float(
                q_values[row, batch.action[row]]
                - batch.reward[row]
                - batch.discount[row] * q_next[row, best[row]]
            )
        )
        for row in rows
    ]


def test_a_prioritised_update_weighs_what_was_drawn_and_ranks_it_anew():
    """β is 0.4 + 0.6 · 120 / 1000 after 120 steps, and p = (|δ| + 10⁻⁶)^0.7."""
    agent = agent_of(
        prioritised=True,
        priority_exponent=0.7,
        priority_steps=1_000,
        learning_rate=0.02,
        learning_starts=10**6,
    )
    trained(agent, 120)
    replay: Any = agent.memory
    generator = np.random.default_rng(5)
    replay.update_priorities(replay.sample(64, generator).place, generator.uniform(0.1, 9.0, 64))
    with torch.no_grad():
        agent.learner.twins.averaged_flat.add_(0.1)
    batch = replay.sample(8, np.random.default_rng(7), 0.4 + 0.6 * 120 / 1_000)
    assert len({*batch.place.tolist()}) > 4
    assert batch.weight.min() < 0.8 * batch.weight.max()
    online, _ = by_hand(agent, batch, double=True)
    expected = (np.array(surprises(agent, batch)) + 1e-6) ** 0.7
    place = batch.place.copy()
    agent.drawing = np.random.default_rng(7)
    agent._update(replay, 1)
    for left, right in zip(agent.learner.online.network.parameters(), online.parameters(), strict=True):
        torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-6)
    priorities = replay.sampler.priorities
    np.testing.assert_allclose(priorities.tree[priorities.first_leaf + place], expected, rtol=1e-3)


@pytest.mark.parametrize(("ends", "last_value"), [("terminated", 1.0), ("truncated", 1.0 + 0.5 * 2.0)])
def test_it_finds_the_exact_values_of_a_chain(ends, last_value):
    """State 0 pays 0 or 1, then state 1 pays 1 and ends in state 2, whose value would be 1 / (1 − γ).

    Where the end is a time limit, that value counts: state 2 is also met by itself, and pays 1 for ever.
    """
    options = {"n_step": 2, "discount": 0.5, "learning_rate": 0.02, "polyak": 0.1, "samples_per_step": 2.0}
    agent = agent_of(spaces.Discrete(3), spaces.Discrete(2), **options)
    generator = np.random.default_rng(0)
    state, walkers = np.array([0, 0, 2]), np.array([True, True, False])
    never = np.zeros(3, np.bool_)
    for step in range(3, 2000, 3):
        action = generator.integers(0, 2, 3)
        ignored, end = walkers & (state == 2), walkers & (state == 1)
        reward = np.where(ignored, 0, np.where(state == 0, action, 1)).astype(np.float32)
        following = np.where(walkers, (state + 1) % 3, 2)
        flags = (end, never) if ends == "terminated" else (never, end)
        agent.observe(Transition(state, action, reward, *flags, following, ignored))
        list(agent.learn(step))
        state = following
    with torch.no_grad():
        values = agent.learner.averaged({"obs": torch.arange(3)})[..., 0]
    expected = [[0.5 * last_value, 1 + 0.5 * last_value], [last_value, last_value], [2.0, 2.0]]
    torch.testing.assert_close(values, torch.tensor(expected), atol=0.05, rtol=0)


def test_metrics_come_at_every_report_and_before_learning_too():
    metrics = trained(agent_of(learning_starts=100), 200)
    assert [sorted(entry) for entry in metrics] == [
        ["epsilon", "updates"],
        ["epsilon", "updates"],
        *[["epsilon", "gradient_norm", "loss", "target", "updates"]] * 2,
    ]
    assert [entry["updates"] for entry in metrics] == [0, 0, 52, 100]


def test_a_loss_that_is_not_finite_stops_it_and_names_the_update():
    agent = agent_of()
    trained(agent, 40)
    clean = agent.learner.twins.updates
    generator = np.random.default_rng(0)
    with torch.no_grad():
        agent.learner.twins.averaged_flat.fill_(torch.nan)
    agent.observe(random_transition(generator, 4))
    list(agent.learn(44))
    with pytest.raises(
        NonFiniteLossError, match=rf"not finite since update {clean + 1} \(seen at environment step 44\)"
    ):
        agent.state_dict()
    agent.observe(random_transition(generator, 4))
    with pytest.raises(NonFiniteLossError) as caught:
        list(agent.learn(52))
    assert (caught.value.env_steps, caught.value.update) == (52, clean + 1)


def test_a_capacity_below_one_window_is_refused_at_the_first_step():
    with pytest.raises(ValueError, match="the replay capacity is 200: for 64 environments"):
        trained(agent_of(), 64, num_envs=64)


def test_the_policy_alone_can_be_handed_on():
    agent, other = agent_of(seed=1), agent_of(seed=2)
    trained(agent, 200)
    other.load_policy_state_dict(agent.policy_state_dict())
    obs = np.random.default_rng(0).uniform(-1, 1, (50, 3)).astype(np.float32)
    np.testing.assert_array_equal(other.act_greedily(obs, None)[0], agent.act_greedily(obs, None)[0])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("autocast", [False, True])
def test_it_learns_on_cuda(autocast):
    config = DQNConfig(**SMALL, autocast=autocast)
    agent = DQN(config, VECTOR, spaces.Discrete(4), 0, "cuda")
    assert trained(agent, 200)[-1]["updates"] == 180


def test_autocast_keeps_values_in_float32():
    agent = agent_of(autocast=True)
    assert np.isfinite(trained(agent, 200)[-1]["loss"])
    assert agent.learner.twins.flat.dtype == torch.float32
