"""The SECC: the end in the station. It checks each request, and answers when the station has decided.

    refusal = secc.receive(request, now_ns)    # a response to send at once, or None: see `pending`
    response = secc.respond(answer, now_ns)    # the response to the pending request
    secc.said                                  # what the EV said last: all the station knows of it
    secc.deadline_ns                           # when to call secc.timeout(now_ns), or None

A request is checked in this order: session id, legal sequence, agreed service and control mode, values. A refusal is a
complete response of the paired type and ends the session.
"""

import math
from collections.abc import Mapping
from typing import Any, Final

from protocol.iso20 import phases
from protocol.iso20.ac import ACChargeParameterDiscoveryReq
from protocol.iso20.answers import ANSWERS, Answer, SECCSettings, Station, negotiate, offered
from protocol.iso20.checks import CHECKS, Known, breach, check_energies, check_v2x
from protocol.iso20.codes import (
    ChargeProgress,
    ChargingSession,
    ControlMode,
    EVSENotification,
    MobilityNeedsMode,
    Processing,
    ResponseCode,
    ServiceID,
)
from protocol.iso20.common import (
    PowerDeliveryReq,
    PowerDeliveryRes,
    Request,
    Response,
    ScheduledEVPPTControlMode,
    ScheduledSEResControlMode,
    ScheduleExchangeReq,
    ScheduleExchangeRes,
    ServiceDetailRes,
    ServiceSelectionReq,
    SessionSetupReq,
    SessionStopReq,
    SessionStopRes,
    SupportedAppProtocolReq,
    SupportedAppProtocolRes,
)
from protocol.iso20.dc import DCChargeParameterDiscoveryReq, DCPreChargeReq, DynamicDCCLResControlMode
from protocol.iso20.errors import LocalProtocolError, RemoteProtocolError
from protocol.iso20.loop import MeterInfo
from protocol.iso20.loop_answers import (
    AC_TARGETS,
    DC_LIMITS,
    LOOP_ANSWERS,
    AcTarget,
    DcLimits,
    LoopAnswer,
    ac_turn,
    dc_turn,
    meter_info,
)
from protocol.iso20.loop_variants import SCHEDULED_ANSWERS, SCHEDULED_READERS, answer_by_phase, answer_with_needs
from protocol.iso20.metering import MeteringConfirmationReq
from protocol.iso20.profiles import Profile, Schedule, read_profile, read_tuples
from protocol.iso20.ratings import EVSERatings, read_ev_ratings, single_phase, split_phases
from protocol.iso20.refusals import refuse
from protocol.iso20.said import LOOP_READERS, LoopReader, Said, hear_pre_charge, hear_ratings, hear_schedule
from protocol.iso20.sequence import REJOINED, RESPONSES, SETUP, State, Table, next_state
from protocol.iso20.services import SERVICES, Agreed, Variant, read_variants
from protocol.iso20.session import NO_SESSION, EndReason, Session, Suspended
from protocol.schema import ComplexType
from protocol.values import unsayable

__all__ = ["SECC", "Answer", "EVSERatings", "SECCSettings", "Said"]

# How long a phase may stay Ongoing, as a span in `Timers`; each lies below the EVCC's budget of the same phase.
_BUDGETS: Final[Mapping[State, str]] = {
    State.AUTHORIZATION: "secc_authorization_ns",
    State.SCHEDULE_EXCHANGE: "secc_ongoing_ns",
    State.SCHEDULE_RENEGOTIATION: "secc_ongoing_ns",
    State.CABLE_CHECK: "secc_cable_check_ns",
    State.PRE_CHARGE: "secc_pre_charge_ns",
    State.WELDING_DETECTION: "secc_ongoing_ns",
}
_ANSWERS: Final = {**LOOP_ANSWERS, **SCHEDULED_ANSWERS}
_READERS: Final = {**LOOP_READERS, **SCHEDULED_READERS}
_UNFINISHED: Final = (Processing.ONGOING, Processing.ONGOING_WAITING_FOR_CUSTOMER_INTERACTION)

