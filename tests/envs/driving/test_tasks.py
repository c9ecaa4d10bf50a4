"""The tasks: every promise that one environment keeps is kept by all of its presets."""

import gymnasium as gym
import numpy as np
import pytest

from envs.driving.collision import first_hit
from envs.driving.config import DrivingConfig
from envs.driving.metrics import INFRACTIONS, METRICS, ROAD_METRICS, WEIGHTS, episode_metrics
from envs.driving.records import ROW
from envs.driving.simulator import Simulator
from envs.driving.surroundings import EGO_CENTRE, EGO_HALF_LENGTH, EGO_HALF_WIDTH
from envs.driving.tasks import IDS, PRESETS
from envs.driving.vector_env import DrivingVectorEnv

SOME = {"num_levels": 3, "image_size": [24, 40]}
EVERYONE = np.ones(1, np.bool_)


def make(task: str, num_envs: int, **keywords) -> DrivingVectorEnv:
    keywords = {"autoreset_mode": "SAME_STEP", **SOME, **keywords}
    return DrivingVectorEnv(num_envs, task=task, **keywords)


def actions(num_envs: int, steps: int) -> np.ndarray:
    """Actions (steps, num_envs) that keep cars moving until they run into something."""
    return np.random.default_rng(0).choice([2, 5, 7, 8, 8, 8, 11, 14], (steps, num_envs))


def told(env: DrivingVectorEnv, steps: np.ndarray) -> list[list[np.ndarray]]:
    """What each step gives: observation, reward, ends and labels."""
    seen = []
    for step in steps:
        obs, reward, terminated, truncated, info = env.step(step)
        labels = info["labels"]
        seen.append([obs, reward, terminated, truncated, *(labels[name].copy() for name in sorted(labels))])
    return seen


@pytest.mark.parametrize("task", PRESETS)
def test_a_batch_is_its_rows_alone_whatever_the_threads(task: str) -> None:
    steps, size = actions(17, 60), 17
    env = make(task, size, labels=True, num_threads=2)
    env.reset(seed=5)
    together = told(env, steps)
    for n in (0, 9, 16):
        alone = make(task, 1, labels=True, num_threads=1)
        alone.reset(seed=5 + n)
        for one, all_rows in zip(told(alone, steps[:, n : n + 1]), together, strict=True):
            for a, b in zip(one, all_rows, strict=True):
                np.testing.assert_array_equal(a[0], b[n])


