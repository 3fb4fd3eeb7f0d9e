"""Small CSV tables with a header: rows as text and numbers, refused with the row that does not hold."""

import csv
import math
from collections.abc import Sequence
from pathlib import Path

from experiments.errors import UserError
from experiments.keys import did_you_mean


class Row:
    """One row; `number` counts from 1 at the first row of data."""

    def __init__(self, file: str, number: int, cells: dict[str, str]) -> None:
        self.number = number
        self._file = file
        self._cells = cells

    def text(self, column: str) -> str:
        """A cell as text; empty if the column is missing."""
        return self._cells.get(column, "").strip()

    def value(self, column: str, missing: float = math.nan) -> float:
        """A cell as a finite number; `missing` when it is empty. Raises UserError for anything else."""
        text = self.text(column)
        if not text:
            return missing
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise self.error(f"column '{column}' is '{text}', a number is needed")
        return value

    def needed(self, column: str) -> float:
        """A cell as a number that must be there."""
        value = self.value(column)
        if math.isnan(value):
            raise self.error(f"column '{column}' is empty, a number is needed")
        return value

    def error(self, complaint: str) -> UserError:
        """An error that says which row it is about."""
        return UserError(f"{self._file}, row {self.number}: {complaint}")


def read_rows(path: Path, needed: Sequence[str]) -> list[Row]:
    """Rows of a CSV that has at least the columns `needed`; raises UserError otherwise, or when there are none."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restval="")
            header = [name.strip() for name in reader.fieldnames or []]
            reader.fieldnames = header
            rows = [
                Row(path.name, number, {k: v for k, v in cells.items() if k}) for number, cells in enumerate(reader, 1)
            ]
    except FileNotFoundError:
        raise UserError(f"there is no file '{path}'") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path.name} cannot be read: {error}") from None
    for column in needed:
        if column not in header:
            raise UserError(f"{path.name} has no column '{column}'.{did_you_mean(column, header)}")
    if not rows:
        raise UserError(f"{path.name} has no rows of data")
    return rows
