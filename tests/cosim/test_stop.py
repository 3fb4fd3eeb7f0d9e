"""The orderly end: power to zero first, then PowerDelivery(Stop), then contactors and the rest, for AC and DC."""

from collections.abc import Callable
from typing import Any

import pytest

from models.car.vehicle import Vehicle

S = 1_000_000_000
SERVICES = ["AC", "AC_BPT", "DC", "DC_BPT"]


def after(run: Any, start_ns: int) -> list[str]:
    return [sent.message.wire_name for sent in run.messages if sent.t_ns >= start_ns]


@pytest.mark.parametrize("power_w", [9_000.0, -9_000.0])
def test_ac_stop(play: Callable[..., Any], power_w: float) -> None:
    """The car ramps down with its off-ramp of 100 kW/s at its first turn after departure, and stops at the next."""
    run = play(service="AC_BPT", policy=lambda view: power_w, grid={"tick_s": 0.02})
    (stop_ns,) = run.tables["sessions"]["stop_ns"]
    assert after(run, stop_ns) == ["PowerDeliveryReq", "PowerDeliveryRes", "SessionStopReq", "SessionStopRes"]
    request, response = (sent for sent in run.messages if sent.t_ns >= stop_ns and "PowerDelivery" in str(sent.message))
    assert request.message.charge_progress.value == "Stop"
    assert response.t_ns - request.t_ns == pytest.approx(0.01 * S + 0.1 * S), "the contactor takes 0.1 s to open"
    leaving_ns = next(sent.t_ns for sent in run.said("AC_ChargeLoopReq") if sent.t_ns >= 30 * S)
    energy_ws = sum(run.world.fleet_power_w[leaving_ns // 20_000_000 :]) * 0.02
    before_ws = power_w * (leaving_ns % 20_000_000) / S
    assert energy_ws - before_ws == pytest.approx(0.5 * power_w * 0.09, abs=1e-3), "90 ms of ramp"
    mode = next(sent.message.control_mode for sent in run.said("AC_ChargeLoopReq") if sent.t_ns >= 30 * S)
    assert mode.ev_maximum_charge_power.number == mode.ev_maximum_discharge_power.number == 0.0
    assert run.broken() == {}


@pytest.mark.parametrize("power_w", [30_000.0, -9_000.0])
@pytest.mark.parametrize("regulation", ["loop", "periodic"])
def test_dc_stop(play: Callable[..., Any], power_w: float, regulation: str) -> None:
    """Limits of zero tell the station; at zero current the car asks to stop, then sees the voltage collapse."""
    run = play(service="DC_BPT", policy=lambda view: power_w, evse={"dc_regulation": regulation})
    (stop_ns,) = run.tables["sessions"]["stop_ns"]
    names = after(run, stop_ns)
    assert names[:2] == ["PowerDeliveryReq", "PowerDeliveryRes"]
    assert names[2:-2] == ["DC_WeldingDetectionReq", "DC_WeldingDetectionRes"] * ((len(names) - 4) // 2)
    assert names[-2:] == ["SessionStopReq", "SessionStopRes"]
    last = [sent.message for sent in run.said("DC_ChargeLoopRes")][-1]
    assert abs(last.evse_present_current.number) < 0.5
    currents = [sent.message.evse_present_current.number for sent in run.said("DC_ChargeLoopRes") if sent.t_ns > 30 * S]
    assert abs(currents[0]) > 20.0, "still flowing when the car says that it leaves"
    voltages = [sent.message.evse_present_voltage.number for sent in run.said("DC_WeldingDetectionRes")]
    assert voltages[0] > 340.0
    assert voltages == sorted(voltages, reverse=True)
    assert voltages[-1] < 60.0
    processing = [sent.message.ev_processing.value for sent in run.said("DC_WeldingDetectionReq")]
    assert processing == ["Ongoing"] * (len(processing) - 1) + ["Finished"]
    assert run.broken() == {}


@pytest.mark.parametrize("service", SERVICES)
def test_no_power_flows_outside_start_and_stop(play: Callable[..., Any], service: str) -> None:
    run = play(service=service, policy=lambda view: 11_000.0, grid={"tick_s": 0.02})
    started_ns = run.said("PowerDeliveryRes")[0].t_ns
    stopped_ns = run.said("PowerDeliveryRes")[-1].t_ns
    power_w = run.world.fleet_power_w
    assert not any(power_w[: started_ns // 20_000_000])
    assert not any(power_w[stopped_ns // 20_000_000 :])
    assert max(power_w) == pytest.approx(11_000.0)


@pytest.mark.parametrize("service", ["AC_BPT", "DC_BPT"])
def test_the_contactor_opens_only_at_rest(prepare: Callable[..., Any], service: str) -> None:
    run = prepare(service=service, duration_s=40.0, policy=lambda view: -9_000.0, grid={"tick_s": 0.02})
    opened: list[tuple[bool, float]] = []

    def look(now_ns: int) -> None:
        cars = run.world._present.values()
        opened.extend((ev.station.contactor_closed, ev.car.power_w(now_ns)) for ev in cars)

    run.finish(progress=look)
    closed = [power_w for is_closed, power_w in opened if is_closed]
    assert min(closed) <= -9_000.0
    last = max(index for index, (is_closed, _) in enumerate(opened) if is_closed)
    assert opened[last][1] == 0.0
    assert all(power_w == 0.0 for is_closed, power_w in opened if not is_closed)


def test_dc_contactors_close_only_once_the_voltages_match(play: Callable[..., Any]) -> None:
    """200 V/s up to some 345 V: PreCharge goes on until the station is within 20 V of the battery."""
    run = play(service="DC_BPT")
    voltages = [sent.message.evse_present_voltage.number for sent in run.said("DC_PreChargeRes")]
    assert voltages == sorted(voltages)
    assert voltages[-2] > 325.0
    processing = [sent.message.ev_processing.value for sent in run.said("DC_PreChargeReq")]
    assert processing == ["Ongoing"] * (len(processing) - 1) + ["Finished"]
    finished_ns = run.said("DC_PreChargeRes")[-1].t_ns
    assert run.said("PowerDeliveryReq")[0].t_ns > finished_ns


@pytest.mark.parametrize(
    "leave_s", [pytest.param(0.3, id="while agreeing"), pytest.param(1.0, id="in the cable check")]
)
def test_a_car_whose_departure_comes_before_the_loop_leaves_without_energy(
    play: Callable[..., Any], leave_s: float
) -> None:
    run = play(service="DC_BPT", fleet={"arrival": {"leave_s": [leave_s, leave_s]}})
    assert run.tables["sessions"]["plug_energy_wh"].tolist() == [0.0]
    assert run.tables["sessions"]["unplug_ns"][0] < 10 * S
    assert run.said("SessionStopReq")
    assert run.broken() == {}


def test_a_slow_off_ramp_is_waited_for(play: Callable[..., Any], car: Vehicle) -> None:
    slow = car._replace(ac_converter=car.ac_converter._replace(off_ramp_w_per_s=4_000.0))
    run = play(service="AC_BPT", vehicles=(slow,), policy=lambda view: 10_000.0)
    (stop_ns,) = run.tables["sessions"]["stop_ns"]
    assert stop_ns / S >= 32.5, "10 kW at 4 kW/s"
    assert run.broken() == {}


def test_a_setpoint_that_waits_for_its_reaction_delay_dies_with_the_stop(play: Callable[..., Any]) -> None:
    """Departure comes right after the first loop: no current flows yet, but 45 kW have been decided upon."""
    run = play(
        service="DC_BPT",
        fleet={"arrival": {"leave_s": [3.9, 3.9]}},
        ev={"loop_gap_s": 0.02},
        evse={"dc_reaction_delay_s": 0.5},
        policy=lambda view: 45_000.0,
    )
    assert run.tables["setpoints"]["setpoint_w"][0] > 40_000.0
    assert run.tables["sessions"]["plug_energy_wh"].tolist() == [0.0]
    assert run.broken() == {}


def test_sessions_that_end_at_departure_say_so(play: Callable[..., Any]) -> None:
    run = play(service="AC_BPT")
    assert run.outcome.kpis["end_reasons"] == {"departure": 1}
