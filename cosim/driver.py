"""How any endpoint is driven: instants in a stated order, and the wait for "an answer or the deadline", written once.

At one instant, first vehicles apply what arrived, then the grid ticks, then stations decide, then vehicles offer;
within each, by entity. The order of construction never matters.
"""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from heapq import heappop, heappush
from typing import Any, Generic, TypeVar

from simpy import Environment, Event
from simpy.core import StopSimulation
from simpy.events import EventPriority

Message = TypeVar("Message")

# Ranks among what happens at one instant, lowest first.
APPLY, GRID, DECIDE, OFFER = range(4)

_ENTITY_BITS = 32


def place(rank: int, entity_id: int = 0) -> EventPriority:
    """Priority of an event of `rank` that concerns `entity_id`."""
    return EventPriority(rank << _ENTITY_BITS | entity_id)


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Let the cycle collector look less often: messages and events are freed by their last reference anyway."""
    usual = gc.get_threshold()
    gc.set_threshold(100_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*usual)


class Clock(Environment):
    """The SimPy environment whose time is a whole number of nanoseconds."""

    @property
    def now_ns(self) -> int:
        """Simulated time since the start of the run."""
        return self._now  # type: ignore[return-value]  # only whole delays are ever scheduled here

    def run(self, until: Any = None) -> Any:
        """As in SimPy. Up to an event, after which nothing is resumed, the step is written out: it has no more to do
        than a call costs.
        """
        if not isinstance(until, Event) or until.callbacks is None:
            return super().run(until)
        until.callbacks.append(StopSimulation.callback)
        queue = self._queue
        try:
            while queue:
                self._now, _, _, event = heappop(queue)
                callbacks, event.callbacks = event.callbacks, None  # type: ignore[assignment]  # as SimPy marks it
                for callback in callbacks:
                    callback(event)
                if not event._ok and not hasattr(event, "_defused"):
                    raise event._value
        except StopSimulation as stop:
            return stop.args[0]
        raise RuntimeError("nothing is left to happen, and the end has not come")


class At(Event):
    """Happens at `at_ns`, in its place among what happens then: a process waits for it, or a callback gets it."""

    def __init__(
        self,
        env: Clock,
        at_ns: int,
        priority: EventPriority,
        call: Callable[[Any], Any] | None = None,
        value: Any = None,
    ) -> None:
        self.env = env
        self.callbacks = [] if call is None else [call]
        self._value = value
        self._ok = True
        heappush(env._queue, (at_ns, priority, next(env._eid), self))  # what `schedule` does with a delay


class Answer(Event, Generic[Message]):
    """What an EVCC waits for: the station's answer, or None when its own deadline passes first.

    Whoever receives the request either answers with `arrive` or calls `expect` at once, so that silence ends at the
    deadline.
    """

    env: Clock

    def __init__(self, env: Clock, deadline_ns: int, priority: EventPriority) -> None:
        self.env = env
        self.callbacks = []
        self.deadline_ns = deadline_ns
        self._priority = priority
        self._expected = False

    def arrive(self, message: Message | None, at_ns: int) -> None:
        """Deliver `message` at `at_ns`; later than the deadline it comes too late and the wait ends with None."""
        if self._expected:
            if at_ns < self.deadline_ns:
                At(self.env, at_ns, self._priority, self._overtake, message)
            return
        self._ok = True
        deadline_ns, env = self.deadline_ns, self.env
        if at_ns < deadline_ns:
            self._value = message
        else:
            self._value, at_ns = None, deadline_ns
        heappush(env._queue, (at_ns, self._priority, next(env._eid), self))

    def expect(self) -> None:
        """End the wait at the deadline if no answer has come by then."""
        if not self._expected:
            self._expected = True
            At(self.env, self.deadline_ns, self._priority, self._overtake)

    def _overtake(self, event: Event) -> None:
        if not self.triggered:
            self._ok = True
            self._value = event.value
            self.env.schedule(self, self._priority)


class Timer:
    """One lazy wake-up, re-armed from the deadline as it stands when the wake-up comes.

    Events cannot be cancelled, so a deadline that moves on, as it does with every message, costs nothing until the old
    one passes. A deadline that comes nearer, as it does when the loop's short timer follows a long one, needs a wake-up
    of its own; the one it overtakes finds itself outdated.
    """

    def __init__(
        self,
        env: Clock,
        priority: EventPriority,
        deadline: Callable[[], int | None],
        expire: Callable[[int], None],
    ) -> None:
        self._env = env
        self._priority = priority
        self._deadline = deadline
        self._expire = expire
        self.wake_ns: int | None = None  # when the wake-up that counts will come

    def arm(self, deadline_ns: int | None) -> None:
        """Make sure that a wake-up is pending, not later than the deadline, if there is one."""
        if deadline_ns is not None and (self.wake_ns is None or deadline_ns < self.wake_ns):
            self.wake_ns = max(deadline_ns, self._env.now_ns)
            At(self._env, self.wake_ns, self._priority, self._wake, self.wake_ns)

    def _wake(self, event: Event) -> None:
        if event.value != self.wake_ns:
            return
        self.wake_ns = None
        deadline_ns = self._deadline()
        if deadline_ns is not None and deadline_ns <= self._env.now_ns:
            self._expire(self._env.now_ns)
        self.arm(self._deadline())
