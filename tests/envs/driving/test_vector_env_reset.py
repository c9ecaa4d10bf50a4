"""What `reset` of the batch takes: seeds, levels and masks; and what it refuses."""

import numpy as np
import pytest


@pytest.mark.parametrize(
    "mask", [np.ones(3, bool), np.ones(2, int), np.zeros(2, bool), "ab", np.ones((2, 1), bool)]
)
def test_a_mask_that_does_not_fit_is_refused(make_batch, mask) -> None:
    env = make_batch(2)
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"^reset_mask must be \(2,\) bool with at least one row chosen\.$"):
        env.reset(options={"reset_mask": mask})


def frames(env, **reset) -> np.ndarray:
    return env.reset(**reset)[0].reshape(env.num_envs, -1)


def test_seeds_are_counted_up_from_row_to_row(make_batch) -> None:
    env = make_batch(4, obs="state")
    counted = frames(env, seed=7)
    np.testing.assert_array_equal(counted, frames(env, seed=[7, 8, 9, 10]))
    np.testing.assert_array_equal(counted[1:], frames(env, seed=8)[:-1])
    assert len(np.unique(counted, axis=0)) == 4


@pytest.mark.parametrize("seed", [0, 2**32, 2**63 - 1, 2**64 + 5, 10**30, np.int64(3)])
def test_any_integer_is_a_seed_and_means_the_same_each_time(make_batch, seed) -> None:
    env = make_batch(3, obs="state")
    first = frames(env, seed=seed)
    env.step(np.zeros(3, int))
    np.testing.assert_array_equal(first, frames(env, seed=seed))


def test_unseeded_resets_differ_from_each_other_and_from_process_to_process(make_batch) -> None:
    env, other = make_batch(3, obs="state"), make_batch(3, obs="state")
    drawn = np.concatenate([frames(env), frames(env), frames(other), frames(other, seed=[None, None, None])])
    assert len(np.unique(drawn, axis=0)) == len(drawn)


def test_rows_without_a_seed_draw_one_on_the_first_reset(make_batch) -> None:
    first, second = (frames(make_batch(3, obs="state"), seed=[None, 5, None]) for _ in range(2))
    np.testing.assert_array_equal(first[1], second[1])
    assert len(np.unique(np.concatenate([first, second]), axis=0)) == 5


def test_a_seeded_batch_goes_on_to_new_episodes_that_are_the_same_each_time(make_batch) -> None:
    a, b = make_batch(3, obs="state"), make_batch(3, obs="state")
    first = [frames(a, seed=3), frames(a), frames(a)]
    np.testing.assert_array_equal(first, [frames(b, seed=3), frames(b), frames(b)])
    assert len(np.unique(np.concatenate(first), axis=0)) == 9


@pytest.mark.parametrize("seed", [[1, 2], [1, 2, 3, 4], []])
def test_a_list_of_seeds_has_one_a_row(make_batch, seed: list) -> None:
    with pytest.raises(ValueError, match=rf"^{len(seed)} seeds were given for 3 rows\.$"):
        make_batch(3).reset(seed=seed)


@pytest.mark.parametrize("seed", ["a", 1.5, True, [1, 2.5, 3], [1, "a", 3], [1, False, 2]])
def test_a_seed_that_is_no_whole_number_is_refused(make_batch, seed) -> None:
    env = make_batch(3)
    with pytest.raises(ValueError, match=r"^seed is .*; it must be a whole number\.$"):
        env.reset(seed=seed)


@pytest.mark.parametrize("options", [[1], "level", 3])
def test_options_that_are_no_dictionary_are_refused(make_batch, options) -> None:
    with pytest.raises(ValueError, match=r"^options of reset are .*; they must be a dictionary\.$"):
        make_batch(3).reset(options=options)


def test_a_road_named_twice_is_refused(make_batch) -> None:
    with pytest.raises(ValueError, match=r"^reset was given both level and levels"):
        make_batch(3).reset(options={"level": 1, "levels": 2})


def test_there_is_nothing_to_render_before_reset(make_batch) -> None:
    with pytest.raises(RuntimeError, match=r"^render was called before reset\.$"):
        make_batch(2, render_mode="rgb_array").render()


def test_levels_pin_the_road_of_each_row(make_batch) -> None:
    env = make_batch(3)
    for levels in ([2, 0, 3], np.array([1, 1, 1], np.int32), 2):
        env.reset(seed=0, options={"levels": levels})
        np.testing.assert_array_equal(env.simulator.rows["level"], np.broadcast_to(levels, 3))
    seen = set()
    for seed in range(20):
        env.reset(seed=seed)
        seen |= set(env.simulator.rows["level"].tolist())
    assert seen == {0, 1, 2, 3}, "without the option every road is driven"


@pytest.mark.parametrize("levels", [[0, 1], [0.0, 1.0, 2.0], "012", [[0, 1, 2]], [True, False, True]])
def test_levels_of_another_shape_or_type_are_refused(make_batch, levels) -> None:
    with pytest.raises(ValueError, match=r"^levels must be a whole number or \(3,\) of them\.$"):
        make_batch(3).reset(options={"levels": levels})


@pytest.mark.parametrize("levels", [4, -1, [0, 0, 99]])
def test_levels_outside_the_split_are_refused(make_batch, levels) -> None:
    env = make_batch(3)
    before = frames(env, seed=0)
    with pytest.raises(
        ValueError, match=r"^levels reach from .*; split 'train' has 0 … 3 \(num_levels says how many\)\.$"
    ):
        env.reset(options={"levels": levels})
    np.testing.assert_array_equal(before, frames(env, seed=0))
