"""What a frequency series is like: spread, memory, increments, tails, and the pattern of the hour.

Samples are evenly spaced; a missing one is nan and takes part in nothing. Deviations are in mHz, because that is how
they are published.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LAGS_S = (1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0)
BEYOND_MHZ = (20.0, 50.0, 100.0, 200.0)
PERCENTILES = (0.1, 1.0, 5.0, 50.0, 95.0, 99.0, 99.9)


class Statistics(NamedTuple):
    """Key numbers of a series; None where it is too short or too coarse to tell."""

    samples: int  # that hold a number
    hours: float  # of them
    step_s: float
    mean_mhz: float
    sigma_mhz: float
    skewness: float | None
    kurtosis: float | None  # 3 for a normal distribution
    autocorrelation: dict[str, float | None]  # by lag in seconds
    percentiles_mhz: dict[str, float]
    share_beyond: dict[str, float]  # of time, by deviation in mHz
    sigma_increment_1s_mhz: float | None
    kurtosis_increment_1s: float | None
    sigma_minute_1_mhz: float | None  # second minute of the hour, where market plans change; needs a day with dates
    sigma_minutes_10_on_mhz: float | None  # tenth minute of the hour and later


def statistics(deviation_mhz: Floats, step_s: float, first_second_of_hour: float | None = None) -> Statistics:
    """Statistics of deviations from nominal [mHz], shape `(n,)`, sampled every `step_s` seconds; nan for missing ones.

    `first_second_of_hour` is the calendar time of the first sample within its hour; without it the pattern of the hour
    is left out. Raises ValueError without two numbers.
    """
    known = deviation_mhz[np.isfinite(deviation_mhz)]
    if known.size < 2:
        raise ValueError(f"at least two samples are needed, found {known.size}")
    second = round(1.0 / step_s)
    increments = lagged_increments(deviation_mhz, second) if _whole(1.0, step_s) else known[:0]
    first, others = _hour(deviation_mhz, step_s, first_second_of_hour)
    return Statistics(
        samples=int(known.size),
        hours=float(known.size * step_s / 3600.0),
        step_s=step_s,
        mean_mhz=float(known.mean()),
        sigma_mhz=float(known.std()),
        skewness=_moment(known, 3),
        kurtosis=_moment(known, 4),
        autocorrelation={f"{lag_s:g}": autocorrelation(deviation_mhz, lag_s, step_s) for lag_s in LAGS_S},
        percentiles_mhz={
            f"p{level:g}": float(value)
            for level, value in zip(PERCENTILES, np.percentile(known, PERCENTILES), strict=True)
        },
        share_beyond={f"{limit:g}": float(np.mean(np.abs(known) > limit + 1e-6)) for limit in BEYOND_MHZ},
        sigma_increment_1s_mhz=float(increments.std()) if increments.size else None,
        kurtosis_increment_1s=_moment(increments, 4),
        sigma_minute_1_mhz=first,
        sigma_minutes_10_on_mhz=others,
    )


def autocorrelation(values: Floats, lag_s: float, step_s: float) -> float | None:
    """Autocorrelation at a lag: mean product of deviations from the mean of all, over their variance.

    None when the lag is no whole number of steps, or when fewer than ten lags lie within the series.
    """
    lag = round(lag_s / step_s)
    if not _whole(lag_s, step_s) or lag < 1 or len(values) < 10 * lag:
        return None
    about = values - np.nanmean(values)
    variance = float(np.nanmean(about * about))
    return float(np.nanmean(about[:-lag] * about[lag:]) / variance) if variance > 0.0 else None


def lagged_increments(values: Floats, lag: int) -> Floats:
    """Differences over `lag` samples, those with a missing end left out."""
    changes = values[lag:] - values[:-lag]
    return np.asarray(changes[np.isfinite(changes)], dtype=np.float64)


def _whole(span_s: float, step_s: float) -> bool:
    return abs(span_s / step_s - round(span_s / step_s)) < 1e-3 and round(span_s / step_s) >= 1


def _moment(values: Floats, order: int) -> float | None:
    """Standardised central moment."""
    sigma = float(values.std()) if values.size else 0.0
    return float(np.mean(((values - values.mean()) / sigma) ** order)) if sigma > 0.0 else None


def _hour(values: Floats, step_s: float, first_second: float | None) -> tuple[float | None, float | None]:
    """Spread in the second minute of the hour, and from the tenth on: markets change their plans on the hour."""
    if first_second is None or len(values) * step_s < 86400.0 - step_s:
        return None, None
    minute = ((first_second + np.arange(len(values)) * step_s) % 3600.0) // 60.0
    early = values[minute == 1.0]
    return float(np.nanstd(early)), float(np.nanstd(values[minute >= 10.0]))
