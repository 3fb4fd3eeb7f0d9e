"""What the commands about finished runs do: show, trace, compare, digest, report. None of them loads the simulator."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from experiments import compare, figures, folder, screen, show
from experiments.cli import print_json
from experiments.digest import digests
from experiments.errors import UserError
from experiments.keys import did_you_mean
from experiments.runs import Run, load_run
from experiments.sheet import Sheet, sheet_lines
from experiments.trace import busiest_ev, fold, lines_of, trace_text
from experiments.trace_svg import write_trace_svg
from experiments.verdict import Verdict, verdict_document, verdict_of, verdict_table

FEW = 8  # runs: more are not told in full
CARS = "cars"  # not recorded, but worked out from what is
WHOLE = (pa.int64(), pa.int32())


def show_command(name: str, table: str | None, ev: int | None, rows: int, where: str, as_json: bool) -> None:
    """Key figures and tables of a run, or the first rows of a table."""
    if table == CARS:
        show_cars(load_run(name), ev, rows, as_json)
        return
    if table is not None:
        show_table(load_run(name), table, ev, rows, where, as_json)
        return
    runs = runs_named(name)
    if as_json:
        documents = [{**show.document(run), "tables": {key: run.rows(key) for key in run.tables}} for run in runs]
        print_json(documents[0] if len(documents) == 1 else {"runs": documents})
        return
    out = screen.console()
    for run in runs:
        out.print(screen.table(("run", ""), show.facts(run)), "")
        out.print(screen.table(("key figure", "value"), show.figure_rows(run), right=(1,)), "")
        out.print(screen.table(("table", "rows", "meaning"), show.table_rows(run), right=(1,)))


def show_table(run: Run, table: str, ev: int | None, rows: int, where: str, as_json: bool) -> None:
    """The first rows of a table, with units."""
    frame = run.table(table, ev=ev)
    if where:
        try:
            frame = frame.query(where)
        except Exception as error:  # pandas raises whatever its parser or a column's type raises
            raise UserError(f"--where {where!r} does not fit table {table}: {error}") from None
    total, frame = len(frame), frame.head(rows)
    whole = {field.name for field in run.dataset(table).schema if field.type in WHOLE}  # absent ones made them floats
    cells = [
        [plain_cell(value, column in whole) for column, value in zip(frame, row, strict=True)]
        for row in frame.itertuples(index=False)
    ]
    if as_json:
        print_json([dict(zip(frame, row, strict=True)) for row in cells])
        return
    units = [frame.attrs.get("units", {}).get(column, "1") for column in frame]
    sheet = Sheet(
        titles=list(frame),
        units=["" if unit == "1" else f"[{unit}]" for unit in units],
        numbers=[frame[column].dtype.kind in "if" for column in frame],
        rows=[[cell_text(value) for value in row] for row in cells],
    )
    for line in sheet_lines(sheet, screen.width()):
        print(line)
    if total > rows:
        print(f"{total - rows:,} more rows: -n {total}", file=sys.stderr)


def show_cars(run: Run, ev: int | None, rows: int, as_json: bool) -> None:
    """How single cars delivered what was asked of them: latency, ramp, errors, energy, cycles."""
    from experiments.delivery import cars

    frame = cars(run)
    frame = frame if ev is None else frame[frame["ev_id"] == ev]
    columns = [str(column) for column in frame]
    chosen = frame.head(rows).itertuples(index=False)
    cells = [
        [plain_cell(value, column in ("ev_id", "steps")) for column, value in zip(columns, row, strict=True)]
        for row in chosen
    ]
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in cells])
        return
    texts = [[cell_text(value) for value in row] for row in cells]
    for line in sheet_lines(Sheet(columns, ["" for _ in columns], [True for _ in columns], texts), screen.width()):
        print(line)
    if len(frame) > rows:
        print(f"{len(frame) - rows:,} more rows: -n {len(frame)}", file=sys.stderr)


def plain_cell(value: Any, whole: bool) -> int | float | str | None:
    """A cell as Python has it; None where it is absent."""
    if value is None or value != value:
        return None
    if isinstance(value, str):
        return value
    return int(value) if whole else float(value)


def cell_text(value: Any) -> str:
    """A cell of a table."""
    if value is None:
        return figures.NOTHING
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def trace_command(
    name: str, ev: int | None, rows: int | None, folded: bool, as_json: bool, svg: Path | None = None
) -> None:
    """Messages and events of one vehicle: as text, as data, or as a drawing."""
    run = load_run(name)
    if svg is None and not as_json:
        print(trace_text(run, ev, rows, folded))
        return
    chosen = busiest_ev(run) if ev is None else ev
    if chosen is None and svg is not None:
        raise UserError(f"{run.path} has no messages")
    lines = [] if chosen is None else lines_of(run, chosen)
    shown = (fold(lines) if folded else lines)[:rows]
    if svg is not None and chosen is not None:
        write_trace_svg(shown, chosen, svg)
        print(f"drew {len(shown)} lines of EV{chosen:03d} into {svg}", file=sys.stderr)
    if as_json:
        print_json([line.document() for line in shown])


def compare_command(names: Sequence[str], everything: bool, as_json: bool) -> None:
    """Runs side by side."""
    runs = [run for name in names for run in runs_named(name)]
    if len(runs) < 2:
        raise UserError("compare needs two runs, or a folder of variants")
    verdict = verdict_of(folder.find_run(names[0])) if len(names) == 1 else None
    if as_json:
        told = compare.document(runs)
        print_json(told if verdict is None else told | {"verdict": verdict_document(verdict)})
        return
    if verdict is not None and len(runs) > FEW and not everything:
        print_verdict(verdict)
        print(f"{len(runs)} runs: all figures and settings with --all", file=sys.stderr)
        return
    print_comparison(runs, everything)
    if verdict is not None:
        screen.console().print()
        print_verdict(verdict)
    settings = [row for row in compare.compare_config(runs) if not row.key.endswith("description")]
    if settings:
        rows = [(row.key, *("" if value is None else str(value) for value in row.values)) for row in settings]
        screen.console().print("", screen.table(("setting", *("" for _ in runs)), rows))


def print_comparison(runs: Sequence[Run], everything: bool) -> None:
    """Key figures side by side; the change is from the first to the last."""
    rows = []
    for row in compare.compare_kpis(runs):
        if row.differs or everything:
            change = figures.difference(row.key, row.values[0], row.values[-1])
            rows.append((figures.label(row.key), *(figures.text(row.key, value) for value in row.values), change))
    if not rows:
        screen.console().print("all key figures are equal")
        return
    titles = ("key figure", *unlike_names(runs), "change")
    screen.console().print(screen.table(titles, rows, right=range(1, len(titles))))


def print_verdict(verdict: Verdict) -> None:
    """One row per run: its place on the axes, and the figures that the scenario is judged by."""
    titles, rows = verdict_table(verdict)
    numbers = range(len(verdict.axes), len(titles))
    screen.console().print(screen.table(titles, rows, right=numbers))
    known = dict.fromkeys(key for found in verdict.found for key in found)
    for key in verdict.keys:
        if key not in known:
            print(f"warning: no run has the key figure '{key}'.{did_you_mean(key, known)}", file=sys.stderr)


def unlike_names(runs: Sequence[Run]) -> list[str]:
    """A short name for each run that tells it from the others: variant, policy, or folder."""
    choices = (
        [run.manifest.get("variant", "") for run in runs],
        [run.manifest.get("policy", {}).get("name", "") for run in runs],
    )
    return next(
        (names for names in choices if all(names) and len(set(names)) == len(runs)), [run.path.name for run in runs]
    )


def digest_command(name: str, as_json: bool) -> None:
    """One hash per table, as `sha256sum` would print them."""
    runs = runs_named(name)
    if as_json:
        documents = {str(run.path): digests(run) for run in runs}
        print_json(documents if len(runs) > 1 else next(iter(documents.values())))
        return
    for run in runs:
        for table, value in digests(run).items():
            print(f"{value}  {run.path.name + '/' if len(runs) > 1 else ''}{table}")


def report_command(name: str) -> None:
    """Make the report of a run again, or those of several and the one about them all."""
    from experiments.report import write_report
    from experiments.report.comparison import write_comparison

    for run in runs_named(name):
        print(write_report(run))
    together = write_comparison(folder.find_run(name))
    if together is not None:
        print(together)


def runs_named(name: str) -> list[Run]:
    """The run of a name, or all variants in its folder."""
    path = folder.find_run(name)
    return [Run(variant) for variant in folder.variants_of(path).values()] or [Run(path)]
