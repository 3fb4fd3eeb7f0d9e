"""Key figures: a histogram of delays in bins of 10 ms up to 60 s, and verdicts on missed targets."""

from collections.abc import Sequence

BIN_NS = 10_000_000
BINS = 6_000  # 60 s; one more bin holds everything slower


def delay_summary(counts: Sequence[int], superseded: int) -> dict[str, float | int | None]:
    """Number of delivered steps, of those a newer one replaced before, and percentiles [s]; None where nothing was
    counted. `counts` has one entry per bin, the last for everything slower; sums of two runs are those of both."""
    return {
        "count": sum(counts),
        "superseded": superseded,
        "p50_s": percentile_s(counts, 0.50),
        "p95_s": percentile_s(counts, 0.95),
        "p99_s": percentile_s(counts, 0.99),
    }


def delay_bin(delay_ns: int) -> int:
    """Bin of a delay: bin k holds k x 10 ms up to, but not, (k + 1) x 10 ms; the last one all above 60 s."""
    bin_index = delay_ns // BIN_NS
    return 0 if bin_index < 0 else min(bin_index, BINS)


def percentile_s(counts: Sequence[int], share: float) -> float | None:
    """Upper edge [s] of the bin that holds the smallest value not exceeded by `share` of all; infinite in the last bin,
    None when nothing was counted."""
    total = sum(counts)
    if total == 0:
        return None
    below = 0
    for index, count in enumerate(counts):
        below += count
        if count and below >= share * total:
            return (index + 1) * BIN_NS * 1e-9 if index < BINS else float("inf")
    raise AssertionError("a share of at most 1 is reached by the last bin")


def why_missed(shortest_s: float, stay_s: float, loop_s: float) -> str:
    """Why a target was missed.

    `shortest_s` is the time that full power needs (`shortest_charge_s`), `stay_s` the time plugged in, `loop_s` the
    time in the charge loop. "infeasible": no control could have done it; "no_loop": the charge loop was never reached;
    "cut_short": set-up or an early end took the time that was needed; "policy": there was time enough in the loop.
    """
    if shortest_s > stay_s:
        return "infeasible"
    if loop_s <= 0.0:
        return "no_loop"
    if shortest_s > loop_s:
        return "cut_short"
    return "policy"
