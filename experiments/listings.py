"""What the commands about scenarios and the installation do: scenarios, policies, config, validate, schema, doctor."""

import inspect
import sys
from collections.abc import Sequence
from typing import Any

from rich.markup import escape

from cosim.tables import TABLES
from experiments import doctor, schema, screen
from experiments.cli import print_json
from experiments.figures import flat
from experiments.layers import read_toml
from experiments.load import load_one, packaged_scenarios
from experiments.policies import announced_by, entry_points, find_policy, local_policy, packaged_policies, params_class
from experiments.record import all_settings, origin_of
from experiments.toml import toml_text
from experiments.validate import validate


def scenarios_command(as_json: bool) -> None:
    """Packaged scenarios and what they are about."""
    rows = []
    for name, path in packaged_scenarios().items():
        data = read_toml(path, path.name).data
        about = {"name": name, "description": data.get("description", ""), "variants": [*data.get("variants", {})]}
        rows.append(about | {"axes": [key for key, _ in flat(data.get("axes", {}))]})
    if as_json:
        print_json(rows)
        return
    cells = [
        (row["name"], row["description"] + (f" ({', '.join(several)})" if (several := _several(row)) else ""))
        for row in rows
    ]
    screen.console().print(screen.table(("scenario", "what it is"), cells))


def _several(row: dict[str, Any]) -> list[str]:
    """The runs that a scenario stands for: its variants, and what they are crossed with."""
    return [*row["variants"], *(f"over {axis}" for axis in row["axes"])]


def policies_command(as_json: bool) -> None:
    """Policies: packaged ones in full, those of other distributions by name."""
    rows: list[dict[str, Any]] = []
    for name, found in packaged_policies().items():
        about = (inspect.getdoc(found.thing) or "").partition("\n")[0]
        defaults = params_class(found.thing)._field_defaults
        mode = getattr(found.thing, "OPERATION_MODE", "")
        rows.append(
            {"name": name, "operation_mode": mode, "about": about, "parameters": defaults, "origin": found.origin}
        )
    for name, point in entry_points().items():
        rows.append(
            {"name": name, "operation_mode": "", "about": point.value, "parameters": {}, "origin": announced_by(point)}
        )
    if as_json:
        print_json(rows)
        return
    out = screen.console()
    for row in rows:
        out.print(f"[bold]{row['name']}[/]  [dim]{row['operation_mode']}, {row['origin']}[/]\n  {escape(row['about'])}")
        for key, value in row["parameters"].items():
            out.print(f"    policy.{key} = {value:g}")
    print("a policy of your own: policy.name=./file.py:attribute, or module:attribute", file=sys.stderr)


def config_command(scenario: str, overrides: Sequence[str], variant: str, as_json: bool) -> None:
    """The resolved scenario with the origin of each value."""
    loaded = load_one(scenario, overrides, variant)
    policy = loaded.scenario.policy
    data = all_settings(loaded.scenario, local_policy(find_policy(policy.name), policy.parameters))
    if as_json:
        parameters = {f"policy.{key}": origin_of(loaded, f"policy.{key}") for key in data["policy"]}
        origins = parameters | {key: layer.origin for key, layer in loaded.origins.items()}
        print_json({"settings": data, "origins": {k: origin for k, origin in origins.items() if origin != "default"}})
        return
    print(toml_text(data, lambda key: origin_of(loaded, key)), end="")


def validate_command(files: Sequence[str], as_json: bool) -> bool:
    """Check scenarios; return whether all of them can be run."""
    verdicts = [validate(name) for name in files]
    if as_json:
        print_json([verdict._asdict() for verdict in verdicts])
        return not any(verdict.errors for verdict in verdicts)
    out = screen.console()
    for verdict in verdicts:
        for line in verdict.errors:
            print(f"error: {line}", file=sys.stderr)
        for line in verdict.warnings:
            print(f"warning: {line}", file=sys.stderr)
        runs = f"{verdict.runs} {'run' if verdict.runs == 1 else 'runs'}"
        said = "[red]does not hold[/]" if verdict.errors else f"[green]holds[/] [dim]({runs})[/]"
        out.print(f"{escape(verdict.scenario)} {said}")
    return not any(verdict.errors for verdict in verdicts)


def schema_command(table: str | None, json_schema: bool, as_json: bool) -> None:
    """Columns of one table or all, or the settings of a scenario."""
    if json_schema:
        print_json(schema.json_schema())
        return
    out = screen.console()
    if table == schema.SCENARIO:
        titles, settings = ("setting", "type", "default", "meaning"), schema.setting_rows()
        if as_json:
            print_json([dict(zip(titles, row, strict=True)) for row in settings])
            return
        out.print(screen.table(titles, settings))
        return
    chosen = [schema.table_named(table)] if table else list(TABLES.values())
    if as_json:
        print_json(schema.document(chosen[0]) if table else [schema.document(one) for one in chosen])
        return
    for one in chosen:
        out.print(f"[bold]{one.name}[/]  {escape(one.meaning)}")
        out.print(screen.table(("column", "type", "unit", "meaning"), schema.column_rows(one)), "")
    if not table:
        print("time_s [s] is added when a table is read; settings: v2g-cosim schema scenario", file=sys.stderr)


def doctor_command(as_json: bool) -> bool:
    """Look at the installation; return whether it is well."""
    found = doctor.findings()
    if as_json:
        print_json([finding._asdict() for finding in found])
    else:
        out = screen.console()
        for finding in found:
            mark = "[green]ok[/]" if finding.ok else "[bold red]no[/]"
            out.print(f"  {mark}  {finding.name:<12} {escape(finding.detail)}")
    return all(finding.ok for finding in found)
