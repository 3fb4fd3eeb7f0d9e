"""A run as a whole: interrupted, cut off by its end, in parts; and key figures that agree with the tables."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

S = 1_000_000_000
FLEET = {"n_ev": 6, "services": {"AC_BPT": 1.0, "DC_BPT": 1.0}, "arrival": {"plug_in_s": [0, 20], "leave_s": [30, 40]}}


def test_an_interrupted_run_keeps_what_has_happened(prepare: Callable[..., Any], play: Callable[..., Any]) -> None:
    whole = play(duration_s=60.0, fleet=FLEET)
    asked: list[int] = []
    part = prepare(duration_s=60.0, fleet=FLEET)
    part.finish(progress=asked.append, should_stop=lambda: bool(asked) and asked[-1] >= 25 * S)
    assert part.outcome.status == "interrupted"
    assert whole.outcome.status == "done"
    assert part.outcome.simulated_s == pytest.approx(25.0)
    assert asked == list(range(S // 10, 25 * S + 1, S // 10))
    for table in ("charge_loop", "grid", "messages", "setpoints"):
        ours, theirs = part.tables[table], whole.tables[table]
        count = len(ours["t_ns"])
        assert 0 < count < len(theirs["t_ns"])
        for name, values in ours.items():
            assert np.array_equal(values, theirs[name][:count], equal_nan=values.dtype.kind == "f")
    sessions = part.tables["sessions"]
    assert set(sessions["end_reason"]) == {"running"}
    assert set(sessions["target"]) <= {"open", "met"}
    assert part.outcome.kpis["grid_energy_wh"] == pytest.approx(sum(part.world.fleet_power_w) / 36_000.0, rel=1e-6)
    assert part.broken() == {}


def test_the_end_of_a_run_closes_sessions_that_still_go_on(play: Callable[..., Any]) -> None:
    run = play(duration_s=25.0, service="AC_BPT", fleet={"n_ev": 3, "arrival": {"plug_in_s": [0.0, 40.0]}})
    sessions = run.tables["sessions"]
    assert sessions["t_ns"].tolist() == [25 * S] * len(sessions["t_ns"])
    assert set(sessions["unplug_ns"]) == {-1}
    assert set(sessions["stop_ns"]) == {-1}
    assert len(sessions["t_ns"]) == list(run.tables["events"]["kind"]).count("plug_in") < 3
    assert run.outcome.kpis["targets"] == {"open": len(sessions["t_ns"])}


def test_nobody_comes(play: Callable[..., Any]) -> None:
    run = play(duration_s=5.0, fleet={"n_ev": 2, "arrival": {"plug_in_s": [10.0, 10.0]}})
    assert "sessions" not in run.tables
    assert run.outcome.kpis["sessions"] == 0
    assert run.outcome.kpis["target_met_share"] is None
    assert run.tables["grid"]["fleet_power_w"].tolist() == [0.0] * 50


def test_parts_close_by_time_and_by_rows_and_join_to_the_same_table(play: Callable[..., Any]) -> None:
    whole = play(duration_s=60.0, fleet=FLEET)
    by_time = play(duration_s=60.0, fleet=FLEET, record={"part_s": 7.0})
    by_rows = play(duration_s=60.0, fleet=FLEET, record={"part_rows": 1000})
    counts = [Counter(part.table.name for part in run.parts) for run in (whole, by_time, by_rows)]
    assert counts[0]["grid"] == counts[0]["charge_loop"] == 1
    assert counts[1]["grid"] == 9
    rows = len(whole.tables["messages"]["t_ns"])
    assert counts[2]["messages"] == -(-rows // 1000) > 1
    for run in (by_time, by_rows):
        for table, columns in whole.tables.items():
            for name, values in columns.items():
                assert np.array_equal(values, run.tables[table][name], equal_nan=values.dtype.kind == "f")
    for part in by_time.parts:
        if part.table.name == "grid":
            assert part.columns["t_ns"].max() - part.columns["t_ns"].min() <= 7 * S


def test_decimated_tables_hold_every_nth_row(play: Callable[..., Any]) -> None:
    whole = play(duration_s=40.0, service="AC_BPT")
    thin = play(
        duration_s=40.0,
        service="AC_BPT",
        record={"charge_loop_every": 5, "grid_every": 10, "fleet_every_s": 4.0, "setpoints": False},
    )
    for table, step, first in (("charge_loop", 5, 0), ("grid", 10, 9), ("fleet", 4, 3)):
        for name, values in thin.tables[table].items():
            expected = whole.tables[table][name][first::step]
            assert np.array_equal(values, expected, equal_nan=values.dtype.kind == "f"), (table, name)
    assert "setpoints" not in thin.tables
    assert thin.outcome.kpis == whole.outcome.kpis, "key figures do not depend on what is recorded"


def test_key_figures_agree_with_the_tables(play: Callable[..., Any]) -> None:
    run = play(duration_s=60.0, fleet=FLEET, policy=lambda view: 9_000.0 if int(view.time_s / 5) % 2 else -9_000.0)
    kpis, tables = run.outcome.kpis, run.tables
    assert kpis["sessions"] == kpis["sessions_reached_loop"] == len(tables["sessions"]["t_ns"]) == 6
    assert kpis["charge_loops"] == len(tables["charge_loop"]["t_ns"]) == tables["sessions"]["loops"].sum()
    for name, column in (
        ("grid_energy_wh", "grid_energy_wh"),
        ("charged_wh", "charged_wh"),
        ("discharged_wh", "discharged_wh"),
        ("battery_energy_wh", "battery_energy_wh"),
    ):
        assert kpis[name] == pytest.approx(tables["sessions"][column].sum(), rel=1e-9)
    clips = Counter(tables["charge_loop"]["clip_reason"].tolist())
    del clips["none"]
    assert kpis["clips"] == clips
    assert kpis["messages"] == Counter(tables["messages"]["message"].tolist())
    grid = tables["grid"]
    error_w = grid["fleet_power_w"].astype(float) - grid["setpoint_power_w"].astype(float)
    assert kpis["tracking_rmse_w"] == pytest.approx(float(np.sqrt(np.mean(error_w**2))), rel=1e-6)


@pytest.mark.parametrize(
    ("service", "expected_s"),
    [
        # 5 ms of line, 0.2 s, then 90 % of 16 kW at 10 kW/s; out of zero never.
        pytest.param("AC_BPT", 0.005 + 0.2 + 0.9 * 1.6, id="AC"),
        # 0.1 s, then 90 % of 16 kW or so at 25 kW/s.
        pytest.param("DC_BPT", 0.1 + 0.9 * 0.64, id="DC"),
    ],
)
def test_the_response_delay_is_from_decision_to_nine_tenths_of_the_step(
    play: Callable[..., Any], service: str, expected_s: float
) -> None:
    run = play(
        duration_s=400.0,
        service=service,
        policy=lambda view: 8_000.0 if int(view.time_s / 5) % 2 else -8_000.0,
        fleet={"target_soc": 0.4, "arrival": {"leave_s": [380.0, 380.0]}},
        record={"messages": "session"},
    )
    delays = run.outcome.kpis["response_delay"]
    assert delays["p50_s"] == pytest.approx(expected_s, abs=0.03)
    assert delays["p99_s"] < expected_s + 1.0
    assert delays["superseded"] <= 1
