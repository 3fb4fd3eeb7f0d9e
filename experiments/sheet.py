"""Rows of a table for the eye: a line per row where that fits, otherwise a line per column with rows side by side."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.cells import cell_len

APART = "  "


class Sheet(NamedTuple):
    """Cells as text, by row; `units` are empty where there is none, `numbers` marks columns to be aligned right."""

    titles: Sequence[str]
    units: Sequence[str]
    numbers: Sequence[bool]
    rows: Sequence[Sequence[str]]


def sheet_lines(sheet: Sheet, width: int) -> Iterator[str]:
    """The sheet in lines of at most `width` characters, unless a single value is wider. Nothing is ever wrapped."""
    wide = list(_line_per_row(sheet))
    if all(cell_len(line) <= width for line in wide) or not sheet.rows:
        yield from wide
        return
    yield from _line_per_column(sheet, width)


def _line_per_row(sheet: Sheet) -> Iterator[str]:
    lines = [sheet.titles, *([sheet.units] if any(sheet.units) else []), *sheet.rows]
    widths = [max(cell_len(line[k]) for line in lines) for k in range(len(sheet.titles))]
    for line in lines:
        cells = zip(line, widths, sheet.numbers, strict=True)
        yield APART.join(_padded(cell, wide, right) for cell, wide, right in cells).rstrip()


def _line_per_column(sheet: Sheet, width: int) -> Iterator[str]:
    named = max(map(cell_len, sheet.titles))
    measured = max(map(cell_len, sheet.units))
    units = zip(sheet.titles, sheet.units, strict=True)
    labels = [f"{_padded(title, named)} {_padded(unit, measured)}" for title, unit in units]
    widths = [max(map(cell_len, row)) for row in sheet.rows]
    start = 0
    while start < len(sheet.rows):
        end, used = start, cell_len(labels[0])
        while end < len(sheet.rows) and (end == start or used + len(APART) + widths[end] <= width):
            used += len(APART) + widths[end]
            end += 1
        if start:
            yield ""
        for k, label in enumerate(labels):
            yield APART.join([label, *(_padded(sheet.rows[n][k], widths[n], right=True) for n in range(start, end))])
        start = end


def _padded(text: str, width: int, right: bool = False) -> str:
    space = " " * (width - cell_len(text))
    return space + text if right else text + space
