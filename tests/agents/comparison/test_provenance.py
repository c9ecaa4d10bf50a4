"""Where a figure comes from."""

import subprocess
from pathlib import Path

from agents.comparison.provenance import processor, provenance


def git(root: Path, *words: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run(["git", *who, *words], cwd=root, check=True, capture_output=True)


def test_the_commit_is_that_of_the_code_and_only_code_counts_as_changed(tmp_path):
    assert (provenance(tmp_path).commit, provenance(tmp_path).changed) == (None, False)
    git(tmp_path, "init")
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "it.py").write_text("1\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "it")
    (tmp_path / "notes.md").write_text("not code")
    made = provenance(tmp_path, together=2)
    assert made.commit is not None
    assert (len(made.commit), made.changed, made.together) == (9, False, 2)
    assert made.cores >= 1
    assert {"python", "torch", "stable-baselines3"} <= made.versions.keys()
    (tmp_path / "agents" / "it.py").write_text("2\n")
    assert provenance(tmp_path).changed


def test_the_processor_is_named_as_the_system_names_it(tmp_path):
    told = tmp_path / "cpuinfo"
    told.write_text("processor\t: 0\nmodel name\t: A Processor @ 2 GHz\n\nmodel name\t: Another\n")
    assert processor(told) == "A Processor @ 2 GHz"
    assert processor(tmp_path / "missing")
