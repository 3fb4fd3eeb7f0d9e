"""Frequency model: closed forms it must meet, held response, step lengths, and what a trip takes along."""

import itertools
from typing import Any

import pytest

from models.grid.area import (
    GridParams,
    closed_loop_time_s,
    initial_rocof_hz_per_s,
    scaled_held,
    steady_deviation_hz,
)
from models.grid.frequency import FrequencyModel
from models.grid.governors import Section, non_reheat, reheat, stiffness_mw_per_hz
from models.grid.held import CurvePoint, HeldResponse, held_power_mw

KNEE = (CurvePoint(0.015, 0.0), CurvePoint(0.2, 0.05), CurvePoint(0.5, 1.0))
STRAIGHT = (CurvePoint(0.0, 0.0), CurvePoint(0.2, 1.0))


def block(
    low_mw: float, curve: tuple[CurvePoint, ...] = KNEE, delay_s: float = 0.5, lag_s: float = 0.2
) -> HeldResponse:
    return HeldResponse("block", low_mw, low_mw, curve, delay_s, lag_s)


ISLAND = GridParams(50.0, 120.0, 600.0, 2.4, (reheat("steam", 24.0, 0.2, 0.4, 10.0, 0.25),))
BRITAIN = GridParams(50.0, 30_000.0, 140_000.0, 750.0, (), (block(1300.0), block(250.0, STRAIGHT, 2.0, 2.7)))


def trace_hz(params: GridParams, power_mw: float, seconds: float, tick_s: float) -> list[float]:
    model = FrequencyModel(params)
    return [model.step(tick_s, power_mw) for _ in range(round(seconds / tick_s))]


def test_frequency_stays_nominal_in_balance() -> None:
    assert set(trace_hz(BRITAIN, 0.0, 10.0, 0.1)) == {50.0}


@pytest.mark.parametrize("params", [ISLAND, BRITAIN], ids=["governor", "held"])
def test_first_slope_is_half_nominal_times_loss_over_kinetic_energy(params: GridParams) -> None:
    loss_mw = 0.05 * params.demand_mw
    expected = -50.0 * loss_mw / (2.0 * params.kinetic_energy_mws)
    model = FrequencyModel(params)
    assert initial_rocof_hz_per_s(params, -loss_mw) == expected
    assert model.rocof_at_hz_per_s(-loss_mw) == pytest.approx(expected, rel=1e-12)
    assert (model.step(1e-5, -loss_mw) - 50.0) / 1e-5 == pytest.approx(expected, rel=1e-4)


def test_rocof_is_the_slope_of_the_trace() -> None:
    model = FrequencyModel(BRITAIN)
    for _ in range(20):
        model.step(0.1, -1000.0)
    before_hz, slope = model.frequency_hz, model.rocof_hz_per_s
    assert (model.step(1e-4, -1000.0) - before_hz) / 1e-4 == pytest.approx(slope, rel=1e-3)


def test_governors_bring_frequency_to_rest_at_loss_over_stiffness() -> None:
    two = ISLAND._replace(governors=(*ISLAND.governors, non_reheat("diesel", 13.6, 0.3, 0.5)))
    assert steady_deviation_hz(two, -8.0) == pytest.approx(-0.2)  # 8 MW / (2.4 + 24 + 13.6) MW/Hz
    assert trace_hz(two, -8.0, 200.0, 0.1)[-1] == pytest.approx(49.8, abs=1e-9)


@pytest.mark.parametrize(
    ("loss_mw", "deviation_hz"),
    [
        pytest.param(100.0, -0.1, id="half of the reserve"),  # 100 / (1000 * 5 / 10 + 500) MW/Hz
        pytest.param(200.0, -0.2, id="corner"),
        pytest.param(400.0, -0.6, id="saturated"),  # (400 - 100) / 500
        pytest.param(-400.0, 0.6, id="saturated upwards"),
    ],
)
def test_held_response_saturates_and_leaves_the_rest_to_damping(loss_mw: float, deviation_hz: float) -> None:
    params = GridParams(50.0, 20_000.0, 50_000.0, 500.0, (), (block(100.0, STRAIGHT),))
    assert steady_deviation_hz(params, -loss_mw) == pytest.approx(deviation_hz, rel=1e-12)
    assert trace_hz(params, -loss_mw, 3000.0, 0.5)[-1] - 50.0 == pytest.approx(deviation_hz, abs=1e-6)


def test_saturated_reserve_without_damping_has_no_steady_state() -> None:
    params = GridParams(50.0, 20_000.0, 50_000.0, 0.0, (), (block(100.0, STRAIGHT),))
    assert steady_deviation_hz(params, -50.0) == pytest.approx(-0.1)
    with pytest.raises(ValueError, match="no steady state"):
        steady_deviation_hz(params, -101.0)


