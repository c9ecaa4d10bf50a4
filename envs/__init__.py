"""Gymnasium environments. Importing this package registers them."""

import gymnasium as gym

from envs.driving.tasks import IDS

for task, name in IDS.items():
    gym.register(
        id=name,
        entry_point="envs.driving.env:DrivingEnv",
        vector_entry_point="envs.driving.vector_env:DrivingVectorEnv",
        kwargs={} if task == "lane_follow" else {"task": task},
    )
gym.register(
    id="Hairpin/TMaze-v0",
    entry_point="envs.memory.tmaze:TMazeEnv",
    vector_entry_point="envs.memory.tmaze:TMazeVectorEnv",
)
gym.register(
    id="Hairpin/Recall-v0",
    entry_point="envs.memory.recall:RecallEnv",
    vector_entry_point="envs.memory.recall:RecallVectorEnv",
)
gym.register(
    id="Hairpin/MaskedVelocity-v0",
    entry_point="envs.memory.masked:MaskedVelocityEnv",
    vector_entry_point="envs.memory.masked:MaskedVelocityVectorEnv",
)
gym.register(
    id="Hairpin/LaneFollowDropout-v0",
    entry_point="envs.memory.dropout:DropoutEnv",
    vector_entry_point="envs.memory.dropout:DropoutVectorEnv",
)
for world in ("Lake", "Cliff", "Taxi", "FourRooms", "WindyGrid", "Chain", "RoadGrid"):
    gym.register(
        id=f"Hairpin/{world}-v0",
        entry_point="envs.tabular.env:FiniteEnv",
        vector_entry_point="envs.tabular.vector_env:FiniteVectorEnv",
        kwargs={"world": world},
    )
