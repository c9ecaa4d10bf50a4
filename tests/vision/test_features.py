import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from vision.features import PerceptionObservation, SegmentedObservation
from vision.networks import NetworkConfig, PerceptionNetwork

CAMERA = spaces.Box(0, 255, (64, 64, 3), np.uint8)
INSTRUMENTS = spaces.Box(-2, 2, (2,), np.float32)
STAY = np.zeros(3, int)


class FilmEnv(gym.Env):
    """Shows a noisy picture and two instruments; an episode is three steps."""

    action_space = spaces.Discrete(2)

    def __init__(self, instruments=True):
        self.observation_space = (
            spaces.Dict({"camera": CAMERA, "instruments": INSTRUMENTS}) if instruments else CAMERA
        )
        self.instruments = instruments

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.count = 0
        return self.show(), {}

    def step(self, action):
        self.count += 1
        return self.show(), 1.0, self.count == 3, False, {}

    def show(self):
        camera = self.np_random.integers(0, 256, CAMERA.shape, np.uint8)
        instruments = self.np_random.uniform(-2, 2, 2).astype(np.float32)
        return {"camera": camera, "instruments": instruments} if self.instruments else camera


def make_vector(mode=AutoresetMode.NEXT_STEP, num_envs=3, **settings):
    return SyncVectorEnv([lambda: FilmEnv(**settings)] * num_envs, autoreset_mode=mode)


def film_of(vector, row):
    film = vector.envs[row]
    assert isinstance(film, FilmEnv)
    return film


@pytest.fixture
def network(road):
    config = NetworkConfig(latent_size=16)
    network = PerceptionNetwork(config, road.schema(), [1.0] * 5, torch.Generator().manual_seed(0))
    return network.eval()


def features(network, frames):
    """Pose, then the latent at length 1."""
    with torch.inference_mode():
        latent = network.latent(torch.from_numpy(frames))
        pose = network.pose(latent).mean.numpy()
    return np.concatenate([pose, latent.numpy() / np.linalg.norm(latent, axis=1, keepdims=True)], axis=1)


@pytest.mark.parametrize(("mode", "size"), [("features", 21), ("affordances", 10)])
@pytest.mark.parametrize(("instruments", "extra"), [(True, 2), (False, 0)])
def test_the_space_holds_what_is_shown(network, mode, size, instruments, extra):
    env = PerceptionObservation(make_vector(instruments=instruments), network, mode)
    assert env.single_observation_space.shape == (size + extra,)
    obs, _ = env.reset(seed=1)
    assert obs.dtype == np.float32
    assert obs in env.observation_space
    for _ in range(5):
        obs = env.step(env.action_space.sample())[0]
        assert obs in env.observation_space


def test_rows_are_pose_and_latent_and_then_instruments(network):
    plain, wrapped = make_vector(), PerceptionObservation(make_vector(), network)
    raw, obs = plain.reset(seed=1)[0], wrapped.reset(seed=1)[0]
    np.testing.assert_allclose(obs[:, :21], features(network, raw["camera"]), atol=1e-5)
    np.testing.assert_array_equal(obs[:, 21:], raw["instruments"])


def test_affordances_are_in_units_of_the_scale(network):
    plain, wrapped = (
        make_vector(instruments=False),
        PerceptionObservation(make_vector(instruments=False), network, "affordances"),
    )
    raw, obs = plain.reset(seed=1)[0], wrapped.reset(seed=1)[0]
    with torch.inference_mode():
        mean, log_variance = network.pose(network.latent(torch.from_numpy(raw)))
    np.testing.assert_allclose(obs[:, :5], mean, atol=1e-4)
    np.testing.assert_allclose(obs[:, 5:], (0.5 * log_variance).exp(), rtol=1e-3)


@pytest.mark.parametrize("instruments", [True, False])
def test_final_observations_are_replaced_too(network, instruments):
    plain = make_vector(AutoresetMode.SAME_STEP, instruments=instruments)
    wrapped = PerceptionObservation(make_vector(AutoresetMode.SAME_STEP, instruments=instruments), network)
    plain.reset(seed=1)
    wrapped.reset(seed=1)
    for _ in range(2):
        plain.step(STAY)
        wrapped.step(STAY)
    raw, *_, raw_info = plain.step(STAY)
    obs, *_, info = wrapped.step(STAY)
    assert info["_final_obs"].all()
    for row, final in enumerate(raw_info["final_obs"]):
        camera = final["camera"] if instruments else final
        expected = features(network, camera[None])[0]
        np.testing.assert_allclose(info["final_obs"][row][:21], expected, atol=1e-5)
        if instruments:
            np.testing.assert_array_equal(info["final_obs"][row][21:], final["instruments"])
    shown = raw["camera"] if instruments else raw
    np.testing.assert_allclose(obs[:, :21], features(network, shown), atol=1e-5)


