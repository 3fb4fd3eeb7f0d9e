"""The battery: what it accepts, what it gives, and the voltage it shows.

Power is positive into the vehicle. A state of charge (`soc`) runs from 0 to 1 of `capacity_wh`.
"""

import math
from typing import NamedTuple


class Battery(NamedTuple):
    """One battery. The numbers come from a vehicle row (`models/car/vehicle.py`)."""

    capacity_wh: float
    floor_soc: float  # never discharged below
    ceiling_soc: float  # never charged above
    charge_taper_soc: float  # full charging power up to here, then falling to zero at the ceiling
    discharge_taper_soc: float  # full discharging power down to here, then falling to zero at the floor
    open_circuit_empty_v: float
    open_circuit_full_v: float
    resistance_ohm: float


def charge_limit_w(soc: float, rated_w: float, taper_soc: float, ceiling_soc: float) -> float:
    """Power the battery accepts when charging [W], never negative.

    Constant up to `taper_soc`, then falling linearly to zero at `ceiling_soc`: the constant-current, constant-voltage
    shape without its curvature. A taper at or above the ceiling means full power up to the ceiling.

    Source: assumed; the linear form is that of EV2Gym and ACN-Sim (two-stage model).
    """
    if soc >= ceiling_soc:
        return 0.0
    if soc <= taper_soc:
        return rated_w
    return rated_w * (ceiling_soc - soc) / (ceiling_soc - taper_soc)


def discharge_limit_w(soc: float, rated_w: float, taper_soc: float, floor_soc: float) -> float:
    """Power the battery gives when discharging, as a magnitude [W], never negative.

    Constant down to `taper_soc`, then falling linearly to zero at `floor_soc`. Source: assumed, the mirror image of
    `charge_limit_w`.
    """
    if soc <= floor_soc:
        return 0.0
    if soc >= taper_soc:
        return rated_w
    return rated_w * (soc - floor_soc) / (taper_soc - floor_soc)


def open_circuit_v(soc: float, empty_v: float, full_v: float) -> float:
    """Voltage without current [V], linear between empty and full. Source: assumed; lithium curves are nearly linear
    between 10 and 90 %."""
    return empty_v + (full_v - empty_v) * soc


def terminal_v(power_w: float, open_circuit_v: float, resistance_ohm: float) -> float:
    """Voltage at the terminals [V] when `power_w` (positive: charging) crosses them.

    From V = Voc + R I and P = V I follows V = (Voc + sqrt(Voc^2 + 4 R P)) / 2. No current delivers more than
    Voc^2 / 4R; beyond that point the voltage stays at Voc / 2.
    """
    under_root = open_circuit_v * open_circuit_v + 4.0 * resistance_ohm * power_w
    if under_root <= 0.0:
        return 0.5 * open_circuit_v
    return 0.5 * (open_circuit_v + math.sqrt(under_root))


def soc_after(soc: float, cells_ws: float, capacity_wh: float) -> float:
    """State of charge after `cells_ws` [W s] went into the cells."""
    return soc + cells_ws / (3600.0 * capacity_wh)


def shortest_charge_s(
    soc: float, target_soc: float, power_w: float, taper_soc: float, ceiling_soc: float, capacity_wh: float
) -> float:
    """Least time [s] from `soc` to `target_soc` when the cells take `power_w` up to the taper; infinite at the ceiling.

    For verdicts after a run, hence `math.log`; not a formula of the lanes.
    """
    if target_soc <= soc:
        return 0.0
    if target_soc >= ceiling_soc > taper_soc or target_soc > ceiling_soc or power_w <= 0.0:
        return math.inf
    full_s = 3600.0 * capacity_wh / power_w
    straight_to = min(target_soc, max(taper_soc, soc))
    straight_s = full_s * (straight_to - soc)
    if target_soc <= straight_to:
        return straight_s
    taper_s = full_s * (ceiling_soc - taper_soc)
    return straight_s + taper_s * math.log((ceiling_soc - straight_to) / (ceiling_soc - target_soc))
