"""Ratings exchanged in ChargeParameterDiscovery, as plain floats, and how they are read.

Discharge ratings are magnitudes here: the sign on the wire is contested and is dropped on reading.
"""

import math
from functools import cache
from typing import Any, Final, NamedTuple

from protocol.iso20 import phases
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


def read_ev_ratings(mode: ComplexType) -> EVRatings:
    """Ratings in the energy transfer mode of a ChargeParameterDiscoveryReq."""
    return EVRatings(**_read(mode, "ev"))


def read_evse_ratings(mode: ComplexType) -> EVSERatings:
    """Ratings in the energy transfer mode of a ChargeParameterDiscoveryRes; NaN for what it does not carry."""
    ramp = getattr(mode, "evse_power_ramp_limitation", None)
    frequency = getattr(mode, "evse_nominal_frequency", None)
    asymmetry = getattr(mode, "maximum_power_asymmetry", None)
    return EVSERatings(
        **_read(mode, "evse"),
        maximum_asymmetry_w=_NAN if asymmetry is None else asymmetry.number,
        nominal_frequency_hz=_NAN if frequency is None else frequency.number,
        nominal_v=_NAN,
        ramp_limit_percent_per_min=_NAN if ramp is None else ramp.number,
    )


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


def _read(mode: ComplexType, side: str) -> dict[str, Any]:
    """The ratings both sides have in common; what the mode does not carry stays at its default of zero."""
    values = {}
    kind: Any = type(mode)
    for rating, field, has_phases, is_discharge in _carried(kind, side):
        number = phases.total_w(mode, field) if has_phases else getattr(mode, field).number
        values[rating] = abs(number) if is_discharge else number
    return values


@cache
def _carried(kind: type[ComplexType], side: str) -> tuple[tuple[str, str, bool, bool], ...]:
    """Each rating that a mode of this kind carries: its field, whether it may come by phase, and is discharge."""
    fields = {particle.field for particle in kind.particles}
    return tuple(
        (rating, f"{side}_{element}", f"{side}_{element}_l2" in fields, "discharge" in rating)
        for rating, element in _ELEMENTS.items()
        if f"{side}_{element}" in fields
    )
