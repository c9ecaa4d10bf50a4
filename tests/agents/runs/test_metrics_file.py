import json
import math
from pathlib import Path

import pytest

from agents.runs.errors import RunError
from agents.runs.metrics_file import MetricsFile, read_metrics


def test_a_line_is_on_disk_as_soon_as_it_is_written(tmp_path: Path):
    path = tmp_path / "metrics.jsonl"
    file = MetricsFile(path)
    file.write({"env_steps": 5, "loss": 0.25})
    assert path.read_text() == '{"env_steps": 5, "loss": 0.25}\n'
    assert file.position == path.stat().st_size
    file.close()


def test_what_was_written_past_the_checkpoint_is_cut_off(tmp_path: Path):
    path = tmp_path / "metrics.jsonl"
    file = MetricsFile(path)
    file.write({"env_steps": 1})
    position = file.position
    file.write({"env_steps": 2})
    file.close()
    again = MetricsFile(path, position)
    again.write({"env_steps": 3})
    again.close()
    assert [record["env_steps"] for record in read_metrics(path)] == [1, 3]


def test_starting_over_empties_the_file(tmp_path: Path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"env_steps": 1}\n')
    MetricsFile(path).close()
    assert path.read_bytes() == b""


def test_a_file_shorter_than_the_checkpoint_knows_is_refused(tmp_path: Path):
    path = tmp_path / "metrics.jsonl"
    path.write_text("short")
    with pytest.raises(RunError, match="has 5 bytes and the checkpoint knows of 50"):
        MetricsFile(path, 50)
    assert path.read_text() == "short"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_null_and_the_line_stays_json(tmp_path: Path, value: float):
    path = tmp_path / "metrics.jsonl"
    file = MetricsFile(path)
    file.write({"env_steps": 1, "loss": value})
    file.close()
    assert json.loads(path.read_text()) == {"env_steps": 1, "loss": None}


def test_a_line_cut_short_by_a_kill_is_not_read(tmp_path: Path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"env_steps": 1}\n{"env_st')
    assert read_metrics(path) == [{"env_steps": 1}]


def test_an_altered_line_is_named(tmp_path: Path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('x"env_steps": 1}\n')
    with pytest.raises(RunError, match="metrics.jsonl was altered"):
        read_metrics(path)
