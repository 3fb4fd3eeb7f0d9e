"""The same seed gives the same rows; a vehicle more changes nothing for the others; another seed changes everything."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

# Open loop, and everything that is drawn: arrival, departure, charge, model, link, gap, noise, bias, control phase.
DRAWN: dict[str, Any] = {
    "duration_s": 45.0,
    "policy": "droop",
    "params": {"droop_pu": 0.002, "deadband_hz": 0.0},
    "fleet": {
        "n_ev": 6,
        "soc": [0.3, 0.9],
        "v2g_share": 0.7,
        "services": {"AC": 1.0, "AC_BPT": 1.0, "DC": 1.0, "DC_BPT": 1.0},
        "arrival": {"plug_in_s": [0.0, 10.0], "leave_s": [30.0, 40.0]},
    },
    "link": {"jitter_s": 0.015, "loss": 0.01, "retransmission_s": 0.02},
    "measurement": {"noise_hz": 0.002, "bias_hz": 0.005, "time_constant_s": 0.1},
    "ev": {"loop_gap_jitter_s": 0.04},
    "evse": {"dc_regulation": "periodic"},
}
TABLES = ("messages", "charge_loop", "setpoints", "sessions", "events")


def rows(run: Any, table: str, ev_ids: range) -> dict[str, np.ndarray]:
    """Rows of some vehicles in canonical order."""
    columns = run.tables[table]
    order = np.lexsort((columns["ev_id"], columns["t_ns"]))
    order = order[np.isin(columns["ev_id"][order], list(ev_ids))]
    return {name: values[order] for name, values in columns.items()}


def assert_equal(left: dict[str, np.ndarray], right: dict[str, np.ndarray]) -> None:
    assert left.keys() == right.keys()
    for name, values in left.items():
        equal_nan = values.dtype.kind == "f"
        assert np.array_equal(values, right[name], equal_nan=equal_nan), name


def test_the_same_seed_gives_the_same_rows_of_every_table(play: Callable[..., Any]) -> None:
    first, again = play(**DRAWN), play(**DRAWN)
    assert first.tables.keys() == again.tables.keys() >= {*TABLES, "grid", "fleet"}
    for table, columns in first.tables.items():
        assert_equal(columns, again.tables[table])
    assert first.outcome.kpis == again.outcome.kpis


@pytest.mark.parametrize("regulation", ["loop", "periodic"])
def test_responses_heard_when_they_are_sent_leave_the_rows_that_events_leave(
    play: Callable[..., Any], regulation: str
) -> None:
    """Where a fault may come between sending and arrival, each is heard at its own event; this one comes too late."""
    drawn = {**DRAWN, "evse": {"dc_regulation": regulation}}
    ahead = play(**drawn)
    by_event = play(**drawn, faults=[{"kind": "ev_silent", "t_s": 44.9, "ev_ids": [0]}])
    assert len(ahead.tables["charge_loop"]["ev_id"]) > 500
    for table in TABLES:
        assert_equal(rows(ahead, table, range(6)), rows(by_event, table, range(6)))


@pytest.mark.parametrize("n_ev", [7, 12])
def test_more_vehicles_leave_the_rows_of_the_others_bit_for_bit(play: Callable[..., Any], n_ev: int) -> None:
    few, many = play(**DRAWN), play(**{**DRAWN, "fleet": {**DRAWN["fleet"], "n_ev": n_ev}})
    assert len(many.tables["sessions"]["ev_id"]) == n_ev
    for table in TABLES:
        assert_equal(rows(few, table, range(6)), rows(many, table, range(6)))


def test_another_seed_draws_other_arrivals_departures_charges_and_phases(play: Callable[..., Any]) -> None:
    one, two = play(**DRAWN, seed=1), play(**DRAWN, seed=2)
    left, right = (rows(run, "sessions", range(6)) for run in (one, two))
    for column in ("plug_in_ns", "stop_ns", "soc_start", "first_loop_ns"):
        by_ev = [values[column][np.argsort(values["ev_id"])] for values in (left, right)]
        assert not np.any(by_ev[0] == by_ev[1]), column
    setpoints = [set(run.tables["setpoints"]["t_ns"].tolist()) for run in (one, two)]
    assert not setpoints[0] & setpoints[1]


def test_draws_stay_in_their_windows(play: Callable[..., Any]) -> None:
    run = play(**{**DRAWN, "fleet": {**DRAWN["fleet"], "n_ev": 40}})
    sessions = run.tables["sessions"]
    assert 0 <= sessions["plug_in_ns"].min()
    assert sessions["plug_in_ns"].max() < 10e9
    assert 30e9 <= sessions["unplug_ns"].min()
    assert 0.3 <= sessions["soc_start"].min() < 0.4
    assert 0.8 < sessions["soc_start"].max() < 0.9
    loops = run.said("AC_ChargeLoopReq")
    requests = [sent.t_ns for sent in loops if sent.ev_id == loops[0].ev_id]
    gaps_s = np.diff(requests[:-3]) / 1e9
    assert 0.2 + 2 * 0.005 + 0.005 <= gaps_s.min()
    assert gaps_s.max() <= 0.24 + 2 * 0.02 + 0.005 + 8 * 0.02
