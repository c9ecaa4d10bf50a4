"""The adapter against the same environment stepped as Gymnasium does, and what SB3 makes of it."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from stable_baselines3 import DQN, PPO
from stable_baselines3.common.evaluation import evaluate_policy

import envs  # noqa: F401  registers Hairpin's ids
from agents.peers.vec_env import SB3VecEnv, row_info
from agents.runs.environments import Environments, make_environment

ROWS = 3
DRIVING = {"obs": "dict", "image_size": 36, "num_levels": 2}


def cartpole():
    return make_environment("CartPole-v1", ROWS, {"max_episode_steps": 12})


def gymnasium_cartpole(mode=AutoresetMode.NEXT_STEP):
    makers = [lambda: gym.make("CartPole-v1", max_episode_steps=12)] * ROWS
    return SyncVectorEnv(makers, autoreset_mode=mode)


def lane_follow(**kwargs):
    return make_environment("Hairpin/LaneFollow-v0", ROWS, DRIVING | kwargs)


def lake():
    return make_environment("Hairpin/Lake-v0", ROWS)


def row_of(obs, row):
    return {name: part[row] for name, part in obs.items()} if isinstance(obs, dict) else obs[row]


def scripted(space, steps):
    """An action for the n-th step of a row's stream; the same in both ways of stepping."""
    generator = np.random.default_rng(5)
    return [[generator.integers(space.n) for _ in range(steps)] for _ in range(ROWS)]


def steps_of_gymnasium(env, steps):
    """(obs, action, reward, terminated, truncated, next_obs) of each row, without what only resets."""
    obs, _ = env.reset(seed=7)
    script, rows = scripted(env.single_action_space, steps), [[] for _ in range(ROWS)]
    ended = np.zeros(ROWS, np.bool_)
    while min(map(len, rows)) < steps:
        taken = [len(row) for row in rows]
        action = np.array([script[row][min(n, steps - 1)] for row, n in enumerate(taken)])
        next_obs, reward, terminated, truncated, _ = env.step(action)
        for row in np.flatnonzero(~ended):
            cut = truncated[row] and not terminated[row]
            step = (row_of(obs, row), action[row], reward[row], terminated[row], cut)
            rows[row].append((*step, row_of(next_obs, row)))
        obs, ended = next_obs, terminated | truncated
    return [row[:steps] for row in rows]


def steps_of_adapter(env, steps):
    rows_env = SB3VecEnv(env)
    rows_env.seed(7)
    obs, rows = rows_env.reset(), [[] for _ in range(ROWS)]
    script = scripted(env.single_action_space, steps)
    for n in range(steps):
        action = np.array([script[row][n] for row in range(ROWS)])
        next_obs, reward, ended, infos = rows_env.step(action)
        for row, info in enumerate(infos):
            cut = info["TimeLimit.truncated"]
            assert ("terminal_observation" in info) == ended[row]
            last = info["terminal_observation"] if ended[row] else row_of(next_obs, row)
            step = (row_of(obs, row), action[row], reward[row], ended[row] and not cut, cut)
            rows[row].append((*step, last))
        obs = next_obs
    return rows


@pytest.mark.parametrize("make", [cartpole, gymnasium_cartpole, lane_follow, lake])
def test_every_row_goes_through_what_gymnasium_goes_through(make):
    told, true = steps_of_adapter(make(), 120), steps_of_gymnasium(make(), 120)
    for row_told, row_true in zip(told, true, strict=True):
        for one, other in zip(row_told, row_true, strict=True):
            np.testing.assert_equal(one[0], other[0])
            assert one[1] == other[1]
            assert one[2] == np.float32(other[2])
            assert one[3:5] == other[3:5]
            np.testing.assert_equal(one[5], other[5])
    assert any(step[3] or step[4] for row in true for step in row)


def test_both_ways_to_end_are_told_apart():
    ends = {step[3:5] for row in steps_of_adapter(cartpole(), 120) for step in row}
    assert ends == {(False, False), (True, False), (False, True)}


def test_an_environment_without_autoreset_serves_as_well():
    disabled = steps_of_adapter(gymnasium_cartpole(AutoresetMode.DISABLED), 60)
    np.testing.assert_equal(disabled, steps_of_adapter(gymnasium_cartpole(), 60))


@pytest.mark.parametrize("obs", ["camera", "dict", "state"])
def test_observations_are_handed_on_without_a_copy(obs, monkeypatch):
    env = lane_follow(obs=obs)
    handed_out = []
    for name in ("reset", "step"):
        original = getattr(env, name)

        def kept(*arguments, original=original, **keywords):
            result = original(*arguments, **keywords)
            handed_out.append(result[0])
            return result

        monkeypatch.setattr(env.unwrapped, name, kept)
    rows = SB3VecEnv(env)
    assert rows.reset() is handed_out[-1]
    generator = np.random.default_rng(0)
    while rows.statistics.episodes == 0:
        seen, _, ended, infos = rows.step(generator.integers(0, 9, ROWS))
        assert seen is handed_out[-1]
        for row in np.flatnonzero(ended):
            final, stepped = infos[row]["terminal_observation"], handed_out[-2]
            pairs = [(final[key], stepped[key]) for key in stepped] if obs == "dict" else [(final, stepped)]
            assert all(np.shares_memory(one, other) for one, other in pairs)


