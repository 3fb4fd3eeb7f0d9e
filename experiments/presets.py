"""Grid presets: files in `data/grid`, where each number stands with its source, as parameters for `models.grid`."""

import math
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from experiments.errors import UserError
from experiments.keys import did_you_mean
from models.grid import governors
from models.grid.area import GridParams, check_grid
from models.grid.governors import Governor
from models.grid.held import CurvePoint, HeldResponse
from models.grid.secondary import Secondary
from models.grid.shedding import Stage

DIRECTORY = Path(__file__).parent / "data" / "grid"

Confidence = Literal["S", "M", "assumed"]  # read in a source; known from it but not read again; our choice


class Figure(NamedTuple):
    """One number of a preset and where it comes from."""

    name: str  # such as "held.dynamic containment.delay_s"
    value: float | tuple[tuple[float, float], ...]
    source: str
    confidence: Confidence


class GridPreset(NamedTuple):
    """A grid ready to simulate, with what a reader wants to know about it."""

    name: str
    title: str
    notes: str
    params: GridParams
    reference_loss_mw: float  # the loss the area is built for, positive
    figures: tuple[Figure, ...]
    secondary: Secondary | None = None  # not part of `params`: a scenario switches it on


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Number(_Table):
    value: float
    source: Annotated[str, Field(min_length=1)]
    confidence: Confidence


class _Curve(_Table):
    value: tuple[tuple[float, float], ...]
    source: Annotated[str, Field(min_length=1)]
    confidence: Confidence


class _Area(_Table):
    nominal_hz: _Number
    demand_mw: _Number
    kinetic_energy_mws: _Number
    damping_share_per_hz: _Number  # share of demand


# Constants that each kind of governor needs besides droop and governor lag.
KINDS = {
    "reheat": ("turbine_lag_s", "reheat_s", "high_pressure_share"),
    "non_reheat": ("turbine_lag_s",),
    "hydro": ("reset_s", "transient_droop_ratio", "water_s"),
    "tgov1": ("t2_s", "t3_s"),
}

MAKERS: dict[str, Callable[..., Governor]] = {
    "reheat": governors.reheat,
    "non_reheat": governors.non_reheat,
    "hydro": governors.hydro,
    "tgov1": governors.tgov1,
}


class _Governor(_Table):
    name: str
    kind: Literal["reheat", "non_reheat", "hydro", "tgov1"]
    stiffness_mw_per_hz: _Number | None = None
    rated_mw: _Number | None = None
    droop_pu: _Number | None = None
    governor_lag_s: _Number
    turbine_lag_s: _Number | None = None
    reheat_s: _Number | None = None
    high_pressure_share: _Number | None = None
    reset_s: _Number | None = None
    transient_droop_ratio: _Number | None = None
    water_s: _Number | None = None
    t2_s: _Number | None = None
    t3_s: _Number | None = None
    deadband_hz: _Number | None = None
    headroom_mw: _Number | None = None
    room_below_mw: _Number | None = None
    opening_mw_per_s: _Number | None = None
    closing_mw_per_s: _Number | None = None

    @model_validator(mode="after")
    def _stated_in_one_way(self) -> "_Governor":
        stated = [value is not None for value in (self.stiffness_mw_per_hz, self.rated_mw, self.droop_pu)]
        if stated not in ([True, False, False], [False, True, True]):
            raise ValueError(f"governor {self.name!r} needs either stiffness_mw_per_hz or rated_mw and droop_pu")
        for kind, needed in KINDS.items():
            for key in needed:
                there = getattr(self, key) is not None
                if key in KINDS[self.kind] and not there:
                    raise ValueError(f"governor {self.name!r} of kind {self.kind} needs {key}")
                if key not in KINDS[self.kind] and there:
                    raise ValueError(f"governor {self.name!r}: {', '.join(needed)} belong to kind {kind}")
        return self

    def built(self, nominal_hz: float) -> Governor:
        if self.rated_mw is not None and self.droop_pu is not None:
            stiffness = governors.stiffness_mw_per_hz(self.rated_mw.value, self.droop_pu.value, nominal_hz)
        else:
            assert self.stiffness_mw_per_hz is not None
            stiffness = self.stiffness_mw_per_hz.value
        if any((self.deadband_hz, self.headroom_mw, self.room_below_mw, self.opening_mw_per_s, self.closing_mw_per_s)):
            return self._with_valve(stiffness)
        return self._chain(stiffness, self.governor_lag_s.value)

    def _chain(self, stiffness: float, governor_lag_s: float) -> Governor:
        further = [number.value for key in KINDS[self.kind] if (number := getattr(self, key)) is not None]
        make = MAKERS[self.kind]
        return make(self.name, stiffness, governor_lag_s, *further)

    def _with_valve(self, stiffness: float) -> Governor:
        chain = self._chain(stiffness, 0.0)
        before: tuple[governors.Section, ...] = ()
        if self.kind == "hydro":  # the dashpot works on the servo's command
            before, chain = chain.sections[:-1], chain._replace(sections=chain.sections[-1:])
        return governors.limited(
            chain,
            deadband_hz=_or(self.deadband_hz, 0.0),
            up_mw=_or(self.headroom_mw, math.inf),
            down_mw=_or(self.room_below_mw, math.inf),
            opening_mw_per_s=_or(self.opening_mw_per_s, math.inf),
            closing_mw_per_s=_or(self.closing_mw_per_s, math.inf),
            servo_lag_s=self.governor_lag_s.value,
            before=before,
        )


