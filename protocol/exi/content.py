"""Messages as plain JSON content and back: element names as in the schema, for people, files and other programs.

RationalNumber is `{"Exponent": e, "Value": v}`, an enumeration its wire spelling, hexBinary upper-case hex,
base64Binary padded base64, what may occur more than once a list, an empty type `{}`; what is absent has no key.
"""

import base64
import binascii
import difflib
from enum import Enum
from typing import Any

from protocol.exi.grammar import Grammar, Held, grammar, values_of
from protocol.exi.schemas import Schema
from protocol.iso20.common import Signature
from protocol.iso20.errors import LocalProtocolError
from protocol.schema import ComplexType
from protocol.values import Octets, RationalNumber

__all__ = ["from_content", "nearest", "to_content"]


def to_content(message: ComplexType) -> dict[str, Any]:
    """`{MessageName: {...}}`."""
    return {message.wire_name: _plain(type(message), message)}


def _plain(held: Held, value: Any) -> Any:
    """One value of a declared type."""
    if held is RationalNumber:
        return {"Exponent": value.exponent, "Value": value.value}
    if isinstance(held, type) and issubclass(held, ComplexType):
        plain: dict[str, Any] = {}
        for term in grammar(held).terms:
            for option, _, entry in values_of(value, term):
                if term.maximum > 1:
                    plain.setdefault(option.name, []).append(_plain(option.type, entry))
                else:
                    plain[option.name] = _plain(option.type, entry)
        return plain
    if isinstance(value, Enum):
        return value.value
    if isinstance(held, Octets):
        return value.hex().upper() if held.hexadecimal else base64.b64encode(value).decode()
    return value


def from_content(schema: Schema, content: Any) -> ComplexType:
    """The message of `{MessageName: {...}}`; raises LocalProtocolError that names the element."""
    if not isinstance(content, dict) or len(content) != 1:
        raise LocalProtocolError('content must be an object of one message, {"MessageName": {...}}')
    ((name, body),) = content.items()
    cls = schema.messages.get(name)
    if cls is None:
        raise LocalProtocolError(f"{schema.name} has no message {name!r}{nearest(name, list(schema.messages))}")
    message: ComplexType = _typed(cls, body, name)
    return message


def _typed(held: Held, plain: Any, path: str) -> Any:
    """One value from its plain form; `path` is for errors."""
    if held is Signature:
        raise LocalProtocolError(f"{path} is not supported: sessions use EIM, which signs nothing")
    if held is RationalNumber or (isinstance(held, type) and issubclass(held, ComplexType)):
        return _instance(held, plain, path)
    if isinstance(held, Octets):
        return _octets(held, plain, path)
    if isinstance(held, type):
        assert issubclass(held, Enum)
        values = [member.value for member in held]
        if plain not in values:
            raise LocalProtocolError(
                f"{path} must be one of its {len(values)} values, got {plain!r}{nearest(plain, values)}"
            )
        return held(plain)
    return plain  # numbers, booleans and texts are checked when the message is made


def _instance(held: type[ComplexType] | type[RationalNumber], plain: Any, path: str) -> Any:
    """An instance of a type with content."""
    if not isinstance(plain, dict):
        raise LocalProtocolError(f"{path} must be an object, got {type(plain).__name__}")
    rules = grammar(held)
    known = [option.name for term in rules.terms for option in term.options if option.type is not None]
    for name in plain:
        if name not in known:
            raise LocalProtocolError(f"{path} has no element {name!r}{nearest(name, known)}")
    try:
        return held(**_fields(rules, plain, path))
    except LocalProtocolError as wrong:
        raise wrong if str(wrong).startswith(path) else LocalProtocolError(f"{path}: {wrong}") from None


def _fields(rules: Grammar, plain: dict[str, Any], path: str) -> dict[str, Any]:
    """Values of the fields of a type."""
    values: dict[str, Any] = {}
    for term in rules.terms:
        given = [
            (option, field) for option, field in zip(term.options, term.fields, strict=True) if option.name in plain
        ]
        if len(given) > 1 or (term.minimum and not given):
            names = " | ".join(option.name for option in term.options if option.type is not None)
            found = "more than one" if given else "nothing"
            raise LocalProtocolError(f"{path} must hold {names}, found {found}")
        for option, field in given:
            value, inner = plain[option.name], f"{path}.{option.name}"
            if term.maximum == 1:
                values[field] = _typed(option.type, value, inner)
            elif isinstance(value, list):
                values[field] = tuple(_typed(option.type, each, f"{inner}[{i}]") for i, each in enumerate(value))
            else:
                raise LocalProtocolError(f"{inner} must be a list, got {type(value).__name__}")
    return values


def _octets(facet: Octets, plain: Any, path: str) -> bytes:
    """Bytes from hex or base64."""
    form = "hex" if facet.hexadecimal else "base64"
    if not isinstance(plain, str):
        raise LocalProtocolError(f"{path} must be {form} text, got {type(plain).__name__}")
    try:
        return binascii.unhexlify(plain) if facet.hexadecimal else base64.b64decode(plain, validate=True)
    except ValueError as wrong:
        raise LocalProtocolError(f"{path} must be {form} text, got {plain!r} ({wrong})") from None


def nearest(name: object, known: list[str]) -> str:
    """The nearest legal name as the end of an error message."""
    found = difflib.get_close_matches(str(name), known, 1)
    return f"; did you mean {found[0]}?" if found else ""
