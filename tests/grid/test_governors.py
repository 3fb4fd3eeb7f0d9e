"""Governors block by block: transfer functions, valves against fine integration, limits at rest, convergence."""

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.grid.area import GridParams, linear_core, steady_deviation_hz
from models.grid.frequency import FrequencyModel
from models.grid.governors import (
    Governor,
    Section,
    cascade,
    hydro,
    limited,
    non_reheat,
    reheat,
    split_servo,
    tgov1,
)
from models.grid.held import CurvePoint, HeldResponse
from models.grid.valve import Valve, ValveState, at_rest, beyond_deadband_hz, moved

AREA = GridParams(50.0, 1000.0, 5000.0, 15.0)  # f0 / (2 Ek) = 0.005 Hz/s per MW
STAGES = ((0.3, 0.3), (7.0, 0.4), (0.0, 0.1), (0.4, 0.2))

TRANSFER: dict[str, tuple[Governor, Callable[[complex], complex]]] = {
    "gas": (non_reheat("g", 200.0, 0.2, 0.4), lambda s: 1 / (1 + 0.2 * s) / (1 + 0.4 * s)),
    "reheat": (
        reheat("g", 200.0, 0.2, 0.3, 8.0, 0.3),
        lambda s: 1 / (1 + 0.2 * s) / (1 + 0.3 * s) * (1 + 2.4 * s) / (1 + 8 * s),
    ),
    "hydro": (
        hydro("g", 100.0, 0.2, 5.0, 7.6, 1.0),
        lambda s: (1 + 5 * s) / (1 + 38 * s) / (1 + 0.2 * s) * (1 - s) / (1 + 0.5 * s),
    ),
    "tgov1": (tgov1("g", 200.0, 0.49, 2.1, 7.0), lambda s: 1 / (1 + 0.49 * s) * (1 + 2.1 * s) / (1 + 7 * s)),
    "ieeeg1": (
        cascade("g", 200.0, STAGES),
        lambda s: (0.3 + (0.5 + 0.2 / (1 + 0.4 * s)) / (1 + 7 * s)) / (1 + 0.3 * s),
    ),
}


@pytest.mark.parametrize("name", TRANSFER)
@pytest.mark.parametrize("omega", [0.0, 0.05, 0.7, 3.0, 40.0])
def test_each_block_has_its_transfer_function(name: str, omega: float) -> None:
    """Power to frequency: 1 / (2 Ek s / f0 + kL + G(s) / R), evaluated from the assembled matrices."""
    governor, transfer = TRANSFER[name]
    core = linear_core(AREA._replace(governors=(governor,)))
    s = 1j * omega
    states = np.linalg.solve(s * np.eye(len(core.a)) - np.array(core.a), np.array(core.b)[:, 0])
    expected = 1 / (200.0 * s + 15.0 + governor.stiffness_mw_per_hz * transfer(s))
    assert states[0] == pytest.approx(expected, rel=1e-12)


SERVO_AT = {"gas": 0, "reheat": 0, "hydro": 1, "tgov1": 0}  # sections before the servo


def with_valve(name: str, **limits: float) -> Governor:
    """The block with its servo moved from the linear chain into a valve."""
    if name == "ieeeg1":
        return limited(cascade("g", 200.0, STAGES), servo_lag_s=0.2, before=(Section(0.0, 0.1),), **limits)
    rest, lag_s, before = split_servo(TRANSFER[name][0], SERVO_AT[name])
    return limited(rest, servo_lag_s=lag_s, before=before, **limits)


def trace_hz(params: GridParams, power_mw: float, seconds: float, tick_s: float) -> list[float]:
    model = FrequencyModel(params)
    return [model.step(tick_s, power_mw) for _ in range(round(seconds / tick_s))]


@pytest.mark.parametrize("name", SERVO_AT)
def test_a_valve_without_limits_is_the_linear_governor_in_second_order(name: str) -> None:
    exact = trace_hz(AREA._replace(governors=(TRANSFER[name][0],)), -50.0, 12.0, 0.04)
    valve = AREA._replace(governors=(with_valve(name),))
    errors = []
    for tick_s in (0.04, 0.02, 0.01):
        every = round(0.04 / tick_s)
        trace = trace_hz(valve, -50.0, 12.0, tick_s)[every - 1 :: every]
        errors.append(max(abs(a - b) for a, b in zip(trace, exact, strict=True)))
    assert errors[0] < 2e-4
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.2)
    assert errors[1] / errors[2] == pytest.approx(4.0, rel=0.2)


