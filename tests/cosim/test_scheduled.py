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
