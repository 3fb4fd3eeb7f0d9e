"""Instants in a stated order, and the wait for an answer or the deadline."""

from collections.abc import Generator
from typing import Any

import pytest

from cosim.clock import Clock
from cosim.driver import APPLY, DECIDE, GRID, OFFER, Answer, At, Moment, Recurring, Signal, Timer, place


def test_at_one_instant_ranks_go_before_entities_and_entities_before_construction() -> None:
    env = Clock()
    seen: list[tuple[int, int]] = []
    for rank, entity in [(OFFER, 1), (DECIDE, 2), (OFFER, 0), (GRID, 0), (APPLY, 7), (DECIDE, 1), (APPLY, 3)]:
        At(env, 100, place(rank, entity), lambda event: seen.append(event.value), (rank, entity))
    env.run()
    assert seen == sorted(seen)
    assert env.now == 100


@pytest.mark.parametrize(
    ("arrives_ns", "heard"),
    [
        pytest.param(499, (499, "yes"), id="in time"),
        pytest.param(500, (500, None), id="at the deadline is too late"),
        pytest.param(800, (500, None), id="late"),
    ],
)
def test_an_answer_counts_only_before_the_deadline(arrives_ns: int, heard: tuple[int, str | None]) -> None:
    env = Clock()
    got: list[tuple[int, str | None]] = []
    answer: Answer[str] = Answer(env, 500, place(APPLY), lambda *heard: got.append(heard))
    At(env, 10, place(DECIDE), lambda _: answer.arrive("yes", arrives_ns))
    env.run()
    assert got == [heard]


@pytest.mark.parametrize(("arrives_ns", "heard"), [(300, (300, "yes")), (600, (500, None)), (None, (500, None))])
def test_silence_ends_at_the_deadline_even_when_the_answer_was_only_promised(
    arrives_ns: int | None, heard: tuple[int, str | None]
) -> None:
    env = Clock()
    got: list[tuple[int, str | None]] = []
    answer: Answer[str] = Answer(env, 500, place(APPLY), lambda *heard: got.append(heard))
    At(env, 10, place(DECIDE), lambda _: answer.expect())
    if arrives_ns is not None:
        At(env, 200, place(DECIDE), lambda _: answer.arrive("yes", arrives_ns))
    env.run()
    assert got == [heard]


def test_a_timer_has_one_wake_up_pending_and_follows_a_deadline_that_moves() -> None:
    env = Clock()
    expired: list[int] = []

    class Owner:
        deadline_ns: int | None = 100
        attended = False

        def silence(self, now_ns: int) -> None:
            expired.append(now_ns)
            self.deadline_ns = None

    owner = Owner()
    timer = Timer(env, place(DECIDE), owner)
    for at_ns in range(0, 90, 10):  # nine messages, each moving the deadline on
        At(env, at_ns, place(OFFER), lambda _: timer.arm(owner.deadline_ns))
    At(env, 90, place(OFFER), lambda _: setattr(owner, "deadline_ns", 250))
    env.run()
    assert expired == [250]
    assert env.now == 250


def test_a_deadline_that_a_timer_was_armed_for_is_kept_though_an_earlier_wake_up_comes_first() -> None:
    """A vehicle attends to its station's timer, arms it for a request that may be late; an old wake-up is pending."""
    env = Clock()
    expired: list[int] = []

    class Owner:
        deadline_ns: int | None = 100
        attended = True

        def silence(self, now_ns: int) -> None:
            expired.append(now_ns)
            self.deadline_ns = None

    owner = Owner()
    timer = Timer(env, place(DECIDE), owner)
    timer.arm(100)

    def may_be_late(_: Moment) -> None:
        owner.deadline_ns = 250
        timer.arm(250)

    At(env, 60, place(OFFER), may_be_late)
    env.run()
    assert expired == [250]


def test_a_recurring_moment_comes_again_and_again_in_its_place_until_it_is_stopped() -> None:
    env = Clock()
    seen: list[tuple[int, Any]] = []

    def due(now_ns: int, value: int) -> None:
        seen.append((now_ns, value))
        if env.now_ns < 300:
            again.at(env.now_ns + 100, value + 1)

    again = Recurring(env, place(OFFER), due)
    again.at(100, 1)
    At(env, 300, place(GRID), lambda _: seen.append((env.now_ns, "the grid goes first")))
    env.run()
    assert seen == [(100, 1), (200, 2), (300, "the grid goes first"), (300, 3)]
    again.at(400, 4)
    again.stop()
    env.run()
    assert len(seen) == 4


def test_who_runs_ahead_spares_the_heap_up_to_its_horizon_and_to_what_it_puts_on_the_clock() -> None:
    env = Clock()
    seen: list[tuple[int, str]] = []

    def due(now_ns: int, value: str) -> None:
        seen.append((now_ns, value))
        if env.now_ns == 230:
            At(env, 260, place(GRID), lambda _: seen.append((env.now_ns, "an appointment of its own")))
        if env.now_ns not in (140, 290):
            again.at(env.now_ns + 30, value)

    again = Recurring(env, place(OFFER), due)
    At(env, 50, place(OFFER), lambda _: env.run_ahead(120, lambda: again.at(80, "first")))
    At(env, 100, place(GRID), lambda _: seen.append((env.now_ns, "somebody else")))
    At(env, 190, place(APPLY), lambda _: env.run_ahead(500, lambda: again.at(230, "again")))
    env.run()
    assert seen == [
        (80, "first"), (110, "first"),  # at 50, as nobody could come in between
        (100, "somebody else"),
        (140, "first"),  # beyond the horizon: on the clock
        (230, "again"),  # at 190
        (260, "an appointment of its own"),
        (260, "again"), (290, "again"),
    ]  # fmt: skip


def test_a_signal_wakes_a_process_within_the_event_that_makes_it_happen() -> None:
    env = Clock()
    signal = Signal()
    seen: list[str] = []

    def story() -> Generator[Any, Any, None]:
        yield signal
        seen.append(f"woken at {env.now_ns}")
        yield At(env, 70, place(OFFER))
        seen.append(f"on at {env.now_ns}")

    def happen(_: Moment) -> None:
        signal.happen()
        seen.append("after")

    env.process(story())
    At(env, 50, place(OFFER), happen)
    env.run()
    assert seen == ["woken at 50", "after", "on at 70"]


def test_one_answer_serves_one_request_after_the_other() -> None:
    env = Clock()
    heard: list[tuple[int, str | None]] = []
    answer: Answer[str] = Answer(env, 0, place(APPLY), lambda *what: heard.append(what))
    for sent_ns, arrives_ns in ((0, 40), (100, 170), (200, 900)):
        env.run(until=env.timeout(sent_ns - env.now_ns))
        answer.deadline_ns = sent_ns + 500
        answer.arrive(f"to {sent_ns}", arrives_ns)
        env.run()
    assert heard == [(40, "to 0"), (170, "to 100"), (700, None)]
