"""Nested plain values as TOML text; the standard library reads TOML but does not write it."""

import json
import math
import re
from collections.abc import Callable
from typing import Any

BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def toml_key(name: str) -> str:
    """`name` as a TOML key, quoted where it must be."""
    return name if BARE_KEY.fullmatch(name) else _quoted(name)


def toml_value(value: Any) -> str:
    """`value` as it stands right of the equals sign."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{toml_key(k)} = {toml_value(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    raise TypeError(f"TOML has no value for {value!r}")


def _quoted(text: str) -> str:
    """Text as a TOML string: as in JSON, and DEL escaped too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _float(value: float) -> str:
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0.0 else "-inf"
    return repr(float(value))  # numpy's floats show themselves differently


def toml_text(data: dict[str, Any], comment: Callable[[str], str] = lambda _: "") -> str:
    """`data` as a TOML document.

    None has no place in TOML and is left out. `comment(dotted_key)` gives a remark to stand behind a value, or nothing.
    """
    lines: list[str] = []
    _write(data, "", comment, lines)
    return "\n".join(lines).strip("\n") + "\n"


def _write(data: dict[str, Any], path: str, comment: Callable[[str], str], lines: list[str]) -> None:
    tables = {key: value for key, value in data.items() if isinstance(value, dict) or _is_tables(value)}
    for key, value in data.items():
        if key not in tables and value is not None:
            remark = comment(f"{path}{key}")
            lines.append(f"{toml_key(key)} = {toml_value(value)}" + (f"  # {remark}" if remark else ""))
    for key, value in tables.items():
        name = ".".join(toml_key(part) for part in f"{path}{key}".split("."))
        for item in value if isinstance(value, list | tuple) else [value]:
            lines += ["", f"[{name}]" if item is value else f"[[{name}]]"]
            _write(item, f"{path}{key}.", comment, lines)


def _is_tables(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(item, dict) for item in value)
