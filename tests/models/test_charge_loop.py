"""The offer's numbers, and what the EV makes of a setpoint."""

import random

import pytest

from models.control.charge_loop import StationView, accepted_w, current_limit_a, energy_requests_wh


def test_energy_requests_are_signed_distances_that_all_fall_by_the_energy_put_in():
    bounds = (0.8, 1.0, 0.3, 0.9, 0.25)
    before = energy_requests_wh(*bounds, 0.5, 50_000.0)
    after = energy_requests_wh(*bounds, 0.51, 50_000.0)
    assert before == pytest.approx((15_000.0, 25_000.0, -10_000.0, 20_000.0, -12_500.0))
    assert [one - two for one, two in zip(before, after, strict=True)] == pytest.approx([500.0] * 5)


def test_the_current_limit_follows_the_power_limit_up_to_the_rating():
    assert current_limit_a(7_000.0, 350.0, 125.0) == 20.0
    assert current_limit_a(70_000.0, 350.0, 125.0) == 125.0


@pytest.mark.parametrize(
    ("setpoint_w", "power_w"),
    [
        pytest.param(5_000.0, 5_000.0, id="within"),
        pytest.param(9_000.0, 7_000.0, id="above the charge limit"),
        pytest.param(1_000.0, 0.0, id="too little to charge with"),
        pytest.param(1_380.0, 1_380.0, id="the least that can be held"),
        pytest.param(-5_000.0, -5_000.0, id="discharging within"),
        pytest.param(-9_000.0, -6_000.0, id="beyond the discharge limit"),
        pytest.param(-1_000.0, 0.0, id="too little to discharge with"),
        pytest.param(0.0, 0.0, id="zero"),
    ],
)
def test_the_ev_aims_at_what_it_can_do(setpoint_w, power_w):
    assert accepted_w(setpoint_w, 7_000.0, 6_000.0, 1_380.0, 1_200.0) == power_w


def test_a_full_battery_accepts_nothing():
    assert accepted_w(5_000.0, 0.0, 6_000.0, 1_380.0, 1_200.0) == 0.0
    assert accepted_w(5_000.0, 900.0, 6_000.0, 1_380.0, 1_200.0) == 0.0


def test_a_view_is_26_floats():
    assert len(StationView._fields) == 26
    assert all(kind is float for kind in StationView.__annotations__.values())
    assert all(isinstance(value, float) for value in StationView())


def test_compiled_charge_loop_is_the_same_bits(same_bits):
    draw = random.Random(3)
    rows = [
        (draw.uniform(-1e4, 1e4), draw.uniform(0.0, 1e4), draw.uniform(0.0, 1e4), 1_380.0, 1_200.0) for _ in range(500)
    ]
    same_bits(accepted_w, [*rows, (0.0, 1.0, 1.0, 0.0, 0.0), (-0.0, 1.0, 1.0, 0.0, 0.0), (-5.0, 1.0, 0.0, 0.0, 0.0)])
    same_bits(energy_requests_wh, [(*(draw.random() for _ in range(6)), 5e4) for _ in range(200)])
    same_bits(current_limit_a, [(draw.uniform(0.0, 1e5), draw.uniform(300.0, 400.0), 125.0) for _ in range(200)])
