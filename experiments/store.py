"""Tables on disk: Parquet parts with units and meaning in their metadata.

A part is written by a thread beside the simulation, under a name ending in `.tmp`, closed, then renamed; whoever reads
ignores `*.tmp`. Rows of vehicles lie one vehicle after the other, each in the order of time: neighbours are alike, and
a vehicle is read without the others. A kill costs what has not been written: of each table the open part, and of
one table the part that the thread is at; the next one waits until it is done.
"""

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from cosim.recorder import Part
from cosim.tables import KINDS, TABLES, Column, Table

TABLES_FOLDER = "tables"
SCHEMA_VERSION = 1

ARROW_TYPES = {
    "int64": pa.int64(),
    "int32": pa.int32(),
    "float64": pa.float64(),
    "float32": pa.float32(),
    "category": pa.dictionary(pa.int32(), pa.string()),
}
# Neighbouring floats share their high bytes, neighbouring times their differences.
ENCODINGS = {
    "int64": "DELTA_BINARY_PACKED",
    "int32": "DELTA_BINARY_PACKED",
    "float64": "BYTE_STREAM_SPLIT",
    "float32": "BYTE_STREAM_SPLIT",
}


ROWS_AT_A_TIME = 4096  # between rows in memory and columns
WRITE_BATCH = 1 << 16  # values that the encoder takes at a time


class Size(NamedTuple):
    """What a table takes up."""

    rows: int = 0
    parts: int = 0
    bytes: int = 0


def arrow_field(column: Column) -> pa.Field:
    """A column as Arrow sees it; unit, meaning, sign and origin are its metadata."""
    told = {"unit": column.unit, "meaning": column.meaning, "sign": column.sign, "origin": column.origin}
    return pa.field(
        column.name, ARROW_TYPES[column.kind], column.nullable, {key: text for key, text in told.items() if text}
    )


def arrow_schema(table: Table) -> pa.Schema:
    """A table as Arrow sees it."""
    told = {"v2g.schema": f"{table.name}/{SCHEMA_VERSION}", "meaning": table.meaning, "key": ",".join(table.key)}
    return pa.schema([arrow_field(column) for column in table.columns], told)


def arrow_table(part: Part) -> pa.Table:
    """The rows of a part, by vehicle where there are any; absent values (-1, nan) of nullable columns become nulls."""
    order = by_vehicle(part)
    values = _columns(part.rows, order)
    values |= {name: column if order is None else column[order] for name, column in part.derived.items()}
    arrays = [_array(column, values[column.name], part.vocabulary) for column in part.table.columns]
    return pa.Table.from_arrays(arrays, schema=arrow_schema(part.table))


def _columns(rows: NDArray[Any], order: NDArray[np.intp] | None) -> dict[str, NDArray[Any]]:
    """The columns of rows in an order, by name.

    Some rows at a time, which stay in the second cache until all their columns are out. Rows are taken as strings of
    bytes: numpy would look at each field of each row.
    """
    count, row = len(rows), rows.dtype
    columns: dict[str, NDArray[Any]] = {name: np.empty(count, row[name]) for name in row.names or ()}
    as_bytes = np.ascontiguousarray(rows).view(np.uint8).reshape(count, row.itemsize)
    for first in range(0, count, ROWS_AT_A_TIME):
        some = slice(first, first + ROWS_AT_A_TIME)
        some_bytes = as_bytes[some] if order is None else np.take(as_bytes, order[some], axis=0)
        taken: NDArray[Any] = some_bytes.view(row).reshape(-1)
        for name, column in columns.items():
            column[some] = taken[name]
    return columns


def by_vehicle(part: Part) -> NDArray[np.intp] | None:
    """Index that puts the rows of one vehicle together, in the order of time; None if they may stay as they are."""
    if "ev_id" not in part.table.key or not len(part.rows):
        return None
    ev_id, t_ns = part.rows["ev_id"].astype(np.int64), np.ascontiguousarray(part.rows["t_ns"])
    order = _stable_order(ev_id)
    later = np.diff(np.take(t_ns, order)) >= 0
    if not np.all(later | (np.diff(np.take(ev_id, order)) != 0)):
        order = np.lexsort((t_ns, ev_id))
    return order


