"""What an element of a message can hold: numbers, texts and bytes with the limits of the schema, and RationalNumber.

The named types (`PercentValue`, `UnsignedInt`, ...) are `int`, `str` and `bytes` to a type checker; the facet beside
each one carries the schema's name and range, from which `schema.py` writes the checks.
"""

from collections.abc import Callable
from math import floor
from typing import Annotated, ClassVar, Final, NamedTuple

from protocol.iso20.errors import LocalProtocolError

__all__ = [
    "SMALL",
    "Boolean",
    "Byte",
    "Certificate",
    "Currency",
    "Description",
    "Facet",
    "GenChallenge",
    "Identifier",
    "Int",
    "Integer",
    "Language",
    "MaxSupportingPoints",
    "MeterID",
    "MeterSignature",
    "Name",
    "NumericID",
    "Octets",
    "PercentValue",
    "Priority",
    "ProtocolNamespace",
    "RationalNumber",
    "SchemaID",
    "ServiceNumber",
    "SessionID",
    "Short",
    "Text",
    "Truth",
    "UnsignedByte",
    "UnsignedInt",
    "UnsignedLong",
    "UnsignedShort",
    "XmlID",
    "rational",
    "rational_read",
    "unsayable",
    "wire",
    "wire_small",
    "wire_small_within",
    "wire_within",
]


class Integer(NamedTuple):
    """A whole number of the schema, limits included."""

    xsd: str
    minimum: int
    maximum: int


class Text(NamedTuple):
    """A string of the schema; `maximum_length` counts characters, None where the schema sets no limit."""

    xsd: str
    maximum_length: int | None


class Octets(NamedTuple):
    """Bytes of the schema; `hexadecimal` tells hexBinary from base64Binary."""

    xsd: str
    minimum_length: int
    maximum_length: int
    hexadecimal: bool = False


class Truth(NamedTuple):
    """A boolean of the schema."""

    xsd: str = "xs:boolean"


Facet = Integer | Text | Octets | Truth

Boolean = Annotated[bool, Truth()]
Byte = Annotated[int, Integer("xs:byte", -(2**7), 2**7 - 1)]
Short = Annotated[int, Integer("xs:short", -(2**15), 2**15 - 1)]
Int = Annotated[int, Integer("xs:int", -(2**31), 2**31 - 1)]
UnsignedByte = Annotated[int, Integer("xs:unsignedByte", 0, 2**8 - 1)]
UnsignedShort = Annotated[int, Integer("xs:unsignedShort", 0, 2**16 - 1)]
UnsignedInt = Annotated[int, Integer("xs:unsignedInt", 0, 2**32 - 1)]
UnsignedLong = Annotated[int, Integer("xs:unsignedLong", 0, 2**64 - 1)]
PercentValue = Annotated[int, Integer("ct:percentValueType", 0, 100)]
NumericID = Annotated[int, Integer("ct:numericIDType", 1, 2**32 - 1)]
ServiceNumber = Annotated[int, Integer("cm:serviceIDType", 0, 2**16 - 1)]
MaxSupportingPoints = Annotated[int, Integer("cm:maxSupportingPointsScheduleTupleType", 12, 1024)]
SchemaID = Annotated[int, Integer("sap:idType", 0, 255)]
Priority = Annotated[int, Integer("sap:priorityType", 1, 20)]

ProtocolNamespace = Annotated[str, Text("sap:protocolNamespaceType", 100)]
XmlID = Annotated[str, Text("xs:ID", None)]
Name = Annotated[str, Text("ct:nameType", 80)]
Description = Annotated[str, Text("ct:descriptionType", 160)]
Identifier = Annotated[str, Text("ct:identifierType", 255)]
MeterID = Annotated[str, Text("ct:meterIDType", 32)]
Currency = Annotated[str, Text("cm:currencyType", 3)]
Language = Annotated[str, Text("cm:languageType", 3)]

