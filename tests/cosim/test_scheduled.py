"""Scheduled mode in the simulation, and a station that settles departure and charge (MobilityNeedsMode 2)."""

import numpy as np
import pytest

from models.control.charge_loop import StationView
from protocol.iso20.codes import ChargeProgress

S = 1_000_000_000


def steps_at_15_s(view: StationView) -> float:
    """6 kW, and from 15 s on half of it the other way where the car can."""
    if view.time_s < 15.0:
        return 6_000.0
    return -5_000.0 if view.rated_discharge_w > 0.0 else 5_000.0


def power_w(run, from_s, to_s):
    grid = run.tables["grid"]
    return float(np.mean(grid["fleet_power_w"][(grid["t_ns"] > from_s * S) & (grid["t_ns"] <= to_s * S)]))


def scheduled(play, service, **sections):
    sections = {"ev": {"control_mode": "scheduled"}, "secc": {"reschedule_every_s": 2.0}, **sections}
    run = play(policy=steps_at_15_s, service=service, **sections)
    assert run.broken() == {}
    return run


@pytest.mark.parametrize("service", ["AC", "AC_BPT", "DC", "DC_BPT"])
def test_the_power_wanted_arrives_by_renegotiated_schedules(play, service):
    run = scheduled(play, service)
    assert list(run.tables["sessions"]["end_reason"]) == ["departure"]
    assert power_w(run, 13.0, 15.0) == pytest.approx(6_000.0, rel=0.02)
    after_w = -5_000.0 if service.endswith("BPT") else 5_000.0
    assert power_w(run, 20.0, 29.0) == pytest.approx(after_w, rel=0.02)
    starts = [s for s in run.said("PowerDeliveryReq") if s.message.charge_progress is ChargeProgress.START]
    assert len(starts) == 3  # the plan (nothing), then 6 kW, then what followed
    for start in starts:
        assert start.message.ev_power_profile.control_mode.wire_name == "Scheduled_EVPPTControlMode"
    loops = run.said(f"{service[:2]}_ChargeLoopReq")
    assert {"Scheduled" in sent.message.control_mode.wire_name for sent in loops} == {True}


@pytest.mark.parametrize("service", ["AC_BPT", "DC_BPT"])
def test_dynamic_mode_answers_sooner(play, service):
    def answer_s(run):
        grid = run.tables["grid"]
        turned = (grid["t_ns"] > 15 * S) & (grid["fleet_power_w"] < 0.0)
        return grid["t_ns"][turned][0] / S - 15.0

    dynamic = play(policy=steps_at_15_s, service=service)
    slow = scheduled(play, service, secc={"reschedule_every_s": 8.0})
    assert answer_s(dynamic) < 2.0 < answer_s(slow)


def test_a_plan_is_the_first_schedule(play):
    run = scheduled(play, "AC", schedule={"rule": "even"}, secc={"reschedule_every_s": 60.0})
    assert len(run.said("ScheduleExchangeReq")) == 1
    assert 0.0 < power_w(run, 12.0, 29.0) <= 11_000.0


@pytest.mark.parametrize("service", ["AC_BPT", "DC_BPT"])
def test_the_station_settles_departure_and_target(play, service):
    run = play(
        policy=lambda view: 3_000.0,
        service=service,
        ev={"mobility_needs": "station"},
        station=[{"t_s": 12.0, "ask": "needs", "departure_s": 22.0, "target_soc": 0.6, "minimum_soc": 0.55}],
    )
    assert run.broken() == {}
    assert run.tables["sessions"]["soc_target"][0] == 0.6
    assert 22.0 <= run.tables["sessions"]["unplug_ns"][0] / S < 25.0
    said = [(s.t_ns / S, s.message.control_mode) for s in run.said(f"{service[:2]}_ChargeLoopReq")]
    late = [mode for t, mode in said if 13.0 < t < 20.0]
    early = [mode for t, mode in said if t < 11.9]
    assert late[0].departure_time <= 10 < early[-1].departure_time
    assert early[-1].ev_minimum_energy_request.number < 0.0 < late[-1].ev_minimum_energy_request.number


def test_in_mode_1_the_station_may_wish_what_it_likes(play):
    run = play(
        policy=lambda view: 3_000.0,
        station=[{"t_s": 12.0, "ask": "needs", "departure_s": 22.0, "target_soc": 0.6}],
    )
    assert run.tables["sessions"]["soc_target"][0] == 0.8
    assert list(run.tables["sessions"]["unplug_ns"]) == [30 * S] or run.tables["sessions"]["unplug_ns"][0] > 30 * S


# --- a promise that is broken -----------------------------------------------------------------------------------------


def told(run, kind):
    table = run.tables["events"]
    return [(t / S, d) for t, k, d in zip(table["t_ns"], table["kind"], table["detail"], strict=True) if k == kind]


def warned(run):
    """Instants of the responses of the loop that warn of a violation [s]."""
    rows = run.tables["messages"]
    return rows["t_ns"][rows["response_code"] == "WARNING_EVPowerProfileViolation"] / S


def off_profile(play, service, factor=1.5, **sections):
    fault = {"kind": "off_profile", "t_s": 20.0, "duration_s": 5.0, "profile_factor": factor}
    return play(
        policy=lambda view: 6_000.0,
        service=service,
        **{"ev": {"control_mode": "scheduled"}, "secc": {"reschedule_every_s": 2.0}, "faults": [fault], **sections},
    )


