"""Runs of one scenario beside each other: where each stands on the axes, and the figures they are judged by."""

from pathlib import Path
from typing import Any, NamedTuple

from experiments import folder
from experiments.family import VARIANT, value_text
from experiments.figures import flat, is_number, label, text
from experiments.folder import read_manifest, variants_of
from experiments.runs import Run

# What runs are judged by where their scenario does not say.
USUAL = (("maximum_deviation_hz",), ("tracking_rmse_w",), ("response_delay.p50_s", "response_delay.p95_s"))


class Axis(NamedTuple):
    """One axis and its values, in the order of the scenario."""

    name: str
    values: tuple[Any, ...]


class Verdict(NamedTuple):
    """The runs inside a folder, the figures that they are judged by, and what was found."""

    path: Path
    runs: tuple[Run, ...]
    axes: tuple[Axis, ...]
    figures: tuple[tuple[str, ...], ...]  # those of one entry share a picture
    places: tuple[tuple[Any, ...], ...]  # of each run, on each axis
    found: tuple[dict[str, Any], ...]  # key figures of each run, by dotted key

    @property
    def keys(self) -> tuple[str, ...]:
        """All figures, one after the other."""
        return tuple(key for pair in self.figures for key in pair)


def verdict_of(path: Path) -> Verdict | None:
    """The verdict on the runs in a folder; None if it holds fewer than two, or a single run."""
    manifest = read_manifest(path)
    runs = tuple(Run(inside) for inside in variants_of(path).values() if (inside / folder.KPIS).is_file())
    if len(runs) < 2:
        return None
    said = manifest.get("places") or {}
    names = list(next(iter(said.values()), {})) or [VARIANT]
    stood = [said.get(run.path.name) or {VARIANT: run.path.name} for run in runs]
    places = tuple(tuple(place.get(name) for name in names) for place in stood)
    axes = tuple(
        Axis(name, tuple(dict.fromkeys(map(value_text, column))))
        for name, column in zip(names, zip(*places, strict=True), strict=True)
    )
    found = tuple(dict(flat(run.kpis)) for run in runs)
    stated = tuple(tuple(pair) for pair in manifest.get("verdict") or ())
    return Verdict(path, runs, axes, stated or _usual(found), places, found)


def _usual(found: tuple[dict[str, Any], ...]) -> tuple[tuple[str, ...], ...]:
    """The usual figures in which the runs differ, or all of them."""
    unlike = tuple(pair for pair in USUAL if any(one.get(pair[0]) != found[0].get(pair[0]) for one in found))
    return unlike or USUAL


def verdict_table(verdict: Verdict) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Titles and rows: the place of each run, then its figures."""
    titles = (*(axis.name for axis in verdict.axes), *(label(key) for key in verdict.keys))
    rows = [
        (
            *(value_text(value) for value in place),
            *(_text(key, found.get(key)) for key in verdict.keys),
        )
        for place, found in zip(verdict.places, verdict.found, strict=True)
    ]
    return titles, rows


def _text(key: str, value: Any) -> str:
    """As everywhere, but spans all in seconds: a column is to be looked along."""
    return f"{value:.3g} s" if key.endswith("_s") and is_number(value) and abs(value) < 1e3 else text(key, value)


def verdict_document(verdict: Verdict) -> list[dict[str, Any]]:
    """The same as data: one object per run."""
    return [
        {
            "run_dir": str(run.path),
            "place": dict(zip((axis.name for axis in verdict.axes), place, strict=True)),
            "figures": {key: found.get(key) for key in verdict.keys},
        }
        for run, place, found in zip(verdict.runs, verdict.places, verdict.found, strict=True)
    ]


def drawable(verdict: Verdict, key: str) -> bool:
    """Whether a figure has a number in at least one run."""
    return any(is_number(found.get(key)) for found in verdict.found)
