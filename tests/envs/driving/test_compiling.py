"""What is compiled: the same whatever a program imports first, and never from sources that are gone."""

import subprocess
import sys

import pytest

from envs.driving.compiling import drop_stale_cache

PROGRAM = """
import hashlib
{first}
from envs.driving.stream import LabelledStream
stream = LabelledStream("train", 64, 7, num_levels=8)
digest = hashlib.sha256()
for _ in range(200):
    for part in stream.next_batch():
        digest.update(part.tobytes())
print(digest.hexdigest())
"""


def pictures_after(first: str) -> str:
    program = PROGRAM.format(first=first)
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.mark.slow
def test_pictures_do_not_depend_on_what_is_compiled_before():
    """Numba settles what it compiles for at the first kernel of a process."""
    assert pictures_after("import numba; numba.njit(lambda: 0)") == pictures_after("")


def test_kernels_of_other_sources_are_dropped(tmp_path):
    source, kept = tmp_path / "kernels.py", tmp_path / "__pycache__" / "kernels.nbi"
    source.write_text("old = 1\n")
    drop_stale_cache(tmp_path)
    kept.write_bytes(b"machine code")
    drop_stale_cache(tmp_path)
    assert kept.exists()
    source.write_text("new = 1\n")
    drop_stale_cache(tmp_path)
    assert not kept.exists()
