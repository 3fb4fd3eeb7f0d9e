"""Figures of delivery, each against a response whose figures are known beforehand."""

import math

import numpy as np
import pytest

from models.grid.delivery import (
    equivalent_full_cycles,
    excursions,
    missed_energy_wh,
    resting,
    setpoint_steps,
    step_response,
    sustained,
    timing,
    tracking,
)

T_S = np.round(np.arange(0.0, 100.0, 0.1), 1)


def ramp(begin_s: float, seconds: float, size: float = 1.0) -> np.ndarray:
    """From 0 to `size`, linear from `begin_s` on over `seconds`."""
    return size * np.clip((T_S - begin_s) / seconds, 0.0, 1.0)


def test_a_ramp_after_a_delay_has_the_published_figures():
    """The hardware of DTU's field test, in short: delay 4 s, then 3.35 kW/s; here 6.7 kW in 2 s."""
    found = step_response(T_S, ramp(14.0, 2.0, 6_700.0), 10.0, 90.0, 0.0, 6_700.0)
    assert found.latency_s == pytest.approx(4.2)  # 5 % after 0.1 s, outside the band one sample later
    assert found.ramp_s == pytest.approx(1.6)
    assert found.t90_s == pytest.approx(5.8)


def test_a_step_down_is_timed_as_one_up():
    down = step_response(T_S, 1.0 - ramp(14.0, 2.0), 10.0, 90.0, 1.0, 0.0)
    up = step_response(T_S, ramp(14.0, 2.0), 10.0, 90.0, 0.0, 1.0)
    assert down[2:] == pytest.approx(up[2:], nan_ok=True)


def test_what_never_happens_is_not_a_number_and_makes_the_longest_infinite():
    never = step_response(T_S, np.zeros_like(T_S), 10.0, 90.0, 0.0, 1.0)
    short = step_response(T_S, ramp(14.0, 2.0, 0.8), 10.0, 90.0, 0.0, 1.0)
    assert math.isnan(never.latency_s)
    assert short.latency_s == pytest.approx(4.2, abs=0.11)
    assert math.isnan(short.t90_s)
    together = timing([never, short])
    assert (together.steps, together.completed) == (2, 0)
    assert together.latency_s == short.latency_s
    assert together.latency_longest_s == math.inf
    assert math.isnan(timing([]).latency_longest_s)


def test_jumps_of_a_setpoint_are_found_and_small_ones_left_out():
    wanted = np.where(T_S >= 10.0, 1.0, 0.0) - np.where(T_S >= 50.0, 0.1, 0.0) - np.where(T_S >= 60.0, 0.9, 0.0)
    delivered = ramp(11.0, 1.0) - 0.1 * (T_S >= 51.0) - 0.9 * (T_S >= 62.0)
    up, down = setpoint_steps(T_S, wanted, delivered, 1.0)
    assert (up.begin_s, up.size) == pytest.approx((10.0, 1.0))
    assert up.t90_s == pytest.approx(1.9)
    assert (down.begin_s, down.size, down.latency_s) == pytest.approx((60.0, -0.9, 2.0))


def test_a_step_is_looked_at_until_the_next_one():
    wanted = np.where((T_S >= 10.0) & (T_S < 12.0), 1.0, 0.0)
    first, second = setpoint_steps(T_S, wanted, ramp(11.0, 10.0) * (T_S < 12.0) + 0.5 * (T_S >= 12.0), 1.0)
    assert math.isnan(first.t90_s)
    assert second.begin_s == 12.0


def test_a_late_copy_is_as_late_as_it_is_whatever_the_frequency_did():
    """Half a sine of 40 s: the copy starts and arrives 1.5 s later, although 90 % come only after some 14 s."""
    wanted = np.sin(np.pi * np.clip((T_S - 20.0) / 40.0, 0.0, 1.0))
    delivered = np.interp(T_S - 1.5, T_S, wanted)
    (found,) = excursions(T_S, wanted, delivered, 1.0)
    assert found.size == pytest.approx(1.0)
    assert found.latency_s == pytest.approx(1.5, abs=0.11)
    assert found.t90_s == pytest.approx(1.5, abs=0.11)
    (downward,) = excursions(T_S, -wanted, -delivered, 1.0)
    assert (downward.size, downward.t90_s) == pytest.approx((-1.0, found.t90_s))


