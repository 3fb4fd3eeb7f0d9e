"""Random imbalance: standard deviation and memory of the noise, market intervals, and the noise that gives a sigma."""

import math
import statistics

import pytest

from experiments.presets import load_grid
from models.grid.area import GridParams
from models.grid.frequency import FrequencyModel
from models.grid.governors import limited, non_reheat, reheat
from models.grid.held import CurvePoint, HeldResponse
from models.grid.imbalance import mean_sampled
from models.grid.noise import frequency_sigma_hz, linearised, market_path, noise_for_sigma_mw, noise_path
from models.grid.secondary import Secondary
from models.grid.stability import loop_margin

BARE = GridParams(50.0, 30_000.0, 140_000.0, 750.0)


def correlation(values: tuple[float, ...], lag: int) -> float:
    n = len(values) - lag
    return sum(values[k] * values[k + lag] for k in range(n)) / n


@pytest.mark.parametrize("step_s", [1.0, 5.0])
def test_noise_has_its_sigma_and_its_memory(step_s: float) -> None:
    """sigma 200 MW, memory 60 s, 4000 memories: the estimate of the variance errs by some 2 %."""
    path = noise_path(7, 200.0, 60.0, step_s, 240_000.0)
    assert len(path.t_s) == round(240_000.0 / step_s) + 1
    variance = correlation(path.mw, 0)
    assert math.sqrt(variance) == pytest.approx(200.0, rel=0.04)
    assert statistics.fmean(path.mw) == pytest.approx(0.0, abs=15.0)
    for lag_s in (20.0, 60.0, 120.0):
        assert correlation(path.mw, round(lag_s / step_s)) / variance == pytest.approx(
            math.exp(-lag_s / 60.0), abs=0.05
        )


def test_a_path_depends_on_the_seed_and_not_on_its_length() -> None:
    short, long, other = (noise_path(seed, 1.0, 60.0, 1.0, end) for seed, end in ((1, 10.0), (1, 99.0), (2, 10.0)))
    assert long.mw[:11] == short.mw
    assert other.mw != short.mw
    assert (
        market_path(1, 5.0, 900.0, 0.0, 300.0, 2000.0).mw[:3] == market_path(1, 5.0, 900.0, 0.0, 300.0, 9000.0).mw[:3]
    )


def test_market_intervals_change_at_their_boundaries() -> None:
    """Boundaries at 300, 1200, 2100 s; a ramp of 200 s around each, a level of its own between them."""
    path = market_path(3, 100.0, 900.0, 200.0, 300.0, 3000.0)
    assert path.t_s[:5] == (-600.0, 200.0, 400.0, 1100.0, 1300.0)
    level = [mean_sampled(path.t_s, path.mw, a, b) for a, b in ((0.0, 200.0), (400.0, 1100.0), (1300.0, 2000.0))]
    assert len(set(level)) == 3
    assert level == pytest.approx([path.mw[0], path.mw[2], path.mw[4]])
    assert mean_sampled(path.t_s, path.mw, 200.0, 400.0) == pytest.approx(0.5 * (level[0] + level[1]))
    levels = market_path(3, 100.0, 900.0, 0.0, 0.0, 900.0 * 4000).mw[::2]
    assert statistics.pstdev(levels) == pytest.approx(100.0, rel=0.04)


@pytest.mark.parametrize("memory_s", [1.0, 30.0, 300.0])
def test_sigma_without_governors_is_the_closed_form(memory_s: float) -> None:
    """T = 2 x 140 GW s / (50 x 0.75 GW/Hz) = 7.47 s."""
    time_s = 2.0 * 140_000.0 / (50.0 * 750.0)
    expected = 200.0 / 750.0 * math.sqrt(memory_s / (memory_s + time_s))
    assert frequency_sigma_hz(BARE, 200.0, memory_s, 0.05) == pytest.approx(expected, rel=1e-9)


SYSTEMS = {
    "governors": (BARE._replace(governors=(reheat("g", 2000.0, 0.2, 0.3, 8.0, 0.3),)), 0.05),
    "dead band and headroom": (
        BARE._replace(governors=(limited(non_reheat("g", 4000.0, 0.0, 0.4), deadband_hz=0.036, servo_lag_s=0.2),)),
        0.05,
    ),
    "secondary control": (
        BARE._replace(
            governors=(reheat("g", 2000.0, 0.2, 0.3, 8.0, 0.3),),
            secondary=Secondary(4.0, 2750.0, 0.2, 120.0, 1e6, 1e6, 1e6),
        ),
        0.03,
    ),
    "Great Britain": (load_grid("gb-low-inertia").params._replace(shedding=()), 0.06),
}


