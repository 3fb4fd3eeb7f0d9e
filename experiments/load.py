"""A scenario by name, path or run folder: found, laid together with what it extends and with overrides, and checked."""

import re
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from cosim.inputs import Inputs
from cosim.scenario import Scenario
from experiments.errors import UserError
from experiments.family import Family, Place, chosen, read_family
from experiments.figures import flat
from experiments.files import anchor
from experiments.folder import CONFIG, RUNS, find_run, listed, ways_in
from experiments.inputs import read_inputs
from experiments.keys import did_you_mean
from experiments.layers import Layer, expand, overlay, parse_override, read_toml
from experiments.wording import problem_lines


class Loaded(NamedTuple):
    """A scenario that is ready to run, and where each of its values came from."""

    scenario: Scenario
    origins: dict[str, Layer]  # dotted key -> the layer that set it; a key that is missing here is a default
    variant: str = ""
    place: Place = ()  # on the axes of the scenario, for one of several runs
    verdict: tuple[tuple[str, ...], ...] = ()  # key figures that the runs of the scenario are judged by

    def origin(self, key: str) -> str:
        """Where the value of the dotted `key` comes from."""
        layer = self.origins.get(key) or self.origins.get(key.rpartition(".")[0])  # the latter for entries of tables
        return layer.origin if layer else "default"


def packaged_scenarios() -> dict[str, Path]:
    """Scenarios that come with the package, by name."""
    folder = Path(str(resources.files("experiments"))) / "scenarios"
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def find_scenario(name: str, folder: Path | None = None) -> Path:
    """File of a packaged scenario, of a TOML file, or of a run (its folder, `latest`, `latest/VARIANT`).

    Relative paths count from `folder`. Raises UserError.
    """
    packaged = packaged_scenarios()
    if name in packaged:
        return packaged[name]
    path = (folder or Path.cwd()) / name
    if path.is_file():
        return path
    runs = (folder or Path.cwd()) / RUNS
    if path.is_dir():
        return _config_of(path, name)
    if (runs / name).is_dir() or re.match(r"latest(~\d+)?(/|$)", name):
        return _config_of(find_run(name, runs), name)
    if path.suffix == ".toml" or len(Path(name).parts) > 1:
        raise UserError(f"there is no scenario file '{name}' (looked for {path.resolve()})")
    raise UserError(f"there is no scenario '{name}'.{did_you_mean(name, packaged)}")


def _config_of(folder: Path, name: str) -> Path:
    """The resolved scenario in a run folder."""
    if (folder / CONFIG).is_file():
        return folder / CONFIG
    ways = ways_in(name, folder)
    if ways:
        raise UserError(f"'{name}' holds the variants of a scenario, repeat one of them: {ways}")
    raise UserError(f"'{name}' is a folder without a {CONFIG}, so it is no run that could be repeated")


def load(
    scenario: str, overrides: Sequence[str] = (), variant: str = "", settings: Mapping[str, Any] | None = None
) -> list[Loaded]:
    """The scenario with its overrides: one entry, or one for each run that it stands for (`experiments/family.py`).

    `overrides` are texts `section.key=value`, later ones win; `settings` are the same as (nested) values and win over
    the file, too; a key set so is no axis any more. `variant` picks one run, or those of one variant. An empty
    `scenario` stands for the defaults alone. Raises UserError, one line per problem.
    """
    layers, family = _file_layers(find_scenario(scenario), ()) if scenario else ([], None)
    changes = [parse_override(text, position) for position, text in enumerate(overrides, 1)]
    if settings:
        changes.append(Layer("override", expand(dict(settings), "override")))
    changes = [layer._replace(data=anchor(layer.data, Path.cwd())) for layer in changes]
    members = family.members({key for layer in changes for key, _ in flat(layer.data)}) if family else []
    if variant:
        members = chosen(members, variant, scenario)
    if not members or family is None:
        return [_checked([*layers, *changes])]
    return [
        _checked([*layers, *one.layers, *changes])._replace(variant=one.name, place=one.place, verdict=family.verdict)
        for one in members
    ]


def load_one(
    scenario: str, overrides: Sequence[str] = (), variant: str = "", settings: Mapping[str, Any] | None = None
) -> Loaded:
    """As `load`, for uses that need exactly one run."""
    loaded = load(scenario, overrides, variant, settings)
    if len(loaded) > 1:
        names = listed([f"'{one.variant}'" for one in loaded])
        raise UserError(f"{scenario} has several variants, choose one of {names}")
    return loaded[0]


def load_scenario(scenario: str, overrides: Sequence[str] = ()) -> tuple[Scenario, Inputs]:
    """A scenario and its inputs, ready for a `World`."""
    loaded = load_one(scenario, overrides)
    return loaded.scenario, read_inputs(loaded.scenario).inputs


def from_scenario(scenario: Scenario) -> Loaded:
    """A scenario that was made in Python."""
    return Loaded(scenario, {})


def _file_layers(path: Path, below: tuple[Path, ...]) -> tuple[list[Layer], Family]:
    """Layers of a scenario file, what it extends first, and the runs it stands for."""
    if path in below:
        raise UserError(f"{path.name} extends itself, by way of {' -> '.join(p.name for p in below)}")
    layer = read_toml(path, path.name)
    data = dict(layer.data)
    extends = data.pop("extends", None)
    family = read_family(layer, data, path.parent)
    layers: list[Layer] = []
    if extends is not None:
        if not isinstance(extends, str):
            raise UserError(f"{layer.where('extends')}: extends must name one scenario, got {extends!r}")
        try:
            layers, under = _file_layers(find_scenario(extends, path.parent), (*below, path))
        except UserError as error:
            raise UserError(f"{layer.where('extends')}: {error}") from None
        family = family.below(under)
    data.setdefault("name", path.stem)
    layers.append(layer._replace(data=anchor(data, path.parent)))
    return layers, family


def _checked(layers: list[Layer]) -> Loaded:
    data, origins = overlay(layers)
    try:
        scenario = Scenario.model_validate(data)
    except ValidationError as error:
        raise UserError("\n".join(problem_lines(error, origins))) from None
    return Loaded(scenario, origins)
