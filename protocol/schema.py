"""Declare a message once: order, names, types, cardinality, units. Checks, names and grammar derive from it.

    @declared("dc:DC_PreChargeResType")
    class DCPreChargeRes(Response):
        evse_present_voltage: RationalNumber = element("V")

- The order of the fields is the order of the elements; inherited fields come first, as in the schema.
- The wire name is the field's name turned mechanically (`evse_present_voltage` -> `EVSEPresentVoltage`).
- `X | None` with `default=None` is an optional element; `tuple[X, ...]` is a list, with `occurs=(minimum, maximum)`.
- `A | B` of declared types is a choice: the element is named after the type found there.
- `substitutes="Head"` makes that choice a substitution group: options in EXI order, the abstract head among them.
- Optional fields with the same `alternative` form one choice by name: exactly one of them is present.

`declared` writes an `__init__` that takes keywords and checks every value by its exact class and range: a wrong one
raises LocalProtocolError with `Type.Element`, what was expected and what was found. Instances are never changed after
they are made; `frozen=True` would cost more than the checks do.
"""

import dataclasses
import types
import typing
from collections.abc import Callable
from enum import Enum
from math import floor
from typing import Any, ClassVar, Final, NamedTuple, TypeVar, dataclass_transform

from protocol.iso20.errors import LocalProtocolError
from protocol.values import Facet, Integer, Octets, RationalNumber, Text, Truth, rational

__all__ = ["ComplexType", "Option", "Particle", "attribute", "changer", "declared", "element", "maker", "wire_name"]


class Option(NamedTuple):
    """One element that may stand at a place: its wire name and its type (None for the abstract head of a group)."""

    name: str
    type: "type[ComplexType] | type[RationalNumber] | type[Enum] | Facet | None"


class Particle(NamedTuple):
    """One place in the content of a type, filled by the field `field`; several options make it a choice."""

    field: str
    options: tuple[Option, ...]
    minimum: int
    maximum: int
    unit: str = ""
    attribute: bool = False
    group: str = ""
    alternative: str = ""


class ComplexType:
    """What every declared type is; the class attributes are set by `declared`."""

    __slots__ = ()

    xsd: ClassVar[str] = ""
    wire_name: ClassVar[str] = ""
    particles: ClassVar[tuple[Particle, ...]] = ()


_MARK: Final = "element"
_WORDS: Final = {
    "bpt": "BPT_",
    "ev": "EV",
    "evccid": "EVCCID",
    "evse": "EVSE",
    "evseid": "EVSEID",
    "id": "ID",
    "ids": "IDs",
    "l2": "_L2",
    "l3": "_L3",
    "soc": "SOC",
    "v2x": "V2X",
    "varh": "VARh",
    "vas": "VAS",
}


def wire_name(field: str) -> str:
    """Name on the wire of a field: `ev_maximum_charge_power_l2` -> `EVMaximumChargePower_L2`."""
    return "".join(_WORDS.get(word) or word.capitalize() for word in field.split("_"))


def element(
    unit: str = "",
    *,
    default: Any = dataclasses.MISSING,
    occurs: tuple[int, int] = (1, 1),
    name: str = "",
    substitutes: str = "",
    alternative: str = "",
) -> Any:
    """Declare an element; `unit` is that of a number, `name` the wire name where the mechanical one is wrong."""
    mark = {"unit": unit, "occurs": occurs, "name": name, "substitutes": substitutes, "alternative": alternative}
    return dataclasses.field(default=default, metadata={_MARK: mark})


def attribute(name: str, *, default: Any = dataclasses.MISSING) -> Any:
    """Declare an XML attribute."""
    return dataclasses.field(default=default, metadata={_MARK: {"attribute": True, "name": name}})


C = TypeVar("C", bound=ComplexType)


@dataclass_transform(kw_only_default=True, eq_default=True, field_specifiers=(element, attribute))
def declared(xsd: str) -> Callable[[type[C]], type[C]]:
    """Class decorator: make a slotted, checked type out of its declaration; `xsd` is the schema's `prefix:TypeName`."""

    def declare(cls: type[C]) -> type[C]:
        made = dataclasses.dataclass(init=False, slots=True, kw_only=True)(cls)
        made.xsd = xsd
        made.wire_name = xsd.partition(":")[2].removesuffix("Type")
        annotations = typing.get_type_hints(cls, include_extras=True)
        fields = dataclasses.fields(typing.cast(Any, made))
        made.particles = tuple(_particle(field, annotations[field.name]) for field in fields)
        made.__init__ = _checked_init(made)  # type: ignore[method-assign]  # written for this class from its particles
        return made

    return declare