def test_a_peak_that_passes_before_it_is_reached_is_owed_only_while_it_lasts():
    """90 % of the largest value are wanted for 1 s, in vain, and 40 s later for good: 1 s and what it then takes."""
    wanted = np.select([T_S < 20.0, T_S < 21.0, T_S < 60.0, T_S < 80.0], [0.0, 1.0, 0.5, 1.0], 0.0)
    delivered = np.interp(T_S - 2.0, T_S, np.where(T_S < 60.0, np.minimum(wanted, 0.5), wanted))
    (found,) = excursions(T_S, wanted, delivered, 1.0)
    assert found.t90_s == found.owed_s == pytest.approx(1.0 + 2.0, abs=0.11)
    (never,) = excursions(T_S, wanted, 0.8 * delivered, 1.0)
    assert math.isnan(never.t90_s)
    assert never.owed_s == pytest.approx(21.0, abs=0.11), "all the time that it was wanted"
    found = timing([never])
    assert (found.completed, found.t90_longest_s) == (0, math.inf)
    assert found.owed_longest_s == pytest.approx(21.0, abs=0.11)


def test_latency_does_not_count_what_may_stay_unanswered():
    """FCR need not answer 10 mHz, 5 % of the contract; a response that begins once 5 % are wanted is in time."""
    wanted = np.clip((T_S - 20.0) / 40.0, 0.0, 1.0)  # 5 % of its peak after 2 s
    delivered = np.where(wanted >= 0.15, wanted, 0.0)
    (strict,), (free,) = (list(excursions(T_S, wanted, delivered, 1.0, share)) for share in (0.0, 0.15))
    assert strict.latency_s == pytest.approx(4.0, abs=0.11)
    assert free.latency_s == 0.0


def test_small_excursions_are_not_timed():
    assert list(excursions(T_S, 0.19 * np.sin(T_S), np.zeros_like(T_S), 1.0)) == []


def test_tracking_tells_errors_over_the_capacity():
    wanted = np.where(T_S >= 50.0, 2_000.0, 0.0)
    delivered = np.where(T_S >= 52.0, 2_100.0, 0.0)  # 2 s late, then 100 W too much
    found = tracking(T_S, wanted, delivered, 10_000.0, settle_s=5.0)
    assert found.nrmse_pu == pytest.approx(math.sqrt((20 * 2_000.0**2 + 480 * 100.0**2) / 1000) / 10_000.0)
    assert found.mae_pu == pytest.approx((20 * 2_000.0 + 480 * 100.0) / 1000 / 10_000.0)
    steady = 450 / (450 + 450)  # of the samples at rest, half before the step and half from 55 s on
    assert found.steady_bias_pu == pytest.approx(0.01 * steady)
    assert found.steady_sigma_pu == pytest.approx(0.005, rel=1e-6)


@pytest.mark.parametrize(
    ("wanted_until_s", "given_until_s", "verdict"),
    [
        pytest.param(50.0, 50.0, True, id="as long as wanted"),
        pytest.param(90.0, 41.5, True, id="as long as owed: 30 s after the one it may take"),
        pytest.param(90.0, 40.0, False, id="given up too soon"),
        pytest.param(10.5, 10.5, None, id="never owed"),
    ],
)
def test_full_power_is_held_as_long_as_it_is_owed(wanted_until_s, given_until_s, verdict):
    wanted = np.where((T_S >= 10.0) & (T_S < wanted_until_s), 1.0, 0.0)
    given = np.where((T_S >= 10.9) & (T_S < given_until_s), 0.96, 0.0)
    assert sustained(T_S, wanted, given, full_s=1.0, sustain_s=30.0) is verdict
    assert sustained(T_S, 0.0 - wanted, 0.0 - given, full_s=1.0, sustain_s=30.0) is verdict


def test_a_setpoint_that_creeps_does_not_rest():
    creeping = np.linspace(0.0, 1.0, T_S.size)  # 1 % in one second
    assert not resting(T_S, creeping, 0.01, 2.0).any()
    assert resting(T_S, np.zeros_like(T_S), 0.01, 5.0).sum() == T_S.size - 50
    assert math.isnan(tracking(T_S, creeping, creeping, 1.0, 2.0).steady_bias_pu)


def test_cycles_and_missed_energy():
    assert equivalent_full_cycles(120_000.0, 60_000.0) == 1.0
    assert missed_energy_wh(0.7, 0.8, 60_000.0) == pytest.approx(6_000.0)
    assert missed_energy_wh(0.9, 0.8, 60_000.0) == 0.0
