"""What a station asks and what a driver changes, played: pause and wake, standby, renegotiation, terminate, meter."""

import numpy as np
import pytest

from models.control.charge_loop import StationView
from protocol.iso20.codes import ChargeProgress, ChargingSession, EVSENotification


def six_kilowatts(view: StationView) -> float:
    return 6_000.0


def events(run, kind):
    table = run.tables["events"]
    return [
        (t / 1e9, detail) for t, name, detail in zip(table["t_ns"], table["kind"], table["detail"], strict=True)
        if name == kind
    ]  # fmt: skip


def names(run, since_s=0.0, until_s=1e9):
    """Requests in order, repeats folded."""
    sent = [s for s in run.messages if s.message.wire_name.endswith("Req") and since_s <= s.t_ns / 1e9 <= until_s]
    found = []
    for each in sent:
        progress = getattr(each.message, "charge_progress", None)
        stop = getattr(each.message, "charging_session", None)
        name = each.message.wire_name.removesuffix("Req")
        said = progress or stop
        name = f"{name}({said.value})" if said else name
        if not found or found[-1] != name:
            found.append(name)
    return found


def power_w(run, from_s, to_s):
    """Mean power of the fleet over a span [W]."""
    table = run.tables["grid"]
    inside = (table["t_ns"] > from_s * 1e9) & (table["t_ns"] <= to_s * 1e9)
    return float(np.mean(table["fleet_power_w"][inside]))


def orderly(run):
    assert run.broken() == {}
    assert not events(run, "opened_under_load")
    assert list(run.tables["sessions"]["end_reason"]) == ["departure"]


@pytest.mark.parametrize("service", ["AC", "AC_BPT", "DC", "DC_BPT"])
@pytest.mark.parametrize("wakes", ["station", "timer", "driver"])
def test_a_paused_session_sleeps_without_power_and_is_taken_up_again(play, service, wakes):
    asks = [{"t_s": 12.0, "ask": "pause"}] + ([{"t_s": 20.0, "ask": "wake"}] if wakes == "station" else [])
    run = play(
        policy=six_kilowatts,
        service=service,
        station=asks,
        ev={"wake_after_s": 6.0} if wakes == "timer" else {},
        driver=[{"t_s": 20.0, "ev_id": 0, "wakes": True}] if wakes == "driver" else [],
    )
    orderly(run)
    dc = service.startswith("DC")
    welding = ["DC_WeldingDetection"] if dc else []
    cable = ["DC_CableCheck", "DC_PreCharge"] if dc else []
    current = service[:2]
    after = names(run, 12.0)
    assert after[1 : 4 + len(welding)] == [
        "PowerDelivery(Stop)",
        *welding,
        "SessionStop(Pause)",
        "supportedAppProtocol",
    ]
    resumed = after[3 + len(welding) :]
    assert resumed[: 5 + len(cable)] == [
        "supportedAppProtocol",
        "SessionSetup",
        f"{current}_ChargeParameterDiscovery",
        "ScheduleExchange",
        *cable,
        "PowerDelivery(Start)",
    ]
    (ended_s, _), (back_s, _) = events(run, "paused")[0], events(run, "reconnected")[0]
    assert power_w(run, ended_s + 0.2, back_s) == 0.0
    assert power_w(run, 28.0, 29.5) == pytest.approx(6_000.0, rel=0.01)
    assert len({sent.message.header.session_id for sent in run.said("PowerDeliveryReq")}) == 1
    assert ends_in_the_table(run) == ["Pause", "Terminate"]


def ends_in_the_table(run):
    """ChargingSession of each SessionStopReq, as the table of messages has it."""
    return [said for said in run.tables["messages"]["charging_session"] if said is not None]


def test_a_pause_that_nobody_ends_lasts_until_departure(play):
    run = play(policy=six_kilowatts, station=[{"t_s": 12.0, "ask": "pause"}])
    assert run.broken() == {}
    assert list(run.tables["sessions"]["unplug_ns"]) == [30_000_000_000]
    assert not events(run, "reconnected")
    assert power_w(run, 16.0, 30.0) == 0.0


