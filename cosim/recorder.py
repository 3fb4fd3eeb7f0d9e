"""Rows in memory: packed into columns' bytes as they come, handed over part by part, so that memory stays bounded."""

from collections.abc import Callable
from functools import partial
from struct import Struct
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cosim.on_phases import OnPhases
from cosim.tables import KINDS, TABLES, Table


def _nothing() -> None:
    """The part may keep its memory."""


class Part(NamedTuple):
    """A closed piece of one table.

    `rows` is a structured array, shape (n_rows,), with a field for each column; a category column holds integers that
    index `vocabulary[name]`, -1 meaning absent. Whoever gets a part may keep it, or call `done` when nobody will look
    at it again: its memory is then written anew, and memory that is warm costs a tenth of fresh one.
    """

    table: Table
    rows: NDArray[Any]
    vocabulary: dict[str, list[str]]
    derived: dict[str, NDArray[Any]]  # columns that are worked out from the others
    done: Callable[[], None] = _nothing

    @property
    def columns(self) -> dict[str, NDArray[Any]]:
        """Values by column, shape (n_rows,), in views into the rows where they are recorded."""
        return {name: self.rows[name] for name in self.rows.dtype.names or ()} | self.derived


Derive = Callable[[dict[str, NDArray[Any]]], dict[str, NDArray[Any]]]


class Buffer:
    """The open part of one table. `append` takes the values of a row in the order of the table's columns.

    Columns that are derived are worked out by `derive` when a part is closed; without it the part has none.
    """

    def __init__(
        self, table: Table, part_rows: int, sink: Callable[[Part], None], derive: Derive | None = None
    ) -> None:
        written = tuple(column for column in table.columns if not column.derived)
        row = Struct("<" + "".join(KINDS[column.kind] for column in written))
        self._table = table._replace(columns=written) if derive is None else table
        self._derive = derive
        self.dtype = np.dtype([(column.name, "<" + KINDS[column.kind]) for column in written])
        self._pack_into = row.pack_into
        self._row_bytes = row.size
        self._full = part_rows * row.size
        self._bytes = bytearray(min(self._full, 1024 * row.size))
        self._spare: list[bytearray] = []  # of parts that nobody will look at again
        self._used = 0
        self._sink = sink
        self.parts = 0  # closed so far
        self._codes: dict[str, dict[str, int]] = {}
        self._forget_words()

    def code(self, column: str, text: str | None) -> int:
        """Integer that stands for `text` in a category column, in the open part; -1 for None."""
        if text is None:
            return -1
        codes = self._codes[column]
        return codes.setdefault(text, len(codes))

    def _forget_words(self) -> None:
        """Words are those of one part: else the names of all sessions of a run would stay."""
        self._codes = {
            column.name: {text: code for code, text in enumerate(column.categories)}
            for column in self._table.columns
            if column.kind == "category"
        }

    def append(self, *values: float) -> None:
        """Add one row."""
        self._pack_into(self._bytes, self._used, *values)
        self._used += self._row_bytes
        if self._used == len(self._bytes):
            self._make_room()

    def extend(self, rows: NDArray[Any]) -> None:
        """Add rows of `dtype`, shape (n_rows,); they are copied once."""
        data = np.ascontiguousarray(rows).view(np.uint8)
        while data.size:
            fits = min(data.size, len(self._bytes) - self._used)
            self._bytes[self._used : self._used + fits] = data[:fits].data
            self._used += fits
            data = data[fits:]
            if self._used == len(self._bytes):
                self._make_room()

    def _make_room(self) -> None:
        """Grow, or close a full part at once: the codes of the next row are those of the next part."""
        if self._used >= self._full:
            self.close_part()
        else:
            self._bytes.extend(bytes(min(len(self._bytes), self._full - len(self._bytes))))

    def close_part(self) -> None:
        """Hand over what has come since the last part; nothing happens when there is nothing."""
        if not self._used:
            return
        rows = np.frombuffer(self._bytes, self.dtype, self._used // self._row_bytes)
        derived = {} if self._derive is None else self._derive({name: rows[name] for name in rows.dtype.names or ()})
        vocabulary = {name: list(codes) for name, codes in self._codes.items()}
        taken = self._bytes  # by the part: nothing is copied
        self._bytes = self._spare.pop() if self._spare else bytearray(len(taken))
        self._used = 0
        self._forget_words()
        self.parts += 1
        self._sink(Part(self._table, rows, vocabulary, derived, partial(self._take_back, taken)))

    def _take_back(self, used: bytearray) -> None:
        """Memory of a part that is done with. What is still small will have to grow, which its reader forbids."""
        if len(used) == self._full:
            self._spare.append(used)


class Recorder:
    """All tables of a run; `advance` closes parts when simulated time passes a part's end.

    `phases` is known where sessions may state their phases; only then has `charge_loop` the columns for it.
    """

    def __init__(
        self, sink: Callable[[Part], None], part_rows: int, part_ns: int, phases: OnPhases | None = None
    ) -> None:
        self.phases = phases
        derived = {} if phases is None else {"charge_loop": phases.columns}
        self._buffers = {name: Buffer(table, part_rows, sink, derived.get(name)) for name, table in TABLES.items()}
        self.charge_loop = self._buffers["charge_loop"]
        self.grid = self._buffers["grid"]
        self.fleet = self._buffers["fleet"]
        self.sessions = self._buffers["sessions"]
        self.messages = self._buffers["messages"]
        self.setpoints = self._buffers["setpoints"]
        self.events = self._buffers["events"]
        self.wire = self._buffers["wire"]
        self._part_ns = part_ns
        self._part_end_ns = part_ns

    def event(self, now_ns: int, ev_id: int, kind: str, detail: str) -> None:
        """One row of the events table; `ev_id` -1 for the grid."""
        events = self.events
        events.append(now_ns, ev_id, events.code("kind", kind), events.code("detail", detail))

    def advance(self, now_ns: int) -> None:
        """Close the open parts if `now_ns` lies beyond the end of their time span."""
        if now_ns >= self._part_end_ns:
            self.close()
            self._part_end_ns = (now_ns // self._part_ns + 1) * self._part_ns

    def close(self) -> None:
        """Hand over everything that is still open."""
        for buffer in self._buffers.values():
            buffer.close_part()
