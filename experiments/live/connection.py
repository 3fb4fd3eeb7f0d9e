"""A TCP connection that carries messages, and the lines that tell what went over it."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from protocol.iso20.errors import ProtocolError
from protocol.schema import ComplexType
from protocol.v2gtp import Unframer, frame_message, read_message

Says = Callable[[str], None]

DETAILS = ("response_code", "charge_progress", "evse_processing", "ev_processing", "charging_session")
TELL_EVERY_S = 1.0  # of exchanges that repeat one another, one in this span is told, the others are counted


class Connection:
    """Messages over a stream; `broken` says why it ended if it did not end by itself."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.broken = ""
        self.sent_bytes = self.received_bytes = 0

    def send(self, message: ComplexType) -> None:
        """A message leaves."""
        data = frame_message(message)
        self.sent_bytes += len(data)
        if not self._writer.is_closing():
            self._writer.write(data)

    async def messages(self) -> AsyncIterator[ComplexType]:
        """Messages as they come, until the other side closes, or says what cannot be read."""
        unframer = Unframer()
        try:
            while data := await self._reader.read(65_536):
                self.received_bytes += len(data)
                for received in unframer.feed(data):
                    yield read_message(received)
        except (ProtocolError, OSError) as wrong:
            self.broken = str(wrong) or type(wrong).__name__
        if not self.broken and unframer.waiting:
            self.broken = f"the connection ended within a frame, after {unframer.waiting} of its bytes"

    async def close(self) -> None:
        """Close, whatever the other side does."""
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except OSError:
            return


class Trace:
    """Tells each message in a line; of exchanges that repeat the one before, one a second."""

    def __init__(self, says: Says, label: str = "", every: bool = False) -> None:
        self._says = says
        self._label = label
        self._every = every
        self._zero_s = self._told_s = time.monotonic()
        self._last = ""
        self._untold = 0
        self._telling = True

    def message(self, message: ComplexType, from_ev: bool) -> None:
        """A message left, or came in."""
        now_s = time.monotonic()
        text = f"{message.wire_name}  {details(message)}".rstrip()
        if from_ev:
            kind = message.wire_name if "ChargeLoop" in message.wire_name else text  # loops differ in numbers only
            repeats = kind == self._last and now_s - self._told_s < TELL_EVERY_S
            self._last = kind
            self._telling = self._every or not repeats
            if not self._telling:
                self._untold += 1
            elif self._untold:
                self._line(now_s, f"... {self._untold} more of these")
                self._untold = 0
        if self._telling:
            self._told_s = now_s
            self._line(now_s, f"EV -> EVSE  {text}" if from_ev else f"EV <- EVSE  {text}")

    def event(self, text: str) -> None:
        """Something that is no message."""
        self._line(time.monotonic(), text)

    def _line(self, now_s: float, text: str) -> None:
        self._says(f"{now_s - self._zero_s:9.3f}  {self._label}{text}")


def details(message: Any) -> str:
    """What a reader of the trace wants to know of a message."""
    found = [getattr(message, name, None) for name in DETAILS]
    said = [value.value for value in found if value is not None]
    mode = getattr(message, "control_mode", None)
    for label, holder, name, unit in (
        ("target", mode, "evse_target_active_power", "W"),
        ("present", mode, "ev_present_active_power", "W"),
        ("", message, "evse_present_current", "A"),
        ("", message, "evse_present_voltage", "V"),
        ("", message, "ev_present_voltage", "V"),
    ):
        number = getattr(holder, name, None)
        if number is not None:
            said.append(f"{label} {number.number:g} {unit}".strip())
    status = getattr(message, "evse_status", None)
    if status is not None:
        said.append(f"asks for {status.evse_notification.value}")
    return ", ".join(said)


def tell(as_json: bool) -> Says:
    """Lines go to stdout, or to stderr where stdout is for one JSON document."""
    stream = sys.stderr if as_json else sys.stdout

    def says(line: str) -> None:
        stream.write(line + "\n")
        stream.flush()

    return says


def summary_text(summary: dict[str, Any], as_json: bool) -> str:
    """A session's summary, for a person or a program."""
    if as_json:
        return json.dumps(summary) + "\n"
    lines = [f"  {name.replace('_', ' ')}: {value}" for name, value in summary.items()]
    return "summary\n" + "\n".join(lines) + "\n"
