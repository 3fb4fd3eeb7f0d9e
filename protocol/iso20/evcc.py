"""The EVCC: the end in the car. It alone sends requests; the caller decides when, and what the EV says of itself.

    evcc.connect(now_ns)
    request = evcc.request(offer, now_ns)      # the next request of the session
    event = evcc.receive(response, now_ns)     # what the response means
    evcc.deadline_ns                           # when to call evcc.timeout(now_ns), or None

Wishes (`stop`, `pause`, `stand_by`, `renegotiate_schedule`, ...) change which request comes next; they never send
anything. `heed` turns what the station asks for into the wish that obeys it.
"""

import math
from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import Any, Final, NamedTuple, cast

from protocol.iso20 import phases
from protocol.iso20.ac import ACChargeParameterDiscoveryRes
from protocol.iso20.codes import (
    AppProtocolCode,
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
    AuthorizationRes,
    DynamicSEResControlMode,
    EVSEStatus,
    PowerDeliveryReq,
    PowerDeliveryRes,
    Response,
    ScheduledSEResControlMode,
    ScheduleExchangeRes,
    ServiceDetailReq,
    ServiceDetailRes,
    ServiceDiscoveryRes,
    ServiceSelectionRes,
    SessionSetupReq,
    SessionSetupRes,
    SessionStopReq,
    SupportedAppProtocolRes,
)
from protocol.iso20.dc import DCChargeParameterDiscoveryRes
from protocol.iso20.errors import LocalProtocolError
from protocol.iso20.loop import MeterInfo
from protocol.iso20.loop_requests import LOOP_REQUESTS, LoopRequest
from protocol.iso20.loop_variants import SCHEDULED_REQUESTS, request_by_phase
from protocol.iso20.metering import MeteringConfirmationReq
from protocol.iso20.needs import MobilityNeeds, read_needs
from protocol.iso20.profiles import Profile, Schedule, follow, read_tuples
from protocol.iso20.ratings import EVRatings, EVSERatings, read_evse_ratings
from protocol.iso20.requests import REQUESTS, EVCCSettings, Offer, OfferAside, Topic, app_protocols
from protocol.iso20.sequence import NEXT_REQUEST, REJOINED, RESPONSES, SETUP, State, Step, Table, step
from protocol.iso20.services import SERVICES, Agreed, Service, Variant, read_variants
from protocol.iso20.session import NO_SESSION, SECOND, EndReason, Session, Suspended
from protocol.schema import ComplexType
from protocol.values import unsayable

__all__ = ["EVCC", "EVCCSettings", "EVRatings", "Event", "Notification", "Offer", "OfferAside"]


class Event(Enum):
    """What a response meant."""

    PROCEED = auto()  # answered; the next request belongs to another state
    ONGOING = auto()  # the phase is not finished: the same request again
    LOOP = auto()  # a charge loop response: apply it
    WARNING = auto()  # declined, but the session lives
    ENDED = auto()  # the session is over, see `ended`


class Notification(NamedTuple):
    """What the station asks for, and until when the EV should have reacted."""

    kind: EVSENotification
    deadline_ns: int


class _Wish(Enum):
    """What the EV wants beyond going on."""

    GO_ON = auto()
    CONFIRM_METER = auto()
    RENEGOTIATE = auto()
    DISCOVER_AGAIN = auto()  # the renegotiation has begun, and this EV restarts from ChargeParameterDiscovery
    STAND_BY = auto()
    STOP = auto()  # power, and then the session in the way that `_leave_as` says
    LEAVING = auto()  # power has been stopped: what is left is the ordinary sequence


# Which way of leaving outranks which: Terminate is final, a pause keeps more than a renegotiation of the service.
_RANK: Final = (ChargingSession.SERVICE_RENEGOTIATION, ChargingSession.PAUSE, ChargingSession.TERMINATE)


