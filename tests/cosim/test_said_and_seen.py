"""What a loop request carries, and that a policy sees this and nothing else."""

import itertools
import math
from collections.abc import Callable
from typing import Any

import pytest

from models.control.charge_loop import StationView

S = 1_000_000_000
BOUNDS = {
    "ev_target_energy_request": 0.6,
    "ev_maximum_energy_request": 0.9,
    "ev_minimum_energy_request": 0.3,
    "ev_maximum_v2x_energy_request": 0.85,
    "ev_minimum_v2x_energy_request": 0.35,
}
FLEET = {"target_soc": 0.6, "maximum_soc": 0.9, "minimum_soc": 0.3, "v2x_soc": [0.35, 0.85]}
LOOP_REQUESTS = ("AC_ChargeLoopReq", "DC_ChargeLoopReq")


def step_of(number: Any) -> float:
    """Resolution of a RationalNumber: what its last digit is worth."""
    return 10.0**number.exponent


@pytest.mark.parametrize(
    ("service", "power_w"),
    [
        pytest.param("DC_BPT", 40_000.0, id="DC charging"),
        pytest.param("DC_BPT", -9_000.0, id="DC discharging"),
        pytest.param("AC_BPT", 9_000.0, id="AC charging"),
        pytest.param("AC_BPT", -9_000.0, id="AC discharging"),
    ],
)
def test_all_five_energy_requests_are_the_distances_of_this_instant_as_the_wire_rounds(
    prepare: Callable[..., Any], service: str, power_w: float
) -> None:
    run = prepare(service=service, duration_s=28.0, fleet=FLEET, policy=lambda view: power_w)
    truth: list[float] = []
    keep = run.tap.sent

    def look(now_ns: int, ev_id: int, *rest: Any) -> None:
        keep(now_ns, ev_id, *rest)
        if run.messages[-1].message.wire_name in LOOP_REQUESTS:
            truth.append(run.world._present[ev_id].car.peek(now_ns)[0])

    run.tap.sent = look
    run.finish()
    modes = [sent.message.control_mode for sent in run.said(*LOOP_REQUESTS)]
    assert len(modes) == len(truth) > 100
    for mode, soc in zip(modes, truth, strict=True):
        for name, bound in BOUNDS.items():
            said, exact_wh = getattr(mode, name), (bound - soc) * 60_000.0
            assert abs(said.number - exact_wh) <= 0.5 * step_of(said) + 1e-6
            assert said.exponent == 0 or abs(exact_wh) < 3_277.0, "finer steps only where 16 bits hold the number"
    moved = {name: getattr(modes[-1], name).number - getattr(modes[0], name).number for name in BOUNDS}
    stored_wh = (truth[-1] - truth[0]) * 60_000.0
    assert math.copysign(1.0, stored_wh) == math.copysign(1.0, power_w)
    assert moved == pytest.approx(dict.fromkeys(BOUNDS, -stored_wh), abs=1.0)


def test_departure_is_said_in_whole_seconds_that_count_down(play: Callable[..., Any]) -> None:
    run = play(service="AC_BPT", fleet={"arrival": {"leave_s": [100.4, 100.4]}})
    for sent in run.said("AC_ChargeLoopReq"):
        left_s = 100.4 - sent.t_ns / S
        assert abs(sent.message.control_mode.departure_time - left_s) <= 1.0
    assert run.said("AC_ChargeLoopReq")[0].message.control_mode.departure_time == pytest.approx(98, abs=1)


def test_ac_requests_carry_the_present_power_and_dc_requests_the_present_voltage(play: Callable[..., Any]) -> None:
    ac = play(service="AC_BPT", policy=lambda view: 7_000.0, fleet={"arrival": {"leave_s": [90.0, 90.0]}})
    present_w = [sent.message.control_mode.ev_present_active_power.number for sent in ac.said("AC_ChargeLoopReq")]
    assert present_w[0] == 0.0
    assert present_w[-1] == 7_000.0
    assert any(0.0 < power_w < 7_000.0 for power_w in present_w), "seen while it ramps at 10 kW/s"
    dc = play(service="DC_BPT", policy=lambda view: 30_000.0, fleet={"arrival": {"leave_s": [90.0, 90.0]}})
    present_v = [sent.message.ev_present_voltage.number for sent in dc.said("DC_ChargeLoopReq")]
    # 345 V open circuit at half charge; at 30 kW AC, 27 575 W at the plug through 0.1 ohm, some 7.8 V more.
    assert present_v[0] == pytest.approx(345.0, abs=0.1)
    assert present_v[20] == pytest.approx(352.9, abs=0.3)


