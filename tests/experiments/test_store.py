"""Tables on disk: what is written is read back, with units, nulls and texts, whatever the number of parts."""

import math
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cosim.recorder import Part, Recorder
from cosim.tables import TABLES
from experiments.folder import CONFIG, MANIFEST, write_json
from experiments.runs import Run
from experiments.store import Store, arrow_schema, parts_of

PART_ROWS = 1000


def record(path: Path, rows: int, part_rows: int = PART_ROWS) -> Run:
    """A run folder with `rows` rows in `messages`, `events` and `grid`."""
    store = Store(path)
    recorder = Recorder(store.write, part_rows, 10**12)
    messages = recorder.messages
    for k in range(rows):
        request = k % 2 == 0
        messages.append(
            k,
            3,
            3,
            messages.code("session_id", "01AB"),
            messages.code("direction", "EV->EVSE" if request else "EVSE->EV"),
            messages.code("message", f"Kind{k % 5}"),
            messages.code("response_code", None if request else "OK"),
            -1,
            -1,
            -1,
        )
        recorder.event(k, k if request else -1, "kind", f"detail {k}")
        recorder.grid.append(k, 50.0 + k * 1e-9, 0.0, math.nan, -1.5, 0.0, 1.5, -1.0, 0.0, *[math.nan] * 7)
    recorder.close()
    store.close()
    write_json(path / MANIFEST, {"status": "done"})
    (path / CONFIG).write_text("", encoding="utf-8")
    return Run(path)


def test_rows_come_back_from_several_parts(tmp_path: Path) -> None:
    run = record(tmp_path, 2500)
    assert len(parts_of(tmp_path, "messages")) == 3
    rows = run.table("messages")
    assert rows["t_ns"].tolist() == list(range(2500))
    assert rows["message"].astype(str).tolist()[:6] == ["Kind0", "Kind1", "Kind2", "Kind3", "Kind4", "Kind0"]
    assert rows["response_code"].isna().tolist()[:2] == [True, False]
    assert run.table("grid")["frequency_hz"].tolist()[-1] == 50.0 + 2499e-9


def test_absent_integers_and_texts_are_null_not_minus_one(tmp_path: Path) -> None:
    events = record(tmp_path, 2).table("events", as_="arrow").to_pylist()
    assert [row["ev_id"] for row in events] == [0, None]
    assert [row["detail"] for row in events] == ["detail 0", "detail 1"]


def test_a_growing_vocabulary_is_not_written_again_with_each_part(tmp_path: Path) -> None:
    record(tmp_path, 2500)
    details = [pq.read_table(part)["detail"].chunk(0).dictionary for part in parts_of(tmp_path, "events")]
    assert [len(words) for words in details] == [1000, 1000, 500]


@pytest.mark.parametrize("name", TABLES)
def test_every_column_carries_its_unit_and_meaning(name: str, tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.close()
    parts = parts_of(tmp_path, name)
    assert len(parts) == (not TABLES[name].optional)
    schema = pq.read_schema(parts[0]) if parts else arrow_schema(TABLES[name])
    assert schema.metadata[b"v2g.schema"].decode() == f"{name}/1"
    assert schema.metadata[b"key"].decode() == ",".join(TABLES[name].key)
    for column in TABLES[name].columns:
        told = schema.field(column.name).metadata
        assert (told[b"unit"].decode(), told[b"meaning"].decode()) == (column.unit, column.meaning)
        assert told.get(b"sign", b"").decode() == column.sign
    assert schema.equals(arrow_schema(TABLES[name]))


def test_tables_without_rows_can_be_read(tmp_path: Path) -> None:
    Store(tmp_path).close()
    run = Run(tmp_path)
    assert run.tables == tuple(name for name, table in TABLES.items() if not table.optional)
    assert run.table("sessions").empty
    assert "time_s" in run.table("sessions").columns


def test_floats_are_split_and_integers_are_deltas(tmp_path: Path) -> None:
    record(tmp_path, 10)
    columns = pq.ParquetFile(parts_of(tmp_path, "grid")[0]).metadata.row_group(0)
    encodings = {columns.column(k).path_in_schema: columns.column(k).encodings for k in range(columns.num_columns)}
    assert "DELTA_BINARY_PACKED" in encodings["t_ns"]
    assert "BYTE_STREAM_SPLIT" in encodings["frequency_hz"]
    assert columns.column(0).compression == "ZSTD"


def test_a_part_has_its_name_only_once_it_is_whole(tmp_path: Path) -> None:
    run = record(tmp_path, 2500)
    unfinished = tmp_path / "tables" / "messages" / "part-00003.parquet.tmp"
    unfinished.write_bytes(b"PAR1 cut off")
    assert len(run.table("messages")) == 2500


def test_a_part_names_its_table(tmp_path: Path) -> None:
    parts: list[Part] = []
    recorder = Recorder(parts.append, PART_ROWS, 10**9)
    recorder.event(5, -1, "a", "b")
    recorder.advance(10**9)
    assert [(part.table.name, len(part.columns["t_ns"])) for part in parts] == [("events", 1)]
