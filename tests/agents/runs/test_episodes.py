"""Statistics of episodes, by hand."""

import numpy as np

from agents.runs.episodes import EpisodeStatistics

YES, NO = np.ones(2, np.bool_), np.zeros(2, np.bool_)


def reward(*values):
    return np.array(values, np.float32)


def test_an_episode_is_told_when_it_ends():
    statistics = EpisodeStatistics(2)
    assert statistics.add(reward(1, 2), YES, NO, {}) == {}
    info = {"speed": np.array([3.0, 4.0]), "_speed": np.array([False, True])}
    told = statistics.add(reward(1, 3), YES, np.array([False, True]), info)
    assert told == {1: {"episode_return": 5.0, "episode_length": 2.0, "speed": 4.0}}
    only_reset = np.array([True, False])
    assert statistics.add(reward(1, 0), only_reset, NO, {}) == {}
    told = statistics.add(reward(1, 7), YES, YES, {})
    assert told == {
        0: {"episode_return": 4.0, "episode_length": 4.0},
        1: {"episode_return": 7.0, "episode_length": 1.0},
    }
    assert statistics.episodes == 3


def test_means_are_over_the_window_and_over_those_that_told():
    statistics = EpisodeStatistics(1, window=2)
    one = np.ones(1, np.bool_)
    for gain in (10, 20, 40):
        info = {"success": np.array([1.0]), "_success": one} if gain == 40 else {}
        statistics.add(reward(gain), one, one, info)
    expected = {"episodes": 3, "episode_return": 30.0, "episode_length": 1.0, "success": 1.0}
    assert statistics.means() == expected


def test_a_state_is_taken_back_and_is_its_own():
    statistics, other = EpisodeStatistics(2, window=3), EpisodeStatistics(2, window=3)
    statistics.add(reward(1, 2), YES, np.array([True, False]), {})
    other.load_state_dict(statistics.state_dict())
    for one in (statistics, other):
        for _ in range(4):
            one.add(reward(5, 6), YES, YES, {})
    assert other.means() == statistics.means()
    assert other.means()["episode_return"] == np.mean([6, 5, 6])