def _particle(field: "dataclasses.Field[Any]", annotation: Any) -> Particle:
    """Read one field of a declaration."""
    mark = field.metadata[_MARK]
    optional = field.default is None
    members = _union(annotation)
    if optional != (type(None) in members):
        raise TypeError(f"{field.name}: an optional element is `X | None` with default=None, both or neither")
    members = [member for member in members if member is not type(None)]
    minimum, maximum = mark.get("occurs", (1, 1))
    if typing.get_origin(members[0]) is tuple:
        members = _union(typing.get_args(members[0])[0])
    alternative, group = mark.get("alternative", ""), mark.get("substitutes", "")
    if len(members) > 1 or group:
        options = [Option(member.wire_name, member) for member in members]
    else:
        options = [Option(mark.get("name") or wire_name(field.name), _held(members[0]))]
    if group:
        heads = [] if any(option.name == group for option in options) else [Option(group, None)]
        options = sorted(options + heads, key=lambda option: option.name)
    return Particle(
        field=field.name,
        options=tuple(options),
        minimum=0 if optional else minimum,
        maximum=maximum,
        unit=mark.get("unit", ""),
        attribute=mark.get("attribute", False),
        group=group,
        alternative=alternative,
    )


def _union(annotation: Any) -> list[Any]:
    """Members of `A | B | None`, or the annotation alone."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return list(typing.get_args(annotation))
    return [annotation]


def _held(annotation: Any) -> Any:
    """The facet of an annotated simple type, or the class itself."""
    if typing.get_origin(annotation) is typing.Annotated:
        return annotation.__metadata__[0]
    return annotation


def _checked_init(cls: type[ComplexType]) -> Any:
    """Write the `__init__` of `cls`: one check and one assignment per field."""
    signature = ["self"]
    for index, particle in enumerate(cls.particles):
        absent = "" if particle.minimum else "=None" if particle.maximum == 1 else "=()"
        signature += ["*"] * (index == 0) + [particle.field + absent]
    names: dict[str, Any] = {"refused": _refused}
    body = [line for index, particle in enumerate(cls.particles) for line in _checks(cls, particle, index, names)]
    body += _alternatives(cls)
    body += [f"self.{particle.field} = {particle.field}" for particle in cls.particles]
    init = _written(cls, "__init__", signature, body, names)
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    return init


def maker(cls: type[C], *fields: str, **made: tuple[Any, ...]) -> Callable[..., C]:
    """A function that makes a `cls` from these fields in this order, all others absent, with the checks of `__init__`.

    Elements that hold a RationalNumber are given as floats: `rational` makes the number, so there is no other class to
    be refused. An element named in `made`, as (class, *fields), is made in passing; its fields come last. For messages
    that are made a million times: no keywords to match, and no call into the machinery of classes. It costs 0.4 us
    where twelve keywords cost 1.0.
    """
    names: dict[str, Any] = {"refused": _refused, "new": object.__new__, "rational": rational, "floor": floor}
    parameters, body = list(fields), []
    for field, (inner, *inner_fields) in made.items():
        if all(option.type is not inner for particle in cls.particles for option in particle.options):
            raise TypeError(f"{cls.__name__}.{field} cannot be a {inner.__name__}")
        body += _filled(inner, field, inner_fields, (), names)
        parameters += inner_fields
    body += _filled(cls, "made", list(fields), tuple(made), names)
    make: Callable[..., C] = _written(cls, "make", parameters, [*body, "return made"], names)
    return make


def changer(cls: type[C], *fields: str) -> Callable[..., C]:
    """A function that makes a `cls` like a given one but for these fields, which alone are checked."""
    names: dict[str, Any] = {"refused": _refused, "new": object.__new__, "cls": cls}
    checks, assignments = [], []
    for particle in cls.particles:
        field = particle.field
        if field in fields:
            checks += _checks(cls, particle, len(names), names)
        assignments.append(f"made.{field} = {field if field in fields else f'like.{field}'}")
    body = [*checks, "made = new(cls)", *assignments, "return made"]
    change: Callable[..., C] = _written(cls, "change", ["like", *fields], body, names)
    return change


# Energy requests, and what is measured or asked for, move with each turn, most of them where the wire counts whole
# watts and watt hours, or tenths of a volt. There `wire` is written out: what it gives has mostly been made before.
_WHOLE: Final = (
    "rational(floor({0} + 0.5) if 3276.75 <= {0} < 32767.5 else"
    " -floor(0.5 - {0}) if -32767.5 < {0} <= -3276.75 else {0})"
)
_TENTHS: Final = "rational(floor({0} * 10.0 + 0.5) / 10.0 if 327.675 <= {0} < 3276.75 else {0})"


def _number(particle: Particle) -> str:
    """Expression that makes the RationalNumber of an element from a float, with a place for its name."""
    moves = "present" in particle.field or "target" in particle.field
    if particle.unit == "Wh" or (particle.unit == "W" and moves):
        return _WHOLE
    return _TENTHS if particle.unit == "V" and moves else "rational({0})"


def _filled(
    cls: type[ComplexType], name: str, fields: list[str], ready: tuple[str, ...], names: dict[str, Any]
) -> list[str]:
    """Lines that make a `cls` called `name` from `fields`, and from those that are `ready` and need no check."""
    given = {*fields, *ready}
    missing = [p.field for p in cls.particles if p.minimum and p.field not in given]
    if missing or any(particle.alternative for particle in cls.particles):
        raise TypeError(f"{cls.__name__} cannot be made from {', '.join(fields)} alone")
    names[f"{name}_class"] = cls
    checks, assignments = [], []
    for particle in cls.particles:
        field = particle.field
        value = field if field in given else "None" if particle.maximum == 1 else "()"
        if field in fields and particle.options[0].type is RationalNumber and particle.maximum == 1:
            number = _number(particle).format(field)
            value = number if particle.minimum else f"None if {field} is None else {number}"
        elif field in fields:
            checks += _checks(cls, particle, len(names), names)
        assignments.append(f"{name}.{field} = {value}")
    return [*checks, f"{name} = new({name}_class)", *assignments]


def _written(cls: type[ComplexType], name: str, signature: list[str], body: list[str], names: dict[str, Any]) -> Any:
    """The function of these lines."""
    source = f"def {name}({', '.join(signature)}):\n    " + "\n    ".join(body or ["pass"])
    exec(compile(source, f"<checks of {cls.__name__}>", "exec"), names)
    return names[name]


def _checks(cls: type[ComplexType], particle: Particle, index: int, names: dict[str, Any]) -> list[str]:
    """Lines that check the value of one particle."""
    label = f"{cls.wire_name}.{particle.group or '|'.join(option.name for option in particle.options)}"
    types_of = [option.type for option in particle.options if option.type is not None]

    def refusal(value: str, expected: str) -> str:
        return f"raise refused({label!r}, {expected!r}, {value})"

    if particle.maximum == 1:
        wrong, expected = _wrong(particle.field, types_of, index, names)
        unless_absent = f"{particle.field} is not None and ({wrong})" if particle.minimum == 0 else wrong
        return [f"if {unless_absent}: {refusal(particle.field, expected)}"]
    low, high = particle.minimum, particle.maximum
    wrong, expected = _wrong("item", types_of, index, names)
    return [
        f"if {particle.field}.__class__ is not tuple or not {low} <= len({particle.field}) <= {high}: "
        + refusal(particle.field, f"a tuple of {low} to {high}"),
        f"for item in {particle.field}:",
        f"    if {wrong}: {refusal('item', expected)}",
    ]


def _wrong(value: str, held: list[Any], index: int, names: dict[str, Any]) -> tuple[str, str]:
    """Expression that is true for a bad `value`, and what was expected in words."""
    first = held[0]
    if isinstance(first, Integer):
        low, high = first.minimum, first.maximum
        return f"{value}.__class__ is not int or not {low} <= {value} <= {high}", f"an integer from {low} to {high}"
    if isinstance(first, Truth):
        return f"{value}.__class__ is not bool", "True or False"
    if isinstance(first, Text):
        if first.maximum_length is None:
            return f"{value}.__class__ is not str", "text"
        limit = first.maximum_length
        return f"{value}.__class__ is not str or len({value}) > {limit}", f"text of at most {limit} characters"
    if isinstance(first, Octets):
        low, high = first.minimum_length, first.maximum_length
        size = f"{low}" if low == high else f"{low} to {high}"
        return f"{value}.__class__ is not bytes or not {low} <= len({value}) <= {high}", f"{size} bytes"
    tests = []
    for number, cls in enumerate(held):
        names[f"T{index}_{number}"] = cls
        tests.append(f"{value}.__class__ is not T{index}_{number}")
    return " and ".join(tests), "a " + " or ".join(cls.__name__ for cls in held)


def _alternatives(cls: type[ComplexType]) -> list[str]:
    """Lines that demand exactly one of the fields of each choice by name."""
    groups: dict[str, list[Particle]] = {}
    for particle in cls.particles:
        if particle.alternative:
            groups.setdefault(particle.alternative, []).append(particle)
    lines = []
    for members in groups.values():
        count = " + ".join(f"({member.field} is not None)" for member in members)
        label = f"{cls.wire_name}.{'|'.join(member.options[0].name for member in members)}"
        values = "(" + ", ".join(member.field for member in members) + ")"
        lines.append(f"if {count} != 1: raise refused({label!r}, 'exactly one of these', {values})")
    return lines


def _refused(label: str, expected: str, found: object) -> LocalProtocolError:
    """The error for a value that an element cannot hold."""
    text = repr(found)
    text = text if len(text) <= 80 else text[:77] + "..."
    return LocalProtocolError(f"{label} must be {expected}, got {text} ({type(found).__name__})")
