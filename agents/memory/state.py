"""What agents remember of the episodes that they are in."""

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from agents.agent import AgentState


def restarted(state: AgentState, initial: AgentState, rows: Bool[np.ndarray, " N"]) -> AgentState:
    """The state with `rows` at their initial values again; the given state is left as it is."""
    if state is None or initial is None or not rows.any():
        return state
    changed = {}
    for name, values in state.items():
        changed[name] = values.clone() if isinstance(values, Tensor) else values.copy()
        chosen = torch.from_numpy(rows).to(values.device) if isinstance(values, Tensor) else rows
        changed[name][chosen] = initial[name][chosen]
    return changed
