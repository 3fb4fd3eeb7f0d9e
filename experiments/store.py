"""Tables on disk: Parquet parts with units and meaning in their metadata; a kill costs at most one part of each.

A part is written under a name ending in `.tmp`, closed, then renamed; whoever reads ignores `*.tmp`.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from cosim.recorder import Part
from cosim.tables import TABLES, Column, Table

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
    """The rows of a part; absent values (-1, nan) of nullable columns become nulls."""
    arrays = [_array(column, part.columns[column.name], part.vocabulary) for column in part.table.columns]
    return pa.Table.from_arrays(arrays, schema=arrow_schema(part.table))


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
    """Takes parts as they are closed and writes them at once; holds none of them."""

    def __init__(self, run: Path) -> None:
        self._folder = run / TABLES_FOLDER
        self._sizes = {name: Size() for name in TABLES}

    def write(self, part: Part) -> None:
        """Write one part; it counts once it has its final name."""
        name = part.table.name
        size = self._sizes[name]
        folder = self._folder / name
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"part-{size.parts:05d}.parquet"
        unfinished = path.with_name(path.name + ".tmp")
        rows = arrow_table(part)
        _write_parquet(rows, unfinished, part.table)
        unfinished.replace(path)
        self._sizes[name] = Size(size.rows + rows.num_rows, size.parts + 1, size.bytes + path.stat().st_size)

    def close(self) -> dict[str, Size]:
        """Give tables without rows an empty part, so that every table can be read; return the sizes by name."""
        for name, table in TABLES.items():
            if not self._sizes[name].parts and not table.optional:
                nothing = {column.name: np.empty(0, _numpy_type(column)) for column in table.columns}
                self.write(Part(table, nothing, {column.name: [] for column in table.columns}))
        return {name: size for name, size in self._sizes.items() if size.parts}


def _numpy_type(column: Column) -> str:
    return "int32" if column.kind == "category" else column.kind


def _write_parquet(rows: pa.Table, path: Path, table: Table) -> None:
    pq.write_table(
        rows,
        path,
        compression="zstd",
        compression_level=1,
        use_dictionary=[column.name for column in table.columns if column.kind == "category"],
        column_encoding={column.name: ENCODINGS[column.kind] for column in table.columns if column.kind != "category"},
    )
