"""Where traffic starts: apart, on its lanes, no faster than it can stop."""

import numpy as np
import pytest

from envs.driving.actors import ACTOR, CAR, CONE, NOBODY
from envs.driving.collision import boxes_overlap
from envs.driving.following import DriverParams
from envs.driving.lanes import Guest, Street, lap_of, room_for_spans
from envs.driving.placing import place_cars
from envs.driving.traffic import step_traffic

DRIVER = DriverParams().record().view(np.recarray)[0]
SIZES = np.array([(1.95, 0.86), (2.3, 0.91), (3.6, 1.15)], np.float32)
GUEST_HALF = (2.2, 0.9)


def circle(lap: float, lanes: int = 1, limit: float = 20.0) -> Street:
    count, radius = round(2 * lap), lap / (2 * np.pi)
    angle = np.linspace(0.0, 2 * np.pi, count, endpoint=False)
    ones = np.ones(count)
    x, y = radius * np.cos(angle), radius * np.sin(angle)
    points = np.column_stack([x, y, angle + np.pi / 2, ones / radius, ones, limit * ones]).astype(np.float32)
    numbers = np.float32(3.5), np.float32(0.6 + 3.5 * lanes), np.float32(1.0)
    return Street(points, np.float32(lap / count), np.full(4, -1.0, np.float32), lanes, *numbers)


def guest(along: float = 0.0, side: float = 500.0) -> Guest:
    return Guest(*(np.float32(value) for value in (along, side, 0.0, *GUEST_HALF)))


def placed(street: Street, asked: int, seed: int, ego: Guest | None = None, pace: float = 1.0):
    actors = np.zeros(asked + 2, ACTOR).view(np.recarray)
    actors["kind"][1:-1] = CONE  # of the episode before
    looks = (SIZES, 5, np.float32(pace))
    fitted = place_cars(
        actors,
        room_for_spans(len(actors)),
        (1, asked),
        ego or guest(),
        street,
        DRIVER,
        looks,
        np.uint64(seed),
    )
    assert (actors["kind"][1 : fitted + 1] == CAR).all()
    assert (actors["kind"][fitted + 1 :] == NOBODY).all()
    assert actors["kind"][0] == NOBODY
    return actors[1 : fitted + 1]


def box(it) -> tuple:
    return it.x, it.y, it.yaw, it.half_length, it.half_width


def gaps(cars: np.ndarray, street: Street) -> np.ndarray:
    """Gap of each car to the next of its lane [m] along that lane; the lap where it has it alone."""
    lap, radius = float(lap_of(street)), float(lap_of(street)) / (2 * np.pi)
    result = np.full(len(cars), lap)
    for k, car in enumerate(cars):
        for other in cars[(cars["direction"] == car.direction) & (cars["lane"] == car.lane)]:
            away = float(other.along - car.along) * float(car.direction) % lap
            if away > 0.0:
                gap = away * (1.0 - float(car.side) / radius) - float(car.half_length + other.half_length)
                result[k] = min(result[k], gap)
    return result


@pytest.mark.parametrize("seed", range(12))
def test_thirty_two_cars_fit_on_three_hundred_metres(seed: int) -> None:
    street = circle(300.0)
    cars = placed(street, 32, seed)
    assert len(cars) >= 28
    assert gaps(cars, street).min() > 3.9
    for k in range(len(cars)):
        assert not any(boxes_overlap(box(cars[k]), box(cars[j])) for j in range(k))


@pytest.mark.parametrize("lanes", [1, 2])
def test_all_could_stop_for_what_is_ahead(lanes: int) -> None:
    street = circle(500.0, lanes)
    for seed in range(6):
        cars = placed(street, 24, seed)
        gap = gaps(cars, street)
        assert (cars["speed"].astype(float) ** 2 <= 2 * 2.0 * (gap - 1.9)).all()
        assert (cars["speed"] * 1.2 <= gap - 1.9).all()
        step_traffic(cars, room_for_spans(len(cars)), guest(), street, DRIVER, np.uint64(0), np.float32(0.05))
        assert cars["acceleration"].min() > -4.0


def test_lanes_directions_models_and_speeds_are_drawn_evenly() -> None:
    street = circle(600.0, 2)
    cars = np.concatenate([placed(street, 16, seed) for seed in range(60)])
    share = [np.mean(cars["direction"] > 0), np.mean(cars["lane"]), np.mean(cars["along"]) / 600.0]
    np.testing.assert_allclose(share, 0.5, atol=0.06)
    assert set(cars["model"]) == {0, 1, 2}
    assert set(cars["colour"]) == set(range(5))
    np.testing.assert_array_equal(cars["half_length"], SIZES[cars["model"], 0])
    np.testing.assert_array_equal(cars["half_width"], SIZES[cars["model"], 1])
    assert 6.0 <= cars["desired_speed"].min() < 6.3 < 10.7 < cars["desired_speed"].max() < 11.0
    assert cars["timer"].min() >= 0.0


def test_desired_speeds_are_scaled_and_bends_limit_the_start() -> None:
    cars = placed(circle(400.0, limit=5.0), 8, 0, pace=2.0)
    assert 12.0 <= cars["desired_speed"].min() < cars["desired_speed"].max() < 22.0
    assert cars["speed"].max() <= 5.0


@pytest.mark.parametrize("side", [-1.75, 1.75])
def test_a_guest_has_its_lane_free(side: float) -> None:
    """25 m ahead and 12 m behind, bumper to bumper, along the lane that it is in."""
    street, radius = circle(300.0), 300.0 / (2 * np.pi)
    direction = -np.sign(side)
    ahead, behind = [], []
    for seed in range(40):
        cars = placed(street, 24, seed, guest(5.0, side))
        own = cars[cars["direction"] == direction]
        away = (own["along"].astype(float) - 5.0) * direction % 300.0
        ends = own["half_length"].astype(float) + GUEST_HALF[0]
        ahead.append((away * (1.0 - side / radius) - ends).min())
        behind.append(((300.0 - away) * (1.0 - side / radius) - ends).min())
    assert 24.9 < min(ahead) < 28.0
    assert 11.9 < min(behind) < 15.0


def test_the_same_key_places_the_same_bits_and_another_one_others() -> None:
    street = circle(400.0)
    first, again, other = (placed(street, 12, seed).tobytes() for seed in (3, 3, 4))
    assert first == again != other
