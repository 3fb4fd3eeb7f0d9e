"""Pieces that the generated codec is made of: the values whose size depends on the value, with their caches.

To write, a value becomes `(bits, count)`. To read, a document is one integer `v` with 64 zero bits behind it, so that a
look ahead never runs out, and `p` is the number of bits not yet read, those 64 included. Anything unexpected raises
`UnreadableError` (or the ValueError of a negative shift); what exactly is wrong the interpreted codec finds out.
"""

from typing import Final

from protocol.iso20.errors import LocalProtocolError
from protocol.values import RationalNumber, rational_read

__all__ = [
    "AHEAD",
    "RATIONALS",
    "RATIONALS_24",
    "RATIONALS_32",
    "UNSIGNED",
    "UnreadableError",
    "octets",
    "read_octets",
    "read_rational",
    "read_signed",
    "read_text",
    "read_unsigned",
    "signed",
    "text",
]

AHEAD: Final = 64  # zero bits behind a document

_KEPT: Final = 1 << 16  # entries of a cache before it is emptied


class UnreadableError(ValueError):
    """The document is not what the generated reader knows."""


# --- writing ----------------------------------------------------------------------------------------------------------


def _groups(value: int) -> tuple[int, int]:
    """An unsigned integer: groups of 7 bits, least significant first."""
    bits, count = 0, 0
    while value > 127:
        bits = bits << 8 | value & 127 | 128
        count += 8
        value >>= 7
    return bits << 8 | value, count + 8


class _Unsigned(dict[int, tuple[int, int]]):
    """Unsigned integers that were written before."""

    def __missing__(self, value: int) -> tuple[int, int]:
        if len(self) >= _KEPT:
            self.clear()
        made = self[value] = _groups(value)
        return made


class _Rationals(dict[tuple[int, int], tuple[int, int]]):
    """Contents of RationalNumbers that were written before, by exponent and value."""

    def __missing__(self, key: tuple[int, int]) -> tuple[int, int]:
        if len(self) >= _KEPT:
            self.clear()
        exponent, value = key
        bits, count = signed(value)
        # Exponent: event 0, characters 0, 8 bits from -128, end 0; Value: 0, 0, sign and magnitude, end 0; end 0
        made = self[key] = ((exponent + 128) << count + 5 | bits << 2, count + 15)
        return made


UNSIGNED: Final = _Unsigned()
RATIONALS: Final = _Rationals()


def signed(value: int) -> tuple[int, int]:
    """A signed integer: sign, then the magnitude, less one if negative."""
    bits, count = _groups(value if value >= 0 else -value - 1)
    return (bits if value >= 0 else bits | 1 << count), count + 1


def text(value: str) -> tuple[int, int]:
    """A string with its length, each character an unsigned integer."""
    bits, count = _groups(len(value) + 2)
    if value.isascii():
        return bits << 8 * len(value) | int.from_bytes(value.encode(), "big"), count + 8 * len(value)
    for character in value:
        code = ord(character)
        if 0xD800 <= code < 0xE000:
            raise LocalProtocolError(f"text holds half a character, U+{code:04X}: {value!r}")
        more, width = _groups(code)
        bits, count = bits << width | more, count + width
    return bits, count


def octets(value: bytes) -> tuple[int, int]:
    """Bytes with their length."""
    bits, count = _groups(len(value))
    return bits << 8 * len(value) | int.from_bytes(value, "big"), count + 8 * len(value)


# --- reading ----------------------------------------------------------------------------------------------------------

RATIONALS_24: Final[dict[int, RationalNumber]] = {}  # the 24 bits of a content -> its number; a cache
RATIONALS_32: Final[dict[int, RationalNumber]] = {}  # as above, of 32 bits


def read_unsigned(v: int, p: int, maximum: int) -> tuple[int, int]:
    """An unsigned integer up to `maximum`, and what is left."""
    value = shift = 0
    while True:
        p -= 8
        group = v >> p & 255
        value |= (group & 127) << shift
        if value > maximum or shift > 63:
            raise UnreadableError
        if group < 128:
            if group == 0 and shift:
                raise UnreadableError
            return value, p
        shift += 7


def read_signed(v: int, p: int, minimum: int, maximum: int) -> tuple[int, int]:
    """A signed integer inside its limits, and what is left."""
    p -= 1
    if v >> p & 1:
        value, p = read_unsigned(v, p, -minimum - 1)
        return -value - 1, p
    return read_unsigned(v, p, maximum)


def read_rational(v: int, p: int) -> tuple[RationalNumber, int]:
    """The content of a RationalNumber that no cache held, and what is left.

    Looked at as 40 bits, the longest there is: 0 0 exponent 0 0 0 sign, one to three bytes of magnitude, 0 0.
    """
    k = v >> p - 40 & 0xFFFFFFFFFF
    first, second, third = k >> 18 & 255, k >> 10 & 255, k >> 2 & 255
    if first < 128:
        size, magnitude = 24, first
    elif second < 128:
        size, magnitude = 32, first & 127 | second << 7
        if second == 0:
            raise UnreadableError
    else:
        size, magnitude = 40, first & 127 | (second & 127) << 7 | third << 14
        if third == 0:
            raise UnreadableError
    if k & 0xC038000000 or k >> 40 - size & 3 or magnitude > 32767:
        raise UnreadableError
    made = rational_read(-magnitude - 1 if k & 1 << 26 else magnitude, (k >> 30 & 255) - 128)
    if size < 40:
        cache = RATIONALS_24 if size == 24 else RATIONALS_32
        if len(cache) >= _KEPT:
            cache.clear()
        cache[k >> 40 - size] = made
    return made, p - size


def read_text(v: int, p: int, limit: int) -> tuple[str, int]:
    """A string of at most `limit` characters, and what is left."""
    length, p = read_unsigned(v, p, limit + 2)
    length -= 2
    if length < 0 or p < 8 * length:
        raise UnreadableError
    end = p - 8 * length
    characters = (v >> end & (1 << 8 * length) - 1).to_bytes(length, "big")
    if characters.isascii():
        return characters.decode("ascii"), end
    codes = []
    for _ in range(length):
        code, p = read_unsigned(v, p, 0x10FFFF)
        if 0xD800 <= code < 0xE000:
            raise UnreadableError
        codes.append(chr(code))
    return "".join(codes), p


def read_octets(v: int, p: int, minimum: int, maximum: int) -> tuple[bytes, int]:
    """Bytes with their length, and what is left."""
    length, p = read_unsigned(v, p, maximum)
    p -= 8 * length
    if length < minimum or p < 0:
        raise UnreadableError
    return (v >> p & (1 << 8 * length) - 1).to_bytes(length, "big"), p
