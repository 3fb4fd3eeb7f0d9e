"""The battery's limits, voltage and bookkeeping."""

import math
import random

import pytest

from models.car.battery import (
    charge_limit_w,
    discharge_limit_w,
    open_circuit_v,
    shortest_charge_s,
    soc_after,
    terminal_v,
)


@pytest.mark.parametrize(
    ("soc", "limit_w"),
    [
        pytest.param(0.5, 11_000.0, id="below taper"),
        pytest.param(0.8, 11_000.0, id="at taper"),
        pytest.param(0.85, 5_500.0, id="half way"),
        pytest.param(0.9, 0.0, id="at the ceiling"),
        pytest.param(0.95, 0.0, id="above the ceiling"),
    ],
)
def test_charge_limit_falls_linearly_from_taper_to_ceiling(soc, limit_w):
    assert charge_limit_w(soc, 11_000.0, 0.8, 0.9) == pytest.approx(limit_w)


@pytest.mark.parametrize(
    ("soc", "limit_w"),
    [
        pytest.param(0.5, 10_000.0, id="above taper"),
        pytest.param(0.15, 5_000.0, id="half way"),
        pytest.param(0.1, 0.0, id="at the floor"),
        pytest.param(0.05, 0.0, id="below the floor"),
    ],
)
def test_discharge_limit_falls_linearly_from_taper_to_floor(soc, limit_w):
    assert discharge_limit_w(soc, 10_000.0, 0.2, 0.1) == pytest.approx(limit_w)


def test_a_taper_at_the_bound_means_full_power_up_to_it():
    assert charge_limit_w(0.999, 11_000.0, 1.0, 1.0) == 11_000.0
    assert discharge_limit_w(0.051, 11_000.0, 0.05, 0.05) == 11_000.0


def test_open_circuit_voltage_is_linear_between_empty_and_full():
    assert open_circuit_v(0.25, 300.0, 400.0) == 325.0


@pytest.mark.parametrize("power_w", [-20_000.0, -1.0, 0.0, 50_000.0])
def test_terminal_voltage_satisfies_ohms_law(power_w):
    voltage_v = terminal_v(power_w, 350.0, 0.1)
    assert 350.0 + 0.1 * (power_w / voltage_v) == pytest.approx(voltage_v)


def test_beyond_the_greatest_discharge_the_voltage_stays_at_half():
    # 350^2 / (4 x 0.1) = 306 kW is all that 350 V behind 0.1 ohm can deliver.
    assert terminal_v(-306_250.0, 350.0, 0.1) == 175.0
    assert terminal_v(-400_000.0, 350.0, 0.1) == 175.0


def test_state_of_charge_counts_energy_in_the_cells():
    assert soc_after(0.5, 36_000.0, 50_000.0) == pytest.approx(0.5002)  # 10 Wh of 50 kWh


@pytest.mark.parametrize(
    ("soc", "target", "seconds"),
    [
        pytest.param(0.5, 0.7, 3600.0, id="below the taper: 10 kWh at 10 kW"),
        pytest.param(0.7, 0.6, 0.0, id="there already"),
        pytest.param(0.8, 0.9, 18_000.0 * 0.2 * math.log(2.0), id="half of the taper"),
        pytest.param(0.9, 0.95, 18_000.0 * 0.2 * math.log(2.0), id="within the taper"),
        pytest.param(0.5, 1.0, math.inf, id="the ceiling is approached for ever"),
    ],
)
def test_shortest_charge(soc, target, seconds):
    assert shortest_charge_s(soc, target, 10_000.0, 0.8, 1.0, 50_000.0) == pytest.approx(seconds)


def test_shortest_charge_agrees_with_stepping_through_the_limit():
    soc, seconds = 0.6, 0.0
    while soc < 0.95:
        soc += charge_limit_w(soc, 10_000.0, 0.8, 1.0) * 1.0 / (3600.0 * 50_000.0)
        seconds += 1.0
    assert shortest_charge_s(0.6, 0.95, 10_000.0, 0.8, 1.0, 50_000.0) == pytest.approx(seconds, rel=1e-3)


def test_compiled_battery_is_the_same_bits(same_bits):
    draw = random.Random(1)
    socs = [0.0, 0.1, 0.2, 0.8, 0.9, 1.0, *(draw.random() for _ in range(500))]
    same_bits(charge_limit_w, [(soc, 11_000.0, 0.8, 0.9) for soc in socs])
    same_bits(discharge_limit_w, [(soc, 11_000.0, 0.2, 0.1) for soc in socs])
    same_bits(open_circuit_v, [(soc, 290.0, 400.0) for soc in socs])
    same_bits(terminal_v, [(draw.uniform(-4e5, 2e5), draw.uniform(290.0, 400.0), 0.1) for _ in range(500)])
    same_bits(soc_after, [(soc, draw.uniform(-1e7, 1e7), 5e4) for soc in socs])