SessionID = Annotated[bytes, Octets("ct:sessionIDType", 8, 8, hexadecimal=True)]
MeterSignature = Annotated[bytes, Octets("ct:meterSignatureType", 0, 64)]
GenChallenge = Annotated[bytes, Octets("cm:genChallengeType", 16, 16)]
Certificate = Annotated[bytes, Octets("cm:certificateType", 0, 1600)]

_FULL: Final = (
    32767.5  # the first magnitude that no longer rounds into 16 bits; -32768 stays unused, so that signs mirror
)
_LARGEST: Final = 32767.5e22  # powers of ten are exact doubles up to 1e22


SMALL: Final = 327675.0  # magnitudes below it are rounded by `wire_small`


def wire(x: float) -> float:
    """The number nearest to `x` that a RationalNumber carries.

    The finest power of ten from 10^-3 upwards whose 16-bit value still holds `x`: millivolts below 32.767, whole watts
    from 3277 to 32767, tens of watts above. Halves round away from zero, so the function is odd; it is monotone and
    idempotent. Values that cannot travel (NaN, infinity, beyond 3.2e26) come back unchanged; `rational` refuses them.

    Source
    ------
    Number format: ISO 15118-20 RationalNumberType, Exponent xs:byte and Value xs:short. Finest step 10^-3: assumed, as
    the quantities carried (W, Wh, A, V, Hz) need no finer one.
    """
    return wire_small(x) if -SMALL < x < SMALL else _wire_large(x)


def wire_small(x: float) -> float:
    """`wire` of a number within plus and minus `SMALL`: without a loop, so that columns of numbers can be compiled."""
    magnitude = -x if x < 0.0 else x
    if magnitude < 3276.75:
        per_unit = 10.0 if magnitude >= 327.675 else 100.0 if magnitude >= 32.7675 else 1000.0
        number = floor(magnitude * per_unit + 0.5) / per_unit  # dividing gives the double nearest to the decimal
    else:
        unit = 1.0 if magnitude < _FULL else 10.0
        number = floor(magnitude / unit + 0.5) * unit
    return 0.0 - number if x < 0.0 else number  # 0.0 - 0.0 is +0.0: there is one zero on the wire


def _wire_large(x: float) -> float:
    """`wire` of any other number."""
    magnitude = -x if x < 0.0 else x
    if not magnitude < _LARGEST:
        return x
    unit = 100.0
    while magnitude / unit >= _FULL:
        unit *= 10.0
    number = floor(magnitude / unit + 0.5) * unit
    return 0.0 - number if x < 0.0 else number


def wire_within(x: float) -> float:
    """As `wire`, but never further from zero than `x`: what may be sent where `x` is a limit."""
    return wire_small_within(x) if -SMALL < x < SMALL else _wire_large_within(x)


def wire_small_within(x: float) -> float:
    """`wire_within` of a number within plus and minus `SMALL`; see `wire_small`."""
    magnitude = -x if x < 0.0 else x
    if magnitude < 3276.75:
        per_unit = 10.0 if magnitude >= 327.675 else 100.0 if magnitude >= 32.7675 else 1000.0
        steps = floor(magnitude * per_unit + 0.5)
        number = (steps - (1.0 if steps / per_unit > magnitude else 0.0)) / per_unit
    else:
        unit = 1.0 if magnitude < _FULL else 10.0
        number = floor(magnitude / unit) * unit
    return 0.0 - number if x < 0.0 else number


def _wire_large_within(x: float) -> float:
    """`wire_within` of any other number."""
    number = _wire_large(x)
    magnitude = -number if number < 0.0 else number
    if magnitude <= (-x if x < 0.0 else x) or not magnitude < _LARGEST:
        return number
    unit = 10.0
    while magnitude / unit >= _FULL:
        unit *= 10.0
    return wire(number - unit if number > 0.0 else number + unit)


_POWERS: Final = tuple(10.0**exponent for exponent in range(129))


