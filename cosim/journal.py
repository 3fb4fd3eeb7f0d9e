"""Which messages are written down, and how many of each there were."""

from collections import defaultdict
from typing import Any

from cosim.recorder import Recorder
from cosim.scenario import Record
from protocol.iso20.services import SERVICES
from protocol.schema import ComplexType

LOOP_REQUESTS = frozenset(service.loop_request for service in SERVICES.values())
LOOP_MESSAGES = LOOP_REQUESTS | {service.loop_response for service in SERVICES.values()}
TO_EVSE, TO_EV = 0, 1  # codes of the column `direction`


class Journal:
    """Counts every message; writes those outside the loop, and all of traced vehicles."""

    def __init__(self, section: Record, recorder: Recorder) -> None:
        self.counts: defaultdict[type[ComplexType], int] = defaultdict(int)
        self._table = recorder.messages
        self._all = section.messages == "all"
        self._traced = frozenset(section.trace_evs)

    def sent(self, now_ns: int, ev_id: int, direction: int, message: Any, session_id: bytes) -> None:
        """A message of a vehicle's session leaves its sender. The charging point has the number of the vehicle."""
        kind = type(message)
        self.counts[kind] += 1
        if self._all or kind not in LOOP_MESSAGES or ev_id in self._traced:
            self._write(now_ns, ev_id, direction, message, session_id)

    def _write(self, now_ns: int, ev_id: int, direction: int, message: Any, session_id: bytes) -> None:
        code = self._table.code
        status = getattr(message, "evse_status", None)
        self._table.append(
            now_ns,
            ev_id,
            ev_id,
            code("session_id", session_id.hex().upper()),
            direction,
            code("message", message.wire_name),
            code("response_code", _wire(message, "response_code")),
            code("charge_progress", _wire(message, "charge_progress")),
            code("evse_processing", _wire(message, "evse_processing")),
            code("evse_notification", None if status is None else status.evse_notification.value),
        )


def _wire(message: Any, name: str) -> str | None:
    """The wire spelling of an enumerated element, None where the message has none."""
    element = getattr(message, name, None)
    return None if element is None else element.value
