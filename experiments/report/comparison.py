"""report.html of a folder of runs: what they are judged by, as pictures and as a table, and a way into each run."""

from collections.abc import Callable, Sequence
from html import escape
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import quote

from experiments import compare, figures, folder
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
    parts = resources.files("experiments.report")
    manifest = verdict.runs[0].manifest
    return Template(parts.joinpath("verdict.html").read_text(encoding="utf-8")).substitute(
        title=escape(str(manifest.get("scenario", verdict.path.name))),
        description=escape(manifest.get("description", "")),
        style=parts.joinpath("style.css").read_text(encoding="utf-8"),
        badges=_badges(verdict),
        picture=verdict_svg(verdict),
        table=_verdict_table(verdict),
        kpis=_differences(verdict, compare.compare_kpis(verdict.runs), figures.label, figures.text),
        settings=_differences(verdict, compare.compare_config(verdict.runs), str, lambda _, value: str(value)),
    )


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
    return _table((*titles, "report"), body)


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
    return _table(("", *(run.path.name for run in verdict.runs)), cells)


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Titles are escaped here, cells hold HTML."""
    head = "".join(f"<th>{escape(title)}</th>" for title in titles)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
