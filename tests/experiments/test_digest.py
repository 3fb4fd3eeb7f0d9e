"""Digests: the same rows have the same hash, however they were written; any other row has another."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from cosim.recorder import Recorder
from experiments.digest import table_digest
from experiments.runs import Run
from experiments.store import Store

# (t_ns, ev_id, kind, detail)
ROWS = [(0, 0, "plug_in", "a"), (0, 1, "plug_in", "b"), (5, -1, "trip", "c"), (7, 0, "unplug", "a")]


def digest_of(path: Path, rows: Sequence[tuple[int, int, str, str | None]], part_rows: int = 1000) -> str:
    store = Store(path)
    recorder = Recorder(store.write, part_rows, 10**12)
    events = recorder.events
    for t_ns, ev_id, kind, detail in rows:
        events.append(t_ns, ev_id, events.code("kind", kind), events.code("detail", detail))
    recorder.close()
    store.close()
    return table_digest(Run(path), "events")


def test_the_order_of_writing_does_not_matter(tmp_path: Path) -> None:
    # The other order also gives the texts other codes.
    assert digest_of(tmp_path / "a", ROWS) == digest_of(tmp_path / "b", ROWS[::-1])


def test_the_number_of_parts_does_not_matter(tmp_path: Path) -> None:
    many = [(k, k % 7, f"kind {k % 3}", f"detail {k % 11}") for k in range(2500)]
    assert digest_of(tmp_path / "a", many) == digest_of(tmp_path / "b", many, part_rows=100)


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([*ROWS, ROWS[0]], id="a row twice"),
        pytest.param(ROWS[:-1], id="a row less"),
        pytest.param([(1, 0, "plug_in", "a"), *ROWS[1:]], id="another time"),
        pytest.param([(0, -1, "plug_in", "a"), *ROWS[1:]], id="absent instead of 0"),
        pytest.param([(0, 0, "plug_in", "x"), *ROWS[1:]], id="another text"),
        pytest.param([(0, 0, "a", "plug_in"), *ROWS[1:]], id="texts exchanged"),
        pytest.param([(0, 1, "plug_in", "a"), (0, 0, "plug_in", "b"), *ROWS[2:]], id="values exchanged between rows"),
    ],
)
def test_any_difference_shows(rows: list[tuple[int, int, str, str]], tmp_path: Path) -> None:
    assert digest_of(tmp_path / "a", ROWS) != digest_of(tmp_path / "b", rows)


def test_the_last_bit_of_a_float_shows(tmp_path: Path) -> None:
    digests = set()
    for number, frequency_hz in enumerate((50.0, 50.00000000000001)):
        store = Store(tmp_path / str(number))
        recorder = Recorder(store.write, 1000, 10**12)
        recorder.grid.append(0, frequency_hz, 0.0, float("nan"), 0.0, 0.0, 0.0, 0.0, 0.0, *[float("nan")] * 7)
        recorder.close()
        store.close()
        digests.add(table_digest(Run(tmp_path / str(number)), "grid"))
    assert len(digests) == 2
