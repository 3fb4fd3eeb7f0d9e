"""The EVCC: the end in the car. It alone sends requests; the caller decides when, and what the EV says of itself.

    evcc.connect(now_ns)
    request = evcc.request(offer, now_ns)      # the next request of the session
    event = evcc.receive(response, now_ns)     # what the response means
    evcc.deadline_ns                           # when to call evcc.timeout(now_ns), or None

What it wishes (`stop`, `pause`, `heed`, ...) is in `wishes.py`, how it comes to its service in `choosing.py`, what it
takes from a response in `learning.py`, and the charge loop in `evcc_loop.py`.
"""

import math
from enum import Enum, auto
from typing import Final, cast

from protocol.iso20.budgets import EVCC_BUDGETS
from protocol.iso20.choosing import choose_protocol, forget_service, may_rejoin
from protocol.iso20.codes import ChargeProgress, ChargingSession, Processing, ResponseCode, ServiceID
from protocol.iso20.common import (
    AuthorizationRes,
    PowerDeliveryRes,
    Response,
    ServiceDetailReq,
    SessionSetupReq,
    SessionSetupRes,
    SupportedAppProtocolRes,
)
from protocol.iso20.errors import LocalProtocolError
from protocol.iso20.evcc_loop import NO_TERMS, AskingTerms, ask_turn, hear_plain, hear_turn, say_again
from protocol.iso20.learning import READ
from protocol.iso20.needs import MobilityNeeds
from protocol.iso20.polling import is_unfinished
from protocol.iso20.profiles import Profile, Schedule, follow
from protocol.iso20.ratings import EVRatings, EVSERatings
from protocol.iso20.requests import REQUESTS, EVCCSettings, Offer, OfferAside
from protocol.iso20.sequence import REJOINED, RESPONSES, State, Step, step
from protocol.iso20.services import Service
from protocol.iso20.session import NO_SESSION, SECOND, EndReason, Suspended
from protocol.iso20.wishes import AskingSession, Notification, Wish
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


# What every turn or step reads: a member costs 70 ns when it is looked up in its class, and 5 ns here.
_CHARGE_LOOP: Final = State.CHARGE_LOOP
_GO_ON: Final = Wish.GO_ON
_MESSAGE_TIMEOUT: Final = EndReason.MESSAGE_TIMEOUT
_OK: Final = ResponseCode.OK
_JOINED: Final = ResponseCode.OK_OLD_SESSION_JOINED
_LOOP: Final = Event.LOOP
_START: Final = ChargeProgress.START
_PROCEED: Final = Event.PROCEED
_ENDED: Final = Event.ENDED


