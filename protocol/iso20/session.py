"""What both ends of a session share: timers, deadlines, the header and the end.

An endpoint never waits and never asks the time. It is told `now_ns`, and `deadline_ns` tells when it wants
`timeout(now_ns)` to be called. A timer is armed at sending and fires in silence: whatever arrives at or after its
deadline finds the session ended.
"""

from enum import Enum
from typing import Final, NamedTuple

from protocol.iso20.codes import ResponseCode
from protocol.iso20.common import Header
from protocol.iso20.sequence import State
from protocol.iso20.services import Agreed
from protocol.schema import maker

__all__ = ["NO_SESSION", "SECOND", "EndReason", "Session", "Suspended", "Timers"]

SECOND: Final = 1_000_000_000  # nanoseconds
NO_SESSION: Final = bytes(8)
_NO_HEADER: Final = Header(session_id=NO_SESSION, time_stamp=0)
_header: Final = maker(Header, "session_id", "time_stamp")


class EndReason(Enum):
    """Why a session is over, as this end sees it."""

    TERMINATED = "terminated"  # SessionStop(Terminate) was answered
    PAUSED = "paused"  # SessionStop(Pause) was answered; `suspended` holds what survives
    ABORTED = "aborted"  # SessionStop(Terminate) while power could flow
    FAILED = "failed"  # a FAILED response was sent or received
    NO_PROTOCOL = "no common protocol"
    WRONG_MESSAGE = "wrong message"  # not the response to our request, or no request at all
    WRONG_SESSION = "wrong session id"
    WRONG_CONTROL_MODE = "wrong control mode"  # a response of another service or mode than agreed
    COMMUNICATION_SETUP_TIMEOUT = "communication setup timeout"
    MESSAGE_TIMEOUT = "message timeout"
    SEQUENCE_TIMEOUT = "sequence timeout"
    ONGOING_TIMEOUT = "ongoing timeout"
    CABLE_CHECK_TIMEOUT = "cable check timeout"
    PRE_CHARGE_TIMEOUT = "pre-charge timeout"
    DISCONNECTED = "disconnected"


class Timers(NamedTuple):
    """Spans in nanoseconds.

    The SECC's budget for a phase lies below the EVCC's, so that a station that is late says so itself. Where a human
    stands at the plug, 175 s and 180 s go into the pair for authorisation.

    Source
    ------
    ISO 15118-20:2022, tables 215 to 218, as read by EcoG-io/iso15118 and OpenChargingCloud; SECC budgets for cable
    check: ISO 15118-2 (38 s), as -20 has no sourced value; SECC ongoing 55 s: EVerest libiso15118; SECC pre-charge
    9 s: assumed, below the EVCC's 10 s (ISO 15118-2 has 5 s of 7 s).
    """

    message_ns: int = 2 * SECOND
    service_detail_ns: int = 5 * SECOND
    charge_loop_ns: int = SECOND // 2
    communication_setup_ns: int = 20 * SECOND
    authorization_ns: int = 60 * SECOND
    ongoing_ns: int = 60 * SECOND  # schedule exchange and welding detection, each
    cable_check_ns: int = 40 * SECOND
    pre_charge_ns: int = 10 * SECOND
    secc_sequence_ns: int = 60 * SECOND
    secc_loop_sequence_ns: int = SECOND // 2  # after a response of the charge loop; deployed stacks wait 60 s
    secc_authorization_ns: int = 55 * SECOND
    secc_ongoing_ns: int = 55 * SECOND
    secc_cable_check_ns: int = 38 * SECOND
    secc_pre_charge_ns: int = 9 * SECOND
    secc_close_ns: int = 5 * SECOND  # the link stays open after SessionStopRes or FAILED (V2G20-1633, -1643)


class Suspended(NamedTuple):
    """What both ends keep of a paused session: with it the EV comes back without being authorised again."""

    session_id: bytes
    evcc_id: str  # a session id alone proves nothing: it is sent in the clear
    agreed: Agreed
    service_renegotiation: bool  # constant for the session (V2G20-1932)


