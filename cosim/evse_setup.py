"""What a station says outside the charge loop. Phases that are polled take their time.

The functions are part of `Station`, written apart: they work on its state.
"""

from typing import TYPE_CHECKING

from cosim.car import Car
from cosim.evse_notices import said_departure_s
from cosim.evse_schedule import schedule_aside
from protocol.iso20.answers import Answer as Statement
from protocol.iso20.codes import Processing, ResponseCode
from protocol.iso20.common import AuthorizationReq, ScheduleExchangeReq
from protocol.iso20.dc import DCCableCheckReq, DCPreChargeReq, DCWeldingDetectionReq
from protocol.iso20.metering import MeteringConfirmationReq

if TYPE_CHECKING:
    from cosim.evse import Station


def statement(station: "Station", kind: type, car: Car) -> Statement:
    """What the station states outside the loop; polled phases take their time."""
    now_ns = station.stage.env.now_ns
    section = station.stage.scenario.evse
    since_s = (now_ns - station.began_ns.setdefault(kind, now_ns)) * 1e-9
    processing = Processing.FINISHED
    present_v = 0.0
    if kind is AuthorizationReq and since_s < section.authorization_s:
        processing = Processing.ONGOING_WAITING_FOR_CUSTOMER_INTERACTION
    elif kind is DCCableCheckReq and since_s < section.cable_check_s:
        processing = Processing.ONGOING
    elif kind is DCCableCheckReq and station.isolation_fault:
        return Statement(failure=ResponseCode.FAILED)
    elif kind is MeteringConfirmationReq:
        station.notification = None
        station.stage.recorder.event(now_ns, station.evse_id, "metering_confirmed", "")
    elif kind is DCPreChargeReq:
        present_v = min(station.secc.said.target_v, section.precharge_v_per_s * since_s)
    elif kind is DCWeldingDetectionReq:
        present_v = max(0.0, car.voltage_v(0.0) * (1.0 - since_s / section.voltage_collapse_s))
    elif kind is ScheduleExchangeReq:
        station.planned_departure_s = said_departure_s(station)
        station.notification = None
        station.control.hold_at_zero = False
        if station.begun:
            station.control.plan(car.kind, station.secc.said, now_ns)
        return Statement(aside=schedule_aside(station, car, now_ns))
    return Statement(processing=processing, present_v=present_v)
