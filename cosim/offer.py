"""What a car states of itself in a turn of the charge loop, and what the station then has heard: both in numbers.

`offer` makes the numbers of a ChargeLoopReq. `heard` is what is left of them after the wire, without the message: the
compiled lane uses it, and a test holds it against the real messages.
"""

import math
from dataclasses import replace
from typing import NamedTuple

from cosim.car import Car, soc_at
from cosim.kind import Kind
from cosim.motion import command
from cosim.sums import Sums
from models.car.battery import charge_limit_w, discharge_limit_w
from models.control.charge_loop import accepted_w, energy_requests_wh
from protocol.iso20.phases import stated_w
from protocol.iso20.requests import Offer, whole_seconds
from protocol.values import wire


def limits_w(kind: Kind, soc: float) -> tuple[float, float]:
    """Most that the car can charge and discharge at a state of charge [W at the plug, magnitudes].

    The cells' own limit is that of their strongest connector and tapers; a weaker one caps it.
    """
    battery = kind.battery
    charge_w = charge_limit_w(soc, kind.cells_w, battery.charge_taper_soc, battery.ceiling_soc)
    discharge_w = discharge_limit_w(soc, kind.cells_w, battery.discharge_taper_soc, battery.floor_soc)
    return (
        charge_w if charge_w < kind.charge_w else kind.charge_w,
        discharge_w if discharge_w < kind.discharge_w else kind.discharge_w,
    )


def offer(
    kind: Kind, target_soc: float, soc: float, until_departure_ns: int, power_w: float, voltage_v: float
) -> Offer:
    """The car's needs, limits and working point now. `power_w`: at the plug; `voltage_v`: of the battery, in DC."""
    charge_w, discharge_w = limits_w(kind, soc)
    target_wh, maximum_wh, minimum_wh, high_wh, low_wh = energy_requests_wh(
        target_soc,
        kind.maximum_soc,
        kind.minimum_soc,
        kind.v2x_high_soc,
        kind.v2x_low_soc,
        soc,
        kind.battery.capacity_wh,
    )
    return Offer(
        until_departure_ns * 1e-9 if until_departure_ns > 0 else 0.0,
        target_wh,
        maximum_wh,
        minimum_wh,
        high_wh,
        low_wh,
        charge_w,
        kind.minimum_charge_w,
        discharge_w,
        kind.minimum_discharge_w,
        kind.maximum_dc_a,
        kind.maximum_dc_a if discharge_w > 0.0 else 0.0,
        kind.maximum_v,
        kind.minimum_v,
        power_w,
        power_w * kind.reactive_share,
        voltage_v,
        voltage_v,
    )


def obey(car: Car, kind: Kind, sums: Sums, setpoint_w: float, now_ns: int) -> float:
    """AC: aim at a setpoint within the car's own limits of this instant.

    Returns the setpoint if it was taken as it is, else nan: a clipped one is to be looked at again next time.
    """
    charge_w, discharge_w = limits_w(kind, soc_at(car, kind, sums, now_ns))
    aim_w = accepted_w(setpoint_w, charge_w, discharge_w, kind.minimum_charge_w, kind.minimum_discharge_w)
    command(car, kind, sums, now_ns, aim_w)
    return setpoint_w if aim_w == setpoint_w else math.nan


class Heard(NamedTuple):
    """What the station knows of the car's offer; fields as in `protocol.iso20.said.Said`."""

    departure_s: float
    departure_ns: int
    target_energy_wh: float
    maximum_energy_wh: float
    minimum_energy_wh: float
    maximum_v2x_energy_wh: float
    minimum_v2x_energy_wh: float
    maximum_charge_w: float
    minimum_charge_w: float
    maximum_discharge_w: float
    minimum_discharge_w: float
    maximum_charge_a: float
    maximum_discharge_a: float
    present_v: float


def heard(kind: Kind, said: Offer, now_ns: int) -> Heard:
    """The offer as it arrives at `now_ns`: rounded by the wire, split over phases where they are stated."""
    told = exact(kind, said, now_ns)
    return told._replace(
        target_energy_wh=wire(told.target_energy_wh),
        maximum_energy_wh=wire(told.maximum_energy_wh),
        minimum_energy_wh=wire(told.minimum_energy_wh),
        maximum_v2x_energy_wh=wire(told.maximum_v2x_energy_wh),
        minimum_v2x_energy_wh=wire(told.minimum_v2x_energy_wh),
        maximum_charge_w=told_w(kind, told.maximum_charge_w, kind.charge_w, kind.told_charge_w),
        maximum_discharge_w=told_w(kind, told.maximum_discharge_w, kind.discharge_w, kind.told_discharge_w),
        present_v=wire(told.present_v),
    )


def exact(kind: Kind, said: Offer, now_ns: int) -> Heard:
    """The same before what moves is rounded: the compiled lane rounds the numbers of many cars at once."""
    is_bpt, is_dc, nan = kind.is_bpt, kind.is_dc, math.nan
    return Heard(
        whole_seconds(said.departure_s),
        now_ns,
        said.target_energy_wh,
        said.maximum_energy_wh,
        said.minimum_energy_wh,
        said.maximum_v2x_energy_wh if is_bpt else nan,
        said.minimum_v2x_energy_wh if is_bpt else nan,
        said.maximum_charge_w,
        kind.told_minimum_charge_w,
        said.maximum_discharge_w if is_bpt else 0.0,
        kind.told_minimum_discharge_w if is_bpt else 0.0,
        kind.told_maximum_a if is_dc else nan,
        nan if not is_dc else kind.told_maximum_a if is_bpt and said.maximum_discharge_a > 0.0 else 0.0,
        said.present_v if is_dc else nan,
    )


def told_w(kind: Kind, limit_w: float, usual_w: float, told_usual_w: float) -> float:
    """A power as it is told; the usual one has been rounded beforehand."""
    return told_usual_w if limit_w == usual_w else stated_w(limit_w, kind.per_phase)


def as_told(kind: Kind) -> Kind:
    """A kind that knows how its ratings arrive at the station, once it is settled how powers are said."""
    per_phase = kind.per_phase
    return replace(
        kind,
        told_charge_w=stated_w(kind.charge_w, per_phase),
        told_discharge_w=stated_w(kind.discharge_w, per_phase),
        told_minimum_charge_w=stated_w(kind.minimum_charge_w, per_phase),
        told_minimum_discharge_w=stated_w(kind.minimum_discharge_w, per_phase),
        told_maximum_a=wire(kind.maximum_dc_a),
    )
