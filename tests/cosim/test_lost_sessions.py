"""Sessions that time out: a link or a loop too slow for the timers. Power goes to zero before anything opens."""

from collections.abc import Callable
from typing import Any

import pytest

from models.car.vehicle import Vehicle

S = 1_000_000_000
STAY = {"arrival": {"leave_s": [36.0, 36.0]}}


@pytest.mark.parametrize("service", ["AC_BPT", "DC_BPT"])
@pytest.mark.parametrize(
    ("slow", "reason"),
    [
        pytest.param({"ev": {"loop_gap_s": 0.6}}, "sequence timeout in CHARGE_LOOP", id="gap beyond the SECC's"),
        pytest.param({"link": {"delay_s": 0.26}}, "message timeout in CHARGE_LOOP", id="link beyond the EVCC's"),
        pytest.param(
            {"secc": {"processing_s": 0.5}}, "message timeout in CHARGE_LOOP", id="processing beyond the EVCC's"
        ),
        pytest.param({"link": {"delay_s": 0.16}}, "sequence timeout in CHARGE_LOOP", id="two ways and the gap beyond"),
    ],
)
def test_a_loop_slower_than_half_a_second_loses_the_session_and_says_why(
    play: Callable[..., Any], service: str, slow: dict[str, Any], reason: str
) -> None:
    run = play(service=service, policy=lambda view: 9_000.0, fleet=STAY, **slow)
    (found,) = run.tables["sessions"]["end_reason"]
    assert found.endswith(reason)
    assert run.outcome.kpis["end_reasons"] == {found: 1}
    assert run.tables["sessions"]["loops"][0] in (0, 1, 2)
    assert run.tables["sessions"]["unplug_ns"].tolist() == [36 * S], "it stays plugged in until departure"
    assert run.said("SessionStopReq") == []
    assert not any(run.world.fleet_power_w[-100:])
    assert "session_lost" in run.tables["events"]["kind"]
    assert run.broken() == {}


@pytest.mark.parametrize("service", ["AC_BPT", "DC_BPT"])
def test_a_relaxed_timer_keeps_a_slow_loop(play: Callable[..., Any], service: str) -> None:
    run = play(service=service, duration_s=60.0, ev={"loop_gap_s": 5.0}, secc={"loop_sequence_timeout_s": 60.0})
    assert run.tables["sessions"]["unplug_ns"][0] >= 30 * S
    assert len(run.said("SessionStopRes")) == 1
    assert not any("timeout" in reason for reason in run.outcome.kpis["end_reasons"])


def lost_under_power(play: Callable[..., Any], service: str, **keywords: Any) -> Any:
    """A session at full power that is lost when a retransmission, at some point, takes longer than the timer."""
    return play(
        service=service,
        fleet={**STAY, "n_ev": 8},
        secc={"loop_sequence_timeout_s": 0.5},
        link={"loss": 0.01, "retransmission_s": 0.3},
        grid={"tick_s": 0.02},
        **keywords,
    )


@pytest.mark.parametrize("service", ["AC_BPT", "DC_BPT"])
@pytest.mark.parametrize("power_w", [8_000.0, -8_000.0])
def test_a_session_lost_at_full_power_comes_down_before_the_contactor_opens(
    play: Callable[..., Any], service: str, power_w: float
) -> None:
    run = lost_under_power(play, service, policy=lambda view: power_w)
    events = run.tables["events"]
    assert (events["kind"] == "session_lost").sum() >= 4
    assert "opened_under_load" not in events["kind"]
    assert run.broken() == {}
    asked_w = run.tables["setpoints"]["setpoint_w"]
    assert set(asked_w[asked_w != 0.0].round(-2).tolist()) == {power_w}
    last_ns = max(run.tables["sessions"]["stop_ns"].max(), events["t_ns"][events["kind"] == "session_lost"].max())
    assert not any(run.world.fleet_power_w[last_ns // 20_000_000 + 10 :])


def test_a_car_too_slow_for_the_forced_opening_breaks_an_invariant(play: Callable[..., Any], car: Vehicle) -> None:
    """9 kW at 1 kW/s take 9 s; the station opens after 3 s at about 6 kW, and nothing was injected to excuse it."""
    slow = car._replace(ac_converter=car.ac_converter._replace(off_ramp_w_per_s=1_000.0))
    run = lost_under_power(play, "AC_BPT", policy=lambda view: 9_000.0, vehicles=(slow,))
    assert set(run.broken()) == {"contactor_load"}
    events = run.tables["events"]
    lost_s = {
        ev: t / S
        for t, ev, kind in zip(events["t_ns"], events["ev_id"], events["kind"], strict=True)
        if kind == "session_lost"
    }
    forced = [
        (t / S, ev)
        for t, ev, kind, what in zip(events["t_ns"], events["ev_id"], events["kind"], events["detail"], strict=True)
        if kind == "opened_under_load" and "communication" in what
    ]
    assert forced
    for at_s, ev_id in forced:
        assert at_s == pytest.approx(lost_s[ev_id] + 3.0)


def test_lost_segments_within_the_timers_cost_time_but_no_session(play: Callable[..., Any]) -> None:
    clean = play(service="DC_BPT", fleet=STAY)
    lossy = play(service="DC_BPT", fleet=STAY, link={"loss": 0.05, "retransmission_s": 0.04})
    assert lossy.outcome.kpis["charge_loops"] < clean.outcome.kpis["charge_loops"]
    assert set(lossy.outcome.kpis["end_reasons"]) == set(clean.outcome.kpis["end_reasons"])


@pytest.mark.parametrize("service", ["AC_BPT", "DC_BPT"])
def test_authorisation_that_takes_too_long_is_refused_by_the_station_first(
    play: Callable[..., Any], service: str
) -> None:
    """The station's budget is 55 s, the car's 60 s."""
    run = play(
        service=service, duration_s=90.0, fleet={"arrival": {"leave_s": [80.0, 80.0]}}, evse={"authorization_s": 58.0}
    )
    (reason,) = run.tables["sessions"]["end_reason"]
    assert "FAILED" in reason or "too long" in reason
    refused = run.messages[-1]
    assert refused.message.wire_name == "AuthorizationRes"
    assert refused.message.response_code.value == "FAILED"
    assert 55 * S <= refused.t_ns < 56 * S
    assert run.tables["sessions"]["session_id"].tolist() == [None]
