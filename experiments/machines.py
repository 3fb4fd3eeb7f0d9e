"""Parameter files of machine cases (`*.params.json`): kinetic energy, damping, governors and the disturbance.

The form is the one in which results of the power-system program ANDES are kept with their case: every governor value in
per unit on the system base `s_base_mva` (R divided, K, VMAX and PMAX multiplied by the machine's share of it), `UO` and
`UC` of IEEEG1 in per unit of the system base a second, time constants in seconds.
"""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from experiments.errors import UserError
from experiments.keys import did_you_mean
from models.grid.area import GridParams, check_grid
from models.grid.governors import Governor, Section, cascade, limited, tgov1

Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Number = Annotated[float, Field(allow_inf_nan=False)]


MACHINES = Path(__file__).parent / "data" / "machines"
ENDING = ".params.json"


class MachineCase(NamedTuple):
    """A parameter file, ready to simulate."""

    name: str
    params: GridParams
    disturbance_mw: float  # positive: generation lost or load added
    end_s: float


class _Governor(BaseModel):
    """Keys besides those named here (a type, a machine) are notes."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    syn: str | int = ""
    p0: Number  # power before the disturbance


class _Tgov1(_Governor):
    R: Positive
    T1: NotNegative
    T2: NotNegative
    T3: Positive
    Dt: Number = 0.0
    VMIN: Number
    VMAX: Number

    def built(self, name: str, base_mw: float, nominal_hz: float) -> Governor:
        governor = tgov1(name, base_mw / (self.R * nominal_hz), 0.0, self.T2, self.T3)
        up_mw, down_mw = _room_mw(self.p0, self.VMIN, self.VMAX, base_mw)
        return limited(governor, servo_lag_s=self.T1, up_mw=up_mw, down_mw=down_mw)

    def damping_pu(self) -> float:
        return self.Dt


class _Ieeeg1(_Governor):
    K: Positive
    T1: NotNegative
    T2: NotNegative
    T3: Positive
    UO: Positive
    UC: Annotated[float, Field(lt=0.0)]
    PMAX: Number
    PMIN: Number
    T4: NotNegative
    K1: Number = 0.0
    K2: Number = 0.0
    T5: NotNegative = 0.0
    K3: Number = 0.0
    K4: Number = 0.0
    T6: NotNegative = 0.0
    K5: Number = 0.0
    K6: Number = 0.0
    T7: NotNegative = 0.0
    K7: Number = 0.0
    K8: Number = 0.0

    def built(self, name: str, base_mw: float, nominal_hz: float) -> Governor:
        if self.T1 == 0.0 and self.T2 > 0.0:
            raise ValueError(f"{name}: T2 {self.T2:g} s needs a T1 above 0")
        stages = (
            (self.T4, self.K1 + self.K2),
            (self.T5, self.K3 + self.K4),
            (self.T6, self.K5 + self.K6),
            (self.T7, self.K7 + self.K8),
        )
        up_mw, down_mw = _room_mw(self.p0, self.PMIN, self.PMAX, base_mw)
        return limited(
            cascade(name, self.K * base_mw / nominal_hz, stages),
            servo_lag_s=self.T3,
            before=(Section(self.T2, self.T1),),
            opening_mw_per_s=self.UO * base_mw,
            closing_mw_per_s=-self.UC * base_mw,
            up_mw=up_mw,
            down_mw=down_mw,
        )

    def damping_pu(self) -> float:
        return 0.0


KINDS: dict[str, type[_Tgov1] | type[_Ieeeg1]] = {"TGOV1": _Tgov1, "TGOV1N": _Tgov1, "IEEEG1": _Ieeeg1}


class _Case(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)
    name: str = ""
    f0_hz: Positive
    s_base_mva: Positive
    e_kin_mws: Positive
    load_mw: Positive = 1.0  # a note: load damping stands in D_pu_sys
    dist_mw: Number
    D_pu_sys: NotNegative = 0.0
    tend_s: Positive = 60.0
    governors: list[dict[str, Any]]


def case_names() -> tuple[str, ...]:
    """Machine cases that come with the package."""
    return tuple(sorted(path.name.removesuffix(ENDING) for path in MACHINES.glob(f"*{ENDING}")))


def case_file(name: str) -> Path:
    """The file of a packaged case, or the path that was given. Raises UserError for an unknown name."""
    if name in case_names():
        return MACHINES / f"{name}{ENDING}"
    if not Path(name).suffix and not Path(name).exists():
        raise UserError(f"there is no machine case '{name}'.{did_you_mean(name, case_names())}")
    return Path(name)


def read_case(path: Path) -> MachineCase:
    """A machine case from its file. Raises UserError, saying what was found, what is needed, and where."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise UserError(f"there is no file '{path}'") from None
    except ValueError as error:
        raise UserError(f"{path.name} is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise UserError(f"{path.name} must hold one table of parameters, got a {type(document).__name__}")
    case = _checked(path, "", partial(_Case.model_validate, document))
    governors = []
    damping_pu = case.D_pu_sys
    for place, entry in enumerate(case.governors):
        read = _governor(path, f"governors.{place}", entry)
        name = f"{entry['type']} {read.syn if read.syn != '' else place + 1}"
        make = partial(read.built, name, case.s_base_mva, case.f0_hz)
        governors.append(_checked(path, f"governors.{place}", make))
        damping_pu += read.damping_pu()
    params = GridParams(
        nominal_hz=case.f0_hz,
        demand_mw=case.load_mw,
        kinetic_energy_mws=case.e_kin_mws,
        damping_mw_per_hz=damping_pu * case.s_base_mva / case.f0_hz,
        governors=tuple(governors),
    )
    _checked(path, "", partial(check_grid, params))
    return MachineCase(case.name or path.name.removesuffix(ENDING), params, case.dist_mw, case.tend_s)


def _governor(path: Path, where: str, entry: dict[str, Any]) -> _Tgov1 | _Ieeeg1:
    kind = str(entry.get("type"))
    if kind not in KINDS:
        known = tuple(KINDS)
        raise UserError(
            f"{path.name}: {where}.type must be one of {', '.join(known)}, got '{kind}'."
            f"{did_you_mean(kind.upper(), known)}"
        )
    read: _Tgov1 | _Ieeeg1 = _checked(path, where, partial(KINDS[kind].model_validate, entry))
    return read


def _room_mw(power_pu: float, low_pu: float, high_pu: float, base_mw: float) -> tuple[float, float]:
    """Headroom and room below the power before the disturbance; a unit at or beyond a limit has none."""
    if low_pu > high_pu:
        raise ValueError(f"the lower limit {low_pu:g} lies above the upper one {high_pu:g}")
    return max(0.0, high_pu - power_pu) * base_mw, max(0.0, power_pu - low_pu) * base_mw


def _checked(path: Path, where: str, make: Callable[[], Any]) -> Any:
    try:
        return make()
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in ((where,) if where else ()) + first["loc"])
        found = "" if first["type"] == "missing" else f", got {first['input']!r}"
        raise UserError(f"{path.name}: {place}: {first['msg']}{found}") from None
    except ValueError as error:
        raise UserError(f"{path.name}: {where + ': ' if where else ''}{error}") from None