def test_held_power_follows_the_curve_between_its_corners() -> None:
    response = block(1000.0)
    assert held_power_mw(response, -0.01) == 0.0
    assert held_power_mw(response, -0.2) == pytest.approx(50.0)
    assert held_power_mw(response, -0.35) == pytest.approx(525.0)
    assert held_power_mw(response, 0.35) == pytest.approx(-525.0)
    assert held_power_mw(response, -0.9) == 1000.0


def test_pure_delay_gives_the_method_of_steps() -> None:
    """x' = p - x(t - tau)/T: a straight line until tau, then a parabola is taken off until 2 tau."""
    wide = (CurvePoint(0.0, 0.0), CurvePoint(10.0, 1.0))  # 4400 MW/Hz
    params = GridParams(50.0, 30_000.0, 140_000.0, 0.0, (), (block(44_000.0, wide, 1.0, 0.0),))
    time_s = closed_loop_time_s(params, 4400.0)
    assert time_s == pytest.approx(1.2727, abs=1e-4)
    p = initial_rocof_hz_per_s(params, -1000.0)
    for tick_s in (0.1, 0.05):
        trace = trace_hz(params, -1000.0, 2.0, tick_s)
        assert trace[round(1.0 / tick_s) - 1] == pytest.approx(50.0 + p, abs=1e-12)
        assert trace[-1] == pytest.approx(50.0 + p * (2.0 - 1.0 / (2.0 * time_s)), abs=1e-12)


@pytest.mark.parametrize(("share", "grows"), [(0.9, False), (1.1, True)])
def test_delay_rings_beyond_half_pi_of_the_loop_time(share: float, grows: bool) -> None:
    """Theory of x' = -x(t - tau)/T: stable for tau < T pi/2."""
    wide = (CurvePoint(0.0, 0.0), CurvePoint(10.0, 1.0))
    params = GridParams(50.0, 30_000.0, 140_000.0, 0.0, (), (block(44_000.0, wide, 0.0, 0.0),))
    delay_s = share * 1.5707963 * closed_loop_time_s(params, 4400.0)
    trace = trace_hz(params._replace(held=(block(44_000.0, wide, delay_s, 0.0),)), -100.0, 60.0, 0.1)
    steady_hz = 50.0 - 100.0 / 4400.0
    early = max(abs(f - steady_hz) for f in trace[100:200])
    late = max(abs(f - steady_hz) for f in trace[-100:])
    assert (late > early) is grows


def test_without_held_response_one_long_step_equals_many_short_ones() -> None:
    one = FrequencyModel(ISLAND).step(5.0, -6.0)
    for tick_s in (1.0, 0.1, 0.02):
        assert trace_hz(ISLAND, -6.0, 5.0, tick_s)[-1] == pytest.approx(one, abs=1e-12)


def test_uneven_steps_end_where_even_ones_do() -> None:
    model = FrequencyModel(ISLAND)
    for dt_s in itertools.islice(itertools.cycle((0.013, 0.4, 0.087)), 30):
        model.step(dt_s, -6.0)
    assert model.frequency_hz == pytest.approx(FrequencyModel(ISLAND).step(5.0, -6.0), abs=1e-12)


@pytest.mark.parametrize("params", [ISLAND, BRITAIN], ids=["governor", "held"])
@pytest.mark.parametrize("tick_s", [1.0, 0.3, 0.1, 0.06, 0.02])
def test_halving_the_tick_changes_the_trace_by_less_than_a_tenth_of_a_millihertz(
    params: GridParams, tick_s: float
) -> None:
    loss_mw = 0.044 * params.demand_mw
    whole = trace_hz(params, -loss_mw, 30.0, tick_s)
    halves = trace_hz(params, -loss_mw, 30.0, 0.5 * tick_s)[1::2]
    assert max(abs(a - b) for a, b in zip(whole, halves, strict=True)) < 1e-4


def test_error_of_the_sub_steps_is_of_second_order() -> None:
    quick = GridParams(50.0, 30_000.0, 140_000.0, 750.0, (), (block(1300.0, STRAIGHT, 0.0, 0.2),))
    exact = trace_hz(quick, -600.0, 4.0, 0.001)
    errors = [
        max(abs(a - b) for a, b in zip(trace_hz(quick, -600.0, 4.0, tick_s), exact[step - 1 :: step], strict=True))
        for step, tick_s in ((40, 0.04), (20, 0.02), (10, 0.01))
    ]
    assert errors[0] < 1e-4
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.15)
    assert errors[1] / errors[2] == pytest.approx(4.0, rel=0.15)


