"""What `v2g-cosim grid` does: a machine case simulated into a CSV file, presets listed."""

import math
from pathlib import Path
from typing import NamedTuple

from experiments import screen
from experiments.cli import print_json
from experiments.errors import UserError
from experiments.machines import MachineCase, case_file, read_case
from experiments.presets import grid_names, load_grid
from experiments.rows import read_rows
from models.grid.area import initial_rocof_hz_per_s
from models.grid.frequency import FrequencyModel
from models.grid.imbalance import mean_sampled

INNER_STEP_S = 0.02  # the power's mean over each is held; the program's own results have this step
MOST_ROWS = 10_000_000
JUMP = 0.5  # share of the largest change that makes a change right after t = 0 the disturbance itself


class Trace(NamedTuple):
    """A simulated frequency."""

    t_s: list[float]
    f_hz: list[float]


class PowerKnots(NamedTuple):
    """Electrical power over time, linear between knots; two knots of one time are a jump."""

    t_s: tuple[float, ...]
    mw: tuple[float, ...]


def simulate_command(
    params: Path, out: Path, electrical_power: Path | None, until: float | None, dt_s: float, as_json: bool
) -> None:
    """Simulate a parameter file and write `t_s,f_hz`."""
    case = read_case(case_file(str(params)))
    knots = read_electrical_power(electrical_power) if electrical_power is not None else None
    first_s = min(0.0, knots.t_s[0]) if knots else 0.0
    last_s = until if until is not None else knots.t_s[-1] if knots else case.end_s
    if not 0.0 < dt_s < float("inf"):
        raise UserError(f"--dt must be above 0 s, got {dt_s:g}")
    if not first_s < last_s < float("inf"):
        raise UserError(f"--until must be later than {first_s:g} s, got {last_s:g}")
    if (last_s - first_s) / dt_s > MOST_ROWS:
        raise UserError(f"--dt {dt_s:g} s until {last_s:g} s would be more than {MOST_ROWS:,} rows")
    trace = simulated(case, knots, first_s, last_s, dt_s)
    lines = [f"{t:.6f},{f:.9f}\n" for t, f in zip(trace.t_s, trace.f_hz, strict=True)]
    try:
        out.write_text("t_s,f_hz\n" + "".join(lines), encoding="utf-8")
    except OSError as error:
        raise UserError(f"--out {out}: {error.strerror}") from None
    nadir_hz = min(trace.f_hz)
    summary = {
        "case": case.name,
        "input": "electrical_power" if knots else "nominal",
        "rows": len(trace.t_s),
        "nadir_hz": nadir_hz,
        "nadir_s": trace.t_s[trace.f_hz.index(nadir_hz)],
        "zenith_hz": max(trace.f_hz),
        "end_hz": trace.f_hz[-1],
        "initial_rocof_hz_per_s": initial_rocof_hz_per_s(case.params, -case.disturbance_mw),
        "out": str(out),
    }
    if as_json:
        print_json(summary)
        return
    facts = [(key, f"{value:.6g}" if isinstance(value, float) else str(value)) for key, value in summary.items()]
    screen.console().print(screen.table(("grid simulate", ""), facts))


def simulated(case: MachineCase, knots: PowerKnots | None, first_s: float, last_s: float, dt_s: float) -> Trace:
    """Frequency [Hz] every `dt_s` from `first_s` to `last_s`, the last instant included.

    Without a power the nominal disturbance acts from t = 0 on; with one, its mean over steps of at most 20 ms.
    """
    model = FrequencyModel(case.params)
    times, trace = [first_s], [model.frequency_hz]
    rows = int((last_s - first_s) / dt_s + 1e-9)
    pieces = max(1, math.ceil(dt_s / INNER_STEP_S - 1e-9))
    for row in range(rows + 1):
        start_s = first_s + row * dt_s
        span_s = dt_s if row < rows else last_s - start_s
        if span_s <= 1e-9:
            break
        for piece in range(pieces):
            power_mw = -case.disturbance_mw
            if knots:
                from_s = start_s + piece * span_s / pieces
                power_mw = -mean_sampled(knots.t_s, knots.mw, from_s, from_s + span_s / pieces)
            model.step(span_s / pieces, power_mw)
        times.append(start_s + span_s)
        trace.append(model.frequency_hz)
    return Trace(times, trace)


def read_electrical_power(path: Path) -> PowerKnots:
    """Columns t_s and dpe_mw of a CSV. The row at t = 0 is the instant before the disturbance.

    Such files hold the state before the event at t = 0 and the state after it one row later. What lies between is a
    jump at 0, not a ramp over a row: where most of the change happens in that row, the later value holds from 0 on.
    """
    rows = read_rows(path, ("t_s", "dpe_mw"))
    times = [row.needed("t_s") for row in rows]
    powers = [row.needed("dpe_mw") for row in rows]
    if len(rows) < 2:
        raise UserError(f"{path.name} has {len(rows)} rows of data, at least 2 are needed")
    for place in range(1, len(rows)):
        if not times[place] > times[place - 1]:
            raise rows[place].error(f"time does not rise: {times[place]:g} s after {times[place - 1]:g} s")
    largest = max(powers) - min(powers)
    for place, time_s in enumerate(times[:-1]):
        if abs(time_s) < 1e-9 and abs(powers[place + 1] - powers[place]) > JUMP * largest > 0.0:
            times.insert(place + 1, time_s)
            powers.insert(place + 1, powers[place + 1])
            break
    return PowerKnots(tuple(times), tuple(powers))


def presets_command(name: str, as_json: bool) -> None:
    """All grids, or the numbers of one with their sources."""
    if not name:
        listed = [(preset.name, preset.title, preset.reference_loss_mw) for preset in map(load_grid, grid_names())]
        if as_json:
            print_json([{"name": n, "title": t, "reference_loss_mw": loss} for n, t, loss in listed])
            return
        rows = [(n, t, f"{loss:,.0f}") for n, t, loss in listed]
        screen.console().print(screen.table(("grid", "", "reference loss MW"), rows, right=(2,)))
        return
    preset = load_grid(name)
    if as_json:
        print_json(
            {"name": preset.name, "title": preset.title, "figures": [figure._asdict() for figure in preset.figures]}
        )
        return
    out = screen.console()
    out.print(preset.title, "", preset.notes, "", sep="\n")
    numbers: list[tuple[str, ...]] = [
        (figure.name, str(figure.value), figure.confidence, figure.source) for figure in preset.figures
    ]
    out.print(screen.table(("number", "value", "confidence", "source"), numbers))
