"""Losses, ramps, and the energy of segments against an outside quadrature."""

import math
import random
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.car.converter import (
    NO_LOSS,
    TO_CELLS,
    TO_GRID,
    Converter,
    Energy,
    Loss,
    grid_for_plug_w,
    hold_beyond_ws,
    hold_energy,
    loss_w,
    plug_for_grid_w,
    ramp_beyond_ws,
    ramp_duration_s,
    ramp_energy,
    ramp_power_w,
    ramp_ticks,
    start_delay_s,
)

STATION_CHARGE = Loss(250.0, 0.05, 1e-6)
STATION_DISCHARGE = Loss(300.0, 0.04, 2e-6)
VEHICLE_CHARGE = Loss(50.0, 0.06, 1e-6)
VEHICLE_DISCHARGE = Loss(60.0, 0.07, 3e-6)
LOSSES = (STATION_CHARGE, STATION_DISCHARGE, VEHICLE_CHARGE, VEHICLE_DISCHARGE)

powers_w = st.floats(-50_000.0, 50_000.0)
rates_w_per_s = st.floats(100.0, 1e6)
spans_s = st.floats(0.0, 100.0, allow_subnormal=False)  # the clock counts nanoseconds


def segment_energy(start_w, target_w, up, down, dt_s, *losses):
    """A ramp that reaches its target or does not, then a hold."""
    ramp_s = min(ramp_duration_s(start_w, target_w, up, down), dt_s)
    ramp = ramp_energy(start_w, ramp_power_w(start_w, target_w, up, down, ramp_s), ramp_s, *losses)
    hold = hold_energy(target_w, dt_s - ramp_s, *losses)
    return Energy(*(one + two for one, two in zip(ramp, hold, strict=True)))


def quadrature(start_w, target_w, up, down, dt_s, step_s=1e-4):
    """Grid, plug, cells, station and vehicle loss by the midpoint rule: formulas written again, on arrays."""
    n = max(int(dt_s / step_s), 1)
    t = (np.arange(n) + 0.5) * (dt_s / n)
    rising = target_w >= start_w
    ramp = start_w + (up if rising else -down) * t
    plug = np.minimum(ramp, target_w) if rising else np.maximum(ramp, target_w)
    size = np.abs(plug)

    def loss(charge, discharge):
        one = charge.constant_w + charge.linear * size + charge.quadratic_per_w * size**2
        two = discharge.constant_w + discharge.linear * size + discharge.quadratic_per_w * size**2
        return np.where(plug > 0.0, one, np.where(plug < 0.0, two, 0.0))

    station = loss(STATION_CHARGE, STATION_DISCHARGE)
    vehicle = loss(VEHICLE_CHARGE, VEHICLE_DISCHARGE)
    return [float(np.sum(one)) * dt_s / n for one in (plug + station, plug, plug - vehicle, station, vehicle)]


# --- losses ---


@pytest.mark.parametrize(
    ("power_w", "lost_w"),
    [
        pytest.param(0.0, 0.0, id="nothing at zero"),
        pytest.param(-0.0, 0.0, id="nothing at minus zero"),
        pytest.param(10_000.0, 250.0 + 500.0 + 100.0, id="charging"),
        pytest.param(-10_000.0, 300.0 + 400.0 + 200.0, id="discharging"),
    ],
)
def test_loss_is_the_polynomial_of_the_direction(power_w, lost_w):
    assert loss_w(power_w, STATION_CHARGE, STATION_DISCHARGE) == pytest.approx(lost_w)


@pytest.mark.parametrize("plug_w", [-100_000.0, -11_000.0, -800.0, 0.0, 1.0, 500.0, 11_000.0, 150_000.0])
def test_plug_for_grid_undoes_grid_for_plug(plug_w):
    grid_w = grid_for_plug_w(plug_w, STATION_CHARGE, STATION_DISCHARGE)
    assert plug_for_grid_w(grid_w, STATION_CHARGE, STATION_DISCHARGE) == pytest.approx(plug_w, rel=1e-9)


