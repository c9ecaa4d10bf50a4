"""Gymnasium environments. Importing this package registers them."""

import gymnasium as gym

gym.register(
    id="Hairpin/LaneFollow-v0",
    entry_point="envs.driving.env:DrivingEnv",
    vector_entry_point="envs.driving.vector_env:DrivingVectorEnv",
)
