"""What a run does with the grid: replay, nominal, closed loop, held response replaced, baselines."""

import math
from collections.abc import Callable
from typing import Any

import pytest

from cosim.inputs import Series
from cosim.world import problems, warnings
from experiments.presets import load_grid
from models.grid.area import held_low_mw

S = 1_000_000_000
PARKED = {"target_soc": 0.4, "arrival": {"leave_s": [600.0, 600.0]}}
DROOP = {"droop_pu": 0.008, "deadband_hz": 0.0}


def test_a_replayed_frequency_is_that_of_the_file_at_the_end_of_each_tick(play: Callable[..., Any]) -> None:
    series = Series((0.0, 10.0, 12.0, 20.0), (50.0, 50.0, 49.6, 50.1))
    run = play(service="AC_BPT", frequency=series, fleet=PARKED, grid={"start_s": 5.0})
    grid = run.tables["grid"]
    expected = []
    for t_ns in grid["t_ns"].tolist():
        t_s = t_ns / S - 5.0
        if t_s <= 10.0:
            expected.append(50.0)
        elif t_s <= 12.0:
            expected.append(50.0 - 0.2 * (t_s - 10.0))
        else:
            expected.append(49.6 + 0.0625 * (min(t_s, 20.0) - 12.0))
    assert grid["frequency_hz"] == pytest.approx(expected, abs=1e-9)
    assert all(math.isnan(hz) for hz in grid["frequency_without_hz"])
    assert run.outcome.kpis["nadir_hz"] == pytest.approx(49.6, abs=1e-9)
    assert run.outcome.kpis["nadir_without_hz"] is None
    assert min(grid["rocof_hz_per_s"]) == pytest.approx(-0.2, abs=1e-6)


def test_a_fleet_changes_nothing_in_a_replay(play: Callable[..., Any]) -> None:
    series = Series((0.0, 10.0, 12.0), (50.0, 50.0, 49.6))
    quiet, moved = (
        play(service="AC_BPT", frequency=series, fleet={**PARKED, "cars_per_ev": 1e5}, policy=policy)
        for policy in (lambda view: 0.0, lambda view: -8_000.0)
    )
    assert quiet.tables["grid"]["frequency_hz"].tolist() == moved.tables["grid"]["frequency_hz"].tolist()
    assert moved.tables["grid"]["fleet_power_w"].min() == pytest.approx(-8e8)


def test_a_nominal_grid_stays_at_its_nominal_frequency(play: Callable[..., Any]) -> None:
    run = play(service="AC_BPT", grid={"nominal_hz": 60.0}, policy=lambda view: 1_000.0 * (view.frequency_hz - 52.0))
    assert set(run.tables["grid"]["frequency_hz"]) == {60.0}
    assert run.tables["charge_loop"]["requested_w"][50] == 8_000.0
    assert run.outcome.kpis["maximum_deviation_hz"] == 0.0


def trip(play: Callable[..., Any], **keywords: Any) -> Any:
    """A small island loses 6 MW at 20 s; 5 cars of 10 kW each stand for 40 each: 2 MW."""
    keywords = {
        "duration_s": 45.0,
        "service": "AC_BPT",
        "policy": "droop",
        "params": {"droop_pu": 0.01, "deadband_hz": 0.01},
        "grid_params": load_grid("island").params,
        **keywords,
    }
    grid = {"events": [{"t_s": 20.0, "power_mw": -6.0}], **keywords.pop("grid", {})}
    return play(fleet={**PARKED, "n_ev": 5, "cars_per_ev": 40.0, **keywords.pop("fleet", {})}, grid=grid, **keywords)


@pytest.mark.parametrize("service", ["AC_BPT", "DC_BPT"])
def test_a_fleet_lifts_the_nadir_by_physics(play: Callable[..., Any], service: str) -> None:
    """The same run with the service left out at the grid is the second frequency column."""
    run, off = trip(play, service=service), trip(play, service=service, policy=lambda view: 0.0)
    kpis = run.outcome.kpis
    assert kpis["nadir_hz"] - kpis["nadir_without_hz"] > 0.02
    grid = run.tables["grid"]
    assert off.tables["grid"]["frequency_hz"].tolist() == pytest.approx(
        grid["frequency_without_hz"].tolist(), abs=1e-12
    )
    before = grid["t_ns"] <= 20 * S
    assert grid["frequency_hz"][before].min() == pytest.approx(50.0, abs=1e-9)
    # No fleet answers in the first instant: 6 MW on 600 MW s of rotating mass, 50 * 6 / (2 * 600).
    assert grid["rocof_hz_per_s"][200] == pytest.approx(-0.25, rel=0.02)
    assert run.broken() == {}


def test_a_baseline_is_what_would_have_flown_and_service_is_the_rest(play: Callable[..., Any]) -> None:
    """Charging 10 kW per car as declared is no service; the droop's change is."""
    run = trip(play, series=Series((0.0, 1.0), (5_000.0, 5_000.0)))
    grid = run.tables["grid"]
    assert grid["baseline_w"][150] == pytest.approx(5 * 40 * 5_000.0)
    assert grid["fleet_power_w"][150] == pytest.approx(5 * 40 * 5_000.0)
    assert grid["service_w"][150] == pytest.approx(0.0, abs=1e-3)
    assert grid["service_w"] == pytest.approx(grid["baseline_w"] - grid["fleet_power_w"], abs=0.2)
    assert grid["service_w"][-1] > 5e5
    assert run.outcome.kpis["maximum_service_w"] == pytest.approx(abs(grid["service_w"]).max(), rel=1e-6)