# Budget of each phase: the reason when it runs out, and its span in `Timers`.
_BUDGETS: Final[Mapping[State, tuple[EndReason, str]]] = {
    State.APP_PROTOCOL: (EndReason.COMMUNICATION_SETUP_TIMEOUT, "communication_setup_ns"),
    State.SESSION_SETUP: (EndReason.COMMUNICATION_SETUP_TIMEOUT, "communication_setup_ns"),
    State.AUTHORIZATION: (EndReason.ONGOING_TIMEOUT, "authorization_ns"),
    State.SCHEDULE_EXCHANGE: (EndReason.ONGOING_TIMEOUT, "ongoing_ns"),
    State.SCHEDULE_RENEGOTIATION: (EndReason.ONGOING_TIMEOUT, "ongoing_ns"),
    State.CABLE_CHECK: (EndReason.CABLE_CHECK_TIMEOUT, "cable_check_ns"),
    State.PRE_CHARGE: (EndReason.PRE_CHARGE_TIMEOUT, "pre_charge_ns"),
    State.WELDING_DETECTION: (EndReason.ONGOING_TIMEOUT, "ongoing_ns"),
}
_LOOP_REQUESTS: Final = {**LOOP_REQUESTS, **SCHEDULED_REQUESTS}
_NO_NEEDS: Final = MobilityNeeds()
_SCHEDULE_MODES: Final[Mapping[ControlMode, type[ComplexType]]] = {
    ControlMode.DYNAMIC: DynamicSEResControlMode,
    ControlMode.SCHEDULED: ScheduledSEResControlMode,
}
_PLAIN: Final = frozenset(NEXT_REQUEST) - {State.SERVICE_SELECTION, State.SESSION_STOP}  # no choice without a wish
_UNFINISHED: Final = (Processing.ONGOING, Processing.ONGOING_WAITING_FOR_CUSTOMER_INTERACTION)

# What every turn or step reads: a member costs 70 ns when it is looked up in its class, and 5 ns here.
_CHARGE_LOOP: Final = State.CHARGE_LOOP
_GO_ON: Final = _Wish.GO_ON
_MESSAGE_TIMEOUT: Final = EndReason.MESSAGE_TIMEOUT
_OK: Final = ResponseCode.OK
_JOINED: Final = ResponseCode.OK_OLD_SESSION_JOINED
_LOOP: Final = Event.LOOP
_PROCEED: Final = Event.PROCEED


