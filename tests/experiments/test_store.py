"""Tables on disk: what is written is read back, with units, nulls and texts, whatever the number of parts."""

import math
import threading
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from cosim.recorder import Buffer, Part, Recorder
from cosim.tables import TABLES
from experiments.folder import CONFIG, MANIFEST, write_json
from experiments.runs import Run
from experiments.store import Store, arrow_schema, by_vehicle, parts_of

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
            *[-1] * 4,
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


# --- at full rate ---


def setpoints(ev_id: "np.ndarray", t_ns: "np.ndarray") -> Part:
    """A part of `setpoints` whose `setpoint_w` counts the rows as they were recorded."""
    parts: list[Part] = []
    buffer = Buffer(TABLES["setpoints"], len(t_ns), parts.append)
    rows = np.zeros(len(t_ns), buffer.dtype)
    rows["t_ns"], rows["ev_id"], rows["setpoint_w"] = t_ns, ev_id, np.arange(len(t_ns))
    buffer.extend(rows)
    buffer.close_part()
    return parts[0]


@pytest.mark.parametrize("spread", [1, 7, 60_000, 10_000_000])
def test_rows_lie_by_vehicle_then_time(spread: int) -> None:
    """The order is that of a stable sort of pairs, whatever the range of the numbers of vehicles."""
    draw = np.random.default_rng(spread)
    ev_id, t_ns = draw.integers(0, spread, 5000), draw.integers(0, 1000, 5000)
    for times in (np.sort(t_ns), t_ns):  # as a simulation records them, and in no order at all
        expected = sorted(range(5000), key=lambda k: (ev_id[k], times[k]))
        assert by_vehicle(setpoints(ev_id, times)).tolist() == expected


def test_a_part_on_disk_lies_by_vehicle_and_a_frame_by_time(tmp_path: Path) -> None:
    t_ns, ev_id = np.arange(3000), np.arange(3000) % 10
    with Store(tmp_path) as store:
        store.write(setpoints(ev_id, t_ns))
    write_json(tmp_path / MANIFEST, {"status": "done"})
    on_disk = pq.read_table(parts_of(tmp_path, "setpoints")[0])
    assert on_disk["ev_id"].to_pylist() == sorted(ev_id.tolist())
    assert on_disk["t_ns"].to_pylist()[:3] == [0, 10, 20]
    assert Run(tmp_path).table("setpoints", columns=["setpoint_w"])["setpoint_w"].tolist() == list(range(3000))


def test_words_are_forgotten_with_their_part(tmp_path: Path) -> None:
    """10,000 sessions, 1,000 rows a part: no part knows more than its own names, and each row keeps its own."""
    parts: list[Part] = []
    recorder = Recorder(parts.append, PART_ROWS, 10**12)
    for k in range(10_000):
        recorder.event(k, k, "kind" if k % 3 else "third", f"detail {k}")
    recorder.close()
    assert len(parts) == 10
    told = []
    for part in parts:
        words = part.vocabulary["detail"]
        assert len(words) == 1000
        told += [words[code] for code in part.columns["detail"]]
    assert told == [f"detail {k}" for k in range(10_000)]


def test_rows_given_in_bulk_and_one_by_one_make_the_same_parts() -> None:
    table = TABLES["setpoints"]
    one, bulk = [], []
    single, many = Buffer(table, 1000, one.append), Buffer(table, 1000, bulk.append)
    rows = np.zeros(4321, many.dtype)
    rows["t_ns"] = np.arange(4321)
    for row in rows:
        single.append(*row.item())
    for piece in np.array_split(rows, [1, 2, 999, 1500, 4000]):
        many.extend(piece)
    for buffer in (single, many):
        buffer.close_part()
    assert [part.columns["t_ns"].tolist() for part in one] == [part.columns["t_ns"].tolist() for part in bulk]
    assert [len(part.columns["t_ns"]) for part in bulk] == [1000, 1000, 1000, 1000, 321]


@pytest.mark.parametrize("done", [True, False], ids=["given back", "kept"])
def test_memory_of_a_part_is_written_anew_only_when_it_is_given_back(done: bool) -> None:
    parts: list[Part] = []

    def sink(part: Part) -> None:
        parts.append(part)
        if done:
            part.done()

    buffer = Buffer(TABLES["setpoints"], 1000, sink)
    for k in range(3000):
        buffer.append(k, 0, 0, 0.0, 0.0, 0)
    first, *_, last = parts
    assert len(parts) == 3
    assert np.shares_memory(first.rows, last.rows) == done
    assert last.rows["t_ns"].tolist() == list(range(2000, 3000))
    assert done or first.rows["t_ns"].tolist() == list(range(1000))


def test_a_disk_that_fails_reaches_the_run(tmp_path: Path) -> None:
    (tmp_path / "tables").write_text("no folder", encoding="utf-8")
    part = setpoints(np.arange(10), np.arange(10))
    with pytest.raises(OSError), Store(tmp_path) as store:  # noqa: PT011  # what exactly is the system's choice
        store.write(part)
    with pytest.raises(OSError), Store(tmp_path) as store:  # noqa: PT011, PT012
        for _ in range(10_000):
            store.write(part)
        pytest.fail("the simulation went on for long")


def test_few_parts_wait_for_a_slow_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the thread is stuck, the run gets no further than memory allows."""
    opened, wrote = threading.Event(), Store._write

    def stuck(store: Store, part: Part) -> None:
        opened.wait(10.0)
        wrote(store, part)

    monkeypatch.setattr(Store, "_write", stuck)
    part = setpoints(np.arange(100_000), np.arange(100_000))
    handed_over = []
    with Store(tmp_path) as store:

        def simulate() -> None:
            for _ in range(20):
                store.write(part)
                handed_over.append(part)

        run = threading.Thread(target=simulate)
        run.start()
        run.join(0.3)
        held = len(handed_over)
        opened.set()
        run.join()
    assert held == 1, "one is being written, and the next one waits for it in the run's hands"
    assert len(parts_of(tmp_path, "setpoints")) == 20
