"""Messages as bytes: each is framed and encoded when it leaves, and what arrives is what was decoded from the frame.

Only with `link.encoding = "bytes"`. Counts what goes over each session's line; a tap, if there is one, gets every
frame with its instant, and so can write a capture.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from cosim.journal import LOOP_MESSAGES, TO_EV
from cosim.recorder import Recorder
from protocol.iso20.common import SupportedAppProtocolReq
from protocol.schema import ComplexType
from protocol.v2gtp import HEADER_BYTES, Frame, PayloadType, frame_message, read_message

__all__ = ["Tap", "Totals", "Wire", "wire_figures"]


class Tap(Protocol):
    """Whoever looks at the line."""

    def send(self, now_ns: int, ev_id: int, to_ev: bool, data: bytes) -> None:
        """A frame leaves its sender."""

    def close(self, now_ns: int, ev_id: int) -> None:
        """The connection of a vehicle is closed; nothing happens if there is none."""


class Totals(NamedTuple):
    """What went over the lines of a part of the fleet."""

    sessions: int
    messages: dict[type[ComplexType], tuple[int, int]]  # by kind: frames, bytes


class _Count:
    """Frames of one kind of message in one session."""

    __slots__ = ("frames", "longest", "shortest", "total")

    def __init__(self) -> None:
        self.frames = self.total = self.longest = 0
        self.shortest = 1 << 32

    def add(self, size: int) -> None:
        """One more frame of `size` bytes."""
        self.frames += 1
        self.total += size
        if size < self.shortest:
            self.shortest = size
        if size > self.longest:
            self.longest = size


class Wire:
    """The lines of a run, looked at as bytes. Sizes are of frames: the EXI document and the 8 bytes before it."""

    def __init__(self, recorder: Recorder, tap: Tap | None) -> None:
        self._table = recorder.wire
        self._tap = tap
        self._open: dict[int, dict[tuple[type[ComplexType], int], _Count]] = {}
        self._sessions = 0
        self._totals: defaultdict[type[ComplexType], list[int]] = defaultdict(lambda: [0, 0])  # frames, bytes

    def carry(self, now_ns: int, ev_id: int, direction: int, message: Any) -> Any:
        """What arrives of a message: it is written as a frame, counted, and read again."""
        data = frame_message(message)
        kind = message.__class__
        if kind is SupportedAppProtocolReq and self._tap is not None:
            self._tap.close(now_ns, ev_id)  # a vehicle that comes back opens another connection
        counts = self._open.setdefault(ev_id, {})
        count = counts.get((kind, direction))
        if count is None:
            count = counts[kind, direction] = _Count()
        count.add(len(data))
        if self._tap is not None:
            self._tap.send(now_ns, ev_id, direction == TO_EV, data)
        return read_message(Frame(PayloadType(int.from_bytes(data[2:4], "big")), data[HEADER_BYTES:]))

    def close(self, now_ns: int, ev_id: int) -> None:
        """A vehicle was unplugged, or the run ended with it still there: its rows are written."""
        if self._tap is not None:
            self._tap.close(now_ns, ev_id)
        counts = self._open.pop(ev_id, {})
        self._sessions += bool(counts)
        table = self._table
        for (kind, direction), count in sorted(counts.items(), key=lambda item: item[0][0].wire_name):
            name = table.code("message", kind.wire_name)
            table.append(now_ns, ev_id, direction, name, count.frames, count.total, count.shortest, count.longest)
            totals = self._totals[kind]
            totals[0] += count.frames
            totals[1] += count.total

    def totals(self) -> Totals:
        """Of vehicles that were closed."""
        return Totals(self._sessions, {kind: (frames, size) for kind, (frames, size) in self._totals.items()})


def wire_figures(parts: Sequence[Totals]) -> dict[str, Any]:
    """Key figures [bytes] of all parts of a fleet, under a name of their own."""
    sessions = sum(part.sessions for part in parts)
    totals: dict[type[ComplexType], tuple[int, int]] = {}
    for part in parts:
        for kind, (frames, size) in part.messages.items():
            before = totals.get(kind, (0, 0))
            totals[kind] = (before[0] + frames, before[1] + size)
    total = sum(size for _, size in totals.values())
    loops = [totals[kind] for kind in LOOP_MESSAGES if kind in totals]
    exchanges = sum(frames for frames, _ in loops) / 2
    return {
        "wire": {
            "bytes": total,
            "bytes_per_session": total / sessions if sessions else None,
            "bytes_per_loop": sum(size for _, size in loops) / exchanges if exchanges else None,
            "bytes_per_message": {
                kind.wire_name: size / frames
                for kind, (frames, size) in sorted(totals.items(), key=lambda item: item[0].wire_name)
            },
        }
    }
