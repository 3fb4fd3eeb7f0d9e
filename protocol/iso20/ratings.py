"""Ratings exchanged in ChargeParameterDiscovery, as plain floats, and how they are read.

Discharge ratings are magnitudes here: the sign on the wire is contested and is dropped on reading.
"""

import math
from collections.abc import Callable
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any, Final, NamedTuple, TypeVar, cast

from protocol.iso20 import phases
from protocol.iso20.recall import read_once
from protocol.schema import ComplexType

__all__ = ["EVRatings", "EVSERatings", "read_ev_ratings", "read_evse_ratings", "single_phase", "split_phases"]

_NAN: Final = math.nan


class EVRatings(NamedTuple):
    """What an EV is built for. Currents and voltages matter in DC only."""

    maximum_charge_w: float
    minimum_charge_w: float
    maximum_discharge_w: float = 0.0
    minimum_discharge_w: float = 0.0
    maximum_charge_a: float = 0.0
    minimum_charge_a: float = 0.0
    maximum_discharge_a: float = 0.0
    minimum_discharge_a: float = 0.0
    maximum_v: float = 0.0
    minimum_v: float = 0.0


class EVSERatings(NamedTuple):
    """What a station is built for: the hardware, not today's grid limit, as loop limits can only go below it.

    `nominal_v` is line to neutral; it goes out as a parameter of the AC services. NaN in `ramp_limit_percent_per_min`
    leaves EVSEPowerRampLimitation out, in `maximum_asymmetry_w` MaximumPowerAsymmetry (AC).
    """

    maximum_charge_w: float
    minimum_charge_w: float
    maximum_discharge_w: float = 0.0
    minimum_discharge_w: float = 0.0
    maximum_charge_a: float = 0.0
    minimum_charge_a: float = 0.0
    maximum_discharge_a: float = 0.0
    minimum_discharge_a: float = 0.0
    maximum_v: float = 0.0
    minimum_v: float = 0.0
    maximum_asymmetry_w: float = _NAN
    nominal_frequency_hz: float = 50.0
    nominal_v: float = 230.0
    ramp_limit_percent_per_min: float = _NAN


Ratings = TypeVar("Ratings", EVRatings, EVSERatings)


@read_once
def read_ev_ratings(mode: ComplexType) -> EVRatings:
    """Ratings in the energy transfer mode of a ChargeParameterDiscoveryReq."""
    return _one(EVRatings(**_read(mode, "ev")))


@read_once
def read_evse_ratings(mode: ComplexType) -> EVSERatings:
    """Ratings in the energy transfer mode of a ChargeParameterDiscoveryRes; NaN for what it does not carry."""
    ramp = getattr(mode, "evse_power_ramp_limitation", None)
    frequency = getattr(mode, "evse_nominal_frequency", None)
    asymmetry = getattr(mode, "maximum_power_asymmetry", None)
    return _one(
        EVSERatings(
            **_read(mode, "evse"),
            maximum_asymmetry_w=_NAN if asymmetry is None else asymmetry.number,
            nominal_frequency_hz=_NAN if frequency is None else frequency.number,
            nominal_v=_NAN,
            ramp_limit_percent_per_min=_NAN if ramp is None else ramp.number,
        )
    )


def _one(ratings: Ratings) -> Ratings:
    """Equal ratings are one object, whoever has read them."""
    return cast(Ratings, _known(ratings))


@lru_cache(4096)
def _known(ratings: tuple[float, ...]) -> tuple[float, ...]:
    return ratings


def split_phases(mode: ComplexType) -> bool:
    """Whether the mode of a ChargeParameterDiscoveryReq states its phases one by one."""
    return getattr(mode, "ev_maximum_charge_power_l2", None) is not None


def single_phase(mode: ComplexType) -> bool:
    """Whether an EV that states its phases one by one has only the first."""
    later = [getattr(mode, f"ev_maximum_charge_power_{phase}", None) for phase in ("l2", "l3")]
    return all(power is not None and power.number == 0.0 for power in later)


_ELEMENTS: Final = {
    "maximum_charge_w": "maximum_charge_power",
    "minimum_charge_w": "minimum_charge_power",
    "maximum_discharge_w": "maximum_discharge_power",
    "minimum_discharge_w": "minimum_discharge_power",
    "maximum_charge_a": "maximum_charge_current",
    "minimum_charge_a": "minimum_charge_current",
    "maximum_discharge_a": "maximum_discharge_current",
    "minimum_discharge_a": "minimum_discharge_current",
    "maximum_v": "maximum_voltage",
    "minimum_v": "minimum_voltage",
}


def _read(mode: ComplexType, side: str) -> dict[str, float]:
    """The ratings both sides have in common; what the mode does not carry stays at its default of zero."""
    kind: Any = mode.__class__
    carried = _carried(kind, side)
    numbers: tuple[float, ...] = carried.numbers(mode)
    if carried.later is not None and carried.later(mode) != carried.no_later:  # stated phase by phase
        numbers = tuple(phases.total_w(mode, field) for field in carried.fields)
    values = dict(zip(carried.names, numbers, strict=True))
    for name in carried.discharge:
        values[name] = abs(values[name])
    return values


class _Carried(NamedTuple):
    """What a mode of one kind carries: the names of the ratings, and how they are read."""

    names: tuple[str, ...]
    fields: tuple[str, ...]
    discharge: tuple[str, ...]  # the names of those that are magnitudes
    numbers: Callable[[Any], tuple[float, ...]]  # of each field alone
    later: Callable[[Any], tuple[Any, ...]] | None  # the elements of L2 and L3, where the kind has them
    no_later: tuple[None, ...]


@cache
def _carried(kind: type[ComplexType], side: str) -> _Carried:
    known = {particle.field for particle in kind.particles}
    fields = {name: f"{side}_{element}" for name, element in _ELEMENTS.items() if f"{side}_{element}" in known}
    later = [field + suffix for field in fields.values() for suffix in ("_l2", "_l3") if field + suffix in known]
    return _Carried(
        tuple(fields),
        tuple(fields.values()),
        tuple(name for name in fields if "discharge" in name),
        attrgetter(*(f"{field}.number" for field in fields.values())),
        attrgetter(*later) if later else None,
        (None,) * len(later),
    )