@given(grid_w=st.floats(-100_000.0, 100_000.0).filter(lambda grid_w: not -300.0 <= grid_w <= 250.0))
def test_grid_for_plug_undoes_plug_for_grid(grid_w):
    plug_w = plug_for_grid_w(grid_w, STATION_CHARGE, STATION_DISCHARGE)
    assert grid_for_plug_w(plug_w, STATION_CHARGE, STATION_DISCHARGE) == pytest.approx(grid_w, rel=1e-9)


@pytest.mark.parametrize("grid_w", [-300.0, -10.0, 0.0, 100.0, 250.0])
def test_power_that_would_only_heat_the_converter_is_zero_at_the_plug(grid_w):
    assert plug_for_grid_w(grid_w, STATION_CHARGE, STATION_DISCHARGE) == 0.0


def test_a_delivery_beyond_what_losses_allow_gives_the_greatest_one():
    # d/dP of P (1 - 0.04) - 2e-6 P^2 is zero at 240 kW.
    assert plug_for_grid_w(-1e6, STATION_CHARGE, STATION_DISCHARGE) == pytest.approx(-240_000.0)


def test_without_losses_meter_and_plug_are_the_same_number():
    assert plug_for_grid_w(7_360.0, NO_LOSS, NO_LOSS) == 7_360.0
    assert plug_for_grid_w(-7_360.0, NO_LOSS, NO_LOSS) == -7_360.0


# --- ramps and delays ---


@pytest.mark.parametrize(
    ("start_w", "target_w", "dt_s", "power_w"),
    [
        pytest.param(0.0, 5_000.0, 1.0, 2_000.0, id="rising at 2 kW/s"),
        pytest.param(5_000.0, 0.0, 1.0, 2_000.0, id="falling at 3 kW/s"),
        pytest.param(0.0, 5_000.0, 2.5, 5_000.0, id="arrives"),
        pytest.param(0.0, 5_000.0, 9.0, 5_000.0, id="stays"),
        pytest.param(1_000.0, -2_000.0, 0.5, -500.0, id="through zero"),
        pytest.param(1_000.0, 1_000.0, 3.0, 1_000.0, id="holds"),
    ],
)
def test_power_ramps_to_the_target(start_w, target_w, dt_s, power_w):
    assert ramp_power_w(start_w, target_w, 2_000.0, 3_000.0, dt_s) == pytest.approx(power_w)


def test_an_infinite_ramp_acts_at_once():
    assert ramp_power_w(0.0, 5_000.0, math.inf, math.inf, 0.0) == 5_000.0
    assert ramp_power_w(0.0, -5_000.0, math.inf, math.inf, 0.0) == -5_000.0
    assert segment_energy(0.0, 5_000.0, math.inf, math.inf, 2.0, *[NO_LOSS] * 4).plug_ws == 10_000.0


def test_a_ramp_takes_difference_over_rate():
    assert ramp_duration_s(-1_000.0, 5_000.0, 2_000.0, 3_000.0) == 3.0
    assert ramp_duration_s(5_000.0, -1_000.0, 2_000.0, 3_000.0) == 2.0


@pytest.mark.parametrize(
    ("power_w", "target_w", "idle_s", "delay_s"),
    [
        pytest.param(100.0, 500.0, 0.0, 0.2, id="moving already"),
        pytest.param(0.0, 0.0, 999.0, 0.2, id="nothing to wake for"),
        pytest.param(0.0, 500.0, 10.0, 0.7, id="from stand-by"),
        pytest.param(0.0, -500.0, 300.0, 5.2, id="from sleep"),
    ],
)
def test_waking_up_adds_to_the_reaction(power_w, target_w, idle_s, delay_s):
    converter = Converter(0.2, 2e3, 3e3, 1e5, 0.5, 5.0, 300.0, 1380.0, 1380.0)
    assert start_delay_s(power_w, target_w, idle_s, converter) == pytest.approx(delay_s)


# --- energy ---


