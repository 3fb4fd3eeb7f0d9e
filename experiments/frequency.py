"""A recorded frequency looked at: what is wrong with the file, and what its statistics are beside recorded ones.

`read_series` refuses a file at its first fault. Here every fault is found and counted, and what is left is described.
Rows are counted from 1 at the first row of data.
"""

import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from experiments import screen
from experiments.cli import print_json
from experiments.errors import UserError
from experiments.files import DATA, packaged_file
from experiments.series import FREQUENCY_BAND, FREQUENCY_UNITS, GAP, RawSeries, raw_series
from models.grid.statistics import Floats, Statistics, lagged_increments, statistics

RECORDED = DATA / "frequency" / "recorded-statistics.json"
STUCK_S = 30.0  # equal values for so long are a stuck meter; at 1 mHz and 1 s, ten equal ones are nothing special
COARSE_HZ = 0.005  # steps of values beyond which small deviations cannot be told
COARSE_SAMPLES = 100  # fewer may differ by so much by chance
OFFSET_HZ = 0.025  # a mean further from nominal than any area keeps over a day
SPARSE = 100  # times as long as its rows would fill: no series any more
SPIKE_HZ = 0.1  # to a neighbour on either side, and back
NOMINALS_HZ = (50.0, 60.0)


class Finding(NamedTuple):
    """Something wrong, or worth knowing: what, how often, and the first row that shows it (0: the file as a whole)."""

    what: str
    times: int
    first_row: int
    detail: str


class Described(NamedTuple):
    """A file after a look at it. `deviation_mhz` is evenly sampled, nan where nothing is known."""

    source: str
    nominal_hz: float
    deviation_mhz: Floats
    findings: list[Finding]
    statistics: Statistics


def describe(
    path: Path,
    column: str | None = None,
    step_s: float | None = None,
    unit: str | None = None,
    nominal_hz: float | None = None,
) -> Described:
    """Look at a file of recorded frequency; options as for `read_series`.

    Without `nominal_hz` it is 50 or 60, whichever the values are near; deviations count from 50. Raises UserError for a
    file without two usable numbers, or one of which it is not clear what is meant.
    """
    raw = raw_series(path, column, step_s, unit, FREQUENCY_UNITS)
    findings: list[Finding] = []
    values_hz = raw.values / FREQUENCY_UNITS[raw.unit]
    nominal_hz, values_hz = _absolute(raw, values_hz, nominal_hz)
    findings += _cells(raw, values_hz, nominal_hz)
    values_hz = np.where(np.abs(values_hz - nominal_hz) <= FREQUENCY_BAND * nominal_hz, values_hz, np.nan)
    usual_s, found = _times(raw)
    findings += found
    span_s = float(np.nanmax(raw.times_s) - np.nanmin(raw.times_s))
    if span_s > SPARSE * raw.values.size * usual_s:
        raise UserError(
            f"{path.name}: {raw.values.size:,} rows every {usual_s:.4g} s spread over {span_s:.4g} s: "
            "one of the times must be wrong, or the file is no series"
        )
    deviation_mhz = _evenly(raw.times_s, 1e3 * (values_hz - nominal_hz), usual_s)
    findings += _shape(deviation_mhz, usual_s)
    first = None if raw.start_s is None else raw.start_s % 3600.0
    try:
        told = statistics(deviation_mhz, usual_s, first)
    except ValueError as error:
        raise UserError(f"{path.name}: column '{raw.name}' in {raw.unit}: {error}") from None
    source = f"{path.name}, column {raw.name} in {raw.unit}, {raw.values.size:,} rows"
    return Described(source, nominal_hz, deviation_mhz, findings, told)


def recorded() -> list[dict[str, Any]]:
    """Statistics of recordings, in the order of the file: `name`, `title`, `statistics`."""
    found: list[dict[str, Any]] = json.loads(RECORDED.read_text(encoding="utf-8"))
    return found


def _as_options(complaint: str) -> str:
    """What a reader of files says of settings, in the options of this command."""
    said = {"Set column to": "Set --column to", "set step_s": "set --step-s", "unit must": "--unit must"}
    said |= {"step_s must": "--step-s must"}
    for setting, option in said.items():
        complaint = complaint.replace(setting, option)
    return complaint


