"""Scheduled mode: whether the vehicle keeps its promise. The station compares its meter with the EVPowerProfile.

A vehicle that does not is warned in each response of the loop (WARNING_EVPowerProfileViolation) and goes on charging;
what tolerance, patience and measure are is not sourced, so they are parameters of `[secc]`. The functions are part of
`Station`, written apart: they work on its state.
"""

import math
from typing import TYPE_CHECKING

from cosim.scenario import NS, to_ns
from protocol.iso20.codes import ResponseCode
from protocol.iso20.profiles import Profile, Schedule, slot_at

if TYPE_CHECKING:
    from cosim.evse import Station


def judge_profile(station: "Station", power_w: float, now_ns: int) -> ResponseCode | None:
    """The code of a promise that is broken now: a warning, or a failure when patience is over; None if it is kept.

    `power_w` is what flows at the plug; the station knows what its meter makes of it.
    """
    secc, section = station.secc, station.stage.scenario.secc
    profile = secc.profile
    if profile is None:
        return None
    promised_w, since_s = slot_at(profile.steps, station.stage.epoch_s + now_ns / NS - profile.anchor_s)
    measured_w = power_w * station.meter_factor
    tolerance_w = _tolerance_w(profile, secc.schedules, section.profile_tolerance_w)
    off_w = _off_w(station, promised_w, measured_w)
    if since_s < section.profile_grace_s or off_w <= tolerance_w:  # reaction, wake-up and ramp take their time
        if station.violated_ns >= 0:
            station.violated_ns = -1
            station.stage.recorder.event(now_ns, station.evse_id, "profile_kept", f"{promised_w:.0f} W promised")
        return None
    if station.violated_ns < 0:
        station.violated_ns = now_ns
        detail = f"{measured_w:.0f} W measured, {promised_w:.0f} W promised, tolerance {tolerance_w:.0f} W"
        station.stage.recorder.event(now_ns, station.evse_id, "profile_violation", station.blamed(detail))
    patience_s = section.profile_patience_s
    if patience_s is not None and now_ns - station.violated_ns >= to_ns(patience_s):
        return ResponseCode.FAILED_EV_POWER_PROFILE_VIOLATION
    return ResponseCode.WARNING_EV_POWER_PROFILE_VIOLATION


def _tolerance_w(profile: Profile, schedules: tuple[Schedule, ...], otherwise_w: float) -> float:
    """What both sides have agreed on, or what the station allows by itself."""
    if not profile.tolerance_confirmed:
        return otherwise_w
    agreed_w = next((one.tolerance_w for one in schedules if one.tuple_id == profile.tuple_id), math.nan)
    return otherwise_w if math.isnan(agreed_w) else agreed_w


def _off_w(station: "Station", promised_w: float, measured_w: float) -> float:
    """By how much the promise is broken [W]; 0 or less if it is kept."""
    if station.stage.scenario.secc.profile_breach == "either":
        said = station.secc.said  # a vehicle that leaves, or whose battery is full, says so and may come down
        can_w = min(max(promised_w, -said.maximum_discharge_w), said.maximum_charge_w)
        return max(measured_w - max(promised_w, can_w), min(promised_w, can_w) - measured_w)
    if promised_w >= 0.0:
        return max(measured_w - promised_w, -measured_w)
    return max(promised_w - measured_w, measured_w)
