"""The chain: a small reward at hand, a large one far away."""

import numpy as np

from envs.tabular.grid import MOST_STEPS
from envs.tabular.layout import Layout
from envs.tabular.model import Outcome, build_model
from envs.tabular.world import World, require_chance, require_whole

FAR_REWARD, NEAR_REWARD = 10.0, 2.0
LINE = 20  # states drawn side by side: a longer chain is broken like a text


def make_chain(length: int = 5, slip: float = 0.2, max_steps: int = 100) -> World:
    """A row of states: `forward` goes on, and pays 10 at the far end; `back` pays 2 and returns to the start.

    An action turns out as the other one with chance `slip`. No state ends an episode; the time limit does.
    The longer the chain, the less chance alone will find the far end. Source: Strens (2000), section 4, where
    the chain has five states and the slip is 0.2.

    Args:
        length: number of states.
        slip: chance that an action turns out as the other one.
        max_steps: the time limit.

    Raises:
        ValueError: an option is not one.
    """
    require_whole("length", length, 2, 1000)
    require_chance("slip", slip)
    require_whole("max_steps", max_steps, 1, MOST_STEPS)
    last = length - 1

    def outcomes(state: int, action: int) -> list[Outcome]:
        forward = slip if action else 1.0 - slip
        return [
            Outcome(forward, min(state + 1, last), FAR_REWARD if state == last else 0.0),
            Outcome(1.0 - forward, 0, NEAR_REWARD),
        ]

    start = np.arange(length) == 0
    cells = np.column_stack(np.divmod(np.arange(length), LINE))
    rows = [min(LINE, length - begin) for begin in range(0, length, LINE)]
    ground = tuple(("." * row).ljust(rows[0]) for row in rows)
    layout = Layout(ground, cells, ("forward", "back"), arrows=("right", "left"))
    return World(build_model(length, 2, outcomes, start, max_steps), layout)
