"""When the training of an agent ends, and which of its networks is kept."""

from pathlib import Path
from typing import Any, cast

import pytest
from rich.console import Console

from agents.dqn import DQN, DQNConfig
from agents.runs.agent_stage import AgentStage
from agents.runs.config import EvaluateConfig, RunConfig, TrackConfig, TrainConfig
from agents.runs.environments import Environments, make_environment
from agents.runs.folder import RunFolder
from agents.runs.metrics_file import read_metrics
from agents.runs.session import open_session
from agents.runs.trained import TrainedRun

INTERVAL, BUDGET = 100, 500


class Judged(TrainedRun):
    """A policy that succeeds as often as it was settled beforehand."""

    def evaluate(self, *_: Any, **__: Any) -> dict[str, Any]:
        return {"success_rate": SUCCESSES.pop(0), "mean_return": 1.0}


SUCCESSES: list[float] = []


@pytest.fixture
def carried_out(tmp_path: Path):
    def carry_out(
        successes: list[float], until_success: float | None
    ) -> tuple[list[int], list[dict[str, Any]]]:
        """Environment steps at each choice of a run, and its metrics."""
        SUCCESSES[:] = successes
        train = TrainConfig(env_steps=BUDGET, until_success=until_success)
        agent = DQNConfig(learning_starts=50, batch_size=8, hidden_sizes=(8,))
        config = RunConfig(agent, train=train, evaluate=EvaluateConfig(interval=INTERVAL))
        environments = Environments(make_environment("CartPole-v1", 2), 0)
        policy = DQN(agent, environments.observation_space, environments.action_space, 0)
        folder = RunFolder(tmp_path / "run")
        folder.create("{}")
        track, quiet = TrackConfig(mode="disabled"), Console(quiet=True)
        with open_session(folder, "{}", track, None, quiet) as session:
            AgentStage(cast(TrainedRun, Judged(config, policy, None, ())), environments, session).run()
        records = read_metrics(folder.metrics)
        chosen_at = [cast(int, record["env_steps"]) for record in records if "choose/success_rate" in record]
        return [steps // INTERVAL * INTERVAL for steps in chosen_at], records

    return carry_out


def test_a_run_goes_on_to_the_end_of_its_budget(carried_out) -> None:
    chosen_at, records = carried_out([0.0, 1.0, 0.5, 0.5, 0.5], None)
    assert chosen_at == [100, 200, 300, 400, 500]
    looks = [record["time/choose"] for record in records if "choose/success_rate" in record]
    assert all(0.0 <= seconds < 1.0 for seconds in looks)
    assert len(looks) == 5


@pytest.mark.parametrize(("wanted", "end"), [(0.9, 200), (0.95, 300), (1.0, 500)])
def test_a_run_ends_when_it_succeeds_as_often_as_was_asked(carried_out, wanted: float, end: int) -> None:
    chosen_at, _ = carried_out([0.2, 0.9, 0.99, 0.5, 0.5], wanted)
    assert chosen_at[-1] == end