LIMITS: dict[str, dict[str, float]] = {
    "free": {},
    "dead band": {"deadband_hz": 0.02},
    "dead band that steps": {"deadband_hz": 0.02, "deadband_steps": True},
    "headroom": {"up_mw": 20.0},
    "rate": {"opening_mw_per_s": 8.0, "closing_mw_per_s": 5.0},
    "all": {"deadband_hz": 0.015, "up_mw": 30.0, "down_mw": 10.0, "opening_mw_per_s": 10.0, "closing_mw_per_s": 5.0},
}


@pytest.mark.parametrize("limits", LIMITS.values(), ids=LIMITS.keys())
@pytest.mark.parametrize("name", [*SERVO_AT, "ieeeg1"])
def test_halving_the_tick_changes_the_trace_by_less_than_a_tenth_of_a_millihertz(
    name: str, limits: dict[str, float]
) -> None:
    params = AREA._replace(governors=(with_valve(name, **limits),))
    whole = trace_hz(params, -20.0, 8.0, 0.04)
    halves = trace_hz(params, -20.0, 8.0, 0.02)[1::2]
    assert max(abs(a - b) for a, b in zip(whole, halves, strict=True)) < 1e-4


@pytest.mark.parametrize("name", [*SERVO_AT, "ieeeg1"])
@pytest.mark.parametrize(
    ("limits", "power_mw", "deviation_hz"),
    [
        # kL 15 MW/Hz; stiffness 200, or 100 for hydro: written with K below.
        pytest.param({"deadband_hz": 0.02}, -20.0, lambda k: -(20.0 + 0.02 * k) / (15.0 + k), id="dead band"),
        pytest.param({"deadband_hz": 0.02, "deadband_steps": True}, -20.0, lambda k: -20.0 / (15.0 + k), id="steps"),
        pytest.param({"up_mw": 20.0}, -50.0, lambda k: -(50.0 - 20.0) / 15.0, id="headroom"),
        pytest.param({"down_mw": 10.0}, 40.0, lambda k: 30.0 / 15.0, id="room below"),
        pytest.param({"opening_mw_per_s": 5.0}, -50.0, lambda k: -50.0 / (15.0 + k), id="rate"),
        pytest.param({"deadband_hz": 0.5}, -3.0, lambda k: -0.2, id="within the band"),
    ],
)
def test_at_rest_limits_leave_the_rest_to_damping(
    name: str, limits: dict[str, float], power_mw: float, deviation_hz: Callable[[float], float]
) -> None:
    governor = with_valve(name, **limits)
    params = AREA._replace(governors=(governor,))
    expected = deviation_hz(governor.stiffness_mw_per_hz)
    assert steady_deviation_hz(params, power_mw) == pytest.approx(expected, rel=1e-9)
    assert trace_hz(params, power_mw, 600.0, 1.0)[-1] - 50.0 == pytest.approx(expected, abs=2e-5)


def test_a_water_column_answers_the_wrong_way_first() -> None:
    with_water = AREA._replace(governors=(hydro("g", 100.0, 0.2, 5.0, 7.6, 2.0),))
    nothing = AREA
    early = trace_hz(with_water, -50.0, 1.0, 0.1)
    assert early[2] < trace_hz(nothing, -50.0, 1.0, 0.1)[2]
    assert trace_hz(with_water, -50.0, 30.0, 0.1)[-1] > trace_hz(nothing, -50.0, 30.0, 0.1)[-1] + 0.5


VALVES = {
    "lag": Valve(0.5),
    "at once": Valve(0.0),
    "rate": Valve(0.0, (), 0.0, False, math.inf, math.inf, 3.0, 2.0),
    "lag and rate": Valve(0.4, (), 0.0, False, math.inf, math.inf, 3.0, 2.0),
    "stops": Valve(0.4, (), 0.0, False, 6.0, 4.0),
    "everything": Valve(0.3, ((0.5, 2.0),), 0.01, False, 6.0, 4.0, 5.0, 4.0),
}


