"""The limiter: one function after every policy, which turns a wish into a setpoint that may be sent.

In this order: energy gates, departure guarantee, power and current limits of EV and station, minimum-power gap, site.
The reason given is the last step that changed the value. Everything here is at the plug; the caller converts a
policy's watts at the AC meter (`plug_for_grid_w`) and rounds the result to what the wire can carry.
"""

import math
from typing import NamedTuple

from models.control.charge_loop import StationView

# What decided a setpoint; the index is the code in tables.
REASONS = (
    "none",
    "not_a_number",  # the policy returned nan; the setpoint is 0
    "minimum_energy_gate",  # no discharging: EVMinimumEnergyRequest is not below 0, or its bound is near
    "v2x_energy_gate",  # no discharging: EVMinimumV2XEnergyRequest is not below 0, or its bound is near
    "maximum_energy_gate",  # no charging: EVMaximumEnergyRequest is not above 0, or its bound is near
    "charge_at_once",  # EVMinimumEnergyRequest is above 0
    "departure",  # the latest start for the target has come
    "ev_power",
    "station_power",
    "current",  # of EV or station (DC)
    "minimum_power",  # too little to be held; see GAP_RULES
    "site",
)
NONE = 0
NOT_A_NUMBER = 1
MINIMUM_ENERGY_GATE = 2
V2X_ENERGY_GATE = 3
MAXIMUM_ENERGY_GATE = 4
CHARGE_AT_ONCE = 5
DEPARTURE = 6
EV_POWER = 7
STATION_POWER = 8
CURRENT = 9
MINIMUM_POWER = 10
SITE = 11

# What becomes of a power between 0 and the minimum that can be held.
GAP_RULES = {
    "zero": 0.0,  # 0
    "nearest": 1.0,  # 0 or the minimum, whichever is nearer
    "hysteresis": 2.0,  # a car that is on stays at the minimum down to half of it; one that is off waits for all of it
    "dither": 3.0,  # the minimum above this EV's own share of it, else 0: with evenly spread shares, linear on average
}


class LimitParams(NamedTuple):
    """Settings of the limiter. Site limits are this plug's share; magnitudes."""

    guarantee_departure: float = 1.0  # 1: the target is reached by departure if it can be; 0: the policy answers for it
    assumed_efficiency: float = 0.9  # plug to cells, for the latest start [-]; a station cannot know it
    departure_margin_s: float = 60.0  # start this long before the latest start
    gap_rule: float = 0.0  # a value of GAP_RULES
    dither_threshold: float = 0.5  # this EV's share, 0 to 1
    site_import_w: float = math.inf
    site_export_w: float = math.inf
    approach_s: float = 10.0  # near an energy bound, power would reach it in this time (or in two loops); 0: full power


def limit(requested_w: float, view: StationView, params: LimitParams) -> tuple[float, int]:
    """Setpoint [W at the plug] for a requested power, and the code of the reason in REASONS."""
    # Taking the view apart once costs a fifth of naming its fields one by one.
    (
        _, elapsed_s, _, _, _, _, _,
        target_wh, maximum_wh, minimum_wh, _, minimum_v2x_wh, departure_s,
        maximum_charge_w, minimum_charge_w, maximum_discharge_w, minimum_discharge_w,
        voltage_v, _, previous_w, station_charge_w, station_discharge_w, maximum_charge_a, maximum_discharge_a, _, _,
    ) = view  # fmt: skip
    setpoint_w = requested_w
    reason = NONE
    if requested_w != requested_w:  # the driver's guarantees below still hold
        setpoint_w = 0.0
        reason = NOT_A_NUMBER

    # Energy gates. A power that would cross the bound before the next decisions is reduced in time: a car resting at
    # its minimum would otherwise swing between full discharge and charge-at-once in every other loop.
    approach_s = 2.0 * elapsed_s
    if params.approach_s > approach_s:
        approach_s = params.approach_s
    w_per_wh = 3600.0 / approach_s if params.approach_s > 0.0 else math.inf
    if setpoint_w < 0.0:
        lowest_w = approach_w(0.0 - minimum_wh, w_per_wh)
        if setpoint_w < 0.0 - lowest_w:
            setpoint_w = 0.0 - lowest_w
            reason = MINIMUM_ENERGY_GATE
        if minimum_v2x_wh == minimum_v2x_wh:
            lowest_w = approach_w(0.0 - minimum_v2x_wh, w_per_wh)
            if setpoint_w < 0.0 - lowest_w:
                setpoint_w = 0.0 - lowest_w
                reason = V2X_ENERGY_GATE

    # What the EV and the station allow, known before a guarantee may ask for it.
    highest_w, highest_reason = smallest(maximum_charge_w, station_charge_w, maximum_charge_a, voltage_v)
    if minimum_wh > 0.0:
        if setpoint_w < highest_w:
            setpoint_w = highest_w
            reason = CHARGE_AT_ONCE
    elif params.guarantee_departure != 0.0:
        floor_w = departure_floor_w(target_wh, departure_s, maximum_discharge_w, params, highest_w, w_per_wh)
        if setpoint_w < floor_w:
            setpoint_w = floor_w
            reason = DEPARTURE
    if setpoint_w > 0.0:
        most_w = approach_w(maximum_wh, w_per_wh)
        if setpoint_w > most_w:
            setpoint_w = most_w
            reason = MAXIMUM_ENERGY_GATE

    # Limits.
    if setpoint_w > highest_w:
        setpoint_w = highest_w
        reason = highest_reason
    elif setpoint_w < 0.0:
        lowest_w, lowest_reason = smallest(maximum_discharge_w, station_discharge_w, maximum_discharge_a, voltage_v)
        if setpoint_w < 0.0 - lowest_w:
            setpoint_w = 0.0 - lowest_w
            reason = lowest_reason

    # Minimum power, then the site, which may push a power back below the minimum: then it is 0.
    if setpoint_w > 0.0:
        if setpoint_w < minimum_charge_w:
            setpoint_w = gap_w(setpoint_w, minimum_charge_w, highest_w, previous_w, params)
            reason = MINIMUM_POWER
        if setpoint_w > params.site_import_w:
            setpoint_w = params.site_import_w if params.site_import_w >= minimum_charge_w else 0.0
            reason = SITE
    elif setpoint_w < 0.0:
        if setpoint_w > 0.0 - minimum_discharge_w:
            size_w = gap_w(0.0 - setpoint_w, minimum_discharge_w, lowest_w, 0.0 - previous_w, params)
            setpoint_w = 0.0 - size_w
            reason = MINIMUM_POWER
        if setpoint_w < 0.0 - params.site_export_w:
            setpoint_w = 0.0 - params.site_export_w if params.site_export_w >= minimum_discharge_w else 0.0
            reason = SITE
    return setpoint_w, reason


