"""The line between EVCC and SECC: a delay each way. A lost segment is a retransmission, not a vanished message."""

import math
from array import array
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from cosim.scenario import Link as LinkSection
from cosim.scenario import to_ns
from models.draws import ahead, stream_key, uniform, uniforms_of

Ways = list["array[int]"]  # delays [ns] of requests and of responses, by number
_THERE, _BACK = _BOTH = 0, 1  # directions: requests and responses


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
        self._keys = (stream_key(seed, "link.request"), stream_key(seed, "link.response"))
        self._loss_key = stream_key(seed, "link.loss")
        self._shortest_ns = to_ns(section.delay_s)
        self._jitter_ns = to_ns(section.jitter_s)
        self._loss = section.loss
        self._retransmission_ns = to_ns(section.retransmission_s)
        self._further_ns = np.array([to_ns(processing_s), 0]).reshape(2, 1, 1)
        self._foreseen: dict[int, Ways] = {}

    def line(self, ev_id: int, long: bool, requests: int = 0, responses: int = 0) -> "Line | ShortLine":
        """The line of one pair that has sent so many messages.

        `long`: it will carry many more, one after the other, so delays are drawn many at a time.
        """
        if long:
            return Line(
                ahead(partial(self.requests_ns, ev_id), requests + 1),
                ahead(partial(self.responses_ns, ev_id), responses + 1),
            )
        return ShortLine(self, ev_id)

    def requests_ns(self, ev_id: int, first: int, count: int) -> "array[int]":
        """From a request sent to the station's decision on it [ns], line and processing: `count` from `first` on."""
        return self._ways_ns((_THERE,), (ev_id,), first, count)[0][0]

    def responses_ns(self, ev_id: int, first: int, count: int) -> "array[int]":
        """From a response sent to its arrival at the vehicle [ns]."""
        return self._ways_ns((_BACK,), (ev_id,), first, count)[0][0]

    def exchanges_ns(self, ev_id: int, first: int, count: int) -> "Ways":
        """Both of them, drawn together."""
        foreseen = self._foreseen.pop(ev_id, None) if first == 0 else None
        return foreseen or self._ways_ns(_BOTH, (ev_id,), first, count)[0]

    def foresee(self, ev_ids: Sequence[int]) -> None:
        """Draw the first exchanges of these vehicles, which will soon be there: together it is ten times as quick."""
        self._foreseen = dict(zip(ev_ids, self._ways_ns(_BOTH, ev_ids, 0, ShortLine.COUNT), strict=True))

    def _ways_ns(self, directions: tuple[int, ...], ev_ids: Sequence[int], first: int, count: int) -> "list[Ways]":
        """Delays of the line, and what processing and retransmissions add: by vehicle, then by direction."""
        drawn = uniforms_of([self._keys[direction] for direction in directions], ev_ids, first, count)
        ways_ns = (self._shortest_ns + np.floor(self._jitter_ns * drawn)).astype(np.int64)
        ways_ns += self._further_ns[list(directions)]
        found = [[array("q", way_ns.tobytes()) for way_ns in by_vehicle] for by_vehicle in ways_ns.swapaxes(0, 1)]
        if self._loss > 0.0:
            for ev_id, ways in zip(ev_ids, found, strict=True):
                for direction, way_ns in zip(directions, ways, strict=True):
                    for index in range(count):  # segments are numbered across both directions
                        way_ns[index] += self._lost_ns(ev_id, 2 * (first + index) + direction)
        return found

    def _lost_ns(self, ev_id: int, segment: int) -> int:
        return self._retransmission_ns * losses(self._loss, uniform(self._loss_key, ev_id, segment))


class Line:
    """The line of one pair: delays of requests and responses [ns] by the number of the message."""

    __slots__ = ("request_ns", "response_ns")

    troubled = False  # by a fault

    def __init__(self, request_ns: Callable[[int], int], response_ns: Callable[[int], int]) -> None:
        self.request_ns = request_ns
        self.response_ns = response_ns

    def rest(self) -> None:
        """Nothing is sent for a while: it keeps what is drawn."""


class ShortLine:
    """The same for few messages: a fleet in the compiled lane has as many lines as vehicles, so they are small.

    Set-up and tear-down take a few exchanges each, so delays both ways are drawn for some exchanges at a time.
    """

    __slots__ = ("_block", "_ev_id", "_lines", "_requests_ns", "_responses_ns")

    troubled = False

    BITS = 5  # of a number within its block: drawing 32 exchanges costs as much as four, one by one
    COUNT = 1 << BITS

    def __init__(self, lines: Lines, ev_id: int) -> None:
        self._lines = lines
        self._ev_id = ev_id
        self.rest()

    def request_ns(self, number: int) -> int:
        """From a request sent to the station's decision on it [ns]."""
        if number >> self.BITS != self._block:
            self._draw(number)
        return self._requests_ns[number & (self.COUNT - 1)]

    def response_ns(self, number: int) -> int:
        """From a response sent to its arrival at the vehicle [ns]."""
        if number >> self.BITS != self._block:
            self._draw(number)
        return self._responses_ns[number & (self.COUNT - 1)]

    def rest(self) -> None:
        """Nothing is sent for a long while: what was drawn is let go."""
        self._block = -1
        self._requests_ns = self._responses_ns = _NOTHING_DRAWN

    def _draw(self, number: int) -> None:
        self._block = number >> self.BITS
        first = number & ~(self.COUNT - 1)
        self._requests_ns, self._responses_ns = self._lines.exchanges_ns(self._ev_id, first, self.COUNT)


_NOTHING_DRAWN = array("q")
