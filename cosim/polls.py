"""Polls in the fleet lane: while neither end of a pair is finished, an exchange moves the clock and nothing else.

Before the charge loop a pair repeats itself, until the driver is known, the cable found sound, the voltage risen. The
first exchange of such a phase is played, and so is the last; what both say in between is known, as is when, for delays
are functions of the number of a message. So these are only counted, as rows of the lane count their turns. Where
messages are written down, or somebody could reach the pair, each of them is played.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from cosim.evse_setup import checks_cable, is_authorizing, precharge_v
from protocol.iso20.common import AuthorizationReq
from protocol.iso20.dc import DCCableCheckReq, DCPreChargeReq
from protocol.iso20.sequence import Step
from protocol.values import wire

if TYPE_CHECKING:
    from cosim.ev import Ev


def pass_over(ev: "Ev", step: Step, now_ns: int, until_ns: int) -> int:
    """When the next poll is to be played that would be due at `now_ns`; those before it are counted.

    `step` is that of the exchange before, which is not finished; nobody can reach the pair before `until_ns`.
    """
    is_unfinished = UNFINISHED.get(step)
    if is_unfinished is None or ev.first_loop_ns >= 0 or not ev.stage.journal.is_silent(ev.visit.ev_id):
        return now_ns
    station, line, evcc, secc = ev.station, ev.line, ev.evcc, ev.station.secc
    assert secc.deadline_ns is not None, "the answer before started its timer"
    ends_ns = min(until_ns, evcc.deadline_ns or until_ns, secc.ongoing_until_ns or until_ns)
    passed, sent_ns = 0, now_ns
    while True:
        number = passed + 1
        decided_ns = sent_ns + line.request_ns(ev.requests + number)
        heard_ns = decided_ns + line.response_ns(station.responses + number)
        in_time = heard_ns < sent_ns + evcc.timers.message_ns and decided_ns < secc.deadline_ns
        if heard_ns >= ends_ns or not in_time or not is_unfinished(ev, decided_ns):
            break
        secc.answered_again(decided_ns)
        station.arrival_ns = heard_ns
        passed, sent_ns = number, heard_ns + ev.repeat_ns
    ev.requests += passed
    station.responses += passed
    ev.stage.journal.passed(step, passed)
    return sent_ns


def _authorizing(ev: "Ev", now_ns: int) -> bool:
    return is_authorizing(ev.station, now_ns)


def _checking_cable(ev: "Ev", now_ns: int) -> bool:
    return checks_cable(ev.station, now_ns)


def _precharging(ev: "Ev", now_ns: int) -> bool:
    """The vehicle is not satisfied with the voltage that it has seen; the station now shows it another."""
    if not ev.needs_time():
        return False
    ev.evse_v = wire(precharge_v(ev.station, now_ns))
    return True


# Whether a poll that the station gets at this instant leaves something to be done.
UNFINISHED: Mapping[Step, Callable[["Ev", int], bool]] = {
    AuthorizationReq: _authorizing,
    DCCableCheckReq: _checking_cable,
    DCPreChargeReq: _precharging,
}
