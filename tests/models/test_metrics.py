"""Delay histogram and verdicts."""

import pytest

from models.metrics import BINS, delay_bin, delay_summary, percentile_s, why_missed

MS = 1_000_000


@pytest.mark.parametrize(
    ("delay_ns", "index"),
    [
        pytest.param(0, 0, id="none"),
        pytest.param(10 * MS - 1, 0, id="last of the first bin"),
        pytest.param(10 * MS, 1, id="first of the second"),
        pytest.param(60_000 * MS, BINS, id="60 s"),
        pytest.param(10**15, BINS, id="for ever"),
        pytest.param(-1, 0, id="before it was asked"),
    ],
)
def test_bins_are_ten_milliseconds(delay_ns, index):
    assert delay_bin(delay_ns) == index


def test_percentiles_are_upper_edges_of_bins():
    counts = [0] * (BINS + 1)
    for delay_ms in range(100):  # 0 to 99 ms, ten in each bin
        counts[delay_bin(delay_ms * MS)] += 1
    summary = delay_summary(counts, 3)
    assert summary == {"count": 100, "superseded": 3, "p50_s": 0.05, "p95_s": 0.1, "p99_s": 0.1}


def test_nothing_counted_has_no_percentiles():
    nothing = {"count": 0, "superseded": 0, "p50_s": None, "p95_s": None, "p99_s": None}
    assert delay_summary([0] * (BINS + 1), 0) == nothing


def test_delays_beyond_the_last_bin_are_infinite():
    counts = [0] * (BINS + 1)
    counts[0], counts[BINS] = 9, 1
    assert percentile_s(counts, 0.9) == pytest.approx(0.01)
    assert percentile_s(counts, 0.95) == float("inf")


@pytest.mark.parametrize(
    ("shortest_s", "stay_s", "loop_s", "why"),
    [
        pytest.param(7_200.0, 3_600.0, 3_590.0, "infeasible", id="more than the stay allows"),
        pytest.param(float("inf"), 3_600.0, 3_590.0, "infeasible", id="beyond the battery"),
        pytest.param(1_800.0, 3_600.0, 0.0, "no_loop", id="never charged"),
        pytest.param(1_800.0, 3_600.0, 600.0, "cut_short", id="ended early"),
        pytest.param(1_800.0, 3_600.0, 3_590.0, "policy", id="time enough"),
    ],
)
def test_an_infeasible_wish_is_told_apart_from_a_policy(shortest_s, stay_s, loop_s, why):
    assert why_missed(shortest_s, stay_s, loop_s) == why