class EVCC(AskingSession):
    """One EVCC for one session.

    Besides what every `Session` has:

    evcc_id : as SessionSetupReq says
    outstanding : the request that waits for its response, or None
    notification : what the station asks for, or None; the first one of a kind starts its delay, repeats do not
    evse_limits : the station's ratings, after ChargeParameterDiscovery
    target_w : power the last AC loop response asks for, sum of the phases, positive into the vehicle; NaN in DC and
        in Scheduled mode; `target_phases_w` says it phase by phase where phases are stated
    needs : what the station settled under MobilityNeedsMode 2, and at `needs_ns`; or None
    warning : the last warning that a response of the loop carried, until somebody takes note and sets it to None
    schedules : what the station offered in Scheduled mode; `profile` is what this EV promised of it
    """

    __slots__ = (
        "_candidates",
        "_expected",
        "_heard",
        "_last_turn",
        "_namespace",
        "_sign",
        "_terms",
        "evcc_id",
        "evse_limits",
        "needs",
        "needs_ns",
        "paused",
        "processing",
        "profile",
        "schedules",
        "target_phases_w",
        "target_w",
        "warning",
    )

    def __init__(self, settings: EVCCSettings, paused: Suspended | None = None, evcc_id: str = "") -> None:
        """`evcc_id` is its own where the settings are those of many."""
        super().__init__(settings)
        self.evcc_id = evcc_id or settings.evcc_id
        self.paused = paused  # an earlier session that this one shall take up again
        self.needs: MobilityNeeds | None = None
        self.needs_ns = 0
        self.schedules: tuple[Schedule, ...] = ()
        self.profile: Profile | None = None
        self.processing = Processing.FINISHED  # the EV's own side, as the last request says
        self.target_phases_w: tuple[float, float, float] | None = None
        self.evse_limits: EVSERatings | None = None
        self.target_w = math.nan
        self.warning: ResponseCode | None = None
        self._namespace = ""
        self._candidates: tuple[Service, ...] = ()
        self._last_turn: ComplexType | None = None  # to be said again while nothing changes
        self._expected: type[ComplexType] | None = None
        self._heard: ComplexType | None = None  # the last response, if it was a plain one of the loop
        self._sign = -1.0 if settings.discharge_limits_negative else 1.0
        self._terms: AskingTerms = NO_TERMS

    def connect(self, now_ns: int) -> None:
        """A new link is up: the communication set-up timer starts (plug to SessionSetupRes)."""
        self._start_budget(now_ns)

    # --- asking -------------------------------------------------------------------------------------------------------

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
                request = ask_turn(self, offer, now_ns, meter_info)
            else:
                request = self._other_request(offer, now_ns, processing)
        except LocalProtocolError as error:
            raise LocalProtocolError(f"{error}{unsayable(offer)}") from error
        self.outstanding = request
        return request

    def request_again(self, now_ns: int, departure_s: float | None = None) -> ComplexType | None:
        """The last request of the loop once more, where all it says still holds; None where another is due.

        `departure_s` is given if it is another: of what was said, this alone may have changed. What has been checked is
        not checked again, and within a second of the clock the request is the very same message.
        """
        request = self._last_turn
        if (
            request is None
            or self.outstanding is not None
            or self.state is not _CHARGE_LOOP
            or self._wish is not _GO_ON
        ):
            return None
        if departure_s is not None or now_ns >= self._header_until_ns:
            request = say_again(self, request, departure_s, now_ns)
        self.outstanding = request
        self._expected = self._terms.response
        self.deadline_ns = now_ns + self.timers.charge_loop_ns
        return request

    def _other_request(self, offer: Offer, now_ns: int, processing: Processing) -> ComplexType:
        """Any request that is not an ordinary turn of the loop."""
        self._last_turn = None
        if self.ended is not None:
            raise LocalProtocolError(f"the session has ended ({self.ended.value}): nothing can be sent")
        next_step = self.next_step
        if self.schedules and next_step is _START:
            self.profile = self._promise(offer, now_ns)
        elif self.paused is not None and next_step is SessionSetupReq and may_rejoin(self):
            self.session_id = self.paused.session_id
        self.processing = processing
        request = REQUESTS[next_step](self._current_header(now_ns), offer, self)
        kind = request.__class__
        self._expected = RESPONSES[kind]
        if self._budget_reason is None and self.state in EVCC_BUDGETS:
            self._start_budget(now_ns)
        span_ns = self.timers.service_detail_ns if kind is ServiceDetailReq else self.timers.message_ns
        self._arm(_MESSAGE_TIMEOUT, span_ns, now_ns)
        return request

    @property
    def service_id(self) -> ServiceID | None:
        """The service that is chosen, or asked about next."""
        if self._choice is not None:
            return self._choice[0].id
        return self._candidates[0].id if self._candidates else None

    @property
    def parameter_set_id(self) -> int:
        """The parameter set that is chosen, or 0."""
        return 0 if self._choice is None else self._choice[1].parameter_set_id

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

    # --- listening ----------------------------------------------------------------------------------------------------

    def receive(self, response: ComplexType, now_ns: int) -> Event:
        """Take the response to the outstanding request. FAILED is final, and so is anything out of order."""
        if self._expected is self._terms.response and hear_plain(self, response, now_ns):
            return _LOOP
        self._heard = None
        if self.ended is not None or (self.deadline_ns is not None and now_ns >= self.deadline_ns):
            self.timeout(now_ns)  # a late answer does not revive a session
            return _ENDED
        expected = self._expected
        if response.__class__ is not expected:
            wanted = "no response" if expected is None else expected.wire_name
            return self._give_up(EndReason.WRONG_MESSAGE, f"got {response.wire_name}, expected {wanted}")
        request, self.outstanding, self._expected = self.outstanding, None, None
        assert request is not None
        self._disarm()
        if expected is SupportedAppProtocolRes:
            return self._hear_protocol(cast(SupportedAppProtocolRes, response))
        return self._hear(request, cast(Response, response), now_ns)

    hear_plain = hear_plain

    def _give_up(self, reason: EndReason, detail: str) -> Event:
        self._end(reason, detail)
        return _ENDED

    def _hear_protocol(self, response: SupportedAppProtocolRes) -> Event:
        """The one response without a header."""
        wrong = choose_protocol(self, response)
        if wrong is not None:
            return self._give_up(*wrong)
        self._enter(State.SESSION_SETUP)
        return _PROCEED

    def _hear(self, request: ComplexType, response: Response, now_ns: int) -> Event:
        """Any other response: take what it says, then stay or go on."""
        kind, code, session_id = response.__class__, response.response_code, response.header.session_id
        if session_id != self.session_id:
            if kind is not SessionSetupRes or session_id == NO_SESSION or code is _JOINED:
                return self._give_up(EndReason.WRONG_SESSION, f"{response.wire_name} of session {session_id.hex()}")
            self.session_id = session_id
        if code is not _OK and code.failed:
            self.failed_code = code
            return self._give_up(EndReason.FAILED, f"{response.wire_name}: {code.value}")
        if kind is self._terms.response:
            self.warning = code if code.warning else self.warning
            return _LOOP if hear_turn(self, response, now_ns) else _ENDED
        find_fault, keep, is_polled = READ[kind]
        if find_fault is not None:
            wrong = find_fault(self, request, response)
            if wrong is not None:
                return self._give_up(*wrong)
        if isinstance(response, PowerDeliveryRes):
            self._take_notice(response.evse_status, now_ns)
        if code is not _OK and code.declined:
            if isinstance(response, AuthorizationRes):
                self.stop(code.value)  # asking again would not change the answer
            else:
                self._declined()
            return Event.WARNING
        if keep is not None:
            keep(self, response, now_ns)
        if is_polled and is_unfinished(request, response):
            return Event.ONGOING
        return self._advance(step(request), response)

    def _advance(self, key: Step, response: Response) -> Event:
        """A step is done: note what it did to power and wishes, and go to the next state."""
        if self._wish is _GO_ON and isinstance(key, type) and response.response_code is not _JOINED:
            self._enter(self._table[self.state][key])  # most of the set-up: nothing is switched and nothing ends
            return _PROCEED
        was_energised = self.energised
        self._fulfilled(key)
        state = self._table[self.state][key]
        if key is ChargingSession.PAUSE:
            assert self.agreed is not None
            self.suspended = Suspended(self.session_id, self.evcc_id, self.agreed, self.service_renegotiation)
            return self._give_up(EndReason.PAUSED, "")
        if state is State.ENDED:
            reason = EndReason.ABORTED if was_energised else EndReason.TERMINATED
            return self._give_up(reason, self.termination_code or "")
        if key is ChargingSession.SERVICE_RENEGOTIATION:
            forget_service(self)
        self._enter(REJOINED if response.response_code is _JOINED else state)
        return _PROCEED

    # --- phases -------------------------------------------------------------------------------------------------------

    def _start_budget(self, now_ns: int) -> None:
        """Arm the budget of the present phase, if it has one; repeats of a request do not come here."""
        budget = EVCC_BUDGETS.get(self.state)
        if budget is not None:
            self._budget_reason = budget[0]
            self._budget_ns = now_ns + getattr(self.timers, budget[1])
            self._disarm()

    def _enter(self, state: State) -> None:
        """Go to another state; a budget lives on only where both states share it."""
        if self._budget_reason is not None and EVCC_BUDGETS.get(state) != EVCC_BUDGETS.get(self.state):
            self._budget_reason = None
            self._disarm()
        self.state = state

    def rest(self) -> None:
        """As for any session; what was said and heard last is let go as well."""
        super().rest()
        self._last_turn = self._heard = None

    def _end(self, reason: EndReason, detail: str) -> None:
        super()._end(reason, detail)
        self.outstanding = self._expected = None
