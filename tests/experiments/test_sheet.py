"""Rows laid out in lines: never wrapped, whatever the width."""

import pytest

from experiments.sheet import Sheet, sheet_lines

SHEET = Sheet(
    titles=["time_s", "speed", "who"],
    units=["[s]", "[m/s]", ""],
    numbers=[True, True, False],
    rows=[["1", "2.5", "Ann"], ["10", "–", "Bob"], ["100", "7", "Charlotte"]],
)


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        pytest.param(
            24,
            [
                "time_s  speed  who",
                "   [s]  [m/s]",
                "     1    2.5  Ann",
                "    10      –  Bob",
                "   100      7  Charlotte",
            ],
            id="a line per row",
        ),
        pytest.param(
            23,
            [
                "time_s [s]      1   10",
                "speed  [m/s]  2.5    –",
                "who           Ann  Bob",
                "",
                "time_s [s]          100",
                "speed  [m/s]          7",
                "who           Charlotte",
            ],
            id="a line per column",
        ),
        pytest.param(
            1,
            [
                *["time_s [s]      1", "speed  [m/s]  2.5", "who           Ann", ""],
                *["time_s [s]     10", "speed  [m/s]    –", "who           Bob", ""],
                *["time_s [s]          100", "speed  [m/s]          7", "who           Charlotte"],
            ],
            id="one value per line",
        ),
    ],
)
def test_a_sheet_fits_the_line(width: int, lines: list[str]) -> None:
    assert list(sheet_lines(SHEET, width)) == lines


def test_a_sheet_without_rows_shows_its_columns() -> None:
    assert list(sheet_lines(SHEET._replace(rows=[]), 10)) == ["time_s  speed  who", "   [s]  [m/s]"]
