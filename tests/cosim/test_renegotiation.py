"""A driver changes the departure: the next loop says so, and a large change walks the chain back to the schedule."""

from collections.abc import Callable
from typing import Any

import pytest

S = 1_000_000_000
LONG = {"target_soc": 0.4, "arrival": {"leave_s": [3000.0, 3000.0]}}
CHANGE = [{"t_s": 20.0, "ev_id": 0, "departure_s": 2000.0}]


def chain(run: Any, start_s: float, end_s: float) -> list[str]:
    """Names of the messages sent in a span, PowerDelivery with its progress, equal neighbours once."""
    names: list[str] = []
    for sent in run.messages:
        if start_s <= sent.t_ns / S < end_s:
            progress = getattr(sent.message, "charge_progress", None)
            name = sent.message.wire_name + (f"({progress.value})" if progress else "")
            if not names or names[-1] != name:
                names.append(name)
    return names


def notified_s(run: Any) -> list[float]:
    """Instants of loop responses that ask for a schedule renegotiation."""
    return [
        sent.t_ns / S
        for sent in run.said("AC_ChargeLoopRes", "DC_ChargeLoopRes")
        if sent.message.evse_status is not None
        and sent.message.evse_status.evse_notification.value == "ScheduleRenegotiation"
    ]


def test_a_new_departure_is_in_the_next_loop_request_and_nothing_else_happens(play: Callable[..., Any]) -> None:
    run = play(service="AC_BPT", fleet=LONG, driver=CHANGE)
    said = [(sent.t_ns, sent.message.control_mode.departure_time) for sent in run.said("AC_ChargeLoopReq")]
    for t_ns, departure_s in said:
        leave_s = 3000.0 if t_ns < 20 * S else 2000.0
        assert abs(departure_s - (leave_s - t_ns / S)) <= 1.0
    first_ns = next(t_ns for t_ns, _ in said if t_ns >= 20 * S)
    assert first_ns - 20 * S < 0.215 * S
    assert notified_s(run) == []
    assert len(run.said("ScheduleExchangeReq")) == 1
    assert "driver_change" in run.tables["events"]["kind"]


@pytest.mark.parametrize(
    ("tolerance_s", "asked"), [pytest.param(999.0, True, id="beyond"), pytest.param(1001.0, False, id="within")]
)
def test_the_station_asks_for_a_new_schedule_only_beyond_its_tolerance(
    play: Callable[..., Any], tolerance_s: float, asked: bool
) -> None:
    # The change is by 1000 s; both times are said in whole seconds.
    run = play(service="DC_BPT", fleet=LONG, driver=CHANGE, secc={"renegotiate_if_s": tolerance_s})
    assert bool(notified_s(run)) == asked
    assert len(run.said("ScheduleExchangeReq")) == (2 if asked else 1)


@pytest.mark.parametrize("service", ["AC_BPT", "DC_BPT"])
@pytest.mark.parametrize("back_to", ["schedule_exchange", "charge_parameter_discovery"])
def test_the_whole_chain_is_walked_and_only_once(play: Callable[..., Any], service: str, back_to: str) -> None:
    run = play(
        service=service,
        fleet=LONG,
        driver=CHANGE,
        secc={"renegotiate_if_s": 60.0},
        ev={"renegotiate_from": back_to},
        policy=lambda view: 8_000.0,
    )
    kind = service[:2]
    loop = [f"{kind}_ChargeLoopReq", f"{kind}_ChargeLoopRes"]
    discovery = [f"{kind}_ChargeParameterDiscoveryReq", f"{kind}_ChargeParameterDiscoveryRes"]
    (asked_s,) = notified_s(run)
    change_said_s = next(sent.t_ns / S for sent in run.said(loop[0]) if sent.t_ns >= 20 * S)
    assert asked_s == pytest.approx(change_said_s + 0.01, abs=1e-9), "in the answer to the request that says it"
    walked = chain(run, asked_s, 40.0)
    assert walked[0] == loop[1]
    assert [name for name in walked if name not in loop] == [
        "PowerDeliveryReq(ScheduleRenegotiation)",
        "PowerDeliveryRes",
        *(discovery if back_to == "charge_parameter_discovery" else []),
        "ScheduleExchangeReq",
        "ScheduleExchangeRes",
        "PowerDeliveryReq(Start)",
        "PowerDeliveryRes",
    ]
    assert walked[-1] in loop
    (said_again,) = [sent for sent in run.said("ScheduleExchangeReq") if sent.t_ns > 20 * S]
    assert said_again.message.control_mode.departure_time == pytest.approx(2000 - said_again.t_ns / S, abs=1.0)
    codes = {getattr(sent.message, "response_code", None) for sent in run.messages if sent.t_ns > 20 * S}
    assert {code.value for code in codes if code is not None} == {"OK"}
    if service == "DC_BPT":
        assert run.said("DC_CableCheckReq", "DC_PreChargeReq")[-1].t_ns < 20 * S, "contactors stay closed"
    assert run.broken() == {}


