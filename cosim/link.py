"""The line between EVCC and SECC: a delay each way. A lost segment is a retransmission, not a vanished message."""

import math
from array import array
from collections.abc import Callable
from functools import partial

import numpy as np

from cosim.scenario import Link as LinkSection
from cosim.scenario import to_ns
from models.draws import Ahead, stream_key, uniform, uniforms


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
    """What all lines of a run have in common. Draws depend on seed, direction, vehicle and message number only."""

    def __init__(self, section: LinkSection, seed: int, processing_s: float) -> None:
        self._request_key = stream_key(seed, "link.request")
        self._response_key = stream_key(seed, "link.response")
        self._loss_key = stream_key(seed, "link.loss")
        self._shortest_ns = to_ns(section.delay_s)
        self._jitter_ns = to_ns(section.jitter_s)
        self._loss = section.loss
        self._retransmission_ns = to_ns(section.retransmission_s)
        self._processing_ns = to_ns(processing_s)

    def line(self, ev_id: int, long: bool) -> "Line | ShortLine":
        """The line of one pair; `long`: it will carry many messages, so delays are drawn many at a time."""
        if long:
            requests = Ahead(partial(self.requests_ns, ev_id))
            responses = Ahead(partial(self.responses_ns, ev_id))
            return Line(requests.at, responses.at)
        return ShortLine(self, ev_id)

    def request_ns(self, ev_id: int, number: int) -> int:
        """From a request sent to the station's decision on it [ns]: line and processing."""
        return self._way_ns(ev_id, 2 * number, uniform(self._request_key, ev_id, number)) + self._processing_ns

    def response_ns(self, ev_id: int, number: int) -> int:
        """From a response sent to its arrival at the vehicle [ns]."""
        return self._way_ns(ev_id, 2 * number + 1, uniform(self._response_key, ev_id, number))

    def requests_ns(self, ev_id: int, first: int, count: int) -> "array[int]":
        """The same of `count` requests from number `first` on."""
        return self._ways_ns(self._request_key, ev_id, first, count, 0, self._processing_ns)

    def responses_ns(self, ev_id: int, first: int, count: int) -> "array[int]":
        """The same of `count` responses."""
        return self._ways_ns(self._response_key, ev_id, first, count, 1, 0)

    def _ways_ns(self, key: int, ev_id: int, first: int, count: int, direction: int, further_ns: int) -> "array[int]":
        ways_ns = further_ns + self._shortest_ns + np.floor(self._jitter_ns * uniforms(key, ev_id, first, count))
        found = array("q", ways_ns.astype(np.int64).tobytes())
        if self._loss > 0.0:
            for index in range(count):
                found[index] += self._lost_ns(ev_id, 2 * (first + index) + direction)
        return found

    def _way_ns(self, ev_id: int, segment: int, draw: float) -> int:
        """The line's delay, and what retransmissions add; segments are numbered across both directions."""
        way_ns = delay_ns(self._shortest_ns, self._jitter_ns, draw)
        return way_ns + self._lost_ns(ev_id, segment) if self._loss > 0.0 else way_ns

    def _lost_ns(self, ev_id: int, segment: int) -> int:
        return self._retransmission_ns * losses(self._loss, uniform(self._loss_key, ev_id, segment))


class Line:
    """The line of one pair: delays of requests and responses [ns] by the number of the message."""

    __slots__ = ("request_ns", "response_ns")

    troubled = False  # by a fault

    def __init__(self, request_ns: Callable[[int], int], response_ns: Callable[[int], int]) -> None:
        self.request_ns = request_ns
        self.response_ns = response_ns


class ShortLine:
    """The same for few messages: a fleet in the compiled lane has as many lines as vehicles, so they are small."""

    __slots__ = ("_ev_id", "_lines")

    troubled = False

    def __init__(self, lines: Lines, ev_id: int) -> None:
        self._lines = lines
        self._ev_id = ev_id

    def request_ns(self, number: int) -> int:
        """From a request sent to the station's decision on it [ns]."""
        return self._lines.request_ns(self._ev_id, number)

    def response_ns(self, number: int) -> int:
        """From a response sent to its arrival at the vehicle [ns]."""
        return self._lines.response_ns(self._ev_id, number)
