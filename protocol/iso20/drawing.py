"""The tables of the sequence as a page to read: `python -m protocol.iso20.drawing > protocol/iso20/SEQUENCE.md`."""

from collections.abc import Mapping
from typing import Final

from protocol.iso20.budgets import EVCC_BUDGETS, SECC_BUDGETS
from protocol.iso20.sequence import AC, DC, NEXT_REQUEST, REJOINED, State, Step, Table, name_of
from protocol.iso20.services import SERVICES
from protocol.iso20.session import SECOND, Timers

__all__ = ["sequence_page"]

_INTRODUCTION: Final = """\
# The sequence of ISO 15118-20, as this package speaks it

Drawn from the code by `python -m protocol.iso20.drawing`; a test keeps it current. Do not edit.

A state is named after the request the SECC waits for, which is the request the EVCC sends next. A request that is
answered OK and has nothing left to do leads to the state beside it; while one end says Ongoing, or after a warning that
declines, the state stays. What is not in a row is FAILED_SequenceError and ends the session. Checks that come after
the sequence (session id, selected service and control mode, the right to pause, values) are not drawn.
"""


def sequence_page() -> str:
    """The whole page, as Markdown."""
    parts = [_INTRODUCTION]
    for name, table in (("AC", AC), ("DC", DC)):
        parts += [f"## {name}\n", _diagram(table), _rows(table, name)]
    parts += ["## Timers\n", _timers()]
    return "\n".join(parts)


def _states(table: Table) -> list[State]:
    return [state for state in State if state in table and state is not State.ENDED]


def _diagram(table: Table) -> str:
    """Every way from one state to another; SessionStop(Terminate) and (Pause), which end all of it, are left out."""
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {State.APP_PROTOCOL.name}"]
    for state in _states(table):
        ways: dict[State, list[str]] = {}
        for step, after in table[state].items():
            if after is not State.ENDED or state is State.SESSION_STOP:
                ways.setdefault(after, []).append(_short(step))
        for after, names in ways.items():
            target = "[*]" if after is State.ENDED else after.name
            lines.append(f"    {state.name} --> {target}: {' / '.join(dict.fromkeys(names))}")
    lines.append(f"    {State.SESSION_SETUP.name} --> {REJOINED.name}: SessionSetup, OK_OldSessionJoined")
    return "\n".join([*lines, "```", ""])


def _short(step: Step) -> str:
    return name_of(step).replace("Req", "")


def _rows(table: Table, current: str) -> str:
    service = next(row for row in SERVICES.values() if row.transitions is table)
    own: Mapping[State, Step] = {
        State.CHARGE_PARAMETER_DISCOVERY: service.discovery_request,
        State.CHARGE_LOOP: service.loop_request,
    }
    lines = [
        f"| {current} state | the EVCC asks next | allowed request | then |",
        "|---|---|---|---|",
    ]
    for state in _states(table):
        asked = own.get(state) or NEXT_REQUEST[state]
        for place, (step, after) in enumerate(table[state].items()):
            first = (state.name, name_of(asked)) if place == 0 else ("", "")
            lines.append(f"| {first[0]} | {first[1]} | {name_of(step)} | {after.name} |")
    lines.append(f"| {State.SESSION_SETUP.name}, joined | | | {REJOINED.name} |")
    return "\n".join([*lines, ""])


def _timers() -> str:
    timers = Timers()
    lines = ["| state | the EVCC gives up after | the SECC says FAILED after |", "|---|---|---|"]
    for state in State:
        evcc, secc = EVCC_BUDGETS.get(state), SECC_BUDGETS.get(state)
        if evcc or secc:
            own = f"{getattr(timers, evcc[1]) / SECOND:g} s ({evcc[0].value})" if evcc else ""
            theirs = f"{getattr(timers, secc) / SECOND:g} s" if secc else ""
            lines.append(f"| {state.name} | {own} | {theirs} |")
    seconds = {name: f"{span / SECOND:g} s" for name, span in timers._asdict().items()}
    lines += [
        "",
        f"Each message: {seconds['message_ns']}; ServiceDetailReq {seconds['service_detail_ns']}; "
        f"a turn of the loop {seconds['charge_loop_ns']}.",
        f"The SECC waits {seconds['secc_sequence_ns']} for the next request, "
        f"{seconds['secc_loop_sequence_ns']} after a response of the loop.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(sequence_page(), end="")
