"""report.html: one self-contained page about a run."""

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path

from experiments import figures, folder, show
from experiments.report import page
from experiments.report.charts import charts_of
from experiments.report.sequence import sequence_svg
from experiments.report.series import document
from experiments.runs import Run
from experiments.trace import busiest_ev, fold, lines_of

TILES = (
    ("nadir_hz", "nadir_without_hz"),
    ("zenith_hz", "zenith_without_hz"),
    ("maximum_service_w", ""),
    ("tracking_rmse_w", ""),
    ("response_delay.p95_s", ""),
    ("target_met_share", ""),
    ("charged_wh", ""),
    ("discharged_wh", ""),
)
# What answers the question of a scenario about the grid or a product; only what a run has.
GRID_TILES = (
    "shed_w",
    "sessions_without_supply",
    "maximum_tie_w",
    "neighbour_nadir_hz",
    "second_fall_hz",
    "late_swing_hz",
    "loop_phase_margin_deg",
)
PRODUCT_TILES = (
    "score.K",
    "score.score_hourly_norm",
    "score.passes",
    "inside_share",
    "starts_in_time",
    "full_in_time",
    "alert_inside_share",
    "normal_energy_ready_h",
    "restored_longest_s",
    "energy_required_met_share",
    "endurance_min",
    "unavailability_share",
)
MOST_SESSIONS = 50


def report_html(run: Run) -> str:
    """The page, from what lies in the run folder."""
    charts = [document(chart) for chart in charts_of(run)]
    fields = {
        "description": escape(run.manifest.get("description", "")),
        "script": page.part("charts.js"),
        "charts": json.dumps(charts, separators=(",", ":"), ensure_ascii=False).replace("</", "<\\/"),
        "verdict": _verdict(run),
        "facts": _facts(run),
        "tiles": "".join(_tile(run, key, without) for key, without in tile_keys(run)),
        "sequence": _sequence(run),
        "sessions": _sessions(run),
        "kpis": _table(("key figure", "value"), show.figure_rows(run, everything=True)),
        "checks": _table(("invariant", "verdict", ""), _check_rows(run)),
        "tables": _table(("table", "rows", "meaning"), show.table_rows(run)),
        "config": escape((run.path / folder.CONFIG).read_text(encoding="utf-8")),
        "manifest": escape(folder.json_text(run.manifest)),
    }
    return page.page("run.html", escape(run.name), page.WITH_SCRIPT, fields)


def write_report(run: Run) -> Path:
    """Write report.html into a run folder; return its path."""
    path = run.path / folder.REPORT
    path.write_text(report_html(run), encoding="utf-8")
    return path


def _verdict(run: Run) -> str:
    checks = run.manifest.get("checks", [])
    broken = [check["name"] for check in checks if not check["ok"]]
    badges = [(run.status, "good" if run.status == "done" else "bad")]
    if broken:
        badges.append((f"broken: {', '.join(broken)}", "bad"))
    elif checks:
        badges.append((f"all {len(checks)} invariants hold", "good"))
    badges += [(text, "warning") for text in run.manifest.get("warnings", [])]
    return "".join(f'<span class="badge {kind}">{escape(text)}</span>' for text, kind in badges)


def _facts(run: Run) -> str:
    rows = [(name, value) for name, value in show.facts(run) if name not in ("scenario", "status")]
    return "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in rows)


def tile_keys(run: Run) -> list[tuple[str, str]]:
    """Figures at the head of the page, and what each is compared with."""
    products = [f"products.{name}.{key}" for name in run.kpis.get("products", {}) for key in PRODUCT_TILES]
    return [*TILES, *((key, "") for key in (*GRID_TILES, *products))]


def _tile(run: Run, key: str, without: str) -> str:
    kpis = dict(figures.flat(run.kpis))
    value = kpis.get(key)
    if value is None:
        return ""
    aside = ""
    if without and kpis.get(without) is not None:
        change = figures.difference(key, kpis[without], value)
        aside = (
            f"<small>without the fleet {figures.text(without, kpis[without])}{f' ({change})' if change else ''}</small>"
        )
    name = escape(figures.label(key))
    return f'<div class="tile"><span>{name}</span><b>{escape(figures.text(key, value))}</b>{aside}</div>'


def _sequence(run: Run) -> str:
    ev = busiest_ev(run)
    if ev is None:
        return "<p>No messages were recorded.</p>"
    return sequence_svg(fold(lines_of(run, ev)), ev)


def _sessions(run: Run) -> str:
    columns = ["ev_id", "service", "vehicle", "plug_in_ns", "unplug_ns", "loops", "soc_start", "soc_end", "soc_target"]
    columns += ["grid_energy_wh", "end_reason", "target", "why_missed"]
    rows = run.table("sessions", columns=columns, as_="arrow").slice(0, MOST_SESSIONS).to_pylist()
    titles = ("EV", "service", "vehicle", "plug-in", "unplug", "loops", "SoC start", "end", "target", "energy, grid")
    cells = [
        (
            f"EV{row['ev_id']:03d}",
            row["service"],
            row["vehicle"],
            _seconds(row["plug_in_ns"]),
            _seconds(row["unplug_ns"]),
            f"{row['loops']:,}",
            *(f"{row[name]:.3f}" for name in ("soc_start", "soc_end", "soc_target")),
            figures.text("grid_energy_wh", row["grid_energy_wh"]),
            row["end_reason"],
            " ".join(text for text in (row["target"], row["why_missed"]) if text),
        )
        for row in rows
    ]
    more = run.rows("sessions") - len(rows)
    return _table((*titles, "ended by", "target met"), cells) + (
        f"<p>{more:,} more in the table.</p>" if more > 0 else ""
    )


def _seconds(instant_ns: int | None) -> str:
    return figures.NOTHING if instant_ns is None else f"{instant_ns / 1e9:,.1f} s"


def _check_rows(run: Run) -> list[tuple[str, str, str]]:
    return [
        (check["name"].replace("_", " "), "holds" if check["ok"] else "BROKEN", check["detail"])
        for check in run.manifest.get("checks", [])
    ]


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return page.table(titles, [[escape(cell) for cell in row] for row in rows])
