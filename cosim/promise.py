"""Scheduled mode, the vehicle's side: it follows what it has promised."""

import math
from typing import TYPE_CHECKING

from protocol.iso20.codes import ResponseCode
from protocol.iso20.evcc import EVCC, Offer, OfferAside
from protocol.iso20.profiles import Profile, Schedule, follow, power_at_w
from protocol.iso20.sequence import State

if TYPE_CHECKING:
    from cosim.ev_loop import EvInLoop

_VIOLATION = ResponseCode.WARNING_EV_POWER_PROFILE_VIOLATION
ANSWERS = {"confirmed": True, "refused": False, "unsaid": None}  # to the station's PowerTolerance


def aside(ev: "EvInLoop", said: Offer, now_ns: int) -> OfferAside:
    """The promise for the next start, and on DC the current that keeps the one in force."""
    evcc = ev.evcc
    profile = None
    if evcc.schedules and evcc.state is not State.CHARGE_LOOP:
        profile = _promise(evcc, evcc.schedules[0], said, now_ns)
        if not math.isnan(evcc.schedules[0].tolerance_w):
            profile = profile._replace(tolerance_confirmed=ANSWERS[ev.stage.scenario.ev.power_tolerance])
    target_a = 0.0
    if ev.is_dc and evcc.profile is not None and not ev.leaving and said.present_v > 0.0:
        target_a = ev.profile_factor * promised_w(evcc, now_ns) / said.present_v
    return OfferAside(target_a=target_a, profile=profile)


def _promise(evcc: EVCC, schedule: Schedule, said: Offer, now_ns: int) -> Profile:
    """Take as much of the schedule as the car can: a station that grants discharging only is helped out."""
    anchor_s = evcc.clock_s(now_ns)
    length_s = sum(step.duration_s for step in schedule.charging)
    left_s = max(1.0, float(math.ceil(schedule.anchor_s + length_s - anchor_s)))
    gives = bool(schedule.discharging) and power_at_w(schedule.charging, 0.0) <= 0.0
    steps = follow(
        schedule,
        -math.inf if gives else math.inf,
        said.maximum_charge_w,
        said.maximum_discharge_w if said.minimum_energy_wh < 0.0 else 0.0,
        left_s,
        float(anchor_s - schedule.anchor_s),
    )
    return Profile(schedule.tuple_id, anchor_s, steps)


def promised_w(evcc: EVCC, now_ns: int) -> float:
    """Power that the promise in force names for now."""
    profile = evcc.profile
    if profile is None:
        return 0.0
    return power_at_w(profile.steps, float(evcc.clock_s(now_ns) - profile.anchor_s))


def reconsiders(ev: "EvInLoop", now_ns: int) -> bool:
    """Take note, once for each promise, of a warning that it is broken; whether the vehicle asks for a new schedule."""
    evcc = ev.evcc
    warning, evcc.warning = evcc.warning, None
    if warning is not _VIOLATION or evcc.profile is ev.warned:
        return False
    ev.warned = evcc.profile
    renegotiates = ev.stage.scenario.ev.profile_warning_answer == "renegotiate"
    told = "asks for a new schedule" if renegotiates else "goes on"
    ev.stage.recorder.event(now_ns, ev.visit.ev_id, "profile_warned", told)
    if renegotiates:
        evcc.renegotiate_schedule()
    return renegotiates