def describe_command(
    file: str,
    column: str | None,
    step_s: float | None,
    unit: str | None,
    nominal_hz: float | None,
    svg: Path | None,
    as_json: bool,
) -> None:
    """Print what is wrong with a file and what it is like; draw it."""
    path = packaged_file("grid.file", file)
    try:
        found = describe(path, column, step_s, unit, nominal_hz)
    except UserError as error:
        raise UserError(_as_options(str(error))) from None
    if svg is not None:
        _draw(found, svg)
        print(f"wrote {svg}", file=sys.stderr)
    if as_json:
        print_json(document(found))
        return
    out = screen.console()
    out.print(f"[bold]{found.source}[/], nominal {found.nominal_hz:g} Hz", "")
    if not found.findings:
        out.print("nothing is wrong with the file", "")
    else:
        rows = [(f.what, f"{f.times:,}", f"{f.first_row:,}" if f.first_row else "", f.detail) for f in found.findings]
        out.print(screen.table(("found", "times", "first row", ""), rows, right=(1, 2)), "")
    others = recorded()
    columns = [flat(found.statistics._asdict()), *(flat(other["statistics"]) for other in others)]
    told = [(name, *[_text(one.get(name)) for one in columns]) for name in columns[0]]
    titles = ("statistic", "this file", *(other["name"] for other in others))
    out.print(screen.table(titles, told, right=range(1, len(titles))))
    print("mHz are deviations from nominal; the recordings are at 50 Hz, see data/frequency/README.md", file=sys.stderr)


def document(found: Described) -> dict[str, Any]:
    """A description as one JSON document."""
    return {
        "source": found.source,
        "nominal_hz": found.nominal_hz,
        "findings": [finding._asdict() for finding in found.findings],
        "statistics": found.statistics._asdict(),
        "recorded": recorded(),
    }


def flat(told: dict[str, Any]) -> dict[str, Any]:
    """Nested statistics with one name each: `autocorrelation 60 s`, `share beyond 50 mHz`, `percentile 99`."""
    named: dict[str, Any] = {}
    for key, value in told.items():
        if key == "autocorrelation":
            named |= {f"autocorrelation {lag} s": one for lag, one in value.items()}
        elif key == "share_beyond":
            named |= {f"share beyond {limit} mHz": one for limit, one in value.items()}
        elif key == "percentiles_mhz":
            named |= {f"percentile {level[1:]} [mHz]": one for level, one in value.items()}
        else:
            named[key] = value
    return named


