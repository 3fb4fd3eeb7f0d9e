"""Messages that come too late: time never runs backwards, timers fire when they should, nothing opens under load."""

from collections.abc import Callable
from typing import Any

import pytest

S = 1_000_000_000


@pytest.mark.parametrize("service", ["AC_BPT", "DC_BPT"])
@pytest.mark.parametrize(
    "line",
    [
        pytest.param({"delay_s": 0.6, "jitter_s": 0.0}, id="a request takes longer than the car waits"),
        pytest.param({"loss": 0.2, "retransmission_s": 0.2}, id="three losses in a row do"),
    ],
)
def test_time_never_runs_backwards(prepare: Callable[..., Any], service: str, line: dict[str, float]) -> None:
    run = prepare(
        service=service,
        duration_s=60.0,
        fleet={"n_ev": 10, "arrival": {"plug_in_s": [0.0, 10.0], "leave_s": [50.0, 50.0]}},
        secc={"loop_sequence_timeout_s": 60.0},
        link=line,
    )
    instants = run.finish_watched()
    assert len(instants) > 10 * 60, "ten cars for most of a minute"
    assert instants == sorted(instants)
    assert run.outcome.kpis["end_reasons"]


@pytest.mark.parametrize("seed", [3, 5])
def test_a_car_whose_session_is_lost_at_departure_is_unplugged_at_rest(play: Callable[..., Any], seed: int) -> None:
    run = play(
        service="AC_BPT",
        seed=seed,
        duration_s=60.0,
        fleet={"n_ev": 60, "arrival": {"plug_in_s": [0.0, 20.0], "leave_s": [5.0, 50.0]}},
        secc={"loop_sequence_timeout_s": 60.0},
        link={"loss": 0.12, "jitter_s": 0.015},
    )
    assert run.broken() == {}


def test_a_station_that_gave_up_does_not_move_power_again(play: Callable[..., Any]) -> None:
    """The request was on its way when the car's own timer ended the session; it must not start the converter."""
    run = play(
        service="DC_BPT",
        duration_s=60.0,
        policy=lambda view: 8_000.0 + 100.0 * (int(view.time_s * 1000) % 7),
        fleet={"n_ev": 30, "arrival": {"plug_in_s": [0.0, 10.0], "leave_s": [50.0, 50.0]}},
        secc={"loop_sequence_timeout_s": 60.0},
        link={"loss": 0.2, "retransmission_s": 0.2},
    )
    assert run.broken() == {}
    events, setpoints = run.tables["events"], run.tables["setpoints"]
    lost_ns = {
        ev_id: t_ns
        for t_ns, ev_id, kind in zip(events["t_ns"], events["ev_id"], events["kind"], strict=True)
        if kind == "session_lost"
    }
    assert len(lost_ns) > 10
    for t_ns, ev_id in zip(setpoints["t_ns"], setpoints["ev_id"], strict=True):
        assert t_ns <= lost_ns.get(ev_id, t_ns)


@pytest.mark.parametrize("service", ["AC_BPT", "DC_BPT"])
def test_a_station_gives_up_at_the_very_instant_its_timer_runs_out(play: Callable[..., Any], service: str) -> None:
    """0.5 s after its response, although the timer it armed before the loop was one of 60 s."""
    run = play(service=service, ev={"loop_gap_s": 5.0})
    events = run.tables["events"]
    (lost_ns,) = events["t_ns"][events["kind"] == "session_lost"]
    answers = run.said("AC_ChargeLoopRes", "DC_ChargeLoopRes")
    assert lost_ns == answers[0].t_ns + S // 2
