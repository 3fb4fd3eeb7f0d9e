"""What a station says outside the charge loop. Phases that are polled take their time.

The functions are part of `Station`, written apart: they work on its state.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from cosim.car import Car
from cosim.evse_notices import said_departure_s
from cosim.evse_schedule import schedule_aside
from protocol.iso20.answers import NOTHING_ASIDE
from protocol.iso20.answers import Answer as Statement
from protocol.iso20.codes import Processing, ResponseCode
from protocol.iso20.common import AuthorizationReq, ScheduleExchangeReq
from protocol.iso20.dc import DCCableCheckReq, DCPreChargeReq, DCWeldingDetectionReq
from protocol.iso20.metering import MeteringConfirmationReq
from protocol.schema import ComplexType

if TYPE_CHECKING:
    from cosim.evse import Station


FINISHED = Statement()  # nothing to say but that it is done
ONGOING = Statement(Processing.ONGOING)
AUTHORIZING = Statement(Processing.ONGOING_WAITING_FOR_CUSTOMER_INTERACTION)


def statement(station: "Station", kind: type[ComplexType], car: Car, now_ns: int) -> Statement:
    """What the station states outside the loop; polled phases take their time."""
    state = STATEMENTS.get(kind)
    return FINISHED if state is None else state(station, car, now_ns)


def _since_s(station: "Station", kind: type[ComplexType], now_ns: int) -> float:
    """How long the phase of a polled request has lasted [s]."""
    if station.began_ns is None:
        station.began_ns = {}
    return (now_ns - station.began_ns.setdefault(kind, now_ns)) * 1e-9


def is_authorizing(station: "Station", now_ns: int) -> bool:
    """Whether nobody has said yet who pays."""
    return _since_s(station, AuthorizationReq, now_ns) < station.stage.scenario.evse.authorization_s


def checks_cable(station: "Station", now_ns: int) -> bool:
    """Whether insulation is still being measured."""
    return _since_s(station, DCCableCheckReq, now_ns) < station.stage.scenario.evse.cable_check_s


def precharge_v(station: "Station", now_ns: int) -> float:
    """The voltage on the cable rises to what the vehicle wants."""
    risen_v = station.stage.scenario.evse.precharge_v_per_s * _since_s(station, DCPreChargeReq, now_ns)
    return min(station.secc.said.target_v, risen_v)


def _authorization(station: "Station", car: Car, now_ns: int) -> Statement:
    return AUTHORIZING if is_authorizing(station, now_ns) else FINISHED


def _cable_check(station: "Station", car: Car, now_ns: int) -> Statement:
    if checks_cable(station, now_ns):
        return ONGOING
    return Statement(failure=ResponseCode.FAILED) if station.isolation_fault else FINISHED


def _pre_charge(station: "Station", car: Car, now_ns: int) -> Statement:
    return Statement(Processing.FINISHED, precharge_v(station, now_ns))


def _welding_detection(station: "Station", car: Car, now_ns: int) -> Statement:
    """The voltage on the cable falls to zero."""
    since_s = _since_s(station, DCWeldingDetectionReq, now_ns)
    left = 1.0 - since_s / station.stage.scenario.evse.voltage_collapse_s
    return Statement(Processing.FINISHED, max(0.0, car.voltage_v(0.0) * left))


def _schedule_exchange(station: "Station", car: Car, now_ns: int) -> Statement:
    """A plan is made, or made anew: what was asked for has been done."""
    station.planned_departure_s = said_departure_s(station)
    station.notification = None
    station.control.hold_at_zero = False
    if station.begun:
        station.control.plan(car.kind, station.secc.said, now_ns)
    aside, section = schedule_aside(station, car, now_ns), station.stage.scenario.secc
    looks_s = min(section.schedule_exchange_s, section.ongoing_limit_s)  # then the plan at hand has to do
    if looks_s > 0.0 and _since_s(station, ScheduleExchangeReq, now_ns) < looks_s:
        return Statement(Processing.ONGOING, aside=aside)
    return FINISHED if aside is NOTHING_ASIDE else Statement(aside=aside)


def _metering_confirmation(station: "Station", car: Car, now_ns: int) -> Statement:
    station.notification = None
    station.stage.recorder.event(now_ns, station.evse_id, "metering_confirmed", "")
    return FINISHED


# What is more than FINISHED, by request.
STATEMENTS: Mapping[type[ComplexType], Callable[["Station", Car, int], Statement]] = {
    AuthorizationReq: _authorization,
    ScheduleExchangeReq: _schedule_exchange,
    DCCableCheckReq: _cable_check,
    DCPreChargeReq: _pre_charge,
    MeteringConfirmationReq: _metering_confirmation,
    DCWeldingDetectionReq: _welding_detection,
}
