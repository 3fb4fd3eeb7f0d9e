"""A user's frequency or power series from a CSV or Parquet file, checked and in Hz or W.

Nothing is guessed that could be wrong: a file that is not clear, or not clean, is refused with the row that shows it.
Rows are counted from 1 at the first row of data.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.parquet as pq

from cosim.inputs import Series
from experiments.errors import UserError
from experiments.keys import did_you_mean
from models.grid.imbalance import sampled

Floats = npt.NDArray[np.float64]

FREQUENCY_UNITS = {"hz": 1.0, "mhz": 1000.0, "dev_hz": 1.0, "dev_mhz": 1000.0}  # parts of one hertz
POWER_UNITS = {"w": 1.0, "kw": 1e3, "mw": 1e6}  # watts
SIGNAL_UNITS = {"pu": 1.0}
DEVIATION_WORDS = frozenset({"dev", "deviation", "delta", "df"})
TIME_SUFFIXES = {"s": 1.0, "ms": 1e3, "ns": 1e9}  # parts of one second
TIME_NAMES = ("time", "timestamp", "datetime", "date_time", "date", "utc", "dtm", "t")

GAP = 1.5  # longest step allowed, in median steps; times rounded to 10 ms at 30 samples a second stay below it
FREQUENCY_BAND = 0.1  # share of nominal; apart enough that 50 Hz is refused where 60 Hz is meant


class Layout(NamedTuple):
    """Columns of a file that everyone knows, and the unit its names do not say."""

    publisher: str
    time: str
    value: str
    unit: str


LAYOUTS = (Layout("NESO", "dtm", "f", "hz"), Layout("Fingrid", "Time", "Value", "hz"))


def read_series(
    path: Path,
    column: str | None = None,
    step_s: float | None = None,
    unit: str | None = None,
    nominal_hz: float = 50.0,
) -> Series:
    """Frequency [Hz] over time [s], the first sample at 0.

    Parameters
    ----------
    path : Path
        CSV (with a header) or Parquet.
    column : str, optional
        Needed when several columns could be meant.
    step_s : float, optional
        Sampling step [s]; needed when there is no time column.
    unit : str, optional
        `hz`, `mhz`, `dev_hz` or `dev_mhz`; needed when the name of the column does not say it. `mhz` is read as a
        deviation when the values are far from nominal.
    nominal_hz : float
        What deviations count from, and what values must lie within 10 % of.

    Raises
    ------
    UserError
        Missing file or column, several candidates, unknown unit, gaps, empty cells, times that do not rise, or a value
        that no grid has; with the row.
    """
    file = _File.opened(path)
    name, unit = _choose(file, column, unit, FREQUENCY_UNITS)
    times_s = _times_s(file, name, step_s)
    times_s -= times_s[0]
    _check_rising(file, times_s)
    _check_gaps(file, times_s)
    values = file.numbers(name) / FREQUENCY_UNITS[unit]
    if unit == "mhz" and abs(float(np.median(values))) < FREQUENCY_BAND * nominal_hz:
        unit = "dev_mhz"
    if unit.startswith("dev"):
        values += nominal_hz
    bad = np.flatnonzero(~(np.abs(values - nominal_hz) <= FREQUENCY_BAND * nominal_hz))
    if bad.size:
        raise file.error(
            bad[0],
            f"column '{name}' in {unit} is {values[bad[0]]:g} Hz, not within {FREQUENCY_BAND:.0%} of {nominal_hz:g} Hz",
        )
    return _series(file, name, unit, times_s, values)


def read_power_series(
    path: Path, column: str | None = None, step_s: float | None = None, unit: str | None = None
) -> Series:
    """Power [W] over time [s]: a schedule or a baseline. Steps may differ.

    Times in seconds count from the start of the run as they stand; dates count from the first row. Units are `w`, `kw`
    and `mw` (megawatts). Otherwise as `read_series`.
    """
    file = _File.opened(path)
    name, unit = _choose(file, column, unit, POWER_UNITS)
    times_s = _times_s(file, name, step_s)
    _check_rising(file, times_s)
    return _series(file, name, unit, times_s, file.numbers(name) * POWER_UNITS[unit])


def columns_of(path: Path) -> list[str]:
    """Names of a file's columns; raises UserError when it cannot be read."""
    return _File.opened(path).columns


