"""One charge loop in numbers: what the EV offers, what the station knows when it decides, what the EV then aims at.

`StationView` is all that a policy sees. Everything in it was said in a message, measured by the station, or sent by
the CSMS; nothing comes from the simulator's own knowledge.
"""

import math
from typing import NamedTuple

NAN = math.nan
INF = math.inf


class StationView(NamedTuple):
    """What a station knows at one decision. Positive power flows into the vehicle."""

    time_s: float = 0.0  # since the start of the run; station's clock
    elapsed_s: float = 0.0  # since its previous decision; station's clock, 0 at the first
    nominal_hz: float = 50.0  # setting
    frequency_hz: float = 50.0  # own measurement
    rocof_hz_per_s: float = 0.0  # own measurement
    rated_w: float = 0.0  # charging, at the AC meter: smaller of EV and station, as agreed before the loop
    rated_discharge_w: float = 0.0  # discharging, same; a magnitude, 0 for an EV that only charges
    target_energy_wh: float = 0.0  # EVTargetEnergyRequest, at the cells: distance to the target, falls while charging
    maximum_energy_wh: float = 0.0  # EVMaximumEnergyRequest: distance to the most the EV allows
    minimum_energy_wh: float = 0.0  # EVMinimumEnergyRequest: distance to the least; above 0 means charge at once
    maximum_v2x_energy_wh: float = NAN  # EVMaximumV2XEnergyRequest; nan: not said
    minimum_v2x_energy_wh: float = NAN  # EVMinimumV2XEnergyRequest; above 0 forbids discharging; nan: not said
    departure_s: float = INF  # DepartureTime as said, less the time since; from now; inf: unknown
    maximum_charge_w: float = 0.0  # EVMaximumChargePower, at the plug
    minimum_charge_w: float = 0.0  # EVMinimumChargePower, at the plug
    maximum_discharge_w: float = 0.0  # EVMaximumDischargePower, at the plug; a magnitude
    minimum_discharge_w: float = 0.0  # EVMinimumDischargePower, at the plug; a magnitude
    voltage_v: float = NAN  # EVPresentVoltage (DC); nan in AC
    present_w: float = 0.0  # own meter, AC side
    previous_w: float = 0.0  # own previous setpoint, AC side
    station_charge_w: float = INF  # the station's own limit now, at the plug, share of the site included
    station_discharge_w: float = INF  # same for discharging; a magnitude
    maximum_charge_a: float = INF  # smaller of what EV and station allow (DC); inf in AC
    maximum_discharge_a: float = INF  # same for discharging; a magnitude
    baseline_w: float = 0.0  # declared to the operator, at the AC meter; from the CSMS or the scenario
    scheduled_w: float = 0.0  # schedule of the CSMS or of a file, at the AC meter


def energy_requests_wh(
    target_soc: float,
    maximum_soc: float,
    minimum_soc: float,
    v2x_high_soc: float,
    v2x_low_soc: float,
    soc: float,
    capacity_wh: float,
) -> tuple[float, float, float, float, float]:
    """Distances from the present state to the five bounds [Wh at the cells]: positive below a bound, negative above.

    All energy requests of a ChargeLoopReq are this, in its order; with fixed bounds they fall by the same amount when
    energy goes in. Source: ISO 15118-20:2022, EVTargetEnergyRequest and its siblings.
    """
    return (
        (target_soc - soc) * capacity_wh,
        (maximum_soc - soc) * capacity_wh,
        (minimum_soc - soc) * capacity_wh,
        (v2x_high_soc - soc) * capacity_wh,
        (v2x_low_soc - soc) * capacity_wh,
    )


def current_limit_a(power_w: float, voltage_v: float, maximum_a: float) -> float:
    """Current an EV allows [A]: what `power_w` needs at `voltage_v`, at most `maximum_a`."""
    current_a = power_w / voltage_v
    return current_a if current_a < maximum_a else maximum_a


def accepted_w(
    setpoint_w: float,
    charge_limit_w: float,
    discharge_limit_w: float,
    minimum_charge_w: float,
    minimum_discharge_w: float,
) -> float:
    """Power an EV really aims at for a setpoint [W]: within its present limits, and 0 where it cannot hold so little.

    The limits are those of this instant, which may be narrower than those last said. The EV obeys physics, not wishes.
    """
    if setpoint_w > 0.0:
        power_w = setpoint_w if setpoint_w < charge_limit_w else charge_limit_w
        return 0.0 if power_w < minimum_charge_w else power_w
    if setpoint_w < 0.0:
        power_w = 0.0 - setpoint_w if 0.0 - setpoint_w < discharge_limit_w else discharge_limit_w
        return 0.0 if power_w < minimum_discharge_w else 0.0 - power_w
    return 0.0
