"""Features extractors of SB3 policies: the frozen network is seen through, and stays as it is."""

import copy
from typing import Any, cast

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import SyncVectorEnv
from stable_baselines3 import DQN, PPO
from stable_baselines3.common.base_class import BaseAlgorithm

from agents.peers.features import GridFeatures, PerceptionFeatures
from agents.peers.policy_options import named_classes
from agents.peers.vec_env import SB3VecEnv
from vision.features import PerceptionObservation
from vision.networks import NetworkConfig, PerceptionNetwork
from vision.storage import weights_hash

SIZE = 32
CAMERA = spaces.Box(0, 255, (SIZE, SIZE, 3), np.uint8)
INSTRUMENTS = spaces.Box(-2, 2, (2,), np.float32)


class Film(gym.Env):
    """Noisy pictures, and instruments if wanted."""

    action_space = spaces.Discrete(3)

    def __init__(self, instruments: bool):
        self.instruments = instruments
        self.observation_space = (
            spaces.Dict({"camera": CAMERA, "instruments": INSTRUMENTS}) if instruments else CAMERA
        )

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.count = 0
        return self.show(), {}

    def step(self, action):
        self.count += 1
        return self.show(), float(action), self.count == 5, False, {}

    def show(self):
        camera = self.np_random.integers(0, 256, CAMERA.shape, np.uint8)
        instruments = self.np_random.uniform(-2, 2, 2).astype(np.float32)
        return {"camera": camera, "instruments": instruments} if self.instruments else camera


@pytest.fixture
def network():
    schema = {
        "camera": {"image_size": [SIZE, SIZE], "height": 1.3, "pitch": 0.12},
        "channels": 3,
        "classes": ["sky", "road"],
        "pose": ["lane_offset", "heading_error"],
        "pose_units": ["m", "rad"],
    }
    config = NetworkConfig(latent_size=16)
    return PerceptionNetwork(config, schema, [1.0, 2.0], torch.Generator().manual_seed(0)).train()


def films(instruments):
    return SyncVectorEnv([lambda: Film(instruments)] * 2)


def learner(kind, network, instruments, **policy_kwargs):
    policy = "MultiInputPolicy" if instruments else "CnnPolicy"
    options = {
        "features_extractor_class": PerceptionFeatures,
        "features_extractor_kwargs": {"network": network},
        "net_arch": [8],
        **policy_kwargs,
    }
    few: dict[str, Any] = (
        {"learning_starts": 8, "buffer_size": 100} if kind is DQN else {"n_steps": 16, "batch_size": 16}
    )
    return kind(policy, SB3VecEnv(films(instruments)), policy_kwargs=options, seed=0, **few)


def extractors(model: BaseAlgorithm) -> list[PerceptionFeatures]:
    return list({id(m): m for m in model.policy.modules() if isinstance(m, PerceptionFeatures)}.values())


@pytest.mark.parametrize("mode", ["features", "affordances"])
@pytest.mark.parametrize("instruments", [False, True])
def test_a_policy_sees_what_our_own_wrapper_shows(network, instruments, mode):
    """Through SB3's transposition and division, byte for byte the frame that was given."""
    kwargs = {"network": network, "mode": mode}
    model = learner(DQN, network, instruments, features_extractor_kwargs=kwargs)
    obs, _ = films(instruments).reset(seed=3)
    expected, _ = PerceptionObservation(films(instruments), network, mode).reset(seed=3)
    extractor = extractors(model)[0]
    tensors, _ = model.policy.obs_to_tensor(obs)
    seen = model.policy.extract_features(tensors, extractor)
    assert extractor.features_dim == seen.shape[1] == expected.shape[1]
    torch.testing.assert_close(seen, torch.from_numpy(expected))


