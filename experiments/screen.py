"""What the terminal shows: the head of a run, its outcome, tables. Data goes to stdout, talk to stderr."""

import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cosim.scenario import Scenario
from experiments import folder
from experiments.figures import difference, scaled, text
from experiments.files import short_policy
from experiments.hints import quiet_reason
from experiments.runs import Run

NAME = "v2g-cosim"


def console() -> Console:
    """Standard output; colours only on a terminal, and no line is broken when it is none."""
    wide = None if sys.stdout.isatty() else 200
    return Console(highlight=False, width=wide)


def width() -> int:
    """Characters in a line: of the terminal, as the environment variable COLUMNS says, or a hundred without either."""
    return shutil.get_terminal_size((100, 24)).columns


def program() -> str:
    """How the user calls this program, to be copied from the screen."""
    called = Path(sys.argv[0])
    if called.name != NAME or shutil.which(NAME) == str(called):
        return NAME
    return str(called)


def near(path: Path) -> str:
    """A path as short as it can be typed."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def head(scenario: Scenario, variant: str = "") -> str:
    """One line that says what runs."""
    fleet, grid = scenario.fleet, scenario.grid
    cars = f"{fleet.n_ev:,} EVs" + (f" × {fleet.cars_per_ev:g} cars" if fleet.cars_per_ev != 1.0 else "")
    worlds = {
        "closed_loop": f"{Path(grid.preset).stem}, closed loop",
        "reconstructed": f"{Path(grid.preset).stem} under the imbalance of {Path(grid.file).name}",
        "replay": f"replay of {Path(grid.file).name}",
        "nominal": "nominal frequency",
    }
    parts = [
        f"[bold]{escape(scenario.name)}[/]" + (f" [cyan]\\[{escape(variant)}][/]" if variant else ""),
        cars,
        escape(short_policy(scenario.policy.name)),
        f"{scenario.duration_s:,g} s",
        escape(worlds[grid.model]),
        f"seed {scenario.seed}",
    ]
    return " · ".join(parts)


def outcome(run: Run) -> Iterable[str]:
    """What came of a run: key figures with and without the fleet, then the checks. Lines with markup."""
    kpis = run.kpis
    if kpis:
        yield from _frequency(kpis, run.manifest.get("nominal_hz", 50.0))
        yield _line("service", _service(kpis))
        quiet = quiet_reason(run)
        if quiet:
            yield _line("", f"[yellow]{escape(quiet)}[/]")
        yield _line("energy", _energy(run))
        yield _line("response", _response(kpis.get("response_delay", {})))
        yield _line("sessions", _sessions(kpis))
        grid = grid_line(kpis)
        if grid:
            yield _line("grid", grid)
        for name, found in kpis.get("products", {}).items():
            yield _line("product", _product(name, found))
    yield _line("checks", _checks(run.manifest.get("checks", [])))
    yield _line("took", _size(run))
    if "wire" in kpis and run.manifest.get("lane_note"):
        yield _line("lane", f"message: {escape(run.manifest['lane_note'])}")


def brief(run: Run, number: int, runs: int) -> str:
    """One of many runs in a line."""
    told = [f"  [cyan]{number:>3}/{runs}[/] {escape(run.path.name)}", _checks(run.manifest.get("checks", []))]
    if run.status != "done":
        told.append(f"[yellow]{run.status}[/]")
    return " · ".join([*told, f"{run.manifest.get('wall_s') or 0.0:.1f} s"])


def _line(name: str, content: str) -> str:
    return f"  [cyan]{name:<10}[/] {content}"


def _frequency(kpis: dict[str, Any], nominal_hz: float) -> Iterable[str]:
    rows = [("lowest", "nadir_hz", "nadir_without_hz"), ("highest", "zenith_hz", "zenith_without_hz")]
    if kpis.get("nadir_without_hz") is None:
        extremes = [f"{name} {text(key, kpis.get(key))}" for name, key, _ in rows]
        yield _line(
            "frequency", " · ".join([*extremes, f"steepest {text('_hz_per_s', kpis.get('maximum_rocof_hz_per_s'))}"])
        )
        return
    yield _line("frequency", f"[dim]{'':8}{'with the fleet':>16}{'without':>14}[/]")
    for name, with_key, without_key in rows:
        with_hz, without_hz = kpis[with_key], kpis[without_key]
        better = abs(with_hz - nominal_hz) < abs(without_hz - nominal_hz)
        change = difference(with_key, without_hz, with_hz)
        told = f"{name:<8}{text(with_key, with_hz):>16}{text(without_key, without_hz):>14}"
        yield _line("", f"{told}   [{'green' if better else 'dim'}]{change}[/]")


def _service(kpis: dict[str, Any]) -> str:
    most, error = text("_w", kpis.get("maximum_service_w")), text("_w", kpis.get("tracking_rmse_w"))
    return f"at most {most} · tracking error {error} rms"


def _energy(run: Run) -> str:
    kpis = run.kpis
    each = "" if run.manifest.get("cars_per_ev", 1.0) == 1.0 else f"   [dim](of {run.manifest['n_ev']:,} EVs)[/]"
    parts = [
        f"{name} {text(key, kpis.get(key))}"
        for name, key in (("charged", "charged_wh"), ("fed back", "discharged_wh"), ("losses", "loss_wh"))
    ]
    return " · ".join(parts) + each


def _response(delay: dict[str, Any]) -> str:
    delivered, replaced = delay.get("count", 0), delay.get("superseded", 0)
    newer = f" · {replaced:,} replaced by newer ones" if replaced else ""
    if not delivered:
        return f"no setpoint step of 5 % or more was delivered{newer}"
    quantiles = " · ".join(f"{name} {text('_s', delay.get(f'{name}_s'))}" for name in ("p50", "p95"))
    return f"{quantiles} for {delivered:,} steps of 5 % or more{newer}"


def _sessions(kpis: dict[str, Any]) -> str:
    targets = kpis.get("targets", {})
    reached = f"{kpis.get('sessions_reached_loop', 0):,} of {kpis.get('sessions', 0):,} reached the charge loop"
    told = [f"{targets[name]:,} {name}" for name in ("met", "missed", "open") if targets.get(name)]
    why = ", ".join(f"{name} {count:,}" for name, count in kpis.get("why_missed", {}).items() if count)
    return reached + (f" · targets: {', '.join(told)}" if told else "") + (f" ({escape(why)})" if why else "")


SECOND_FALL = 0.15  # of the largest deviation: less is how any frequency settles
LATE_SWING_HZ = 0.02


def grid_line(kpis: dict[str, Any]) -> str:
    """What the grid went through: load shed, sessions without supply, the line, a second fall, an unstable loop."""
    told = []
    if kpis.get("shed_stages"):
        stages = "1 stage" if kpis["shed_stages"] == 1 else f"{kpis['shed_stages']} stages"
        told.append(f"{stages} shed, {text('_w', kpis['shed_w'])} net, first at {kpis['first_shed_s']:.1f} s")
    if kpis.get("sessions_without_supply"):
        lost = kpis["sessions_without_supply"]
        told.append("1 session lost its supply" if lost == 1 else f"{lost:,} sessions lost their supply")
    if kpis.get("maximum_tie_w"):
        told.append(f"tie line at most {text('_w', kpis['maximum_tie_w'])}")
        told.append(f"neighbour at least {text('_hz', kpis['neighbour_nadir_hz'])}")
    if kpis.get("second_fall_hz", 0.0) > SECOND_FALL * kpis["maximum_deviation_hz"]:
        told.append(f"second fall {text('_hz', kpis['second_fall_hz'])}")
    if kpis.get("late_swing_hz", 0.0) > LATE_SWING_HZ:
        told.append(f"still moves by {text('_hz', kpis['late_swing_hz'])} in the last tenth")
    return " · ".join(told)


SCORES = {"K": "K", "score_hourly_norm": "score", "passes": "passes"}


def _product(name: str, found: dict[str, Any]) -> str:
    """A product's score and what it comes from."""
    told = [f"[bold]{escape(name)}[/] {text('contract_mw', found.get('contract_mw'))}"]
    score = found.get("score", {})
    told += [f"{title} {text(key, score[key])}" for key, title in SCORES.items() if key in score]
    if "nrmse_pu" not in found:
        return " · ".join([*told, escape(found.get("note", ""))])
    told += [f"latency {text('_s', found['latency_longest_s'])}", f"t90 {text('_s', found['t90_longest_s'])}"]
    told += [f"NRMSE {text('_pu', found['nrmse_pu'])}", f"inside {text('_share', found['inside_share'])}"]
    told += [f"unavailable {text('_share', found['unavailability_share'])}"]
    told += [escape(found["note"])] if found.get("note") else []
    return " · ".join(dict.fromkeys(told))


