"""The trace of a session: a line per message, repeats folded, nothing lost."""

import re
from xml.etree import ElementTree

import pytest

from experiments.errors import UserError
from experiments.runs import Run
from experiments.trace import Line, fold, line_text, lines_of, trace_text
from experiments.trace_svg import trace_svg

SVG = "{http://www.w3.org/2000/svg}"


def exchange(t_ns: int, message: str, *details: str) -> list[Line]:
    return [Line(t_ns, True, f"{message}Req", ()), Line(t_ns + 1, False, f"{message}Res", details)]


def test_a_line_reads_like_a_sentence() -> None:
    line = Line(12_350_000_000, True, "DC_ChargeLoopReq", ())
    assert line_text(line, 3) == "    12.350 EV003 -> EVSE003 DC_ChargeLoopReq"
    answer = Line(12_370_000_000, False, "PowerDeliveryRes", ("OK",))
    assert line_text(answer, 3) == "    12.370 EVSE003 -> EV003 PowerDeliveryRes OK"


def test_repeated_exchanges_are_folded_until_something_changes() -> None:
    lines = [
        *exchange(0, "AC_ChargeLoop", "OK"),
        *exchange(10, "AC_ChargeLoop", "OK"),
        *exchange(20, "AC_ChargeLoop", "OK"),
        *exchange(30, "AC_ChargeLoop", "OK", "ScheduleRenegotiation"),
        *exchange(40, "AC_ChargeLoop", "OK"),
    ]
    folded = fold(lines)
    assert [(line.t_ns, line.kind, line.repeats) for line in folded] == [
        (0, "message", 0),
        (1, "message", 0),
        (21, "fold", 2),
        (30, "message", 0),
        (31, "message", 0),
        (40, "message", 0),
        (41, "message", 0),
    ]


def test_a_request_without_an_answer_stays() -> None:
    lines = [Line(0, True, "AC_ChargeLoopReq", ()), Line(5, True, "timeout", ("no answer",), "event")]
    assert fold(lines) == lines


def test_folding_counts_every_message(small_run: Run) -> None:
    lines = lines_of(small_run, 0)
    folded = fold(lines)
    told = sum(2 * line.repeats if line.kind == "fold" else 1 for line in folded)
    assert told == len(lines)
    assert len(folded) < 60 < len(lines)


def test_a_session_goes_from_the_handshake_to_the_stop(small_run: Run) -> None:
    text = trace_text(small_run, 0)
    steps = ["supportedAppProtocolReq", "ServiceSelectionReq", "ScheduleExchangeRes", "PowerDeliveryReq Start"]
    steps += ["ChargeLoopReq", "more like this", "PowerDeliveryReq Stop", "SessionStopRes"]
    assert re.search(".*".join(steps), text, re.DOTALL)


def test_only_the_first_lines(small_run: Run) -> None:
    assert len(trace_text(small_run, 0, limit=5).splitlines()) == 6


def test_a_vehicle_without_messages_is_told(small_run: Run) -> None:
    with pytest.raises(UserError, match="EV099 has no messages"):
        trace_text(small_run, 99)


def test_a_session_can_be_drawn(small_run: Run) -> None:
    lines = fold(lines_of(small_run, 0))
    drawn = ElementTree.fromstring(trace_svg(lines, 0))
    kinds = [line.kind for line in lines]
    arrows = [line for line in drawn.iter(f"{SVG}line") if line.get("marker-end")]
    words = [text.text or "" for text in drawn.iter(f"{SVG}text")]
    assert len(arrows) == kinds.count("message")
    assert sum("more like this" in word for word in words) == kinds.count("fold")
    assert sum(word.startswith("plug_in: ") for word in words) == 1
    for line in (line for line in lines if line.kind == "message"):
        assert any(word.startswith(line.message) for word in words)


def test_data_says_what_each_detail_is(small_run: Run) -> None:
    lines = [line.document() for line in fold(lines_of(small_run, 0))]
    stop = next(line for line in lines if line["message"] == "SessionStopReq")
    assert (stop["charging_session"], stop["details"]) == ("Terminate", ("Terminate",))
    assert "response_code" not in stop
    scheduled = next(line for line in lines if line["message"] == "ScheduleExchangeRes")
    assert (scheduled["response_code"], scheduled["evse_processing"]) == ("OK", "Finished")
    event = next(line for line in lines if line["kind"] == "event")
    assert event["detail"] == event["details"][0]
    assert all(line["time_s"] == line["t_ns"] / 1e9 for line in lines)
    untraced = [line.document() for line in lines_of(small_run, 1)]
    assert "record.trace_evs=[1]" in next(line for line in untraced if line["message"] == "charge_loop")["detail"]


def test_what_is_drawn_is_safe_to_embed() -> None:
    odd = Line(0, True, "fault", ("<script> & co",), "event")
    assert "&lt;script&gt; &amp; co" in trace_svg([odd], 3)
