"""A look at recorded frequency: statistics against independent numbers, and faults that were put into files."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from experiments.cli import app
from experiments.errors import UserError
from experiments.frequency import describe, recorded
from models.grid.statistics import Statistics, autocorrelation, statistics

ROOT = Path(__file__).parents[2]
SYNTHETIC = ROOT / "experiments" / "data" / "series" / "synthetic-ce-24h.csv"
INDEPENDENT: dict[str, Any] = json.loads(
    (ROOT / "tests" / "data" / "frequency" / "synthetic_stats.json").read_text(encoding="utf-8")
)["ce_shared"]


def command(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["frequency", "describe", *arguments])


def write(folder: Path, header: str, rows: list[str]) -> Path:
    path = folder / "mine.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def test_statistics_are_those_worked_out_independently():
    found = describe(SYNTHETIC, step_s=1.0)
    told = found.statistics
    assert found.findings == []
    assert told.mean_mhz == pytest.approx(INDEPENDENT["mean"], abs=0.005)
    assert told.sigma_mhz == pytest.approx(INDEPENDENT["std"], abs=0.005)
    assert told.kurtosis == pytest.approx(INDEPENDENT["kurt"], abs=0.005)
    assert told.sigma_increment_1s_mhz == pytest.approx(INDEPENDENT["std_incr_1s"], abs=0.0005)
    for lag, value in INDEPENDENT["acf"].items():
        assert told.autocorrelation[lag] == pytest.approx(value, abs=0.0006), lag
    for limit in ("50", "100", "200"):
        assert told.share_beyond[limit] == pytest.approx(INDEPENDENT[f"frac_gt_{limit}"], abs=6e-5), limit


def test_recorded_statistics_are_told_with_the_same_keys():
    assert [one["name"] for one in recorded()] == ["CE 2024-09", "CE 2024-08", "Nordic 2015"]
    for one in recorded():
        assert set(one["statistics"]) == set(Statistics._fields)
    nordic = recorded()[2]["statistics"]
    assert (nordic["sigma_mhz"], nordic["autocorrelation"]["60"]) == (43.8668, 0.7995)


def test_a_sine_has_the_moments_and_the_memory_of_a_sine():
    t_s = np.arange(7200.0)
    told = statistics(100.0 * np.sin(2.0 * np.pi * t_s / 60.0), 1.0)
    assert told.sigma_mhz == pytest.approx(100.0 / np.sqrt(2.0))
    assert told.kurtosis == pytest.approx(1.5)
    assert told.autocorrelation["30"] == pytest.approx(-1.0, abs=0.01)
    assert told.autocorrelation["60"] == pytest.approx(1.0, abs=0.01)
    assert told.autocorrelation["900"] is None, "fewer than ten such lags"


def test_missing_samples_take_part_in_nothing():
    values = np.tile([1.0, -1.0], 500)
    values[100:103] = np.nan
    assert autocorrelation(values, 1.0, 1.0) == pytest.approx(-1.0, abs=1e-3)
    assert statistics(values, 1.0).samples == 997


def test_the_pattern_of_the_hour_needs_a_day_with_dates(tmp_path):
    dates = pd.date_range("2024-03-01T00:30:00Z", periods=86_400, freq="s")
    f_hz = 50.0 + np.where(dates.minute == 1, 0.05, 0.01) * np.where(np.arange(86_400) % 2, 1.0, -1.0)
    path = tmp_path / "day.parquet"
    pd.DataFrame({"dtm": dates, "f": f_hz}).to_parquet(path)
    told = describe(path).statistics
    assert told.sigma_minute_1_mhz == pytest.approx(50.0, abs=0.01)
    assert told.sigma_minutes_10_on_mhz == pytest.approx(10.0, abs=0.01)
    assert describe(SYNTHETIC, step_s=1.0).statistics.sigma_minute_1_mhz is None


def test_published_layouts_are_understood(tmp_path):
    neso = write(tmp_path, "dtm,f", [f"2019-08-09 15:52:{k:02d},{50.0 - 0.001 * k:.3f}" for k in range(60)])
    told = describe(neso)
    assert (told.nominal_hz, told.statistics.step_s, told.findings) == (50.0, 1.0, [])
    fingrid = write(
        tmp_path,
        "Time,Value",
        [f"2024-03-01 00:00:{k // 10:02d}.{k % 10}00,{50 + 0.001 * (k % 7)}" for k in range(600)],
    )
    told = describe(fingrid)
    assert told.statistics.step_s == pytest.approx(0.1)
    assert told.statistics.sigma_increment_1s_mhz is not None


def test_sixty_hertz_and_rounded_times_are_understood():
    told = describe(ROOT / "experiments" / "data" / "series" / "recorded-60hz-event.csv", column="f_bus1_hz")
    assert told.nominal_hz == 60.0
    assert told.findings == []
    assert told.statistics.samples == 4500, "30 samples a second, written to the millisecond"
    assert told.statistics.step_s == pytest.approx(1.0 / 30.0, rel=1e-4)


def test_every_fault_is_found_with_its_first_row(tmp_path):
    rows = [f"{k},{50.0 + 0.01 * np.sin(k):.4f}" for k in range(400)]
    rows[9] = "9,x"
    rows[19] = "19,501"
    rows[29] = "28,50.0"  # time does not rise
    rows[39] = "?,50.0"
    rows[200:240] = [f"{k},50.0123" for k in range(200, 240)]
    rows[300] = "300,50.3000"
    del rows[100:110]
    found = describe(write(tmp_path, "t_s,f_hz", rows)).findings
    assert [(one.what, one.times, one.first_row) for one in found] == [
        ("cells without a number", 1, 10),
        ("values that no grid has", 1, 20),
        ("times that cannot be read", 1, 40),
        ("times that do not rise", 1, 30),
        ("gaps", 3, 31),  # after the repeated time, around the unreadable one, and where rows are gone
        ("stretches of one value", 1, 0),
        ("spikes of one sample", 1, 0),
    ]
    assert found[1].detail.startswith("501 Hz, beyond 10 % of 50 Hz")
    assert found[4].detail == "12 s are missing, the usual step is 1 s"
    assert found[5].detail.startswith("first at 200 s, the longest for 39 s")
    assert found[6].detail.startswith("first at 300 s")


def test_coarse_values_and_an_offset_are_found(tmp_path):
    day = pd.DataFrame({"t_s": np.arange(86_401.0), "f_hz": 50.04 + 0.01 * (np.arange(86_401) % 3)})
    path = tmp_path / "coarse.parquet"
    day.to_parquet(path)
    found = {one.what: one.detail for one in describe(path).findings}
    assert found["coarse values"] == "they differ by 10 mHz at least"
    assert found["offset"] == "the mean is +50.0 mHz from nominal over a day"


def test_a_file_of_deviations_counts_from_50_or_from_what_is_said(tmp_path):
    path = write(tmp_path, "t_s,dev_mhz", [f"{k},{k % 5}" for k in range(20)])
    assert describe(path).nominal_hz == 50.0
    assert describe(path, nominal_hz=60.0).nominal_hz == 60.0


def test_a_file_without_two_numbers_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"mine.csv: column 'f_hz' in hz: at least two samples are needed, found 1"):
        describe(write(tmp_path, "t_s,f_hz", ["0,50.0", "1,x", "2,"]))


def test_a_time_that_must_be_wrong_is_refused(tmp_path):
    path = write(tmp_path, "t_s,f_hz", ["0,50.0", "1,50.01", "2,50.0", "3,49.99", "1e13,50.0"])
    with pytest.raises(UserError, match=r"5 rows every 1 s spread over 1e\+13 s: one of the times must be wrong"):
        describe(path)


def test_the_command_prints_both_and_draws(tmp_path):
    done = command("synthetic-ce-24h", "--step-s", "1", "--svg", str(tmp_path / "f.svg"))
    assert done.exit_code == 0, done.stderr
    assert "nothing is wrong with the file" in done.stdout
    row = next(line for line in done.stdout.splitlines() if line.startswith("share beyond 50 mHz"))
    assert row.split()[-4:] == ["0.03039", "0.0279", "0.0215", "0.249"]
    drawn = ElementTree.fromstring((tmp_path / "f.svg").read_text(encoding="utf-8"))
    assert len(drawn.findall("{http://www.w3.org/2000/svg}polyline")) == 5  # time, histogram, memory of three


def test_the_command_as_json_and_its_errors(tmp_path):
    document = json.loads(command("synthetic-ce-24h", "--step-s", "1", "--json").stdout)
    assert document["statistics"]["sigma_mhz"] == pytest.approx(22.27, abs=0.005)
    assert document["recorded"][0]["statistics"]["sigma_mhz"] == 22.044
    for arguments, said in (
        (["nofile"], "error: there is no file 'nofile', and no packaged one. Known: recorded-60hz-event"),
        (["no.csv"], "error: there is no file 'no.csv'"),
        (["synthetic-ce-24h"], "error: synthetic-ce-24h.csv has no time column: set --step-s"),
    ):
        done = command(*arguments)
        assert (done.exit_code, len(done.stderr.splitlines())) == (2, 1)
        assert done.stderr.startswith(said)
