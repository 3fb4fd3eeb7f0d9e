"""What a station declares, and what it is asked for: a policy's own baseline, and an operator's signal."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cosim.inputs import Series
from models.policies.product import resolved

QUIET_500S = {"fleet": {"n_ev": 1, "soc": [0.5, 0.5], "arrival": {"plug_in_s": [0.0, 0.0], "leave_s": [1e4, 1e4]}}}


def test_what_a_policy_returns_through_its_baseline_is_no_service(play: Callable[..., Any]) -> None:
    """FFR of 5 kW for 6.3 s, then settlement periods of 20 s that give the energy back."""
    frequency = Series((0.0, 15.0, 15.05, 16.0, 16.05, 200.0), (50.0, 50.0, 49.7, 49.7, 50.0, 50.0))
    params = resolved({"product": "ffr"}) | {"settlement_s": 20.0, "restore_pu": 0.4, "wait_s": math.nan}
    run = play(
        policy="product", params=params, service="DC_BPT", frequency=frequency, duration_s=100.0,
        grid={"tick_s": 0.05}, record={"charge_loop_every": 1}, **QUIET_500S,
    )  # fmt: skip
    grid = run.tables["grid"]
    time_s = grid["t_ns"] * 1e-9
    assert grid["service_w"] == pytest.approx(grid["baseline_w"] - grid["fleet_power_w"], abs=1e-6)
    assert 1_000.0 < grid["baseline_w"].max() <= 2_000.0, "at most 40 % of 5 kW"
    assert set(np.round(grid["baseline_w"][time_s < 40.0])) == {0.0}, "announced at 20 s, for the period from 40 s on"
    assert grid["service_w"].max() == pytest.approx(5_000.0, rel=2e-3)
    quiet = (time_s > 45.0) & (time_s < 59.0)
    assert np.abs(grid["service_w"][quiet]).max() < 20.0, "the baseline is kept, so nothing is delivered"
    assert run.broken() == {}


def test_the_baseline_of_a_station_ends_with_its_session(play: Callable[..., Any]) -> None:
    params = resolved({"product": "dc"}) | {"settlement_s": 5.0, "restore_pu": 1.0}
    frequency = Series((0.0, 10.0, 10.05, 200.0), (50.0, 50.0, 49.6, 49.6))
    run = play(policy="product", params=params, service="DC_BPT", frequency=frequency, duration_s=40.0)
    grid = run.tables["grid"]
    assert grid["baseline_w"].max() > 500.0
    assert set(grid["baseline_w"][grid["t_ns"] > 35e9]) == {0.0}, "the car left at 30 s"


def test_a_signal_is_a_wish_and_no_baseline(play: Callable[..., Any]) -> None:
    """A signal of +0.5 of 6 kW: the station is asked to feed 3 kW, around a baseline of nothing."""
    signal = Series((0.0, 20.0, 20.001, 60.0), (0.0, 0.0, -3_000.0, -3_000.0))
    for policy, params in (("product", resolved({"product": "regd"})), ("schedule", None)):
        run = play(
            policy=policy, params=params, service="DC_BPT", series=signal, schedule={"rule": "signal"},
            duration_s=40.0, **QUIET_500S,
        )  # fmt: skip
        grid = run.tables["grid"]
        assert set(grid["baseline_w"]) == {0.0}
        assert grid["service_w"][-1] == pytest.approx(3_000.0, rel=2e-3), policy


def test_a_plan_is_both_baseline_and_schedule_for_a_policy_that_declares_none(play: Callable[..., Any]) -> None:
    seen = []

    def probe(view: Any) -> float:
        seen.append((view.baseline_w, view.scheduled_w))
        return float(view.baseline_w)

    series = Series((0.0, 60.0), (4_000.0, 4_000.0))
    run = play(policy=probe, service="DC_BPT", series=series, duration_s=25.0)
    assert set(seen) == {(4_000.0, 4_000.0)}
    assert run.tables["grid"]["baseline_w"][-1] == pytest.approx(4_000.0)