# What every turn or step reads: a member costs 70 ns when it is looked up in its class, and 5 ns here.
_CHARGE_LOOP: Final = State.CHARGE_LOOP
_SEQUENCE_TIMEOUT: Final = EndReason.SEQUENCE_TIMEOUT


class SECC(Session):
    """One SECC for one session.

    Besides what every `Session` has:

    pending : the accepted request that waits for `respond`, or None
    said : what the EV said last, as plain floats
    meter_owed : the next loop response must carry MeterInfo: it is the first, or the pending request asks for it
    target_w : the AC setpoint as the last loop response carried it, sum of the phases; NaN in DC and Scheduled mode
    notified : what the last response asked of the EV, or None
    pause_notified : the EV may pause; lost again when the notification is withdrawn or outranked
    schedules : what ScheduleExchangeRes offered in Scheduled mode
    profile : what the EV promised at PowerDelivery(Start) in Scheduled mode, or None
    evcc_id : as SessionSetupReq said
    """

    __slots__ = (
        "_ac_target",
        "_app_protocol",
        "_dc_limits",
        "_is_bpt",
        "_is_dc",
        "_joins",
        "_limits",
        "_limits_mode",
        "_loop_answer",
        "_loop_mode",
        "_loop_request",
        "_namespace",
        "_ongoing_until_ns",
        "_read_loop",
        "_shown",
        "_sign",
        "_states_target",
        "_table",
        "evcc_id",
        "meter_info",
        "meter_owed",
        "notified",
        "pause_notified",
        "paused",
        "pending",
        "profile",
        "said",
        "schedules",
        "settings",
        "target_w",
    )

    def __init__(self, settings: SECCSettings, paused: Suspended | None = None) -> None:
        super().__init__(settings.timers, settings.epoch_s)
        self.settings = settings
        self.paused = paused  # an earlier session at this station that may be taken up again
        self.service_renegotiation = settings.service_renegotiation
        self.evcc_id = ""
        self.notified: EVSENotification | None = None
        self.pause_notified = False
        self.schedules: tuple[Schedule, ...] = ()
        self.profile: Profile | None = None
        self.meter_info: MeterInfo | None = None
        self._joins = False
        self._states_target = False
        self.pending: ComplexType | None = None
        self.said = Said()
        self.target_w = math.nan
        self.meter_owed = True
        self._table: Table = SETUP
        self._namespace = ""
        self._app_protocol: SupportedAppProtocolRes | None = None
        self._shown: dict[tuple[int, int], Variant] = {}
        self._ongoing_until_ns: int | None = None
        self._sign = -1.0 if settings.discharge_limits_negative else 1.0
        self._is_bpt = False
        self._is_dc = False
        self._loop_request: type[ComplexType] | None = None
        self._loop_mode: type[ComplexType] | None = None
        self._loop_answer: LoopAnswer | None = None
        self._ac_target: AcTarget | None = None
        self._dc_limits: DcLimits | None = None
        self._limits: tuple[float, ...] = ()
        self._limits_mode: DynamicDCCLResControlMode
        self._read_loop: LoopReader | None = None

    def connect(self, now_ns: int) -> None:
        """A new link is up: the sequence timer waits for the first request."""
        self._arm(EndReason.SEQUENCE_TIMEOUT, self.timers.secc_sequence_ns, now_ns)

    # --- listening ----------------------------------------------------------------------------------------------------

    def receive(self, request: ComplexType, now_ns: int) -> ComplexType | None:
        """Check a request and keep what it says.

        Returns None if it is accepted (then `pending` is this request), or if it is not worth an answer (then it is
        not). Returns a refusal, ready to be sent, if it is not acceptable; the session is over then.
        """
        if self.ended is not None or (self.deadline_ns is not None and now_ns >= self.deadline_ns):
            self.timeout(now_ns)
            return self._after_the_end(request, now_ns)
        self.deadline_ns = None
        try:
            if request.__class__ is self._loop_request and self.state is _CHARGE_LOOP and self.pending is None:
                self._hear_loop(request, now_ns)
            elif type(request) in RESPONSES:
                self._check(request)
                self._hear(request, now_ns)
            else:
                self._end(EndReason.WRONG_MESSAGE, f"{request.wire_name} is no request")
                return None
        except RemoteProtocolError as error:
            return self._refuse(request, error.response_code, str(error), now_ns)
        self.pending = request
        return None

    def _hear_loop(self, request: Any, now_ns: int) -> None:  # AC or DC, as agreed
        """A turn of the loop, the checks in their order and written out."""
        if request.header.session_id != self.session_id:
            self._foreign(request)
        mode = request.control_mode
        if mode.__class__ is not self._loop_mode:
            breach(ResponseCode.FAILED, f"{mode.wire_name} is not what was agreed")
        if request.meter_info_requested:
            self.meter_owed = True
        said = self.said
        assert self._read_loop is not None
        self._read_loop(said, request, now_ns)
        if not said.minimum_energy_wh <= said.target_energy_wh <= said.maximum_energy_wh:
            check_energies(mode.wire_name, said.minimum_energy_wh, said.target_energy_wh, said.maximum_energy_wh)
        if not said.minimum_v2x_energy_wh <= said.maximum_v2x_energy_wh and self._is_bpt:
            check_v2x(mode)  # NaN, the pair left out, comes here as well

    def _check(self, request: ComplexType) -> None:
        """The checks of any request but an ordinary turn of the loop; raises RemoteProtocolError."""
        if (
            isinstance(request, Request)
            and not isinstance(request, SessionSetupReq)
            and request.header.session_id != self.session_id  # V2G20-460; zero is as foreign as any other
        ):
            self._foreign(request)
        if self.pending is not None:
            breach(ResponseCode.FAILED_SEQUENCE_ERROR, f"{self.pending.wire_name} has not been answered yet")
        next_state(self._table, self.state, request)
        check = CHECKS.get(type(request))
        if check is not None:
            known = Known(
                agreed=self.agreed,
                services=offered(self.settings.services, self._namespace),
                shown=self._shown,
                energised=self.energised,
                pause_notified=self.pause_notified,
                service_renegotiation=self.service_renegotiation,
                schedules=self.schedules,
                tolerance_required=self.settings.tolerance_required,
                meter_info=self.meter_info,
            )
            check(request, known)

    def _foreign(self, request: Request) -> None:
        breach(ResponseCode.FAILED_UNKNOWN_SESSION, f"{request.wire_name} of session {request.header.session_id.hex()}")

    def _hear(self, request: ComplexType, now_ns: int) -> None:
        """Keep what an accepted request says."""
        if self.state in _BUDGETS and self._ongoing_until_ns is None:
            self._ongoing_until_ns = now_ns + getattr(self.timers, _BUDGETS[self.state])
        if isinstance(request, SupportedAppProtocolReq):
            namespaces = {SERVICES[service_id].namespace for service_id in self.settings.services}
            self._app_protocol, self._namespace = negotiate(request.app_protocol, namespaces)
            if not self._namespace:
                breach(ResponseCode.FAILED, "none of the EV's protocols is spoken here")
        elif isinstance(request, SessionSetupReq):
            self.evcc_id = request.evccid
            self._joins = self._knows(request)
        elif isinstance(request, (ACChargeParameterDiscoveryReq, DCChargeParameterDiscoveryReq)):
            assert self.agreed is not None
            mode = request.energy_transfer_mode
            self._bind(self.agreed._replace(per_phase=split_phases(mode), single_phase=single_phase(mode)))
            hear_ratings(self.said, read_ev_ratings(mode), self._is_dc, now_ns)
        elif isinstance(request, ScheduleExchangeReq):
            hear_schedule(self.said, request, self._is_bpt, now_ns)
        elif isinstance(request, DCPreChargeReq):
            hear_pre_charge(self.said, request, now_ns)

    def _knows(self, request: SessionSetupReq) -> bool:
        """Whether this EV may take up the paused session: its id is not enough, it is sent in the clear."""
        paused = self.paused
        return (
            paused is not None
            and request.header.session_id == paused.session_id
            and request.evccid == paused.evcc_id
            and paused.agreed.service.namespace == self._namespace
        )

    def _refuse(self, request: ComplexType, code: ResponseCode, detail: str, now_ns: int) -> ComplexType:
        """End the session with the least response that says why."""
        response = refuse(request, self._current_header(now_ns), code, self.settings.evse_id)
        self.failed_code = code
        no_protocol = isinstance(request, SupportedAppProtocolReq) and self.state is State.APP_PROTOCOL
        self._end(EndReason.NO_PROTOCOL if no_protocol else EndReason.FAILED, detail)
        return response

    def _after_the_end(self, request: ComplexType, now_ns: int) -> ComplexType | None:
        """While the link closes after a refusal, an EV may still say goodbye; anything else gets no answer."""
        if (
            self.ended is EndReason.FAILED
            and isinstance(request, SessionStopReq)
            and request.charging_session is ChargingSession.TERMINATE
            and request.header.session_id == self.session_id
        ):
            return SessionStopRes(header=self._current_header(now_ns), response_code=ResponseCode.OK)
        return None

    # --- answering ----------------------------------------------------------------------------------------------------

    def respond(self, answer: Answer, now_ns: int) -> ComplexType:
        """Answer the pending request with what the station states now, and start the sequence timer.

        Raises LocalProtocolError if nothing is pending or the answer cannot be said. An answer with a FAILED code, or
        one that is still Ongoing when the budget of the phase is used up, is a refusal.
        """
        request = self.pending
        if request is None:
            raise LocalProtocolError("no request is pending: nothing can be answered")
        if answer.failure is not None and answer.failure.failed:
            self.pending = None
            return self._refuse(request, answer.failure, "the station reported a failure", now_ns)
        try:
            if request.__class__ is self._loop_request:
                response = self._answer_loop(request, answer, now_ns)
            else:
                response = self._answer(request, answer, now_ns)
        except LocalProtocolError as error:
            raise LocalProtocolError(f"{error}{unsayable(answer)}") from error
        self.pending = None
        return response

    def answer_ac(self, target_w: float, present_w: float, now_ns: int) -> ComplexType:
        """As `respond` with this setpoint and this measured power, for a turn in which there is no more to say."""
        if self._ac_target is not None and self._has_plain_turn():
            try:
                mode = self._ac_target(target_w, present_w, self.settings.ratings)
                header = self._header if now_ns < self._header_until_ns else self._current_header(now_ns)
                response = ac_turn(header, mode)
                self.target_w = mode.evse_target_active_power.number
                self._end_turn(now_ns)
                return response
            except LocalProtocolError:
                pass  # `respond` says which number it was
        return self.respond(Answer(present_w=present_w, target_w=target_w), now_ns)

    def answer_dc(
        self,
        present_v: float,
        present_a: float,
        limits: tuple[float, ...],
        power_limit_achieved: bool,
        current_limit_achieved: bool,
        now_ns: int,
    ) -> ComplexType:
        """The same in DC: present values, and the limits of the moment in the order in which an Answer has them."""
        achieved = (power_limit_achieved, current_limit_achieved)
        if self._dc_limits is not None and self._has_plain_turn():
            try:
                if limits is not self._limits:  # they change seldom, so the control mode that says them is kept
                    self._limits_mode = self._dc_limits(limits, self.settings.ratings, self._sign)
                    self._limits = limits
                header = self._header if now_ns < self._header_until_ns else self._current_header(now_ns)
                response = dc_turn(header, present_a, present_v, *achieved, self._limits_mode)
                self._end_turn(now_ns)
                return response
            except LocalProtocolError:
                pass
        stated: tuple[Any, ...] = (Processing.FINISHED, present_v, present_a, 0.0, 0.0, *limits, *achieved)
        return self.respond(Answer(*stated), now_ns)

    def _has_plain_turn(self) -> bool:
        """Whether an ordinary turn of the loop is pending, and nothing is owed or withdrawn beside it."""
        return self.pending.__class__ is self._loop_request and not self.meter_owed and self.notified is None

    def _end_turn(self, now_ns: int) -> None:
        """The turn is answered: start the sequence timer."""
        self.pending = None
        self._timer_reason = _SEQUENCE_TIMEOUT
        self.deadline_ns = now_ns + self.timers.secc_loop_sequence_ns

    def _answer_loop(self, request: Any, answer: Answer, now_ns: int) -> ComplexType:  # AC or DC, as agreed
        agreed = self.agreed
        assert agreed is not None
        assert self._loop_answer is not None
        meter = None
        if self.meter_owed:
            meter = meter_info(answer, self.settings, agreed.service.is_bpt)
            self.meter_info = meter or self.meter_info
            self.meter_owed = False
        header = self._current_header(now_ns)
        response = self._loop_answer(header, answer, self.settings.ratings, meter, self._sign, agreed.per_phase)
        if response.evse_status is not None or self.notified is not None:
            self._note(answer.notification)
        if self._states_target:
            mode: Any = response.control_mode
            target = mode.evse_target_active_power
            self.target_w = phases.total_w(mode, "evse_target_active_power") if agreed.per_phase else target.number
        self._timer_reason = _SEQUENCE_TIMEOUT
        self.deadline_ns = now_ns + self.timers.secc_loop_sequence_ns
        return response

    def _answer(self, request: ComplexType, answer: Answer, now_ns: int) -> ComplexType:
        """Any response outside the loop; goes on to the next state if the step is done."""
        if isinstance(request, SessionSetupReq):
            joined = self.paused if self._joins else None
            self.session_id = self._new_session_id() if joined is None else joined.session_id
        response: ComplexType
        if isinstance(request, SupportedAppProtocolReq):
            assert self._app_protocol is not None
            response = self._app_protocol
        else:
            station = Station(self.settings, self._namespace, self.agreed, self._joins, self.schedules)
            response = ANSWERS[type(request)](self._current_header(now_ns), request, answer, station)
        self._arm(_SEQUENCE_TIMEOUT, self.timers.secc_sequence_ns, now_ns)
        unfinished = (
            getattr(response, "evse_processing", None) in _UNFINISHED
            or getattr(request, "ev_processing", None) in _UNFINISHED
        )
        if unfinished and self._ongoing_until_ns is not None and now_ns >= self._ongoing_until_ns:
            return self._refuse(request, ResponseCode.FAILED, f"{self.state.name} took too long", now_ns)
        if isinstance(request, MeteringConfirmationReq):
            self._arm(EndReason.SEQUENCE_TIMEOUT, self.timers.secc_loop_sequence_ns, now_ns)  # the loop goes on
        if isinstance(response, ScheduleExchangeRes):
            self._offer_schedules(response)
        elif isinstance(response, PowerDeliveryRes):
            stopping = isinstance(request, PowerDeliveryReq) and request.charge_progress is ChargeProgress.STOP
            if answer.notification is not None or not stopping:  # a stop that follows the notification keeps the right
                self._note(answer.notification)
        if not (unfinished or (isinstance(response, Response) and response.response_code.declined)):
            self._advance(request, response)
        return response

    def _note(self, kind: EVSENotification | None) -> None:
        """What this response asks of the EV. A pause that is withdrawn, or outranked, may not be taken any more."""
        self.notified = kind
        self.pause_notified = kind is EVSENotification.PAUSE

    def _offer_schedules(self, response: ScheduleExchangeRes) -> None:
        """Keep what the EV can choose from; GoToPause is a notification of a pause."""
        if isinstance(response.control_mode, ScheduledSEResControlMode):
            self.schedules = read_tuples(response.control_mode.schedule_tuple)
        if response.go_to_pause:
            self._note(EVSENotification.PAUSE)

    def _new_session_id(self) -> bytes:
        session_id = self.settings.new_session_id()
        if len(session_id) != len(NO_SESSION) or session_id == NO_SESSION:
            raise LocalProtocolError(f"a new session id must be 8 bytes and not all zero, got {session_id!r}")
        return session_id

    def _advance(self, request: ComplexType, response: ComplexType) -> None:
        """The step is done: keep what it settled, and go to the next state."""
        was_energised = self.energised
        if isinstance(response, ServiceDetailRes):
            for variant in read_variants(response.service_parameter_list):
                self._shown[response.service_id, variant.parameter_set_id] = variant
        elif isinstance(request, PowerDeliveryReq):
            self._switch(request)
        state = next_state(self._table, self.state, request)
        if isinstance(request, ServiceSelectionReq):
            selected = request.selected_energy_transfer_service
            variant = self._shown[selected.service_id, selected.parameter_set_id]
            self._bind(Agreed(SERVICES[ServiceID(selected.service_id)], *variant))
        elif isinstance(request, SessionSetupReq) and self._joins:
            assert self.paused is not None
            self._bind(self.paused.agreed)
            self.service_renegotiation = self.paused.service_renegotiation
            state = REJOINED
        elif isinstance(request, SessionStopReq):
            self._stop_session(request.charging_session, was_energised)
        if self.ended is None and state is not self.state:
            self.state = state
            self._ongoing_until_ns = None

    def _switch(self, request: PowerDeliveryReq) -> None:
        """Power may flow from now on, or no more; a renegotiation leaves it as it is."""
        progress = request.charge_progress
        if progress is ChargeProgress.START:
            self.energised = True
            profile = request.ev_power_profile
            if profile is not None and isinstance(profile.control_mode, ScheduledEVPPTControlMode):
                self.profile = read_profile(profile)
        elif progress is not ChargeProgress.SCHEDULE_RENEGOTIATION:
            self.energised = False

    def _stop_session(self, kind: ChargingSession, was_energised: bool) -> None:
        """End the session, keep what a pause needs, or go back to the choice of services on the same link."""
        if kind is ChargingSession.PAUSE:
            assert self.agreed is not None
            self.suspended = Suspended(self.session_id, self.evcc_id, self.agreed, self.service_renegotiation)
            self._end(EndReason.PAUSED, "the EV paused the session")
        elif kind is ChargingSession.TERMINATE:
            self._end(EndReason.ABORTED if was_energised else EndReason.TERMINATED, "the EV stopped the session")
        else:
            self.agreed = self.profile = self.meter_info = None
            self._table = SETUP
            self._shown = {}
            self.schedules = ()
            self._loop_request = self._loop_mode = None
            self.meter_owed = True  # a service session begins anew (V2G20-902)
            self._note(None)

    def _bind(self, agreed: Agreed) -> None:
        """Service and parameter set are settled; they bind every later message."""
        service = agreed.service
        self.agreed = agreed
        self._table = service.transitions
        self._is_bpt = service.is_bpt
        self._is_dc = service.is_dc
        self._states_target = not service.is_dc and agreed.control_mode is ControlMode.DYNAMIC
        self._loop_request = service.loop_request
        self._loop_mode = service.loop_request_modes[agreed.control_mode]
        self._read_loop = _READERS[self._loop_mode]
        answer = _ANSWERS[self._loop_mode]
        if agreed.per_phase:
            answer = answer_by_phase(answer, agreed.single_phase)
        if agreed.mobility_needs_mode is MobilityNeedsMode.SECC:
            answer = answer_with_needs(answer)
        self._loop_answer = answer
        wrapped = agreed.per_phase or agreed.mobility_needs_mode is MobilityNeedsMode.SECC
        self._ac_target = None if wrapped else AC_TARGETS.get(self._loop_mode)
        self._dc_limits = None if wrapped else DC_LIMITS.get(self._loop_mode)
        self._limits = ()

    def _end(self, reason: EndReason, detail: str) -> None:
        super()._end(reason, detail)
        self.pending = None
