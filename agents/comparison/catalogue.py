"""The tasks and agents that are compared, by name.

Chance is the mean score of uniform actions: 2,000 episodes of CartPole-v1, LunarLander-v3 and the T-maze,
500 of Gymnasium's other two and of MinAtar's games, 100 test roads. Solved is the mark that Gymnasium
registers; where there is none, the comment says what it is.
"""

from collections.abc import Sequence
from typing import Any

from agents.comparison.records import Cell, Contender, Recipe, Task
from agents.comparison.studies import BASE, STUDIES

VALUE_LEARNING: dict[str, Any] = {"agent.hidden_sizes": [256, 256], "env.num_envs": 16}
ZOO_Q: dict[str, Any] = {
    "learning_rate": 6.3e-4,
    "batch_size": 128,
    "buffer_size": 50_000,
    "learning_starts": 0,
    "target_update_interval": 250,
    "train_freq": 4,
    "gradient_steps": -1,
    "exploration_fraction": 0.12,
    "exploration_final_eps": 0.1,
}
"""What RL Baselines3 Zoo tuned for Acrobot-v1 and LunarLander alike (hyperparams/dqn.yml)."""

CARTPOLE = Task(
    name="cartpole",
    env_id="CartPole-v1",
    env_steps=50_000,
    chance=21.8,
    solved=475.0,
    options={"evaluate.choose_episodes": 20},
    recipes={
        "dqn": Recipe(
            "configs/classic/cartpole_dqn.yaml", {"agent.lowest_value": 0.0, "agent.highest_value": 100.0}
        ),
        "pqn": Recipe("configs/classic/cartpole_pqn.yaml"),
        "ppo": Recipe("configs/classic/cartpole_ppo.yaml"),
        "a2c": Recipe(options={"env.num_envs": 8}),
        "sb3-dqn": Recipe("configs/peers/cartpole_sb3_dqn.yaml"),
        "sb3-ppo": Recipe(options={"env.num_envs": 8}),
        "sb3-a2c": Recipe(options={"env.num_envs": 8}),
    },
)
ACROBOT = Task(
    name="acrobot",
    env_id="Acrobot-v1",
    env_steps=50_000,
    chance=-498.7,
    solved=-100.0,
    options={"evaluate.choose_episodes": 20},
    recipes={
        "dqn": Recipe(
            options={
                **VALUE_LEARNING,
                "agent.samples_per_step": 16.0,
                "agent.batch_size": 128,
                "agent.epsilon_steps": 10_000,
                "agent.lowest_value": -100.0,
                "agent.highest_value": 0.0,
            }
        ),
        "sb3-dqn": Recipe(
            options={
                "env.num_envs": 1,
                "agent.policy_kwargs": {"net_arch": [256, 256]},
                "agent.kwargs": ZOO_Q,
            }
        ),
    },
)
LUNAR_LANDER = Task(
    name="lunar_lander",
    env_id="LunarLander-v3",
    env_steps=100_000,
    chance=-183.6,
    solved=200.0,
    options={"evaluate.choose_episodes": 20},
    recipes={
        "dqn": Recipe(
            "configs/classic/lunarlander_dqn.yaml",
            {"agent.lowest_value": -200.0, "agent.highest_value": 200.0},
        ),
        "sb3-dqn": Recipe("configs/peers/lunarlander_sb3_dqn.yaml"),
    },
)
PENDULUM = Task(
    name="pendulum",
    env_id="Pendulum-v1",
    env_steps=150_000,
    chance=-1235.4,
    solved=-200.0,  # about where the pole stands from the first swing on
    options={"evaluate.choose_episodes": 20},
    recipes={
        "ppo": Recipe("configs/classic/pendulum_ppo.yaml"),
        "sb3-ppo": Recipe(
            options={
                "env.num_envs": 4,
                "agent.kwargs": {
                    "n_steps": 1024,
                    "gamma": 0.9,
                    "learning_rate": 1e-3,
                },  # the zoo's, without gSDE
            }
        ),
    },
)
LANE_FOLLOW_STATE = Task(
    name="lane_follow_state",
    env_id="Hairpin/LaneFollow-v0",
    env_steps=48_000,
    chance=0.2,
    solved=88.3,  # what the expert gets on the test roads
    options={
        "env.num_envs": 32,
        "env.kwargs": {"frame_skip": 2, "num_levels": 256},
        "agent.perception": "privileged",
        "evaluate.choose_episodes": 48,
    },
    recipes={
        "dqn": Recipe(
            options={
                "agent.learning_rate_steps": 48_000,
                "agent.discount": 0.97,
                "agent.n_step": 5,
                "agent.samples_per_step": 16.0,
                "agent.epsilon_end": 0.03,
                "agent.polyak": 0.005,
                "agent.lowest_value": -10.0,
                "agent.highest_value": 15.0,
            }
        ),
        "sb3-dqn": Recipe(
            options={
                "agent.policy_kwargs": {"net_arch": [256, 256]},
                "agent.kwargs": {  # ours, as far as SB3 has them: as many updates of as many samples
                    "learning_rate": 1e-3,
                    "batch_size": 256,
                    "buffer_size": 100_000,
                    "learning_starts": 1_000,
                    "gamma": 0.97,
                    "n_steps": 5,
                    "train_freq": 1,
                    "gradient_steps": 2,
                    "tau": 0.005,
                    "target_update_interval": 1,
                    "exploration_fraction": 20_000 / 48_000,
                    "exploration_final_eps": 0.03,
                },
            }
        ),
    },
)
TMAZE = Task(
    name="tmaze",
    env_id="Hairpin/TMaze-v0",
    env_steps=150_000,
    chance=0.49,
    solved=1.0,
    score="success_rate",
    options={"env.kwargs": {"length": 50}, "evaluate.choose_episodes": 50, "train.until_success": None},
    recipes={
        "lstm-q": Recipe("configs/memory/tmaze_lstm.yaml"),
        "transformer-q": Recipe("configs/memory/tmaze_transformer.yaml"),
        "sb3-dqn": Recipe(options={"env.num_envs": 1}),
    },
)
MINATAR_STEPS = 1_000_000
BREAKOUT = Task(
    name="minatar_breakout",
    env_id="MinAtar/Breakout-v1",
    env_steps=MINATAR_STEPS,
    chance=0.39,
    solved=30.0,  # the whole wall, once
    options={"evaluate.choose_episodes": 20},
    recipes={
        "pqn": Recipe("configs/minatar/breakout_pqn.yaml"),
        "sb3-dqn": Recipe("configs/peers/minatar_sb3_dqn.yaml"),
    },
)
SPACE_INVADERS = Task(
    name="minatar_space_invaders",
    env_id="MinAtar/SpaceInvaders-v1",
    env_steps=MINATAR_STEPS,
    chance=4.06,
    solved=48.0,  # two waves
    options={"evaluate.choose_episodes": 20},
    recipes={
        "dqn": Recipe(
            "configs/minatar/space_invaders_dqn.yaml",
            {"agent.lowest_value": 0.0, "agent.highest_value": 100.0},
        ),
        "pqn": Recipe("configs/minatar/space_invaders_pqn.yaml"),
        "sb3-dqn": Recipe("configs/peers/minatar_sb3_dqn.yaml"),
    },
)
TASKS = {
    task.name: task
    for task in (
        *(CARTPOLE, ACROBOT, LUNAR_LANDER, LANE_FOLLOW_STATE, PENDULUM, TMAZE),
        *(BREAKOUT, SPACE_INVADERS),
    )
}
"""Name → task."""

