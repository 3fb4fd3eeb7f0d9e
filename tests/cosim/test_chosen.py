"""Which turns of the loop are recorded: each choice gives those rows of the full log, and no others."""

from collections.abc import Callable
from typing import Any

import pytest

from cosim.chosen import is_within, loops_every, windows_ns
from cosim.feasible import warnings
from cosim.scenario import Record, Scenario

EVENTS = [{"t_s": 14.0, "power_mw": -1.0}, {"t_s": 15.0, "power_mw": 1.0}, {"t_s": 25.0, "power_mw": 1.0}]
S = 1_000_000_000

CHOICES: dict[str, tuple[dict[str, Any], Callable[[int, int, int], bool]]] = {
    "every third loop": ({"charge_loop_every": 3}, lambda t_ns, ev_id, loop: loop % 3 == 0),
    "every second car": ({"charge_loop_evs_every": 2}, lambda t_ns, ev_id, loop: ev_id in (0, 2)),
    "these cars": ({"charge_loop_evs": [1, 2]}, lambda t_ns, ev_id, loop: ev_id in (1, 2)),
    "around events": (
        {"around_events_s": [0.5, 2.0]},
        lambda t_ns, ev_id, loop: 13.5 * S <= t_ns < 17.0 * S or 24.5 * S <= t_ns < 27.0 * S,
    ),
    "none": ({"charge_loop": False}, lambda t_ns, ev_id, loop: False),
    "all together": (
        {"charge_loop_every": 2, "charge_loop_evs": [1, 2], "around_events_s": [0.0, 1.0]},
        lambda t_ns, ev_id, loop: loop % 2 == 0 and ev_id != 0
        and (14.0 * S <= t_ns < 16.0 * S or 25.0 * S <= t_ns < 26.0 * S),
    ),
}  # fmt: skip


def logged(prepare: Callable[..., Any], lane: str, record: dict[str, Any]) -> list[tuple[int, int, int]]:
    run = prepare(
        lane=lane, duration_s=30.0, policy="droop", service="AC_BPT", grid={"events": EVENTS},
        fleet={"n_ev": 3, "arrival": {"plug_in_s": [0.0, 3.0], "leave_s": [1e5, 1e5]}},
        record={"messages": "session", "trace_evs": []} | record,
    )  # fmt: skip
    tables = run.finish().tables
    if "charge_loop" not in tables:
        return []
    return sorted(zip(*(tables["charge_loop"][name].tolist() for name in ("t_ns", "ev_id", "loop")), strict=True))


@pytest.mark.parametrize("lane", ["message", "fleet"])
def test_a_choice_gives_those_rows_of_the_full_log(prepare: Callable[..., Any], lane: str) -> None:
    everything = logged(prepare, lane, {})
    assert len(everything) > 150
    for name, (record, belongs) in CHOICES.items():
        chosen = [row for row in everything if belongs(*row)]
        assert logged(prepare, lane, record) == chosen, name
        assert len(chosen) < len(everything), name


def test_a_list_of_cars_stands_above_every_nth_car() -> None:
    record = Record(charge_loop_evs=(3,), charge_loop_evs_every=2, charge_loop_every=5)
    assert [loops_every(record, ev_id) for ev_id in range(5)] == [0, 0, 0, 5, 0]


def test_without_events_there_is_nothing_around_them(prepare: Callable[..., Any]) -> None:
    scenario = Scenario(record=Record(around_events_s=(10.0, 10.0)))
    inputs = prepare().inputs
    assert any("no charge loop is recorded" in text for text in warnings(scenario, inputs))
    assert not any("no charge loop is recorded" in text for text in warnings(Scenario(), inputs))
    assert windows_ns(scenario) == ()
    assert not is_within(windows_ns(scenario), 0)
    assert is_within(windows_ns(Scenario()), 10**18)
