"""The limiter: every gate, in its order, with its reason."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.control.charge_loop import StationView
from models.control.limits import GAP_RULES, REASONS, LimitParams, departure_floor_w, gap_w, limit

# A car half full, allowed both ways up to 11 kW at the plug, at least 1.38 kW, hours before departure.
VIEW = StationView(
    elapsed_s=0.3,
    rated_w=11_000.0,
    rated_discharge_w=11_000.0,
    target_energy_wh=15_000.0,
    maximum_energy_wh=25_000.0,
    minimum_energy_wh=-10_000.0,
    departure_s=8 * 3600.0,
    maximum_charge_w=11_000.0,
    minimum_charge_w=1_380.0,
    maximum_discharge_w=10_000.0,
    minimum_discharge_w=1_380.0,
)
FREE = LimitParams(guarantee_departure=0.0)
GUARD = LimitParams(guarantee_departure=1.0, assumed_efficiency=0.9, departure_margin_s=60.0)


@pytest.mark.parametrize(
    ("requested_w", "changes", "setpoint_w", "reason"),
    [
        pytest.param(5_000.0, {}, 5_000.0, "none", id="untouched"),
        pytest.param(-5_000.0, {}, -5_000.0, "none", id="untouched, discharging"),
        pytest.param(0.0, {}, 0.0, "none", id="zero"),
        pytest.param(math.nan, {}, 0.0, "not_a_number", id="a policy that returns nan"),
        pytest.param(12_000.0, {}, 11_000.0, "ev_power", id="EV charge limit"),
        pytest.param(-12_000.0, {}, -10_000.0, "ev_power", id="EV discharge limit"),
        pytest.param(math.inf, {}, 11_000.0, "ev_power", id="as much as possible"),
        pytest.param(9_000.0, {"station_charge_w": 7_000.0}, 7_000.0, "station_power", id="station charge limit"),
        pytest.param(-9_000.0, {"station_discharge_w": 7_000.0}, -7_000.0, "station_power", id="station discharge"),
        pytest.param(-9_000.0, {"maximum_discharge_w": 0.0}, 0.0, "ev_power", id="a car that only charges"),
        pytest.param(9_000.0, {"maximum_charge_a": 20.0, "voltage_v": 350.0}, 7_000.0, "current", id="DC current"),
        pytest.param(
            -9_000.0, {"maximum_discharge_a": 20.0, "voltage_v": 350.0}, -7_000.0, "current", id="DC current out"
        ),
        pytest.param(9_000.0, {"maximum_charge_a": 1.0}, 9_000.0, "none", id="no current limit without a voltage"),
        pytest.param(-5_000.0, {"minimum_energy_wh": 0.0}, 0.0, "minimum_energy_gate", id="at the driver's minimum"),
        pytest.param(-5_000.0, {"minimum_v2x_energy_wh": 0.0}, 0.0, "v2x_energy_gate", id="at the band's bottom"),
        pytest.param(-5_000.0, {"minimum_v2x_energy_wh": 500.0}, 0.0, "v2x_energy_gate", id="below the band"),
        pytest.param(-5_000.0, {"minimum_v2x_energy_wh": -5e3}, -5_000.0, "none", id="within the band"),
        pytest.param(5_000.0, {"minimum_v2x_energy_wh": 500.0}, 5_000.0, "none", id="below the band, charging"),
        pytest.param(5_000.0, {"maximum_energy_wh": 0.0}, 0.0, "maximum_energy_gate", id="at the maximum"),
        pytest.param(5_000.0, {"maximum_energy_wh": -10.0}, 0.0, "maximum_energy_gate", id="above the maximum"),
        pytest.param(-5_000.0, {"maximum_energy_wh": -10.0}, -5_000.0, "none", id="above the maximum, discharging"),
        pytest.param(-5_000.0, {"minimum_energy_wh": 1.0}, 11_000.0, "charge_at_once", id="below the minimum"),
        pytest.param(2_000.0, {"minimum_energy_wh": 1.0}, 11_000.0, "charge_at_once", id="too slow below the minimum"),
        pytest.param(11_000.0, {"minimum_energy_wh": 1.0}, 11_000.0, "none", id="at once already"),
        pytest.param(
            0.0,
            {"minimum_energy_wh": 1.0, "station_charge_w": 3e3},
            3_000.0,
            "charge_at_once",
            id="at once within limits",
        ),
        pytest.param(1_000.0, {}, 0.0, "minimum_power", id="too little"),
        pytest.param(-1_000.0, {}, 0.0, "minimum_power", id="too little, discharging"),
        pytest.param(5_000.0, {"maximum_charge_w": 1_000.0}, 0.0, "minimum_power", id="a limit below the minimum"),
        pytest.param(1_000.0, {"minimum_charge_w": 0.0}, 1_000.0, "none", id="no minimum"),
    ],
)
def test_each_step_of_the_limiter(requested_w, changes, setpoint_w, reason):
    assert limit(requested_w, VIEW._replace(**changes), FREE) == (setpoint_w, REASONS.index(reason))


@pytest.mark.parametrize(
    ("requested_w", "import_w", "export_w", "setpoint_w", "reason"),
    [
        pytest.param(5_000.0, 4_000.0, math.inf, 4_000.0, "site", id="import"),
        pytest.param(-5_000.0, math.inf, 4_000.0, -4_000.0, "site", id="export"),
        pytest.param(5_000.0, 1_000.0, math.inf, 0.0, "site", id="less than the minimum is left"),
        pytest.param(-5_000.0, math.inf, 0.0, 0.0, "site", id="no export"),
        pytest.param(3_000.0, 4_000.0, 0.0, 3_000.0, "none", id="within"),
    ],
)
def test_the_site_comes_last(requested_w, import_w, export_w, setpoint_w, reason):
    params = FREE._replace(site_import_w=import_w, site_export_w=export_w)
    assert limit(requested_w, VIEW, params) == (setpoint_w, REASONS.index(reason))


def test_a_zero_setpoint_is_plus_zero():
    for changes in ({"maximum_discharge_w": 0.0}, {"minimum_energy_wh": 0.0}, {}):
        setpoint_w, _ = limit(-1_000.0, VIEW._replace(**changes), FREE)
        assert math.copysign(1.0, setpoint_w) == 1.0


# --- near an energy bound ---


def test_power_is_reduced_before_a_bound_is_crossed():
    # 10 Wh above the minimum: 3.6 kW would reach it in the 10 s of approach_s.
    near = VIEW._replace(minimum_energy_wh=-10.0)
    assert limit(-9_000.0, near, FREE) == (-3_600.0, REASONS.index("minimum_energy_gate"))
    assert limit(9_000.0, VIEW._replace(maximum_energy_wh=10.0), FREE)[0] == 3_600.0


def test_a_slow_loop_widens_the_approach_to_two_loops():
    near = VIEW._replace(minimum_energy_wh=-10.0, elapsed_s=10.0)
    assert limit(-9_000.0, near, FREE)[0] == pytest.approx(-1_800.0)


def test_without_an_approach_the_gate_is_the_bare_sign():
    assert limit(-9_000.0, VIEW._replace(minimum_energy_wh=-0.1), FREE._replace(approach_s=0.0)) == (-9_000.0, 0)


@pytest.mark.parametrize("loop_s", [0.3, 1.0, 5.0])
def test_a_car_discharging_to_its_minimum_comes_to_rest_there(loop_s):
    """With a converter that ramps at 3.3 kW/s the driver's minimum is reached from above and not crossed."""
    energy_wh, power_w, forced = -100.0, -9_000.0, 0
    for _ in range(int(600.0 / loop_s)):
        view = VIEW._replace(minimum_energy_wh=energy_wh, elapsed_s=loop_s)
        setpoint_w, reason = limit(-9_000.0, view, FREE)
        forced += reason == REASONS.index("charge_at_once")
        change_w = max(-3_300.0 * loop_s, min(3_300.0 * loop_s, setpoint_w - power_w))
        power_w += change_w
        energy_wh -= power_w * loop_s / 3600.0
    assert forced == 0
    assert -30.0 < energy_wh < 0.0
    assert power_w == 0.0


