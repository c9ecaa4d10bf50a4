"""Recordings: what was driven is what a learner reads, and a folder is there whole or not at all."""

from pathlib import Path

import numpy as np
import pytest

from agents.memory.recorded import recorded_transitions
from agents.runs.errors import RunError
from envs import keyboard
from envs.driving.vector_env import DrivingVectorEnv
from envs.keyboard import drive_by_keyboard
from envs.recording import Episode, RecordingError, write_recording

pytest.importorskip("minari")


def drive(count: int, obs: str = "state") -> tuple[DrivingVectorEnv, list[Episode]]:
    """Two episodes of one row under the same pedal; the first goes on until it ends."""
    env = DrivingVectorEnv(1, num_levels=2, obs=obs, actions="continuous", autoreset_mode="Disabled")
    episodes = []
    for steps in (10_000, count):
        episode = Episode(seed=4)
        seen, _ = env.reset(seed=4)
        episode.begin(_row(seen))
        for _ in range(steps):
            action = np.array([[0.4, 0.6]], np.float32)
            seen, reward, terminated, truncated, _ = env.step(action)
            episode.add(action[0], _row(seen), reward[0], terminated[0], truncated[0])
            if terminated[0] or truncated[0]:
                break
        episodes.append(episode)
    return env, episodes


def _row(obs):
    return {name: part[0] for name, part in obs.items()} if isinstance(obs, dict) else obs[0]


@pytest.mark.parametrize("obs", ["state", "dict"])
def test_a_learner_reads_what_was_driven(obs: str, tmp_path: Path) -> None:
    env, (whole, cut) = drive(5, obs)
    written = write_recording(tmp_path / "drive", [whole, cut, Episode()], env)
    read = list(recorded_transitions(tmp_path / "drive", discount=0.9))
    assert len(read) == written == len(whole.actions) + 5
    for transition, action, reward in zip(read, whole.actions, whole.rewards, strict=False):
        np.testing.assert_array_equal(transition.action, action)
        assert transition.reward == pytest.approx(reward)
    for t, transition in enumerate(read[: len(whole.actions)]):
        for seen, driven in (
            (transition.obs, whole.observations[t]),
            (transition.next_obs, whole.observations[t + 1]),
        ):
            for name in driven if isinstance(driven, dict) else [None]:
                np.testing.assert_array_equal(seen[name] if name else seen, driven[name] if name else driven)
    assert [it.discount for it in read[: len(whole.actions)]] == [0.9] * (len(whole.actions) - 1) + [0.0]
    assert read[-1].discount == 0.9, "cut off, not ended"


def test_nothing_is_written_over_or_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env, episodes = drive(3)
    (tmp_path / "there").mkdir()
    with pytest.raises(RecordingError, match="is there already"):
        write_recording(tmp_path / "there", episodes, env)
    with pytest.raises(RecordingError, match="is no folder"):
        write_recording(tmp_path / "nowhere" / "drive", episodes, env)
    monkeypatch.setattr("minari.data_collector.EpisodeBuffer", None)
    with pytest.raises(TypeError):
        write_recording(tmp_path / "drive", episodes, env)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["there"]


def test_what_is_no_recording_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is missing"):
        next(recorded_transitions(tmp_path / "nowhere"))
    (tmp_path / "metadata.json").write_text("{}")
    with pytest.raises(RunError, match="is no recording"):
        next(recorded_transitions(tmp_path))


def test_a_step_taken_back_is_not_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Script:
        """A window whose user drives four steps, takes one back, and closes it."""

        held, closed = {"up"}, False

        def __init__(self) -> None:
            self.moves = iter([{"up"}, set(), set(), set(), {"space"}, {"["}])

        def close(self) -> None:
            self.closed = True

        def show(self, picture: np.ndarray, rate: float) -> bool:
            self.struck = next(self.moves, None)
            return self.struck is not None

    monkeypatch.setattr(keyboard, "Window", Script)
    env = DrivingVectorEnv(1, num_levels=2, obs="state", actions="continuous")
    drive_by_keyboard(env, 0, record=tmp_path / "drive")
    assert len(list(recorded_transitions(tmp_path / "drive"))) == 3