@pytest.mark.parametrize("task", PRESETS)
def test_a_restored_batch_goes_on_bit_for_bit(task: str) -> None:
    steps = actions(4, 80)
    env = make(task, 4, labels=True)
    env.reset(seed=1)
    told(env, steps[:30])
    state, after = env.state_dict(), told(env, steps[30:])
    other = make(task, 4, labels=True)
    other.reset(seed=2)
    other.load_state_dict(state)
    for one, again in zip(after, told(other, steps[30:]), strict=True):
        for a, b in zip(one, again, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("task", PRESETS)
@pytest.mark.parametrize(
    "keywords",
    [
        {"difficulty": 0.0},
        {"difficulty": 1.0},
        {"image_size": 8},
        {"image_size": 512},
        {"cameras": ["front", "left", "right", "rear"]},
        {"cameras": ["rear", "left"], "obs": "semantic"},
        {"obs": "birdview"},
        {"obs": "state"},
        {"obs": "depth", "frame_stack": 2},
    ],
)
def test_every_option_gives_what_its_space_promises(task: str, keywords: dict) -> None:
    env = make(task, 2, **keywords)
    obs, _ = env.reset(seed=0)
    for step in actions(2, 12):
        assert env.observation_space.contains(obs)
        obs, reward, *_ = env.step(step)
        assert np.isfinite(reward).all()
    assert np.asarray(obs).std() > 0.0


@pytest.mark.parametrize("task", ["obstacles", "traffic", "weather"])
@pytest.mark.parametrize("difficulty", [0.0, 0.5, 1.0])
def test_an_episode_begins_clear_of_everything(task: str, difficulty: float) -> None:
    simulator = Simulator(DrivingConfig.from_keywords({"task": task, "difficulty": difficulty, **SOME}), 64)
    everyone = np.ones(64, np.bool_)
    simulator.seed_rows(everyone, np.arange(64).astype(np.uint64))
    simulator.begin(everyone)
    for row, actors in zip(simulator.rows, simulator.there.actors, strict=True):
        size = EGO_HALF_LENGTH + np.float32(1.0), EGO_HALF_WIDTH
        assert first_hit(row, EGO_CENTRE, *size, actors) == -1
        assert (actors["kind"] > 0).sum() >= 0.6 * len(actors), "most of what was asked for is there"


def test_thirty_two_cars_fit_on_a_short_street_as_far_as_there_is_room() -> None:
    env = DrivingVectorEnv(4, road="street", num_cars=32, num_levels=3, obs="state")
    obs, _ = env.reset(seed=0)
    for step in actions(4, 100):
        obs, *_ = env.step(step)
    assert np.isfinite(np.asarray(obs)).all()
    assert (env.simulator.there.actors["kind"] == 1).sum(1).min() > 8


def test_running_into_a_parked_car_ends_the_episode_and_costs_what_it_weighs() -> None:
    env = make("traffic", 1, num_cars=0, num_pedestrians=0, num_parked=1, labels=True)
    env.reset(seed=0)
    row, car = env.simulator.rows[0], env.simulator.there.actors[0][0]
    car["x"], car["y"] = row["x"] + 6.0 * np.cos(row["yaw"]), row["y"] + 6.0 * np.sin(row["yaw"])
    reward, terminated, info = np.zeros(1), np.zeros(1, bool), {}
    while "final_info" not in info:
        _, reward, terminated, _, info = env.step(np.array([8]))
    final = info["final_info"]
    assert terminated[0]
    assert reward[0] < -1.5
    assert final["collision_vehicle"][0] == 1
    assert not final["success"][0]
    assert final["driving_score"][0] == pytest.approx(final["route_completion"][0] / 1.7)


def test_figures_of_an_episode_by_hand() -> None:
    row, figures = np.zeros(1, ROW)[0], np.zeros(len(METRICS) + len(ROAD_METRICS))
    row["step"], row["furthest"], row["speed_sum"], row["nearest_miss"] = 400, 300.0, 4000.0, 2.5
    row["infractions"] = [0, 1, 0, 2, 1, 3]
    episode_metrics(row, np.float32(400.0), 99.0, False, figures)
    got = dict(zip(METRICS + ROAD_METRICS, figures, strict=True))
    assert got["route_completion"] == pytest.approx(0.75)
    assert got["driving_score"] == pytest.approx(0.75 / (1 + 1.0 + 2 * 0.6 + 0.4 + 3 * 0.4))
    assert got["infractions_per_km"] == pytest.approx(7 / 0.2)
    for name, count in zip(INFRACTIONS, row["infractions"], strict=True):
        assert got[name] == count
        assert got[f"{name}_per_km"] == pytest.approx(count / 0.2)
    assert (got["time_to_collision"], got["lap_time"], got["timeout"]) == (2.5, 99.0, 0.0)
    assert len(WEIGHTS) == len(INFRACTIONS)


@pytest.mark.parametrize(("name", "task"), [(name, task) for task, name in IDS.items()])
def test_an_id_is_its_preset_and_its_options_can_be_overridden(name: str, task: str) -> None:
    env = gym.make_vec(name, num_envs=1, num_levels=2, difficulty=1.0, cruise_speed=2.0)
    config = env.unwrapped.config  # pyright: ignore[reportAttributeAccessIssue]
    assert config.task == task
    assert config.cruise_speed == 2.0
    for option, value in PRESETS[task](1.0).items():
        if option != "cruise_speed":
            assert getattr(config, option) == value


def test_numbers_of_the_car_are_drawn_within_their_range_and_the_preset_keeps_the_others() -> None:
    env = make("race", 64, car={"friction": [0.5, 0.9], "mass": 1500.0})
    env.reset(seed=0)
    cars = env.simulator.there.cars
    assert 0.5 <= cars["friction"].min() < 0.6
    assert 0.8 < cars["friction"].max() <= 0.9
    assert (cars["mass"] == 1500.0).all()
    assert (cars["max_speed"] == 30.0).all(), "of the preset"


@pytest.mark.parametrize("delay", [1, 3])
def test_actions_arrive_late(delay: int) -> None:
    late, prompt = (
        make("lane_follow", 1, car={"action_delay": d}, actions="continuous", obs="state") for d in (delay, 0)
    )
    late.reset(seed=4)
    prompt.reset(seed=4)
    given = np.random.default_rng(0).uniform(-0.5, 0.5, (20, 1, 2)).astype(np.float32)
    for step in np.concatenate([np.zeros((delay, 1, 2), np.float32), given])[:20]:
        prompt.step(step)
    for step in given:
        late.step(step)
    for field in ("x", "y", "vx", "steer"):
        assert late.simulator.rows[field] == prompt.simulator.rows[field]


def test_a_mirrored_row_blurs_as_the_row_it_mirrors() -> None:
    simulator = Simulator(DrivingConfig(weather={"motion_blur": 1.0}, look="clean", num_levels=2), 1)
    simulator.seed_rows(EVERYONE, np.zeros(1, np.uint64))
    simulator.begin(EVERYONE)
    simulator.rows["yaw_rate"], simulator.rows["vx"] = 0.9, 8.0
    frame, pictures = np.zeros((1, 64, 64, 3), np.uint8), []
    for mirror in (1.0, -1.0):
        simulator.rows["mirror"] = mirror
        simulator.paint(frame)
        pictures.append(frame[0].astype(int))
    apart = np.abs(pictures[0] - pictures[1][:, ::-1])[32:]  # below the hills, which stand elsewhere
    assert apart.mean() < 0.3
    simulator.rows["yaw_rate"] = -0.9
    simulator.paint(frame)
    other_way = np.abs(frame[0].astype(int) - pictures[1])[32:]
    assert other_way.mean() > 3.0 * apart.mean(), "the way it turns is seen"


@pytest.mark.parametrize(
    ("keywords", "sentence"),
    [
        ({"task": "fly"}, "task is 'fly'; it must be one of lane_follow, "),
        ({"task": ["race"]}, "task is "),
        ({"difficulty": 1.5}, "difficulty is 1.5; it must be a number from 0 to 1."),
        ({"num_cars": 33}, "num_cars is 33; it must be a whole number from 0 to 32."),
        ({"num_cars": 3}, "num_cars is 3; a track has no lanes, so nobody else."),
        ({"cameras": []}, "cameras is "),
        ({"cameras": ["front", "front"]}, "cameras is "),
        ({"cameras": [["front"]]}, "cameras is "),
        ({"weather": {"hail": 1.0}}, "weather has no 'hail'; it has night, "),
        (
            {"weather": {"fog": 1.2}},
            r"weather.fog is 1.2; it must be a number from 0 to 1, or \[least, most\]",
        ),
        ({"weather": 0.5}, "weather is 0.5; it must be a dictionary of numbers."),
        ({"car": {"friction": [0.9, 0.5]}}, "car.friction is "),
        ({"car": {"mass": 0.0}}, "VehicleParams.mass is 0.0; it must be above 0."),
        ({"car": {"action_delay": 9}}, "car.action_delay is 9; it must be below 8."),
        ({"task": "race", "car": 5}, "car is 5; it must be a dictionary of numbers."),
        ({"reward": [1.0]}, "reward is "),
        ({"reward": {"joy": 1.0}}, "the reward has no term 'joy'; it has progress, "),
        ({"scenery": 1}, "scenery is 1; it must be true or false."),
    ],
)
def test_bad_values_get_one_sentence(keywords: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        DrivingConfig.from_keywords(keywords)
