"""Replay of frames: what a million of them take, how fast they are drawn, what priorities cost."""

import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.buffers import ReplayBuffer

from agents.agent import Transition
from agents.memory.replay import Replay, ReplayConfig
from benchmark_row import Peer, Row, Scope, row

FRAMES = 1_000_000
FRAMES_WITH_PRIORITIES = 100_000
STACK, BATCH, ROWS, EPISODE = 4, 32, 8, 500
SHAPE = (84, 84)
SECONDS = 5.0
PEER_FRAMES = 10_000  # a hundredth of them: its bytes are in proportion
PEERS = {"Stable-Baselines3's buffer": False, "its memory-saving buffer": True}
HELD, DRAWN = "a million frames of 84×84, held", "stacks of four frames, drawn"
SPACES = spaces.Box(0, 255, SHAPE, np.uint8), spaces.Discrete(4)


def million(scope: Scope) -> Iterator[Row]:
    """Bytes that a million frames take in stacks of four, and how many such stacks are drawn in a second."""
    replay = filled(FRAMES, prioritised=False)
    settings: Row = {"frames": FRAMES, "stack": STACK, "batch": BATCH, "shape": list(SHAPE)}
    held, draws = held_bytes(replay), np.random.default_rng(0)
    rate = BATCH / seconds_of(lambda: replay.sample(BATCH, draws), scope)
    for name, sparing in PEERS.items() if scope.peers else ():
        theirs, their_rate = stable_baselines(scope, sparing)
        peer, peer_rate = (Peer(name, theirs / 1e9, theirs / held), Peer(name, their_rate, rate / their_rate))
        told = settings | {"peer_frames": PEER_FRAMES, "optimize_memory_usage": sparing}
        yield row(f"{HELD}, beside {name}", held / 1e9, "GB", told, peer)
        yield row(f"{DRAWN}, beside {name}", rate, "samples/s", told, peer_rate)
    if not scope.peers:
        yield row(HELD, held / 1e9, "GB", settings)
        yield row(DRAWN, rate, "samples/s", settings)


def prioritised(scope: Scope) -> Iterator[Row]:
    """Seconds of a prioritised batch, its new priorities included, beside a uniform one."""
    draws, new = np.random.default_rng(0), np.random.default_rng(1).random(BATCH)
    uniform, surprising = (filled(FRAMES_WITH_PRIORITIES, prioritised=flag) for flag in (False, True))

    def draw_and_update() -> None:
        surprising.update_priorities(surprising.sample(BATCH, draws).place, new)

    beside = seconds_of(lambda: uniform.sample(BATCH, draws), scope)
    taken = seconds_of(draw_and_update, scope)
    settings: Row = {"frames": FRAMES_WITH_PRIORITIES, "stack": STACK, "batch": BATCH, "shape": list(SHAPE)}
    peer = Peer("the same, uniform", 1e6 * beside, beside / taken)
    yield row("a prioritised batch of 32 stacks, updated", 1e6 * taken, "µs", settings, peer)


def filled(frames: int, prioritised: bool) -> Replay:
    """A replay with every place taken; the frames are noise, so that no page of memory is shared."""
    config = ReplayConfig(frames, frame_stack=STACK, prioritised=prioritised)
    replay = Replay(*SPACES, num_envs=ROWS, config=config)
    noise = np.random.default_rng(0).integers(0, 256, (256, *SHAPE), np.uint8)
    action, reward, never = np.zeros(ROWS, np.int64), np.zeros(ROWS, np.float32), np.zeros(ROWS, np.bool_)
    ended = False
    for step in range(frames // ROWS + 1):
        first = step * ROWS % 248
        obs, ignored = noise[first : first + ROWS], never | ended
        ended = step % EPISODE == EPISODE - 1
        replay.add(Transition(obs, action, reward, never | ended, never, obs, ignored))
    return replay


def held_bytes(replay: Replay) -> int:
    """Bytes of all its arrays."""
    return sum(rows.nbytes for rows in replay.ring.rows.values())


def stable_baselines(scope: Scope, sparing: bool) -> tuple[float, float]:
    """Bytes of a million places of its buffer, and samples a second from a smaller one.

    A sparing buffer keeps no next observations, and must then take every time limit for an end.
    """
    space = spaces.Box(0, 255, (STACK, *SHAPE), np.uint8)
    options = {"optimize_memory_usage": sparing, "handle_timeout_termination": not sparing}
    buffer = ReplayBuffer(PEER_FRAMES, space, SPACES[1], device="cpu", **options)
    noise = np.random.default_rng(0).integers(0, 256, (1, STACK, *SHAPE), np.uint8)
    infos: list[dict[str, Any]] = [{}]
    for _ in range(PEER_FRAMES):
        buffer.add(noise, noise, np.zeros(1), np.zeros(1), np.zeros(1), infos)
    arrays = (part for part in vars(buffer).values() if isinstance(part, np.ndarray))
    held = sum(array.nbytes for array in arrays) * FRAMES / PEER_FRAMES
    return held, BATCH / seconds_of(lambda: buffer.sample(BATCH), scope)


def seconds_of(work: Callable[[], object], scope: Scope) -> float:
    """Seconds of one call, the median of many after a first one that compiles."""
    work()
    taken, end = [], time.perf_counter() + (scope.seconds or SECONDS)
    while time.perf_counter() < end:
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return median(taken)
