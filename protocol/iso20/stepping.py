"""How a SECC takes a step: the response outside the loop, and what it settles once it is given.

The functions are part of `SECC`, written apart: they work on its state.
"""

from typing import TYPE_CHECKING, Final

from protocol.iso20.answers import ANSWERS, Answer, Station
from protocol.iso20.codes import ChargeProgress, ChargingSession, EVSENotification, Processing, ResponseCode, ServiceID
from protocol.iso20.common import (
    PowerDeliveryReq,
    PowerDeliveryRes,
    Response,
    ScheduledEVPPTControlMode,
    ScheduledSEResControlMode,
    ScheduleExchangeRes,
    ServiceDetailRes,
    ServiceSelectionReq,
    SessionSetupReq,
    SessionStopReq,
    SupportedAppProtocolReq,
)
from protocol.iso20.errors import LocalProtocolError
from protocol.iso20.metering import MeteringConfirmationReq
from protocol.iso20.profiles import read_profile, read_tuples
from protocol.iso20.secc_loop import NO_TERMS
from protocol.iso20.sequence import REJOINED, SETUP, next_state
from protocol.iso20.services import SERVICES, Agreed, read_variants
from protocol.iso20.session import NO_SESSION, EndReason, Suspended
from protocol.schema import ComplexType

if TYPE_CHECKING:
    from protocol.iso20.secc import SECC

__all__ = ["answer_step"]

_UNFINISHED: Final = (Processing.ONGOING, Processing.ONGOING_WAITING_FOR_CUSTOMER_INTERACTION)
_SEQUENCE_TIMEOUT: Final = EndReason.SEQUENCE_TIMEOUT


def answer_step(secc: "SECC", request: ComplexType, answer: Answer, now_ns: int) -> ComplexType:
    """Any response outside the loop; goes on to the next state if the step is done."""
    if isinstance(request, SessionSetupReq):
        joined = secc.paused if secc._joins else None
        secc.session_id = _new_session_id(secc) if joined is None else joined.session_id
    response: ComplexType
    if isinstance(request, SupportedAppProtocolReq):
        assert secc._app_protocol is not None
        response = secc._app_protocol
    else:
        station = Station(secc.settings, secc._namespace, secc.agreed, secc._joins, secc.schedules)
        response = ANSWERS[type(request)](secc._current_header(now_ns), request, answer, station)
    secc._arm(_SEQUENCE_TIMEOUT, secc.timers.secc_sequence_ns, now_ns)
    unfinished = (
        getattr(response, "evse_processing", None) in _UNFINISHED
        or getattr(request, "ev_processing", None) in _UNFINISHED
    )
    if unfinished and secc._ongoing_until_ns is not None and now_ns >= secc._ongoing_until_ns:
        return secc._refuse(request, ResponseCode.FAILED, f"{secc.state.name} took too long", now_ns)
    if isinstance(request, MeteringConfirmationReq):
        secc._arm(_SEQUENCE_TIMEOUT, secc.timers.secc_loop_sequence_ns, now_ns)  # the loop goes on
    if isinstance(response, ScheduleExchangeRes):
        _offer_schedules(secc, response)
    elif isinstance(response, PowerDeliveryRes):
        stopping = isinstance(request, PowerDeliveryReq) and request.charge_progress is ChargeProgress.STOP
        if answer.notification is not None or not stopping:  # a stop that follows the notification keeps the right
            secc._note(answer.notification)
    if not (unfinished or (isinstance(response, Response) and response.response_code.declined)):
        _advance(secc, request, response)
    return response


def _new_session_id(secc: "SECC") -> bytes:
    session_id = secc.settings.new_session_id()
    if len(session_id) != len(NO_SESSION) or session_id == NO_SESSION:
        raise LocalProtocolError(f"a new session id must be 8 bytes and not all zero, got {session_id!r}")
    return session_id


def _offer_schedules(secc: "SECC", response: ScheduleExchangeRes) -> None:
    """Keep what the EV can choose from; GoToPause is a notification of a pause."""
    if isinstance(response.control_mode, ScheduledSEResControlMode):
        secc.schedules = read_tuples(response.control_mode.schedule_tuple)
    if response.go_to_pause:
        secc._note(EVSENotification.PAUSE)


def _advance(secc: "SECC", request: ComplexType, response: ComplexType) -> None:
    """The step is done: keep what it settled, and go to the next state."""
    was_energised = secc.energised
    if isinstance(response, ServiceDetailRes):
        for variant in read_variants(response.service_parameter_list):
            secc._shown[response.service_id, variant.parameter_set_id] = variant
    elif isinstance(request, PowerDeliveryReq):
        _switch(secc, request)
    state = next_state(secc._table, secc.state, request)
    if isinstance(request, ServiceSelectionReq):
        selected = request.selected_energy_transfer_service
        variant = secc._shown[selected.service_id, selected.parameter_set_id]
        secc._bind(Agreed(SERVICES[ServiceID(selected.service_id)], *variant))
    elif isinstance(request, SessionSetupReq) and secc._joins:
        assert secc.paused is not None
        secc._bind(secc.paused.agreed)
        secc.service_renegotiation = secc.paused.service_renegotiation
        state = REJOINED
    elif isinstance(request, SessionStopReq):
        _stop_session(secc, request.charging_session, was_energised)
    if secc.ended is None and state is not secc.state:
        secc.state = state
        secc._ongoing_until_ns = None


def _switch(secc: "SECC", request: PowerDeliveryReq) -> None:
    """Power may flow from now on, or no more; a renegotiation leaves it as it is."""
    progress = request.charge_progress
    if progress is ChargeProgress.START:
        secc.energised = True
        profile = request.ev_power_profile
        if profile is not None and isinstance(profile.control_mode, ScheduledEVPPTControlMode):
            secc.profile = read_profile(profile)
    elif progress is not ChargeProgress.SCHEDULE_RENEGOTIATION:
        secc.energised = False


def _stop_session(secc: "SECC", kind: ChargingSession, was_energised: bool) -> None:
    """End the session, keep what a pause needs, or go back to the choice of services on the same link."""
    if kind is ChargingSession.PAUSE:
        assert secc.agreed is not None
        secc.suspended = Suspended(secc.session_id, secc.evcc_id, secc.agreed, secc.service_renegotiation)
        secc._end(EndReason.PAUSED, "the EV paused the session")
    elif kind is ChargingSession.TERMINATE:
        secc._end(EndReason.ABORTED if was_energised else EndReason.TERMINATED, "the EV stopped the session")
    else:
        secc.agreed = secc.profile = secc.meter_info = None
        secc._table = SETUP
        secc._shown = {}
        secc.schedules = ()
        secc._terms = NO_TERMS
        secc.meter_owed = True  # a service session begins anew (V2G20-902)
        secc._note(None)
