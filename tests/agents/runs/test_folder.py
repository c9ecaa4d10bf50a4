from datetime import datetime
from pathlib import Path

import pytest

from agents.runs.errors import RunError
from agents.runs.folder import RunFolder, default_folder


def test_default_name_has_environment_agent_seed_and_time():
    path = default_folder("Hairpin/LaneFollow-v0", "dqn", 3, datetime(2026, 1, 2, 3, 4, 5))
    assert path == Path("runs/Hairpin-LaneFollow-v0-dqn-3-20260102-030405")


def test_a_new_folder_holds_the_configuration(tmp_path: Path):
    folder = RunFolder(tmp_path / "deep" / "run")
    folder.create("seed: 1\n")
    assert folder.config.read_text() == "seed: 1\n"
    folder.require_run()
    assert not folder.finished


def test_a_folder_with_anything_in_it_is_not_overwritten(tmp_path: Path):
    (tmp_path / "precious").write_text("x")
    with pytest.raises(RunError, match="is taken.*--resume"):
        RunFolder(tmp_path).create("")


def test_a_file_is_not_a_place_for_a_run(tmp_path: Path):
    (tmp_path / "run").write_text("x")
    with pytest.raises(RunError, match="is taken"):
        RunFolder(tmp_path / "run").create("")


def test_missing_and_foreign_folders_are_told_apart(tmp_path: Path):
    with pytest.raises(RunError, match="is missing"):
        RunFolder(tmp_path / "nowhere").require_run()
    with pytest.raises(RunError, match="holds no config.yaml"):
        RunFolder(tmp_path).require_run()


def test_the_report_says_that_a_run_is_over(tmp_path: Path):
    folder = RunFolder(tmp_path)
    folder.evaluation.write_text("{}")
    assert not folder.finished
    folder.report.write_text("")
    assert folder.finished
