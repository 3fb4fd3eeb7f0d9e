"""The columns of the tables and the settings of a scenario, with units and meaning, from where they are declared."""

from typing import Any

from cosim.scenario import Scenario
from cosim.tables import TABLES, Column, Table
from experiments.keys import Key, all_keys, is_list_of_sections, pick, type_text
from experiments.toml import toml_value

SCENARIO = "scenario"


def table_named(name: str) -> Table:
    """A table by name; raises UserError naming the nearest."""
    table: Table = pick(name, TABLES, "table")
    return table


def column_rows(table: Table) -> list[tuple[str, str, str, str]]:
    """Columns of a table: name, type, unit, meaning."""
    return [(column.name, column.kind, column.unit, _meaning(column)) for column in table.columns]


def _meaning(column: Column) -> str:
    remarks = [column.sign, "may be absent" if column.nullable else "", f"from {column.origin}"]
    return f"{column.meaning} ({', '.join(remark for remark in remarks if remark)})"


def setting_rows() -> list[tuple[str, str, str, str]]:
    """Settings of a scenario: name, type, default, meaning."""
    return [
        (key.name, type_text(key.field.annotation), _default(key), key.field.description or "") for key in all_keys()
    ]


def _default(key: Key) -> str:
    if key.field.is_required():
        return "required"
    value = key.field.get_default(call_default_factory=True, validated_data={})
    if value is None or is_list_of_sections(key.field.annotation):
        return "none" if not value else f"{len(value)}"
    return toml_value(value)


def document(table: Table) -> dict[str, Any]:
    """A table's columns as a JSON document."""
    columns = [{**column._asdict(), "categories": list(column.categories)} for column in table.columns]
    return {"table": table.name, "meaning": table.meaning, "key": list(table.key), "columns": columns}


def json_schema() -> dict[str, Any]:
    """JSON Schema of a scenario."""
    return Scenario.model_json_schema()
