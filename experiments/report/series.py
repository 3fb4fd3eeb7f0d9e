"""Curves for the report: thinned honestly (smallest and largest of each column of pixels), quantised, delta-coded."""

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

COLUMNS = 2000  # more than most screens have
WHOLE = 8000  # so many rows are drawn one by one


class Curve(NamedTuple):
    """One line of a chart. `style` is solid, dashed or band; `colour` one of the page's."""

    name: str
    values: Values
    colour: str
    style: str = "solid"


class Chart(NamedTuple):
    """Curves over one time axis. `resolution` is the step to which values are rounded, in `unit`."""

    title: str
    unit: str
    note: str
    time_s: Values
    curves: list[Curve]
    resolution: float
    marks: list[tuple[float, str]] = []  # noqa: RUF012 - read only; an empty tuple would not fit the type
    level: float | None = None


def extremes(values: Values, columns: int) -> Values:
    """Smallest and largest value of each of `columns` stretches, in their order in time, shape (2 columns,)."""
    edges = np.linspace(0, len(values), columns + 1).astype(int)
    thinned = np.empty(2 * columns)
    for k, (start, end) in enumerate(pairwise(edges)):
        piece = values[start:end]
        if np.isnan(piece).all():
            thinned[2 * k : 2 * k + 2] = np.nan
            continue
        low, high = int(np.nanargmin(piece)), int(np.nanargmax(piece))
        thinned[2 * k], thinned[2 * k + 1] = piece[min(low, high)], piece[max(low, high)]
    return thinned


def thinned_times(time_s: Values, columns: int) -> Values:
    """Two instants for each stretch: its beginning and its middle, shape (2 columns,)."""
    edges = np.linspace(0, len(time_s), columns + 1).astype(int)[:-1]
    middles = (edges + np.append(edges[1:], len(time_s))) // 2
    return np.stack([time_s[edges], time_s[middles]], axis=1).ravel()


def deltas(values: Values, resolution: float) -> list[int | None]:
    """Values as steps of `resolution`, each as the difference from the last one that is a number; None for nan."""
    coded: list[int | None] = []
    last = 0
    for value in values.tolist():
        if value != value:
            coded.append(None)
            continue
        step = round(value / resolution)
        coded.append(step - last)
        last = step
    return coded


def document(chart: Chart) -> dict[str, Any]:
    """A chart as the page's script reads it."""
    thin = len(chart.time_s) > WHOLE
    times = thinned_times(chart.time_s, COLUMNS) if thin else chart.time_s
    note = chart.note
    if thin:
        note += f" Drawn from {len(chart.time_s):,} rows: smallest and largest of every {len(chart.time_s) // COLUMNS}."
    return {
        "title": chart.title,
        "unit": chart.unit,
        "note": note.strip(),
        "level": chart.level,
        "marks": chart.marks,
        "resolution": chart.resolution,
        "t_ms": deltas(times, 1e-3),
        "curves": [
            {
                "name": curve.name,
                "colour": curve.colour,
                "style": curve.style,
                "v": deltas(extremes(curve.values, COLUMNS) if thin else curve.values, chart.resolution),
            }
            for curve in chart.curves
        ],
    }


def power_unit(*values: Values) -> tuple[str, float]:
    """The unit in which powers read well, and how many watts it is."""
    largest = max((float(np.nanmax(np.abs(v))) for v in values if len(v) and not np.isnan(v).all()), default=0.0)
    return next(((u, f) for u, f in (("GW", 1e9), ("MW", 1e6), ("kW", 1e3)) if largest >= f), ("W", 1.0))
