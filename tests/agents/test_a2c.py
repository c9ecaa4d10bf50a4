"""A2C: one update for each rollout, of all its steps that counted."""

import numpy as np
from gymnasium import spaces

from agents.a2c import A2C, A2CConfig
from agents.agent import Transition

VECTOR = spaces.Box(-1, 1, (3,), np.float32)


def test_a_rollout_is_one_update_of_all_steps_that_counted():
    agent = A2C(A2CConfig(rollout_steps=6), VECTOR, spaces.Discrete(2), 0, "cpu")
    obs, nothing = np.zeros((4, 3), np.float32), np.zeros(4, np.bool_)
    one = np.array([False, True, False, False])
    seen = []
    agent._batches = lambda places: seen.append(places.tolist()) or iter([places])
    for terminated, ignored in ((one, nothing), (nothing, one)):
        action, _ = agent.act(obs, None)
        agent.observe(Transition(obs, action, np.ones(4, np.float32), terminated, nothing, obs, ignored))
        list(agent.learn(4))
    assert seen == [[0, 1, 2, 3, 4, 6, 7]]
    assert agent.updates == 1