class RationalNumber:
    """`value` x 10^`exponent`, and the same as a float in `number`.

    Made from floats by `rational`; made directly when a message is decoded. Equal means equal on the wire:
    5 x 10^0 and 50 x 10^-1 are different messages.
    """

    __slots__ = ("exponent", "number", "value")

    wire_name: ClassVar[str] = "RationalNumber"
    xsd: ClassVar[str] = "ct:RationalNumberType"

    value: int
    exponent: int
    number: float

    def __init__(self, value: int, exponent: int) -> None:
        if value.__class__ is not int or not -32768 <= value <= 32767:
            raise LocalProtocolError(f"RationalNumber.Value must be an integer from -32768 to 32767, got {value!r}")
        if exponent.__class__ is not int or not -128 <= exponent <= 127:
            raise LocalProtocolError(f"RationalNumber.Exponent must be an integer from -128 to 127, got {exponent!r}")
        self.value = value
        self.exponent = exponent
        self.number = value * _POWERS[exponent] if exponent >= 0 else value / _POWERS[-exponent]

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not RationalNumber:
            return NotImplemented
        assert isinstance(other, RationalNumber)
        return self.value == other.value and self.exponent == other.exponent

    def __hash__(self) -> int:
        return hash((self.value, self.exponent))

    def __repr__(self) -> str:
        return f"RationalNumber({self.value}, {self.exponent})"


_bare = object.__new__


def rational_read(value: int, exponent: int) -> RationalNumber:
    """As the class makes it, for a reader that has looked at both numbers: three times as fast."""
    made: RationalNumber = _bare(RationalNumber)
    made.value = value
    made.exponent = exponent
    made.number = value * _POWERS[exponent] if exponent >= 0 else value / _POWERS[-exponent]
    return made


_KEPT_LIMIT: Final = 1 << 17


class _Rationals(dict[float, RationalNumber]):
    """Number on the wire -> its one object. A number that is not there yet is rounded first, then made and kept."""

    def __missing__(self, x: float) -> RationalNumber:
        number = wire_small(x) if -SMALL < x < SMALL else wire(x)
        kept = self.get(number)
        if kept is not None:
            return kept
        if len(self) >= _KEPT_LIMIT:
            self.clear()
        # Most numbers that move are these; both forms are exact, and the other way finds the same.
        made: RationalNumber = _bare(RationalNumber)
        if -_FULL < number < _FULL and number == floor(number):
            made.value, made.exponent = int(number), 0
        elif -32.7675 < number < 32.7675:
            made.value, made.exponent = round(number * 1000.0), -3
        elif -327.675 < number < 327.675:
            made.value, made.exponent = round(number * 100.0), -2
        elif -3276.75 < number < 3276.75:
            made.value, made.exponent = round(number * 10.0), -1
        else:
            made = _large(number)
        made.number = number
        self[number] = made
        return made


def _large(number: float) -> RationalNumber:
    """The RationalNumber of a `number` that `wire` returned, in tens or more."""
    magnitude = abs(number)
    if not magnitude < _LARGEST:
        raise LocalProtocolError(f"a RationalNumber must be finite and below {_LARGEST:g}, got {number!r}")
    exponent = 1
    while magnitude / 10.0**exponent >= _FULL:
        exponent += 1
    return RationalNumber(round(number / 10.0**exponent), exponent)


rational: Final[Callable[[float], RationalNumber]] = _Rationals().__getitem__
"""The RationalNumber nearest to `x`; its `number` is `wire(x)`, bit for bit.

Whole numbers up to 32767 have exponent 0. Equal results are the same object, which makes the common case, a limit that
did not change, one look-up in a dict without a call into Python (40 ns; a number that moves takes 0.2 us). Raises
LocalProtocolError (a ValueError) if `x` cannot travel.
"""


def unsayable(record: tuple[object, ...]) -> str:
    """For an error message: the fields of a NamedTuple whose number cannot travel, or nothing."""
    names: tuple[str, ...] = getattr(record, "_fields", ())
    bad = [
        f"{name}={value!r}"
        for name, value in zip(names, record, strict=True)
        if isinstance(value, float) and not abs(value) < _LARGEST
    ]
    return f" ({type(record).__name__} has {', '.join(bad)})" if bad else ""
