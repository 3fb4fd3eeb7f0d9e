"""Which messages are written down, and how many of each there were."""

from collections import defaultdict
from enum import Enum
from typing import Any

from cosim.recorder import Recorder
from cosim.scenario import Record
from protocol.iso20.services import SERVICES
from protocol.schema import ComplexType

LOOP_REQUESTS = frozenset(service.loop_request for service in SERVICES.values())
LOOP_MESSAGES = LOOP_REQUESTS | {service.loop_response for service in SERVICES.values()}
TO_EVSE, TO_EV = 0, 1  # codes of the column `direction`
# Enumerated elements that have a column, in its order.
SPELT = ("response_code", "charge_progress", "charging_session", "evse_processing", "evse_notification")


class Journal:
    """Counts every message; writes those outside the loop, and all of traced vehicles."""

    def __init__(self, section: Record, recorder: Recorder) -> None:
        self.counts: defaultdict[type[ComplexType], int] = defaultdict(int)
        self._table = recorder.messages
        self._left_out = frozenset() if section.messages == "all" else LOOP_MESSAGES
        self._traced = frozenset(section.trace_evs)
        self._codes: dict[tuple[Any, ...], tuple[int, ...]] = {}  # what a message says -> its codes in the open part
        self._part = 0

    def in_full(self, ev_id: int) -> bool:
        """Whether the loop messages of a vehicle are written, too; if not, who sends them need only count them."""
        return not self._left_out or ev_id in self._traced

    def sent(self, now_ns: int, ev_id: int, direction: int, message: Any, session_id: bytes) -> None:
        """A message of a vehicle's session leaves its sender. The charging point has the number of the vehicle."""
        kind = message.__class__
        self.counts[kind] += 1
        if kind not in self._left_out or ev_id in self._traced:
            self._write(now_ns, ev_id, direction, message, session_id)

    def _write(self, now_ns: int, ev_id: int, direction: int, message: Any, session_id: bytes) -> None:
        status = getattr(message, "evse_status", None)
        said = (
            message.__class__,
            getattr(message, "response_code", None),
            getattr(message, "charge_progress", None),
            getattr(message, "charging_session", None),
            getattr(message, "evse_processing", None),
            None if status is None else status.evse_notification,
        )
        if self._part != self._table.parts:
            self._part = self._table.parts
            self._codes.clear()
        codes = self._codes.get(said)
        if codes is None:  # few combinations ever occur
            self._codes[said] = codes = self._encoded(*said)
        table = self._table
        session = table.code("session_id", session_id.hex().upper())
        table.append(now_ns, ev_id, ev_id, session, direction, *codes)

    def _encoded(self, kind: type[ComplexType], *elements: Enum | None) -> tuple[int, ...]:
        """The last columns of a row: the message's name, and its enumerated elements by their wire spelling."""
        code = self._table.code
        spelt = [code(column, element and element.value) for column, element in zip(SPELT, elements, strict=True)]
        return (code("message", kind.wire_name), *spelt)