def read_columns(path: Path, names: Sequence[str]) -> tuple[float, dict[str, Floats]]:
    """Step [s] and columns of finite numbers of an evenly sampled recording, each shape `(n,)`.

    Raises UserError for a missing time column or column, gaps, times that do not rise, and cells that hold no number.
    """
    file = _File.opened(path)
    columns = {name: file.numbers(name) for name in names}
    times_s = _times_s(file, names[0], None)
    _check_rising(file, times_s)
    _check_gaps(file, times_s)
    # Written times are rounded: the step is known to a part in a million at best, and a whole one is meant.
    step_s = round(float(times_s[-1] - times_s[0]) / (len(times_s) - 1), 6)
    return step_s, columns


def read_signal_series(path: Path, column: str | None = None, step_s: float | None = None) -> Series:
    """An operator's signal over time [s], -1 to 1, positive supporting low frequency. Otherwise as a power series."""
    file = _File.opened(path)
    name, unit = _choose(file, column, "pu", SIGNAL_UNITS)
    times_s = _times_s(file, name, step_s)
    _check_rising(file, times_s)
    values = file.numbers(name)
    bad = np.flatnonzero(~(np.abs(values) <= 1.0))
    if bad.size:
        raise file.error(bad[0], f"column '{name}' is {values[bad[0]]:g}, a signal lies within -1 and 1")
    return _series(file, name, unit, times_s, values)


class RawSeries(NamedTuple):
    """A column as it stands in a file, faults included: nan for what cannot be read. Times [s] count from the first.

    `start_s` is the calendar time of the first row (Unix seconds), None when the file has no dates.
    """

    path: Path
    name: str
    unit: str
    times_s: Floats
    values: Floats
    start_s: float | None