def _checks(checks: Sequence[dict[str, Any]]) -> str:
    broken = [check for check in checks if not check["ok"]]
    if not checks:
        return "[yellow]not done[/]"
    if not broken:
        return f"[green]all {len(checks)} invariants hold[/]"
    return "; ".join(f"[bold red]{check['name']} broken[/] {escape(check['detail'])}" for check in broken)


def _size(run: Run) -> str:
    manifest = run.manifest
    tables = manifest.get("tables", {})
    rows, stored = (sum(entry[name] for entry in tables.values()) for name in ("rows", "bytes"))
    wall_s = manifest.get("wall_s") or 1e-3
    speed = f"{manifest.get('simulated_s', 0.0) / wall_s:,.0f}× real time"
    return f"{wall_s:.1f} s, {speed} · {len(tables)} tables, {rows:,} rows, {scaled(float(stored), 'B')}"


def written(path: Path) -> str:
    """Where a run, or a folder of runs, lies."""
    return f"wrote [bold]{escape(near(path))}/[/]"


def next_steps(run: Run, scenario: str, variants: Path | None = None) -> Iterable[str]:
    """What one would type now; `scenario` as it was typed, `variants` the folder around the variants of a scenario."""
    path = variants or run.path
    inside = path.parent == folder.RUNS
    name = folder.LATEST if inside else near(path)
    report = (folder.RUNS / folder.LATEST if inside else path) / folder.REPORT
    if (path / folder.REPORT).is_file():
        yield f"  [cyan]open[/]  {escape(str(report))}"
    if variants is not None:
        yield f"  [cyan]next[/]  {program()} compare {escape(name)}"
        yield f"        {program()} trace {escape(name)}/{escape(run.path.name)}"
        return
    yield f"  [cyan]next[/]  {program()} trace {escape(name)}"
    if inside:
        other = "droop-soc" if run.manifest["policy"]["name"] == "droop" else "droop"
        yield f"        {program()} run {escape(scenario)} policy.name={other}"
        yield f"        {program()} compare latest~1 latest"


def interrupted(run: Run) -> str:
    """What is left of a run that was stopped."""
    kept = run.manifest.get("simulated_s", 0.0)
    return f"[yellow]interrupted[/]: kept 0–{kept:,.1f} s of {run.manifest.get('duration_s', 0.0):,g} s"


def table(titles: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[int] = ()) -> Table:
    """A plain table; columns numbered in `right` are aligned right."""
    made = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for number, title in enumerate(titles):
        made.add_column(escape(title), justify="right" if number in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*(escape(cell) for cell in row))
    return made
