"""The clock of a run: SimPy's, in whole nanoseconds, with what is far off kept apart from what comes next.

A heap of a large fleet costs more than what happens in it: twenty comparisons per event, most of them of entries that
lie far apart in memory. So only what comes next is on SimPy's heap. The rest waits unsorted in slots of time, and gets
onto the heap when its slot begins. Order is that of the heap alone: instant, priority, order of scheduling.

Source: R. Brown, "Calendar queues: a fast O(1) priority queue implementation for the simulation event set problem",
Communications of the ACM 31 (10), 1988; here each slot is sorted by a heap.
"""

import math
from collections.abc import Callable
from functools import partial
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Any, Final

from simpy import Environment, Event
from simpy.core import EmptySchedule, StopSimulation
from simpy.events import EventPriority

Entry = tuple[int, EventPriority, int, Any]  # instant, priority, order of scheduling, and what happens

_FIRST: Final = EventPriority(-1)  # at an instant: a slot begins before anything in it happens
_PER_SLOT: Final = 32  # entries of a slot, about: few enough to sort quickly, enough to pay for its beginning


class Slots(dict[int, Callable[[Entry], object]]):
    """Number of a slot -> how an entry gets into it: onto the heap while it is open, else onto its list.

    A slot is open from its beginning on; entries for one that is past cannot come.
    """

    __slots__ = ("_awaited", "_beginning", "_bits", "_clock", "_lists", "_numbers", "_onto_heap", "_opened", "_serial")

    def __init__(self, clock: "Clock", bits: int) -> None:
        super().__init__()
        self._clock = clock
        self._bits = bits
        self._onto_heap = partial(heappush, clock._queue)
        self._opened = -1
        self._lists: dict[int, list[Entry]] = {}
        self._numbers: list[int] = []  # of the lists, as a heap
        self._awaited: set[int] = set()  # those whose beginning is on the clock's heap
        self._serial = count()
        self._beginning = Recurring(clock, _FIRST, self._begin)  # of any slot: the instant says of which

    def __missing__(self, number: int) -> Callable[[Entry], object]:
        if number << self._bits <= self._clock._now:
            return self._open(number)
        entries: list[Entry] = []
        self._lists[number] = entries
        self[number] = put = entries.append
        heappush(self._numbers, number)
        if self._numbers[0] == number:
            self._await(number)
        return put

    def _open(self, number: int) -> Callable[[Entry], object]:
        self.pop(self._opened, None)
        self._opened = number
        self[number] = self._onto_heap
        return self._onto_heap

    def _await(self, number: int) -> None:
        """See to it that a slot opens when it begins: once, though nearer ones may come before it again and again."""
        if number in self._awaited:
            return
        self._awaited.add(number)
        heappush(self._clock._queue, (number << self._bits, _FIRST, next(self._serial), self._beginning))

    def _begin(self, now_ns: int, _: object) -> None:
        number = now_ns >> self._bits
        self._awaited.remove(number)
        queue = self._clock._queue
        queue += self._lists.pop(number)
        heapify(queue)
        heappop(self._numbers)
        self._open(number)
        if self._numbers:
            self._await(self._numbers[0])


