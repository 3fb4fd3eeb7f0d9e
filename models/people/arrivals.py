"""When cars are plugged in, for how long, and how much energy they want: drawn from tables of a day.

The hour of arrival comes from hourly shares. Duration and energy come from one curve of quantiles each for all hours,
scaled to the mean of the hour of arrival. A visit is a function of (key, vehicle, day) and of nothing else.
"""

import math
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

from models.draws import uniform

DAY_S = 86_400.0
DRAWS_PER_VISIT = 8  # counters set aside for one visit; five are used


class Curve(NamedTuple):
    """A distribution by its quantiles: levels rising from 0 to 1, and values; linear between, scaled to a mean of 1."""

    level: tuple[float, ...]
    value: tuple[float, ...]


class ArrivalTables(NamedTuple):
    """Statistics of one location; 24 numbers are one per clock hour."""

    arrival_ends: tuple[float, ...]  # share of arrivals up to the end of each hour, (24,)
    mean_duration_s: tuple[float, ...]  # by hour of arrival, (24,)
    mean_energy_wh: tuple[float, ...]  # at the cells, by hour of arrival, (24,)
    duration: Curve
    energy: Curve
    coupling: float  # share of visits whose energy is as unusual as their duration; the others are independent


class Visit(NamedTuple):
    """One stay. `leave_s` may lie beyond the day."""

    arrive_s: float
    leave_s: float
    energy_wh: float


def arrival_tables(
    arrival_share: Sequence[float],
    mean_duration_h: Sequence[float],
    mean_energy_kwh: Sequence[float],
    duration_quantiles_h: Sequence[tuple[float, float]],
    energy_quantiles_kwh: Sequence[tuple[float, float]],
    mean_h: float,
    mean_kwh: float,
    coupling: float = 0.5,
) -> ArrivalTables:
    """Tables from published columns.

    Shares need not sum to 1. An hour without a mean (nan) gets the overall one. Quantiles are (level, value) pairs.
    `coupling` is assumed: the source publishes both distributions, not how they go together; 0 gives many wishes that
    no charger could meet, 1 none of the long stays with a full battery. Raises ValueError for a table of the wrong
    length or with negative shares.
    """
    for name, column in (("shares", arrival_share), ("durations", mean_duration_h), ("energies", mean_energy_kwh)):
        if len(column) != 24:
            raise ValueError(f"hourly {name} must be 24 numbers, got {len(column)}")
    if any(share < 0.0 for share in arrival_share) or not sum(arrival_share) > 0.0:
        raise ValueError("hourly shares must be at least 0, and one of them above")
    total = math.fsum(arrival_share)
    ends = [end / total for end in accumulate(arrival_share)]
    return ArrivalTables(
        arrival_ends=(*ends[:-1], 1.0),
        mean_duration_s=tuple(3600.0 * (hours if hours == hours else mean_h) for hours in mean_duration_h),
        mean_energy_wh=tuple(1000.0 * (kwh if kwh == kwh else mean_kwh) for kwh in mean_energy_kwh),
        duration=curve(duration_quantiles_h, mean_h),
        energy=curve(energy_quantiles_kwh, mean_kwh),
        coupling=coupling,
    )


def curve(quantiles: Sequence[tuple[float, float]], mean: float) -> Curve:
    """The curve through (0, 0) and the quantiles, scaled to a mean of 1.

    Its upper end is where the published mean puts it, but not below the highest quantile.
    """
    points = [(0.0, 0.0), *sorted(quantiles)]
    if any(not low[0] < high[0] or low[1] > high[1] for low, high in pairwise(points)) or points[-1][0] >= 1.0:
        raise ValueError(f"quantiles must rise within 0 and 1, got {list(quantiles)}")
    last_level, last_value = points[-1]
    end = 2.0 * (mean - _area(points)) / (1.0 - last_level) - last_value
    points.append((1.0, max(end, last_value)))
    area = _area(points)
    return Curve(tuple(level for level, _ in points), tuple(value / area for _, value in points))


def quantile(curve: Curve, level: float) -> float:
    """Value at a level in [0, 1)."""
    k = 1
    while curve.level[k] <= level:
        k += 1
    low, high = curve.level[k - 1], curve.level[k]
    return curve.value[k - 1] + (curve.value[k] - curve.value[k - 1]) * (level - low) / (high - low)


def sample_visit(key: int, ev_id: int, tables: ArrivalTables, day: int = 0) -> Visit:
    """The visit of a vehicle on a day, from the draws of the stream `key`."""
    first = DRAWS_PER_VISIT * day
    level = uniform(key, ev_id, first)
    hour = 0
    while tables.arrival_ends[hour] <= level:
        hour += 1
    arrive_s = DAY_S * day + 3600.0 * (hour + uniform(key, ev_id, first + 1))
    duration_level = uniform(key, ev_id, first + 2)
    coupled = uniform(key, ev_id, first + 3) < tables.coupling
    energy_level = duration_level if coupled else uniform(key, ev_id, first + 4)
    return Visit(
        arrive_s,
        arrive_s + tables.mean_duration_s[hour] * quantile(tables.duration, duration_level),
        tables.mean_energy_wh[hour] * quantile(tables.energy, energy_level),
    )


def _area(points: Sequence[tuple[float, float]]) -> float:
    return math.fsum(0.5 * (low[1] + high[1]) * (high[0] - low[0]) for low, high in pairwise(points))
