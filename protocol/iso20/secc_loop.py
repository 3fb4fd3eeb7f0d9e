"""The SECC in the charge loop: what was agreed about it, a turn heard, and a turn answered.

The functions are part of `SECC`, written apart: they work on its state. They run a million times, so what an ordinary
turn needs is looked up once, when the service is agreed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from protocol.iso20 import phases
from protocol.iso20.answers import Answer
from protocol.iso20.checks import breach, check_energies, check_v2x
from protocol.iso20.codes import ControlMode, MobilityNeedsMode, Processing, ResponseCode
from protocol.iso20.errors import LocalProtocolError
from protocol.iso20.loop_answers import (
    AC_TURNS,
    DC_LIMITS,
    LOOP_ANSWERS,
    AcTurn,
    DcLimits,
    LoopAnswer,
    dc_turn,
    meter_info,
)
from protocol.iso20.loop_variants import SCHEDULED_ANSWERS, SCHEDULED_READERS, answer_by_phase, answer_with_needs
from protocol.iso20.said import LOOP_READERS, LoopReader
from protocol.iso20.services import Agreed
from protocol.iso20.session import EndReason
from protocol.schema import ComplexType

if TYPE_CHECKING:
    from protocol.iso20.secc import SECC

__all__ = [
    "NO_TERMS",
    "AnsweringTerms",
    "answer_ac",
    "answer_dc",
    "answer_turn",
    "answering_terms",
    "hear_turn",
]

_ANSWERS: Final[Mapping[type[ComplexType], LoopAnswer]] = {**LOOP_ANSWERS, **SCHEDULED_ANSWERS}
_READERS: Final[Mapping[type[ComplexType], LoopReader]] = {**LOOP_READERS, **SCHEDULED_READERS}
_SEQUENCE_TIMEOUT: Final = EndReason.SEQUENCE_TIMEOUT


@dataclass(slots=True, kw_only=True)  # never changed: all sessions with equal terms share one
class AnsweringTerms:
    """What an agreement means for each turn of the SECC."""

    agreed: Agreed | None = None
    request: type[ComplexType] | None = None
    request_mode: type[ComplexType] | None = None
    read: LoopReader | None = None  # keeps what the request says
    answer: LoopAnswer | None = None  # makes any response
    ac_turn: AcTurn | None = None  # makes that of an ordinary turn; None: there is no short way
    dc_limits: DcLimits | None = None
    is_bpt: bool = False
    is_dc: bool = False
    per_phase: bool = False
    states_target: bool = False  # AC in Dynamic mode


NO_TERMS: Final = AnsweringTerms()  # before anything is agreed


@cache
def answering_terms(agreed: Agreed) -> AnsweringTerms:
    """The terms of an agreement."""
    service, mode = agreed.service, agreed.service.loop_request_modes[agreed.control_mode]
    answer, settles_needs = _ANSWERS[mode], agreed.mobility_needs_mode is MobilityNeedsMode.SECC
    if agreed.per_phase:
        answer = answer_by_phase(answer, agreed.single_phase)
    if settles_needs:
        answer = answer_with_needs(answer)
    wrapped = agreed.per_phase or settles_needs
    return AnsweringTerms(
        agreed=agreed,
        request=service.loop_request,
        request_mode=mode,
        read=_READERS[mode],
        answer=answer,
        ac_turn=None if wrapped else AC_TURNS.get(mode),
        dc_limits=None if wrapped else DC_LIMITS.get(mode),
        is_bpt=service.is_bpt,
        is_dc=service.is_dc,
        per_phase=agreed.per_phase,
        states_target=not service.is_dc and agreed.control_mode is ControlMode.DYNAMIC,
    )


def hear_turn(secc: "SECC", request: Any, now_ns: int) -> None:  # AC or DC, as agreed
    """A turn of the loop, the checks in their order and written out; raises RemoteProtocolError."""
    if request.header.session_id != secc.session_id:
        secc._foreign(request)
    terms, mode = secc._terms, request.control_mode
    if mode.__class__ is not terms.request_mode:
        breach(ResponseCode.FAILED, f"{mode.wire_name} is not what was agreed")
    if request.meter_info_requested:
        secc.meter_owed = True
        secc._stated = ()
    said = secc.said
    heard: Any = secc._heard
    if mode is heard:  # nothing new, but for the time and the voltage
        said.received_ns = now_ns
        if mode.departure_time is not None:
            said.departure_ns = now_ns
            if not request.meter_info_requested:
                secc._last_turn = request
        if terms.is_dc:
            said.present_v = request.ev_present_voltage.number
        return
    assert terms.read is not None, "there is no loop without an agreement"
    terms.read(said, request, now_ns)
    if not said.minimum_energy_wh <= said.target_energy_wh <= said.maximum_energy_wh:
        check_energies(mode.wire_name, said.minimum_energy_wh, said.target_energy_wh, said.maximum_energy_wh)
    if not said.minimum_v2x_energy_wh <= said.maximum_v2x_energy_wh and terms.is_bpt:
        check_v2x(mode)  # NaN, the pair left out, comes here as well
    secc._heard = mode


def answer_ac(secc: "SECC", target_w: float, present_w: float, now_ns: int) -> ComplexType:
    """As `respond` with this setpoint and this measured power, for a turn in which there is no more to say."""
    stated = (target_w, present_w)
    if stated == secc._stated and now_ns < secc._header_until_ns and secc.pending is not None:
        secc.pending = None
        secc.deadline_ns = now_ns + secc.timers.secc_loop_sequence_ns
        return secc._last_answer
    terms = secc._terms
    if (
        terms.ac_turn is not None
        and secc.pending.__class__ is terms.request
        and secc.notified is None
        and not secc.meter_owed
    ):
        header = secc._header if now_ns < secc._header_until_ns else secc._current_header(now_ns)
        try:
            response: Any = terms.ac_turn(header, target_w, present_w, secc.settings.ratings)
        except LocalProtocolError:
            pass  # `respond` says which number it was
        else:
            secc.target_w = response.control_mode.evse_target_active_power.number
            secc._stated, secc._last_answer = stated, response
            _end_turn(secc, now_ns)
            return response  # type: ignore[no-any-return]
    return secc.respond(Answer(present_w=present_w, target_w=target_w), now_ns)


def answer_dc(
    secc: "SECC",
    present_v: float,
    present_a: float,
    limits: tuple[float, ...],
    by_power: bool,
    by_current: bool,
    now_ns: int,
) -> ComplexType:
    """The same in DC: present values, the limits of the moment in the order in which an Answer has them, and whether
    they bound power or current. Limits change seldom, so the control mode that says them is kept.
    """
    stated = (present_v, present_a, by_power, by_current, limits)
    if stated == secc._stated and now_ns < secc._header_until_ns and secc.pending is not None:
        secc.pending = None
        secc.deadline_ns = now_ns + secc.timers.secc_loop_sequence_ns
        return secc._last_answer
    terms = secc._terms
    if (
        terms.dc_limits is not None
        and secc.pending.__class__ is terms.request
        and secc.notified is None
        and not secc.meter_owed
    ):
        header = secc._header if now_ns < secc._header_until_ns else secc._current_header(now_ns)
        try:
            if limits is not secc._limits:
                secc._limits_mode = terms.dc_limits(limits, secc.settings.ratings, secc._sign)
                secc._limits = limits
            response = dc_turn(header, present_a, present_v, by_power, by_current, secc._limits_mode)
        except LocalProtocolError:
            pass
        else:
            secc._stated, secc._last_answer = stated, response
            _end_turn(secc, now_ns)
            return response
    answer: tuple[Any, ...] = (Processing.FINISHED, present_v, present_a, 0.0, 0.0, *limits, by_power, by_current)
    return secc.respond(Answer(*answer), now_ns)


def _end_turn(secc: "SECC", now_ns: int) -> None:
    """The turn is answered: start the sequence timer."""
    secc.pending = None
    secc._timer_reason = _SEQUENCE_TIMEOUT
    secc.deadline_ns = now_ns + secc.timers.secc_loop_sequence_ns


def answer_turn(secc: "SECC", answer: Answer, now_ns: int) -> ComplexType:
    """The answer to any turn: with meter, notification, needs, phases, or in Scheduled mode."""
    terms, meter = secc._terms, None
    secc._stated = ()
    assert terms.answer is not None, "there is no loop without an agreement"
    if secc.meter_owed:
        meter = meter_info(answer, secc.settings, terms.is_bpt)
        secc.meter_info = meter or secc.meter_info
        secc.meter_owed = False
    header = secc._current_header(now_ns)
    response: Any = terms.answer(header, answer, secc.settings.ratings, meter, secc._sign, terms.per_phase)
    if response.evse_status is not None or secc.notified is not None:
        secc._note(answer.notification)
    if terms.states_target:
        mode = response.control_mode
        target = mode.evse_target_active_power
        secc.target_w = phases.total_w(mode, "evse_target_active_power") if terms.per_phase else target.number
    _end_turn(secc, now_ns)
    return response  # type: ignore[no-any-return]  # AC or DC, as agreed
