"""The benchmark measures what it says: tiled rows exchange once a second each, and leave their origin alone."""

from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from experiments import bench_fleet, bench_session, bench_shards
from experiments.cli import app


def test_tiled_rows_loop_as_the_fleet_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """1,000 vehicles at a loop of about 1 s: some 3,000 exchanges in three seconds, with draws of their own."""
    monkeypatch.setattr(bench_fleet, "SEED_EVS", 8)
    seen: dict[str, Any] = {}

    def look(stage: Any, now_ns: int) -> None:
        lane = stage.lane
        before, rows = lane.exchanges, lane._rows.copy()
        wide = bench_fleet.tiled(lane, 1000)
        for step in range(3):
            bench_fleet.swing(wide, stage.grid.measured, step, 0.1, now_ns, 10**9)
            now_ns += 10**9
        seen["exchanges"] = wide.exchanges - before
        seen["offers"] = len(np.unique(wide._rows["offer_ns"]))
        seen["untouched"] = lane.exchanges == before and bool(np.all(lane._rows["requests"] == rows["requests"]))

    bench_fleet.once_settled(1.0, look)
    assert 2_900 < seen["exchanges"] < 3_100
    assert seen["offers"] > 990
    assert seen["untouched"]


@pytest.mark.skipif(not bench_shards.is_possible(), reason="one core, or no fork: nothing to compare")
def test_two_processes_do_the_work_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each reports its half of 1,000 vehicles, a loop a second; how fast they are depends on the machine."""
    monkeypatch.setattr(bench_fleet, "SEED_EVS", 8)
    monkeypatch.setattr(bench_shards, "LEAST_EXCHANGES", 3_000)
    (found,) = bench_shards.speed_ups((1_000,), rounds=1)
    assert found.n_ev == 1_000
    assert 10_000.0 < found.alone_per_s < 1e9
    assert 10_000.0 < found.together_per_s < 1e9
    assert found.ratio == found.together_per_s / found.alone_per_s


def test_what_a_session_costs_counts_its_messages_outside_the_loop() -> None:
    """AC: eight of set-up, ScheduleExchange, Start, Stop, SessionStop. DC: CableCheck and six for voltages more."""
    ac, dc = bench_session.bench(n_ev=6, rounds=1)
    assert (ac.service, ac.exchanges) == ("AC_BPT", 12)
    assert (dc.service, dc.exchanges) == ("DC_BPT", 12 + 1 + 3 + 3)


def test_bench_refuses_no_vehicles() -> None:
    result = CliRunner().invoke(app, ["bench", "--n", "0"])
    assert result.exit_code == 2
    assert "--n must be at least 1, got 0" in result.output
