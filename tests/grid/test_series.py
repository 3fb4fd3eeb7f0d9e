"""Reading a user's series: what is understood without being told, and what is refused with its row."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cosim.inputs import Series
from experiments.errors import UserError
from experiments.series import read_power_series, read_series

SHIPPED = Path(__file__).parents[2] / "experiments" / "data" / "series"


def write(folder: Path, *lines: str) -> Path:
    path = folder / "user.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("lines", "options", "times_s", "values_hz"),
    [
        pytest.param(
            ("dtm,f", "2019-08-09 15:52:33,50.01", "2019-08-09 15:52:34,49.98"),
            {},
            (0.0, 1.0),
            (50.01, 49.98),
            id="NESO",
        ),
        pytest.param(
            ("dtm,f", "13/01/2015 00:00:00,50.01", "13/01/2015 00:00:01,49.98"),
            {},
            (0.0, 1.0),
            (50.01, 49.98),
            id="NESO, older dates",
        ),
        pytest.param(
            ("Time,Value", "2019-08-09 00:00:00.000,50.01", "2019-08-09 00:00:00.100,49.98"),
            {},
            (0.0, 0.1),
            (50.01, 49.98),
            id="Fingrid",
        ),
        pytest.param(("t_s,f_hz", "7,50", "8,49.5"), {}, (0.0, 1.0), (50.0, 49.5), id="seconds, from the first row"),
        pytest.param(("time_ms,f_hz", "0,50", "20,49.5"), {}, (0.0, 0.02), (50.0, 49.5), id="milliseconds"),
        pytest.param(("dev_mhz", "-20", "40"), {"step_s": 0.5}, (0.0, 0.5), (49.98, 50.04), id="deviation, no time"),
        pytest.param(("mhz", "-20", "40"), {"step_s": 1.0}, (0.0, 1.0), (49.98, 50.04), id="mhz near zero deviates"),
        pytest.param(("mhz", "49980", "50040"), {"step_s": 1.0}, (0.0, 1.0), (49.98, 50.04), id="mhz near nominal"),
        pytest.param(
            ("Frequency [Hz]", "60", "59.5"), {"step_s": 1.0, "nominal_hz": 60.0}, (0.0, 1.0), (60.0, 59.5), id="60 Hz"
        ),
        pytest.param(("Delta f (Hz)", "0", "-0.5"), {"step_s": 1.0}, (0.0, 1.0), (50.0, 49.5), id="delta"),
        pytest.param(("t_s,f", "0,50", "1,49.5"), {"unit": "hz"}, (0.0, 1.0), (50.0, 49.5), id="unit given"),
        pytest.param(
            ("t_s,a_hz,b_hz", "0,50,51", "1,49.5,51"), {"column": "a_hz"}, (0.0, 1.0), (50.0, 49.5), id="column given"
        ),
        pytest.param(
            ("t_s,voltage,f_hz", "0,230,50", "1,231,49.5"), {}, (0.0, 1.0), (50.0, 49.5), id="only one says a unit"
        ),
        pytest.param(("t_s;f_hz", "0;50", "1;49.5"), {}, (0.0, 1.0), (50.0, 49.5), id="semicolons"),
        pytest.param(
            ("utc,f_hz", "2024-03-31T02:00:00+02:00,50", "2024-03-31T03:00:01+03:00,49.5"),
            {},
            (0.0, 1.0),
            (50.0, 49.5),
            id="offsets are counted",
        ),
        pytest.param(
            ("t_s,f_hz", "0,50", "0.03,50", "0.07,50", "0.1,50"),
            {},
            (0.0, 0.03, 0.07, 0.1),
            (50.0,) * 4,
            id="times rounded to 10 ms",
        ),
    ],
)
def test_a_clear_file_is_read(
    tmp_path: Path,
    lines: tuple[str, ...],
    options: dict[str, Any],
    times_s: tuple[float, ...],
    values_hz: tuple[float, ...],
) -> None:
    series = read_series(write(tmp_path, *lines), **options)
    assert series.t_s == pytest.approx(times_s, abs=1e-12)
    assert series.value == pytest.approx(values_hz, abs=1e-12)
    assert type(series.t_s[0]) is type(series.value[0]) is float  # numpy scalars would be slow and print differently


@pytest.mark.parametrize(
    ("lines", "options", "message"),
    [
        pytest.param(
            ("t_s,a_hz,b_hz", "0,50,50"), {}, "which column is meant? Set column to one of a_hz, b_hz", id="ambiguous"
        ),
        pytest.param(("t_s,a,b", "0,50,50"), {}, "Set column to one of a, b", id="no name says a unit"),
        pytest.param(("t_s", "0", "1"), {}, "Set column to one of none", id="only time"),
        pytest.param(
            ("t_s,f_hz", "0,50"), {"column": "f_hx"}, "no column 'f_hx'. Did you mean 'f_hz'?", id="typing error"
        ),
        pytest.param(
            ("t_s,f", "0,50"), {}, "column 'f' does not say its unit: set unit to one of hz, mhz", id="no unit"
        ),
        pytest.param(
            ("t_s,f", "0,50"), {"unit": "kHz"}, "unit must be one of hz, mhz, dev_hz, dev_mhz, got 'kHz'", id="unit"
        ),
        pytest.param(("f_hz", "50", "50"), {}, "no time column: set step_s", id="no time"),
        pytest.param(("f_hz", "50", "50"), {"step_s": 0.0}, "step_s must be above 0, got 0", id="step of zero"),
        pytest.param(("t_s,f_hz", "0,50", "1,50"), {"step_s": 1.0}, "has the time column 't_s'", id="time twice"),
        pytest.param(("t_s,utc,f_hz", "0,x,50"), {}, "several time columns: t_s, utc", id="two time columns"),
        pytest.param(
            ("time,f_hz", "0,50", "1,50"), {}, "column 'time' holds numbers: call it time_s", id="time without unit"
        ),
        pytest.param(
            ("t_s,f_hz", "0,50", "1,50", "3,50", "4,50"), {}, "row 3: gap of 2 s, the usual step is 1 s", id="gap"
        ),
        pytest.param(("t_s,f_hz", "0,50", "1,", "2,50"), {}, "row 2: column 'f_hz' is empty", id="empty"),
        pytest.param(("t_s,f_hz", "0,50", "", "2,50"), {}, "row 2: column 't_s' is empty", id="blank line"),
        pytest.param(("t_s,f_hz", "0,50", "1,nan", "2,50"), {}, "row 2: column 'f_hz' is empty", id="NaN"),
        pytest.param(("t_s,f_hz", "0,50", "1,n/k", "2,50"), {}, "row 2: column 'f_hz' is 'n/k'", id="text"),
        pytest.param(("t_s,f_hz", "0,50", "1,inf", "2,50"), {}, "row 2: column 'f_hz' is 'inf'", id="infinite"),
        pytest.param(
            ("t_s,f_hz", "0,50", "2,50", "1,50"), {}, "row 3: time does not rise: 1 s after 2 s", id="unsorted"
        ),
        pytest.param(("t_s,f_hz", "0,50", "0,50"), {}, "row 2: time does not rise", id="same instant twice"),
        pytest.param(("utc,f_hz", "2024-01-01,50", "noon,50"), {}, "row 2: column 'utc' is 'noon'", id="no date"),
        pytest.param(
            ("t_s,f_hz", "0,50", "1,0"), {}, "row 2: column 'f_hz' in hz is 0 Hz, not within 10%", id="absurd"
        ),
        pytest.param(
            ("t_s,f_hz", "0,60", "1,60"), {}, "row 1: column 'f_hz' in hz is 60 Hz", id="60 Hz in a 50 Hz grid"
        ),
        pytest.param(("t_s,f_hz", "0,49980", "1,50020"), {}, "row 1: column 'f_hz' in hz is 49980 Hz", id="wrong unit"),
        pytest.param(("t_s,f_hz", "0,50"), {}, "has 1 rows of data, at least 2", id="one row"),
    ],
)
def test_an_unclear_or_unclean_file_is_refused(
    tmp_path: Path, lines: tuple[str, ...], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError) as refused:
        read_series(write(tmp_path, *lines), **options)
    assert message in str(refused.value)
    assert str(refused.value).startswith(("user.csv", "step_s"))
    assert "\n" not in str(refused.value)


def test_a_missing_or_unreadable_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no file"):
        read_series(tmp_path / "none.csv")
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"not parquet at all")
    with pytest.raises(UserError, match=r"broken\.parquet cannot be read"):
        read_series(broken)
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(UserError, match=r"empty\.csv cannot be read"):
        read_series(tmp_path / "empty.csv")


def test_parquet_reads_as_csv_does(tmp_path: Path) -> None:
    path = tmp_path / "user.parquet"
    dates = pd.date_range("2024-01-01", periods=3, freq="100ms", tz="Europe/Helsinki")
    pd.DataFrame({"Time": dates, "Value": [50.0, 49.99, 49.98]}).to_parquet(path)
    assert read_series(path)[:2] == ((0.0, 0.1, 0.2), (50.0, 49.99, 49.98))


@pytest.mark.parametrize(
    ("lines", "options", "expected"),
    [
        pytest.param(
            ("t_s,power_kw", "60,3.5", "90,-7", "300,0"), {}, ((60.0, 90.0, 300.0), (3500.0, -7000.0, 0.0)), id="kW"
        ),
        pytest.param(("fleet_mw", "1.5", "2"), {"step_s": 900.0}, ((0.0, 900.0), (1.5e6, 2e6)), id="megawatts"),
        pytest.param(
            ("time,plan", "2024-01-01T00:00Z,5", "2024-01-01T01:00Z,6"),
            {"unit": "w"},
            ((0.0, 3600.0), (5.0, 6.0)),
            id="dates count from the first",
        ),
    ],
)
def test_a_power_series_is_read_in_watts_at_its_own_times(
    tmp_path: Path,
    lines: tuple[str, ...],
    options: dict[str, Any],
    expected: tuple[tuple[float, ...], tuple[float, ...]],
) -> None:
    assert read_power_series(write(tmp_path, *lines), **options)[:2] == expected


def test_a_frequency_is_not_taken_for_a_power(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="column 'f' does not say its unit: set unit to one of w, kw, mw"):
        read_power_series(write(tmp_path, "dtm,f", "2019-08-09 15:52:33,50.01", "2019-08-09 15:52:34,49.98"))


def test_the_shipped_recording_has_its_event() -> None:
    series = read_series(SHIPPED / "recorded-60hz-event.csv", column="f_bus1_hz", nominal_hz=60.0)
    assert isinstance(series, Series)
    assert len(series.t_s) == 4500
    assert (series.t_s[0], series.t_s[-1]) == (0.0, 149.97)
    assert min(series.value) == 59.77
    assert series.t_s[series.value.index(59.77)] == pytest.approx(71.7, abs=0.1)
    assert series.source == "recorded-60hz-event.csv, column f_bus1_hz in hz, 4500 samples over 149.97 s"


def test_the_shipped_day_has_its_statistics() -> None:
    series = read_series(SHIPPED / "synthetic-ce-24h.csv", step_s=1.0)
    assert len(series.value) == 86_400
    mean_hz = sum(series.value) / 86_400
    sigma_hz = (sum((f - mean_hz) ** 2 for f in series.value) / 86_400) ** 0.5
    assert mean_hz - 50.0 == pytest.approx(0.00363, abs=1e-5)
    assert sigma_hz == pytest.approx(0.02227, abs=1e-5)


def test_every_shipped_series_names_its_origin() -> None:
    readme = (SHIPPED / "README.md").read_text()
    for path in SHIPPED.glob("*.csv"):
        assert f"`{path.stem}`" in readme
    assert "SYNTHETIC" in readme
    assert "Copyright (c) 2019 Grid Modernization Lab Consortium 1.4.2" in readme
