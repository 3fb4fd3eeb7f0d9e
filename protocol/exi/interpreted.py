"""The codec that walks the grammar, bit by bit: slow, complete, and the one that says what is wrong and where.

The generated codec (`generated.py`) must write the same bytes and read the same values, and asks this one for the
error when a document is none it knows.
"""

from enum import Enum
from typing import Any, Final

from protocol.exi.errors import EXIError
from protocol.exi.grammar import END, Grammar, Held, Production, State, enum_bits, grammar, integer_bits, values_of
from protocol.exi.schemas import Schema, schema_of
from protocol.iso20.common import Signature
from protocol.iso20.errors import LocalProtocolError
from protocol.schema import ComplexType
from protocol.values import Integer, Octets, RationalNumber, Text, Truth

__all__ = ["HEADER", "decode", "encode"]

HEADER: Final = 0x80  # distinguishing bits 10, no options, version 1
_STRING_PAST_HITS: Final = 2  # lengths 0 and 1 stand for hits of the string table, which is off
_EMPTY_TEXT: Final = 0  # second-level code, in 3 bits, of "end of element" where a text is due
_EMPTY_TEXT_BITS: Final = 3


# --- writing ----------------------------------------------------------------------------------------------------------


class _Writer:
    """Bits, most significant first, in one integer that begins with the 1 of the header."""

    def __init__(self) -> None:
        self.bits = HEADER

    def put(self, value: int, width: int) -> None:
        self.bits = self.bits << width | value

    def unsigned(self, value: int) -> None:
        """Groups of 7 bits, least significant first; the top bit of a byte says that more follow."""
        while value > 127:
            self.put(value & 127 | 128, 8)
            value >>= 7
        self.put(value, 8)

    def data(self) -> bytes:
        pad = -self.bits.bit_length() % 8
        return (self.bits << pad).to_bytes((self.bits.bit_length() + pad) // 8, "big")


def encode(message: ComplexType) -> bytes:
    """The EXI document of a message; raises LocalProtocolError for what is no message or holds half a character."""
    cls = type(message)
    try:
        schema = schema_of(cls)
    except KeyError:
        raise LocalProtocolError(f"{cls.__name__} is no message that can be sent on its own") from None
    writer = _Writer()
    writer.put(schema.roots.index(cls.wire_name), schema.width)
    _write_content(writer, message, grammar(cls))
    return writer.data()


def _write_content(writer: _Writer, message: Any, rules: Grammar) -> None:
    """Everything inside one element."""
    state = rules.first[0]
    for index, term in enumerate(rules.terms):
        entries = values_of(message, term)
        for count, (option, number, value) in enumerate(entries, start=1):
            code = next(i for i, p in enumerate(state.productions) if p.term == index) + number
            writer.put(code, state.width)
            _write_value(writer, option.type, value, term.attribute)
            state = rules.again[index] if count < term.maximum else rules.first[index + 1]
    writer.put(state.productions.index(END), state.width)


def _write_value(writer: _Writer, held: Held, value: Any, attribute: bool) -> None:
    """One element or attribute behind its event code."""
    if held is RationalNumber or (isinstance(held, type) and issubclass(held, ComplexType)):
        _write_content(writer, value, grammar(held))
        return
    if not attribute:
        writer.put(0, 1)  # characters follow
    _write_simple(writer, held, value)
    if not attribute:
        writer.put(0, 1)  # end of element


def _write_simple(writer: _Writer, held: Held, value: Any) -> None:
    """The value of a simple type."""
    if isinstance(held, Truth):
        writer.put(value, 1)
    elif isinstance(held, Integer):
        width = integer_bits(held)
        if width is not None:
            writer.put(value - held.minimum, width)
        elif held.minimum >= 0:
            writer.unsigned(value)
        else:
            writer.put(value < 0, 1)
            writer.unsigned(value if value >= 0 else -value - 1)
    elif isinstance(held, Text):
        writer.unsigned(len(value) + _STRING_PAST_HITS)
        for character in value:
            if 0xD800 <= ord(character) < 0xE000:
                raise LocalProtocolError(f"text holds half a character, U+{ord(character):04X}: {value!r}")
            writer.unsigned(ord(character))
    elif isinstance(held, Octets):
        writer.unsigned(len(value))
        for byte in value:
            writer.put(byte, 8)
    else:
        assert isinstance(held, type)
        assert issubclass(held, Enum)
        writer.put(list(held).index(value), enum_bits(held))


# --- reading ----------------------------------------------------------------------------------------------------------


class _Reader:
    """Bits of a document from the front, and where in the message they stand."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.bit = 0
        self.path: list[str] = []

    @property
    def left(self) -> int:
        return 8 * len(self.data) - self.bit

    def error(self, detail: str, bit: int | None = None) -> EXIError:
        return EXIError(".".join(self.path), self.bit if bit is None else bit, detail)

    def take(self, width: int) -> int:
        if width > self.left:
            raise self.error(f"the document ends, {width} bits are due and {self.left} are left")
        first, last = self.bit // 8, (self.bit + width + 7) // 8
        chunk = int.from_bytes(self.data[first:last], "big")
        self.bit += width
        return chunk >> (8 * last - self.bit) & ((1 << width) - 1)

    def unsigned(self, maximum: int, what: str) -> int:
        """An unsigned integer up to `maximum`, in as few groups of 7 bits as it needs."""
        start, value, shift = self.bit, 0, 0
        while True:
            group = self.take(8)
            value |= (group & 127) << shift
            shift += 7
            if value > maximum or shift > maximum.bit_length() + 7:
                raise self.error(f"{what} above {maximum}", start)
            if group < 128:
                if group == 0 and shift > 7:
                    raise self.error(f"{what} is written with more bytes than it needs", start)
                return value


def decode(data: bytes, schema: Schema) -> ComplexType:
    """The message in an EXI document of one schema set; raises EXIError for everything that is none."""
    reader = _Reader(data)
    header = reader.take(8)
    if header != HEADER:
        raise reader.error(f"the EXI header must be 0x80, found {header:#04x}", 0)
    start = reader.bit
    code = reader.take(schema.width)
    name = schema.roots[code] if code < len(schema.roots) else ""
    cls = schema.messages.get(name)
    if cls is None:
        found = f"{name}, which is no message read here" if name else f"none of the {len(schema.roots)} root elements"
        raise reader.error(f"root code {code} of {schema.name} is {found}", start)
    reader.path.append(name)
    message: ComplexType = _read_content(reader, cls)
    if reader.left > 7:
        raise reader.error(f"{reader.left // 8} more bytes follow the end of the message")
    start, padding = reader.bit, reader.take(reader.left)
    if padding:
        raise reader.error(f"the padding behind the message must be zero, found {padding:b}", start)
    return message


def _read_content(reader: _Reader, held: type[ComplexType] | type[RationalNumber]) -> Any:
    """Everything inside one element, as an instance of its type."""
    rules = grammar(held)
    start, state = reader.bit, rules.first[0]
    values: dict[str, Any] = {}
    while (production := _read_event(reader, state)) is not END:
        term = rules.terms[production.term]
        number = "" if term.maximum == 1 else f"[{len(values.get(production.field, ()))}]"
        reader.path.append(production.name + number)
        value = _read_value(reader, production)
        reader.path.pop()
        if term.maximum == 1:
            values[production.field] = value
            state = rules.first[production.term + 1]
        else:
            entries = values[production.field] = (*values.get(production.field, ()), value)
            full = len(entries) == term.maximum
            state = rules.first[production.term + 1] if full else rules.again[production.term]
    try:
        return held(**values)
    except LocalProtocolError as wrong:
        raise reader.error(str(wrong), start) from None


def _read_event(reader: _Reader, state: State) -> Production:
    """The production that an event code picks."""
    start = reader.bit
    code = reader.take(state.width)
    if code < len(state.productions):
        production = state.productions[code]
        if production.held is not None or production is END:
            return production
        found = f"is {production.name}, which is abstract and never occurs"
    elif code == len(state.productions):
        found = "is the escape to undeclared content"
    else:
        found = "is out of range"
    possible = ", ".join(p.name or "the end" for p in state.productions if p.held is not None or p is END)
    raise reader.error(f"event code {code} {found}; expected {possible}", start)


def _read_value(reader: _Reader, production: Production) -> Any:
    """One element or attribute behind its event code."""
    held = production.held
    if held is Signature:
        raise reader.error("signed headers are not supported: sessions use EIM, which signs nothing")
    if held is RationalNumber or (isinstance(held, type) and issubclass(held, ComplexType)):
        return _read_content(reader, held)
    if production.attribute:
        return _read_simple(reader, held)
    start = reader.bit
    if reader.take(1):
        if isinstance(held, Text) and reader.take(_EMPTY_TEXT_BITS) == _EMPTY_TEXT:
            return ""  # EXIficient writes no characters for an empty text, but the end of the element
        raise reader.error("the escape to undeclared content stands where a value is due", start)
    value = _read_simple(reader, held)
    start = reader.bit
    if reader.take(1):
        raise reader.error("the escape to undeclared content stands where the element ends", start)
    return value


def _read_simple(reader: _Reader, held: Held) -> Any:
    """The value of a simple type, inside its limits."""
    if isinstance(held, Truth):
        return bool(reader.take(1))
    if isinstance(held, Integer):
        return _read_integer(reader, held)
    if isinstance(held, Text):
        return _read_text(reader, held)
    if isinstance(held, Octets):
        start = reader.bit
        size = reader.unsigned(2**32, "a length")
        low, high = held.minimum_length, held.maximum_length
        if not low <= size <= high:
            limits = f"{low}" if low == high else f"{low} to {high}"
            raise reader.error(f"{size} bytes, expected {limits}", start)
        if 8 * size > reader.left:
            raise reader.error(f"the document ends, {size} bytes are due and {reader.left // 8} are left")
        return bytes(reader.take(8) for _ in range(size))
    assert isinstance(held, type)
    assert issubclass(held, Enum)
    start, members = reader.bit, list(held)
    index = reader.take(enum_bits(held))
    if index >= len(members):
        raise reader.error(f"index {index} of an enumeration of {len(members)} values", start)
    return members[index]


def _read_integer(reader: _Reader, facet: Integer) -> int:
    """An integer in the coding that its range picks."""
    start, width = reader.bit, integer_bits(facet)
    if width is not None:
        value = reader.take(width) + facet.minimum
    elif facet.minimum >= 0:
        value = reader.unsigned(facet.maximum, "an integer")
    elif reader.take(1):
        value = -reader.unsigned(-facet.minimum - 1, "the magnitude of a negative integer") - 1
    else:
        value = reader.unsigned(facet.maximum, "an integer")
    if not facet.minimum <= value <= facet.maximum:
        raise reader.error(f"integer {value}, expected {facet.minimum} to {facet.maximum}", start)
    return value


def _read_text(reader: _Reader, facet: Text) -> str:
    """A string written out; hits of the string table are refused."""
    start = reader.bit
    length = reader.unsigned(2**32, "a length") - _STRING_PAST_HITS
    if length < 0:
        raise reader.error("a hit of the string table, which is switched off", start)
    if facet.maximum_length is not None and length > facet.maximum_length:
        raise reader.error(f"text of {length} characters, expected at most {facet.maximum_length}", start)
    if 8 * length > reader.left:
        raise reader.error(f"the document ends, {length} characters are due and {reader.left // 8} bytes are left")
    characters = []
    for _ in range(length):
        start = reader.bit
        code = reader.unsigned(0x10FFFF, "a code point")
        if 0xD800 <= code < 0xE000:
            raise reader.error(f"U+{code:04X} is half a character", start)
        characters.append(chr(code))
    return "".join(characters)