@pytest.mark.parametrize(
    ("start_w", "target_w", "dt_s"),
    [
        pytest.param(7_000.0, 7_000.0, 3.0, id="hold"),
        pytest.param(-7_000.0, -7_000.0, 3.0, id="hold, discharging"),
        pytest.param(0.0, 0.0, 3.0, id="rest"),
        pytest.param(1_000.0, 9_000.0, 2.0, id="inside a rising ramp"),
        pytest.param(9_000.0, 1_000.0, 2.0, id="inside a falling ramp"),
        pytest.param(0.0, 4_000.0, 5.0, id="from zero, then hold"),
        pytest.param(4_000.0, 0.0, 5.0, id="to zero, then rest"),
        pytest.param(-6_000.0, 8_000.0, 10.0, id="reversing upwards, then hold"),
        pytest.param(6_000.0, -8_000.0, 10.0, id="reversing downwards, then hold"),
        pytest.param(6_000.0, -8_000.0, 1.0, id="reversal cut before zero"),
        pytest.param(6_000.0, -8_000.0, 3.0, id="reversal cut after zero"),
    ],
)
def test_energy_agrees_with_an_outside_quadrature(start_w, target_w, dt_s):
    energy = segment_energy(start_w, target_w, 2_000.0, 3_000.0, dt_s, *LOSSES)
    assert list(energy) == pytest.approx(quadrature(start_w, target_w, 2_000.0, 3_000.0, dt_s), rel=1e-6, abs=0.1)


def test_energy_of_a_trajectory_that_ramps_reverses_and_is_cut_by_its_limits():
    """Setpoints and limits change mid-ramp, as in a charge loop whose taper tightens; the sum is the quadrature's."""
    draw = random.Random(4)
    power_w, limit_w = 0.0, 11_000.0
    total, outside = np.zeros(5), np.zeros(5)
    for _ in range(60):
        limit_w *= 0.97
        target_w = max(-limit_w, min(limit_w, draw.uniform(-15_000.0, 15_000.0)))
        dt_s = draw.uniform(0.05, 4.0)
        total += segment_energy(power_w, target_w, 3_300.0, 5_000.0, dt_s, *LOSSES)
        outside += quadrature(power_w, target_w, 3_300.0, 5_000.0, dt_s, 1e-3)
        power_w = ramp_power_w(power_w, target_w, 3_300.0, 5_000.0, dt_s)
    assert total == pytest.approx(outside, rel=1e-5)


@given(start_w=powers_w, target_w=powers_w, up=rates_w_per_s, down=rates_w_per_s, dt_s=spans_s)
def test_grid_plug_cells_and_losses_close(start_w, target_w, up, down, dt_s):
    energy = segment_energy(start_w, target_w, up, down, dt_s, *LOSSES)
    throughput_ws = (abs(start_w) + abs(target_w) + 1_000.0) * dt_s
    assert abs(energy.grid_ws - energy.plug_ws - energy.station_loss_ws) <= 1e-12 * throughput_ws
    assert abs(energy.plug_ws - energy.cells_ws - energy.vehicle_loss_ws) <= 1e-12 * throughput_ws


@given(
    start_w=powers_w, target_w=powers_w, up=rates_w_per_s, down=rates_w_per_s, dt_s=spans_s, share=st.floats(0.0, 1.0)
)
def test_a_segment_may_be_cut_anywhere(start_w, target_w, up, down, dt_s, share):
    middle_w = ramp_power_w(start_w, target_w, up, down, share * dt_s)
    whole = segment_energy(start_w, target_w, up, down, dt_s, *LOSSES)
    first = segment_energy(start_w, target_w, up, down, share * dt_s, *LOSSES)
    rest = segment_energy(middle_w, target_w, up, down, dt_s - share * dt_s, *LOSSES)
    parts = [one + two for one, two in zip(first, rest, strict=True)]
    assert parts == pytest.approx(
        list(whole), rel=1e-9, abs=1e-9 * (abs(start_w) + abs(target_w) + 1_000.0) * (dt_s + 1.0)
    )