def _or(number: _Number | None, otherwise: float) -> float:
    return otherwise if number is None else number.value


class _Held(_Table):
    name: str
    low_mw: _Number
    high_mw: _Number
    curve: _Curve
    delay_s: _Number
    lag_s: _Number

    def built(self) -> HeldResponse:
        curve = tuple(CurvePoint(deviation_hz, share) for deviation_hz, share in self.curve.value)
        return HeldResponse(
            self.name, self.low_mw.value, self.high_mw.value, curve, self.delay_s.value, self.lag_s.value
        )


class _Stage(_Table):
    name: str
    threshold_hz: _Number
    demand_share: _Number
    delay_s: _Number
    embedded_share: _Number | None = None
    contracted: bool = False

    def built(self) -> Stage:
        return Stage(
            self.threshold_hz.value,
            self.demand_share.value,
            self.delay_s.value,
            _or(self.embedded_share, 0.0),
            self.contracted,
            self.name,
        )


class _Secondary(_Table):
    period_s: _Number
    bias_mw_per_hz: _Number
    gain: _Number
    integral_s: _Number
    rate_mw_per_s: _Number
    up_mw: _Number
    down_mw: _Number

    def built(self) -> Secondary:
        return Secondary(*(getattr(self, name).value for name in Secondary._fields))


class _GridFile(_Table):
    title: str
    notes: str
    reference_loss_mw: _Number
    area: _Area
    governors: tuple[_Governor, ...] = ()
    held: tuple[_Held, ...] = ()
    shedding: tuple[_Stage, ...] = ()
    secondary: _Secondary | None = None


def grid_names() -> tuple[str, ...]:
    """Names of the grids that come with the package, in order."""
    return tuple(sorted(path.stem for path in DIRECTORY.glob("*.toml")))


def load_grid(name: str) -> GridPreset:
    """A grid by its name, or by the path of a file of the same form (ending in `.toml`).

    Raises UserError for an unknown name (with the nearest one), a missing file, or a file that does not hold a grid.
    """
    path = Path(name) if name.endswith(".toml") else DIRECTORY / f"{name}.toml"
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        raise UserError(_unknown(name)) from None
    try:
        content = _GridFile.model_validate(tomllib.loads(text))
        params = _params(content)
        check_grid(params._replace(secondary=content.secondary.built() if content.secondary else None))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        complaint = first["msg"].removeprefix("Value error, ")
        raise UserError(f"{path}: {where or 'grid'}: {complaint}") from None
    except ValueError as error:  # TOML syntax, or a number the model refuses
        raise UserError(f"{path}: {error}") from None
    return GridPreset(
        name=path.stem,
        title=content.title,
        notes=content.notes.strip(),
        params=params,
        reference_loss_mw=content.reference_loss_mw.value,
        figures=tuple(_figures(content, "")),
        secondary=content.secondary.built() if content.secondary else None,
    )


def _params(content: _GridFile) -> GridParams:
    area = content.area
    return GridParams(
        nominal_hz=area.nominal_hz.value,
        demand_mw=area.demand_mw.value,
        kinetic_energy_mws=area.kinetic_energy_mws.value,
        damping_mw_per_hz=area.damping_share_per_hz.value * area.demand_mw.value,
        governors=tuple(governor.built(area.nominal_hz.value) for governor in content.governors),
        held=tuple(held.built() for held in content.held),
        shedding=tuple(stage.built() for stage in content.shedding),
    )


def _figures(table: BaseModel, prefix: str) -> Iterator[Figure]:
    """Every number below a table, named by its path; list entries by their `name`."""
    for key in type(table).model_fields:
        entry: Any = getattr(table, key)
        if isinstance(entry, _Number | _Curve):
            yield Figure(prefix + key, entry.value, entry.source, entry.confidence)
        elif isinstance(entry, BaseModel):
            yield from _figures(entry, f"{prefix}{key}.")
        elif isinstance(entry, tuple):
            for item in entry:
                yield from _figures(item, f"{prefix}{key}.{item.name}.")


def _unknown(name: str) -> str:
    if name.endswith(".toml"):
        return f"there is no grid file '{name}'"
    return f"there is no grid '{name}'.{did_you_mean(name, grid_names())}"
