"""A station switches power: on and off as PowerDelivery asks, within the answer time, and its contactor with it.

The functions are part of `Station`, written apart: they work on its state.
"""

from typing import TYPE_CHECKING, Any

from cosim.car import Car
from cosim.driver import DECIDE, Answer, At, place
from cosim.evse_notices import delay_s, obeyed
from cosim.scenario import to_ns
from protocol.iso20.answers import Answer as Statement
from protocol.iso20.codes import ChargeProgress, ResponseCode
from protocol.iso20.secc import SECC
from protocol.iso20.sequence import State

if TYPE_CHECKING:
    from cosim.evse import Station

NO_POWER_W = 1.0  # below this a contactor may open
PILOT_C_S = 0.25  # pilot state C or D after the first PowerDeliveryReq(Start), V2G20-847


def answer_power_delivery(station: "Station", progress: ChargeProgress, answer: Answer[Any], car: Car) -> None:
    """PowerDeliveryRes has no Ongoing: the answer waits until contactor or ramp are done."""
    env, section = station.stage.env, station.stage.scenario.evse
    ready_ns = env.now_ns
    granted = station.secc.settings.standby and station.secc.state is not State.STANDBY
    if progress is not ChargeProgress.STANDBY or granted:
        obeyed(station, progress)
    if progress is ChargeProgress.START and not station.contactor_closed:
        pilot_s = min(station.stage.scenario.ev.cp_response_s, PILOT_C_S)
        ready_ns += to_ns(pilot_s + (0.0 if station.is_dc else section.contactor_close_s))
    elif progress is not ChargeProgress.START and progress is not ChargeProgress.SCHEDULE_RENEGOTIATION:
        station.regulating = False
        if station.is_dc and (car.power_w(env.now_ns) != 0.0 or not car.holds_from(env.now_ns)):
            car.ramp_off(env.now_ns)  # drops a setpoint that still waits for its reaction delay, too
        opens = progress is ChargeProgress.STOP and not station.is_dc
        ready_ns = max(ready_ns, car.end_ns) + (to_ns(section.contactor_open_s) if opens else 0)
    if ready_ns > env.now_ns:
        answer.expect()
        secc = station.secc
        At(env, ready_ns, place(DECIDE, station.evse_id), lambda _: _deliver_power(station, secc, progress, answer))
    else:
        _deliver_power(station, station.secc, progress, answer)


def _deliver_power(station: "Station", secc: SECC, progress: ChargeProgress, answer: Answer[Any]) -> None:
    now_ns = station.stage.env.now_ns
    car = station.car
    if secc.ended is not None or car is None:
        return
    failure = _switch(station, progress, car, now_ns)
    statement = Statement(
        failure=failure, notification=station.notification, notification_max_delay_s=delay_s(station, now_ns)
    )
    station._send(secc.respond(statement, now_ns), answer, now_ns)
    if failure is not None:
        station.lose(failure.value)


def _switch(station: "Station", progress: ChargeProgress, car: Car, now_ns: int) -> ResponseCode | None:
    """Power on, down, or off; returns why it cannot be."""
    if progress is ChargeProgress.SCHEDULE_RENEGOTIATION:
        return None
    if progress is ChargeProgress.START:
        if station.stage.scenario.ev.cp_response_s > PILOT_C_S:
            return ResponseCode.FAILED  # V2G20-847
        if station.contactor_stuck and not station.contactor_closed:
            return ResponseCode.FAILED_CONTACTOR_ERROR
        station.contactor_closed = True
        station.began_ns = None
        car.energised = True
        return None
    if progress is ChargeProgress.STANDBY and not station.secc.settings.standby:
        return None  # declined: power stays as it is
    station.control.end(now_ns)
    station.begun = False
    if abs(car.power_w(now_ns)) > NO_POWER_W:
        return ResponseCode.FAILED_POWER_DELIVERY_NOT_APPLIED
    if progress is ChargeProgress.STANDBY:
        car.energised = False  # the contactor stays closed
    elif station.contactor_stuck:
        car.energised = False
        return ResponseCode.FAILED_CONTACTOR_ERROR
    else:
        open_contactor(station, "stop")
    return None


def open_contactor(station: "Station", cause: str) -> None:
    """Open; under load only an injected cause makes it legal."""
    now_ns = station.stage.env.now_ns
    car = station.car
    if car is not None:
        power_w = car.power_w(now_ns)
        if abs(power_w) > NO_POWER_W:
            detail = f"EVSE{station.evse_id:03d} at {power_w:.0f} W ({cause})"
            station.stage.recorder.event(now_ns, station.evse_id, "opened_under_load", station.blamed(detail))
            if not station.injected:
                station.stage.checks.broken("contactor_load", f"{detail} at {now_ns * 1e-9:.3f} s")
            car.cut(now_ns)
        car.energised = False
    station.contactor_closed = False