def test_every_byte_comes_back_from_its_share_of_255(network):
    extractor, seen = PerceptionFeatures(CAMERA, network), []
    extractor.network.features = lambda frames: seen.append(frames) or torch.zeros(len(frames), 18)
    every = torch.arange(256, dtype=torch.uint8).repeat(SIZE * SIZE * 3 // 256).reshape(1, SIZE, SIZE, 3)
    extractor(every.float() / 255.0)
    assert (seen[0] == every).all()


def test_frames_that_are_not_scaled_are_taken_as_they_are(network):
    kwargs = {"network": network, "normalized": False}
    model = learner(DQN, network, False, normalize_images=False, features_extractor_kwargs=kwargs)
    obs, _ = films(False).reset(seed=3)
    expected, _ = PerceptionObservation(films(False), network).reset(seed=3)
    tensors, _ = model.policy.obs_to_tensor(obs)
    seen = model.policy.extract_features(tensors, extractors(model)[0])
    torch.testing.assert_close(seen, torch.from_numpy(expected))


@pytest.mark.parametrize("kind", [DQN, PPO])
def test_a_frozen_network_is_the_same_before_and_after(network, kind):
    given = weights_hash(network)
    model = learner(kind, network, True)
    assert {weights_hash(extractor.network) for extractor in extractors(model)} == {given}
    learnt = copy.deepcopy(model.policy.state_dict())
    model.learn(64)
    assert {weights_hash(extractor.network) for extractor in extractors(model)} == {given}
    assert weights_hash(network) == given
    model.policy.set_training_mode(True)
    assert not any(extractor.network.training for extractor in extractors(model))
    changed = {name for name, old in learnt.items() if (model.policy.state_dict()[name] != old).any()}
    assert changed
    assert not any("features_extractor" in name for name in changed)


@pytest.mark.parametrize("kind", [DQN, PPO])
def test_no_optimiser_is_given_the_network(network, kind):
    model = learner(kind, network, False)
    optimised = {id(p) for group in model.policy.optimizer.param_groups for p in group["params"]}
    inside = [tensor for extractor in extractors(model) for tensor in extractor.state_dict().values()]
    assert inside
    assert not any(id(tensor) in optimised or tensor.requires_grad for tensor in inside)
    assert not list(extractors(model)[0].parameters())
    assert any(extractors(model)[0].state_dict(prefix="x.")), "it is saved with the policy"


def test_another_camera_is_refused(network):
    with pytest.raises(
        ValueError, match=r"frames of shape \(32, 32, 3\), the environment gives \(48, 48, 3\)"
    ):
        PerceptionFeatures(spaces.Box(0, 255, (48, 48, 3), np.uint8), network)


def test_the_grid_network_is_the_paper_s():
    """16 filters of 3×3 over four channels, then 128 units of the 8×8 places they fit in."""
    network = GridFeatures(spaces.Box(0, 1, (10, 10, 4), cast(Any, bool)))
    sizes = [tuple(parameter.shape) for parameter in network.parameters()]
    assert sizes == [(16, 4, 3, 3), (16,), (128, 16 * 8 * 8), (128,)]
    grids = torch.zeros(2, 10, 10, 4)
    grids[1, 9, 9, 3] = 1.0
    features = network(grids)
    assert features.shape == (2, 128)
    assert (features[0] != features[1]).any()


def test_classes_are_found_by_their_names():
    given = {
        "activation_fn": "Tanh",
        "optimizer_class": "RMSprop",
        "features_extractor_class": "GridFeatures",
        "net_arch": [8],
    }
    found = named_classes(given)
    assert found == {
        "activation_fn": torch.nn.Tanh,
        "optimizer_class": torch.optim.RMSprop,
        "features_extractor_class": GridFeatures,
        "net_arch": [8],
    }
    assert given["activation_fn"] == "Tanh"


@pytest.mark.parametrize(
    ("key", "name", "where"),
    [
        ("activation_fn", "Thanh", "torch.nn"),
        ("activation_fn", "functional", "torch.nn"),
        ("optimizer_class", "ReLU", "torch.optim"),
        ("features_extractor_class", "os.system", "agents.peers.features"),
    ],
)
def test_a_name_that_is_no_such_class_is_refused(key, name, where):
    with pytest.raises(
        ValueError, match=f"agent.policy_kwargs.{key} is '{name}'; it must be a class of {where}"
    ):
        named_classes({key: name})
