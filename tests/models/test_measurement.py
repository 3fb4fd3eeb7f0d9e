"""Frequency as a station measures it."""

import math
import random

import pytest

from models.control.measurement import decay, filtered_hz, filtered_rocof, measured_hz


def test_the_filter_approaches_a_held_frequency_exponentially():
    assert filtered_hz(50.0, 49.0, 0.1, 0.0) == 50.0
    assert filtered_hz(50.0, 49.0, 0.1, 0.1) == pytest.approx(49.0 + math.exp(-1.0))
    assert filtered_hz(50.0, 49.0, 0.1, 10.0) == pytest.approx(49.0)


def test_decay_is_the_exponential_to_the_last_digits():
    draw = random.Random(8)
    for x in [0.0, 1e-9, 0.5, 39.9, 40.0, *(draw.expovariate(0.3) for _ in range(2000))]:
        assert abs(decay(x) - math.exp(-x)) < 4e-16
    assert decay(0.0) == 1.0
    assert abs(decay(1e300)) < 4e-16


def test_two_steps_are_one_longer_step():
    halfway_hz = filtered_hz(50.0, 49.8, 0.2, 0.03)
    assert filtered_hz(halfway_hz, 49.8, 0.2, 0.07) == pytest.approx(filtered_hz(50.0, 49.8, 0.2, 0.1), abs=1e-12)


def test_no_time_constant_is_no_filter():
    assert filtered_hz(50.0, 49.0, 0.0, 0.0) == 49.0
    assert filtered_rocof(50.0, 49.0, 0.0) == 0.0


def test_rocof_is_the_slope_of_the_filtered_frequency():
    ahead_hz, behind_hz = filtered_hz(50.0, 49.8, 0.2, 0.05 + 1e-6), filtered_hz(50.0, 49.8, 0.2, 0.05 - 1e-6)
    now_hz = filtered_hz(50.0, 49.8, 0.2, 0.05)
    assert filtered_rocof(now_hz, 49.8, 0.2) == pytest.approx((ahead_hz - behind_hz) / 2e-6, rel=1e-6)


def test_noise_and_bias_are_added():
    assert measured_hz(49.9, 0.001, 2.0, -0.01) == pytest.approx(49.892)


def test_compiled_measurement_is_the_same_bits(same_bits):
    draw = random.Random(6)
    rows = [
        (draw.uniform(49.0, 51.0), draw.uniform(49.0, 51.0), draw.choice([0.0, 0.1, 1.0]), draw.uniform(0.0, 5.0))
        for _ in range(2000)
    ]
    same_bits(decay, [row[3:] for row in rows])
    same_bits(filtered_hz, rows)
    same_bits(filtered_rocof, [row[:3] for row in rows])
    same_bits(measured_hz, rows)
