"""The EVCC in the charge loop: what was agreed about it, a turn asked, and a turn heard.

The functions are part of `EVCC`, written apart: they work on its state.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from protocol.iso20 import phases
from protocol.iso20.codes import ControlMode, MobilityNeedsMode, ResponseCode
from protocol.iso20.loop_requests import AGAIN, DEPARTING, LOOP_REQUESTS, LoopRequest
from protocol.iso20.loop_variants import SCHEDULED_REQUESTS, request_by_phase
from protocol.iso20.needs import MobilityNeeds, read_needs
from protocol.iso20.requests import Offer, departure_time
from protocol.iso20.services import Agreed
from protocol.iso20.session import EndReason
from protocol.schema import ComplexType

if TYPE_CHECKING:
    from protocol.iso20.evcc import EVCC

__all__ = ["NO_TERMS", "AskingTerms", "ask_turn", "asking_terms", "hear_plain", "hear_turn", "say_again", "settle"]

_LOOP_REQUESTS: Final[Mapping[type[ComplexType], LoopRequest]] = {**LOOP_REQUESTS, **SCHEDULED_REQUESTS}
_OK: Final = ResponseCode.OK
_NO_NEEDS: Final = MobilityNeeds()


@dataclass(slots=True, kw_only=True)  # never changed: all sessions with equal terms share one
class AskingTerms:
    """What an agreement means for each turn of the EVCC."""

    agreed: Agreed | None = None
    request: LoopRequest | None = None  # makes it
    response: type[ComplexType] | None = None
    response_mode: type[ComplexType] | None = None
    per_phase: bool = False
    reads_target: bool = False  # AC in Dynamic mode has a setpoint
    reads_needs: bool = False  # the station may settle departure and charge


NO_TERMS: Final = AskingTerms()  # before anything is agreed


@cache
def asking_terms(agreed: Agreed) -> AskingTerms:
    """The terms of an agreement."""
    service, scheduled = agreed.service, agreed.control_mode is ControlMode.SCHEDULED
    request = _LOOP_REQUESTS[service.loop_request_modes[agreed.control_mode]]
    return AskingTerms(
        agreed=agreed,
        request=request_by_phase(request, agreed.single_phase) if agreed.per_phase else request,
        response=service.loop_response,
        response_mode=service.loop_response_modes[agreed.control_mode],
        per_phase=agreed.per_phase,
        reads_target=not service.is_dc and not scheduled,
        reads_needs=agreed.mobility_needs_mode is MobilityNeedsMode.SECC,
    )


def ask_turn(evcc: "EVCC", offer: Offer, now_ns: int, meter_info: bool) -> ComplexType:
    """An ordinary turn of the loop."""
    terms = evcc._terms
    assert terms.request is not None, "there is no loop without an agreement"
    header = evcc._header if now_ns < evcc._header_until_ns else evcc._current_header(now_ns)
    request = terms.request(header, offer, meter_info, evcc._sign, terms.per_phase)
    evcc._last_turn = None if meter_info else request
    evcc._expected = terms.response
    evcc.deadline_ns = now_ns + evcc.timers.charge_loop_ns  # no budget of a phase runs in the loop
    return request


def say_again(evcc: "EVCC", last: Any, departure_s: float | None, now_ns: int) -> ComplexType:
    """The turn before with another time to departure, if one is given, or another second in its header."""
    mode = last.control_mode
    if departure_s is not None:
        mode = DEPARTING[mode.__class__](mode, departure_time(departure_s))
    evcc._last_turn = request = AGAIN[last.__class__](last, evcc._current_header(now_ns), mode)
    return request


def hear_plain(evcc: "EVCC", response: Any, now_ns: int) -> bool:
    """Take a response of the loop that comes in time and in good order, and says no more than the loop's own numbers.

    Nearly every response is one. Whether it was; if not, nothing has happened.
    """
    terms, deadline_ns = evcc._terms, evcc.deadline_ns
    expected: Any = terms.response
    heard: Any = evcc._heard
    if evcc._expected is not terms.response or deadline_ns is None or now_ns >= deadline_ns:
        return False
    if response is heard:  # the very same message: there is nothing new in it
        evcc.outstanding = evcc._expected = evcc.deadline_ns = None
        return True
    if (
        response.__class__ is not expected
        or response.header.session_id != evcc.session_id
        or response.response_code is not _OK
        or response.evse_status is not None
        or evcc.notification is not None
        or terms.reads_needs
    ):
        return False
    mode = response.control_mode
    agreed_mode: Any = terms.response_mode
    if mode.__class__ is not agreed_mode:
        return False
    evcc.outstanding = evcc._expected = evcc.deadline_ns = None  # no budget runs in the loop
    if terms.reads_target:
        split = mode.evse_target_active_power_l2 is not None
        evcc.target_w = _by_phase_w(evcc, mode) if split else mode.evse_target_active_power.number
    evcc._heard = response
    return True


def hear_turn(evcc: "EVCC", response: Any, now_ns: int) -> bool:  # AC or DC, as agreed
    """A turn of the loop: setpoint in AC, limits in DC, and perhaps a notification; false if it ends the session."""
    terms = evcc._terms
    mode = response.control_mode
    agreed_mode: Any = terms.response_mode
    if mode.__class__ is not agreed_mode:
        evcc._end(EndReason.WRONG_CONTROL_MODE, f"{response.wire_name} with {mode.wire_name}")
        return False
    if terms.reads_target:
        target = mode.evse_target_active_power
        split = mode.evse_target_active_power_l2 is not None
        evcc.target_w = _by_phase_w(evcc, mode) if split else target.number
    status = response.evse_status
    if status is not None or evcc.notification is not None:
        evcc._take_notice(status, now_ns)
        evcc.meter_info = response.meter_info or evcc.meter_info
    if terms.reads_needs:
        settle(evcc, read_needs(mode), now_ns)
    return True


def _by_phase_w(evcc: "EVCC", mode: Any) -> float:
    """Keep the setpoint of each phase; returns their sum."""
    later = (mode.evse_target_active_power_l2, mode.evse_target_active_power_l3)
    evcc.target_phases_w = (
        mode.evse_target_active_power.number,
        later[0].number,
        0.0 if later[1] is None else later[1].number,
    )
    return phases.total_w(mode, "evse_target_active_power")


def settle(evcc: "EVCC", needs: MobilityNeeds, now_ns: int) -> None:
    """What the station settles, where it says anything at all."""
    if needs != _NO_NEEDS:
        evcc.needs, evcc.needs_ns = needs, now_ns
