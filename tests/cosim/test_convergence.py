"""Shorter ticks, same result: 1 GW of cars in the loop with a low-inertia Great Britain that loses 1320 MW.

100 simulated cars, each for 1000 real ones of 10 kW on a DC charger, with a droop of 1 % and a loop of some 0.23 s at
phases of their own, so that no single decision weighs more than a hundredth of the response. The frequency is held for
a tick, which delays the response by half a tick on average: an error of first order.
"""

from collections.abc import Callable
from typing import Any

import pytest

from experiments.presets import load_grid

TICKS_S = (0.1, 0.05, 0.025)


@pytest.fixture(scope="module")
def runs() -> dict[float, Any]:
    """Nothing to begin with; filled by the first test that needs it."""
    return {}


def at_tick(runs: dict[float, Any], play: Callable[..., Any], tick_s: float) -> Any:
    if tick_s not in runs:
        runs[tick_s] = play(
            duration_s=22.0,
            service="DC_BPT",
            policy="droop",
            params={"droop_pu": 0.01, "deadband_hz": 0.015},
            grid_params=load_grid("gb-low-inertia").params,
            fleet={
                "n_ev": 100,
                "cars_per_ev": 1_000.0,
                "target_soc": 0.4,
                "arrival": {"plug_in_s": [0.0, 2.0], "leave_s": [600.0, 600.0]},
            },
            grid={"tick_s": tick_s, "events": [{"t_s": 10.0, "power_mw": -1320.0}]},
            measurement={"time_constant_s": 0.1},
            link={"jitter_s": 0.015},
            record={"messages": "session", "charge_loop": False, "setpoints": False},
        )
    return runs[tick_s]


def nadirs_hz(runs: dict[float, Any], play: Callable[..., Any], name: str) -> list[float]:
    return [at_tick(runs, play, tick_s).outcome.kpis[name] for tick_s in TICKS_S]


def test_the_fleet_is_a_gigawatt_and_the_nadir_shows_it(runs: dict[float, Any], play: Callable[..., Any]) -> None:
    run = at_tick(runs, play, 0.05)
    assert run.tables["fleet"]["headroom_down_w"][-1] > 0.0
    assert run.outcome.kpis["nadir_hz"] - run.outcome.kpis["nadir_without_hz"] > 0.05
    assert run.outcome.kpis["maximum_service_w"] > 4e8
    assert run.broken() == {}


def test_halving_the_tick_moves_the_grid_alone_by_less_than_a_tenth_of_a_millihertz(
    runs: dict[float, Any], play: Callable[..., Any]
) -> None:
    coarse = at_tick(runs, play, 0.1).tables["grid"]["frequency_without_hz"]
    fine = at_tick(runs, play, 0.05).tables["grid"]["frequency_without_hz"][1::2]
    assert abs(coarse - fine).max() < 1e-4


def test_halving_the_tick_moves_the_nadir_with_the_fleet_by_less_than_a_millihertz(
    runs: dict[float, Any], play: Callable[..., Any]
) -> None:
    coarse, fine, _ = nadirs_hz(runs, play, "nadir_hz")
    assert abs(coarse - fine) < 1e-3


def test_the_error_falls_at_least_with_the_first_order_of_the_tick(
    runs: dict[float, Any], play: Callable[..., Any]
) -> None:
    """Errors against the value that the two finest ticks extrapolate to."""
    coarse, middle, fine = nadirs_hz(runs, play, "nadir_hz")
    limit = fine + (fine - middle)
    errors = [abs(nadir - limit) for nadir in (coarse, middle, fine)]
    assert errors[0] > 1.9 * errors[1] > 1.9 * 1.9 * errors[2] * 0.99