@pytest.mark.parametrize("name", SYSTEMS)
def test_noise_that_is_fitted_to_a_sigma_gives_it(name: str) -> None:
    """Two hours in steps of 0.5 s, memory 20 s; set beside the sigma that the noise itself had in them."""
    params, sigma_hz = SYSTEMS[name]
    sigma_mw = noise_for_sigma_mw(params, sigma_hz, 20.0)
    seconds, tick_s = (3600.0, 0.1) if name in ("dead band and headroom", "Great Britain") else (7200.0, 0.5)
    path = noise_path(11, sigma_mw, 20.0, 0.5, seconds)
    model = FrequencyModel(params)
    squares = 0.0
    count = round(seconds / tick_s)
    for k in range(count):
        power_mw = mean_sampled(path.t_s, path.mw, k * tick_s, (k + 1) * tick_s)
        squares += (model.step(tick_s, power_mw) - 50.0) ** 2
    achieved_hz = math.sqrt(squares / count) * sigma_mw / math.sqrt(correlation(path.mw, 0))
    assert achieved_hz == pytest.approx(sigma_hz, rel=0.05)


def test_a_dead_band_counts_with_its_average_slope() -> None:
    """Share of a normal deviation of 50 mHz beyond 36 mHz: 47 %."""
    governor = limited(non_reheat("g", 4000.0, 0.0, 0.4), deadband_hz=0.036)
    (linear,) = linearised(BARE._replace(governors=(governor,)), 0.05).governors
    assert linear.stiffness_mw_per_hz / 4000.0 == pytest.approx(math.erfc(0.036 / (0.05 * math.sqrt(2.0))), rel=1e-12)


# --- when a delayed response rings ---


@pytest.mark.parametrize("gain", [2000.0, 8000.0])
def test_delay_margin_of_an_integrator_is_a_quarter_turn_at_its_crossover(gain: float) -> None:
    """x' = -K c x(t - tau): crossover K c, stable for tau < pi / (2 K c). c = f0 / (2 Ek)."""
    params = BARE._replace(damping_mw_per_hz=1e-9)
    crossover = gain * 50.0 / (2.0 * 140_000.0)
    margin = loop_margin(params, gain, 0.1, 0.0, 0.0, 0.05)
    assert margin.crossover_rad_per_s == pytest.approx(crossover, rel=1e-9)
    assert margin.longest_delay_s == pytest.approx(0.5 * math.pi / crossover, rel=1e-9)
    assert margin.phase_margin_deg == pytest.approx(90.0 - math.degrees(0.1 * crossover), rel=1e-9)


@pytest.mark.parametrize(("share", "grows"), [(0.93, False), (1.07, True)])
def test_the_estimate_is_where_the_model_begins_to_ring(share: float, grows: bool) -> None:
    """The response as a held block with a straight curve, in an area with a governor and damping."""
    params = BARE._replace(governors=(reheat("g", 2000.0, 0.2, 0.3, 8.0, 0.3),))
    delay_s = share * loop_margin(params, 6000.0, 0.0, 0.0, 0.3, 0.05).longest_delay_s
    wide = (CurvePoint(0.0, 0.0), CurvePoint(10.0, 1.0))
    model = FrequencyModel(params._replace(held=(HeldResponse("fleet", 60_000.0, 60_000.0, wide, delay_s, 0.3),)))
    trace = [model.step(0.05, -100.0) for _ in range(2400)]
    early, late = (max(part) - min(part) for part in (trace[600:1000], trace[-400:]))
    assert (late > early) is grows


def test_a_gain_below_damping_never_rings() -> None:
    assert math.isnan(loop_margin(BARE, 700.0, 5.0, 0.0, 0.1, 0.05).longest_delay_s)


def test_a_hold_delays_by_half_and_weakens() -> None:
    """At the same mean delay a spread hold bears more than a dead time: sinc(w T / 2) is below 1."""
    dead = loop_margin(BARE, 6000.0, 1.0, 0.0, 0.0, 0.05)
    spread = loop_margin(BARE, 6000.0, 0.0, 2.0, 0.0, 0.05)
    assert spread.crossover_rad_per_s < dead.crossover_rad_per_s
    assert spread.phase_margin_deg > dead.phase_margin_deg + 1.0
    quick = loop_margin(BARE, 6000.0, 0.0, 1e-6, 0.0, 0.05)
    assert quick.longest_delay_s == pytest.approx(dead.longest_delay_s, rel=1e-5)