# --- departure ---


@pytest.mark.parametrize(
    ("departure_s", "floor_w"),
    [
        # 15 kWh at 11 kW and 90 % take 5454.5 s.
        pytest.param(8 * 3600.0, -math.inf, id="time enough"),
        pytest.param(5454.5 + 120.1, -math.inf, id="just before the band"),
        pytest.param(5454.545454 + 90.0, 500.0, id="half way into the band"),
        pytest.param(5454.5 + 60.0, 11_000.0, id="the margin is left"),
        pytest.param(1_000.0, 11_000.0, id="too late"),
        pytest.param(0.0, 11_000.0, id="departed"),
        pytest.param(math.inf, -math.inf, id="unknown"),
        pytest.param(math.nan, -math.inf, id="not said"),
    ],
)
def test_the_departure_guarantee_takes_over_within_its_band(departure_s, floor_w):
    view = VIEW._replace(departure_s=departure_s)
    assert departure_floor_w(
        view.target_energy_wh, view.departure_s, view.maximum_discharge_w, GUARD, 11_000.0, 10.0
    ) == pytest.approx(floor_w, abs=0.1)


def test_the_guarantee_lifts_a_discharge_to_full_charging():
    late = VIEW._replace(departure_s=3_600.0)
    assert limit(-9_000.0, late, GUARD) == (11_000.0, REASONS.index("departure"))
    assert limit(-9_000.0, late, FREE) == (-9_000.0, 0)


