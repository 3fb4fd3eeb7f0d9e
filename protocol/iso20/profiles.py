"""Power over time in Scheduled mode: what the station offers, what the EV promises, and whether the promise fits.

On the wire a schedule is a list of steps from a time anchor in Unix seconds, charging and discharging apart. Here it is
plain floats; power is positive into the vehicle, so a discharging schedule is turned to negative power on reading.
"""

import math
from typing import Any, Final, NamedTuple

from protocol.iso20.codes import PowerToleranceAcceptance
from protocol.iso20.common import EVPowerProfile, EVPowerProfileEntryList, ScheduledEVPPTControlMode
from protocol.iso20.schedules import (
    ChargingSchedule,
    PowerSchedule,
    PowerScheduleEntry,
    PowerScheduleEntryList,
    ScheduleTuple,
)
from protocol.values import RationalNumber, rational, wire_within

__all__ = [
    "PowerStep",
    "Profile",
    "Schedule",
    "excess_w",
    "follow",
    "power_at_w",
    "power_profile",
    "read_profile",
    "read_tuples",
    "schedule_tuple",
    "slot_at",
]

_NAN: Final = math.nan
_LONGEST_S: Final = 2**32 - 1
_ROUNDING: Final = 1e-9  # of a power: a wire number read back


class PowerStep(NamedTuple):
    """A power for a while; positive into the vehicle."""

    duration_s: float
    power_w: float


class Schedule(NamedTuple):
    """One offer of the station: the most that may be charged, and discharged (negative), over time.

    `tolerance_w` NaN: the station asks for no tolerance. `anchor_s` is Unix time.
    """

    tuple_id: int
    anchor_s: int
    charging: tuple[PowerStep, ...]
    discharging: tuple[PowerStep, ...] = ()
    tolerance_w: float = _NAN


class Profile(NamedTuple):
    """What the EV promises: the schedule it chose, and the power it will take."""

    tuple_id: int
    anchor_s: int
    steps: tuple[PowerStep, ...]
    tolerance_confirmed: bool | None = None  # None: nothing said


def power_at_w(steps: tuple[PowerStep, ...], since_s: float) -> float:
    """Power `since_s` seconds after the anchor; the last step holds on, nothing comes before the first."""
    return slot_at(steps, since_s)[0]


def slot_at(steps: tuple[PowerStep, ...], since_s: float) -> tuple[float, float]:
    """Power as `power_at_w` gives it, and for how many seconds it has been so; 0 before the first step."""
    if not steps or since_s < 0.0:
        return 0.0, 0.0
    for step in steps[:-1]:
        if since_s < step.duration_s:
            return step.power_w, since_s
        since_s -= step.duration_s
    return steps[-1].power_w, since_s


def follow(
    schedule: Schedule, wanted_w: float, charge_w: float, discharge_w: float, horizon_s: float, from_s: float = 0.0
) -> tuple[PowerStep, ...]:
    """Steps within `schedule` that come as near to `wanted_w` as it and the EV's own limits (magnitudes) allow.

    They begin `from_s` seconds after the schedule's anchor and last for `horizon_s`.
    """
    edges = sorted(
        {
            edge - from_s
            for steps in (schedule.charging, schedule.discharging)
            for edge in _edges(steps)
            if 0.0 < edge - from_s < horizon_s
        }
    )
    found: list[PowerStep] = []
    begin_s = 0.0
    for end_s in (*edges, horizon_s):
        high_w = min(power_at_w(schedule.charging, from_s + begin_s), charge_w)
        low_w = max(power_at_w(schedule.discharging, from_s + begin_s), -discharge_w)
        power_w = wire_within(min(max(wanted_w, low_w), high_w))
        if found and found[-1].power_w == power_w:
            found[-1] = PowerStep(found[-1].duration_s + end_s - begin_s, power_w)
        else:
            found.append(PowerStep(end_s - begin_s, power_w))
        begin_s = end_s
    return tuple(found)


def excess_w(profile: Profile, schedule: Schedule) -> float:
    """Most by which the profile leaves the schedule's limits, slot by slot; 0 or less when it keeps them.

    A tolerance the EV has confirmed widens the limits. The last slot of a schedule holds on.
    """
    shift_s = float(profile.anchor_s - schedule.anchor_s)
    slack_w = schedule.tolerance_w if profile.tolerance_confirmed and schedule.tolerance_w > 0.0 else 0.0
    own = _edges(profile.steps)
    end_s = own[-1] if own else 0.0
    limits = [edge - shift_s for steps in (schedule.charging, schedule.discharging) for edge in _edges(steps)]
    worst_w = -math.inf
    for at_s in sorted({0.0, *own[:-1], *(edge for edge in limits if 0.0 < edge < end_s)}):
        power_w = power_at_w(profile.steps, at_s)
        high_w = power_at_w(schedule.charging, at_s + shift_s)
        low_w = power_at_w(schedule.discharging, at_s + shift_s)
        over_w = max(power_w - high_w, low_w - power_w) - slack_w - _ROUNDING * abs(power_w)
        worst_w = max(worst_w, over_w)
    return worst_w