def test_frames_come_from_a_few_buffers_of_the_environment():
    """Two hundred frames, held one at a time as SB3 does, lie in as many arrays as the pool keeps."""
    rows = SB3VecEnv(lane_follow(obs="camera"))
    places = set()
    obs = rows.reset()
    for _ in range(200):
        obs, *_ = rows.step(np.zeros(ROWS, np.int64))
        places.add(np.asarray(obs).__array_interface__["data"][0])
    assert len(places) <= 4


def test_an_environment_that_overwrites_its_observations_is_refused():
    env = gym.make_vec("Hairpin/LaneFollow-v0", ROWS, copy=False)
    with pytest.raises(ValueError, match="make it with copy=True"):
        SB3VecEnv(env)


def test_an_environment_that_resets_in_the_same_step_is_refused():
    with pytest.raises(ValueError, match="use NEXT_STEP"):
        SB3VecEnv(gymnasium_cartpole(AutoresetMode.SAME_STEP))


def test_a_seed_is_that_of_gymnasium():
    rows = SB3VecEnv(cartpole())
    rows.seed(11)
    np.testing.assert_array_equal(rows.reset(), cartpole().reset(seed=11)[0])
    again = rows.reset()  # a seed serves once
    assert (np.asarray(again) != np.asarray(cartpole().reset(seed=11)[0])).any()


def test_options_of_a_reset_are_passed_on_and_serve_once():
    rows = SB3VecEnv(lane_follow(obs="state"))
    rows.set_options({"levels": 1})
    rows.reset()
    assert (rows.env.unwrapped.simulator.rows["level"] == 1).all()  # pyright: ignore
    levels = set()
    for _ in range(10):
        rows.reset()
        levels |= set(rows.env.unwrapped.simulator.rows["level"])  # pyright: ignore
    assert levels == {0, 1}
    rows.set_options([{"levels": 1}, {}, {}])
    with pytest.raises(ValueError, match="the same options"):
        rows.reset()


def test_episodes_are_told_as_a_monitor_does():
    rows, environments = SB3VecEnv(cartpole(), window=5), Environments(cartpole(), 0, window=5)
    rows.reset()
    told, generator = [], np.random.default_rng(0)
    for _ in range(100):
        _, reward, _, infos = rows.step(generator.integers(0, 2, ROWS))
        told += [info["episode"] for info in infos if "episode" in info]
        assert (reward == 1).all()
    assert len(told) == rows.statistics.episodes > 5
    lengths = [episode["l"] for episode in told]
    assert lengths == [episode["r"] for episode in told]
    assert rows.statistics.means()["episode_length"] == np.mean(lengths[-5:])
    assert environments.statistics() == {"episodes": 0}


def test_success_is_told_where_the_environment_tells_it():
    rows = SB3VecEnv(lane_follow(obs="state"))
    rows.reset()
    ends = []
    while not ends:
        ends = [info for info in rows.step(np.zeros(ROWS, np.int64))[3] if "episode" in info]
    assert ends[0]["is_success"] is False
    assert ends[0]["route_completion"] < 1


def test_the_info_of_a_row_is_what_was_told_of_it():
    info = {
        "speed": np.array([3.5, 0.0]),
        "_speed": np.array([True, False]),
        "all": np.array([1, 2]),
        "labels": {"depth": np.array([[7], [8]]), "_depth": np.array([False, True])},
        "_labels": np.array([True, True]),
    }
    assert row_info(info, 0) == {"speed": 3.5, "all": 1, "labels": {}}
    assert row_info(info, 1) == {"all": 2, "labels": {"depth": np.array([8])}}


@pytest.mark.parametrize("make", [cartpole, lane_follow])
def test_stable_baselines_learns_in_it(make):
    rows = SB3VecEnv(make())
    policy = "MultiInputPolicy" if make is lane_follow else "MlpPolicy"
    few: dict[str, Any] = {"learning_starts": 32, "buffer_size": 300, "target_update_interval": 30}
    model = DQN(policy, rows, train_freq=8, seed=0, **few).learn(240)
    assert model.num_timesteps == 240
    replay = model.replay_buffer
    assert replay is not None
    assert replay.pos == 80
    kept = replay.dones[:80], replay.timeouts[:80]
    assert kept[0].sum() == rows.statistics.episodes
    assert (kept[1] <= kept[0]).all()
    PPO(policy, SB3VecEnv(make()), n_steps=32, batch_size=48, n_epochs=1, seed=0).learn(96)


def test_what_is_replayed_is_the_last_observation_and_not_the_next_episode_s():
    rows = SB3VecEnv(cartpole())
    model = DQN("MlpPolicy", rows, learning_starts=1_000, buffer_size=300, seed=0).learn(240)
    replay = model.replay_buffer
    assert replay is not None
    moved = np.abs(replay.next_observations[:80] - replay.observations[:80]).max(-1)
    ended = replay.dones[:80] == 1
    after = np.roll(replay.observations[:80], -1, axis=0)
    assert moved.max() < 1.5  # one step of the pole, never a jump to the middle
    assert not (after[:-1] == replay.next_observations[:79]).all(-1)[ended[:-1]].any()
    assert (after[:-1] == replay.next_observations[:79]).all(-1)[~ended[:-1]].all()


def test_stable_baselines_judges_in_it_without_a_warning():
    rows = SB3VecEnv(cartpole())
    model = DQN("MlpPolicy", rows, buffer_size=100, seed=0)
    returns, lengths = evaluate_policy(model, rows, 5, return_episode_rewards=True)
    assert isinstance(returns, list)
    assert returns == lengths
    assert len(returns) == 5
