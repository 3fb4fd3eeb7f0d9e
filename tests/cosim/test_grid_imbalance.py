"""What pushes the grid in a run: series, noise, market, recordings turned into imbalance; neighbour, AGC, shedding."""

import itertools
import math
from collections.abc import Callable
from typing import Any

import pytest

from cosim.after import late_swing_hz, second_fall_hz
from cosim.inputs import Series
from cosim.world import problems, warnings
from experiments.presets import load_grid
from models.grid.area import GridParams
from models.grid.governors import non_reheat
from models.grid.secondary import Secondary
from models.grid.shedding import Stage

S = 1_000_000_000
ISLAND = load_grid("island")
ONE_CAR = {"n_ev": 1, "target_soc": 0.4, "arrival": {"plug_in_s": [0.0, 0.0], "leave_s": [1e5, 1e5]}}


def played(play: Callable[..., Any], **keywords: Any) -> Any:
    """A car that does nothing, on the island for a minute."""
    return play(
        **{
            "duration_s": 60.0,
            "service": "AC_BPT",
            "policy": lambda view: 0.0,
            "grid_params": ISLAND.params,
            "fleet": ONE_CAR,
            "record": {"messages": "session", "charge_loop": False},
            **keywords,
        }
    )


def test_a_series_pushes_the_grid_with_its_mean_over_each_tick(play: Callable[..., Any]) -> None:
    series = Series((0.0, 10.0, 20.0), (0.0, -6e6, -6e6))  # watts, as a file is read
    grid = played(play, imbalance=series).tables["grid"]
    by_time = dict(zip((grid["t_ns"] / S).round(3).tolist(), grid["disturbance_w"].tolist(), strict=True))
    assert by_time[5.0] == pytest.approx(-0.6e6 * 4.95)
    assert by_time[59.0] == pytest.approx(-6e6)
    step = played(play, grid={"events": [{"t_s": 0.0, "power_mw": -6.0, "ramp_s": 10.0}]}).tables["grid"]
    assert grid["frequency_hz"].tolist() == pytest.approx(step["frequency_hz"].tolist(), abs=1e-12)


def test_noise_is_the_same_at_any_tick_and_for_any_fleet(play: Callable[..., Any]) -> None:
    noise = {"sigma_mw": 2.0, "memory_s": 20.0}
    coarse, fine = (played(play, grid={"noise": noise, "tick_s": tick_s}).tables["grid"] for tick_s in (0.1, 0.05))
    pairs = 0.5 * (fine["disturbance_w"][::2] + fine["disturbance_w"][1::2])
    assert pairs.tolist() == pytest.approx(coarse["disturbance_w"].tolist(), rel=1e-9)
    assert 0.2e6 < coarse["disturbance_w"].std() < 4e6
    other = played(play, grid={"noise": noise}, seed=2).tables["grid"]
    assert other["disturbance_w"].tolist() != coarse["disturbance_w"].tolist()


def test_noise_fitted_to_a_sigma_shows_it_without_the_fleet(play: Callable[..., Any]) -> None:
    """Ten minutes of a memory of 5 s: some 60 independent values, so the estimate errs by a tenth."""
    run = played(
        play, duration_s=900.0, grid={"noise": {"sigma_hz": 0.05, "memory_s": 5.0}}, fleet={**ONE_CAR, "n_ev": 1}
    )
    deviations = run.tables["grid"]["frequency_without_hz"] - 50.0
    assert math.sqrt((deviations**2).mean()) == pytest.approx(0.05, rel=0.25)


def test_market_intervals_stand_on_the_clock_of_the_calendar(play: Callable[..., Any]) -> None:
    """The run begins at 00:14:30: the quarter-hour comes after 30 s."""
    run = played(play, start_utc="2026-01-05T00:14:30Z", grid={"market": {"sigma_mw": 3.0, "interval_s": 900.0}})
    pushed = run.tables["grid"]["disturbance_w"]
    assert pushed[:300].tolist() == pytest.approx([pushed[0]] * 300)
    assert pushed[300:].tolist() == pytest.approx([pushed[-1]] * 300)
    assert abs(pushed[299] - pushed[300]) > 1e5


