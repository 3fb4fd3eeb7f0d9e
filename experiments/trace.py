"""One session's messages, readable: a line each, repeated exchanges folded. The report draws the same lines."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from cosim.scenario import NS
from experiments.errors import UserError
from experiments.runs import Run

DETAILS = ("response_code", "charge_progress", "charging_session", "evse_processing", "evse_notification")
FROM_EV = "EV->EVSE"


class Line(NamedTuple):
    """One message, or `repeats` further exchanges like the one before, or an event."""

    t_ns: int
    from_ev: bool
    message: str
    details: tuple[str, ...]
    kind: str = "message"  # message | fold | event
    repeats: int = 0
    names: tuple[str, ...] = ()  # of the details: elements of the message, or `detail` of an event

    def document(self) -> dict[str, Any]:
        """The line as data: the same, and what each detail is."""
        return self._asdict() | {"time_s": self.t_ns / NS} | dict(zip(self.names, self.details, strict=True))


def busiest_ev(run: Run) -> int | None:
    """The traced vehicle with the lowest number, or any vehicle that sent a message."""
    columns = ["ev_id", "message"]
    seen = run.table("messages", columns=columns)
    if seen.empty:
        return None
    loops = seen[seen["message"].astype(str).str.contains("ChargeLoop")]
    return int((loops if len(loops) else seen)["ev_id"].min())


def lines_of(run: Run, ev: int) -> list[Line]:
    """Messages and events of one vehicle, in order of time; raises UserError if it sent none."""
    details = [name for name in DETAILS if name in run.dataset("messages").schema.names]  # an earlier run has fewer
    columns = ["t_ns", "direction", "message", *details]
    rows = run.table("messages", ev=ev, columns=columns, as_="arrow").to_pylist()
    if not rows:
        raise UserError(f"EV{ev:03d} has no messages in this run")
    found = [_message(row, [name for name in details if row[name] is not None]) for row in rows]
    events = run.table("events", ev=ev, columns=["t_ns", "kind", "detail"], as_="arrow").to_pylist()
    found += [_event(row["t_ns"], row["kind"], row["detail"]) for row in events]
    if not any("ChargeLoop" in line.message for line in found):
        found += _loops_left_out(run, ev)
    return sorted(found, key=lambda line: (line.t_ns, line.kind))  # at one instant, "event" before "message"


def _message(row: dict[str, Any], stated: list[str]) -> Line:
    details = tuple(str(row[name]) for name in stated)
    return Line(row["t_ns"], row["direction"] == FROM_EV, row["message"], details, names=tuple(stated))


def _event(t_ns: int, kind: str, detail: str) -> Line:
    return Line(t_ns, True, kind, (detail,), "event", names=("detail",))


def _loops_left_out(run: Run, ev: int) -> list[Line]:
    """Where the loop would stand, how many turns it had, and how to see them."""
    rows = run.table("sessions", ev=ev, columns=["first_loop_ns", "loops"], as_="arrow").to_pylist()
    hint = f"not recorded; record.trace_evs=[{ev}] records them"
    return [
        _event(row["first_loop_ns"], "charge_loop", f"{row['loops']:,} exchanges, {hint}")
        for row in rows
        if row["first_loop_ns"] is not None
    ]


def fold(lines: list[Line]) -> list[Line]:
    """The same lines, with exchanges that only repeat the one before them counted instead of listed."""
    folded: list[Line] = []
    before: tuple[Any, ...] | None = None
    for exchange in _exchanges(lines):
        alike = tuple((line.from_ev, line.message, line.details, line.kind) for line in exchange)
        if alike != before or exchange[0].kind == "event":
            folded += exchange
            before = alike
        elif folded[-1].kind == "fold":
            folded[-1] = folded[-1]._replace(t_ns=exchange[-1].t_ns, repeats=folded[-1].repeats + 1)
        else:
            folded.append(exchange[-1]._replace(kind="fold", repeats=1))
    return folded


def _exchanges(lines: list[Line]) -> Iterator[list[Line]]:
    """A request with the response that follows it; anything else alone."""
    waiting: list[Line] = []
    for line in lines:
        if waiting and line.kind == "message" and not line.from_ev:
            yield [*waiting, line]
            waiting = []
            continue
        if waiting:
            yield waiting
        waiting = [line]
    if waiting:
        yield waiting


def line_text(line: Line, ev: int) -> str:
    """`12.350 EV003 -> EVSE003 DC_ChargeLoopReq`, and what else it says."""
    time = f"{line.t_ns / NS:10.3f}"
    if line.kind == "fold":
        return f"{'':10}   ... {line.repeats:,} more like this, until {line.t_ns / NS:.3f}"
    if line.kind == "event":
        return f"{time} EV{ev:03d} *  {line.message}: {line.details[0]}"
    ends = f"EV{ev:03d} -> EVSE{ev:03d}" if line.from_ev else f"EVSE{ev:03d} -> EV{ev:03d}"
    return " ".join((time, ends, line.message, *line.details))


def trace_text(run: Run, ev: int | None = None, limit: int | None = None, folded: bool = True) -> str:
    """The trace of one vehicle; without a number, of the first one whose loop was recorded."""
    chosen = busiest_ev(run) if ev is None else ev
    if chosen is None:
        raise UserError(f"{run.path} has no messages")
    lines = lines_of(run, chosen)
    shown = fold(lines) if folded else lines
    texts = [line_text(line, chosen) for line in shown[:limit]]
    if limit is not None and len(shown) > limit:
        texts.append(f"{'':10}   ... {len(shown) - limit:,} more lines")
    return "\n".join(texts)
