"""What the commands about runs do: run, show, trace, compare, digest, report."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.markup import escape

from experiments import compare, figures, folder, screen, show
from experiments.cli import BROKEN_INVARIANT, FAILED, INTERRUPTED, print_json
from experiments.digest import digests
from experiments.errors import UserError
from experiments.load import Loaded, load
from experiments.run import RunFailedError, run_one, run_variants, write_report
from experiments.runs import Run, load_run
from experiments.trace import busiest_ev, fold, lines_of, trace_text
from experiments.watch import Watch, terminal_watch


class OnScreen(Watch):
    """Shows each run on stdout as it comes and goes; progress and warnings go on to `aside`."""

    def __init__(self, aside: Watch) -> None:
        self._aside = aside
        self._console = screen.console()

    def announce(self, loaded: Loaded) -> None:
        self._console.print(screen.head(loaded.scenario, loaded.variant))

    def finished(self, run: Run) -> None:
        for line in screen.outcome(run):
            self._console.print(line)
        if run.status == "interrupted":
            self._console.print(screen.interrupted(run))
        self._console.print(screen.written(run))

    def begin(self, what: str, duration_s: float) -> None:
        self._aside.begin(what, duration_s)

    def progress(self, now_ns: int) -> None:
        self._aside.progress(now_ns)

    def end(self) -> None:
        self._aside.end()

    def warn(self, text: str) -> None:
        self._aside.warn(text)

    def stopping(self) -> None:
        self._aside.stopping()


def run_command(
    scenario: str,
    overrides: Sequence[str],
    *,
    seed: int | None,
    out: Path | None,
    until: float | None,
    variant: str,
    report: bool,
    as_json: bool,
    quiet: bool,
    debug: bool,
) -> int:
    """Run a scenario, show what came of it, and return the exit code."""
    changes = {"seed": seed, "duration_s": until}
    settings = {key: value for key, value in changes.items() if value is not None}
    variants = load(scenario, overrides, variant, settings)
    watch = Watch() if as_json or quiet else OnScreen(terminal_watch())
    path: Path | None = None
    try:
        if len(variants) > 1:
            path, done = run_variants(variants, out=out, report=report, watch=watch)
        else:
            done = [run_one(variants[0], out=out, report=report, watch=watch)]
    except RunFailedError as error:
        if debug:
            raise
        print(f"error: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("aborted; what was written up to here can be read", file=sys.stderr)
        return INTERRUPTED
    if as_json:
        print_json(run_document(path, done))
    elif quiet:
        print(path or done[0].path)
    else:
        tell_end(path, done)
    return exit_code(done)


def run_document(path: Path | None, runs: Sequence[Run]) -> dict[str, Any]:
    """What `run --json` prints: the run, or all variants under their common folder."""
    if path is None:
        return show.document(runs[0])
    return {"run_dir": str(path), "status": runs[-1].status, "runs": [show.document(run) for run in runs]}


def tell_end(path: Path | None, runs: Sequence[Run]) -> None:
    """After the last run: variants side by side, and what one would type now."""
    out = screen.console()
    if path is not None and len(runs) > 1:
        out.print()
        print_comparison(runs, everything=False)
        out.print(f"wrote [bold]{escape(screen.near(path))}/[/]   [dim]({len(runs)} variants)[/]")
    for line in screen.next_steps(runs[0], path):
        out.print(line)


def exit_code(runs: Sequence[Run]) -> int:
    """Interrupted before broken before done."""
    if any(run.status == "interrupted" for run in runs):
        return INTERRUPTED
    broken = any(not check["ok"] for run in runs for check in run.manifest.get("checks", []))
    return BROKEN_INVARIANT if broken else 0


def show_command(name: str, table: str | None, ev: int | None, rows: int, where: str, as_json: bool) -> None:
    """Key figures and tables of a run, or the first rows of a table."""
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
    total, units = len(frame), frame.attrs.get("units", {})
    frame = frame.head(rows)
    if as_json:
        print(frame.to_json(orient="records", indent=2))
        return
    titles = [
        f"{column}\n[{units.get(column, '')}]" if units.get(column, "1") != "1" else f"{column}\n" for column in frame
    ]
    numbers = [number for number, column in enumerate(frame) if frame[column].dtype.kind in "if"]
    cells = [[cell_text(value) for value in row] for row in frame.itertuples(index=False)]
    out = screen.console()
    out.print(screen.table(titles, cells, right=numbers))
    if total > rows:
        print(f"{total - rows:,} more rows: -n {total}", file=sys.stderr)


def cell_text(value: Any) -> str:
    """A cell of a table."""
    if value is None or value != value:
        return figures.NOTHING
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def trace_command(name: str, ev: int | None, rows: int | None, folded: bool, as_json: bool) -> None:
    """Messages of one vehicle."""
    run = load_run(name)
    if not as_json:
        print(trace_text(run, ev, rows, folded))
        return
    chosen = busiest_ev(run) if ev is None else ev
    lines = [] if chosen is None else lines_of(run, chosen)
    print_json([line._asdict() for line in (fold(lines) if folded else lines)[:rows]])


def compare_command(names: Sequence[str], everything: bool, as_json: bool) -> None:
    """Runs side by side."""
    runs = [run for name in names for run in runs_named(name)]
    if len(runs) < 2:
        raise UserError("compare needs two runs, or a folder of variants")
    if as_json:
        print_json(compare.document(runs))
        return
    print_comparison(runs, everything)
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
    """Make the report of a run again."""
    for run in runs_named(name):
        write_report(run.path)
        print(run.path / folder.REPORT)


def runs_named(name: str) -> list[Run]:
    """The run of a name, or all variants in its folder."""
    path = folder.find_run(name)
    return [Run(variant) for variant in folder.variants_of(path).values()] or [Run(path)]