@pytest.mark.parametrize("service", ["AC_BPT", "DC_BPT"])
def test_standby_keeps_the_contactor_closed_and_power_at_zero(play, service):
    run = play(
        policy=six_kilowatts,
        service=service,
        ev={"pause_answer": "standby", "standby_poll_s": 2.0},
        station=[{"t_s": 12.0, "ask": "pause"}, {"t_s": 20.0, "ask": "exit_standby"}],
    )
    orderly(run)
    loop = f"{service[:2]}_ChargeLoop"
    welding = ["DC_WeldingDetection"] if service.startswith("DC") else []
    assert names(run, 12.0) == [
        loop,
        "PowerDelivery(Standby)",
        "PowerDelivery(Start)",
        loop,
        "PowerDelivery(Stop)",
        *welding,
        "SessionStop(Terminate)",
    ]
    assert power_w(run, 15.0, 20.0) == 0.0
    assert power_w(run, 25.0, 29.0) == pytest.approx(6_000.0, rel=0.01)


def test_a_station_without_standby_gets_a_pause_instead(play):
    run = play(
        policy=six_kilowatts,
        ev={"pause_answer": "standby"},
        secc={"standby": False},
        station=[{"t_s": 12.0, "ask": "pause"}],
    )
    assert run.broken() == {}
    assert names(run, 12.0)[-1] == "SessionStop(Pause)"


@pytest.mark.parametrize("service", ["AC_BPT", "DC_BPT"])
def test_terminate_is_obeyed_in_order(play, service):
    run = play(policy=six_kilowatts, service=service, station=[{"t_s": 12.0, "ask": "terminate", "max_delay_s": 5}])
    assert run.broken() == {}
    assert list(run.tables["sessions"]["end_reason"]) == ["EVSENotification"]
    assert names(run, 12.0)[-1] == "SessionStop(Terminate)"
    stop = next(s for s in run.said("PowerDeliveryReq") if s.message.charge_progress is ChargeProgress.STOP)
    assert 12.0 < stop.t_ns / 1e9 < 17.0
    delays = [
        sent.message.evse_status.notification_max_delay
        for sent in run.messages
        if getattr(sent.message, "evse_status", None) is not None
    ]
    assert delays[0] == 5 - 1  # whole seconds that are left
    assert delays == sorted(delays, reverse=True)


def test_a_schedule_renegotiation_holds_the_power(play):
    run = play(policy=six_kilowatts, station=[{"t_s": 12.0, "ask": "schedule_renegotiation"}])
    orderly(run)
    assert names(run, 12.0)[1:4] == ["PowerDelivery(ScheduleRenegotiation)", "ScheduleExchange", "PowerDelivery(Start)"]
    assert power_w(run, 12.0, 14.0) == pytest.approx(6_000.0, rel=0.01)


@pytest.mark.parametrize(("first", "second"), [("DC", "DC_BPT"), ("AC", "AC_BPT")])
def test_from_charging_only_to_bidirectional_and_then_it_discharges(play, first, second):
    run = play(
        policy=lambda view: -5_000.0 if view.rated_discharge_w > 0.0 else 5_000.0,
        service=first,
        station=[{"t_s": 12.0, "ask": "service_renegotiation", "services": [second]}],
    )
    orderly(run)
    assert power_w(run, 10.0, 12.0) == pytest.approx(5_000.0, rel=0.02)
    assert power_w(run, 27.0, 29.0) == pytest.approx(-5_000.0, rel=0.02)
    assert list(run.tables["sessions"]["service"]) == [second]
    assert len(run.said("SessionSetupReq")) == 1
    stops = [sent.message.charging_session for sent in run.said("SessionStopReq")]
    assert stops == [ChargingSession.SERVICE_RENEGOTIATION, ChargingSession.TERMINATE]
    assert ends_in_the_table(run) == ["ServiceRenegotiation", "Terminate"]


def test_a_station_that_did_not_offer_it_is_not_obeyed(play):
    run = play(
        policy=six_kilowatts,
        secc={"service_renegotiation": False},
        station=[{"t_s": 12.0, "ask": "service_renegotiation", "max_delay_s": 3}],
    )
    orderly(run)
    assert events(run, "notification_ignored") == [(15.0, "ServiceRenegotiation")]


def test_the_meter_is_confirmed_without_leaving_the_loop(play):
    run = play(policy=six_kilowatts, station=[{"t_s": 12.0, "ask": "metering_confirmation"}])
    orderly(run)
    assert names(run, 12.0)[:3] == ["DC_ChargeLoop", "MeteringConfirmation", "DC_ChargeLoop"]
    (sent,) = run.said("MeteringConfirmationReq")
    assert sent.message.signed_metering_data.meter_info.charged_energy_reading_wh > 0
    assert power_w(run, 12.0, 14.0) == pytest.approx(6_000.0, rel=0.01)
    shown = [s for s in run.messages if getattr(s.message, "evse_status", None) is not None]
    assert {s.message.evse_status.evse_notification for s in shown} == {EVSENotification.METERING_CONFIRMATION}