def test_a_gigawatt_held_over_the_tick_costs_less_than_a_millihertz_and_falls_with_the_tick() -> None:
    def nadir_hz(tick_s: float) -> float:
        model, lowest = FrequencyModel(BRITAIN), 50.0
        for _ in range(round(10.0 / tick_s)):
            lowest = min(lowest, model.step(tick_s, -1320.0 + 2000.0 * (50.0 - model.frequency_hz)))
        return lowest

    coarse, middle, fine = nadir_hz(0.1), nadir_hz(0.05), nadir_hz(0.025)
    assert abs(coarse - middle) < 1e-3
    assert abs(middle - fine) < 0.6 * abs(coarse - middle)


def test_lost_inertia_makes_frequency_fall_faster() -> None:
    model = FrequencyModel(ISLAND)
    model.lose_inertia(300.0)
    assert model.params.kinetic_energy_mws == 300.0
    assert model.rocof_at_hz_per_s(-6.0) == pytest.approx(-0.5)
    with pytest.raises(ValueError, match="kinetic_energy_mws must be positive"):
        model.lose_inertia(300.0)


def test_lost_governor_takes_its_output_and_its_droop_along() -> None:
    model = FrequencyModel(ISLAND)
    for _ in range(2000):
        model.step(0.1, -6.0)
    model.lose_governor_share("steam", 0.5)
    # At rest 24/26.4 of 6 MW came from the governor; half of that is missing now.
    assert model.rocof_hz_per_s == pytest.approx(-50.0 * 6.0 * 24.0 / 26.4 / 2.0 / 1200.0, rel=1e-6)
    for _ in range(4000):
        model.step(0.1, -6.0)
    assert model.frequency_hz == pytest.approx(50.0 - 6.0 / (2.4 + 12.0), abs=1e-6)


@pytest.mark.parametrize(
    ("name", "share", "message"),
    [("coal", 0.5, "no governor is called 'coal'; there are steam"), ("steam", 1.5, "within 0 and 1, got 1.5")],
)
def test_losing_a_governor_that_is_not_there_is_refused(name: str, share: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FrequencyModel(ISLAND).lose_governor_share(name, share)


def test_fleet_replaces_held_response_by_the_megawatt() -> None:
    less = scaled_held(BRITAIN, 155.0)
    assert [response.low_mw for response in less.held] == pytest.approx([1170.0, 225.0])
    assert [response.high_mw for response in less.held] == pytest.approx([1170.0, 225.0])
    assert scaled_held(BRITAIN, 0.0) is BRITAIN
    with pytest.raises(ValueError, match="0 to 1550 MW"):
        scaled_held(BRITAIN, 1551.0)


def test_lead_lag_sections_in_any_number() -> None:
    assert non_reheat("gas", 10.0, 0.0, 0.4).sections == (Section(0.0, 0.4),)
    assert reheat("steam", 10.0, 0.0, 0.0, 8.0, 0.25).sections == (Section(2.0, 8.0),)
    instant = ISLAND._replace(governors=(non_reheat("instant", 22.6, 0.0, 0.0),))  # a governor without any lag
    assert trace_hz(instant, -5.0, 60.0, 0.1)[-1] == pytest.approx(49.8, abs=1e-9)


def test_droop_on_a_rating_becomes_megawatts_per_hertz() -> None:
    assert stiffness_mw_per_hz(60.0, 0.05, 50.0) == pytest.approx(24.0)
    with pytest.raises(ValueError, match="droop_pu must be above 0"):
        stiffness_mw_per_hz(60.0, 0.0, 50.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"kinetic_energy_mws": 0.0}, "kinetic_energy_mws must be positive, got 0.0", id="no inertia"),
        pytest.param({"damping_mw_per_hz": -1.0}, "damping_mw_per_hz must not be negative", id="negative damping"),
        pytest.param({"nominal_hz": float("nan")}, "nominal_hz must be positive, got nan", id="nan"),
        pytest.param({"governors": (non_reheat("gas", -1.0, 0.2, 0.4),)}, "stiffness of gas", id="negative stiffness"),
        pytest.param({"held": (block(-1.0),)}, "low_mw of block", id="negative reserve"),
        pytest.param(
            {"held": (block(1.0, KNEE[1:]),)}, "curve of block must begin with share 0", id="curve starts high"
        ),
        pytest.param({"held": (block(1.0, (KNEE[0], KNEE[2], KNEE[1])),)}, "must rise", id="curve falls"),
        pytest.param({"held": (block(1.0, KNEE, -0.1),)}, "delay_s of block", id="negative delay"),
    ],
)
def test_an_impossible_area_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FrequencyModel(ISLAND._replace(**change))


def test_a_step_without_length_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than 0 s"):
        FrequencyModel(ISLAND).step(0.0, 0.0)