AGC = Secondary(4.0, 1500.0, 0.1, 60.0, 20.0, 500.0, 500.0)
RECORDED = Series((0.0, 5.0, 8.0, 14.0, 30.0), (50.0, 50.0, 49.7, 49.85, 49.95))


@pytest.mark.parametrize("secondary", [False, True])
def test_a_reconstructed_imbalance_reproduces_the_recording_without_the_fleet(
    play: Callable[..., Any], secondary: bool
) -> None:
    params = load_grid("gb-low-inertia").params
    if secondary:
        params = params._replace(secondary=AGC)
    run = played(play, grid_params=params, frequency=RECORDED, grid={"start_s": 10.0})
    grid = run.tables["grid"]
    for t_ns, hz, without_hz in zip(grid["t_ns"], grid["frequency_hz"], grid["frequency_without_hz"], strict=True):
        t_s = t_ns / S - 10.0
        points = itertools.pairwise(zip(RECORDED.t_s, RECORDED.value, strict=True))
        expected = 50.0 if t_s < 0.0 else 49.95
        for (t0, f0), (t1, f1) in points:
            if t0 <= t_s <= t1:
                expected = f0 + (f1 - f0) * (t_s - t0) / (t1 - t0)
        assert without_hz == pytest.approx(expected, abs=1e-9)
        assert hz == pytest.approx(expected, abs=1e-6), "the fleet does nothing"


def test_a_fleet_in_a_reconstructed_event_changes_what_was_recorded(play: Callable[..., Any]) -> None:
    run = play(
        duration_s=60.0,
        service="DC_BPT",
        policy="droop",
        params={"droop_pu": 0.008, "deadband_hz": 0.0},
        grid_params=load_grid("gb-low-inertia").params,
        frequency=RECORDED,
        fleet={**ONE_CAR, "n_ev": 5, "cars_per_ev": 20_000.0},
        grid={"start_s": 15.0},
        record={"messages": "session"},
    )
    kpis = run.outcome.kpis
    assert kpis["nadir_without_hz"] == pytest.approx(49.7, abs=1e-9)
    assert kpis["nadir_hz"] > 49.72


AREA = GridParams(50.0, 1000.0, 4000.0, 10.0, (non_reheat("sets", 90.0, 0.2, 0.4),))


def test_two_areas_share_a_loss_and_the_line_shows_it(play: Callable[..., Any]) -> None:
    """20 MW at home: both come to rest at -20 / 200 Hz, half of it flows in over the line."""
    run = played(
        play,
        grid_params=AREA,
        neighbour=AREA,
        grid={"events": [{"t_s": 5.0, "power_mw": -20.0}], "tie_mw_per_hz_s": 600.0},
    )
    grid = run.tables["grid"]
    assert grid["frequency_hz"][-1] == pytest.approx(49.9, abs=2e-3)
    assert grid["neighbour_hz"][-1] == pytest.approx(49.9, abs=2e-3)
    assert grid["tie_w"][-300:].mean() == pytest.approx(-10e6, rel=0.05)  # a swing of the line is left
    kpis = run.outcome.kpis
    assert kpis["maximum_tie_w"] == pytest.approx(abs(grid["tie_w"]).max())
    assert kpis["neighbour_nadir_hz"] == grid["neighbour_hz"].min()
    beyond = played(
        play, grid_params=AREA, neighbour=AREA, grid={"events": [{"t_s": 5.0, "power_mw": -20.0, "area": "neighbour"}]}
    )
    assert beyond.tables["grid"]["tie_w"][-300:].mean() == pytest.approx(10e6, rel=0.05)
    assert set(beyond.tables["grid"]["disturbance_w"]) == {0.0}


