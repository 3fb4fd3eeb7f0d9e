"""The clock's slots change the order of nothing: an instant, a priority and the order of scheduling decide alone."""

import random
from typing import Any

import pytest
from simpy import Environment

from cosim.clock import Clock
from cosim.driver import At, place

FAR_NS = 3_600_000_000_000


def played(env: Environment, at: Any, seed: int) -> list[tuple[int, int]]:
    """Moments that make further ones, near and far, some at one instant; beside them a process of SimPy's own."""
    draws = random.Random(seed)
    seen: list[tuple[int, int]] = []

    def happen(name: int) -> None:
        seen.append((int(env.now), name))
        for _ in range(draws.choice((0, 1, 1, 2)) if len(seen) < 3_000 else 0):
            gap_ns = draws.choice((0, 1, 999, 5_000_000, 17_000_000 + draws.randrange(100), 200_000_000, FAR_NS))
            child = draws.randrange(50)
            at(int(env.now) + gap_ns, draws.randrange(3), child, happen)

    def ticks() -> Any:
        for _ in range(200):
            yield env.timeout(3_000_000)
            seen.append((int(env.now), -1))

    for name in range(40):
        at(draws.randrange(300_000_000), draws.randrange(3), name, happen)
    env.process(ticks())
    env.run()
    return seen


def on_heap(env: Environment) -> Any:
    """Schedules as SimPy does, with everything on its heap."""

    def at(at_ns: int, priority: int, name: int, happen: Any) -> None:
        event = env.event()
        event._ok, event._value = True, None
        assert event.callbacks is not None
        event.callbacks.append(lambda _: happen(name))
        env.schedule(event, place(priority), at_ns - env.now)  # type: ignore[arg-type]

    return at


def in_slots(env: Clock) -> Any:
    return lambda at_ns, priority, name, happen: At(env, at_ns, place(priority), lambda _: happen(name))


@pytest.mark.parametrize("events_per_s", [1.0, 300.0, 20_000.0, 1e9], ids=["one slot", "wide", "narrow", "16 ns"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_slots_keep_the_order_of_simpys_heap(seed: int, events_per_s: float) -> None:
    heap, slots = Environment(), Clock(events_per_s)
    expected = played(heap, on_heap(heap), seed)
    assert len(expected) > 2_000
    assert played(slots, in_slots(slots), seed) == expected


def test_the_time_of_the_next_event_is_never_behind_the_clock() -> None:
    env = Clock(20_000.0)
    seen: list[int] = []
    At(env, 500_000_123, place(0), lambda _: seen.append(env.now_ns))
    while env.peek() != float("inf"):
        before_ns, next_ns = env.now_ns, env.peek()
        assert before_ns <= next_ns <= 500_000_123  # a slot's beginning may come first
        env.step()
    assert seen == [500_000_123]


def test_one_far_event_does_not_fill_the_heap_while_near_ones_come_and_go() -> None:
    env = Clock(20_000.0)
    lengths: list[int] = []

    def tick(moment: Any) -> None:
        lengths.append(len(env._queue))
        if len(lengths) < 2_000:
            At(env, env.now_ns + 1_000_000_000, place(0), tick)

    At(env, 0, place(0), tick)
    far = At(env, 1_000 * FAR_NS, place(0), lambda _: None)
    env.run(until=10 * FAR_NS)
    assert len(lengths) == 2_000
    assert max(lengths) < 5
    assert far.callbacks is not None
