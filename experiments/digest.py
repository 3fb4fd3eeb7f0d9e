"""One hash per table: equal for equal rows, whatever the parts, the order of writing, or the codes of categories.

Every row is hashed from all its columns, and the hashes are added up. So the sum stands for the rows in canonical
order, without sorting them, and memory stays that of one batch. See DECISIONS.md.
"""

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from experiments.runs import Run

Words = NDArray[np.uint64]

LANES = (0x9E3779B97F4A7C15, 0xD1B54A32D192ED03)  # two sums of 64 bits, differently seeded
NULL = 0x6A09E667F3BCC909  # stands for an absent value
NAN = 0x7FF8000000000000  # all nan are one


def digests(run: Run) -> dict[str, str]:
    """Hash of each table of a run, 32 hexadecimal digits."""
    return {name: table_digest(run, name) for name in run.tables}


def table_digest(run: Run, name: str) -> str:
    """Hash of one table: its name, its columns' names and types, and its rows."""
    dataset = run.dataset(name)
    columns = [(field.name, _type_name(field.type)) for field in dataset.schema]
    sums = [0, 0]
    rows = 0
    for batch in dataset.to_batches():
        rows += batch.num_rows
        values = [_words(column) for column in batch.columns]
        for lane, seed in enumerate(LANES):
            sums[lane] += int(_row_hashes(values, seed, batch.num_rows).sum(dtype=np.uint64))
    told = repr((name, columns, rows, [total % 2**64 for total in sums]))
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def _type_name(kind: pa.DataType) -> str:
    return "category" if pa.types.is_dictionary(kind) else str(kind)


def _row_hashes(columns: list[Words], seed: int, rows: int) -> Words:
    """One hash per row, shape (rows,): the columns' words mixed one after the other (splitmix64)."""
    state = np.full(rows, seed, np.uint64)
    for words in columns:
        state = _mixed(state ^ words)
    return state


def _mixed(state: Words) -> Words:
    state = state + np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


def _words(column: pa.Array) -> Words:
    """A column as 64-bit words, shape (rows,): integers and floats by their bits, text by its hash."""
    if pa.types.is_dictionary(column.type):
        words = _text_words(column)
    elif pa.types.is_floating(column.type):
        words = _float_words(column)
    else:
        words = column.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64).view(np.uint64)
    if column.null_count:
        words = np.where(column.is_null().to_numpy(zero_copy_only=False), np.uint64(NULL), words)
    return words


def _float_words(column: pa.Array) -> Words:
    values: NDArray[Any] = column.fill_null(0.0).to_numpy(zero_copy_only=False).astype(np.float64)  # widening is exact
    words: Words = values.view(np.uint64)
    return np.where(np.isnan(values), np.uint64(NAN), words)


def _text_words(column: pa.DictionaryArray) -> Words:
    hashes = [
        int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "little") for word in column.dictionary.to_pylist()
    ]
    lookup = np.array([*hashes, NULL], np.uint64)
    words: Words = lookup[column.indices.fill_null(len(hashes)).to_numpy(zero_copy_only=False)]
    return words
