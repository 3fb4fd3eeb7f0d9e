"""SDP over UDP: a station that answers, and a vehicle that asks. ISO 15118-20:2022, 7.8."""

import asyncio
import socket
from typing import Any

from experiments.errors import UserError
from protocol.iso20.errors import ProtocolError
from protocol.sdp import GROUP, PORT, RETRIES, WAIT_S, SDPRequest, SDPResponse, Security, read_sdp


def index_of(interface: str) -> int:
    """Number of a network interface; raises UserError with those there are."""
    try:
        return socket.if_nametoindex(interface)
    except OSError:
        names = ", ".join(name for _, name in socket.if_nameindex())
        raise UserError(f"there is no network interface '{interface}'; there are {names}") from None


def link_local(interface: str) -> str:
    """The link-local IPv6 address of an interface; raises UserError if it has none."""
    index = index_of(interface)
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((GROUP, PORT, 0, index))  # nothing is sent: the system picks the address it would send from
        except OSError as wrong:
            raise UserError(f"interface '{interface}' cannot reach {GROUP} over IPv6: {wrong}") from None
        return str(probe.getsockname()[0]).partition("%")[0]


class _Responder(asyncio.DatagramProtocol):
    """Answers every SDP request that asks for what is there: TCP without TLS."""

    def __init__(self, response: SDPResponse) -> None:
        self._response = response
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, address: tuple[Any, ...]) -> None:
        try:
            asked = read_sdp(data)
        except ProtocolError:
            return  # whatever else arrives on this port is not for us
        if isinstance(asked, SDPRequest) and asked.security is Security.NONE:
            self._transport.sendto(self._response.data(), address)


async def answer(interface: str, tcp_port: int, port: int = PORT) -> asyncio.DatagramTransport:
    """Answer SDP requests on an interface with its own address and `tcp_port`, until the transport is closed."""
    index = index_of(interface)
    listener = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("::", port))
    membership = socket.inet_pton(socket.AF_INET6, GROUP) + index.to_bytes(4, "little")
    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, membership)
    listener.setblocking(False)
    address = "::1" if interface.startswith("lo") else link_local(interface)
    response = SDPResponse(address, tcp_port)
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Responder(response), sock=listener
    )
    return transport


class _Asker(asyncio.DatagramProtocol):
    """Waits for the first response."""

    def __init__(self) -> None:
        self.found: asyncio.Future[SDPResponse] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, address: tuple[Any, ...]) -> None:
        try:
            said = read_sdp(data)
        except ProtocolError:
            return
        if isinstance(said, SDPResponse) and not self.found.done():
            self.found.set_result(said)


async def ask(interface: str, to: str = "", port: int = PORT, retries: int = RETRIES) -> SDPResponse:
    """Ask on an interface where a station is: every 250 ms, at most `retries` times; raises UserError if none answers.

    `to` is the address asked instead of all nodes on the link; on the loopback interface it is ::1, as multicast is
    not delivered there.
    """
    index = index_of(interface)
    target = to or ("::1" if interface.startswith("lo") else GROUP)
    loop = asyncio.get_running_loop()
    transport, asker = await loop.create_datagram_endpoint(_Asker, family=socket.AF_INET6)
    try:
        for _ in range(retries):
            transport.sendto(SDPRequest().data(), (target, port, 0, 0 if target == "::1" else index))
            done, _ = await asyncio.wait({asker.found}, timeout=WAIT_S)
            if done:
                return asker.found.result()
    finally:
        transport.close()
    raise UserError(f"no station answered on '{interface}' within {retries * WAIT_S:g} s")