def _stable_order(numbers: NDArray[np.int64]) -> NDArray[np.intp]:
    """As `argsort(kind="stable")`; sixteen bits at a time, which numpy sorts in linear time."""
    if not numbers.size:
        return np.empty(0, np.intp)
    numbers = numbers - numbers.min()
    order = np.argsort(numbers.astype(np.uint16), kind="stable")
    for shift in range(16, int(numbers.max()).bit_length(), 16):
        digits = (numbers >> shift).astype(np.uint16)
        order = np.take(order, np.argsort(np.take(digits, order), kind="stable"))
    return order


def _array(column: Column, values: NDArray[Any], vocabulary: dict[str, list[str]]) -> pa.Array:
    absent = None
    if column.nullable:
        absent = np.isnan(values) if column.kind.startswith("float") else values == -1
    if column.kind != "category":
        return pa.array(values, mask=absent)
    codes, words = values, vocabulary[column.name]
    if not column.categories:
        # A vocabulary that grows with the run would be written again with every part: keep the words of this one.
        used, codes = np.unique(values, return_inverse=True)
        absent_words = int(used.size > 0 and used[0] < 0)
        codes = codes - absent_words
        words = [words[code] for code in used[absent_words:]]
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32), mask=absent), pa.array(words, pa.string()))


def parts_of(run: Path, table: str) -> list[Path]:
    """Closed parts of a table, in the order in which they were written."""
    return sorted((run / TABLES_FOLDER / table).glob("part-*.parquet"))


def table_names(run: Path) -> list[str]:
    """Tables that a run folder holds, known ones first in their usual order."""
    found = {path.name for path in (run / TABLES_FOLDER).glob("*") if path.is_dir()}
    return [name for name in TABLES if name in found] + sorted(found - set(TABLES))


class Store:
    """Takes parts as they are closed and has them written beside the simulation.

    `write` waits until the part before is written, so that memory stays bounded and little is lost by a kill, and
    raises what went wrong with it (`OSError`: the disk is full, for instance); so does leaving the `with` block.
    """

    def __init__(self, run: Path, shard: int | None = None) -> None:
        """Of a run in several processes, each has a store of its own, with the number of its shard."""
        self._prefix = "part" if shard is None else f"part-{shard}"
        self._folder = run / TABLES_FOLDER
        self._sizes = {name: Size() for name in TABLES}
        self._thread = ThreadPoolExecutor(1, "store")
        self._last: Future[None] | None = None

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._thread.shutdown(wait=True)
        if error is None:
            self._wait()

    def write(self, part: Part) -> None:
        """Have one part written; it counts once it has its final name."""
        self._wait()
        self._last = self._thread.submit(self._write, part)

    def _wait(self) -> None:
        """Until nothing is on its way; raises what the last part raised when it was written."""
        last, self._last = self._last, None
        if last is not None:
            last.result()

    def _write(self, part: Part) -> None:
        name = part.table.name
        size = self._sizes[name]
        folder = self._folder / name
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self._prefix}-{size.parts:05d}.parquet"
        unfinished = path.with_name(path.name + ".tmp")
        rows = arrow_table(part)
        part.done()
        _write_parquet(rows, unfinished, part.table)
        unfinished.replace(path)
        self._sizes[name] = Size(size.rows + rows.num_rows, size.parts + 1, size.bytes + path.stat().st_size)

    @property
    def sizes(self) -> dict[str, Size]:
        """What has been written so far, by table."""
        return {name: size for name, size in self._sizes.items() if size.parts}

    def add(self, sizes: dict[str, Size]) -> None:
        """Count what other processes have written of this run."""
        for name, size in sizes.items():
            self._sizes[name] = Size(*(one + two for one, two in zip(self._sizes[name], size, strict=True)))

    def close(self) -> dict[str, Size]:
        """Give tables without rows an empty part, so that every table can be read; return the sizes by name.

        After the `with` block, or without one.
        """
        self.__exit__(None, None, None)
        for name, table in TABLES.items():
            if not self._sizes[name].parts and not table.optional:
                nothing = np.empty(0, [(column.name, KINDS[column.kind]) for column in table.columns])
                self._write(Part(table, nothing, {column.name: [] for column in table.columns}, {}))
        return self.sizes


def _write_parquet(rows: pa.Table, path: Path, table: Table) -> None:
    """Least and greatest values are noted for the key alone, by which readers choose: others cost and help nobody."""
    pq.write_table(
        rows,
        path,
        compression="zstd",
        compression_level=1,
        use_dictionary=[column.name for column in table.columns if column.kind == "category"],
        column_encoding={column.name: ENCODINGS[column.kind] for column in table.columns if column.kind != "category"},
        write_statistics=list(table.key),
        write_batch_size=WRITE_BATCH,
    )