@pytest.mark.parametrize("service", ["AC", "AC_BPT", "DC", "DC_BPT"])
def test_a_vehicle_that_takes_more_than_it_promised_is_warned_and_goes_on(play, service):
    run = off_profile(play, service)
    assert run.broken() == {}
    assert list(run.tables["sessions"]["end_reason"]) == ["departure"]
    assert power_w(run, 22.0, 25.0) == pytest.approx(9_000.0, rel=0.03)
    at_s = warned(run)
    assert 20.0 < at_s[0] < 21.5
    assert at_s[-1] < 26.5
    assert len(at_s) > 10  # each response while it lasts
    ((_, detail),) = told(run, "profile_violation")
    assert "W promised, tolerance 500 W" in detail
    assert "[off_profile]" in detail
    assert len(told(run, "profile_kept")) == len(told(run, "profile_warned")) == 1
    assert not warned(off_profile(play, service, 1.05)).size  # 300 W: within the tolerance


@pytest.mark.parametrize("service", ["AC_BPT", "DC_BPT"])
def test_too_little_is_a_violation_where_the_scenario_says_so_and_leaving_is_none(play, service):
    secc = {"reschedule_every_s": 2.0, "profile_breach": "either"}
    assert not warned(off_profile(play, service, 0.8)).size
    at_s = warned(off_profile(play, service, 0.8, secc=secc))
    assert 20.0 < at_s[0] < at_s[-1] < 26.5
    assert not warned(off_profile(play, service, 1.0, secc=secc)).size


def test_the_other_direction_is_a_violation(play):
    assert warned(off_profile(play, "DC_BPT", -0.5)).size
    assert warned(off_profile(play, "AC_BPT", -1.0)).size


@pytest.mark.parametrize(("power_tolerance_w", "answer", "is_warned"), [
    pytest.param(4_000.0, "confirmed", False, id="agreed on more than the station's own"),
    pytest.param(4_000.0, "refused", True, id="not agreed on"),
    pytest.param(4_000.0, "unsaid", True, id="nothing said"),
    pytest.param(100.0, "confirmed", True, id="agreed on less"),
])  # fmt: skip
def test_the_tolerance_is_the_one_both_have_agreed_on(play, power_tolerance_w, answer, is_warned):
    run = off_profile(
        play, "AC", 1.5,
        secc={"reschedule_every_s": 2.0, "power_tolerance_w": power_tolerance_w},
        ev={"control_mode": "scheduled", "power_tolerance": answer},
    )  # fmt: skip
    codes = set(run.tables["messages"]["response_code"])
    confirmed = "OK_PowerToleranceConfirmed" if answer == "confirmed" else "WARNING_PowerToleranceNotConfirmed"
    assert confirmed in codes
    assert ("WARNING_EVPowerProfileViolation" in codes) is is_warned
    assert list(run.tables["sessions"]["end_reason"]) == ["departure"]


def test_a_tolerance_that_is_required_turns_away_who_refuses_it(play):
    secc = {"power_tolerance_w": 200.0, "tolerance_required": True}
    run = off_profile(play, "AC", secc=secc, ev={"control_mode": "scheduled", "power_tolerance": "refused"})
    assert "FAILED_PowerToleranceNotConfirmed" in set(run.tables["messages"]["response_code"])
    assert run.tables["sessions"]["end_reason"][0] == "SECC: schedule 1 demands its tolerance"
    assert run.tables["sessions"]["charged_wh"][0] == 0.0


@pytest.mark.parametrize("service", ["AC", "DC_BPT"])
def test_after_patience_the_session_ends_with_power_brought_down(play, service):
    secc = {"reschedule_every_s": 2.0, "profile_patience_s": 2.0}
    run = off_profile(play, service, secc=secc)
    assert run.broken() == {}
    assert not told(run, "opened_under_load")
    (began_s, _), (lost_s, reason) = told(run, "profile_violation")[0], told(run, "session_lost")[0]
    assert 2.0 <= lost_s - began_s < 2.5
    assert reason == "FAILED_EVPowerProfileViolation [off_profile]"
    assert "FAILED_EVPowerProfileViolation" in run.tables["sessions"]["end_reason"][0]
    assert power_w(run, lost_s + 1.5, 30.0) == 0.0


def test_a_wrong_meter_accuses_a_car_that_keeps_its_word_and_it_asks_for_a_new_schedule(play):
    wrong = [{"kind": "wrong_meter", "t_s": 20.0, "duration_s": 4.0, "meter_factor": 1.5}]
    ev = {"control_mode": "scheduled", "profile_warning_answer": "renegotiate"}
    usual = off_profile(play, "AC_BPT", faults=[])
    run = off_profile(play, "AC_BPT", faults=wrong, ev=ev)
    assert power_w(run, 21.0, 29.0) == pytest.approx(6_000.0, rel=0.02)
    assert warned(run).size
    assert [detail for _, detail in told(run, "profile_warned")] == ["asks for a new schedule"]
    asked = [len(each.said("ScheduleExchangeReq")) for each in (usual, run)]
    assert asked[1] == asked[0] + 1


def test_a_converter_that_ramps_longer_than_the_grace_breaks_a_promise_to_take_less(play):
    def less_from_20_s(view):
        return 9_000.0 if view.time_s < 15.0 else 5_000.0

    sections = {"ev": {"control_mode": "scheduled", "ramp_w_per_s": 700.0}, "duration_s": 60.0,
                "fleet": {"arrival": {"plug_in_s": [0.0, 0.0], "leave_s": [55.0, 55.0]}}}  # fmt: skip
    secc = {"reschedule_every_s": 2.0, "profile_grace_s": 1.0}
    run = play(policy=less_from_20_s, service="AC", secc=secc, **sections)
    assert warned(run).size
    patient = play(policy=less_from_20_s, service="AC", secc={**secc, "profile_grace_s": 10.0}, **sections)
    assert not warned(patient).size