class EVCC(Session):
    """One EVCC for one session.

    Besides what every `Session` has:

    outstanding : the request that waits for its response, or None
    notification : what the station asks for, or None; the first one of a kind starts its delay, repeats do not
    evse_limits : the station's ratings, after ChargeParameterDiscovery
    target_w : power the last AC loop response asks for, sum of the phases, positive into the vehicle; NaN in DC and
        in Scheduled mode; `target_phases_w` says it phase by phase where phases are stated
    needs : what the station settled under MobilityNeedsMode 2, and at `needs_ns`; or None
    schedules : what the station offered in Scheduled mode; `profile` is what this EV promised of it
    """

    __slots__ = (
        "_candidates",
        "_choice",
        "_expected",
        "_leave_as",
        "_loop_mode",
        "_loop_request",
        "_loop_response",
        "_namespace",
        "_reads_more",
        "_reads_target",
        "_services",
        "_sign",
        "_table",
        "_termination_code",
        "_termination_explanation",
        "_wish",
        "evse_limits",
        "meter_info",
        "needs",
        "needs_ns",
        "notification",
        "outstanding",
        "paused",
        "profile",
        "schedules",
        "settings",
        "target_phases_w",
        "target_w",
    )

    def __init__(self, settings: EVCCSettings, paused: Suspended | None = None) -> None:
        super().__init__(settings.timers, settings.epoch_s)
        self.settings = settings
        self.paused = paused  # an earlier session that this one shall take up again
        self.needs: MobilityNeeds | None = None
        self.needs_ns = 0
        self.schedules: tuple[Schedule, ...] = ()
        self.profile: Profile | None = None
        self.meter_info: MeterInfo | None = None
        self.target_phases_w: tuple[float, float, float] | None = None
        self._services = settings.services
        self._namespace = ""
        self._leave_as = ChargingSession.TERMINATE
        self._reads_target = False
        self._reads_more = False
        self.outstanding: ComplexType | None = None
        self.notification: Notification | None = None
        self.evse_limits: EVSERatings | None = None
        self.target_w = math.nan
        self._expected: type[ComplexType] | None = None
        self._table: Table = SETUP
        self._wish = _Wish.GO_ON
        self._termination_code: str | None = None
        self._termination_explanation: str | None = None
        self._candidates: list[Service] = []
        self._choice: tuple[Service, Variant] | None = None
        self._sign = -1.0 if settings.discharge_limits_negative else 1.0
        self._loop_request: LoopRequest | None = None
        self._loop_response: type[ComplexType] | None = None
        self._loop_mode: type[ComplexType] | None = None

    # --- asking -------------------------------------------------------------------------------------------------------

    def connect(self, now_ns: int) -> None:
        """A new link is up: the communication set-up timer starts (plug to SessionSetupRes)."""
        self._start_budget(now_ns)

    def stop(self, code: str | None = None, explanation: str | None = None) -> None:
        """Wish to leave: PowerDeliveryReq(Stop) if power may flow, then SessionStopReq(Terminate)."""
        self._leave(ChargingSession.TERMINATE)
        self._termination_code = code
        self._termination_explanation = explanation

    def pause(self) -> None:
        """Wish to pause: power is stopped first, then SessionStopReq(Pause); a wish to leave outranks it."""
        self._leave(ChargingSession.PAUSE)

    def renegotiate_service(self, services: tuple[ServiceID, ...] | None = None) -> None:
        """Wish to choose the service anew, among `services` if given: stop, then back to ServiceDiscovery.

        Raises LocalProtocolError if the station has said that it does not support this (V2G20-1477).
        """
        if not self.service_renegotiation:
            raise LocalProtocolError("the station has not offered to renegotiate the service")
        self._services = services or self._services
        self._leave(ChargingSession.SERVICE_RENEGOTIATION)

    def _leave(self, kind: ChargingSession) -> None:
        leaving = self._wish in (_Wish.STOP, _Wish.LEAVING)
        if not leaving or _RANK.index(kind) > _RANK.index(self._leave_as):
            self._leave_as = kind
        if not leaving:
            self._wish = _Wish.STOP

    def renegotiate_schedule(self) -> None:
        """Wish to walk the chain back to ScheduleExchange, from the next turn of the loop; a stop outranks it."""
        if self._wish is _Wish.GO_ON or self._wish is _Wish.STAND_BY:
            self._wish = _Wish.RENEGOTIATE

    def stand_by(self) -> None:
        """Wish to stop power but not the session: PowerDeliveryReq(Standby), until `exit_standby`."""
        if self._wish is _Wish.GO_ON:
            self._wish = _Wish.STAND_BY

    def exit_standby(self) -> None:
        """Wish to go on: PowerDeliveryReq(Start) comes next."""
        if self._wish is _Wish.STAND_BY:
            self._wish = _Wish.GO_ON

    def confirm_meter(self) -> None:
        """Wish to confirm the readings of the meter, once, between two turns of the loop."""
        if self._wish is _Wish.GO_ON and self.meter_info is not None:
            self._wish = _Wish.CONFIRM_METER

    def heed(self) -> bool:
        """Wish for what the notification asks; whether it asks for anything that this session can do.

        A notification has been heeded when the request it asks for is made, see `next_step`.
        """
        if self.notification is None:
            return False
        kind = self.notification.kind
        if kind is EVSENotification.SERVICE_RENEGOTIATION and not self.service_renegotiation:
            return False  # V2G20-1477: never without having offered it
        if kind is EVSENotification.METERING_CONFIRMATION and self.meter_info is None:
            return False  # V2G20-1084: nothing was shown
        _OBEY[kind](self)
        return True

    @property
    def in_plain_loop(self) -> bool:
        """Whether the session is in the loop, with nothing outstanding and no wish or notification to act on."""
        return (
            self.state is State.CHARGE_LOOP
            and self.outstanding is None
            and self._wish is _GO_ON
            and self.notification is None
        )

    @property
    def next_step(self) -> Step:
        """Key of the request that comes next, in the terms of `sequence`."""
        if self._wish is _GO_ON and self.state in _PLAIN:  # nearly every step of a session
            return NEXT_REQUEST[self.state]
        allowed = self._table[self.state]
        if self._wish is _Wish.STOP:
            if self.energised and ChargeProgress.STOP in allowed:
                return ChargeProgress.STOP
            if self.state is State.STANDBY:
                return ChargeProgress.STOP  # the contactors are closed
            if not self.energised and self._leave_as in allowed:
                return self._leave_as
        if self._wish is _Wish.STAND_BY and ChargeProgress.STANDBY in allowed:
            return ChargeProgress.STANDBY
        if self._wish is _Wish.RENEGOTIATE and ChargeProgress.SCHEDULE_RENEGOTIATION in allowed:
            return ChargeProgress.SCHEDULE_RENEGOTIATION
        if self.state is State.CHARGE_LOOP:
            assert self.agreed is not None
            return MeteringConfirmationReq if self._wish is _Wish.CONFIRM_METER else self.agreed.service.loop_request
        if self.state is State.SESSION_STOP:
            return self._leave_as
        if self.state is State.CHARGE_PARAMETER_DISCOVERY or self._wish is _Wish.DISCOVER_AGAIN:
            assert self.agreed is not None
            return self.agreed.service.discovery_request
        if self.state is State.SERVICE_SELECTION and self._choice is None:
            return ServiceDetailReq
        return NEXT_REQUEST[self.state]

    @property
    def next_request(self) -> type[ComplexType] | None:
        """Class of the request that comes next; None when the session has ended."""
        if self.ended is not None:
            return None
        key = self.next_step
        if isinstance(key, ChargeProgress):
            return PowerDeliveryReq
        return SessionStopReq if isinstance(key, ChargingSession) else key

    def request(
        self,
        offer: Offer,
        now_ns: int,
        processing: Processing = Processing.FINISHED,
        meter_info: bool = False,
    ) -> ComplexType:
        """Make the next request, mark it outstanding and start its timer.

        `processing` is the EV's own side of PreCharge, PowerDelivery and WeldingDetection: ONGOING asks again later.
        `meter_info` asks for MeterInfo in the charge loop. Raises LocalProtocolError if a request is outstanding, the
        session has ended, or the offer cannot be said.
        """
        if self.outstanding is not None:
            raise LocalProtocolError(f"{self.outstanding.wire_name} is outstanding: one request at a time")
        try:
            if self.state is _CHARGE_LOOP and self._wish is _GO_ON:
                request = self._turn(offer, now_ns, meter_info)
            else:
                request = self._other_request(offer, now_ns, processing)
        except LocalProtocolError as error:
            raise LocalProtocolError(f"{error}{unsayable(offer)}") from error
        self.outstanding = request
        return request

    def _turn(self, offer: Offer, now_ns: int, meter_info: bool) -> ComplexType:
        """An ordinary turn of the loop. No budget of a phase runs here, so the message's timer is the only one."""
        assert self._loop_request is not None
        assert self.agreed is not None
        header = self._header if now_ns < self._header_until_ns else self._current_header(now_ns)
        request = self._loop_request(header, offer, meter_info, self._sign, self.agreed.per_phase)
        self._expected = self._loop_response
        self._timer_reason = _MESSAGE_TIMEOUT
        self.deadline_ns = now_ns + self.timers.charge_loop_ns
        return request

    def _other_request(self, offer: Offer, now_ns: int, processing: Processing) -> ComplexType:
        """Any request that is not an ordinary turn of the loop."""
        if self.ended is not None:
            raise LocalProtocolError(f"the session has ended ({self.ended.value}): nothing can be sent")
        chosen, next_step = self._choice, self.next_step
        if self.schedules and next_step is ChargeProgress.START:
            self.profile = self._promise(offer, now_ns)
        elif next_step is SessionSetupReq and self._may_rejoin():
            assert self.paused is not None
            self.session_id = self.paused.session_id
        topic = Topic(
            self.settings,
            self.agreed,
            int(chosen[0].id if chosen else self._candidates[0].id if self._candidates else 0),
            chosen[1].parameter_set_id if chosen else 0,
            processing,
            self.profile,
            self.meter_info,
            self._termination_code,
            self._termination_explanation,
        )
        request = REQUESTS[next_step](self._current_header(now_ns), offer, topic)
        self._expected = RESPONSES[type(request)]
        if self._budget_reason is None:
            self._start_budget(now_ns)
        slow = isinstance(request, ServiceDetailReq)
        span_ns = self.timers.service_detail_ns if slow else self.timers.message_ns
        self._arm(EndReason.MESSAGE_TIMEOUT, span_ns, now_ns)
        return request

    def _promise(self, offer: Offer, now_ns: int) -> Profile:
        """What the EV offers to take, or else the first schedule as far as its own limits allow."""
        if offer.aside is not None and offer.aside.profile is not None:
            return offer.aside.profile
        schedule, anchor_s = self.schedules[0], self._epoch_s + now_ns // SECOND
        length_s = sum(step.duration_s for step in schedule.charging)
        left_s = max(1.0, float(math.ceil(schedule.anchor_s + length_s - anchor_s)))
        steps = follow(
            schedule, math.inf, offer.maximum_charge_w, offer.maximum_discharge_w, left_s, anchor_s - schedule.anchor_s
        )
        return Profile(schedule.tuple_id, anchor_s, steps, None if math.isnan(schedule.tolerance_w) else True)

    def _may_rejoin(self) -> bool:
        """Whether the protocol chosen is that of the paused session, so that it can be taken up again."""
        paused = self.paused
        return paused is not None and any(service.id is paused.agreed.service.id for service in self._candidates)

    # --- listening ----------------------------------------------------------------------------------------------------

    def receive(self, response: ComplexType, now_ns: int) -> Event:
        """Take the response to the outstanding request. FAILED is final, and so is anything out of order."""
        if (  # nearly every response is this one, in good order: then no more has to be asked, and no budget runs
            response.__class__ is self._expected is self._loop_response
            and self.deadline_ns is not None
            and now_ns < self.deadline_ns
            and response.header.session_id == self.session_id  # type: ignore[attr-defined]  # as of the class agreed
            and response.response_code is _OK  # type: ignore[attr-defined]
        ):
            self.outstanding = self._expected = self.deadline_ns = None
            return self._hear_loop(response, now_ns)
        if self.ended is not None or (self.deadline_ns is not None and now_ns >= self.deadline_ns):
            self.timeout(now_ns)  # a late answer does not revive a session
            return Event.ENDED
        expected = self._expected
        if response.__class__ is not expected:
            wanted = "no response" if expected is None else expected.wire_name
            return self._give_up(EndReason.WRONG_MESSAGE, f"got {response.wire_name}, expected {wanted}")
        request, self.outstanding, self._expected = self.outstanding, None, None
        assert request is not None
        self._disarm()
        if isinstance(response, SupportedAppProtocolRes):
            return self._hear_app_protocol(response)
        assert isinstance(response, Response)
        session_id = response.header.session_id
        if session_id != self.session_id and (
            not isinstance(response, SessionSetupRes)
            or session_id == NO_SESSION
            or response.response_code is ResponseCode.OK_OLD_SESSION_JOINED
        ):
            return self._give_up(EndReason.WRONG_SESSION, f"{response.wire_name} of session {session_id.hex()}")
        self.session_id = session_id
        if response.response_code is not _OK and response.response_code.failed:
            self.failed_code = response.response_code
            return self._give_up(EndReason.FAILED, f"{response.wire_name}: {response.response_code.value}")
        if response.__class__ is self._loop_response:
            return self._hear_loop(response, now_ns)
        return self._hear(request, response, now_ns)

    def _give_up(self, reason: EndReason, detail: str) -> Event:
        self._end(reason, detail)
        return Event.ENDED

    def _hear_loop(self, response: Any, now_ns: int) -> Event:  # AC or DC, as agreed
        """A turn of the loop: setpoint in AC, limits in DC, and perhaps a notification."""
        mode, agreed_mode = response.control_mode, cast(Any, self._loop_mode)
        if mode.__class__ is not agreed_mode:
            return self._give_up(EndReason.WRONG_CONTROL_MODE, f"{response.wire_name} with {mode.wire_name}")
        if self._reads_target:
            target = mode.evse_target_active_power
            split = mode.evse_target_active_power_l2 is not None
            self.target_w = self._by_phase_w(mode) if split else target.number
        status = response.evse_status
        if status is not None or self.notification is not None:
            self._take_notice(status, now_ns)
            self.meter_info = response.meter_info or self.meter_info
        if self._reads_more:
            self._settle(read_needs(mode), now_ns)
        return _LOOP

    def _by_phase_w(self, mode: Any) -> float:
        """Keep the setpoint of each phase; returns their sum."""
        later = (mode.evse_target_active_power_l2, mode.evse_target_active_power_l3)
        self.target_phases_w = (
            mode.evse_target_active_power.number,
            later[0].number,
            0.0 if later[1] is None else later[1].number,
        )
        return phases.total_w(mode, "evse_target_active_power")

    def _settle(self, needs: MobilityNeeds, now_ns: int) -> None:
        """What the station settles, where it says anything at all."""
        if needs != _NO_NEEDS:
            self.needs, self.needs_ns = needs, now_ns

    def _hear_app_protocol(self, response: SupportedAppProtocolRes) -> Event:
        """The station's choice must be one of ours, named by our own SchemaID."""
        if response.response_code is AppProtocolCode.FAILED_NO_NEGOTIATION:
            return self._give_up(EndReason.NO_PROTOCOL, "the station speaks none of the protocols offered")
        chosen = [entry for entry in app_protocols(self.settings.services) if entry.schema_id == response.schema_id]
        if not chosen:
            return self._give_up(EndReason.WRONG_MESSAGE, f"SchemaID {response.schema_id} was not offered")
        namespace = chosen[0].protocol_namespace
        self._namespace = namespace
        self._candidates = self._wanted()
        self._enter(State.SESSION_SETUP)
        return Event.PROCEED

    def _wanted(self) -> list[Service]:
        """The services this EV would take with the protocol chosen, best first."""
        wanted = [SERVICES[service_id] for service_id in self._services]
        return [service for service in wanted if service.namespace == self._namespace]

    def _hear(self, request: ComplexType, response: Response, now_ns: int) -> Event:
        """Any other response: take what it says, then stay or go on."""
        fault = self._fault(request, response)
        if fault:
            return self._give_up(*fault)
        if isinstance(response, PowerDeliveryRes):
            self._take_notice(response.evse_status, now_ns)
        if response.response_code.declined:
            if isinstance(response, AuthorizationRes):
                self.stop(response.response_code.value)  # asking again would not change the answer
            elif self._wish in (_Wish.STAND_BY, _Wish.RENEGOTIATE, _Wish.CONFIRM_METER):
                self._wish = _Wish.GO_ON  # nor here
            return Event.WARNING
        self._learn(response, now_ns)
        own, theirs = getattr(request, "ev_processing", None), getattr(response, "evse_processing", None)
        if own in _UNFINISHED or theirs in _UNFINISHED:
            return Event.ONGOING
        return self._advance(step(request), response)

    def _fault(self, request: ComplexType, response: Response) -> tuple[EndReason, str] | None:
        """What is wrong with the content of a response: it answers something else, or not in the agreed variant."""
        if isinstance(response, ServiceDetailRes):
            assert isinstance(request, ServiceDetailReq)
            if response.service_id != request.service_id:
                return EndReason.WRONG_MESSAGE, f"details of service {response.service_id}, not {request.service_id}"
        mode: ComplexType | None = None
        wanted: type[ComplexType] | None = None
        if isinstance(response, SessionSetupRes):
            joined = response.response_code is ResponseCode.OK_OLD_SESSION_JOINED
            if joined and not self._may_rejoin():
                return EndReason.WRONG_MESSAGE, "an old session was joined that this EV did not ask for"
        elif isinstance(response, ScheduleExchangeRes):
            assert self.agreed is not None
            mode, wanted = response.control_mode, _SCHEDULE_MODES[self.agreed.control_mode]
        elif isinstance(response, (ACChargeParameterDiscoveryRes, DCChargeParameterDiscoveryRes)):
            assert self.agreed is not None
            mode, wanted = response.energy_transfer_mode, self.agreed.service.discovery_response_mode
        if mode is not None and type(mode) is not wanted:
            return EndReason.WRONG_CONTROL_MODE, f"{response.wire_name} with {mode.wire_name}"
        return None

    def _learn(self, response: Response, now_ns: int) -> None:
        """Keep what later requests depend on."""
        if isinstance(response, SessionSetupRes):
            if response.response_code is ResponseCode.OK_OLD_SESSION_JOINED:
                assert self.paused is not None
                self.service_renegotiation = self.paused.service_renegotiation
                self._bind(self.paused.agreed)
            else:
                self.paused = None  # another id: everything old is void
        elif isinstance(response, ScheduleExchangeRes):
            mode = response.control_mode
            if isinstance(mode, DynamicSEResControlMode):
                if self._reads_more:  # under MobilityNeedsMode 1 the needs are the EV's own, whatever a station says
                    self._settle(read_needs(mode), now_ns)
            elif response.evse_processing is Processing.FINISHED:
                self.schedules = read_tuples(mode.schedule_tuple)
            if response.go_to_pause:
                self.notification = Notification(EVSENotification.PAUSE, now_ns)
        elif isinstance(response, ServiceDiscoveryRes):
            self.service_renegotiation = response.service_renegotiation_supported
            offered = {service.service_id for service in response.energy_transfer_service_list.service}
            self._candidates = [service for service in self._candidates if service.id in offered]
            if not self._candidates:
                self.stop("NoCommonService")
        elif isinstance(response, ServiceDetailRes):
            self._choose(read_variants(response.service_parameter_list))
        elif isinstance(response, ServiceSelectionRes):
            self._agree()
        elif isinstance(response, (ACChargeParameterDiscoveryRes, DCChargeParameterDiscoveryRes)):
            self.evse_limits = read_evse_ratings(response.energy_transfer_mode)

    def _choose(self, variants: tuple[Variant, ...]) -> None:
        """Take the best parameter set of the wanted control mode, or turn to the next service.

        An EV that would leave its needs to the station states them itself where the station does not want to.
        """
        service, settings = self._candidates[0], self.settings
        modes = (settings.mobility_needs_mode, MobilityNeedsMode.EVCC)
        usable = [
            variant
            for variant in variants
            if variant.control_mode is settings.control_mode and variant.mobility_needs_mode in modes
        ]
        if usable:
            self._choice = (service, min(usable, key=lambda variant: modes.index(variant.mobility_needs_mode)))
            return
        self._candidates = self._candidates[1:]
        if not self._candidates:
            self.stop("NoCommonParameterSet")

    def _agree(self) -> None:
        """Service and parameter set are settled; they bind every later message."""
        assert self._choice is not None
        service, variant = self._choice
        by_phase = self.settings.per_phase and not service.is_dc
        self._bind(Agreed(service, *variant, by_phase, by_phase and self.settings.single_phase))

    def _bind(self, agreed: Agreed) -> None:
        service, scheduled = agreed.service, agreed.control_mode is ControlMode.SCHEDULED
        self.agreed = agreed
        self._table = service.transitions
        self._reads_target = not service.is_dc and not scheduled
        self._reads_more = agreed.mobility_needs_mode is MobilityNeedsMode.SECC
        request = _LOOP_REQUESTS[service.loop_request_modes[agreed.control_mode]]
        self._loop_request = request_by_phase(request, agreed.single_phase) if agreed.per_phase else request
        self._loop_response = service.loop_response
        self._loop_mode = service.loop_response_modes[agreed.control_mode]

    def _advance(self, key: Step, response: Response) -> Event:
        """A step is done: note what it did to power and wishes, and go to the next state."""
        if self._wish is _GO_ON and isinstance(key, type) and response.response_code is not _JOINED:
            self._enter(self._table[self.state][key])  # most of the set-up: nothing is switched and nothing ends
            return _PROCEED
        was_energised = self.energised
        if key is ChargeProgress.START:
            self.energised = True
        elif key is ChargeProgress.STOP:
            self.energised = False
            self._wish = _Wish.LEAVING
        elif key is ChargeProgress.STANDBY:
            self.energised = False
        elif key is MeteringConfirmationReq:
            self.notification = None  # done; the response carries no EVSEStatus that would withdraw it
            if self._wish is _Wish.CONFIRM_METER:
                self._wish = _Wish.GO_ON
        elif key is ChargeProgress.SCHEDULE_RENEGOTIATION and self._wish is _Wish.RENEGOTIATE:
            again = self.settings.renegotiate_from is State.CHARGE_PARAMETER_DISCOVERY
            self._wish = _Wish.DISCOVER_AGAIN if again else _Wish.GO_ON
        elif self._wish is _Wish.DISCOVER_AGAIN:
            self._wish = _Wish.GO_ON
        state = self._table[self.state][key]
        if key is ChargingSession.PAUSE:
            assert self.agreed is not None
            self.suspended = Suspended(self.session_id, self.settings.evcc_id, self.agreed, self.service_renegotiation)
            return self._give_up(EndReason.PAUSED, "")
        if state is State.ENDED:
            reason = EndReason.ABORTED if was_energised else EndReason.TERMINATED
            return self._give_up(reason, self._termination_code or "")
        if key is ChargingSession.SERVICE_RENEGOTIATION:
            self._forget_service()
        self._enter(REJOINED if response.response_code is _JOINED else state)
        return _PROCEED

    def _forget_service(self) -> None:
        """Back to the choice of services: link, session id and authorization stay, nothing that was agreed does."""
        self.agreed = self._choice = self.profile = self.meter_info = self.needs = self.evse_limits = None
        self.notification = None
        self.schedules = ()
        self._candidates = self._wanted()
        self._table = SETUP
        self._loop_request = self._loop_response = self._loop_mode = None
        self._wish = _Wish.GO_ON
        self._leave_as = ChargingSession.TERMINATE

    def _take_notice(self, status: EVSEStatus | None, now_ns: int) -> None:
        """Keep a notification from when it first came; a response without it withdraws it."""
        if status is None:
            self.notification = None
        elif self.notification is None or self.notification.kind is not status.evse_notification:
            self.notification = Notification(status.evse_notification, now_ns + status.notification_max_delay * SECOND)

    # --- budgets of phases --------------------------------------------------------------------------------------------

    def _start_budget(self, now_ns: int) -> None:
        """Arm the budget of the present phase, if it has one; repeats of a request do not come here."""
        budget = _BUDGETS.get(self.state)
        if budget is not None:
            self._budget_reason = budget[0]
            self._budget_ns = now_ns + getattr(self.timers, budget[1])
            self._disarm()

    def _enter(self, state: State) -> None:
        """Go to another state; a budget lives on only where both states share it."""
        if _BUDGETS.get(state) != _BUDGETS.get(self.state):
            self._budget_reason = None
            self._disarm()
        self.state = state

    def _end(self, reason: EndReason, detail: str) -> None:
        super()._end(reason, detail)
        self.outstanding = self._expected = None


# How each notification is obeyed. A pause may also be answered by Standby: then the EV wishes that instead.
_OBEY: Final[Mapping[EVSENotification, Callable[[EVCC], None]]] = {
    EVSENotification.TERMINATE: lambda evcc: evcc.stop("EVSENotification", "the station asked for it"),
    EVSENotification.PAUSE: EVCC.pause,
    EVSENotification.EXIT_STANDBY: EVCC.exit_standby,
    EVSENotification.SCHEDULE_RENEGOTIATION: EVCC.renegotiate_schedule,
    EVSENotification.SERVICE_RENEGOTIATION: EVCC.renegotiate_service,
    EVSENotification.METERING_CONFIRMATION: EVCC.confirm_meter,
}
