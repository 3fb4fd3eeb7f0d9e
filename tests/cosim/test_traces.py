"""Whole sessions as text, one line per message; a change shows in the diff of tests/data/traces."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TRACES = Path(__file__).parents[1] / "data" / "traces"
SHOWN_LOOPS = 2  # at either end; those between are counted
ELEMENTS = ("charge_progress", "charging_session", "ev_processing", "evse_processing", "response_code")


def line(sent: Any) -> str:
    """`3.865 EV000 -> EVSE000 DC_ChargeLoopReq` and the elements that steer a session."""
    name = sent.message.wire_name
    ev, evse = f"EV{sent.ev_id:03d}", f"EVSE{sent.ev_id:03d}"
    ends = f"{ev} -> {evse}" if name.endswith("Req") else f"{evse} -> {ev}"
    values = (getattr(sent.message, element, None) for element in ELEMENTS)
    return " ".join([f"{sent.t_ns / 1e9:7.3f}", ends, name, *(value.value for value in values if value is not None)])


def folded(messages: list[Any]) -> list[str]:
    """Lines of a session; of the charge loop only its first and last turns."""
    lines: list[str] = []
    loops = [sent for sent in messages if "ChargeLoop" in sent.message.wire_name]
    hidden = loops[2 * SHOWN_LOOPS : -2 * SHOWN_LOOPS]
    for sent in messages:
        if hidden and sent is hidden[0]:
            lines.append(f"        ... {len(hidden) // 2} more turns of the loop")
        if not any(sent is other for other in hidden):
            lines.append(line(sent))
    return lines


@pytest.mark.parametrize("service", ["AC", "AC_BPT", "DC", "DC_BPT"])
def test_a_session_goes_as_it_is_written_down(play: Callable[..., Any], tmp_path: Path, service: str) -> None:
    """Plug in at 0, leave at 15 s; a power line of 5 to 20 ms."""
    run = play(
        service=service,
        duration_s=30.0,
        policy=lambda view: 5_000.0,
        fleet={"arrival": {"leave_s": [15.0, 15.0]}},
        link={"jitter_s": 0.015},
    )
    found = "\n".join(folded(run.messages)) + "\n"
    stored = TRACES / f"{service.lower()}.txt"
    new = tmp_path / stored.name
    new.write_text(found, encoding="utf-8")
    expected = stored.read_text(encoding="utf-8") if stored.exists() else ""
    assert found == expected, f"if the change is meant, copy {new} over {stored.name} and say why in the commit"


def test_the_trace_holds_every_message_that_was_counted(play: Callable[..., Any]) -> None:
    run = play(service="DC_BPT", duration_s=40.0)
    assert sum(run.outcome.kpis["messages"].values()) == len(run.messages) == len(run.tables["messages"]["t_ns"])
    rows = run.tables["messages"]
    assert rows["message"].tolist() == [sent.message.wire_name for sent in run.messages]
    assert rows["t_ns"].tolist() == [sent.t_ns for sent in run.messages]
    assert set(rows["session_id"][4:]) == {"0000000000000001"}
    codes = [getattr(getattr(sent.message, "response_code", None), "value", None) for sent in run.messages]
    assert rows["response_code"].tolist() == codes
    stops = rows["message"][rows["charge_progress"] == "Stop"]
    assert stops.tolist() == ["PowerDeliveryReq"]
    ends = rows["charging_session"]
    assert rows["message"][ends == "Terminate"].tolist() == ["SessionStopReq"]
    assert set(ends) == {"Terminate", None}


def test_loop_messages_are_written_for_traced_vehicles_only(play: Callable[..., Any]) -> None:
    run = play(
        service="AC_BPT",
        fleet={"n_ev": 3},
        record={"messages": "session", "trace_evs": [1]},
    )
    rows = run.tables["messages"]
    loops = rows["message"] == "AC_ChargeLoopReq"
    assert set(rows["ev_id"][loops]) == {1}
    assert set(rows["ev_id"][~loops]) == {0, 1, 2}
    assert run.outcome.kpis["messages"]["AC_ChargeLoopReq"] == run.outcome.kpis["charge_loops"] > loops.sum()


@pytest.mark.parametrize(("messages", "of_others"), [("none", False), ("session", True)])
def test_of_a_large_fleet_the_messages_of_few_are_enough(
    play: Callable[..., Any], messages: str, of_others: bool
) -> None:
    """What is written changes nothing of what happens."""
    fleet, record = {"n_ev": 3}, {"messages": messages, "trace_evs": [1]}
    run = play(service="AC_BPT", policy="droop", duration_s=40.0, fleet=fleet, record=record)
    rows = run.tables["messages"]
    assert set(rows["ev_id"]) == ({0, 1, 2} if of_others else {1})
    loops = [str(name).startswith("AC_ChargeLoop") for name in rows["message"]]
    assert set(rows["ev_id"][loops]) == {1}
    assert run.outcome.kpis["messages"]["SessionSetupReq"] == 3
    assert sum(loops) == 2 * len([ev_id for ev_id in run.tables["charge_loop"]["ev_id"] if ev_id == 1])
