"""What `v2g-cosim exi` does: JSON Lines through the codec, and one frame for a person."""

import json
import sys
from collections.abc import Callable
from typing import Any

import typer

from experiments.cli import BAD_USAGE, FAILED, print_json
from protocol.exi.codec import decode, encode
from protocol.exi.content import from_content, nearest, to_content
from protocol.exi.schemas import SCHEMAS, Schema
from protocol.iso20.errors import ProtocolError
from protocol.sdp import SDPRequest, SDPResponse, read_sdp
from protocol.v2gtp import PayloadType, Unframer, read_message

SDP_TYPES = (PayloadType.SDP_REQUEST, PayloadType.SDP_RESPONSE)


class LineError(ValueError):
    """A line of input that cannot be treated; its message says why."""


def pipe(treat: Callable[[dict[str, Any]], dict[str, Any]]) -> int:
    """Treat each line of stdin; 1 if any of them failed, else 0. Blank lines are passed over."""
    failed = False
    for number, line in enumerate(sys.stdin.buffer, start=1):
        if line.isspace():
            continue
        label: dict[str, Any] = {"line": number}
        try:
            record = _record(line)
            label = {"id": record["id"]} if "id" in record else label
            result = treat(record)
        except (LineError, ProtocolError) as wrong:
            failed = True
            result = {"error": str(wrong)}
        sys.stdout.write(json.dumps(label | result) + "\n")
        sys.stdout.flush()  # a program at the other end may wait for this line before it writes the next
    return FAILED if failed else 0


def encode_line(record: dict[str, Any]) -> dict[str, Any]:
    """`exi` of `schema` and `content`."""
    return {"exi": encode(from_content(_schema(record), _given(record, "content"))).hex()}


def decode_line(record: dict[str, Any]) -> dict[str, Any]:
    """`content` of `schema` and `exi`."""
    data = _octets(_given(record, "exi"), "exi")
    return {"content": to_content(decode(data, _schema(record)))}


def frame_command(text: str, as_json: bool) -> int:
    """Show one V2GTP frame: what its header says and what it carries."""
    try:
        data = _octets(text, "--hex")
    except LineError as wrong:
        typer.echo(f"error: {wrong}", err=True)
        return BAD_USAGE
    try:
        kind, size, content = _read_frame(data)
    except (LineError, ProtocolError) as wrong:
        if as_json:
            print_json({"error": str(wrong)})
        else:
            typer.echo(f"error: {wrong}", err=True)
        return FAILED
    if as_json:
        print_json({"payload_type": f"{kind:#06x}", "carries": kind.name, "payload_bytes": size, "content": content})
        return 0
    typer.echo(f"payload type {kind:#06x} ({kind.name}), {size} bytes after the header of 8")
    for line in _indented(content, ""):
        typer.echo(line)
    return 0


def _record(line: bytes) -> dict[str, Any]:
    """One line as an object."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as wrong:
        raise LineError(f"not a line of JSON: {wrong}") from None
    if not isinstance(record, dict):
        raise LineError(f"a line must be a JSON object, got {type(record).__name__}")
    return record


def _given(record: dict[str, Any], key: str) -> Any:
    """What a line must have."""
    if key not in record:
        raise LineError(f"{key} is missing; the line has {', '.join(map(str, record)) or 'no keys'}")
    return record[key]


def _schema(record: dict[str, Any]) -> Schema:
    """The schema set a line names."""
    name = _given(record, "schema")
    if not isinstance(name, str) or name not in SCHEMAS:
        raise LineError(f"schema must be one of {', '.join(SCHEMAS)}, got {name!r}{nearest(name, list(SCHEMAS))}")
    return SCHEMAS[name]


def _octets(text: Any, where: str) -> bytes:
    """Bytes from hex digits, with spaces or colons between them if need be."""
    if not isinstance(text, str):
        raise LineError(f"{where} must be hex text, got {type(text).__name__}")
    try:
        return bytes.fromhex(text.strip().removeprefix("0x").replace(":", " "))
    except ValueError as wrong:
        raise LineError(f"{where} must be hex digits, two for each byte: {wrong}") from None


def _read_frame(data: bytes) -> tuple[PayloadType, int, dict[str, Any]]:
    """Payload type, size and content of one frame."""
    if data[:1] == b"\x80":
        raise LineError("this is an EXI document without its frame: a V2GTP frame begins with 01fe")
    unframer = Unframer(maximum_payload_bytes=1 << 24)
    frames = unframer.feed(data)
    if len(frames) != 1 or unframer.waiting:
        found = "it is cut short" if not frames else f"{len(data) - 8 - len(frames[0].payload)} bytes follow it"
        raise LineError(f"--hex takes one whole frame: {found}")
    (received,) = frames
    if received.payload_type in SDP_TYPES:
        return received.payload_type, len(received.payload), _sdp_content(read_sdp(data))
    return received.payload_type, len(received.payload), to_content(read_message(received))


def _sdp_content(message: SDPRequest | SDPResponse) -> dict[str, Any]:
    """An SDP message as content."""
    fields = message._asdict() | {"security": message.security.name, "transport": message.transport.name}
    return {type(message).__name__: fields}


def _indented(value: Any, indent: str) -> list[str]:
    """Content as lines; a RationalNumber on one, with its number."""
    lines = []
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, held in items:
        name = key if isinstance(value, dict) else f"[{key}]"
        if isinstance(held, dict) and held.keys() == {"Exponent", "Value"}:
            number = held["Value"] * 10.0 ** held["Exponent"]
            lines.append(f"{indent}{name}: {number:g}  ({held['Value']} x 10^{held['Exponent']})")
        elif isinstance(held, dict | list):
            lines += [f"{indent}{name}", *_indented(held, indent + "  ")]
        else:
            lines.append(f"{indent}{name}: {held}")
    return lines
