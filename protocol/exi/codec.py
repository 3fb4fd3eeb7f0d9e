"""Messages to EXI documents and back, by functions written for each type at its first use.

`encode` and `decode` are what others call. A document that the generated reader does not know goes to the interpreted
one, which says what is wrong and where; the two agree on every document, by test.
"""

from collections.abc import Callable
from typing import Any, Final

from protocol.exi import interpreted
from protocol.exi.pieces import AHEAD
from protocol.exi.schemas import SCHEMAS, Schema, schema_of
from protocol.exi.write_decoder import DecoderSource
from protocol.exi.write_encoder import EncoderSource
from protocol.iso20.errors import LocalProtocolError
from protocol.schema import ComplexType

__all__ = ["decode", "encode"]

Encoder = Callable[[Any, int], int]
Decoder = Callable[[int, int], tuple[Any, int]]

# Functions written so far: each at its first use, about 1 ms a message.
_ENCODERS: Final[dict[type[ComplexType], Encoder]] = {}
_DECODERS: Final[dict[type[ComplexType], Decoder]] = {}
_MESSAGE_ENCODERS: Final[dict[type[ComplexType], tuple[Encoder, int]]] = {}
_MESSAGE_DECODERS: Final[dict[str, dict[int, Decoder]]] = {name: {} for name in SCHEMAS}  # by header and root code
_ROOT_BITS: Final = {name: 8 + schema.width for name, schema in SCHEMAS.items()}  # header and root code


def encode(message: ComplexType) -> bytes:
    """The EXI document of a message; raises LocalProtocolError for what is no message."""
    encoder, start = _message_encoder(type(message))
    bits = encoder(message, start)
    count = bits.bit_length() + 7 & -8
    return (bits << count - bits.bit_length()).to_bytes(count >> 3, "big")


def decode(data: bytes, schema: Schema) -> ComplexType:
    """The message in an EXI document of one schema set; raises EXIError for everything that is none."""
    head = _ROOT_BITS[schema.name]
    v = int.from_bytes(data, "big") << AHEAD
    p = 8 * len(data) + AHEAD - head
    if p > AHEAD:
        decoder = _message_decoder(schema.name, v >> p)
        if decoder is not None:
            try:
                message, p = decoder(v, p)
            except ValueError:  # UnreadableError, a shift past the end, or a value that the type refuses
                return interpreted.decode(data, schema)
            left = p - AHEAD
            if 0 <= left < 8 and not v >> AHEAD & (1 << left) - 1:
                return message  # type: ignore[no-any-return]
    return interpreted.decode(data, schema)


def _message_encoder(cls: type[ComplexType]) -> tuple[Encoder, int]:
    """The encoder of a message, and the header and root code its document begins with."""
    found = _MESSAGE_ENCODERS.get(cls)
    if found is None:
        try:
            schema = schema_of(cls)
        except KeyError:
            raise LocalProtocolError(f"{cls.__name__} is no message that can be sent on its own") from None
        start = interpreted.HEADER << schema.width | schema.roots.index(cls.wire_name)
        found = _MESSAGE_ENCODERS[cls] = (_encoder(cls), start)
    return found


def _message_decoder(schema: str, start: int) -> Decoder | None:
    """The decoder of the message whose document begins with `start`, header and root code."""
    found = _MESSAGE_DECODERS[schema].get(start)
    if found is None:
        code = start - (interpreted.HEADER << SCHEMAS[schema].width)
        roots = SCHEMAS[schema].roots
        cls = SCHEMAS[schema].messages.get(roots[code]) if 0 <= code < len(roots) else None
        if cls is not None:
            found = _MESSAGE_DECODERS[schema][start] = _decoder(cls)
    return found


def _encoder(cls: type[ComplexType]) -> Encoder:
    """Write and compile the encoder of one type, and those it calls."""
    if cls not in _ENCODERS:
        written = EncoderSource(cls)
        names = written.names | {f"e_{name}": _encoder(held) for name, held in written.called.items()}
        exec(compile(written.source, f"<EXI encoder of {cls.__name__}>", "exec"), names)
        _ENCODERS[cls] = names["encode"]
    return _ENCODERS[cls]


def _decoder(cls: type[ComplexType]) -> Decoder:
    """Write and compile the decoder of one type, and those it calls."""
    if cls not in _DECODERS:
        written = DecoderSource(cls)
        names = written.names | {f"d_{name}": _decoder(held) for name, held in written.called.items()}
        exec(compile(written.source, f"<EXI decoder of {cls.__name__}>", "exec"), names)
        _DECODERS[cls] = names["decode"]
    return _DECODERS[cls]