@pytest.mark.parametrize("service", ["AC_BPT", "DC_BPT"])
def test_power_is_held_during_a_renegotiation(play: Callable[..., Any], service: str) -> None:
    run = play(service=service, fleet=LONG, driver=CHANGE, secc={"renegotiate_if_s": 60.0}, policy=lambda view: 8_000.0)
    during = run.world.fleet_power_w[190:300]
    assert during == pytest.approx([8_000.0] * 110, rel=1e-6)
    assert len(run.tables["setpoints"]["t_ns"]) == 1


@pytest.mark.parametrize("service", ["AC_BPT", "DC_BPT"])
def test_power_may_be_taken_to_zero_during_a_renegotiation(play: Callable[..., Any], service: str) -> None:
    run = play(
        service=service,
        fleet=LONG,
        driver=CHANGE,
        secc={"renegotiate_if_s": 60.0, "renegotiation_power": "zero"},
        policy=lambda view: 8_000.0,
        grid={"tick_s": 0.02},
        ev={"answer_s": 0.3},  # slow enough for the AC charger: 0.2 s and 0.8 s of ramp
    )
    (asked_s,) = notified_s(run)
    setpoints = run.tables["setpoints"]
    assert setpoints["setpoint_w"].tolist() == [8_000.0, 0.0, 8_000.0]
    assert setpoints["t_ns"][1] / S == pytest.approx(asked_s)
    started_s = next(sent.t_ns / S for sent in run.said("PowerDeliveryRes") if sent.t_ns / S > asked_s + 0.4)
    assert setpoints["t_ns"][2] / S > started_s, "not before PowerDelivery(Start) is answered"
    power_w = run.world.fleet_power_w
    assert 0.0 in power_w[round(asked_s / 0.02) : round(setpoints["t_ns"][2] / S / 0.02)]
    assert power_w[-1] == pytest.approx(8_000.0, rel=1e-6)


def test_a_driver_who_comes_back_early_leaves_early(play: Callable[..., Any]) -> None:
    run = play(service="AC_BPT", fleet=LONG, driver=[{"t_s": 15.0, "ev_id": 0, "departure_s": 18.0}])
    (stop_ns,) = run.tables["sessions"]["stop_ns"]
    assert 18.0 <= stop_ns / S < 18.5


def test_a_change_for_a_car_that_is_not_there_has_no_effect(play: Callable[..., Any]) -> None:
    run = play(
        service="AC_BPT",
        fleet={"arrival": {"plug_in_s": [10.0, 10.0], "leave_s": [30.0, 30.0]}},
        driver=[{"t_s": 5.0, "ev_id": 0, "departure_s": 12.0}],
    )
    events = run.tables["events"]
    assert events["kind"][0] == "driver_change"
    assert "no effect" in events["detail"][0]
    assert run.tables["sessions"]["stop_ns"][0] >= 30 * S


@pytest.mark.parametrize("regulation", ["loop", "periodic"])
def test_zero_power_lasts_until_start_is_answered(play: Callable[..., Any], regulation: str) -> None:
    run = play(
        service="DC_BPT",
        policy=lambda view: 8_000.0,
        fleet={"target_soc": 0.4, "arrival": {"leave_s": [3000.0, 3000.0]}},
        driver=[{"t_s": 20.0, "ev_id": 0, "departure_s": 2000.0}],
        secc={"renegotiate_if_s": 60.0, "renegotiation_power": "zero"},
        evse={"dc_regulation": regulation},
        ev={"answer_s": 0.3},
    )
    started_ns = run.said("PowerDeliveryRes")[-1].t_ns
    setpoints = run.tables["setpoints"]
    assert setpoints["setpoint_w"].tolist() == pytest.approx([8_000.0, 0.0, 8_000.0])
    assert setpoints["t_ns"][2] > started_ns


@pytest.mark.parametrize("regulation", ["loop", "periodic"])
def test_power_held_is_not_changed_until_start_is_answered(play: Callable[..., Any], regulation: str) -> None:
    run = play(
        service="DC_BPT",
        policy=lambda view: 8_000.0 + 100.0 * (int(view.time_s / 0.03) % 7),
        fleet={"target_soc": 0.4, "arrival": {"leave_s": [3000.0, 3000.0]}},
        driver=[{"t_s": 20.0, "ev_id": 0, "departure_s": 2000.0}],
        secc={"renegotiate_if_s": 60.0},
        evse={"dc_regulation": regulation},
        ev={"answer_s": 0.3},
    )
    asked_ns = next(sent.t_ns for sent in run.said("PowerDeliveryReq") if sent.t_ns > 20e9) + 10_000_000
    started_ns = [sent.t_ns for sent in run.said("PowerDeliveryRes") if sent.t_ns > 20e9][1]
    inside = [t for t in run.tables["setpoints"]["t_ns"].tolist() if asked_ns < t < started_ns]
    assert inside == []