@given(start_w=powers_w, end_w=powers_w, dt_s=spans_s)
def test_energy_beyond_a_loss_is_one_of_the_five(start_w, end_w, dt_s):
    ramp, hold = ramp_energy(start_w, end_w, dt_s, *LOSSES), hold_energy(start_w, dt_s, *LOSSES)
    for side, losses, name in ((TO_GRID, LOSSES[:2], "grid_ws"), (TO_CELLS, LOSSES[2:], "cells_ws")):
        assert ramp_beyond_ws(start_w, end_w, dt_s, side, *losses) == getattr(ramp, name)
        assert hold_beyond_ws(start_w, dt_s, side, *losses) == getattr(hold, name)


@pytest.mark.parametrize(("start_w", "slope_w_per_s", "sign"), [(500.0, 800.0, 1.0), (-9_000.0, 700.0, -1.0)])
def test_ticks_of_a_ramp_are_a_quadratic_of_their_number(start_w, slope_w_per_s, sign):
    loss = STATION_CHARGE if sign > 0.0 else STATION_DISCHARGE
    tick = ramp_ticks(start_w, slope_w_per_s, 0.1, sign, loss)
    counted = [tick.first_ws + k * tick.rise_ws + k * (k - 1) / 2 * tick.bend_ws for k in range(100)]
    ends_w = [start_w + slope_w_per_s * 0.1 * k for k in range(101)]
    exact = [ramp_energy(one, two, 0.1, *LOSSES).grid_ws for one, two in pairwise(ends_w)]
    assert counted == pytest.approx(exact, rel=1e-12)


def test_no_time_is_no_energy():
    assert segment_energy(5_000.0, 9_000.0, 1e3, 1e3, 0.0, *LOSSES) == Energy(0.0, 0.0, 0.0, 0.0, 0.0)


def test_a_hold_is_the_limit_of_a_ramp():
    held = hold_energy(4_000.0, 2.0, *LOSSES)
    ramped = ramp_energy(math.nextafter(4_000.0, 0.0), 4_000.0, 2.0, *LOSSES)
    assert list(ramped) == pytest.approx(list(held), rel=1e-12)


def test_compiled_converter_is_the_same_bits(same_bits):
    draw = random.Random(2)

    def power():
        return draw.choice([0.0, -0.0, 7_000.0, -7_000.0, draw.uniform(-5e4, 5e4), draw.uniform(-2e3, 2e3)])

    one_way = [(power(), STATION_CHARGE, STATION_DISCHARGE) for _ in range(1000)]
    for function in (loss_w, grid_for_plug_w, plug_for_grid_w):
        same_bits(function, one_way)
    converter = Converter(0.2, 2e3, 3e3, 1e5, 0.5, 5.0, 300.0, 1380.0, 1380.0)
    same_bits(start_delay_s, [(power(), power(), draw.uniform(0.0, 600.0), converter) for _ in range(200)])
    ramps = [(power(), power(), draw.uniform(1e2, 1e5), draw.uniform(1e2, 1e5)) for _ in range(1500)]
    same_bits(ramp_duration_s, ramps)
    same_bits(ramp_power_w, [(*ramp, draw.uniform(0.0, 20.0)) for ramp in ramps])
    spans = [draw.choice([0.0, 0.3, draw.uniform(0.0, 20.0)]) for _ in ramps]
    same_bits(ramp_energy, [(*ramp[:2], span, *LOSSES) for ramp, span in zip(ramps, spans, strict=True)])
    same_bits(hold_energy, [(ramp[0], span, *LOSSES) for ramp, span in zip(ramps, spans, strict=True)])
    for side, losses in ((TO_GRID, LOSSES[:2]), (TO_CELLS, LOSSES[2:])):
        cases = [(*ramp[:2], span, side, *losses) for ramp, span in zip(ramps, spans, strict=True)]
        same_bits(ramp_beyond_ws, cases)
        same_bits(hold_beyond_ws, [(case[0], *case[2:]) for case in cases])
    same_bits(ramp_ticks, [(power(), power(), 0.1, draw.choice([1.0, -1.0]), STATION_CHARGE) for _ in range(200)])
