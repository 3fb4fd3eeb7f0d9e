"""How any endpoint is driven: instants in a stated order, and the wait for "an answer or the deadline", written once.

At one instant, first vehicles apply what arrived, then the grid ticks, then stations decide, then vehicles offer;
within each, by entity. The order of construction never matters.
"""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, Protocol, TypeVar

from simpy.events import EventPriority

from cosim.clock import Clock, Recurring

__all__ = [
    "APPLY",
    "DECIDE",
    "GRID",
    "OFFER",
    "REGULATE",
    "Answer",
    "At",
    "Moment",
    "Owner",
    "Recurring",
    "Signal",
    "Timer",
    "place",
    "seldom_collected",
]

Message = TypeVar("Message")

# Ranks among what happens at one instant, lowest first.
APPLY, GRID, REGULATE, DECIDE, OFFER = range(5)

_ENTITY_BITS = 32


def place(rank: int, entity_id: int = 0) -> EventPriority:
    """Priority of an event of `rank` that concerns `entity_id`."""
    return EventPriority(rank << _ENTITY_BITS | entity_id)


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Let the cycle collector look less often: messages, events and vehicles are freed by their last reference anyway.

    A look at a connected pair costs 50 us; who has many of them may spare them (`gc.freeze`) until the end.
    """
    usual = gc.get_threshold()
    gc.set_threshold(1_000_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()


class Moment:
    """What SimPy asks of an event, and no more: without a dictionary of its own it takes a third of the memory.

    A large fleet has ten thousands of them waiting, each far from the next, so their size is what they cost.
    """

    __slots__ = ("_ok", "_value", "callbacks")

    _ok: bool
    _value: Any
    callbacks: Any  # a list while it is to come, None afterwards

    def __init__(self, value: Any = None) -> None:
        self.callbacks = []
        self._value = value
        self._ok = True

    @property
    def value(self) -> Any:
        """What it brings."""
        return self._value


class At(Moment):
    """Happens at `at_ns`, in its place among what happens then: a process waits for it, or a callback gets it."""

    __slots__ = ()

    def __init__(
        self,
        env: Clock,
        at_ns: int,
        priority: EventPriority,
        call: Callable[[Any], Any] | None = None,
        value: Any = None,
    ) -> None:
        self.callbacks = [] if call is None else [call]
        self._value = value
        self._ok = True
        env.put(at_ns, priority, self)


class Signal(Moment):
    """Happens within the event that makes it happen, not after it: who waits goes on at once."""

    __slots__ = ()

    def happen(self) -> None:
        """Wake up whoever waits."""
        callbacks, self.callbacks = self.callbacks, None
        for callback in callbacks:
            callback(self)


class Answer(Generic[Message]):
    """What an EVCC waits for: the station's answer, or None when its own deadline passes first.

    Whoever receives the request either answers with `arrive` or calls `expect` at once, so that silence ends at the
    deadline. `call` gets the instant and the message. It serves one request after the other, each with its
    `deadline_ns`, unless it was once `expected`: then its wake-up at that deadline is still to come. `ahead`, if there
    is one, may be given a message when it is sent, with the instant of its arrival before the deadline; it says whether
    it has heard it.
    """

    __slots__ = ("_arrival", "_env", "_open", "_priority", "ahead", "deadline_ns", "expected")

    def __init__(
        self,
        env: Clock,
        deadline_ns: int,
        priority: EventPriority,
        call: Callable[[int, Message | None], object] | None = None,
    ) -> None:
        self._arrival = Recurring(env, priority, call or _unheard)
        self.ahead: Callable[[Message, int], bool] | None = None
        self._env = env
        self.deadline_ns = deadline_ns
        self._priority = priority
        self.expected = False
        self._open = False  # expected, and neither there nor given up

    def calls(
        self, call: Callable[[int, Message | None], object], ahead: Callable[[Message, int], bool] | None = None
    ) -> None:
        """From the next request on it is this that hears."""
        self._arrival.call = call
        self.ahead = ahead

    def stop(self) -> None:
        """Whatever arrives is heard by nobody."""
        self._arrival.stop()
        self.ahead = None

    def arrive(self, message: Message | None, at_ns: int) -> None:
        """Deliver `message` at `at_ns`; later than the deadline it comes too late and the wait ends with None."""
        in_time = at_ns < self.deadline_ns
        if self.expected:
            if in_time:
                At(self._env, at_ns, self._priority, self._overtake, message)
        elif in_time:
            self._arrival.at(at_ns, message)
        else:
            self._arrival.at(self.deadline_ns, None)

    def expect(self) -> None:
        """End the wait at the deadline if no answer has come by then."""
        if not self.expected:
            self.expected = self._open = True
            self.ahead = None
            At(self._env, self.deadline_ns, self._priority, self._overtake)

    def _overtake(self, moment: Moment) -> None:
        if self._open:
            self._open = False
            self._arrival.at(self._env.now_ns, moment.value)


def _unheard(now_ns: int, message: object) -> None:
    """Nobody waits."""


class Owner(Protocol):
    """Whoever has a timer: says when it runs out, and hears that it has."""

    @property
    def deadline_ns(self) -> int | None:
        """As it stands now, or None."""
        ...

    @property
    def attended(self) -> bool:
        """Whether somebody else arms the timer when it may run out: it need not follow a deadline that moves on."""
        ...

    def silence(self, now_ns: int) -> None:
        """The deadline has passed."""
        ...


class Timer:
    """One lazy wake-up, re-armed from the deadline as it stands when the wake-up comes.

    Events cannot be cancelled, so a deadline that moves on, as it does with every message, costs nothing until the old
    one passes. A deadline that comes nearer, as it does when the loop's short timer follows a long one, needs a wake-up
    of its own; the one it overtakes finds itself outdated.
    """

    __slots__ = ("_asked_ns", "_env", "_owner", "_priority", "wake_ns")

    def __init__(self, env: Clock, priority: EventPriority, owner: Owner) -> None:
        self._env = env
        self._priority = priority
        self._owner: Owner | None = owner
        self.wake_ns: int | None = None  # when the wake-up that counts will come
        self._asked_ns = -1  # the deadline that it was armed for last; one pending may come before

    def arm(self, deadline_ns: int | None) -> None:
        """Make sure that a wake-up is pending, not later than the deadline, if there is one."""
        if deadline_ns is None:
            return
        self._asked_ns = deadline_ns
        if self.wake_ns is None or deadline_ns < self.wake_ns:
            now_ns = self._env.now_ns
            self.wake_ns = deadline_ns if deadline_ns > now_ns else now_ns
            At(self._env, self.wake_ns, self._priority, self._wake, self.wake_ns)

    def stop(self) -> None:
        """For good: a wake-up still to come finds nobody, and holds on to nobody until it does."""
        self.wake_ns = self._owner = None

    def _wake(self, moment: Moment) -> None:
        owner = self._owner
        if owner is None or moment._value != self.wake_ns:
            return
        self.wake_ns = None
        deadline_ns = owner.deadline_ns
        if deadline_ns is not None and deadline_ns <= self._env.now_ns:
            owner.silence(self._env.now_ns)
            deadline_ns = owner.deadline_ns
        if not owner.attended or deadline_ns == self._asked_ns:
            self.arm(deadline_ns)