LEARNERS = {"pqn": "dqn", "ppo": "ppo", "a2c": "a2c", "lstm-q": "dqn", "transformer-q": "dqn"}
"""Every other agent → the algorithm of Stable-Baselines3 that it is held against."""
CONTENDERS = {
    contender.name: contender
    for contender in (
        Contender("dqn", "dqn", {"agent.name": "dqn"}, "sb3-dqn"),
        *(
            Contender(name, "dqn", {"agent.name": "dqn", **options}, "sb3-dqn", words)
            for study in STUDIES
            for name, (words, options) in study.variants.items()
        ),
        *(Contender(name, name, {"agent.name": name}, f"sb3-{peer}") for name, peer in LEARNERS.items()),
        *(Contender(name, name, {"agent.name": name}) for name in ("sb3-dqn", "sb3-ppo", "sb3-a2c")),
    )
}
"""Name → agent."""
GROUPS = {study.name: (BASE, *study.variants) for study in STUDIES}
"""Names that stand for several agents."""


def expanded(agents: Sequence[str]) -> tuple[str, ...]:
    """The names with each group's members in its place, each once."""
    return tuple(dict.fromkeys(name for agent in agents for name in GROUPS.get(agent, (agent,))))


def runnable(tasks: Sequence[str]) -> list[str]:
    """The agents that any of these tasks has a recipe for."""
    kinds = {kind for task in tasks for kind in TASKS[task].recipes}
    return [name for name, contender in CONTENDERS.items() if contender.kind in kinds]


def cells_of(tasks: Sequence[str], agents: Sequence[str], seeds: Sequence[int]) -> list[Cell]:
    """One cell for each seed of each pair that has a recipe; every pair's first seed before any second.

    Raises:
        ValueError: an agent is run on none of these tasks.
    """
    found = runnable(tasks)
    for agent in agents:
        if tasks and agent not in found:
            where = [name for name in TASKS if agent in runnable([name])]
            raise ValueError(f"agents has {agent!r}, which is trained on {', '.join(where)} and nowhere else")
    pairs = [(task, agent) for task in tasks for agent in agents]
    cells = [known_cell(task, agent, seed) for seed in seeds for task, agent in pairs]
    return [cell for cell in cells if cell]


def known_cell(task: str, agent: str, seed: int) -> Cell | None:
    """The cell of these names; None where there is no such task, agent or recipe.

    Nor is there a variant where it is what it varies: a recipe may have the ingredient already.
    """
    if task not in TASKS or agent not in CONTENDERS or CONTENDERS[agent].kind not in TASKS[task].recipes:
        return None
    cell = Cell(TASKS[task], CONTENDERS[agent], seed)
    return None if cell.contender.variation and cell.definition == _base_of(cell).definition else cell


def _base_of(cell: Cell) -> Cell:
    return Cell(cell.task, CONTENDERS[cell.contender.kind], cell.seed)