@pytest.mark.parametrize("name", VALVES)
@given(st.floats(-2.0, 2.0), st.floats(-0.3, 0.2), st.floats(0.01, 1.0))
def test_a_valve_moves_as_fine_integration_says(name: str, deviation: float, start: float, dt_s: float) -> None:
    """Explicit steps of a two-thousandth, stiffness 20 MW/Hz; the input is constant, so the formula must be exact."""
    valve, k, n = VALVES[name], 20.0, 2000
    done = moved(valve, k, ValveState((0.0,) * len(valve.before), start), deviation, dt_s)
    h, position, area = dt_s / n, start, 0.0
    target = wanted = beyond_deadband_hz(valve, deviation)
    if valve.before:
        # The valve follows the middle of the section's output over the step.
        lead, lag = valve.before[0]
        middle = wanted * (1.0 - math.exp(-0.5 * dt_s / lag))
        target = lead / lag * wanted + (1.0 - lead / lag) * middle
    opening, closing = valve.opening_mw_per_s / k, valve.closing_mw_per_s / k
    lowest, highest = -valve.up_mw / k, valve.down_mw / k
    for _ in range(n):
        speed = (target - position) / valve.lag_s if valve.lag_s else (target - position) / h
        before, position = position, position + h * max(-opening, min(closing, speed))
        position = max(lowest, min(highest, position))
        area += 0.5 * (before + position) * h
    assert done.state.position == pytest.approx(position, abs=4e-3)
    assert done.mean == pytest.approx(area / dt_s, abs=4e-3)


def test_a_valve_at_rest_stays_there() -> None:
    valve = VALVES["everything"]
    assert moved(valve, 20.0, at_rest(valve), 0.009, 0.05) == (at_rest(valve), 0.0)


def test_a_share_of_a_block_keeps_its_shape() -> None:
    """A share that trips takes droop, headroom and rates along: half the block is a block of half the size."""
    whole = with_valve("reheat", up_mw=30.0, opening_mw_per_s=10.0)
    model = FrequencyModel(AREA._replace(governors=(whole,)))
    model.lose_governor_share("g", 0.5)
    half = with_valve("reheat", up_mw=15.0, opening_mw_per_s=5.0)._replace(stiffness_mw_per_hz=100.0)
    expected = trace_hz(AREA._replace(governors=(half,)), -40.0, 10.0, 0.1)
    assert [model.step(0.1, -40.0) for _ in range(100)] == pytest.approx(expected, abs=1e-12)


def test_a_step_of_any_length_meets_the_dead_band_that_steps_where_it_lies() -> None:
    """Without damping frequency falls in a straight line, so the crossing of 20 mHz is known: 0.08 s at 0.25 Hz/s."""
    governor = limited(Governor("g", 100.0, ()), deadband_hz=0.02, deadband_steps=True)
    params = AREA._replace(damping_mw_per_hz=0.0, governors=(governor,))
    after = 0.1 - 0.08
    # From there on x' = -0.25 - 0.5 x, from -0.02.
    expected = -0.5 + (0.5 - 0.02) * math.exp(-0.5 * after)
    for tick_s in (0.1, 0.05, 0.02):  # stepping over the edge would cost up to 0.2 mHz
        assert trace_hz(params, -50.0, 0.1, tick_s)[-1] - 50.0 == pytest.approx(expected, abs=2e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(lambda: with_valve("gas", up_mw=-1.0), "up_mw of g must not be negative", id="headroom"),
        pytest.param(lambda: with_valve("gas", opening_mw_per_s=0.0), "opening_mw_per_s of g must be", id="rate"),
        pytest.param(lambda: with_valve("gas")._replace(taps=(1.0, 2.0)), "g has 2 taps for 1 sections", id="taps"),
        pytest.param(lambda: cascade("g", 1.0, ((0.0, 0.5), (1.0, 0.5))), "without any lag behind", id="no lag"),
        pytest.param(lambda: cascade("g", 1.0, ()), "g needs a stage with a lag", id="no stage"),
    ],
)
def test_an_impossible_governor_is_refused(make: Callable[[], Governor], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FrequencyModel(AREA._replace(governors=(make(),)))


def test_blocks_stand_side_by_side() -> None:
    """Linear, with a valve, and held by a curve: at rest the stiffnesses add up."""
    held = HeldResponse("h", 30.0, 30.0, (CurvePoint(0.0, 0.0), CurvePoint(0.3, 1.0)), 0.5, 0.5)
    some = (TRANSFER["reheat"][0], with_valve("tgov1", deadband_hz=0.0), with_valve("hydro"))
    params = AREA._replace(governors=some, held=(held,))
    expected = -50.0 / (15.0 + 200.0 + 200.0 + 100.0 + 100.0)
    assert steady_deviation_hz(params, -50.0) == pytest.approx(expected)
    for order in itertools.permutations(some):
        assert trace_hz(params._replace(governors=order), -50.0, 400.0, 0.5)[-1] - 50.0 == pytest.approx(
            expected, abs=1e-6
        )