class Clock(Environment):
    """The SimPy environment whose time is a whole number of nanoseconds.

    `events_per_s`: about how many are expected per simulated second; it sets the width of a slot, and no result.
    """

    _now: int
    _queue: list[Entry]  # type: ignore[assignment]  # SimPy's own events, and moments

    def __init__(self, events_per_s: float = 1_000.0) -> None:
        super().__init__()
        self.now_ns = 0  # simulated time since the start of the run; whole, as only whole delays are scheduled here
        self.slot_bits = max(0, round(math.log2(_PER_SLOT * 1e9 / max(events_per_s, 1.0))))
        self.slots = Slots(self, self.slot_bits)
        self.alone_until_ns = 0  # somebody runs ahead until then; 0: nobody does
        self.following: tuple[int, EventPriority, Any] | None = None  # what comes next of who runs ahead

    def put(self, at_ns: int, priority: EventPriority, event: Any) -> None:
        """Let `event` happen at `at_ns`: what SimPy's `schedule` does with a delay. Nobody runs ahead of it."""
        if at_ns < self.alone_until_ns:
            self.alone_until_ns = at_ns
        self.slots[at_ns >> self.slot_bits]((at_ns, priority, next(self._eid), event))

    def follow(self, at_ns: int, priority: EventPriority, event: Any) -> None:
        """As `put`, but who runs ahead takes it along."""
        if at_ns < self.alone_until_ns:
            assert self.following is None, "who runs ahead does one thing at a time"
            self.following = (at_ns, priority, event)
        else:
            self.slots[at_ns >> self.slot_bits]((at_ns, priority, next(self._eid), event))

    def run_ahead(self, until_ns: int, begin: Callable[[], None]) -> None:
        """Begin, and let follow at once what follows from it before `until_ns`, as long as it is one thing at a time.

        For actors whom nobody can reach before then, and who tell nobody anything: each finds `now_ns` at its instant,
        and the heap is spared. What they `put` on the clock for others, or for later, ends it.
        """
        now_ns, self.alone_until_ns = self.now_ns, until_ns
        begin()
        while (following := self.following) is not None:
            at_ns, priority, event = following
            self.following = None
            if at_ns >= self.alone_until_ns:
                self.put(at_ns, priority, event)
                break
            self.now_ns = at_ns
            if event.__class__ is Recurring:
                event.call(at_ns, event.value)
            else:
                _happen(event, at_ns)
        self.now_ns, self.alone_until_ns = now_ns, 0

    def step(self) -> None:
        """As in SimPy: whatever comes next happens."""
        if not self._queue:
            raise EmptySchedule
        now_ns, _, _, event = heappop(self._queue)
        self._now = self.now_ns = now_ns
        _happen(event, now_ns)

    def run(self, until: Any = None) -> Any:
        """As in SimPy. Up to an event, after which nothing is resumed, the steps are written out: a step has no more to
        do than a call costs.
        """
        if not isinstance(until, Event) or until.callbacks is None:
            return super().run(until)
        until.callbacks.append(StopSimulation.callback)
        queue = self._queue
        try:
            while queue:
                now_ns, _, _, event = heappop(queue)
                self._now = self.now_ns = now_ns
                if event.__class__ is Recurring:  # nearly all are
                    event.call(now_ns, event.value)
                    continue
                callbacks, event.callbacks = event.callbacks, None
                for callback in callbacks:
                    callback(event)
                if not event._ok and not hasattr(event, "_defused"):
                    raise event._value
        except StopSimulation as stop:
            return stop.args[0]
        raise RuntimeError("nothing is left to happen, and the end has not come")


class Recurring:
    """One call that is due again and again, once at a time: put back onto the heap instead of made anew.

    It is no event of SimPy's, which would have callbacks to be looked through and an outcome to be looked at.
    """

    __slots__ = ("_env", "_priority", "call", "value")

    def __init__(self, env: Clock, priority: EventPriority, call: Callable[[int, Any], object]) -> None:
        self._env = env
        self._priority = priority
        self.call = call  # gets the instant in nanoseconds, and the value; may be replaced by another
        self.value: Any = None

    def at(self, at_ns: int, value: Any = None) -> None:
        """Call at `at_ns`, with this value."""
        self.value = value
        env = self._env
        if at_ns < env.alone_until_ns:  # `follow`, written out
            assert env.following is None, "who runs ahead does one thing at a time"
            env.following = (at_ns, self._priority, self)
        else:
            env.slots[at_ns >> env.slot_bits]((at_ns, self._priority, next(env._eid), self))

    def stop(self) -> None:
        """What is due happens to nobody: the call is gone for good."""
        self.call, self.value = _nothing, None


def _happen(event: Any, now_ns: int) -> None:
    """What is due happens."""
    if event.__class__ is Recurring:
        event.call(now_ns, event.value)
        return
    callbacks, event.callbacks = event.callbacks, None
    for callback in callbacks:
        callback(event)
    if not event._ok and not hasattr(event, "_defused"):
        raise event._value


def _nothing(now_ns: int, value: Any) -> None:
    """Nobody is called any more."""
