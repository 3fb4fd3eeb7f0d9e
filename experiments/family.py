"""A scenario that stands for several runs: its variants, its axes, and the figures that they are judged by.

    verdict = [["response_delay.p50_s", "response_delay.p95_s"], "tracking_rmse_w"]
    [axes]
    ev.loop_gap_s = [0.2, 1.0]
    [variants.ac]
    fleet.services = { AC_BPT = 1.0 }

There is one run for each variant at each place on the axes. Two figures in brackets share a picture.
"""

import itertools
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from experiments.errors import UserError
from experiments.files import anchor
from experiments.keys import did_you_mean, known_names, unknown_keys
from experiments.layers import Layer, expand

VARIANT = "variant"  # the axis of those that have names
FORM = 'verdict must be a list of key figures, or pairs of them: ["nadir_hz", ["loop.p50_s", "loop.p95_s"]]'

Place = tuple[tuple[str, Any], ...]  # (axis, value), the variant first


class Member(NamedTuple):
    """One of the runs: what it is called, where it stands on the axes, and the settings that make it."""

    name: str
    place: Place
    layers: tuple[Layer, ...]


class Family(NamedTuple):
    """What a scenario file says of the runs it stands for, beyond what they share."""

    variants: dict[str, Layer]
    axes: dict[str, tuple[Any, ...]]  # dotted key -> its values
    verdict: tuple[tuple[str, ...], ...]  # key figures; those of one entry share a picture
    folder: Path  # from which files on the axes count

    def below(self, under: "Family") -> "Family":
        """This one where it says something, else what it extends."""
        folder = self.folder if self.axes else under.folder
        return Family(self.variants or under.variants, self.axes or under.axes, self.verdict or under.verdict, folder)

    def members(self, fixed: Collection[str] = ()) -> list[Member]:
        """All runs, the last axis fastest; keys that are `fixed` otherwise are no axes. Empty for a single run."""
        axes = {key: values for key, values in self.axes.items() if key not in fixed}
        names = [*self.variants] or [""]
        if not axes and not self.variants:
            return []
        return [self._member(name, axes, values) for name in names for values in itertools.product(*axes.values())]

    def _member(self, variant: str, axes: Mapping[str, tuple[Any, ...]], values: tuple[Any, ...]) -> Member:
        place = tuple(zip(axes, values, strict=True))
        told = [f"{key.rpartition('.')[2]}={value_text(value)}" for key, value in place]
        layers = (Layer("[axes]", anchor(expand(dict(place), "[axes]"), self.folder)),) if place else ()
        if variant:
            told.insert(0, variant)
            place = ((VARIANT, variant), *place)
            layers = (self.variants[variant], *layers)
        return Member(",".join(told), place, layers)


def chosen(members: list[Member], wanted: str, scenario: str) -> list[Member]:
    """The run of that name, or all runs of that variant. Raises UserError."""
    found = [member for member in members if wanted in (member.name, dict(member.place).get(VARIANT))]
    if not found:
        names = dict.fromkeys(name for one in members for name in (dict(one.place).get(VARIANT, ""), one.name) if name)
        raise UserError(f"{scenario} has no variant '{wanted}'.{did_you_mean(wanted, names)}")
    return found


def read_family(layer: Layer, data: dict[str, Any], folder: Path) -> Family:
    """Take what concerns the family out of the `data` of a file in `folder`. Raises UserError."""
    return Family(
        _variants(layer, data.pop("variants", {}), folder),
        _axes(layer, data.pop("axes", {})),
        _verdict(layer, data.pop("verdict", [])),
        folder,
    )


def _variants(layer: Layer, tables: Any, folder: Path) -> dict[str, Layer]:
    if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
        raise UserError(f"{layer.where('variants')}: variants must be tables, [variants.NAME]")
    return {name: Layer(f"{layer.origin} [variants.{name}]", anchor(table, folder)) for name, table in tables.items()}


def _axes(layer: Layer, tables: Any) -> dict[str, tuple[Any, ...]]:
    if not isinstance(tables, dict):
        raise UserError(f"{layer.where('axes')}: axes must be a table of settings, each with a list of its values")
    for name in unknown_keys(tables):
        raise UserError(f"{layer.where('axes')}: [axes] unknown key '{name}'.{did_you_mean(name, known_names())}")
    found = dict(_leaves(tables))
    for key, values in found.items():
        if not isinstance(values, list) or not values:
            raise UserError(f"{layer.where(f'axes.{key}')}: axes.{key} must be a list of values, got {values!r}")
    return {key: tuple(values) for key, values in found.items()}


def _leaves(tables: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tables.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


def _verdict(layer: Layer, entries: Any) -> tuple[tuple[str, ...], ...]:
    if not isinstance(entries, list):
        raise UserError(f"{layer.where('verdict')}: {FORM}")
    pairs = [[entry] if isinstance(entry, str) else entry for entry in entries]
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) not in (1, 2) or not all(isinstance(key, str) for key in pair):
            raise UserError(f"{layer.where('verdict')}: {FORM}")
    return tuple(tuple(pair) for pair in pairs)


def value_text(value: Any) -> str:
    """A value of an axis as it stands in names and tables."""
    return f"{value:g}" if isinstance(value, float) else str(value)