def test_a_preset_s_secondary_control_brings_the_frequency_back(play: Callable[..., Any]) -> None:
    params = AREA._replace(secondary=AGC._replace(bias_mw_per_hz=100.0))
    run = played(
        play, duration_s=600.0, grid_params=params, grid={"events": [{"t_s": 5.0, "power_mw": -2.0}], "tick_s": 0.5}
    )
    grid = run.tables["grid"]
    assert grid["secondary_w"][-1] == pytest.approx(2e6, rel=0.01)
    assert grid["frequency_hz"][-1] == pytest.approx(50.0, abs=1e-4)
    assert math.isnan(played(play, grid_params=AREA).tables["grid"]["secondary_w"][-1])


def test_shed_load_is_recorded_with_its_instant(play: Callable[..., Any]) -> None:
    """No governors: 50 x 100 / (2 x 4000) = 0.625 Hz/s, 49 Hz after 1.6 s, tripped 0.2 s later."""
    params = GridParams(50.0, 1000.0, 4000.0, 0.0, (), (), None, (Stage(49.0, 0.1, 0.2),))
    run = played(play, duration_s=20.0, grid_params=params, grid={"events": [{"t_s": 10.0, "power_mw": -100.0}]})
    kpis = run.outcome.kpis
    assert (kpis["shed_stages"], kpis["shed_w"]) == (1, 100e6)
    assert kpis["first_shed_s"] == pytest.approx(11.8, abs=1e-5)
    assert kpis["nadir_hz"] == pytest.approx(50.0 - 1.8 * 0.625, abs=1e-5)
    events = run.tables["events"]
    assert "stage 1 at 11.800 s: 100.0 MW net" in events["detail"].tolist()
    assert run.tables["grid"]["shed_w"][-1] == 100e6


def test_a_governor_that_trips_takes_its_droop_along(play: Callable[..., Any]) -> None:
    event = {"t_s": 5.0, "power_mw": -6.0, "governor_lost": "steam sets", "governor_lost_share": 0.5}
    rest = [
        played(play, duration_s=120.0, grid={"events": [one]}).tables["grid"]["frequency_hz"][-1]
        for one in (event, {"t_s": 5.0, "power_mw": -6.0})
    ]
    assert rest == pytest.approx([50.0 - 6.0 / (2.4 + 12.0), 50.0 - 6.0 / 26.4], abs=5e-3)


def test_what_the_loop_bears_is_estimated_and_warned_of(prepare: Callable[..., Any]) -> None:
    """50 GW/Hz on 140 GW s: 2 Ek / (f0 K) is 0.11 s; the loop alone takes twice that."""
    run = prepare(
        service="DC_BPT",
        policy="droop",
        params={"droop_pu": 0.001, "deadband_hz": 0.0},
        grid_params=load_grid("gb-low-inertia").params,
        fleet={"n_ev": 5, "cars_per_ev": 50_000.0},
    )
    found = " ".join(warnings(run.scenario, run.inputs))
    assert "the loop is likely to ring" in found


def test_areas_of_different_frequency_are_not_joined(prepare: Callable[..., Any]) -> None:
    run = prepare(grid_params=AREA, neighbour=load_grid("kundur").params)
    assert any("joins areas of one frequency, got 50 and 60 Hz" in line for line in problems(run.scenario, run.inputs))


@pytest.mark.parametrize(
    ("trace", "expected"),
    [
        pytest.param([50.0, 49.7, 49.9, 49.8, 49.95], 0.1, id="a second dip"),
        pytest.param([50.0, 49.9, 49.7, 49.6, 49.61], None, id="never back by half"),
        pytest.param([50.0, 49.99, 50.0], None, id="no dip"),
        pytest.param([50.0, 49.8, 49.92, 49.5, 50.0], 0.42, id="deeper than the first"),
        pytest.param([50.0, 49.8, 49.92, 49.95, 49.99], 0.0, id="a smooth return"),
    ],
)
def test_what_fell_after_the_first_dip(trace: list[float], expected: float | None) -> None:
    assert second_fall_hz(trace, 50.0) == (None if expected is None else pytest.approx(expected))


def test_late_swing_is_the_span_of_the_last_tenth() -> None:
    assert late_swing_hz([49.0] * 90 + [50.0, 49.98] * 5) == pytest.approx(0.02)
    assert late_swing_hz([50.0]) is None