def test_only_ended_rows_have_a_final_observation(network):
    vector = make_vector(AutoresetMode.SAME_STEP)
    wrapped = PerceptionObservation(vector, network)
    wrapped.reset(seed=1)
    film_of(vector, 1).count = 2
    *_, info = wrapped.step(STAY)
    assert info["_final_obs"].tolist() == [False, True, False]
    assert [final is None for final in info["final_obs"]] == [True, False, True]


def test_batched_final_observations_are_replaced(network):
    """Some vector environments keep final observations as one batch instead of an array of objects."""

    class Batched(gym.vector.VectorWrapper):
        def step(self, actions):
            *rest, info = self.env.step(actions)
            if "final_obs" in info:
                finals = info["final_obs"]
                info["final_obs"] = {
                    key: np.stack([np.zeros_like(space.sample()) if f is None else f[key] for f in finals])
                    for key, space in (("camera", CAMERA), ("instruments", INSTRUMENTS))
                }
            return *rest, info

    vectors = [make_vector(AutoresetMode.SAME_STEP), make_vector(AutoresetMode.SAME_STEP)]
    objects = PerceptionObservation(vectors[0], network)
    batched = PerceptionObservation(Batched(vectors[1]), network)
    for env, vector in zip((objects, batched), vectors, strict=True):
        env.reset(seed=1)
        film_of(vector, 1).count = 2
    expected, info = objects.step(STAY)[-1], batched.step(STAY)[-1]
    assert info["final_obs"].dtype == np.float32
    np.testing.assert_array_equal(info["final_obs"][1], expected["final_obs"][1])


def test_the_network_is_frozen_and_a_copy(network):
    wrapped = PerceptionObservation(make_vector(), network)
    before = wrapped.weights_hash()
    wrapped.reset(seed=1)
    for _ in range(5):
        wrapped.step(wrapped.action_space.sample())
    with torch.no_grad():
        network.pose_head.weight.add_(1)
    assert wrapped.weights_hash() == before
    assert wrapped.weights_hash() != PerceptionObservation(make_vector(), network).weights_hash()


def test_another_camera_is_refused_by_name(network):
    network.schema["camera"]["image_size"] = [84, 84]
    with pytest.raises(
        ValueError, match=r"trained for frames of shape \(84, 84, 3\), the environment gives \(64, 64, 3\)"
    ):
        PerceptionObservation(make_vector(), network)


def test_an_environment_without_camera_is_refused(network):
    with pytest.raises(ValueError, match="perception needs frames"):
        PerceptionObservation(gym.make_vec("CartPole-v1", 2), network)


def test_parts_of_a_large_batch_give_the_rows_of_the_whole(network):
    whole = PerceptionObservation(make_vector(num_envs=53), network)
    parts = PerceptionObservation(make_vector(num_envs=53), network, parts=2)
    np.testing.assert_allclose(parts.reset(seed=1)[0], whole.reset(seed=1)[0], atol=1e-5)


def maps(network, frames):
    """Odds of the classes in cells of two pixels, of the rows that are seen."""
    with torch.inference_mode():
        logits = network(torch.from_numpy(frames))[1].numpy().astype(np.float64)
    odds = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    count, kinds, rows, columns = odds.shape
    return odds.reshape(count, kinds, rows // 2, 2, columns // 2, 2).mean((3, 5)).transpose(0, 2, 3, 1)


@pytest.mark.parametrize("instruments", [True, False])
@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_maps_of_classes_take_the_place_of_frames(network, instruments, mode):
    plain = make_vector(mode, instruments=instruments)
    wrapped = SegmentedObservation(make_vector(mode, instruments=instruments), network)
    raw, obs = plain.reset(seed=1)[0], wrapped.reset(seed=1)[0]
    for step in range(4):
        assert obs in wrapped.observation_space
        shown = obs["camera"] if instruments else obs
        expected = 255 * maps(network, raw["camera"] if instruments else raw)
        assert shown.shape == (3, 20, 32, 5)
        np.testing.assert_allclose(shown, expected, atol=1.001)
        np.testing.assert_allclose(shown.astype(int).sum(-1), 255, atol=3)
        if instruments:
            np.testing.assert_array_equal(obs["instruments"], raw["instruments"])
        (raw, *_, raw_info), (obs, *_, info) = plain.step(STAY), wrapped.step(STAY)
        if mode == AutoresetMode.SAME_STEP and step == 2:
            finals = zip(raw_info["final_obs"], info["final_obs"], strict=True)
            for before, after in finals:
                told = after["camera"] if instruments else after
                camera = before["camera"] if instruments else before
                np.testing.assert_allclose(told, 255 * maps(network, camera[None])[0], atol=1.001)


def test_the_network_behind_maps_stays_as_it_was(network):
    env = SegmentedObservation(make_vector(), network)
    before = env.weights_hash()
    env.reset(seed=1)
    for _ in range(4):
        env.step(STAY)
    assert env.weights_hash() == before
