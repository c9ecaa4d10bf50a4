"""Nothing grows: a process that has driven for long is as large as one that has just begun."""

import subprocess
import sys

import pytest

pytest.importorskip("resource", reason="the size of a process is asked of Unix")

DRIVE = """
import resource
import numpy as np
from envs.driving.vector_env import DrivingVectorEnv

def drive(env, steps):
    rng = np.random.default_rng(0)
    env.reset(seed=0)
    ends = 0
    for _ in range(steps):
        *_, terminated, truncated, _ = env.step(rng.integers(0, 15, env.num_envs))
        ends += (terminated | truncated).sum()
    return ends

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 if PER_KILOBYTE else 1024)

"""
DRIVE = DRIVE.replace("PER_KILOBYTE", str(sys.platform != "darwin"))
LONG = """
for mode in ("NextStep", "SameStep"):
    env = DrivingVectorEnv(250, mode, obs="dict", image_size=8, frame_stack=2, labels=True, num_levels=4)
    drive(env, 40)
    before = peak()
    assert drive(env, 600) > 200
    print(peak() - before)
"""
TEN_MILLION = """
env = DrivingVectorEnv(2000, obs="camera", image_size=8, num_levels=4)
drive(env, 100)
before = peak()
assert drive(env, 5000) > 10_000
print(peak() - before)
"""
MANY = """
def once():
    env = DrivingVectorEnv(8, obs="camera", num_levels=4)
    drive(env, 5)
    env.close()

for _ in range(20):
    once()
before = peak()
for _ in range(200):
    once()
print(peak() - before)
"""


def growths(program: str) -> list[float]:
    """Growth of the greatest size of a new process [KiB], one a line of its output."""
    done = subprocess.run(
        [sys.executable, "-c", DRIVE + program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [float(line) for line in done.stdout.split()]


@pytest.mark.slow
def test_three_hundred_thousand_steps_leave_memory_where_it_was() -> None:
    grown = growths(LONG)
    assert len(grown) == 2
    assert max(grown) < 4096


@pytest.mark.slow
def test_ten_million_steps_leave_memory_where_it_was() -> None:
    assert max(growths(TEN_MILLION)) < 4096


@pytest.mark.slow
def test_environments_made_and_closed_leave_nothing_behind() -> None:
    assert max(growths(MANY)) < 4096
