"""V2GTP, the frame around every message on TCP and around SDP on UDP: 8 bytes of header, then the payload.

Version 0x01 and its inverse 0xFE, payload type (2 bytes), payload length (4 bytes), big endian. The payload type picks
the schema of an EXI document. Sans-IO: `Unframer` is fed whatever a connection delivers and gives whole frames.
"""

from enum import IntEnum
from typing import Final, NamedTuple

from protocol.exi.codec import decode, encode
from protocol.exi.schemas import SCHEMAS, Schema, schema_of
from protocol.iso20.errors import LocalProtocolError, RemoteProtocolError
from protocol.schema import ComplexType

__all__ = [
    "HEADER_BYTES",
    "MAXIMUM_PAYLOAD_BYTES",
    "Frame",
    "PayloadType",
    "Unframer",
    "V2GTPError",
    "frame",
    "frame_message",
    "read_message",
]

HEADER_BYTES: Final = 8
MAXIMUM_PAYLOAD_BYTES: Final = 65_536  # the longest power profile takes 14 kB
_START: Final = b"\x01\xfe"


class PayloadType(IntEnum):
    """What a frame carries."""

    SUPPORTED_APP_PROTOCOL = 0x8001
    COMMON_MESSAGES = 0x8002
    AC = 0x8003
    DC = 0x8004
    ACDP = 0x8005
    WPT = 0x8006
    SCHEDULE_RENEGOTIATION = 0x8101
    METERING_CONFIRMATION = 0x8102
    ACDP_SYSTEM_STATUS = 0x8103
    PARKING_STATUS = 0x8104
    SDP_REQUEST = 0x9000
    SDP_RESPONSE = 0x9001
    SDP_REQUEST_WIRELESS = 0x9002
    SDP_RESPONSE_WIRELESS = 0x9003


_PAYLOAD_TYPES: Final = frozenset(int(kind) for kind in PayloadType)
_SCHEMA_OF: Final[dict[int, Schema]] = {schema.payload_type: schema for schema in SCHEMAS.values()} | {
    # side streams carry CommonMessages; no implementation known sends them, so ours does not either
    PayloadType.SCHEDULE_RENEGOTIATION: SCHEMAS["CommonMessages"],
    PayloadType.METERING_CONFIRMATION: SCHEMAS["CommonMessages"],
    PayloadType.PARKING_STATUS: SCHEMAS["CommonMessages"],
}


class V2GTPError(RemoteProtocolError):
    """Bytes that are no frame: after it the connection is of no use, as no one knows where the next frame begins."""


class Frame(NamedTuple):
    """One frame that came in."""

    payload_type: PayloadType
    payload: bytes


def frame(payload_type: int, payload: bytes) -> bytes:
    """A payload with its header."""
    return _START + payload_type.to_bytes(2, "big") + len(payload).to_bytes(4, "big") + payload


def frame_message(message: ComplexType) -> bytes:
    """A message as it goes over TCP; raises LocalProtocolError for what is no message."""
    payload = encode(message)
    if len(payload) > MAXIMUM_PAYLOAD_BYTES:
        raise LocalProtocolError(
            f"{message.wire_name} takes {len(payload)} bytes, a frame carries {MAXIMUM_PAYLOAD_BYTES} at most"
        )
    return frame(schema_of(type(message)).payload_type, payload)


def read_message(received: Frame) -> ComplexType:
    """The message in a frame; raises V2GTPError for a payload without a schema here, EXIError for a broken document."""
    schema = _SCHEMA_OF.get(received.payload_type)
    if schema is None:
        raise V2GTPError(
            f"payload type {received.payload_type:#06x} ({received.payload_type.name}) is no message read here"
        )
    return decode(received.payload, schema)


class Unframer:
    """Cuts a stream of bytes into frames; the start of the next one is kept until the rest comes."""

    def __init__(self, maximum_payload_bytes: int = MAXIMUM_PAYLOAD_BYTES) -> None:
        self._kept = bytearray()
        self._maximum = maximum_payload_bytes

    @property
    def waiting(self) -> int:
        """Bytes of a frame that is not whole yet."""
        return len(self._kept)

    def feed(self, data: bytes) -> list[Frame]:
        """Whole frames among the bytes so far; raises V2GTPError as soon as a header is wrong or announces too much.

        Frames that came before a wrong header are given first; the next call raises.
        """
        self._kept += data
        frames: list[Frame] = []
        try:
            while (whole := self._next()) is not None:
                frames.append(whole)
        except V2GTPError:
            if not frames:
                raise
        return frames

    def _next(self) -> Frame | None:
        """The first frame if it is whole; a header is checked before its payload is waited for."""
        kept = self._kept
        if not _START.startswith(kept[:2]):
            raise V2GTPError(f"a frame begins with 01fe, found {kept[:2].hex()}")
        if len(kept) < HEADER_BYTES:
            return None
        code, size = int.from_bytes(kept[2:4], "big"), int.from_bytes(kept[4:8], "big")
        if code not in _PAYLOAD_TYPES:
            raise V2GTPError(f"payload type {code:#06x} is not known")
        if size > self._maximum:
            raise V2GTPError(f"a frame of {size} bytes is announced, at most {self._maximum} are read")
        if len(kept) < HEADER_BYTES + size:
            return None
        payload = bytes(kept[HEADER_BYTES : HEADER_BYTES + size])
        del kept[: HEADER_BYTES + size]
        return Frame(PayloadType(code), payload)
