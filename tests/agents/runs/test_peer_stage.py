"""An agent that trains itself inside a run: when it is judged, when it ends, which policy is kept."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from gymnasium.vector import VectorEnv
from rich.console import Console
from safetensors.torch import load_file

from agents.agent import NonFiniteLossError
from agents.peers.training import TrainingListener, TrainsItself
from agents.runs.config import EvaluateConfig, RunConfig, TrackConfig, TrainConfig
from agents.runs.environments import make_environment
from agents.runs.errors import InterruptedRunError, RunError
from agents.runs.folder import RunFolder
from agents.runs.metrics_file import read_metrics
from agents.runs.peer_stage import PeerStage, require_new
from agents.runs.session import Session, open_session
from agents.runs.trained import TrainedRun

ROUND = 40  # steps of a rollout


class Config:
    name, perception = "peer", "pixels"


class Peer:
    """Its policy is the number of rounds it has learnt from."""

    def __init__(self, fault: Exception | None = None):
        self.rounds = 0
        self.fault = fault
        self.seed = -1

    def train(self, env: VectorEnv, env_steps: int, seed: int, listener: TrainingListener) -> None:
        self.seed, steps = seed, 0
        while steps < env_steps:
            listener.on_policy(steps)
            for _ in range(ROUND):
                steps += 1
                if not listener.on_step(steps):
                    return
            self.rounds += 1
            if self.fault and self.rounds == 3:
                raise self.fault
        listener.on_metrics(steps, {"train/loss": 0.5})

    def policy_state_dict(self) -> dict[str, Any]:
        return {"rounds": torch.tensor(self.rounds)}

    def load_policy_state_dict(self, state: dict[str, Any]) -> None:
        self.rounds = int(state["rounds"])


class Judged(TrainedRun):
    """Succeeds as often as was settled for the number of rounds; `on_look` may interfere."""

    def evaluate(self, *_: Any, **__: Any) -> dict[str, Any]:
        on_episodes = _[3]
        on_episodes(1)
        success = SUCCESSES[cast(Peer, self.agent).rounds]
        return {"success_rate": success, "mean_return": 1.0}


SUCCESSES: list[float] = []


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "run")
    folder.create("{}")
    return folder


def carry_out(folder: RunFolder, successes: list[float], peer: Peer, interrupt_at: int = -1, **train: Any):
    """The environment steps at each choice."""
    SUCCESSES[:] = successes
    budget = TrainConfig(env_steps=200, **train)
    config = RunConfig(cast(Any, Config()), train=budget, evaluate=EvaluateConfig(interval=50))
    env = make_environment("CartPole-v1", 1)
    learner = object.__new__(Judged)  # the agent is no more than what the stage asks of it
    for name, value in {"config": config, "agent": peer, "encoder": None, "splits": ()}.items():
        object.__setattr__(learner, name, value)
    with open_session(folder, "{}", TrackConfig(mode="disabled"), None, Console(quiet=True)) as session:
        stage = PeerStage(learner, cast(TrainsItself, peer), env, session)
        if interrupt_at >= 0:
            ask_to_stop(stage, session, interrupt_at)
        stage.run()
    return [record["env_steps"] for record in read_metrics(folder.metrics) if "choose/success_rate" in record]


def ask_to_stop(stage: PeerStage, session: Session, at: int) -> None:
    on_step = stage.on_step

    def interrupted(env_steps: int) -> bool:
        session.interrupt.requested = env_steps >= at
        return on_step(env_steps)

    stage.on_step = interrupted


def kept(folder: RunFolder) -> int:
    return int(load_file(folder.policy)["rounds"])


def test_it_is_judged_between_two_rounds_and_at_the_end(folder: RunFolder):
    peer = Peer()
    assert carry_out(folder, [0.0, 0.0, 0.9, 0.3, 0.3, 0.3], peer) == [80, 120, 160, 200]
    assert kept(folder) == peer.rounds == 2
    assert any(record.get("train/loss") == 0.5 for record in read_metrics(folder.metrics))


def test_it_ends_when_it_succeeds_as_often_as_was_asked(folder: RunFolder):
    peer = Peer()
    assert carry_out(folder, [0.0, 0.0, 0.9, 1.0], peer, until_success=0.9) == [80]
    assert kept(folder) == 2


def test_it_ends_when_the_time_is_up_and_is_judged_once_more(folder: RunFolder):
    peer = Peer()
    assert carry_out(folder, [0.5] * 9, peer, seconds=1e-6) == [1]
    assert kept(folder) == 0


@pytest.mark.parametrize(("at", "best"), [(130, 2), (10, 0)])
def test_ctrl_c_keeps_the_best_policy_or_the_present_one(folder: RunFolder, at: int, best: int):
    with pytest.raises(InterruptedRunError, match=r"stopped; peer has no exact resume, but its best policy"):
        carry_out(folder, [0.0, 0.0, 0.9, 0.3, 0.3, 0.3], Peer(), interrupt_at=at)
    assert kept(folder) == best


def test_what_ends_a_training_early_is_one_sentence(folder: RunFolder):
    with pytest.raises(RunError, match="the loss is not finite since update 7.*no checkpoint") as fault:
        carry_out(folder, [0.5] * 9, Peer(NonFiniteLossError(120, 7)))
    assert fault.value.status == 1
    with pytest.raises(RunError, match="too many rows") as fault:
        carry_out(folder, [0.5] * 9, Peer(ValueError("too many rows")))
    assert fault.value.status == 2


def test_seeds_of_neighbouring_runs_share_nothing(folder: RunFolder):
    peer = Peer()
    carry_out(folder, [0.5] * 9, peer)
    assert peer.seed > np.iinfo(np.uint16).max  # derived from the run's, which is 0


def test_a_run_that_was_begun_is_not_gone_on_with(folder: RunFolder, tmp_path: Path):
    require_new("peer", RunFolder(tmp_path / "another"))
    with pytest.raises(RunError, match="peer has no exact resume: start .*run anew, under another run_dir$"):
        require_new("peer", folder)
    folder.policy.write_bytes(b"")
    with pytest.raises(RunError, match="; its best policy so far is .*policy.safetensors$"):
        require_new("peer", folder)
