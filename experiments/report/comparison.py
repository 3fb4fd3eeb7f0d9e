"""report.html of a folder of runs: what they are judged by, as pictures and as a table, and a way into each run."""

from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from experiments import compare, figures, folder
from experiments.report import page
from experiments.report.multiples import verdict_svg
from experiments.verdict import Verdict, verdict_of, verdict_table


def write_comparison(path: Path) -> Path | None:
    """Write report.html into a folder of runs; return its path, or None when there is nothing to compare."""
    verdict = verdict_of(path)
    if verdict is None:
        return None
    report = path / folder.REPORT
    report.write_text(comparison_html(verdict), encoding="utf-8")
    return report


def comparison_html(verdict: Verdict) -> str:
    """The page, from what lies in the folders of the runs."""
    manifest = verdict.runs[0].manifest
    fields = {
        "description": escape(manifest.get("description", "")),
        "badges": _badges(verdict),
        "picture": verdict_svg(verdict),
        "table": _verdict_table(verdict),
        "kpis": _differences(verdict, compare.compare_kpis(verdict.runs), figures.label, figures.text),
        "settings": _differences(verdict, compare.compare_config(verdict.runs), str, lambda _, value: str(value)),
    }
    title = escape(str(manifest.get("scenario", verdict.path.name)))
    return page.page("verdict.html", title, page.POLICY, fields)


def _badges(verdict: Verdict) -> str:
    bad = [run.path.name for run in verdict.runs if run.status != "done" or _broken(run.manifest.get("checks", []))]
    told = f"{len(verdict.runs)} runs, all invariants hold" if not bad else f"look at {', '.join(bad)}"
    return f'<span class="badge {"bad" if bad else "good"}">{escape(told)}</span>'


def _broken(checks: Sequence[dict[str, Any]]) -> bool:
    return any(not check["ok"] for check in checks)


def _verdict_table(verdict: Verdict) -> str:
    titles, rows = verdict_table(verdict)
    links = [
        f'<a href="{quote(run.path.name)}/{folder.REPORT}">open</a>' if (run.path / folder.REPORT).is_file() else ""
        for run in verdict.runs
    ]
    body = [[*map(escape, row), link] for row, link in zip(rows, links, strict=True)]
    return page.table((*titles, "report"), body)


def _differences(
    verdict: Verdict,
    rows: Sequence[compare.Difference],
    named: Callable[[str], str],
    told: Callable[[str, Any], str],
) -> str:
    cells = [
        [escape(named(row.key)), *(escape("" if value is None else told(row.key, value)) for value in row.values)]
        for row in rows
        if row.differs and not row.key.endswith("description")
    ]
    return page.table(("", *(run.path.name for run in verdict.runs)), cells)
