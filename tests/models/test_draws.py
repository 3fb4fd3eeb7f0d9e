"""Draws: reproducible, independent of order, evenly spread, and the same bits compiled."""

import math
from statistics import NormalDist, fmean

import numpy as np
import pytest

from models import draws
from models.draws import inverse_normal, log, normal, stream_key, uniform

KEY = stream_key(7, "test")


def test_the_finaliser_is_that_of_splitmix64():
    # The first outputs of the generator seeded with 1234567, as published with its reference code
    # (rosettacode.org/wiki/Pseudo-random_numbers/Splitmix64). Output n is entity n of key 1234567.
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    assert [draws.bits(1234567, n, 0) for n in (1, 2, 3, 4)] == published


def test_a_stream_key_does_not_change_between_processes():
    assert stream_key(1, "link.delay") == 17129695783375944682


@pytest.mark.parametrize("other", [(8, "test"), (7, "tesu"), (7, "")], ids=["seed", "name", "empty name"])
def test_other_seeds_and_streams_give_other_keys(other):
    assert stream_key(*other) != KEY


def test_draws_are_uniform_along_entity_and_counter():
    for along in ([uniform(KEY, k, 3) for k in range(20_000)], [uniform(KEY, 3, k) for k in range(20_000)]):
        counts = np.histogram(along, bins=20, range=(0.0, 1.0))[0]
        chi_square = float(((counts - 1000.0) ** 2 / 1000.0).sum())
        assert chi_square < 43.8  # 0.1 % of uniform samples exceed this, 19 degrees of freedom
        assert 0.0 <= min(along) < max(along) < 1.0


@pytest.mark.parametrize(("entity", "counter"), [(1, 0), (0, 1), (1, 1), (1, -1)])
def test_neighbours_are_uncorrelated(entity, counter):
    here = [uniform(KEY, k, k // 7 + 1) for k in range(1, 20_000)]
    there = [uniform(KEY, k + entity, k // 7 + 1 + counter) for k in range(1, 20_000)]
    assert abs(np.corrcoef(here, there)[0, 1]) < 0.025  # 3.5 standard errors


def test_every_input_bit_moves_half_of_the_output():
    for bit in range(0, 40, 3):
        for change in ((1 << bit, 0), (0, 1 << bit)):
            flips = [
                (draws.bits(KEY, k, 5 * k) ^ draws.bits(KEY, k ^ change[0], 5 * k ^ change[1])).bit_count()
                for k in range(400)
            ]
            assert fmean(flips) == pytest.approx(32.0, abs=1.0)


def test_pairs_of_entity_and_counter_collide_only_beyond_any_run():
    # Two pairs share a state when (de, dc) is in the lattice de A + dc B = 0 mod 2^64. Its shortest vector by
    # Lagrange reduction is longer than a thousand million entities or counters.
    modulus = 1 << 64
    short = (1, -draws.ENTITY_STEP * pow(draws.COUNTER_STEP, -1, modulus) % modulus)
    long = (0, modulus)
    while True:
        if short[0] ** 2 + short[1] ** 2 > long[0] ** 2 + long[1] ** 2:
            short, long = long, short
        length = short[0] ** 2 + short[1] ** 2
        times = (2 * (short[0] * long[0] + short[1] * long[1]) + length) // (2 * length)
        if times == 0:
            break
        long = (long[0] - times * short[0], long[1] - times * short[1])
    assert math.sqrt(length) > 1e9


def test_normal_draws_have_the_moments_of_a_standard_normal():
    sample = np.array([normal(KEY, k % 100, k // 100) for k in range(40_000)])
    assert sample.mean() == pytest.approx(0.0, abs=0.015)
    assert sample.std() == pytest.approx(1.0, abs=0.015)
    assert (np.abs(sample) > 1.959964).mean() == pytest.approx(0.05, abs=0.004)


@pytest.mark.parametrize("p", [1e-15, 1e-9, 1e-4, 0.02424, 0.02426, 0.1, 0.3, 0.49, 0.6, 0.9757, 0.9758, 0.9999])
def test_the_inverse_normal_agrees_with_the_standard_library(p):
    assert inverse_normal(p) == pytest.approx(NormalDist().inv_cdf(p), rel=2e-9)


@pytest.mark.parametrize("x", [1e-300, 1e-16, 0.1, 0.374999, 0.375, 0.749999, 0.75, 0.999, 1.0])
def test_our_logarithm_agrees_with_the_standard_library(x):
    assert log(x) == pytest.approx(math.log(x), abs=1e-13, rel=1e-15)


@pytest.mark.parametrize("function", [draws.bits, uniform, normal])
def test_compiled_draws_are_the_same_bits(function, same_bits):
    same_bits(function, [tuple(np.uint64(value) for value in (KEY, k % 97, k * k % 10_007)) for k in range(2000)])


def test_draws_made_together_have_the_bits_of_draws_made_one_by_one():
    for entity, first, count in [(0, 0, 5_000), (3_000_000_017, 41, 64), (12, 1 << 40, 300)]:
        counters = range(first, first + count)
        assert draws.uniforms(KEY, entity, first, count).tolist() == [uniform(KEY, entity, k) for k in counters]
        assert draws.normals(KEY, entity, first, count).tolist() == [normal(KEY, entity, k) for k in counters]
