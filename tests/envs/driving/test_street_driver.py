"""The expert on roads with others: it arrives without touching anybody, and its parts do what they say."""

import numpy as np
import pytest

from envs.driving.actions import controls
from envs.driving.actors import ACTOR, BARRIER, CAR, CONE, PEDESTRIAN
from envs.driving.experts import expert_for
from envs.driving.metrics import METRICS, ROAD_METRICS
from envs.driving.params import CONTROL_STEP, VehicleParams
from envs.driving.simulator import Simulator
from envs.driving.street_driver import (
    StreetDriver,
    choose_place,
    drive_streets,
    follower,
    gap_to_stop,
    pedal_for,
)
from envs.driving.surroundings import SURROUNDINGS, gives_way_to, look_round
from envs.driving.vector_env import DrivingVectorEnv

NAMES = METRICS + ROAD_METRICS


def drive(
    task: str, count: int, actions: str = "discrete", first: int = 0, **kwargs
) -> dict[str, np.ndarray]:
    """Figures of one episode on each of so many roads, by name."""
    env = DrivingVectorEnv(
        count, task=task, obs="state", actions=actions, autoreset_mode="Disabled", split="val", **kwargs
    )
    env.reset(seed=first, options={"levels": first + np.arange(count)})
    expert, simulator, figures = expert_for(env), env.simulator, np.zeros((count, len(NAMES)))
    playing = np.ones(count, np.bool_)
    while playing.any():
        wanted = np.zeros((count, 2), np.float32)
        controls(env.config.actions, expert.act(env), wanted)
        simulator.step(playing, wanted)
        figures += simulator.outcome.metrics * playing[:, None]
        playing = ~simulator.rows["ended"]
    return dict(zip(NAMES, figures.T, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("actions", ["continuous", "discrete"])
@pytest.mark.parametrize("task", ["obstacles", "traffic", "race"])
def test_it_drives_every_task_to_its_end(task: str, actions: str) -> None:
    figures = drive(task, 24, actions)
    assert figures["driving_score"].mean() > 0.95
    for fault in ("off_road", "collision_pedestrian", "failed_to_yield", "wrong_way"):
        assert figures[fault].sum() == 0.0, fault


@pytest.fixture(scope="module")
def street() -> Simulator:
    """A car on a straight of a street with nobody else, at 6 m/s in its lane."""
    env = DrivingVectorEnv(
        1, task="obstacles", num_obstacles=4, num_pedestrians=2, num_parked=0, num_levels=2
    )
    env.reset(seed=0, options={"levels": 0})
    return env.simulator


def stand(simulator: Simulator, *others: dict) -> tuple:
    """Put others on the road; returns what `choose_place` takes of the car and the road."""
    row, roads = simulator.rows[0], simulator.roads
    lap = float(roads.counts[0] * roads.spacings[0])
    along = float(row["nearest"] * roads.spacings[0] + row["advance"])
    actors = np.zeros(max(len(others), 1), ACTOR)
    for actor, other in zip(actors, others, strict=False):
        actor["half_length"], actor["half_width"], actor["direction"] = 0.3, 0.3, 0.0
        for name, value in other.items():
            actor[name] = value
        actor["along"] = (along + float(row["direction"]) * other["along"]) % lap
        hand = float(row["direction"] * row["mirror"])
        actor["side"], actor["drift"] = other["side"] * hand, other.get("drift", 0.0) * hand
    row["vx"], row["offset"] = 6.0, -1.75 * float(row["direction"] * row["mirror"])
    return row, actors, (np.float32(along), np.float32(lap))


def place(simulator: Simulator, *others: dict) -> tuple[float, float, float]:
    """Where the expert would drive across a street 8.2 m wide, the gap and the speed of what is next."""
    row, actors, here = stand(simulator, *others)
    road = (np.float32(4.1), 1, np.float32(0.0))
    return choose_place(row, actors, here, road, StreetDriver().numbers())


def test_alone_it_keeps_the_middle_of_its_lane(street: Simulator) -> None:
    side, gap, _ = place(street)
    assert side == pytest.approx(-1.75, abs=0.2)
    assert gap > 1e5


@pytest.mark.parametrize("at", [-2.6, -1.75, -0.9, 0.0])
def test_it_goes_round_what_stands(street: Simulator, at: float) -> None:
    side, gap, _ = place(street, {"kind": CONE, "along": 30.0, "side": at})
    assert abs(side - at) > 0.3 + 0.9, "clear of it by its own half width"
    assert abs(side) < 4.1 - 0.5
    assert gap > 1e5


def test_where_nothing_is_free_it_goes_for_the_gap_behind(street: Simulator) -> None:
    wall = {"kind": BARRIER, "along": 30.0, "side": 0.0, "half_width": 4.0}
    _, gap, speed = place(street, wall)
    assert speed == 0.0
    assert gap == pytest.approx(30.0 - 0.3 - 2.1 - 8.0, abs=0.1), "eight metres short, to get round it"


def test_it_follows_who_drives_ahead_and_lets_in_who_comes_over(street: Simulator) -> None:
    ahead = {"kind": CAR, "along": 20.0, "side": -1.75, "half_length": 2.0, "half_width": 0.9, "speed": 4.0}
    row, _, _ = stand(street)
    ahead["direction"] = float(row["direction"])
    oncoming = {**ahead, "along": 40.0, "side": 1.75, "direction": -float(row["direction"])}
    side, gap, speed = place(street, ahead, oncoming)
    assert side == pytest.approx(-1.75, abs=0.4), "no overtaking into somebody's way"
    assert (gap, speed) == (pytest.approx(20.0 - 4.1 - 1.0, abs=0.1), pytest.approx(4.0))


def test_it_stops_at_the_line_for_who_walks_and_not_for_who_waits(street: Simulator) -> None:
    row, _, here = stand(street)
    crossings = np.array([(here[0] + row["direction"] * 30.0) % here[1], -1.0, -1.0, -1.0], np.float32)
    person = {"kind": PEDESTRIAN, "along": 30.0, "side": 3.0, "lane": 0, "drift": -1.4}
    _, walking, _ = stand(street, person)
    assert gap_to_stop(row, walking, crossings, here) == pytest.approx(30.0 - 3.5 - 2.1, abs=0.05)
    _, waiting, _ = stand(street, {**person, "drift": 0.0})
    assert gap_to_stop(row, waiting, crossings, here) > 1e5
    row["vx"] = 17.5
    strip = 30.0 - 1.4 - 2.1
    assert gap_to_stop(row, walking, crossings, here) == pytest.approx(strip, abs=0.05), (
        "too late for the line"
    )
    row["vx"] = 25.0
    assert gap_to_stop(row, walking, crossings, here) > 1e5, "too late to stop"


@pytest.mark.parametrize(
    ("side", "drift", "speed", "away", "stops"),
    [
        (1.0, 1.4, 6.0, 30.0, True),  # 2.75 m from the car's middle: still before his feet
        (3.0, 1.4, 6.0, 30.0, False),  # has crossed the car's way
        (-4.0, -1.4, 6.0, 30.0, True),  # goes off to the right, and is near yet
        (6.0, -1.4, 6.0, 30.0, True),  # 7.75 m to walk; the car needs 5.5 s until it is past
        (6.0, -1.4, 9.0, 10.0, False),  # it needs 1.4 s, and he 3.7 s
        (6.0, -1.4, 0.0, 7.0, True),  # from rest it needs 3.3 s
        (8.0, -1.4, 0.0, 7.0, False),
    ],
)
def test_it_stops_for_who_is_in_its_way_or_will_be(
    street: Simulator, side: float, drift: float, speed: float, away: float, stops: bool
) -> None:
    person = {"kind": PEDESTRIAN, "along": away, "side": side, "lane": 0, "drift": drift}
    row, actors, _ = stand(street, person)
    row["vx"] = speed
    assert gives_way_to(row, actors[0], np.float32(away)) == stops


def test_it_brakes_for_people_even_where_its_front_is_among_them(street: Simulator) -> None:
    person = {"kind": PEDESTRIAN, "along": 3.0, "side": -1.0, "lane": 0, "drift": 1.4}
    row, walking, here = stand(street, person)
    crossings = np.array([(here[0] + row["direction"] * 3.0) % here[1], -1.0, -1.0, -1.0], np.float32)
    row["vx"] = 2.0
    assert gap_to_stop(row, walking, crossings, here) == 0.0


def test_the_state_tells_of_who_is_nearest_to_the_cars_way(street: Simulator) -> None:
    near = {"kind": PEDESTRIAN, "along": 20.0, "side": -0.75, "lane": 0, "drift": -1.4}
    far = {**near, "side": 1.25}
    gone = {**near, "side": 6.0, "drift": 1.4}
    names = SURROUNDINGS.index("crossing"), SURROUNDINGS.index("crossing_side")
    for others, told in (((near, far), 1.0), ((far, near), 1.0), ((gone, far), 3.0), ((gone,), None)):
        row, actors, here = stand(street, *others)
        crossings = np.array([(here[0] + row["direction"] * 20.0) % here[1], -1.0], np.float32)
        see = np.zeros(len(SURROUNDINGS), np.float32)
        look_round(row, actors, crossings, (*here, np.float32(4.1)), see)
        assert see[names[0]] == pytest.approx(0.5, abs=0.01)
        assert see[names[0] + 1] == (told is not None)
        assert see[names[1]] == pytest.approx((told or 0.0) / 7.0, abs=1e-3)


@pytest.mark.parametrize(("wanted", "speed"), [(1.5, 5.0), (-2.0, 8.0), (0.0, 10.0)])
def test_the_pedal_gives_the_acceleration(street: Simulator, wanted: float, speed: float) -> None:
    car = VehicleParams().record()[0]
    row = street.rows[0]
    row["vx"] = speed
    pedal = float(pedal_for(np.float32(wanted), row, car))
    force = pedal * (car["max_drive"] if pedal > 0 else car["max_brake"])
    drag = float(car["rolling"]) + float(car["drag"]) * speed**2
    assert (force - drag) / float(car["mass"]) == pytest.approx(wanted, abs=1e-3)


def test_a_row_is_driven_the_same_whoever_is_beside_it() -> None:
    env = DrivingVectorEnv(3, task="traffic", num_levels=3, obs="state")
    env.reset(seed=5)
    simulator, minds = env.simulator, (StreetDriver().numbers(), follower())
    together = np.zeros((3, 2), np.float32)
    drive_streets(simulator.rows, simulator.there, simulator.roads.arrays(), minds, together)
    for n in range(3):
        alone, there = np.zeros((1, 2), np.float32), simulator.there
        one = type(there)(*(array[n : n + 1] for array in there))
        drive_streets(simulator.rows[n : n + 1], one, simulator.roads.arrays(), minds, alone)
        assert (alone[0] == together[n]).all()


def test_discrete_wheels_come_near_to_what_is_wanted() -> None:
    """Wheels turn by 0.155 of their greatest angle a step, less than from one action to the next."""
    env = DrivingVectorEnv(1, num_levels=1, obs="state")
    env.reset(seed=0)
    angles = []
    for _ in range(80):
        env.step(env.nearest_actions(np.array([[0.12, 0.4]], np.float32)))
        row = env.simulator.rows[0]
        angles.append(float(row["steer"] * row["mirror"]) / VehicleParams().max_steer)
        if row["ended"]:
            break
    assert len(angles) > 20
    assert np.mean(angles[10:]) == pytest.approx(0.12, abs=0.06)
    assert CONTROL_STEP == 0.05
