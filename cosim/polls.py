"""Polls in the fleet lane: while neither end of a pair is finished, an exchange moves the clock and nothing else.

Before the charge loop a pair repeats itself, until the driver is known, the cable found sound, the voltage risen. The
first exchange of such a phase is played, and so is the last; what both say in between is known, as is when, for delays
are functions of the number of a message. So these are only counted, as rows of the lane count their turns. Where
messages are written down, or somebody could reach the pair, each of them is played.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from cosim.evse_setup import checks_cable, is_authorizing, precharge_v
from protocol.iso20.common import AuthorizationReq
from protocol.iso20.dc import DCCableCheckReq, DCPreChargeReq
from protocol.iso20.sequence import Step
from protocol.values import wire

if TYPE_CHECKING:
    from cosim.ev import Ev

PRECHARGE_TOLERANCE_V = 20.0  # between station and battery before the contactors close


def is_precharged(evse_v: float, battery_v: float) -> bool:
    """Whether the voltage on the cable is one at which the vehicle may close its contactors."""
    return abs(evse_v - battery_v) <= PRECHARGE_TOLERANCE_V


def pass_over(ev: "Ev", step: Step, now_ns: int, until_ns: int) -> int:
    """When the next poll is to be played that would be due at `now_ns`; those before it are counted.

    `step` is that of the exchange before, which is not finished; nobody can reach the pair before `until_ns`.
    """
    phase = PHASES.get(step)
    if phase is None or ev.first_loop_ns >= 0 or not ev.stage.journal.is_silent(ev.visit.ev_id):
        return now_ns
    station, evcc, secc = ev.station, ev.evcc, ev.station.secc
    assert secc.deadline_ns is not None, "the answer before started its timer"
    is_unfinished = phase(ev)
    request_ns, response_ns, message_ns = ev.line.request_ns, ev.line.response_ns, evcc.timers.message_ns
    ends_ns = min(until_ns, evcc.deadline_ns or until_ns, secc.ongoing_until_ns or until_ns)
    silence_ns, sent_ns, passed = secc.deadline_ns, now_ns, 0
    while True:
        decided_ns = sent_ns + request_ns(ev.requests + passed + 1)
        heard_ns = decided_ns + response_ns(station.responses + passed + 1)
        in_time = heard_ns < ends_ns and heard_ns < sent_ns + message_ns and decided_ns < silence_ns
        if not in_time or not is_unfinished(decided_ns):
            break
        silence_ns = secc.answered_again(decided_ns)
        station.arrival_ns = heard_ns
        sent_ns = heard_ns + ev.repeat_ns
        passed += 1
    ev.requests += passed
    station.responses += passed
    ev.stage.journal.passed(step, passed)
    return sent_ns


# --- the phases: whether a poll that the station gets at an instant [ns] leaves something to be done ---

IsUnfinished = Callable[[int], bool]


def _authorization(ev: "Ev") -> IsUnfinished:
    return partial(is_authorizing, ev.station)


def _cable_check(ev: "Ev") -> IsUnfinished:
    return partial(checks_cable, ev.station)


def _pre_charge(ev: "Ev") -> IsUnfinished:
    """The vehicle is not satisfied with the voltage that it has seen; then the station shows it another."""
    wanted_v = ev.car.voltage_v(0.0)

    def is_unfinished(now_ns: int) -> bool:
        if is_precharged(ev.evse_v, wanted_v):
            return False
        ev.evse_v = wire(precharge_v(ev.station, now_ns))
        return True

    return is_unfinished


PHASES: Mapping[Step, Callable[["Ev"], IsUnfinished]] = {
    AuthorizationReq: _authorization,
    DCCableCheckReq: _cable_check,
    DCPreChargeReq: _pre_charge,
}
