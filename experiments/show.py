"""A run at a glance: as text in a terminal, as HTML in a notebook."""

from html import escape
from typing import Any

from cosim.tables import TABLES
from experiments.figures import flat, label, text
from experiments.hints import quiet_reason
from experiments.runs import Run
from models.policies.product import ROW

LEFT_OUT = ("messages.",)  # counts by message: many lines, in kpis.json


def figure_rows(run: Run, everything: bool = False) -> list[tuple[str, str]]:
    """Key figures as (label, value)."""
    return [
        (label(key), text(key, value)) for key, value in flat(run.kpis) if everything or not key.startswith(LEFT_OUT)
    ]


def table_rows(run: Run) -> list[tuple[str, str, str]]:
    """Tables as (name, number of rows, meaning)."""
    return [(name, f"{run.rows(name):,}", TABLES[name].meaning if name in TABLES else "") for name in run.tables]


def facts(run: Run) -> list[tuple[str, str]]:
    """What kind of run it was."""
    manifest = run.manifest
    policy = manifest.get("policy", {})
    settings = ", ".join(policy_settings(policy.get("parameters", {}), policy.get("names", {})))
    found = [
        ("scenario", run.name),
        ("status", run.status),
        ("policy", f"{policy.get('name', '?')}{f' ({settings})' if settings else ''}"),
        ("vehicles", f"{manifest.get('n_ev', 0):,} × {manifest.get('cars_per_ev', 1.0):g} cars"),
        ("simulated", f"{manifest.get('simulated_s', 0.0):,g} of {manifest.get('duration_s', 0.0):,g} s"),
        ("seed", str(manifest.get("seed", "?"))),
        ("started", str(manifest.get("started", "?"))),
        ("folder", str(run.path)),
    ]
    quiet = quiet_reason(run)
    if quiet:
        found.insert(3, ("note", quiet))
    if manifest.get("error"):
        found.insert(2, ("error", manifest["error"]))
    return found


def policy_settings(parameters: dict[str, Any], names: dict[str, str]) -> list[str]:
    """Parameters of a policy in words; of one that follows a product, the product and what is not its row."""
    named = [f"{key} {value}" for key, value in names.items()]
    row = ROW if named else ()
    return named + [f"{key} {value:g}" for key, value in parameters.items() if value is not None and key not in row]


def run_text(run: Run) -> str:
    """A run as plain text."""
    lines = [f"Run {run.name}, {run.status}, {run.path}", ""]
    width = max((len(name) for name, _ in figure_rows(run)), default=0)
    lines += [f"  {name:<{width}}  {value}" for name, value in figure_rows(run)]
    lines += ["", "  " + "  ".join(f"{name} ({rows})" for name, rows, _ in table_rows(run))]
    return "\n".join(lines)


def run_html(run: Run) -> str:
    """A run as HTML, for a notebook."""
    columns = [
        _html_table("run", facts(run)),
        _html_table("key figures", figure_rows(run)),
        _html_table("tables", [(name, rows) for name, rows, _ in table_rows(run)]),
    ]
    cells = "".join(f'<td style="vertical-align:top;padding-right:2em">{column}</td>' for column in columns)
    return f'<table style="border:none"><tr style="background:none">{cells}</tr></table>'


def _html_table(title: str, rows: list[Any]) -> str:
    body = "".join(
        f'<tr><td style="text-align:left">{escape(name)}</td><td style="text-align:right">{escape(value)}</td></tr>'
        for name, value in rows
    )
    return f'<table><tr><th colspan="2" style="text-align:left">{escape(title)}</th></tr>{body}</table>'


def document(run: Run) -> dict[str, Any]:
    """A run as one JSON document."""
    manifest = run.manifest
    return {
        "run_dir": str(run.path),
        "status": run.status,
        "scenario": manifest.get("scenario"),
        "variant": manifest.get("variant", ""),
        "kpis": run.kpis,
        "checks": manifest.get("checks", []),
        "warnings": manifest.get("warnings", []),
    }
