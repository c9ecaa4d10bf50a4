"""IDM and MOBIL by hand."""

import dataclasses

import numpy as np
import pytest

from envs.driving.following import (
    DRIVER,
    DriverParams,
    equilibrium_gap,
    idm_acceleration,
    mobil_gain,
    mobil_wants_change,
)

PARAMS = DriverParams()
RECORD = PARAMS.record().view(np.recarray)[0]


def idm(speed: float, desired: float, gap: float, approach: float, driver=RECORD) -> float:
    return float(idm_acceleration(*(np.float32(x) for x in (speed, desired, gap, approach)), driver))


def pair(before: float, after: float) -> tuple:
    return np.float32(before), np.float32(after)


@pytest.mark.parametrize(("speed", "expected"), [(0.0, 1.8), (5.0, 1.8 * (1 - 1 / 16)), (10.0, 0.0)])
def test_alone_a_driver_heads_for_his_desired_speed(speed: float, expected: float) -> None:
    assert idm(speed, 10.0, 1e6, 0.0) == pytest.approx(expected, abs=1e-5)


def test_behind_a_slower_car_the_equation_holds() -> None:
    """v 8, v₀ 10, s 20, Δv 3: s* = 2 + 9.6 + 24 / (2 √4.5) = 17.25685."""
    assert idm(8.0, 10.0, 20.0, 3.0) == pytest.approx(1.8 * (1 - 0.4096 - (17.25685 / 20) ** 2), rel=1e-4)


def test_a_leader_that_pulls_away_takes_off_no_more_than_the_headway() -> None:
    assert idm(8.0, 10.0, 20.0, -30.0) == pytest.approx(1.8 * (1 - 0.4096 - (2.0 / 20) ** 2), rel=1e-4)


@pytest.mark.parametrize("exponent", [1.0, 2.0, 4.0, 7.5])
def test_any_exponent_is_a_power(exponent: float) -> None:
    driver = dataclasses.replace(PARAMS, exponent=exponent).record().view(np.recarray)[0]
    assert idm(5.0, 8.0, 1e6, 0.0, driver) == pytest.approx(1.8 * (1 - 0.625**exponent), rel=1e-4)


@pytest.mark.parametrize("speed", [0.0, 3.0, 7.0, 9.5])
def test_nobody_accelerates_at_the_equilibrium_gap(speed: float) -> None:
    gap = float(equilibrium_gap(np.float32(speed), np.float32(10.0), RECORD))
    assert gap == pytest.approx((2.0 + 1.2 * speed) / np.sqrt(1.0 - (speed / 10.0) ** 4), rel=1e-5)
    assert idm(speed, 10.0, gap, 0.0) == pytest.approx(0.0, abs=1e-4)
    assert idm(speed, 10.0, 0.9 * gap, 0.0) < -0.01 < 0.01 < idm(speed, 10.0, 1.1 * gap, 0.0)


@pytest.mark.parametrize("gap", [0.0, -3.0])
def test_no_gap_and_no_desire_are_braking_not_infinity(gap: float) -> None:
    assert -1e7 < idm(0.0, 0.0, gap, 0.0) < -1e3


CASES = [
    # a_c → ã_c, new follower, old follower, gain, wants
    (pair(-1.0, 0.5), pair(0.0, -1.0), pair(-0.5, 0.5), 1.5 + 0.2 * (-1.0 + 1.0), True),
    (pair(0.0, 0.5), pair(0.0, -2.5), pair(0.0, 0.0), 0.5 - 0.2 * 2.5, False),
    (pair(0.0, 0.19), pair(0.0, 0.0), pair(0.0, 0.0), 0.19, False),
    (pair(0.0, 0.21), pair(0.0, 0.0), pair(0.0, 0.0), 0.21, True),
    (pair(0.0, 0.0), pair(0.0, 0.0), pair(-2.0, 1.0), 0.6, True),
    (pair(-8.0, 1.8), pair(0.0, -3.01), pair(-2.0, 1.8), 9.8 + 0.2 * (-3.01 + 3.8), False),
    (pair(-8.0, 1.8), pair(0.0, -2.99), pair(0.0, 0.0), 9.8 - 0.2 * 2.99, True),
]


@pytest.mark.parametrize(("own", "new_follower", "old_follower", "gain", "wants"), CASES)
def test_lanes_are_changed_where_it_is_safe_and_pays(own, new_follower, old_follower, gain, wants) -> None:
    assert mobil_gain(own, new_follower, old_follower, RECORD) == pytest.approx(gain, abs=1e-5)
    assert mobil_wants_change(own, new_follower, old_follower, RECORD) == wants


def test_an_egoist_does_not_mind_others() -> None:
    egoist = dataclasses.replace(PARAMS, politeness=0.0).record().view(np.recarray)[0]
    case = pair(0.0, 0.5), pair(0.0, -2.5), pair(0.0, -2.0)
    assert mobil_wants_change(*case, egoist)
    assert not mobil_wants_change(*case, RECORD)


def test_the_record_holds_the_parameters() -> None:
    assert DRIVER.names == tuple(field.name for field in dataclasses.fields(PARAMS))
    for name, value in dataclasses.asdict(PARAMS).items():
        assert RECORD[name] == np.float32(value)


@pytest.mark.parametrize(
    ("name", "value", "bound"),
    [
        ("minimum_gap", 0.0, "above 0"),
        ("time_headway", float("nan"), "above 0"),
        ("politeness", -0.1, "at least 0"),
        ("threshold", float("nan"), "at least 0"),
    ],
)
def test_impossible_drivers_are_refused(name: str, value: float, bound: str) -> None:
    with pytest.raises(ValueError, match=rf"DriverParams\.{name} is {value}; it must be {bound}\."):
        DriverParams(**{name: value})
