"""The station in the charge loop: it decides, in DC moves its converter, answers, and records.

The functions are part of `Station`, written apart: they work on its state. It knows of the vehicle only what messages
carried and what it measured itself; what it decides comes from `cosim/control.py`.
"""

from typing import TYPE_CHECKING, Any

from cosim.car import Car, voltage_at_v
from cosim.car import power_w as power_now_w
from cosim.chosen import is_within
from cosim.control import at_meter_w, direct
from cosim.driver import REGULATE, Answer, At, place
from cosim.evse_notices import delay_s, look_at_departure
from cosim.evse_profile import judge_profile
from cosim.evse_schedule import follow_vehicle, settled, stated_needs
from models.car.converter import loss_w
from models.control.limits import CURRENT, EV_POWER, STATION_POWER
from models.draws import stream_key, uniform
from protocol.iso20.answers import Answer as Statement
from protocol.iso20.answers import AnswerAside
from protocol.iso20.codes import ControlMode, Processing
from protocol.iso20.sequence import State

if TYPE_CHECKING:
    from cosim.evse import Station


def answer_loop(station: "Station", answer: Answer[Any], car: Car, now_ns: int) -> None:
    """A turn: decide, move what is the station's to move, answer, record."""
    secc, control = station.secc, station.control
    if not station.begun:
        station.begun = True
        assert secc.agreed is not None, "the loop comes after ServiceSelection"
        station.scheduled = secc.agreed.control_mode is ControlMode.SCHEDULED
        car.kind = settled(station, car.kind)
        control.plan(car.kind, secc.said, now_ns)
        if station.is_dc and station.stage.scenario.evse.dc_regulation == "periodic":
            _begin_regulation(station, now_ns)
    if station.renegotiate_if_s is not None and station.notification is None:
        look_at_departure(station, now_ns)
    power_w = power_now_w(car, car.kind, car.sums, now_ns)
    changed = not station.regulating and control.decide(car, secc.said, power_w, now_ns)
    if station.scheduled:
        follow_vehicle(station, car, now_ns)
        station.verdict = judge_profile(station, power_w, now_ns)
    elif changed and station.is_dc:
        _command(station, car, now_ns)
    response = _say_dc(station, car, power_w, now_ns) if station.is_dc else _say_ac(station, car, power_w, now_ns)
    station._send(response, answer, now_ns, station.in_full)
    if station.scheduled and secc.ended is not None and station.verdict is not None:
        station.lose(station.verdict.value)
        return
    if changed and station.record_setpoints:
        arrives_in_time = station.arrival_ns < answer.deadline_ns
        _record_setpoint(station, now_ns, now_ns if station.is_dc else station.arrival_ns if arrives_in_time else -1)
    if (
        station.loops_every
        and station.loops % station.loops_every == 0
        and is_within(station.stage.recorded_ns, now_ns)
    ):
        _record_loop(station, car, now_ns)
    station.loops += 1
    car.sums.exchanges += 1


def _command(station: "Station", car: Car, now_ns: int) -> None:
    """DC: tell the converter. Limits of zero announce the end: then it ramps off at once."""
    car.make_room()
    direct(car, car.kind, car.sums, station.secc.said, station.control.plug_w, now_ns)


def _say_ac(station: "Station", car: Car, power_w: float, now_ns: int) -> Any:
    """The setpoint, and the power that is measured."""
    secc, target_w = station.secc, station.control.plug_w
    if station.notification is None and not secc.meter_owed and station.needs is None and station.verdict is None:
        return secc.answer_ac(target_w, power_w, now_ns)
    return secc.respond(_with_meter(station, car, Statement(present_w=power_w, target_w=target_w)), now_ns)


def _say_dc(station: "Station", car: Car, power_w: float, now_ns: int) -> Any:
    """Limits, and the working point. The limits are those of the hardware; no site limits them further yet."""
    secc, limits, reason = station.secc, station.dc_limits, station.control.reason
    voltage_v = voltage_at_v(car.kind, car.soc_seen, power_w)  # the battery as it was at the vehicle's last offer
    current_a = power_w / voltage_v
    by_power, by_current = reason in (EV_POWER, STATION_POWER), reason == CURRENT
    if station.notification is None and not secc.meter_owed and station.needs is None and station.verdict is None:
        return secc.answer_dc(voltage_v, current_a, limits, by_power, by_current, now_ns)
    statement = Statement(Processing.FINISHED, voltage_v, current_a, power_w, 0.0, *limits, by_power, by_current)
    return secc.respond(_with_meter(station, car, statement), now_ns)


def _with_meter(station: "Station", car: Car, statement: Statement) -> Statement:
    """What is not said in every loop: a broken promise, the notification that stands, and the meter."""
    car.settle(station.stage.env.now_ns)
    return statement._replace(
        failure=station.verdict,
        notification=station.notification,
        notification_max_delay_s=delay_s(station, station.stage.env.now_ns),
        meter_charged_wh=int(car.charged_ws / 3600.0 * station.meter_factor),
        meter_discharged_wh=int(car.discharged_ws / 3600.0 * station.meter_factor),
        aside=AnswerAside(needs=stated_needs(station, station.stage.env.now_ns)),
    )


# --- periodic regulation: the DC converter has its own clock ---


def _begin_regulation(station: "Station", now_ns: int) -> None:
    """The first step lies at the station's own phase."""
    station.regulating = True
    phase = uniform(stream_key(station.stage.scenario.seed, "evse.control_phase"), station.evse_id, 0)
    regulate_at(station, now_ns + int(phase * station.period_ns))


def regulate_at(station: "Station", at_ns: int) -> None:
    """The next step is then; an earlier appointment is void."""
    station.regulate_ns = at_ns
    At(station.stage.env, at_ns, place(REGULATE, station.evse_id), lambda _: _regulate(station))


def _regulate(station: "Station") -> None:
    now_ns = station.stage.env.now_ns
    if now_ns != station.regulate_ns or not station.regulating or station.car is None:
        return
    # Power is held while a renegotiation is under way.
    in_loop = station.secc.state is State.CHARGE_LOOP
    if in_loop and station.control.decide(station.car, station.secc.said, station.car.power_w(now_ns), now_ns):
        _command(station, station.car, now_ns)
        if station.record_setpoints:
            _record_setpoint(station, now_ns, now_ns)
    regulate_at(station, now_ns + station.period_ns)


# --- records ---


def _record_setpoint(station: "Station", decided_ns: int, applied_ns: int) -> None:
    control = station.control
    station.stage.recorder.setpoints.append(
        decided_ns, station.evse_id, applied_ns, control.setpoint_w, control.previous_w, control.reason
    )


def _record_loop(station: "Station", car: Car, now_ns: int) -> None:
    control, said, kind = station.control, station.secc.said, car.kind
    plug_w = car.power_w(now_ns)
    soc, cells_ws = car.peek(now_ns)
    station.stage.recorder.charge_loop.append(
        now_ns, station.evse_id, station.evse_id, station.site.site_id, station.loops,
        control.requested_w, control.setpoint_w, control.reason,
        at_meter_w(kind, plug_w),
        plug_w,
        plug_w - loss_w(plug_w, kind.vehicle_charge, kind.vehicle_discharge),
        soc, cells_ws / 3600.0, control.frequency_hz,
        min(said.maximum_charge_w, kind.station_charge_w), min(said.maximum_discharge_w, kind.station_discharge_w),
    )  # fmt: skip
