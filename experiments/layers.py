"""Layers of settings: a scenario file, what it extends, a variant, overrides, laid over one another key by key."""

import datetime
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from cosim.scenario import Policy, Scenario
from experiments.errors import UserError
from experiments.keys import did_you_mean, is_list_of_sections, known_names, section_of, unknown_keys


class Layer(NamedTuple):
    """Settings from one place. `origin` names it in messages; `text` is the TOML it was read from, for line numbers."""

    origin: str
    data: dict[str, Any]
    text: str = ""
    key: str = ""  # of a single override, as it was typed

    def where(self, key: str) -> str:
        """The origin of `key`, with its line if there is one."""
        line = line_of(self.text, key)
        return f"{self.origin} line {line}" if line else self.origin


def read_toml(path: Path, origin: str) -> Layer:
    """The settings of a TOML file; raises UserError on broken syntax."""
    text = path.read_text(encoding="utf-8")
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{origin}: not valid TOML: {error}") from None
    return Layer(origin, expand(plain(data), origin), text)


def parse_override(text: str, position: int) -> Layer:
    """`section.key=value` as a layer; the value is TOML, a bare word is text."""
    key, equals, value = text.partition("=")
    key = key.strip()
    if not equals or not key:
        raise UserError(f"override {position} is '{text}': expected section.key=value")
    try:
        parsed = tomllib.loads(f"value = {value}")
    except tomllib.TOMLDecodeError as error:
        if value.strip()[:1] in ("[", "{", '"', "'"):
            raise UserError(f"override {position}, {key}: not a TOML value: {value} ({error})") from None
        parsed = {"value": value.strip()}
    if len(parsed) > 1:
        raise UserError(f"override {position}, {key}: one value expected, got {value!r}")
    origin = f"override {position}"
    return Layer(origin, expand({key: plain(parsed["value"])}, origin), key=key)


def plain(value: Any) -> Any:
    """TOML's dates and times as text, everything else as it is."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat().replace("+00:00", "Z")
    return value


def expand(data: dict[str, Any], origin: str) -> dict[str, Any]:
    """Quoted dotted keys (`"fleet.n_ev" = 4`) as nested tables."""
    nested: dict[str, Any] = {}
    for key, value in data.items():
        *path, last = key.split(".")
        table = nested
        for part in path:
            table = table.setdefault(part, {})
            if not isinstance(table, dict):
                raise UserError(f"{origin}: '{key}' goes into '{part}', which is a value and not a table")
        inner = expand(value, origin) if isinstance(value, dict) else value
        if isinstance(inner, dict) and isinstance(table.get(last), dict):
            inner = _joined(table[last], inner)
        table[last] = inner
    return nested


def _joined(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    joined = dict(first)
    for key, value in second.items():
        both = isinstance(value, dict) and isinstance(joined.get(key), dict)
        joined[key] = _joined(joined[key], value) if both else value
    return joined


def check_keys(layer: Layer) -> None:
    """Raise UserError when the layer sets something that no scenario has."""
    unknown = [name for name in unknown_keys(layer.data) if not _is_item(name)]
    if unknown:
        known = known_names()
        raise UserError(
            "\n".join(f"{layer.where(name)}: unknown key '{name}'.{did_you_mean(name, known)}" for name in unknown)
        )


def _is_item(name: str) -> bool:
    return any(part.isdecimal() for part in name.split("."))


def overlay(layers: Iterable[Layer]) -> tuple[dict[str, Any], dict[str, Layer]]:
    """All layers as one nested table, later ones winning, and for each dotted key the layer that set it."""
    data: dict[str, Any] = {}
    origins: dict[str, Layer] = {}
    for layer in layers:
        check_keys(layer)
        _lay(data, layer.data, Scenario, "", layer, origins)
    return data, origins


def _lay(
    under: dict[str, Any], over: dict[str, Any], model: Any, path: str, layer: Layer, origins: dict[str, Layer]
) -> None:
    if model is Policy and "name" in over and over["name"] != under.get("name"):
        # Another policy has other parameters: those of the one below do not concern it.
        for key in under:
            origins.pop(f"{path}{key}", None)
        under.clear()
    for key, value in over.items():
        field = model.model_fields.get(key)
        annotation = field.annotation if field else None
        if is_list_of_sections(annotation) and isinstance(value, dict):
            under[key] = _items(under.get(key), value, section_of(annotation), f"{path}{key}", layer, origins)
        elif section_of(annotation) is not None and isinstance(value, dict):
            _lay(under.setdefault(key, {}), value, section_of(annotation), f"{path}{key}.", layer, origins)
        elif isinstance(value, dict) and layer.key.startswith(f"{path}{key}."):
            # fleet.services.DC_BPT=0.5 changes one share; a whole table says them all.
            before = under.get(key, field.get_default() if field else {})
            under[key] = {**before, **value}
            origins[f"{path}{key}"] = layer
        else:
            under[key] = value
            origins[f"{path}{key}"] = layer


def _items(
    under: Any, over: dict[str, Any], model: Any, path: str, layer: Layer, origins: dict[str, Layer]
) -> list[dict[str, Any]]:
    """`grid.events.0.power_mw = -30`: numbered changes to tables that lie below."""
    items = [dict(item) for item in under or []]
    for number, change in over.items():
        if not number.isdecimal() or int(number) >= len(items) or not isinstance(change, dict):
            raise UserError(f"{layer.origin}: '{path}.{number}': there are {len(items)} {path}, counted from 0")
        _lay(items[int(number)], change, model, f"{path}.{number}.", layer, origins)
    origins[path] = layer
    return items


def line_of(text: str, key: str) -> int | None:
    """Line in TOML `text` where the dotted `key` is set; None when it cannot be told."""
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[\[?\s*([^\]]+?)\s*\]", line)
        if header:
            section = header.group(1).replace('"', "") + "."
            if section == f"{key}.":
                return number
            continue
        name = re.match(r"""\s*([A-Za-z0-9_."'-]+)\s*=""", line)
        if name and section + re.sub("[\"']", "", name.group(1)) == key:
            return number
    return None
