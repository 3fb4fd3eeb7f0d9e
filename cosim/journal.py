"""Which messages are written down, and how many of each there were."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from enum import Enum
from functools import cache
from operator import attrgetter
from typing import Any

from cosim.recorder import Recorder
from cosim.scenario import Record
from protocol.iso20.sequence import RESPONSES
from protocol.iso20.services import SERVICES
from protocol.schema import ComplexType

LOOP_REQUESTS = frozenset(service.loop_request for service in SERVICES.values())
LOOP_MESSAGES = LOOP_REQUESTS | {service.loop_response for service in SERVICES.values()}
MESSAGES = frozenset({*RESPONSES, *RESPONSES.values()})
_LEFT_OUT: Mapping[str, frozenset[type[ComplexType]]] = {
    "none": MESSAGES,
    "session": LOOP_MESSAGES,
    "all": frozenset(),
}
TO_EVSE, TO_EV = 0, 1  # codes of the column `direction`
# Enumerated elements that have a column, in its order; the last one stands in EVSEStatus.
SPELT = ("response_code", "charge_progress", "charging_session", "evse_processing")
COLUMNS = (*SPELT, "evse_notification")


class Journal:
    """Counts every message; writes those outside the loop, and all of traced vehicles."""

    def __init__(self, section: Record, recorder: Recorder) -> None:
        self.counts: defaultdict[type[ComplexType], int] = defaultdict(int)
        self._table = recorder.messages
        self._left_out = _LEFT_OUT[section.messages]  # unless the vehicle is traced
        self._traced = frozenset(section.trace_evs)
        # Codes in the open part: of what a message says (few combinations ever occur), and of each session.
        self._codes: dict[tuple[Any, ...], tuple[int, ...]] = {}
        self._sessions: dict[bytes, int] = {}
        self._part = 0

    def in_full(self, ev_id: int) -> bool:
        """Whether the loop messages of a vehicle are written, too; if not, who sends them need only count them."""
        return not self._left_out or ev_id in self._traced

    def is_silent(self, ev_id: int) -> bool:
        """Whether no message of a vehicle is written: who sends them need only count them."""
        return self._left_out is MESSAGES and ev_id not in self._traced

    def passed(self, request: Any, exchanges: int) -> None:
        """Requests of this class, and their responses, went as those before and are not written."""
        self.counts[request] += exchanges
        self.counts[RESPONSES[request]] += exchanges

    def sent(self, now_ns: int, ev_id: int, direction: int, message: Any, session_id: bytes) -> None:
        """A message of a vehicle's session leaves its sender. The charging point has the number of the vehicle."""
        kind = message.__class__
        self.counts[kind] += 1
        if kind in self._left_out and ev_id not in self._traced:
            return
        table = self._table
        if self._part != table.parts:
            self._part = table.parts
            self._codes.clear()
            self._sessions.clear()
        said = (kind, spoken(kind)(message))
        codes = self._codes.get(said)
        if codes is None:
            self._codes[said] = codes = self._encoded(kind, message)
        session = self._sessions.get(session_id)
        if session is None:
            self._sessions[session_id] = session = table.code("session_id", session_id.hex().upper())
        table.append(now_ns, ev_id, ev_id, session, direction, *codes)

    def _encoded(self, kind: type[ComplexType], message: Any) -> tuple[int, ...]:
        """The last columns of a row: the message's name, and its enumerated elements by their wire spelling."""
        code, status = self._table.code, getattr(message, "evse_status", None)
        elements: list[Enum | None] = [getattr(message, element, None) for element in SPELT]
        elements.append(status and status.evse_notification)
        spelt = [code(column, element and element.value) for column, element in zip(COLUMNS, elements, strict=True)]
        return (code("message", kind.wire_name), *spelt)


def _nothing(_: Any) -> None:
    """What a message says that has no enumerated element."""


@cache
def spoken(kind: type[ComplexType]) -> Callable[[Any], Any]:
    """What reads the enumerated elements of a message of this kind, as one value; a status counts by what it asks."""
    fields = {particle.field for particle in kind.particles}
    names = [name for name in SPELT if name in fields]
    read: Callable[[Any], Any] = attrgetter(*names) if names else _nothing
    if "evse_status" not in fields:
        return read

    def with_status(message: Any) -> Any:
        status = message.evse_status
        return read(message), status and status.evse_notification

    return with_status