def raw_series(
    path: Path, column: str | None, step_s: float | None, unit: str | None, units: Iterable[str]
) -> RawSeries:
    """A column with all its faults, to be looked at. Raises UserError when it is not clear which one is meant."""
    file = _File.opened(path)
    name, unit = _choose(file, column, unit, units)
    values = pd.to_numeric(file.column(name), errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    time, parts = _time_column(file, name, step_s)
    if time is None:
        return RawSeries(
            path, name, unit, np.arange(values.size, dtype=np.float64) * float(step_s or 1.0), values, None
        )
    if parts is not None:
        counted = pd.to_numeric(file.column(time), errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        since_s = np.asarray((counted - np.nanmin(counted)) / parts, dtype=np.float64)
        return RawSeries(path, name, unit, since_s, values, None)
    dates = _dates(file, time)
    ns = dates.dt.as_unit("ns").astype("int64").to_numpy()
    known = dates.notna().to_numpy()
    if not known.any():
        raise UserError(f"{path.name}: column '{time}' holds no dates such as 2024-03-01T12:00:00Z")
    first_ns = int(ns[known].min())
    since_s = np.where(known, (ns - first_ns) / 1e9, np.nan)
    return RawSeries(path, name, unit, since_s, values, first_ns / 1e9)


def without_beginning(series: Series, from_s: float) -> Series:
    """A series from `from_s` seconds after its first sample on; that instant becomes 0.

    Between two samples it begins with the value on the line between them. Raises UserError when nothing is left.
    """
    if from_s == 0.0:
        return series
    length_s = series.t_s[-1]
    if from_s >= length_s:
        raise UserError(f"must be below {length_s:g} s, the length of the file, got {from_s:g} ({series.source})")
    after = bisect_right(series.t_s, from_s)
    first = sampled(series.t_s, series.value, from_s)
    times_s = (0.0, *(time_s - from_s for time_s in series.t_s[after:]))
    return Series(times_s, (first, *series.value[after:]), f"{series.source}, from {from_s:g} s on")


class _File:
    """A table whose columns are read when they are wanted."""

    def __init__(self, path: Path, separator: str, columns: list[str]) -> None:
        self.path = path
        self.columns = columns
        self._separator = separator  # empty for Parquet

    @classmethod
    def opened(cls, path: Path) -> "_File":
        try:
            if path.suffix.lower() in (".parquet", ".pq"):
                return cls(path, "", list(pq.read_schema(path).names))
            with path.open(encoding="utf-8-sig") as lines:
                header = lines.readline()
            separator = next((mark for mark in (",", ";", "\t") if mark in header), ",")
            return cls(path, separator, list(pd.read_csv(path, sep=separator, nrows=0).columns))
        except FileNotFoundError:
            raise UserError(f"there is no file '{path}'") from None
        except (OSError, ValueError) as error:  # pyarrow's and pandas' complaints are ValueErrors
            raise UserError(f"{path.name} cannot be read: {str(error).splitlines()[0]}") from None

    def column(self, name: str) -> "pd.Series[Any]":
        try:
            if not self._separator:
                table = pd.read_parquet(self.path, columns=[name])
            else:
                # Blank lines stay, as rows without values: skipping them would move the row numbers.
                table = pd.read_csv(self.path, sep=self._separator, usecols=[name], skip_blank_lines=False)
        except (OSError, ValueError) as error:
            raise UserError(f"{self.path.name} cannot be read: {str(error).splitlines()[0]}") from None
        if len(table) < 2:
            raise UserError(f"{self.path.name} has {len(table)} rows of data, at least 2 are needed")
        return table[name].reset_index(drop=True)

    def numbers(self, name: str) -> Floats:
        """A column of finite numbers, shape `(n,)`."""
        cells = self.column(name)
        values = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        bad = np.flatnonzero(~np.isfinite(values))
        if bad.size:
            raise self.error(bad[0], f"column '{name}' {_found(cells.iloc[bad[0]])}, a number is needed")
        return values

    def error(self, index: Any, complaint: str) -> UserError:
        return UserError(f"{self.path.name}, row {int(index) + 1}: {complaint}")


def _choose(file: _File, column: str | None, unit: str | None, units: Iterable[str]) -> tuple[str, str]:
    """Name and unit of the column that is meant."""
    if unit is not None and unit not in units:
        raise UserError(f"{file.path.name}: unit must be one of {', '.join(units)}, got '{unit}'")
    layout = next((one for one in LAYOUTS if {one.time, one.value} <= set(file.columns)), None)
    known = layout.value if layout and layout.unit in units else None
    name = column if column is not None else known or _only_candidate(file, units)
    if name not in file.columns:
        raise UserError(f"{file.path.name} has no column '{name}'.{did_you_mean(name, file.columns)}")
    if unit is None:
        unit = layout.unit if layout and name == known else _unit_of(name, units)
    if unit is None:
        raise UserError(
            f"{file.path.name}: column '{name}' does not say its unit: set unit to one of {', '.join(units)}"
        )
    return name, unit


def _only_candidate(file: _File, units: Iterable[str]) -> str:
    others = [name for name in file.columns if not _is_time(name)]
    speaking = [name for name in others if _unit_of(name, units)]
    candidates = speaking or others
    if len(candidates) != 1:
        listed = ", ".join(candidates) or "none"
        raise UserError(f"{file.path.name}: which column is meant? Set column to one of {listed}")
    return candidates[0]


def _unit_of(name: str, units: Iterable[str]) -> str | None:
    """Unit that a name such as `f_bus1_hz` or `Deviation [mHz]` ends in."""
    words = re.findall(r"[a-z0-9]+", name.lower())
    last = words[-1] if words else ""
    deviation = f"dev_{last}"
    if deviation in units and DEVIATION_WORDS & set(words):
        return deviation
    return last if last in units else None


def _is_time(name: str) -> bool:
    return name.lower() in TIME_NAMES or _time_parts(name) is not None


def _time_parts(name: str) -> float | None:
    """Parts of a second in which a column such as `t_s` or `time_ms` counts; None for other columns."""
    stem, _, suffix = name.lower().rpartition("_")
    return TIME_SUFFIXES.get(suffix) if stem in TIME_NAMES else None


def _time_column(file: _File, value_column: str, step_s: float | None) -> tuple[str | None, float | None]:
    """Name of the time column and the parts of a second it counts in: none for dates, no name without a column."""
    times = [name for name in file.columns if name != value_column and _is_time(name)]
    if not times:
        if step_s is None:
            raise UserError(f"{file.path.name} has no time column: set step_s, the seconds from row to row")
        if not 0.0 < step_s < np.inf:
            raise UserError(f"step_s must be above 0, got {step_s}")
        return None, None
    name = times[0]
    if step_s is not None:
        raise UserError(f"{file.path.name} has the time column '{name}', so step_s must stay empty")
    if len(times) > 1:
        raise UserError(f"{file.path.name} has several time columns: {', '.join(times)}; keep one")
    return name, _time_parts(name)


def _times_s(file: _File, value_column: str, step_s: float | None) -> Floats:
    name, parts = _time_column(file, value_column, step_s)
    if name is None:
        return np.arange(len(file.column(value_column)), dtype=np.float64) * float(step_s or 1.0)
    if parts is not None:
        return file.numbers(name) / parts
    return _seconds_of_dates(file, name)


def _dates(file: _File, name: str) -> "pd.Series[Any]":
    """A column of dates, NaT for what is none; dates without an offset are UTC."""
    cells = file.column(name)
    if pd.api.types.is_numeric_dtype(cells) and cells.notna().any():
        raise UserError(f"{file.path.name}: column '{name}' holds numbers: call it time_s, time_ms or time_ns")
    dates = pd.to_datetime(cells, format="ISO8601", utc=True, errors="coerce")
    if dates.isna().all() and name == LAYOUTS[0].time:  # older NESO files
        dates = pd.to_datetime(cells, format="%d/%m/%Y %H:%M:%S", utc=True, errors="coerce")
    return dates


def _seconds_of_dates(file: _File, name: str) -> Floats:
    """Seconds since the first row of a column of dates."""
    dates = _dates(file, name)
    bad = np.flatnonzero(dates.isna())
    if bad.size:
        cell = file.column(name).iloc[bad[0]]
        raise file.error(bad[0], f"column '{name}' {_found(cell)}, a date such as 2024-03-01T12:00:00Z is needed")
    ns = dates.dt.as_unit("ns").to_numpy(dtype=np.int64)
    return np.asarray((ns - ns[0]) / 1e9, dtype=np.float64)


def _check_rising(file: _File, times_s: Floats) -> None:
    bad = np.flatnonzero(~(np.diff(times_s) > 0.0))
    if bad.size:
        row = bad[0] + 1
        raise file.error(
            row, f"time does not rise: {times_s[row]:g} s after {times_s[row - 1]:g} s (clock changes? use UTC)"
        )


def _check_gaps(file: _File, times_s: Floats) -> None:
    steps_s = np.diff(times_s)
    usual_s = float(np.median(steps_s))
    bad = np.flatnonzero(steps_s > GAP * usual_s)
    if bad.size:
        raise file.error(bad[0] + 1, f"gap of {steps_s[bad[0]]:g} s, the usual step is {usual_s:g} s")


def _series(file: _File, name: str, unit: str, times_s: Floats, values: Floats) -> Series:
    source = f"{file.path.name}, column {name} in {unit}, {len(values)} samples over {times_s[-1] - times_s[0]:g} s"
    return Series(tuple(times_s.tolist()), tuple(values.tolist()), source)


def _found(cell: Any) -> str:
    return "is empty" if pd.isna(cell) else f"is '{cell}'"