@pytest.mark.parametrize(
    ("kind", "expected_w"), [pytest.param("zero", 0.0, id="zero"), pytest.param("file", 2e6, id="file")]
)
def test_other_baselines(play: Callable[..., Any], kind: str, expected_w: float) -> None:
    series = Series((0.0, 100.0), (50_000.0, 50_000.0))  # of the simulated cars
    run = trip(play, grid={"baseline": kind}, baseline=series)
    assert set(run.tables["grid"]["baseline_w"]) == {expected_w}
    assert run.tables["grid"]["service_w"][10] == pytest.approx(expected_w)


def test_energy_spread_evenly_until_departure_is_declared(play: Callable[..., Any]) -> None:
    """6 kWh at the cells in some 600 s with an assumed efficiency of 0.9: about 40 kW at the meter."""
    run = play(
        service="DC_BPT",
        duration_s=20.0,
        policy=lambda view: view.baseline_w,
        fleet={"target_soc": 0.6, "arrival": {"leave_s": [603.87, 603.87]}},
        schedule={"rule": "even"},
        limits={"assumed_efficiency": 0.9},
    )
    asked = run.tables["charge_loop"]["requested_w"]
    assert asked[0] == pytest.approx(40_000.0, rel=0.003)
    assert set(asked) == {asked[0]}, "planned once, at the first loop"
    assert run.tables["grid"]["baseline_w"][-1] == pytest.approx(asked[0], rel=1e-6)


def test_a_schedule_file_is_followed_and_declared(play: Callable[..., Any]) -> None:
    series = Series((0.0, 10.0, 10.001, 40.0), (5_000.0, 5_000.0, -6_000.0, -6_000.0))
    run = play(service="AC_BPT", policy="schedule", series=series, fleet=PARKED, duration_s=20.0)
    loop = run.tables["charge_loop"]
    early, late = loop["t_ns"] <= 10 * S, loop["t_ns"] > 10.01 * S
    assert set(loop["requested_w"][early]) == {5_000.0}
    assert set(loop["requested_w"][late]) == {-6_000.0}
    assert set(run.tables["grid"]["baseline_w"][-50:]) == {-6_000.0}


def test_a_fleet_that_replaces_held_response_leaves_the_rest_of_it(play: Callable[..., Any]) -> None:
    params = load_grid("gb-low-inertia").params
    common: dict[str, Any] = {
        "grid_params": params,
        "grid": {"events": [{"t_s": 20.0, "power_mw": -1000.0}]},
        "params": {"droop_pu": 0.01, "deadband_hz": 0.015},
    }
    added, replacing = (
        trip(play, fleet={"cars_per_ev": 10_000.0, "response": response}, **common)
        for response in ("additional", "replaces_held")
    )
    # 5 cars, each for 10 000 of 11 kW: 550 MW of the 2050 MW that are held.
    assert held_low_mw(params) == 2_050.0
    assert replacing.outcome.kpis["nadir_hz"] < added.outcome.kpis["nadir_hz"] - 0.01
    assert replacing.outcome.kpis["nadir_without_hz"] == added.outcome.kpis["nadir_without_hz"], (
        "without the fleet, all of it is held"
    )


def test_more_than_is_held_cannot_be_replaced(prepare: Callable[..., Any]) -> None:
    run = prepare(
        service="AC_BPT",
        grid_params=load_grid("gb-low-inertia").params,
        fleet={"n_ev": 5, "cars_per_ev": 100_000.0},
    )
    fleet = run.scenario.fleet.model_copy(update={"response": "replaces_held"})
    (problem,) = problems(run.scenario.model_copy(update={"fleet": fleet}), run.inputs)
    assert "5500 MW" in problem
    assert "2050 MW" in problem


def test_inertia_that_a_trip_takes_along_is_gone(play: Callable[..., Any]) -> None:
    whole, less = (
        trip(
            play, policy=lambda view: 0.0, grid={"events": [{"t_s": 20.0, "power_mw": -6.0, "inertia_lost_mws": lost}]}
        )
        for lost in (0.0, 150.0)
    )
    first = [run.tables["grid"]["rocof_hz_per_s"][200] for run in (whole, less)]
    assert first[1] / first[0] == pytest.approx(600.0 / 450.0, rel=0.01)


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        pytest.param({"ev": {"loop_gap_s": 0.6}}, ("every session would be lost", "loop_gap_s"), id="gap"),
        pytest.param({"link": {"delay_s": 0.3}}, ("every session would be lost",), id="link"),
        pytest.param({"secc": {"processing_s": 0.6}}, ("every session would be lost",), id="processing"),
        pytest.param({"evse": {"dc_off_ramp_w_per_s": 1_000.0}}, ("off-ramp", "power_off_deadline_s"), id="ramp"),
        pytest.param({"evse": {"contactor_close_s": 1.4}, "secc": {"processing_s": 0.15}}, ("contactor",), id="close"),
    ],
)
def test_what_cannot_work_is_said_before_the_run(
    prepare: Callable[..., Any], sections: dict[str, Any], words: tuple[str, ...]
) -> None:
    run = prepare(service="DC_BPT", **sections)
    found = " ".join(problems(run.scenario, run.inputs))
    assert all(word in found for word in words)


def test_what_works_but_is_not_the_standard_s_is_a_warning(prepare: Callable[..., Any]) -> None:
    run = prepare(service="DC_BPT", ev={"loop_gap_s": 2.0}, secc={"loop_sequence_timeout_s": 60.0})
    assert problems(run.scenario, run.inputs) == []
    found = " ".join(warnings(run.scenario, run.inputs))
    assert "0.25" in found
    assert "loop_sequence_timeout_s" in found


def test_a_run_that_keeps_the_standard_has_no_problem(prepare: Callable[..., Any]) -> None:
    run = prepare(service="DC_BPT")
    assert problems(run.scenario, run.inputs) == []
