"""Files are there whole or not at all, and nothing but a file is written over."""

import os
import stat
import sys
from pathlib import Path

import pytest

from agents.runs.durable import write_durably


def test_a_file_is_written_over_whole(tmp_path: Path):
    write_durably(tmp_path, "a.json", b"first")
    record = write_durably(tmp_path, "a.json", b"second")
    assert (tmp_path / "a.json").read_bytes() == b"second"
    assert (record.name, record.size) == ("a.json", 6)
    record.check(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes of this kind on Windows")
def test_what_is_no_ordinary_file_is_left_alone(tmp_path: Path):
    """As root, a rename would put the file in the place of a device."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(FileExistsError, match="no ordinary file"):
        write_durably(tmp_path, "pipe", b"data")
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]