class Session:
    """State and deadlines of one end.

    Attributes
    ----------
    state : State
        What the SECC waits for and the EVCC sends next.
    session_id : bytes
        Eight bytes; zero before SessionSetupRes.
    agreed : Agreed or None
        Service and control mode, from ServiceSelection on.
    energised : bool
        Power may flow: from the answer to PowerDelivery(Start) to that to PowerDelivery(Stop), or the end.
    suspended : Suspended or None
        What survives, once the session was paused.
    service_renegotiation : bool
        What ServiceDiscoveryRes said about it.
    ended : EndReason or None
        Why the session is over; final. `detail` says it in words, `failed_code` is the FAILED code sent or received.
    deadline_ns : int or None
        When to call `timeout`.
    """

    __slots__ = (
        "_budget_ns",
        "_budget_reason",
        "_epoch_s",
        "_header",
        "_header_until_ns",
        "_timer_reason",
        "agreed",
        "deadline_ns",
        "detail",
        "ended",
        "energised",
        "failed_code",
        "service_renegotiation",
        "session_id",
        "state",
        "suspended",
        "timers",
    )

    def __init__(self, timers: Timers, epoch_s: int) -> None:
        self.timers = timers
        self.state = State.APP_PROTOCOL
        self.session_id = NO_SESSION
        self.agreed: Agreed | None = None
        self.energised = False
        self.suspended: Suspended | None = None
        self.service_renegotiation = False
        self.ended: EndReason | None = None
        self.detail = ""
        self.failed_code: ResponseCode | None = None
        self.deadline_ns: int | None = None
        self._timer_reason = EndReason.MESSAGE_TIMEOUT
        self._budget_reason: EndReason | None = None
        self._budget_ns = 0
        self._epoch_s = epoch_s
        self._header = _NO_HEADER
        self._header_until_ns = -1

    def timeout(self, now_ns: int) -> EndReason | None:
        """End the session if a timer has run out; returns the reason if one has, now or earlier."""
        if self.deadline_ns is not None and now_ns >= self.deadline_ns:
            budget = self._budget_reason
            reason = budget if budget is not None and self.deadline_ns == self._budget_ns else self._timer_reason
            self._end(reason, f"{reason.value} in {self.state.name}")
        return self.ended

    def disconnect(self, detail: str = "") -> None:
        """The link is gone: end the session, unless it has ended already."""
        if self.ended is None:
            self._end(EndReason.DISCONNECTED, detail)

    def clock_s(self, now_ns: int) -> int:
        """Unix time by this end's own clock, in whole seconds: what its time stamps say."""
        return self._epoch_s + now_ns // SECOND

    def skew(self, seconds: int) -> None:
        """Put this end's clock ahead: its time stamps, and the anchors it counts from, follow."""
        self._epoch_s += seconds
        self._header_until_ns = -1

    def rest(self) -> None:
        """Nothing is said for a long while: what is made anew with the next message is let go."""
        self._header, self._header_until_ns = _NO_HEADER, -1

    def _end(self, reason: EndReason, detail: str) -> None:
        self.ended = reason
        self.detail = detail
        self.state = State.ENDED
        self.energised = False
        self.deadline_ns = None
        self._budget_reason = None

    def _arm(self, reason: EndReason, span_ns: int, now_ns: int) -> None:
        """Start the timer of one message; a budget that runs out earlier stays in force."""
        self._timer_reason = reason
        at_ns = now_ns + span_ns
        self.deadline_ns = self._budget_ns if self._budget_reason is not None and self._budget_ns < at_ns else at_ns

    def _disarm(self) -> None:
        """Stop the timer of the message; only a budget is left."""
        self.deadline_ns = self._budget_ns if self._budget_reason is not None else None

    def _current_header(self, now_ns: int) -> Header:
        """The header of a message made now. One object serves as long as session id and second stay the same.

        In the loop, where the session id is settled, both ends look at `_header_until_ns` themselves.
        """
        header = self._header
        if now_ns >= self._header_until_ns or header.session_id is not self.session_id:
            second = now_ns // SECOND
            self._header = header = _header(self.session_id, self._epoch_s + second)
            self._header_until_ns = (second + 1) * SECOND
        return header
