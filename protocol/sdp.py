"""SDP: the EV asks on UDP where a station listens, and how. ISO 15118-20:2022, 7.8.

Port 15118, to the multicast group ff02::1. A request is Security and Transport; a response is an IPv6 address, a port,
Security and Transport. Each is the payload of one V2GTP frame, and that frame is the whole datagram.
"""

import ipaddress
from enum import IntEnum
from typing import Final, NamedTuple

from protocol.iso20.errors import LocalProtocolError
from protocol.v2gtp import Frame, PayloadType, Unframer, V2GTPError, frame

__all__ = ["GROUP", "PORT", "RETRIES", "WAIT_S", "SDPRequest", "SDPResponse", "Security", "Transport", "read_sdp"]

GROUP: Final = "ff02::1"
PORT: Final = 15118
WAIT_S: Final = 0.25  # for a response, before the request is sent again
RETRIES: Final = 50


class Security(IntEnum):
    """Whether TCP is wrapped in TLS."""

    TLS = 0x00
    NONE = 0x10


class Transport(IntEnum):
    """The only transport there is."""

    TCP = 0x00


class SDPRequest(NamedTuple):
    """What the EV wants."""

    security: Security = Security.NONE
    transport: Transport = Transport.TCP

    def data(self) -> bytes:
        """The datagram."""
        return frame(PayloadType.SDP_REQUEST, bytes((self.security, self.transport)))


class SDPResponse(NamedTuple):
    """Where the station listens."""

    address: str
    port: int
    security: Security = Security.NONE
    transport: Transport = Transport.TCP

    def data(self) -> bytes:
        """The datagram; raises LocalProtocolError if address or port cannot be said."""
        try:
            address = ipaddress.IPv6Address(self.address.partition("%")[0])
        except ValueError as wrong:
            raise LocalProtocolError(f"an SDP response names an IPv6 address: {wrong}") from None
        if not 0 < self.port < 1 << 16:
            raise LocalProtocolError(f"a port must be from 1 to 65535, got {self.port}")
        payload = address.packed + self.port.to_bytes(2, "big") + bytes((self.security, self.transport))
        return frame(PayloadType.SDP_RESPONSE, payload)


def read_sdp(datagram: bytes) -> SDPRequest | SDPResponse:
    """The request or response in a datagram; raises V2GTPError for everything else."""
    unframer = Unframer(maximum_payload_bytes=20)
    frames = unframer.feed(datagram)
    if len(frames) != 1 or unframer.waiting:
        raise V2GTPError(f"an SDP datagram is one frame, found {len(frames)} and {unframer.waiting} bytes more")
    return _read_payload(frames[0])


def _read_payload(received: Frame) -> SDPRequest | SDPResponse:
    payload = received.payload
    sizes = {PayloadType.SDP_REQUEST: 2, PayloadType.SDP_RESPONSE: 20}
    size = sizes.get(received.payload_type)
    if size is None:
        raise V2GTPError(f"payload type {received.payload_type:#06x} ({received.payload_type.name}) is not SDP")
    if len(payload) != size:
        raise V2GTPError(f"{received.payload_type.name} must have {size} bytes, found {len(payload)}")
    try:
        security, transport = Security(payload[-2]), Transport(payload[-1])
    except ValueError as wrong:
        raise V2GTPError(f"{received.payload_type.name}: {wrong}") from None
    if received.payload_type is PayloadType.SDP_REQUEST:
        return SDPRequest(security, transport)
    port = int.from_bytes(payload[16:18], "big")
    if port == 0:
        raise V2GTPError("SDP_RESPONSE names port 0")
    return SDPResponse(str(ipaddress.IPv6Address(payload[:16])), port, security, transport)
