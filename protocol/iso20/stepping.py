"""How a SECC takes a step: the response outside the loop, and what it settles once it is given.

What a step states and settles are rows of two tables, by the class of the request; most steps do neither. The functions
are part of `SECC`, written apart: they work on its state.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from protocol.iso20.answers import ANSWERS, Answer
from protocol.iso20.codes import ChargeProgress, ChargingSession, EVSENotification, ResponseCode, ServiceID
from protocol.iso20.common import (
    PowerDeliveryReq,
    PowerDeliveryRes,
    ScheduledEVPPTControlMode,
    ScheduledSEResControlMode,
    ScheduleExchangeReq,
    ScheduleExchangeRes,
    ServiceDetailReq,
    ServiceDetailRes,
    ServiceSelectionReq,
    SessionSetupReq,
    SessionStopReq,
    SupportedAppProtocolReq,
)
from protocol.iso20.errors import LocalProtocolError
from protocol.iso20.metering import MeteringConfirmationReq
from protocol.iso20.polling import POLLED, is_unfinished
from protocol.iso20.profiles import read_profile, read_tuples
from protocol.iso20.secc_loop import NO_TERMS
from protocol.iso20.sequence import REJOINED, SETUP, State
from protocol.iso20.services import SERVICES, Agreed, Variant, variants_offered
from protocol.iso20.session import NO_SESSION, EndReason, Suspended
from protocol.schema import ComplexType

if TYPE_CHECKING:
    from protocol.iso20.secc import SECC

__all__ = ["answer_step"]

_SEQUENCE_TIMEOUT: Final = EndReason.SEQUENCE_TIMEOUT
_START: Final = ChargeProgress.START
_STOP: Final = ChargeProgress.STOP


class _Row(NamedTuple):
    """How requests of one class are answered."""

    make: Callable[[Any, Any, Answer, Any], ComplexType]
    is_polled: bool
    state: Callable[["SECC", Any, Any, int], None] | None
    settle: Callable[["SECC", Any, Any], None] | None


def answer_step(secc: "SECC", request: Any, answer: Answer, now_ns: int) -> ComplexType:
    """Any response outside the loop; goes on to the next state if the step is done."""
    kind = request.__class__
    if kind is SupportedAppProtocolReq:
        assert secc._app_protocol is not None
        secc._arm(_SEQUENCE_TIMEOUT, secc.timers.secc_sequence_ns, now_ns)
        _go(secc, secc._next_state)
        return secc._app_protocol
    if kind is SessionSetupReq:
        secc.session_id = _session_id(secc)
    make, is_polled, state_it, settle = _ROWS[kind]
    response: Any = make(secc._current_header(now_ns), request, answer, secc)
    secc._arm(_SEQUENCE_TIMEOUT, secc.timers.secc_sequence_ns, now_ns)
    unfinished = is_polled and is_unfinished(request, response)
    if unfinished and secc._ongoing_until_ns is not None and now_ns >= secc._ongoing_until_ns:
        return secc._refuse(request, ResponseCode.FAILED, f"{secc.state.name} took too long", now_ns)
    if state_it is not None:
        state_it(secc, request, response, now_ns)
    if not unfinished and not response.response_code.declined:
        if settle is not None:
            settle(secc, request, response)
        if secc.ended is None:
            _go(secc, secc._next_state)
    return response  # type: ignore[no-any-return]  # as of the request's class


def _go(secc: "SECC", state: State) -> None:
    if state is not secc.state:
        secc.state = state
        secc._ongoing_until_ns = None


def _session_id(secc: "SECC") -> bytes:
    """That of the paused session if it is taken up again, else a new one."""
    if secc.joins:
        assert secc.paused is not None
        return secc.paused.session_id
    session_id = secc.new_session_id()
    if len(session_id) != len(NO_SESSION) or session_id == NO_SESSION:
        raise LocalProtocolError(f"a new session id must be 8 bytes and not all zero, got {session_id!r}")
    return session_id


# --- what a response states, whether the step is done or not ----------------------------------------------------------


def _offer_schedules(secc: "SECC", request: ComplexType, response: ScheduleExchangeRes, now_ns: int) -> None:
    """Keep what the EV can choose from; GoToPause is a notification of a pause."""
    if isinstance(response.control_mode, ScheduledSEResControlMode):
        secc.schedules = read_tuples(response.control_mode.schedule_tuple)
    if response.go_to_pause:
        secc._note(EVSENotification.PAUSE)


def _notify(secc: "SECC", request: PowerDeliveryReq, response: PowerDeliveryRes, now_ns: int) -> None:
    status = response.evse_status
    if status is not None:
        secc._note(status.evse_notification)
    elif request.charge_progress is not _STOP:  # a stop that follows the notification keeps the right
        secc._note(None)


def _stay_in_loop(secc: "SECC", request: ComplexType, response: ComplexType, now_ns: int) -> None:
    secc._arm(_SEQUENCE_TIMEOUT, secc.timers.secc_loop_sequence_ns, now_ns)


_STATED: Final[Mapping[type[ComplexType], Callable[["SECC", Any, Any, int], None]]] = {
    ScheduleExchangeReq: _offer_schedules,
    PowerDeliveryReq: _notify,
    MeteringConfirmationReq: _stay_in_loop,
}


# --- what a step settles once it is done ------------------------------------------------------------------------------


def _rejoin(secc: "SECC", request: ComplexType, response: ComplexType) -> None:
    """A paused session goes on where its service is agreed already."""
    if secc.joins:
        assert secc.paused is not None
        secc._bind(secc.paused.agreed)
        secc.service_renegotiation = secc.paused.service_renegotiation
        secc._next_state = REJOINED


def _show(secc: "SECC", request: ComplexType, response: ServiceDetailRes) -> None:
    """Only what was shown can be selected."""
    shown = _shown_with(response.service_id, secc.settings.settles_needs)
    secc._shown = {**secc._shown, **shown} if secc._shown else shown


@cache
def _shown_with(service_id: int, settles_needs: bool) -> Mapping[tuple[int, int], Variant]:
    return {(service_id, variant.parameter_set_id): variant for variant in variants_offered(settles_needs)}


def _select(secc: "SECC", request: ServiceSelectionReq, response: ComplexType) -> None:
    selected = request.selected_energy_transfer_service
    variant = secc._shown[selected.service_id, selected.parameter_set_id]
    secc._bind(Agreed(SERVICES[ServiceID(selected.service_id)], *variant))


def _switch(secc: "SECC", request: PowerDeliveryReq, response: ComplexType) -> None:
    """Power may flow from now on, or no more; a renegotiation leaves it as it is."""
    progress = request.charge_progress
    if progress is _START:
        secc.energised = True
        profile = request.ev_power_profile
        if profile is not None and isinstance(profile.control_mode, ScheduledEVPPTControlMode):
            secc.profile = read_profile(profile)
    elif progress is not ChargeProgress.SCHEDULE_RENEGOTIATION:
        secc.energised = False


def _stop_session(secc: "SECC", request: SessionStopReq, response: ComplexType) -> None:
    """End the session, keep what a pause needs, or go back to the choice of services on the same link."""
    kind = request.charging_session
    if kind is ChargingSession.PAUSE:
        assert secc.agreed is not None
        secc.suspended = Suspended(secc.session_id, secc.evcc_id, secc.agreed, secc.service_renegotiation)
        secc._end(EndReason.PAUSED, "the EV paused the session")
    elif kind is ChargingSession.TERMINATE:
        secc._end(EndReason.ABORTED if secc.energised else EndReason.TERMINATED, "the EV stopped the session")
    else:
        secc.agreed = secc.profile = secc.meter_info = None
        secc._table = SETUP
        secc._shown = {}
        secc.schedules = ()
        secc._terms = NO_TERMS
        secc.meter_owed = True  # a service session begins anew (V2G20-902)
        secc._note(None)


_SETTLED: Final[Mapping[type[ComplexType], Callable[["SECC", Any, Any], None]]] = {
    SessionSetupReq: _rejoin,
    ServiceDetailReq: _show,
    ServiceSelectionReq: _select,
    PowerDeliveryReq: _switch,
    SessionStopReq: _stop_session,
}


_ROWS: Final[Mapping[type[ComplexType], _Row]] = {
    kind: _Row(make, kind in POLLED, _STATED.get(kind), _SETTLED.get(kind)) for kind, make in ANSWERS.items()
}