@pytest.mark.parametrize(
    ("service", "regulation"), [("AC_BPT", "loop"), ("DC_BPT", "loop"), ("DC_BPT", "periodic"), ("AC", "loop")]
)
def test_the_policy_sees_only_what_was_said_and_measured(
    play: Callable[..., Any], service: str, regulation: str
) -> None:
    views: list[StationView] = []

    def probe(view: StationView) -> float:
        views.append(view)
        return 7_000.0 if int(view.time_s) % 2 else 9_000.0

    run = play(
        service=service,
        policy=probe,
        fleet={**FLEET, "arrival": {"leave_s": [600.0, 600.0]}},
        evse={"dc_regulation": regulation, "control_period_s": 0.09},
    )
    # A request is decided upon 10 ms after it is sent: 5 ms of line and 5 ms of processing.
    heard = [(sent.t_ns + S // 100, sent.message) for sent in run.said(*LOOP_REQUESTS)]
    assert len(views) > (400 if regulation == "periodic" else 150)
    stale = 0
    for view in views:
        now_ns = round(view.time_s * S)
        at_ns, request = [pair for pair in heard if pair[0] <= now_ns][-1]
        mode = request.control_mode
        stale += at_ns != now_ns
        assert view.target_energy_wh == mode.ev_target_energy_request.number
        assert view.maximum_energy_wh == mode.ev_maximum_energy_request.number
        assert view.minimum_energy_wh == mode.ev_minimum_energy_request.number
        assert view.maximum_charge_w == mode.ev_maximum_charge_power.number
        assert view.minimum_charge_w == mode.ev_minimum_charge_power.number
        assert view.departure_s == pytest.approx(mode.departure_time - (now_ns - at_ns) / S, abs=1e-6)
        if service.endswith("BPT"):
            assert view.maximum_v2x_energy_wh == mode.ev_maximum_v2x_energy_request.number
            assert view.minimum_v2x_energy_wh == mode.ev_minimum_v2x_energy_request.number
            assert view.maximum_discharge_w == mode.ev_maximum_discharge_power.number
            assert view.minimum_discharge_w == mode.ev_minimum_discharge_power.number
        else:
            assert math.isnan(view.minimum_v2x_energy_wh)
            assert view.maximum_discharge_w == view.rated_discharge_w == 0.0
        if service.startswith("DC"):
            assert view.voltage_v == request.ev_present_voltage.number
            assert view.maximum_charge_a == 125.0  # the station's; the car allows 145
        else:
            assert math.isnan(view.voltage_v)
        assert view.frequency_hz == 50.0
    assert (stale > 0) == (regulation == "periodic"), "only a converter with its own clock decides between requests"
    for before, view in itertools.pairwise(views):
        assert view.elapsed_s == pytest.approx(view.time_s - before.time_s, abs=1e-9)
    if regulation == "loop":
        setpoints = run.tables["charge_loop"]["setpoint_w"].tolist()
        assert [view.previous_w for view in views[1:]] == pytest.approx(setpoints[:-1])


def test_the_meter_of_the_station_is_at_the_ac_side(play: Callable[..., Any]) -> None:
    """A DC setpoint of 20 kW is 20 kW of the station's own meter, and less at the plug."""
    views: list[StationView] = []

    def probe(view: StationView) -> float:
        views.append(view)
        return 20_000.0

    run = play(service="DC_BPT", policy=probe)
    assert views[50].present_w == pytest.approx(20_000.0, rel=1e-9)
    plug_w = run.tables["charge_loop"]["plug_power_w"][50]
    assert 248.80 + 1.075908 * plug_w == pytest.approx(20_000.0, rel=1e-6)


def test_stations_measure_with_their_own_noise_and_bias(play: Callable[..., Any]) -> None:
    run = play(
        duration_s=120.0,
        service="AC_BPT",
        fleet={"n_ev": 20, "arrival": {"leave_s": [200.0, 200.0]}},
        measurement={"noise_hz": 0.002, "bias_hz": 0.01},
    )
    loop = run.tables["charge_loop"]
    by_station = [loop["frequency_hz"][loop["ev_id"] == ev_id] for ev_id in range(20)]
    means = [float(hz.mean()) for hz in by_station]
    spread_hz = math.sqrt(sum((mean - 50.0) ** 2 for mean in means) / 20)
    assert 0.006 < spread_hz < 0.015
    for hz in by_station:
        assert float(hz.std()) == pytest.approx(0.002, rel=0.15)


@pytest.mark.parametrize("sign", ["positive", "negative"])
def test_the_written_sign_of_discharge_limits_changes_no_decision(play: Callable[..., Any], sign: str) -> None:
    run = play(
        service="AC_BPT",
        policy=lambda view: -8_000.0,
        fleet=FLEET,
        ev={"discharge_limits": sign},
        secc={"discharge_limits": sign},
    )
    mode = run.said("AC_ChargeLoopReq")[5].message.control_mode
    assert mode.ev_maximum_discharge_power.number == (11_000.0 if sign == "positive" else -11_000.0)
    assert set(run.tables["setpoints"]["setpoint_w"][:1]) == {-8_000.0}
    assert run.broken() == {}