def _text(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


# --- what is wrong ---


def _absolute(raw: RawSeries, values_hz: Floats, nominal_hz: float | None) -> tuple[float, Floats]:
    """Nominal frequency and absolute values, from deviations or not."""
    middle_hz = float(np.nanmedian(values_hz)) if np.isfinite(values_hz).any() else 0.0
    is_deviation = raw.unit.startswith("dev") or (raw.unit == "mhz" and abs(middle_hz) < FREQUENCY_BAND * 50.0)
    if nominal_hz is None:
        near = min(NOMINALS_HZ, key=lambda one: abs(one - middle_hz))
        nominal_hz = NOMINALS_HZ[0] if is_deviation else near
    return nominal_hz, values_hz + nominal_hz if is_deviation else values_hz


def _cells(raw: RawSeries, values_hz: Floats, nominal_hz: float) -> list[Finding]:
    no_number = ~np.isfinite(values_hz)
    outside = np.isfinite(values_hz) & ~(np.abs(values_hz - nominal_hz) <= FREQUENCY_BAND * nominal_hz)
    band = f"beyond 10 % of {nominal_hz:g} Hz; left out"
    if outside.any():
        band = f"{values_hz[np.flatnonzero(outside)[0]]:g} Hz, {band}"
    return [*_rows("cells without a number", no_number, "left out"), *_rows("values that no grid has", outside, band)]


def _times(raw: RawSeries) -> tuple[float, list[Finding]]:
    """The usual step [s], and what is wrong with the times."""
    times_s = raw.times_s
    findings = _rows("times that cannot be read", ~np.isfinite(times_s), "left out")
    known = np.flatnonzero(np.isfinite(times_s))
    steps_s = np.diff(times_s[known])
    rising = steps_s[steps_s > 0.0]
    if not rising.size:
        raise UserError(f"{raw.path.name}: the times never rise")
    ordinary = rising[rising <= GAP * np.median(rising)]
    usual_s = float(ordinary.mean())  # not the median: written times are rounded, 30 samples a second to 33 or 34 ms
    back = np.zeros(times_s.size, dtype=bool)
    back[known[1:]] = steps_s <= 0.0
    findings += _rows("times that do not rise", back, "repeated or turned back: clock changes? use UTC")
    gap = np.zeros(times_s.size, dtype=bool)
    gap[known[1:]] = steps_s > GAP * usual_s
    missing_s = float(np.sum(steps_s[steps_s > GAP * usual_s] - usual_s))
    findings += _rows("gaps", gap, f"{missing_s:g} s are missing, the usual step is {usual_s:.4g} s")
    return usual_s, findings


def _evenly(times_s: Floats, values: Floats, step_s: float) -> Floats:
    """Values on an even grid of steps, nan where none fell; of several at one place the last."""
    known = np.isfinite(times_s)
    place = np.rint((times_s[known] - np.nanmin(times_s)) / step_s).astype(np.int64)
    grid = np.full(int(place.max()) + 1, np.nan)
    grid[place] = values[known]
    return grid


def _shape(deviation_mhz: Floats, step_s: float) -> list[Finding]:
    """What the values themselves give away: a stuck meter, spikes, coarse steps, an offset."""
    findings = []
    known = deviation_mhz[np.isfinite(deviation_mhz)]
    if known.size < 2:
        return []
    same = np.concatenate([[False], np.abs(np.diff(deviation_mhz)) < 1e-6, [False]])
    ends = np.flatnonzero(np.diff(same.astype(np.int8)))
    lengths = (ends[1::2] - ends[::2]) * step_s
    stuck = lengths >= STUCK_S
    if stuck.any():
        first_s = float(ends[::2][stuck][0]) * step_s
        longest = f"first at {first_s:g} s, the longest for {lengths.max():g} s: a stuck meter, or filled in"
        findings.append(Finding("stretches of one value", int(stuck.sum()), 0, longest))
    steps = np.abs(lagged_increments(known, 1))
    smallest_hz = 1e-3 * float(steps[steps > 1e-6].min()) if (steps > 1e-6).any() else 0.0
    if smallest_hz >= COARSE_HZ and known.size >= COARSE_SAMPLES:
        findings.append(Finding("coarse values", 1, 0, f"they differ by {1e3 * smallest_hz:g} mHz at least"))
    before, after = np.diff(deviation_mhz)[:-1], np.diff(deviation_mhz)[1:]
    spikes = np.flatnonzero((np.minimum(np.abs(before), np.abs(after)) > 1e3 * SPIKE_HZ) & (before * after < 0.0))
    if spikes.size:
        told = f"first at {(spikes[0] + 1) * step_s:g} s: more than {1e3 * SPIKE_HZ:g} mHz away and back"
        findings.append(Finding("spikes of one sample", int(spikes.size), 0, told))
    offset_hz = 1e-3 * float(known.mean())
    if abs(offset_hz) > OFFSET_HZ and known.size * step_s >= 86400.0:
        findings.append(Finding("offset", 1, 0, f"the mean is {1e3 * offset_hz:+.1f} mHz from nominal over a day"))
    return findings


def _rows(what: str, wrong: "np.ndarray[Any, np.dtype[np.bool_]]", detail: str) -> list[Finding]:
    where = np.flatnonzero(wrong)
    return [Finding(what, int(where.size), int(where[0]) + 1, detail)] if where.size else []


# --- the picture ---


def _draw(found: Described, path: Path) -> None:
    from experiments.report.plot import Plot, Trace, write_plots

    values = pd.Series(found.deviation_mhz).interpolate().bfill().to_numpy()
    hours = np.arange(values.size) * found.statistics.step_s / 3600.0
    thin = max(1, values.size // 1500)
    pieces = [values[k : k + thin] for k in range(0, values.size, thin)]
    times = np.repeat(hours[::thin], 2).tolist()
    extremes = [value for piece in pieces for value in (float(np.nanmin(piece)), float(np.nanmax(piece)))]
    known = found.deviation_mhz[np.isfinite(found.deviation_mhz)]
    reach = max(100.0, float(np.abs(known).max()))
    counts, edges = np.histogram(known, bins=81, range=(-reach, reach))
    middles = (0.5 * (edges[:-1] + edges[1:])).tolist()
    memory = [Trace("this file", *_memory(found.statistics._asdict()), "blue")]
    for colour, other in zip(("orange", "grey"), (recorded()[0], recorded()[2]), strict=True):
        memory.append(Trace(other["name"], *_memory(other["statistics"]), colour))
    plots = [
        Plot(f"Frequency, {found.source}", "hours", "deviation, mHz", [Trace("", times, extremes, "blue")]),
        Plot(
            "How often", "deviation, mHz", "share of samples, %",
            [Trace("", middles, (100.0 * counts / known.size).tolist(), "blue")],
        ),
        Plot("Memory", "lag, minutes", "autocorrelation", memory),
    ]  # fmt: skip
    write_plots(plots if len(memory[0].x) > 1 else plots[:2], path)


def _memory(told: dict[str, Any]) -> tuple[list[float], list[float]]:
    known = [(float(lag) / 60.0, value) for lag, value in told["autocorrelation"].items() if value is not None]
    return [lag for lag, _ in known], [value for _, value in known]
