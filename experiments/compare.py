"""Runs side by side: key figures with their change, and the settings in which they differ."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from experiments.figures import flat
from experiments.runs import Run


class Difference(NamedTuple):
    """One figure or setting and its value in each run; None where a run does not have it."""

    key: str
    values: tuple[Any, ...]

    @property
    def differs(self) -> bool:
        """Whether the runs disagree."""
        return any(repr(value) != repr(self.values[0]) for value in self.values)  # nan is nan


def compare_kpis(runs: Sequence[Run]) -> list[Difference]:
    """Key figures of runs, in the order of the first; counts that a run lacks are 0."""
    return _side_by_side([dict(flat(run.kpis)) for run in runs])


def compare_config(runs: Sequence[Run]) -> list[Difference]:
    """Settings in which runs differ."""
    return [row for row in _side_by_side([dict(flat(run.config)) for run in runs]) if row.differs]


def _side_by_side(sides: list[dict[str, Any]]) -> list[Difference]:
    keys = list(dict.fromkeys(key for side in sides for key in side))
    return [Difference(key, tuple(side.get(key) for side in sides)) for key in keys]


def document(runs: Sequence[Run]) -> dict[str, Any]:
    """The comparison as one JSON document."""
    return {
        "runs": [str(run.path) for run in runs],
        "kpis": {row.key: list(row.values) for row in compare_kpis(runs)},
        "config": {row.key: list(row.values) for row in compare_config(runs)},
    }