def _edges(steps: tuple[PowerStep, ...]) -> list[float]:
    """Where each step ends, in seconds after the first one began."""
    edges, at_s = [], 0.0
    for step in steps:
        at_s += step.duration_s
        edges.append(at_s)
    return edges


# --- to the wire and back ---------------------------------------------------------------------------------------------


def schedule_tuple(schedule: Schedule) -> ScheduleTuple:
    """An offer as ScheduleExchangeRes carries it; discharging powers go out as magnitudes, as the limits do."""
    return ScheduleTuple(
        schedule_tuple_id=schedule.tuple_id,
        charging_schedule=_charging_schedule(schedule, schedule.charging, 1.0),
        discharging_schedule=_charging_schedule(schedule, schedule.discharging, -1.0) if schedule.discharging else None,
    )


def _charging_schedule(schedule: Schedule, steps: tuple[PowerStep, ...], sign: float) -> ChargingSchedule:
    tolerance_w = schedule.tolerance_w
    return ChargingSchedule(
        power_schedule=PowerSchedule(
            time_anchor=schedule.anchor_s,
            power_tolerance=None if math.isnan(tolerance_w) else rational(tolerance_w),
            power_schedule_entries=PowerScheduleEntryList(
                power_schedule_entry=tuple(_entry(step.duration_s, sign * step.power_w) for step in steps)
            ),
        )
    )


def _entry(duration_s: float, power_w: float) -> PowerScheduleEntry:
    return PowerScheduleEntry(duration=int(min(duration_s, _LONGEST_S)), power=rational(power_w))


def read_tuples(tuples: tuple[ScheduleTuple, ...]) -> tuple[Schedule, ...]:
    """The offers of a ScheduleExchangeRes; powers summed over the phases, discharging negative."""
    return tuple(
        Schedule(
            tuple_id=offer.schedule_tuple_id,
            anchor_s=offer.charging_schedule.power_schedule.time_anchor,
            charging=_steps(offer.charging_schedule.power_schedule, 1.0),
            discharging=()
            if offer.discharging_schedule is None
            else _steps(offer.discharging_schedule.power_schedule, -1.0),
            tolerance_w=_number(offer.charging_schedule.power_schedule.power_tolerance),
        )
        for offer in tuples
    )


def _steps(schedule: PowerSchedule, sign: float) -> tuple[PowerStep, ...]:
    entries = schedule.power_schedule_entries.power_schedule_entry
    return tuple(PowerStep(float(entry.duration), sign * abs(_summed(entry))) for entry in entries)


def _summed(entry: Any) -> float:
    """Power of an entry over all phases: an element alone is the sum already."""
    power: float = entry.power.number
    for phase in (entry.power_l2, entry.power_l3):
        if phase is not None:
            power += phase.number
    return power


def _number(value: RationalNumber | None) -> float:
    return _NAN if value is None else value.number


def power_profile(profile: Profile) -> EVPowerProfile:
    """The promise as PowerDeliveryReq carries it; power keeps its sign."""
    acceptance = None
    if profile.tolerance_confirmed is not None:
        acceptance = (
            PowerToleranceAcceptance.POWER_TOLERANCE_CONFIRMED
            if profile.tolerance_confirmed
            else PowerToleranceAcceptance.POWER_TOLERANCE_NOT_CONFIRMED
        )
    return EVPowerProfile(
        time_anchor=profile.anchor_s,
        control_mode=ScheduledEVPPTControlMode(
            selected_schedule_tuple_id=profile.tuple_id, power_tolerance_acceptance=acceptance
        ),
        ev_power_profile_entries=EVPowerProfileEntryList(
            ev_power_profile_entry=tuple(_entry(step.duration_s, step.power_w) for step in profile.steps)
        ),
    )


def read_profile(profile: EVPowerProfile) -> Profile:
    """The promise of a Scheduled PowerDeliveryReq."""
    mode = profile.control_mode
    assert isinstance(mode, ScheduledEVPPTControlMode)
    acceptance = mode.power_tolerance_acceptance
    return Profile(
        tuple_id=mode.selected_schedule_tuple_id,
        anchor_s=profile.time_anchor,
        steps=tuple(
            PowerStep(float(entry.duration), _summed(entry))
            for entry in profile.ev_power_profile_entries.ev_power_profile_entry
        ),
        tolerance_confirmed=None
        if acceptance is None
        else acceptance is PowerToleranceAcceptance.POWER_TOLERANCE_CONFIRMED,
    )
