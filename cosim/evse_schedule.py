"""What a station offers over time: the schedule in Scheduled mode, and the needs that it settles for the vehicle.

The functions are part of `Station`, written apart: they work on its state.
"""

import math
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from cosim.car import Car
from cosim.control import at_meter_w, direct
from cosim.evse_notices import notify
from cosim.kind import Kind
from cosim.offer import as_told
from cosim.on_phases import EACH, L1, NOT_STATED, wired_phase
from cosim.scenario import NS, to_ns
from protocol.iso20.answers import NOTHING_ASIDE, AnswerAside
from protocol.iso20.codes import ControlMode, EVSENotification
from protocol.iso20.needs import MobilityNeeds
from protocol.iso20.profiles import PowerStep, Schedule

if TYPE_CHECKING:
    from cosim.evse import Station


class Needs(NamedTuple):
    """What the station settles for the vehicle (MobilityNeedsMode 2); negative: nothing said."""

    departure_ns: int = -1
    target_soc: float = -1.0
    minimum_soc: float = -1.0


def settled(station: "Station", kind: Kind) -> Kind:
    """The kind with what both sides have agreed on: ratings at the AC meter, and how powers are said."""
    secc = station.secc
    assert secc.agreed is not None, "the loop comes after ServiceSelection"
    assert secc.said.ratings is not None, "ratings are exchanged before the loop"
    charge_w = min(secc.said.ratings.maximum_charge_w, kind.station_charge_w)
    discharge_w = min(secc.said.ratings.maximum_discharge_w, kind.station_discharge_w)
    is_bpt, per_phase = secc.agreed.service.is_bpt, secc.agreed.per_phase and not secc.agreed.single_phase
    stage = station.stage
    phases = stage.recorder.phases
    if phases is not None:
        one = L1 + wired_phase(stage.scenario.evse, station.evse_id)
        phases.note(station.evse_id, EACH if per_phase else one if secc.agreed.single_phase else NOT_STATED)
    terms = (id(kind), charge_w, discharge_w, is_bpt, per_phase)
    known = stage.settled_kinds.get(terms)
    if known is None:
        settled = as_told(
            replace(
                kind,
                is_bpt=is_bpt,
                per_phase=per_phase,
                rated_w=at_meter_w(kind, charge_w),
                rated_discharge_w=0.0 - at_meter_w(kind, 0.0 - discharge_w),
            )
        )
        stage.settled_kinds[terms] = known = (kind, stage.kinds.setdefault(settled, settled))
    return known[1]


def schedule_aside(station: "Station", car: Car, now_ns: int) -> AnswerAside:
    """What ScheduleExchangeRes carries besides: the schedule in Scheduled mode, needs with MobilityNeedsMode 2.

    The schedule grants what the station wants at the moment, for as long as it reaches: the policy's power in the
    loop, the plan before it.
    """
    secc = station.secc
    assert secc.agreed is not None, "schedules come after ServiceSelection"
    if secc.agreed.control_mode is not ControlMode.SCHEDULED:
        needs = stated_needs(station, now_ns)
        return NOTHING_ASIDE if needs is None else AnswerAside(needs=needs)
    if not station.begun:
        car.kind = settled(station, car.kind)
        station.control.plan(car.kind, secc.said, now_ns)
    station.scheduled_ns = now_ns
    wanted_w = station.control.plug_w if station.begun else station.control.scheduled_w
    horizon_s = station.stage.scenario.secc.schedule_horizon_s
    charging = (PowerStep(horizon_s, wanted_w if wanted_w > 0.0 else 0.0),)
    discharging = (PowerStep(horizon_s, wanted_w if wanted_w < 0.0 else 0.0),)
    anchor_s = station.stage.epoch_s + now_ns // NS
    is_bpt = secc.agreed.service.is_bpt
    tolerance_w = station.stage.scenario.secc.power_tolerance_w
    return AnswerAside(
        schedules=(
            Schedule(
                1, anchor_s, charging, discharging if is_bpt else (), math.nan if tolerance_w is None else tolerance_w
            ),
        )
    )


def follow_vehicle(station: "Station", car: Car, now_ns: int) -> None:
    """Scheduled mode: the vehicle leads, on DC by its current; a schedule that no longer fits is renegotiated."""
    said, secc = station.secc.said, station.secc
    if station.is_dc:
        limit_w = car.kind.station_charge_w if said.target_a > 0.0 else car.kind.station_discharge_w
        asked_w = said.target_a * car.voltage_v(car.power_w(now_ns))  # current is what it regulates
        car.make_room()
        direct(car, car.kind, car.sums, said, min(max(asked_w, -limit_w), limit_w), now_ns)
    section = station.stage.scenario.secc
    if station.notification is not None or now_ns - station.scheduled_ns < to_ns(section.reschedule_every_s):
        return
    schedule = secc.schedules[0]
    granted_w = schedule.charging[0].power_w + (schedule.discharging[0].power_w if schedule.discharging else 0.0)
    if abs(station.control.plug_w - granted_w) > section.reschedule_if_w:
        notify(station, EVSENotification.SCHEDULE_RENEGOTIATION, now_ns + section.notification_max_delay_s * NS)
        detail = f"ScheduleRenegotiation: {granted_w:.0f} W granted, {station.control.plug_w:.0f} W wanted"
        station.stage.recorder.event(now_ns, station.evse_id, "notified", detail)


def stated_needs(station: "Station", now_ns: int) -> MobilityNeeds | None:
    """Departure and charge as the station wants them, for the wire."""
    needs = station.needs
    if needs is None:
        return None
    left_ns = max(needs.departure_ns - now_ns, 0)
    return MobilityNeeds(
        departure_s=None if needs.departure_ns < 0 else -(-left_ns // NS),
        minimum_soc=None if needs.minimum_soc < 0.0 else round(100.0 * needs.minimum_soc),
        target_soc=None if needs.target_soc < 0.0 else round(100.0 * needs.target_soc),
        ack_max_delay_s=station.stage.scenario.secc.ack_max_delay_s,
    )