def test_above_the_target_the_guarantee_keeps_what_is_there_and_no_more():
    at_departure = VIEW._replace(departure_s=1.0)
    assert limit(-9_000.0, at_departure._replace(target_energy_wh=0.0), GUARD) == (0.0, REASONS.index("departure"))
    assert limit(-9_000.0, at_departure._replace(target_energy_wh=-10.0), GUARD)[0] == -3_600.0
    assert limit(5_000.0, at_departure._replace(target_energy_wh=0.0), GUARD) == (5_000.0, 0)
    assert limit(-9_000.0, at_departure._replace(target_energy_wh=-5_000.0), GUARD) == (-9_000.0, 0)


def test_the_guarantee_asks_only_for_what_limits_allow():
    late = VIEW._replace(departure_s=3_600.0, station_charge_w=4_000.0)
    assert limit(0.0, late, GUARD) == (4_000.0, REASONS.index("departure"))
    assert limit(0.0, late._replace(maximum_charge_w=0.0), GUARD) == (0.0, 0)


@pytest.mark.parametrize("efficiency", [0.9, 0.93, 1.0])
def test_a_car_held_at_discharge_still_leaves_with_its_target(efficiency):
    """The policy asks for full discharge for two hours; the guarantee turns it round once and for all."""
    target_wh, time_s, loop_s, turns, charging = 5_000.0, 0.0, 1.0, 0, False
    while time_s < 7200.0:
        view = VIEW._replace(target_energy_wh=target_wh, departure_s=math.floor(7200.0 - time_s), elapsed_s=loop_s)
        power_w, _ = limit(-10_000.0, view, GUARD)
        turns += (power_w > 0.0) != charging
        charging = power_w > 0.0
        target_wh -= (power_w * efficiency if power_w > 0.0 else power_w / efficiency) * loop_s / 3600.0
        time_s += loop_s
    assert target_wh <= 0.0
    assert turns <= 2  # round to charging, and at the target back to the policy


# --- minimum power ---


@pytest.mark.parametrize(
    ("rule", "size_w", "previous_w", "held_w"),
    [
        pytest.param("zero", 1_300.0, 5_000.0, 0.0, id="zero"),
        pytest.param("nearest", 700.0, 0.0, 1_380.0, id="nearer to the minimum"),
        pytest.param("nearest", 680.0, 0.0, 0.0, id="nearer to zero"),
        pytest.param("hysteresis", 1_300.0, 0.0, 0.0, id="off stays off"),
        pytest.param("hysteresis", 700.0, 5_000.0, 1_380.0, id="on stays on"),
        pytest.param("hysteresis", 680.0, 1_380.0, 0.0, id="on goes off at half"),
        pytest.param("hysteresis", 1_300.0, -5_000.0, 0.0, id="the other direction does not count"),
        pytest.param("dither", 700.0, 0.0, 1_380.0, id="above this car's share"),
        pytest.param("dither", 300.0, 0.0, 0.0, id="below this car's share"),
    ],
)
def test_gap_rules(rule, size_w, previous_w, held_w):
    params = FREE._replace(gap_rule=GAP_RULES[rule], dither_threshold=0.25)
    assert gap_w(size_w, 1_380.0, 11_000.0, previous_w, params) == held_w
    assert limit(size_w, VIEW._replace(previous_w=previous_w), params)[0] == held_w
    assert limit(-size_w, VIEW._replace(previous_w=-previous_w), params)[0] == -held_w


@pytest.mark.parametrize("rule", GAP_RULES.values(), ids=GAP_RULES)
def test_no_rule_lifts_power_above_a_limit(rule):
    view = VIEW._replace(maximum_charge_w=1_000.0, previous_w=5_000.0)
    assert limit(990.0, view, FREE._replace(gap_rule=rule, dither_threshold=0.0))[0] == 0.0


@pytest.mark.parametrize("wanted_w", [200.0, 690.0, 1_300.0])
def test_dither_makes_a_fleet_linear_on_average(wanted_w):
    params = [FREE._replace(gap_rule=GAP_RULES["dither"], dither_threshold=(k + 0.5) / 1000.0) for k in range(1000)]
    mean_w = sum(limit(wanted_w, VIEW, one)[0] for one in params) / 1000.0
    assert mean_w == pytest.approx(wanted_w, abs=1.5)