def approach_w(distance_wh: float, w_per_wh: float) -> float:
    """Power that leads to an energy bound `distance_wh` away but not over it [W]; 0 at the bound and beyond.

    `w_per_wh`: the inverse of the time in which it would be reached; infinite where power need not fall.
    """
    return distance_wh * w_per_wh if distance_wh > 0.0 else 0.0


def smallest(ev_w: float, station_w: float, current_a: float, voltage_v: float) -> tuple[float, int]:
    """The narrowest of three limits [W] and its reason; never negative. Without a voltage (AC) no current counts."""
    limit_w = ev_w
    reason = EV_POWER
    if station_w < limit_w:
        limit_w = station_w
        reason = STATION_POWER
    if voltage_v == voltage_v and current_a * voltage_v < limit_w:
        limit_w = current_a * voltage_v
        reason = CURRENT
    return (limit_w if limit_w > 0.0 else 0.0), reason


def departure_floor_w(
    target_wh: float,
    departure_s: float,
    maximum_discharge_w: float,
    params: LimitParams,
    highest_w: float,
    w_per_wh: float,
) -> float:
    """Least power that still leaves with the target by departure [W]; minus infinity while there is time.

    Slack is the time to departure less the time that full power needs; energy above the target adds to it. At
    `departure_margin_s` of slack the floor is full power until the target is reached. From twice that slack on it rises
    linearly from full discharge, so that the guarantee takes over smoothly: a hard switch would hand power back and
    forth between policy and guarantee in every loop. Above the target, the floor only keeps what is there.
    """
    if not (highest_w > 0.0 and departure_s < math.inf):
        return -math.inf
    needed_s = 3600.0 * target_wh / (params.assumed_efficiency * highest_w)
    slack_s = departure_s - needed_s - params.departure_margin_s
    if slack_s > 0.0 and slack_s >= params.departure_margin_s:
        return -math.inf
    if target_wh <= 0.0:
        return 0.0 - approach_w(0.0 - target_wh, w_per_wh)
    if slack_s <= 0.0:
        return highest_w
    return highest_w - (highest_w + maximum_discharge_w) * (slack_s / params.departure_margin_s)


def gap_w(size_w: float, minimum_w: float, highest_w: float, previous_w: float, params: LimitParams) -> float:
    """What becomes of a power between 0 and the minimum that can be held; magnitudes [W].

    `previous_w` counts positive in the direction of `size_w`. A limit below the minimum leaves only 0.
    """
    if minimum_w > highest_w or params.gap_rule == 0.0:
        return 0.0
    if params.gap_rule == 1.0:
        return minimum_w if size_w > 0.5 * minimum_w else 0.0
    if params.gap_rule == 2.0:
        return minimum_w if previous_w > 0.0 and size_w > 0.5 * minimum_w else 0.0
    return minimum_w if size_w > params.dither_threshold * minimum_w else 0.0
