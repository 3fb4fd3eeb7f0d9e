"""The SECC: the end in the station. It checks each request, and answers when the station has decided.

    refusal = secc.receive(request, now_ns)    # a response to send at once, or None: see `pending`
    response = secc.respond(answer, now_ns)    # the response to the pending request
    secc.said                                  # what the EV said last: all the station knows of it
    secc.deadline_ns                           # when to call secc.timeout(now_ns), or None

A request is checked in this order: session id, legal sequence, agreed service and control mode, values. A refusal is a
complete response of the paired type and ends the session. How a request is heard is in `hearing.py`, how it is answered
in `stepping.py`, and the charge loop in `secc_loop.py`.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from protocol.iso20.answers import Answer, SECCSettings
from protocol.iso20.checks import breach
from protocol.iso20.codes import ChargingSession, EVSENotification, ResponseCode
from protocol.iso20.common import (
    Request,
    SessionStopReq,
    SessionStopRes,
    SupportedAppProtocolReq,
    SupportedAppProtocolRes,
)
from protocol.iso20.dc import DynamicDCCLResControlMode
from protocol.iso20.errors import LocalProtocolError, RemoteProtocolError
from protocol.iso20.hearing import hear
from protocol.iso20.loop import MeterInfo
from protocol.iso20.profiles import Profile, Schedule
from protocol.iso20.ratings import EVSERatings
from protocol.iso20.refusals import refuse
from protocol.iso20.said import Said
from protocol.iso20.secc_loop import (
    NO_TERMS,
    AnsweringTerms,
    answer_ac,
    answer_dc,
    answer_turn,
    answering_terms,
    hear_turn,
)
from protocol.iso20.sequence import RESPONSES, SETUP, State, Table
from protocol.iso20.services import Agreed, Variant
from protocol.iso20.session import EndReason, Session, Suspended
from protocol.iso20.stepping import answer_step
from protocol.schema import ComplexType
from protocol.values import unsayable

__all__ = ["SECC", "Answer", "EVSERatings", "SECCSettings", "Said"]

_CHARGE_LOOP: Final = State.CHARGE_LOOP  # a member costs 70 ns when it is looked up in its class, and 5 ns here


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
    evse_id : as SessionSetupRes says; new_session_id : gives the id of the next session
    evcc_id : as SessionSetupReq said
    namespace : of the protocol chosen
    joins : whether this EV takes up the paused session
    closes_ns : until when the link stays open after the last response, or None
    """

    __slots__ = (
        "_app_protocol",
        "_heard",
        "_last_answer",
        "_last_turn",
        "_limits",
        "_limits_mode",
        "_next_state",
        "_ongoing_until_ns",
        "_shown",
        "_sign",
        "_stated",
        "_table",
        "_terms",
        "closes_ns",
        "evcc_id",
        "evse_id",
        "joins",
        "meter_info",
        "meter_owed",
        "namespace",
        "new_session_id",
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

    def __init__(
        self,
        settings: SECCSettings,
        paused: Suspended | None = None,
        evse_id: str = "",
        new_session_id: Callable[[], bytes] | None = None,
    ) -> None:
        """`evse_id` and `new_session_id` are its own where the settings are those of many."""
        super().__init__(settings.timers, settings.epoch_s)
        self.settings = settings
        self.evse_id = evse_id or settings.evse_id
        self.new_session_id = new_session_id or settings.new_session_id
        self.paused = paused  # an earlier session at this station that may be taken up again
        self.service_renegotiation = settings.service_renegotiation
        self.evcc_id = ""
        self.notified: EVSENotification | None = None
        self.pause_notified = False
        self.schedules: tuple[Schedule, ...] = ()
        self.profile: Profile | None = None
        self.meter_info: MeterInfo | None = None
        self.meter_owed = True
        self.pending: ComplexType | None = None
        self.said = Said()
        self.target_w = math.nan
        self.closes_ns: int | None = None
        self.joins = False
        self.namespace = ""
        self._app_protocol: SupportedAppProtocolRes | None = None
        self._shown: Mapping[tuple[int, int], Variant] = {}  # what may be selected; equal ones are shared
        self._ongoing_until_ns: int | None = None
        self._next_state = State.APP_PROTOCOL  # once the pending request is answered and has nothing left to do
        self._sign = -1.0 if settings.discharge_limits_negative else 1.0
        self._table: Table = SETUP
        self._terms: AnsweringTerms = NO_TERMS
        self._heard: ComplexType | None = None  # control mode of the last turn: not read again while it stays the same
        self._last_turn: ComplexType | None = None  # plain, and nothing new in it: to be known again
        self._stated: tuple[Any, ...] = ()  # what the last plain answer was made from: to be given again
        self._last_answer: ComplexType
        self._limits: tuple[float, ...] = ()  # said last in DC, and the control mode that says them
        self._limits_mode: DynamicDCCLResControlMode

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
        if request is self._last_turn and self.pending is None:  # the very same message: there is nothing new in it
            self.said.received_ns = self.said.departure_ns = now_ns
            self.pending = request
            return None
        try:
            if request.__class__ is self._terms.request and self.state is _CHARGE_LOOP and self.pending is None:
                hear_turn(self, request, now_ns)
            elif type(request) in RESPONSES:
                self._forget_turn()
                hear(self, request, now_ns)
            else:
                self._end(EndReason.WRONG_MESSAGE, f"{request.wire_name} is no request")
                return None
        except RemoteProtocolError as error:
            return self._refuse(request, error.response_code, str(error), now_ns)
        self.pending = request
        return None

    def _forget_turn(self) -> None:
        """Something else than turns of the loop: the next turn is heard, and answered, in full."""
        self._heard = self._last_turn = None
        self._stated = ()

    def rest(self) -> None:
        """As for any session; what was heard and said last is let go as well."""
        super().rest()
        self._forget_turn()

    def _foreign(self, request: Request) -> None:
        breach(ResponseCode.FAILED_UNKNOWN_SESSION, f"{request.wire_name} of session {request.header.session_id.hex()}")

    def _refuse(self, request: ComplexType, code: ResponseCode, detail: str, now_ns: int) -> ComplexType:
        """End the session with the least response that says why."""
        response = refuse(request, self._current_header(now_ns), code, self.evse_id)
        self.failed_code = code
        self.closes_ns = now_ns + self.timers.secc_close_ns
        no_protocol = isinstance(request, SupportedAppProtocolReq) and self.state is State.APP_PROTOCOL
        self._end(EndReason.NO_PROTOCOL if no_protocol else EndReason.FAILED, detail)
        return response

    def _after_the_end(self, request: ComplexType, now_ns: int) -> ComplexType | None:
        """While the link closes after a refusal, an EV may still say goodbye; anything else gets no answer."""
        if (
            self.ended is EndReason.FAILED
            and self.closes_ns is not None
            and now_ns < self.closes_ns
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
            if request.__class__ is self._terms.request:
                response = answer_turn(self, answer, now_ns)
            else:
                response = answer_step(self, request, answer, now_ns)
        except LocalProtocolError as error:
            raise LocalProtocolError(f"{error}{unsayable(answer)}") from error
        self.pending = None
        if self.ended is not None:  # that was SessionStopRes
            self.closes_ns = now_ns + self.timers.secc_close_ns
        return response

    @property
    def ongoing_until_ns(self) -> int | None:
        """When the present phase has to be finished, once it has begun; from then on an Ongoing answer is a refusal."""
        return self._ongoing_until_ns

    def answered_again(self, now_ns: int) -> int:
        """The last request came once more and the answer was as Ongoing: only the timer starts anew; its deadline."""
        self.deadline_ns = deadline_ns = now_ns + self.timers.secc_sequence_ns
        return deadline_ns

    answer_ac = answer_ac  # for turns in which there is no more to say than the loop's own numbers
    answer_dc = answer_dc

    # --- the session --------------------------------------------------------------------------------------------------

    def _note(self, kind: EVSENotification | None) -> None:
        """What this response asks of the EV. A pause that is withdrawn, or outranked, may not be taken any more."""
        self.notified = kind
        self.pause_notified = kind is EVSENotification.PAUSE

    def _bind(self, agreed: Agreed) -> None:
        """Service and parameter set are settled; they bind every later message."""
        self._terms = answering_terms(agreed)
        self.agreed = self._terms.agreed  # equal agreements are one object
        self._table = agreed.service.transitions
        self._limits = ()

    def _end(self, reason: EndReason, detail: str) -> None:
        super()._end(reason, detail)
        self.pending = None
