"""Settings at the edge of what the wire can say."""

from collections.abc import Callable
from typing import Any

import pytest


@pytest.mark.parametrize("rating_w", [10_000.6, 7_360.04, 10_999.5, 32_767.9])
def test_a_station_rating_finer_than_the_wire_is_not_exceeded(play: Callable[..., Any], rating_w: float) -> None:
    run = play(duration_s=10.0, service="AC_BPT", evse={"ac_charge_w": rating_w})
    assert run.broken() == {}


def test_whole_seconds_of_departure_are_no_change_of_plan(play: Callable[..., Any]) -> None:
    """A tolerance below the wire's resolution must not renegotiate in every loop."""
    run = play(service="DC_BPT", secc={"renegotiate_if_s": 0.4}, fleet={"arrival": {"leave_s": [3000.3, 3000.3]}})
    assert len(run.said("ScheduleExchangeReq")) == 1


def test_a_response_that_comes_too_late_was_never_applied(play: Callable[..., Any]) -> None:
    run = play(
        service="AC_BPT",
        policy=lambda view: 8_000.0 + 100.0 * (int(view.time_s / 0.03) % 7),
        fleet={"n_ev": 20, "arrival": {"leave_s": [35.0, 35.0]}},
        secc={"loop_sequence_timeout_s": 60.0},
        link={"loss": 0.1, "retransmission_s": 0.3},
    )
    sent = {(message.t_ns, message.ev_id): message.t_ns for message in run.said("AC_ChargeLoopReq")}
    setpoints = run.tables["setpoints"]
    for ev_id in range(20):
        requests = sorted(t for t, ev in sent if ev == ev_id)
        mine = setpoints["ev_id"] == ev_id
        for decided, applied in zip(setpoints["t_ns"][mine], setpoints["applied_ns"][mine], strict=True):
            asked = max(t for t in requests if t < decided)
            assert applied == -1 or applied < asked + 500_000_000


@pytest.mark.parametrize("power_w", [10_000.0, -10_000.0])
def test_the_setpoint_recorded_is_the_one_on_the_wire_phase_by_phase(play: Callable[..., Any], power_w: float) -> None:
    run = play(service="AC_BPT", policy=lambda view: power_w, ev={"per_phase": True})
    mode = run.said("AC_ChargeLoopRes")[40].message.control_mode
    said = sum(getattr(mode, f"evse_target_active_power{phase}").number for phase in ("", "_l2", "_l3"))
    assert run.tables["charge_loop"]["setpoint_w"][40] == said
    assert run.tables["grid"]["setpoint_power_w"][200] == said


@pytest.mark.parametrize("service", ["AC_BPT", "DC_BPT"])
def test_a_wish_that_is_no_number_is_named_and_the_driver_still_gets_the_reserve(
    play: Callable[..., Any], service: str
) -> None:
    run = play(
        service=service,
        duration_s=60.0,
        policy=lambda view: float("nan"),
        fleet={"soc": [0.1, 0.1], "arrival": {"leave_s": [50.0, 50.0]}},
    )
    assert run.outcome.kpis["charged_wh"] > 0.0
