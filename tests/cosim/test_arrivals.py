"""Many cars that come and go: what is kept is what is connected, and nobody has to look for what is left."""

import gc
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cosim.driver import Timer
from cosim.ev import Ev
from cosim.evse import Station
from cosim.inputs import PlannedVisit
from protocol.iso20.evcc import EVCC
from protocol.iso20.secc import SECC

CARS, EVERY_S, STAY_S, LONGEST_TIMER_S = 120, 1.0, 25.0, 60.0


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Only what nobody refers to any more is freed: whatever stands in a circle stays."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def test_the_collector_is_spared_rows_and_nothing_is_kept_from_it_afterwards(
    prepare: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cosim.lane.SPARED", 2)
    frozen: dict[float, int] = {}
    before = gc.get_threshold()

    def look(now_ns: int) -> None:
        if now_ns / 1e9 in (0.1, 24.9):  # counting walks through all that is spared
            frozen[now_ns / 1e9] = gc.get_freeze_count()

    run = prepare(
        lane="fleet", service="AC_BPT", policy="droop", duration_s=25.0, fleet={"n_ev": 3},
        record={"messages": "session", "trace_evs": []},
    )  # fmt: skip
    run.finish(progress=look)
    assert frozen[0.1] == 0
    assert frozen[24.9] > 0
    assert gc.get_freeze_count() == 0
    assert gc.get_threshold() == before
    assert sum(run.world.in_lanes) == 0, "and those still there at the end are forgotten"


@pytest.mark.parametrize("lane", ["message", "fleet"])
def test_vehicles_that_have_left_are_forgotten_at_once(
    prepare: Callable[..., Any], no_collector: None, lane: str
) -> None:
    visits = tuple(PlannedVisit(EVERY_S * k, EVERY_S * k + STAY_S) for k in range(CARS))
    run = prepare(
        lane=lane, visits=visits, service="AC_BPT", policy="droop", duration_s=200.0, record={"messages": "session"},
        ev={"loop_gap_s": 1.0}, secc={"loop_sequence_timeout_s": 60.0}, grid={"tick_s": 1.0},
    )  # fmt: skip
    assert run.world.lane_note == ("" if lane == "fleet" else "the scenario wants it")
    alive: dict[int, tuple[int, Counter[type]]] = {}
    waiting = {}

    def look(now_ns: int) -> None:
        second = now_ns // 10**9
        waiting[second] = len(run.world.stage.env._queue)
        if second in (60, 110, 199):
            kinds = Counter(type(thing) for thing in gc.get_objects())
            alive[second] = sum(run.world.in_lanes), kinds

    run.finish(progress=look)
    assert run.outcome.kpis["sessions_reached_loop"] == CARS
    for second in (60, 110, 199):
        present, kinds = alive[second]
        for kind in (Ev, Station, EVCC, SECC):
            assert kinds[kind] <= present + 1, f"{kind.__name__} at {second} s"
        # A timer that still has to ring holds on to nothing but itself.
        assert kinds[Timer] <= present + LONGEST_TIMER_S / EVERY_S + 1
    present, _ = alive[60]
    assert present == pytest.approx(STAY_S, abs=2.0)
    assert max(waiting.values()) < 4 * present + 2 * LONGEST_TIMER_S / EVERY_S, "what is to come does not pile up"
    assert waiting[199] <= 3, "the grid's tick, the end of the run, and nothing of cars that have gone"
