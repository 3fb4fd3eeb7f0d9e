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
_THERE, _BACK = 0, 1  # directions: requests and responses
_NOTHING: Ways = [array("q"), array("q")]
SET_UP = 48  # exchanges that a set-up may take


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
        self._further_ns = (to_ns(processing_s), 0)
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

    def request_ns(self, ev_id: int, number: int) -> int:
        """From a request sent to the station's decision on it [ns]: line and processing."""
        return self._way_ns(_THERE, ev_id, number)

    def response_ns(self, ev_id: int, number: int) -> int:
        """From a response sent to its arrival at the vehicle [ns]."""
        return self._way_ns(_BACK, ev_id, number)

    def requests_ns(self, ev_id: int, first: int, count: int) -> "array[int]":
        """The same of `count` requests from number `first` on."""
        return self._ways_ns((_THERE,), (ev_id,), first, count)[0][0]

    def responses_ns(self, ev_id: int, first: int, count: int) -> "array[int]":
        """The same of `count` responses."""
        return self._ways_ns((_BACK,), (ev_id,), first, count)[0][0]

    def foresee(self, ev_ids: Sequence[int]) -> None:
        """Draw what these vehicles need for their set-up, before they come: together it costs a tenth."""
        self._foreseen = dict(zip(ev_ids, self._ways_ns((_THERE, _BACK), ev_ids, 0, SET_UP), strict=True))

    def foreseen(self, ev_id: int) -> "Ways":
        """Delays of a vehicle's first requests and responses, if they have been drawn; to be had once."""
        return self._foreseen.pop(ev_id, _NOTHING)

    def _way_ns(self, direction: int, ev_id: int, number: int) -> int:
        draw = uniform(self._keys[direction], ev_id, number)
        way_ns = delay_ns(self._shortest_ns, self._jitter_ns, draw) + self._further_ns[direction]
        return way_ns + self._lost_ns(ev_id, 2 * number + direction) if self._loss > 0.0 else way_ns

    def _ways_ns(self, directions: tuple[int, ...], ev_ids: Sequence[int], first: int, count: int) -> "list[Ways]":
        """Delays of the line, and what processing and retransmissions add: by vehicle, then by direction."""
        drawn = uniforms_of([self._keys[direction] for direction in directions], ev_ids, first, count)
        ways_ns = (self._shortest_ns + np.floor(self._jitter_ns * drawn)).astype(np.int64)
        further_ns = [self._further_ns[direction] for direction in directions]
        ways_ns += np.array(further_ns)[:, np.newaxis, np.newaxis]
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

    Delays of set-up are drawn before the vehicle comes, see `Lines.foresee`; those of later messages one by one.
    """

    __slots__ = ("_ev_id", "_lines", "_requests_ns", "_responses_ns")

    troubled = False

    def __init__(self, lines: Lines, ev_id: int) -> None:
        self._lines = lines
        self._ev_id = ev_id
        self._requests_ns, self._responses_ns = lines.foreseen(ev_id)

    def request_ns(self, number: int) -> int:
        """From a request sent to the station's decision on it [ns]."""
        drawn_ns = self._requests_ns
        return drawn_ns[number] if number < len(drawn_ns) else self._lines.request_ns(self._ev_id, number)

    def response_ns(self, number: int) -> int:
        """From a response sent to its arrival at the vehicle [ns]."""
        drawn_ns = self._responses_ns
        return drawn_ns[number] if number < len(drawn_ns) else self._lines.response_ns(self._ev_id, number)

    def rest(self) -> None:
        """The vehicle is set up: what was drawn for that is let go."""
        self._requests_ns, self._responses_ns = _NOTHING
