"""Which turns of the charge loop are recorded: which vehicles, every how many, and when."""

from collections.abc import Sequence
from typing import Any

from cosim.car_state import NEVER_NS
from cosim.scenario import Record, Scenario, to_ns


def loops_every(record: Record, ev_id: int) -> int:
    """Every how many turns of a vehicle are recorded; 0: none."""
    chosen = ev_id in record.charge_loop_evs if record.charge_loop_evs else ev_id % record.charge_loop_evs_every == 0
    return record.charge_loop_every if record.charge_loop and chosen else 0


def windows_ns(scenario: Scenario) -> tuple[tuple[int, int], ...]:
    """Spans of time within which turns are recorded, first instant and end [ns]; the end does not belong to them."""
    if scenario.record.around_events_s is None:
        return ((0, NEVER_NS),)
    before_s, after_s = scenario.record.around_events_s
    return tuple((to_ns(event.t_s - before_s), to_ns(event.t_s + after_s)) for event in scenario.grid.events)


def is_within(windows: Sequence[Any] | Any, now_ns: int) -> bool:
    """Whether an instant lies in one of the spans; tuples, or the rows of an array, shape (n, 2)."""
    for k in range(len(windows)):  # noqa: SIM110  # compiled, too
        if windows[k][0] <= now_ns < windows[k][1]:
            return True
    return False
