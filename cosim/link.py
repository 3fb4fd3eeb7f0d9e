"""The line between EVCC and SECC: a delay each way. A lost segment is a retransmission, not a vanished message."""

import math

from cosim.scenario import Link as LinkSection
from cosim.scenario import to_ns
from models.draws import stream_key, uniform


def delay_ns(shortest_ns: int, jitter_ns: int, draw: float) -> int:
    """Delay of one message [ns] for an even draw in [0, 1)."""
    return shortest_ns + math.floor(jitter_ns * draw)


def losses(loss: float, draw: float) -> int:
    """How often a segment is lost in a row before it gets through, for an even draw in [0, 1); at most 8."""
    count = 0
    chance = loss
    while draw < chance and count < 8:
        count += 1
        chance *= loss
    return count


class Lines:
    """All lines of a run. Draws depend on seed, direction, vehicle and message number only."""

    def __init__(self, section: LinkSection, seed: int, processing_s: float) -> None:
        self._request_key = stream_key(seed, "link.request")
        self._response_key = stream_key(seed, "link.response")
        self._loss_key = stream_key(seed, "link.loss")
        self._shortest_ns = to_ns(section.delay_s)
        self._jitter_ns = to_ns(section.jitter_s)
        self._loss = section.loss
        self._retransmission_ns = to_ns(section.retransmission_s)
        self._processing_ns = to_ns(processing_s)

    def request_ns(self, ev_id: int, number: int) -> int:
        """From a request sent to the station's decision on it [ns]: line and processing."""
        line_ns = delay_ns(self._shortest_ns, self._jitter_ns, uniform(self._request_key, ev_id, number))
        if self._loss > 0.0:
            line_ns += self._late_ns(ev_id, 2 * number)
        return line_ns + self._processing_ns

    def response_ns(self, ev_id: int, number: int) -> int:
        """From a response sent to its arrival at the vehicle [ns]."""
        line_ns = delay_ns(self._shortest_ns, self._jitter_ns, uniform(self._response_key, ev_id, number))
        if self._loss > 0.0:
            line_ns += self._late_ns(ev_id, 2 * number + 1)
        return line_ns

    def _late_ns(self, ev_id: int, segment: int) -> int:
        """What retransmissions add."""
        return self._retransmission_ns * losses(self._loss, uniform(self._loss_key, ev_id, segment))
