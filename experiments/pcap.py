"""Writes conversations as a pcapng capture: Ethernet, IPv6 and TCP around the frames, simulated time, right checksums.

One TCP stream per session. What stands around the frames is made here, at the instants of the simulation: SDP and the
TCP handshake when a session begins, FIN when it ends, one segment or more for each frame. Addresses are link-local and
say who it is: fe80::e5:7 is vehicle 7, fe80::5e:7 its station.
"""

import ipaddress
import struct
from typing import BinaryIO, Final, NamedTuple

from protocol.sdp import GROUP, PORT, SDPRequest, SDPResponse

__all__ = ["SECC_PORT", "Capture", "address"]

SECC_PORT: Final = 61_851
_FIRST_EV_PORT: Final = 49_152
_EV_PORTS: Final = 12_000
_SEGMENT_BYTES: Final = 1_440  # what is left of an Ethernet frame for TCP over IPv6
_FIN, _SYN, _PSH, _ACK = 0x01, 0x02, 0x08, 0x10
_TCP, _UDP = 6, 17
_ETHERTYPE_IPV6: Final = 0x86DD
_NANOSECONDS: Final = 9  # if_tsresol: time stamps count 10^-9 s


class _Host(NamedTuple):
    """One end on the wire."""

    mac: bytes
    ip: bytes
    port: int


class _Stream:
    """One TCP connection: where each end stands in its sequence numbers."""

    def __init__(self, ev: _Host, evse: _Host, first: int) -> None:
        self.ends = (ev, evse)
        self.next = [first, first + 0x4000_0000 & 0xFFFF_FFFF]


class Capture:
    """A pcapng file that grows with the run; `epoch_ns` is the calendar time of its start, Unix nanoseconds."""

    def __init__(self, file: BinaryIO, epoch_ns: int) -> None:
        self._file = file
        self._epoch_ns = epoch_ns
        self._streams: dict[int, _Stream] = {}
        self._sessions = 0
        section = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)
        resolution = struct.pack("<HHB3x", 9, 1, _NANOSECONDS) + struct.pack("<HH", 0, 0)
        self._block(0x0A0D0D0A, section)
        self._block(1, struct.pack("<HHI", 1, 0, 0) + resolution)  # Ethernet, whole packets

    def connect(self, now_ns: int, ev_id: int) -> None:
        """A session begins: SDP finds the station, TCP connects."""
        self._sessions += 1
        ev = _host(0xE5, ev_id, _FIRST_EV_PORT + self._sessions % _EV_PORTS)
        evse = _host(0x5E, ev_id, SECC_PORT)
        group = _Host(bytes.fromhex("333300000001"), _packed(GROUP), PORT)
        self._udp(now_ns, ev, group, SDPRequest().data())
        self._udp(now_ns, evse._replace(port=PORT), ev, SDPResponse(address(0x5E, ev_id), SECC_PORT).data())
        self._streams[ev_id] = _Stream(ev, evse, self._sessions * 0x0001_0000 & 0xFFFF_FFFF)
        self._tcp(now_ns, ev_id, 0, _SYN)
        self._tcp(now_ns, ev_id, 1, _SYN | _ACK)
        self._tcp(now_ns, ev_id, 0, _ACK)

    def send(self, now_ns: int, ev_id: int, to_ev: bool, data: bytes) -> None:
        """A frame leaves its sender; the first one of a vehicle connects it."""
        if ev_id not in self._streams:
            self.connect(now_ns, ev_id)
        for start in range(0, len(data), _SEGMENT_BYTES):
            part = data[start : start + _SEGMENT_BYTES]
            last = start + len(part) == len(data)
            self._tcp(now_ns, ev_id, int(to_ev), _ACK | _PSH if last else _ACK, part)

    def close(self, now_ns: int, ev_id: int) -> None:
        """The session is over: both ends say so. A vehicle without a stream is passed over."""
        if ev_id not in self._streams:
            return
        self._tcp(now_ns, ev_id, 0, _FIN | _ACK)
        self._tcp(now_ns, ev_id, 1, _FIN | _ACK)
        self._tcp(now_ns, ev_id, 0, _ACK)
        del self._streams[ev_id]

    # --- layers, from the inside out ---

    def _tcp(self, now_ns: int, ev_id: int, sender: int, flags: int, data: bytes = b"") -> None:
        stream = self._streams[ev_id]
        source, target = stream.ends[sender], stream.ends[1 - sender]
        acknowledged = stream.next[1 - sender] if flags & _ACK else 0
        header = struct.pack(
            ">HHIIBBHHH", source.port, target.port, stream.next[sender], acknowledged, 5 << 4, flags, 0xFFFF, 0, 0
        )
        stream.next[sender] = stream.next[sender] + len(data) + bool(flags & (_SYN | _FIN)) & 0xFFFF_FFFF
        self._ip(now_ns, source, target, _TCP, header, data, checksum_at=16)

    def _udp(self, now_ns: int, source: _Host, target: _Host, data: bytes) -> None:
        header = struct.pack(">HHHH", source.port, target.port, 8 + len(data), 0)
        self._ip(now_ns, source, target, _UDP, header, data, checksum_at=6)

    def _ip(
        self, now_ns: int, source: _Host, target: _Host, protocol: int, header: bytes, data: bytes, checksum_at: int
    ) -> None:
        length = len(header) + len(data)
        pseudo = source.ip + target.ip + struct.pack(">II", length, protocol)
        checksum = _checksum(pseudo + header + data).to_bytes(2, "big")
        header = header[:checksum_at] + checksum + header[checksum_at + 2 :]
        outer = struct.pack(">IHBB", 6 << 28, length, protocol, 64) + source.ip + target.ip
        ethernet = target.mac + source.mac + _ETHERTYPE_IPV6.to_bytes(2, "big")
        self._packet(now_ns, ethernet + outer + header + data)

    def _packet(self, now_ns: int, packet: bytes) -> None:
        stamp = self._epoch_ns + now_ns
        head = struct.pack("<IIIII", 0, stamp >> 32, stamp & 0xFFFF_FFFF, len(packet), len(packet))
        self._block(6, head + packet)

    def _block(self, kind: int, body: bytes) -> None:
        body += bytes(-len(body) % 4)
        size = struct.pack("<I", len(body) + 12)
        self._file.write(struct.pack("<I", kind) + size + body + size)


def address(side: int, number: int) -> str:
    """Link-local address of a vehicle (side 0xE5) or a station (side 0x5E)."""
    return f"fe80::{side:x}:{number >> 16:x}:{number & 0xFFFF:x}" if number >> 16 else f"fe80::{side:x}:{number:x}"


def _packed(text: str) -> bytes:
    return ipaddress.IPv6Address(text).packed


def _host(side: int, number: int, port: int) -> _Host:
    """An end with addresses made of its side and number; the MAC is a locally administered one."""
    return _Host(bytes((0x02, side)) + number.to_bytes(4, "big"), _packed(address(side, number)), port)


def _checksum(data: bytes) -> int:
    """One's complement of the one's complement sum of 16-bit words; never 0, which UDP reads as "none"."""
    total = int.from_bytes(data + bytes(len(data) % 2), "big") % 0xFFFF
    return 0xFFFF - total or 0xFFFF