# --- for all inputs ---

finite = st.floats(-3e4, 3e4)
magnitude = st.floats(0.0, 3e4)
views = st.builds(
    lambda values, v2x, voltage, amps, elapsed: VIEW._replace(
        target_energy_wh=values[0],
        maximum_energy_wh=values[1],
        minimum_energy_wh=values[2],
        minimum_v2x_energy_wh=v2x,
        departure_s=abs(values[3]),
        maximum_charge_w=abs(values[4]),
        minimum_charge_w=abs(values[5]) / 10.0,
        maximum_discharge_w=abs(values[6]),
        minimum_discharge_w=abs(values[7]) / 10.0,
        station_charge_w=abs(values[8]),
        station_discharge_w=abs(values[9]),
        previous_w=values[10],
        voltage_v=voltage,
        maximum_charge_a=amps,
        maximum_discharge_a=amps,
        elapsed_s=elapsed,
    ),
    st.lists(finite, min_size=11, max_size=11),
    st.one_of(st.just(math.nan), finite),
    st.one_of(st.just(math.nan), st.floats(300.0, 400.0)),
    st.one_of(st.just(math.inf), st.floats(0.0, 100.0)),
    st.floats(0.0, 10.0),
)
settings = st.builds(
    LimitParams,
    guarantee_departure=st.sampled_from([0.0, 1.0]),
    assumed_efficiency=st.floats(0.5, 1.0),
    departure_margin_s=st.sampled_from([0.0, 60.0]),
    gap_rule=st.sampled_from([0.0, 1.0, 2.0, 3.0]),
    dither_threshold=st.floats(0.0, 1.0),
    site_import_w=st.one_of(st.just(math.inf), magnitude),
    site_export_w=st.one_of(st.just(math.inf), magnitude),
    approach_s=st.sampled_from([0.0, 10.0]),
)


@given(requested_w=finite, view=views, params=settings)
def test_what_is_sent_keeps_every_limit(requested_w, view, params):
    setpoint_w, reason = limit(requested_w, view, params)
    if setpoint_w > 0.0:
        assert view.minimum_charge_w <= setpoint_w
        assert setpoint_w <= min(view.maximum_charge_w, view.station_charge_w, params.site_import_w)
        assert view.maximum_energy_wh > 0.0
        assert not setpoint_w > view.maximum_charge_a * view.voltage_v
    elif setpoint_w < 0.0:
        assert view.minimum_discharge_w <= -setpoint_w
        assert -setpoint_w <= min(view.maximum_discharge_w, view.station_discharge_w, params.site_export_w)
        assert view.minimum_energy_wh < 0.0
        assert not view.minimum_v2x_energy_wh >= 0.0
        assert not -setpoint_w > view.maximum_discharge_a * view.voltage_v
    assert 0 <= reason < len(REASONS)
    assert reason != 0 or setpoint_w == requested_w


def test_compiled_limiter_is_the_same_bits(same_bits):
    draw = random.Random(5)
    rows = []
    for _ in range(3000):
        view = VIEW._replace(
            elapsed_s=draw.choice([0.0, 0.3, 7.0]),
            target_energy_wh=draw.uniform(-1e3, 2e4),
            maximum_energy_wh=draw.uniform(-100.0, 2e4),
            minimum_energy_wh=draw.choice([draw.uniform(-50.0, 10.0), -1e4]),
            minimum_v2x_energy_wh=draw.choice([math.nan, draw.uniform(-50.0, 10.0)]),
            departure_s=draw.choice([math.inf, draw.uniform(0.0, 7e3)]),
            maximum_charge_w=draw.uniform(0.0, 11e3),
            station_charge_w=draw.choice([math.inf, draw.uniform(0.0, 11e3)]),
            station_discharge_w=draw.choice([math.inf, draw.uniform(0.0, 11e3)]),
            voltage_v=draw.choice([math.nan, 351.7]),
            maximum_charge_a=draw.uniform(0.0, 40.0),
            maximum_discharge_a=draw.uniform(0.0, 40.0),
            previous_w=draw.choice([0.0, 5e3, -5e3]),
        )
        params = LimitParams(
            guarantee_departure=draw.choice([0.0, 1.0]),
            gap_rule=draw.choice([0.0, 1.0, 2.0, 3.0]),
            site_import_w=draw.choice([math.inf, 4e3]),
            site_export_w=draw.choice([math.inf, 4e3]),
            approach_s=draw.choice([0.0, 10.0]),
        )
        rows.append((draw.choice([math.nan, 0.0, draw.uniform(-15e3, 15e3), draw.uniform(-2e3, 2e3)]), view, params))
    same_bits(limit, rows)