# --- the driver -------------------------------------------------------------------------------------------------------


def test_a_driver_who_wants_to_go_now_goes_now(play):
    run = play(policy=six_kilowatts, driver=[{"t_s": 15.0, "ev_id": 0, "leaves_now": True}])
    orderly(run)
    assert 15.0 < run.tables["sessions"]["unplug_ns"][0] / 1e9 < 18.0


def test_a_departure_can_be_moved_both_ways_even_in_a_pause(play):
    run = play(
        policy=six_kilowatts,
        station=[{"t_s": 12.0, "ask": "pause"}],
        driver=[{"t_s": 20.0, "ev_id": 0, "departure_s": 35.0}, {"t_s": 25.0, "ev_id": 0, "departure_s": 28.0}],
    )
    assert run.broken() == {}
    assert list(run.tables["sessions"]["unplug_ns"]) == [28_000_000_000]


def test_a_new_target_moves_the_energy_requests(play, car):
    run = play(policy=six_kilowatts, driver=[{"t_s": 15.0, "ev_id": 0, "target_soc": 0.6}])
    orderly(run)
    said = [
        (s.t_ns / 1e9, s.message.control_mode.ev_target_energy_request.number) for s in run.said("DC_ChargeLoopReq")
    ]
    before = [wh for t, wh in said if t < 15.0][-1]
    after = next(wh for t, wh in said if t > 15.0)
    capacity_wh = car.battery.capacity_wh
    assert before - after == pytest.approx((0.8 - 0.6) * capacity_wh, rel=0.01)
    assert list(run.tables["sessions"]["soc_target"]) == [0.6]


# --- phases that take their time --------------------------------------------------------------------------------------


@pytest.mark.parametrize("service", ["AC_BPT", "DC_BPT"])
@pytest.mark.parametrize("mode", ["dynamic", "scheduled"])
def test_a_plan_that_is_looked_for_keeps_schedule_exchange_ongoing_each_time(play, service, mode):
    run = play(
        policy=six_kilowatts,
        service=service,
        secc={"schedule_exchange_s": 2.0},
        ev={"control_mode": mode},
        station=[{"t_s": 20.0, "ask": "schedule_renegotiation"}],
    )
    orderly(run)
    rows = run.tables["messages"]
    answers = rows["evse_processing"][rows["message"] == "ScheduleExchangeRes"].tolist()
    exchanges = len(run.said("PowerDeliveryReq")) - 1 - answers.count("Finished")  # what is left are renegotiations
    assert answers.count("Finished") == exchanges + 1 > 1
    assert answers.count("Ongoing") >= 7 * answers.count("Finished")  # asked each 0.25 s


def test_a_plan_that_is_not_found_in_time_is_the_one_at_hand(play):
    run = play(
        policy=six_kilowatts,
        duration_s=120.0,
        fleet={"arrival": {"leave_s": [100.0, 100.0]}},
        secc={"schedule_exchange_s": 900.0, "ongoing_limit_s": 30.0},
    )
    orderly(run)
    asked = [sent.t_ns / 1e9 for sent in run.said("ScheduleExchangeReq")]
    assert 30.0 <= asked[-1] - asked[0] < 30.5
    assert power_w(run, 60.0, 90.0) == pytest.approx(6_000.0, rel=0.01)


@pytest.mark.parametrize("service", ["AC_BPT", "DC_BPT"])
def test_a_car_that_closes_its_own_contactors_says_so_and_no_power_flows_before(play, service):
    run = play(policy=six_kilowatts, service=service, ev={"power_delivery_s": 2.0})
    usual = play(policy=six_kilowatts, service=service)
    orderly(run)
    starts = [s for s in run.said("PowerDeliveryReq") if s.message.charge_progress is ChargeProgress.START]
    said = [sent.message.ev_processing.value for sent in starts]
    assert said[-1] == "Finished"
    assert set(said[:-1]) == {"Ongoing"}
    assert 2.0 <= (starts[-1].t_ns - starts[0].t_ns) / 1e9 < 2.5
    assert len(starts) >= 5
    assert power_w(run, 0.0, starts[-1].t_ns / 1e9) == 0.0
    later_s = (run.tables["sessions"]["first_loop_ns"][0] - usual.tables["sessions"]["first_loop_ns"][0]) / 1e9
    assert 1.0 < later_s < 2.5
