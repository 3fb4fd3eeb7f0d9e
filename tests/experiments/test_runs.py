"""Reading a run: columns, rows and times as asked for, and helpful words for what is not there."""

import sys
from pathlib import Path

import pytest

from experiments import load_run
from experiments.environment import MissingExtraError
from experiments.errors import UserError
from experiments.folder import MANIFEST, find_run, point_latest, read_manifest, write_json
from experiments.runs import Run


def made(runs: Path, name: str, started: str, **manifest: object) -> Path:
    folder = runs / name
    folder.mkdir(parents=True)
    write_json(folder / MANIFEST, {"status": "done", "started": started, **manifest})
    return folder


def test_time_in_seconds_is_added(small_run: Run) -> None:
    grid = small_run.table("grid")
    assert list(grid.columns[:2]) == ["t_ns", "time_s"]
    assert grid["time_s"].tolist()[:3] == [0.1, 0.2, 0.3]
    assert grid.attrs["units"]["frequency_hz"] == "Hz"
    assert grid.attrs["units"]["time_s"] == "s"


def test_columns_vehicles_and_times_are_chosen_while_reading(small_run: Run) -> None:
    rows = small_run.charge_loop(ev=[1, 2], columns=["time_s", "ev_id", "soc"], between=(20.0, 21.0))
    assert list(rows.columns) == ["time_s", "ev_id", "soc"]
    assert set(rows["ev_id"]) == {1, 2}
    assert rows["time_s"].between(20.0, 21.0, inclusive="left").all()


def test_arrow_tables_keep_their_metadata(small_run: Run) -> None:
    rows = small_run.table("sessions", as_="arrow", columns=["service", "soc_end"])
    assert rows.schema.field("soc_end").metadata[b"meaning"] == b"state of charge at the end"


@pytest.mark.parametrize(
    ("table", "columns", "complaint"),
    [
        pytest.param("mesages", None, "there is no table 'mesages'. Did you mean 'messages'?", id="table"),
        pytest.param("grid", ["frequency"], "has no column 'frequency'. Did you mean 'frequency_hz'?", id="column"),
    ],
)
def test_unknown_names_are_told_with_the_nearest(
    small_run: Run, table: str, columns: list[str] | None, complaint: str
) -> None:
    with pytest.raises(UserError) as caught:
        small_run.table(table, columns=columns)
    assert complaint in str(caught.value)


def test_an_unknown_attribute_names_the_nearest_table(small_run: Run) -> None:
    with pytest.raises(AttributeError, match="Did you mean 'charge_loop'"):
        _ = small_run.charge_lop


def test_tables_without_vehicles_refuse_to_be_chosen_by_vehicle(small_run: Run) -> None:
    with pytest.raises(UserError, match="has no ev_id"):
        small_run.table("grid", ev=1)


@pytest.mark.parametrize("form", ["polars", "duckdb"])
def test_a_missing_extra_says_how_to_install_it(small_run: Run, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, form, None)
    with pytest.raises(
        MissingExtraError, match=rf"'{form}' is not installed. Install it with: pip install -e '.\[query\]'"
    ):
        small_run.table("grid", as_=form)  # type: ignore[arg-type] # the form comes from a list of texts


def test_a_run_shows_itself(small_run: Run) -> None:
    assert "lowest frequency" in repr(small_run)
    assert "<td" in small_run._repr_html_()
    assert "charge_loop" in dir(small_run)


def test_a_run_without_an_end_was_interrupted(here: Path) -> None:
    made(here / "runs", "killed", "2026-01-01", status="running")
    assert load_run("killed").status == "interrupted"


def test_runs_are_found_by_name_beginning_and_age(here: Path) -> None:
    runs = here / "runs"
    old = made(runs, "old-20260101", "2026-01-01")
    new = made(runs, "new-20260102", "2026-01-02")
    point_latest(new)
    assert [path.name for path in (find_run("old"), find_run("new-20260102"), find_run(old))] == [
        old.name,
        new.name,
        old.name,
    ]
    assert (find_run("latest").name, find_run("latest~1").name) == (new.name, old.name)
    assert find_run("runs/latest").resolve() == new.resolve()


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        pytest.param("latest~2", "runs/ holds 2 runs", id="too far back"),
        pytest.param("ol-20260101", "Did you mean 'old-20260101'?", id="misspelt"),
        pytest.param("runs", "is a folder, but it has no manifest.json", id="another folder"),
    ],
)
def test_a_run_that_is_not_there_is_told(name: str, complaint: str, here: Path) -> None:
    made(here / "runs", "old-20260101", "2026-01-01")
    made(here / "runs", "new-20260102", "2026-01-02")
    with pytest.raises(UserError) as caught:
        find_run(name)
    assert complaint in str(caught.value)


@pytest.fixture
def both(here: Path) -> Path:
    """A folder of the variants `with` and `without`, the latest of two runs."""
    made(here / "runs", "old", "2025-01-01")
    folder = made(here / "runs", "both-1", "2026-01-01", variants=["with", "without"])
    for name in ("with", "without"):
        made(folder, name, "2026-01-01", variant=name, scenario="both")
    point_latest(folder)
    return folder


@pytest.mark.parametrize("name", ["latest", "latest/", "both-1", "runs/both-1", "runs/latest", "both"])
def test_a_folder_of_variants_names_the_ways_to_open_one(name: str, both: Path) -> None:
    plain = name.rstrip("/")
    with pytest.raises(UserError) as caught:
        load_run(name)
    assert str(caught.value).endswith(f"open one of them: {plain}/with, {plain}/without")
    assert load_run(f"{plain}/without").name == "both [without]"
    assert load_run(both / "with").name == "both [with]"


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        pytest.param("latest/wiht", "latest has no variant 'wiht'. Did you mean 'with'?", id="misspelt"),
        pytest.param("latest~1/with", "latest~1 has no variant 'with'. It is a single run.", id="no variants"),
        pytest.param("nowhere/with", "there is no run 'nowhere/with'", id="no run"),
    ],
)
def test_a_variant_that_is_not_there_is_told(name: str, complaint: str, both: Path) -> None:
    with pytest.raises(UserError) as caught:
        load_run(name)
    assert str(caught.value).startswith(complaint)


def test_a_manifest_that_cannot_be_read_is_empty(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text("{", encoding="utf-8")
    assert read_manifest(tmp_path) == {}
