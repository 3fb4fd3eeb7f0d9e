"""The keys a scenario may have: walking its sections, finding unknown keys and the nearest known ones."""

import difflib
import types
import typing
from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple

from pydantic.fields import FieldInfo

from cosim.scenario import Policy, Scenario, Section
from experiments.errors import UserError


class Key(NamedTuple):
    """One setting: its dotted name, and how the scenario declares it."""

    name: str
    field: FieldInfo


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` was probably meant to be."""
    names = list(known)
    last = name.rpartition(".")[2]
    same_end = [other for other in names if other.rpartition(".")[2] == last]
    found = same_end or difflib.get_close_matches(name, names, 1, 0.6) or difflib.get_close_matches(last, names, 1, 0.6)
    return found[0] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A sentence that helps on, to stand behind an error about `name`."""
    names = list(known)
    found = nearest(name, names)
    if found:
        return f" Did you mean '{found}'?"
    return f" Known: {', '.join(names)}." if 0 < len(names) <= 12 else ""


def pick(name: str, known: dict[str, Any], what: str) -> Any:
    """`known[name]`; raises UserError naming the nearest."""
    if name in known:
        return known[name]
    raise UserError(f"there is no {what} '{name}'.{did_you_mean(name, known)}")


def section_of(annotation: Any) -> type[Section] | type[Policy] | None:
    """The section model behind an annotation, a list of sections included; None for a plain value."""
    if isinstance(annotation, type) and issubclass(annotation, Section | Policy):
        return annotation
    if typing.get_origin(annotation) is tuple:
        return section_of(typing.get_args(annotation)[0])
    return None


def is_list_of_sections(annotation: Any) -> bool:
    """Whether an annotation stands for `[[tables]]`."""
    return typing.get_origin(annotation) is tuple and section_of(annotation) is not None


def all_keys(model: Any = Scenario, path: str = "") -> Iterator[Key]:
    """Every setting of a scenario, in the order of the declaration."""
    for name, field in model.model_fields.items():
        inner = section_of(field.annotation)
        if inner is None or is_list_of_sections(field.annotation):
            yield Key(f"{path}{name}", field)
        if inner is not None:
            yield from all_keys(inner, f"{path}{name}.")


def mapping_keys(annotation: Any) -> tuple[str, ...]:
    """Keys that a dict-valued setting allows; empty if it is no dict."""
    if typing.get_origin(annotation) is not dict:
        return ()
    allowed = typing.get_args(annotation)[0]
    return typing.get_args(allowed) if typing.get_origin(allowed) is Literal else ()


def unknown_keys(data: dict[str, Any], model: Any = Scenario, path: str = "") -> Iterator[str]:
    """Dotted names in `data` that no setting has. Keys of [policy] belong to the policy and are checked with it."""
    for name, value in data.items():
        field = model.model_fields.get(name)
        if field is None:
            if not issubclass(model, Policy):
                yield f"{path}{name}"
            continue
        inner = section_of(field.annotation)
        if inner is None:
            allowed = mapping_keys(field.annotation)
            yield from (
                (f"{path}{name}.{key}" for key in value if allowed and key not in allowed)
                if allowed and isinstance(value, dict)
                else ()
            )
            continue
        for item in value if isinstance(value, list | tuple) else [value]:
            if isinstance(item, dict):
                yield from unknown_keys(item, inner, f"{path}{name}.")


def known_names(model: Any = Scenario) -> list[str]:
    """Names that a suggestion may offer: settings, the keys of dict-valued ones, and sections."""
    names = []
    for key in all_keys(model):
        names.append(key.name)
        names += [f"{key.name}.{inner}" for inner in mapping_keys(key.field.annotation)]
    return list(dict.fromkeys([*names, *(name.rpartition(".")[0] for name in names if "." in name)]))


def type_text(annotation: Any) -> str:
    """An annotation in words, for the list of settings."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return type_text(typing.get_args(annotation)[0])
    if origin is Literal:
        return " | ".join(map(str, typing.get_args(annotation)))
    if origin in (typing.Union, types.UnionType):
        return type_text(next(part for part in typing.get_args(annotation) if part is not type(None)))
    if is_list_of_sections(annotation):
        return "tables"
    if origin is tuple:
        inner = typing.get_args(annotation)
        return (
            f"list of {type_text(inner[0])}"
            if Ellipsis in inner
            else f"[{', '.join(type_text(part) for part in inner)}]"
        )
    if origin is dict:
        return "table of shares"
    return {int: "whole number", float: "number", str: "text", bool: "true | false"}.get(annotation, str(annotation))
