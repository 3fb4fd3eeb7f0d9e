"""The charging station: answers each request, moves its contactor and, in DC, its converter.

What it says comes from `protocol`, what it decides from `cosim/control.py`. It knows of the vehicle only what messages
carried and what it measured itself.
"""

from typing import Any, NamedTuple

from cosim.car import Car
from cosim.chosen import is_within, loops_every
from cosim.control import Control, at_meter_w, direct
from cosim.driver import DECIDE, REGULATE, Answer, At, Moment, Timer, place
from cosim.journal import LOOP_REQUESTS, TO_EV
from cosim.kind import Kind
from cosim.scenario import NS, to_ns
from cosim.site import Site
from cosim.stage import Stage
from models.car.converter import loss_w
from models.control.limits import CURRENT, EV_POWER, STATION_POWER
from models.draws import stream_key, uniform
from protocol.iso20.answers import Answer as Statement
from protocol.iso20.answers import AnswerAside
from protocol.iso20.codes import (
    ChargeProgress,
    ChargingSession,
    ControlMode,
    EVSENotification,
    Processing,
    ResponseCode,
    ServiceID,
)
from protocol.iso20.common import AuthorizationReq, PowerDeliveryReq, ScheduleExchangeReq, SessionStopReq
from protocol.iso20.dc import DCCableCheckReq, DCPreChargeReq, DCWeldingDetectionReq
from protocol.iso20.metering import MeteringConfirmationReq
from protocol.iso20.needs import MobilityNeeds
from protocol.iso20.profiles import PowerStep, Schedule
from protocol.iso20.secc import SECC
from protocol.iso20.sequence import State
from protocol.iso20.session import EndReason

ORDERLY = (EndReason.TERMINATED, EndReason.PAUSED)
HEARS = (State.CHARGE_LOOP, State.STANDBY, State.POWER_DELIVERY)  # responses there carry EVSEStatus
NO_POWER_W = 1.0  # below this a contactor may open
PILOT_C_S = 0.25  # pilot state C or D after the first PowerDeliveryReq(Start), V2G20-847
ACK_MAX_DELAY_S = 30  # a guess that a deployed stack marks as one
DEPARTURE_STEP_S = 1.0  # DepartureTime travels in whole seconds


class Needs(NamedTuple):
    """What the station settles for the vehicle (MobilityNeedsMode 2); negative: nothing said."""

    departure_ns: int = -1
    target_soc: float = -1.0
    minimum_soc: float = -1.0


class Station:
    """One charging point. A vehicle is coupled to it from plug-in to unplugging."""

    __slots__ = (
        "_arrival_ns",
        "_began_ns",
        "_begun",
        "_dc_limits",
        "_in_full",
        "_journal",
        "_notification",
        "_notification_until_ns",
        "_period_ns",
        "_planned_departure_s",
        "_record_setpoints",
        "_regulating",
        "_renegotiate_if_s",
        "_scheduled",
        "_scheduled_ns",
        "_timer",
        "car",
        "car_obeys_pilot",
        "contactor_closed",
        "contactor_stuck",
        "control",
        "dark",
        "evse_id",
        "injected",
        "is_dc",
        "isolation_fault",
        "lines",
        "loops",
        "loops_every",
        "lost",
        "meter_factor",
        "needs",
        "proposed",
        "regulate_ns",
        "responses",
        "secc",
        "site",
        "stage",
        "troubles",
    )

    def __init__(self, stage: Stage, evse_id: int, site: Site, secc: SECC, is_dc: bool) -> None:
        self.stage = stage
        self.evse_id = evse_id
        self.site = site
        self.secc = secc
        self.is_dc = is_dc
        self.control = Control(stage, evse_id)
        self.car: Car | None = None
        self.contactor_closed = False
        self.loops = 0
        self.lost: str | None = None
        self.dark = ""  # why there is no supply any more
        self._timer = Timer(stage.env, place(DECIDE, evse_id), lambda: self.secc.deadline_ns, self._silence)
        self._began_ns: dict[type, int] = {}  # first request of each polled phase
        self._journal, self.lines = stage.journal, stage.lines
        self._in_full = stage.journal.in_full(evse_id)
        self.responses = 0
        self._arrival_ns = 0
        self._planned_departure_s = 0.0
        self._notification: EVSENotification | None = None
        self._notification_until_ns = 0
        self._begun = False  # the loop, since power was last off
        self._scheduled = False  # the session is in Scheduled mode
        self._scheduled_ns = 0  # when the schedule in force was granted
        self.needs: Needs | None = None  # what the station states of them, see `Needs`
        self.proposed: tuple[ServiceID, ...] | None = None  # for a service renegotiation
        self.troubles = 0  # faults in force
        self.injected = ""  # fault in force, named when a session ends by it
        self.contactor_stuck = self.isolation_fault = False
        self.car_obeys_pilot = True
        self.meter_factor = 1.0
        self._regulating = False
        self.regulate_ns = -1  # next step of the converter's own clock; -1: none of ours
        self._period_ns = to_ns(stage.scenario.evse.control_period_s)
        record = stage.scenario.record
        self.loops_every = loops_every(record, evse_id)  # which turns are recorded; 0: none
        self._record_setpoints = record.setpoints
        self._renegotiate_if_s = stage.scenario.secc.renegotiate_if_s
        section = stage.scenario.evse
        self._dc_limits = (
            section.dc_charge_w,
            section.dc_minimum_w,
            section.dc_discharge_w,
            section.dc_minimum_w,
            section.dc_maximum_a,
            section.dc_maximum_a,
            section.dc_maximum_v,
            section.dc_minimum_v,
        )

    def couple(self, car: Car) -> None:
        """A vehicle is plugged in."""
        self.car = car
        self.secc.connect(self.stage.env.now_ns)
        self._timer.arm(self.secc.deadline_ns)

    def reconnect(self, now_ns: int) -> None:
        """The vehicle comes back on a new link; a paused session is still known."""
        self.secc = SECC(self.secc.settings, self.secc.suspended)
        self.lost = None
        self._notification = None
        self._begun = False
        self._began_ns.clear()
        self.secc.connect(now_ns)
        self._timer.arm(self.secc.deadline_ns)
        if self.dark:
            self.lose_supply(self.dark, for_good=True)

    def uncouple(self) -> None:
        """The vehicle is unplugged; a contactor still closed then opens, whatever flows."""
        if self.contactor_closed:
            self._open_contactor("unplugged")
        self.car = None

    # --- requests ---

    def request_arrives(self, event: Moment) -> None:
        """A request is to be answered now: line and processing time have passed."""
        request, answer = event._value
        secc, car = self.secc, self.car
        if secc.pending is not None:
            self.stage.checks.broken(
                "one_outstanding", f"EVSE{self.evse_id:03d} got {request.wire_name} before it answered"
            )
        now_ns = self.stage.env.now_ns
        refusal = secc.receive(request, now_ns)
        kind = request.__class__
        if secc.pending is None or car is None:
            self._turn_down(refusal, answer)
        elif kind in LOOP_REQUESTS:
            self._answer_loop(answer, car, now_ns)
        elif kind is PowerDeliveryReq:
            self._answer_power_delivery(request.charge_progress, answer, car)
        else:
            self._send(secc.respond(self._statement(kind, car), now_ns), answer, now_ns)
            if secc.ended is not None and secc.ended not in ORDERLY:
                self.lose(f"SECC: {secc.detail}")
            elif kind is SessionStopReq:
                self._after_session_stop(request.charging_session, now_ns)

    def _turn_down(self, refusal: Any, answer: Answer[Any]) -> None:
        """Refuse, or keep silent after the session: then the vehicle finds out by its own timer."""
        if refusal is None:
            answer.expect()
        else:
            self._send(refusal, answer, self.stage.env.now_ns)
        if self.secc.ended not in ORDERLY:
            self.lose(f"SECC: {self.secc.detail}")

    def _after_session_stop(self, kind: ChargingSession, now_ns: int) -> None:
        """Keep in mind what the end of this session means for the station."""
        if kind is ChargingSession.PAUSE:
            self.stage.recorder.event(now_ns, self.evse_id, "paused", "the session is kept, the link closes")
        elif kind is ChargingSession.SERVICE_RENEGOTIATION:
            self._began_ns.clear()
            self.stage.recorder.event(now_ns, self.evse_id, "service_renegotiation", "back to the choice of services")

    def _send(self, response: Any, answer: Answer[Any], now_ns: int) -> None:
        self._journal.sent(now_ns, self.evse_id, TO_EV, response, self.secc.session_id)
        self._deliver(response, answer, now_ns)

    def _deliver(self, response: Any, answer: Answer[Any], now_ns: int) -> None:
        self.responses += 1
        if self.stage.wire is not None:
            response = self.stage.wire.carry(now_ns, self.evse_id, TO_EV, response)
        self._arrival_ns = arrival_ns = now_ns + self.lines.response_ns(self.evse_id, self.responses)
        answer.arrive(response, arrival_ns)
        self._timer.arm(self.secc.deadline_ns)

    def _statement(self, kind: type, car: Car) -> Statement:
        """What the station states outside the loop; polled phases take their time."""
        now_ns = self.stage.env.now_ns
        section = self.stage.scenario.evse
        since_s = (now_ns - self._began_ns.setdefault(kind, now_ns)) * 1e-9
        processing = Processing.FINISHED
        present_v = 0.0
        if kind is AuthorizationReq and since_s < section.authorization_s:
            processing = Processing.ONGOING_WAITING_FOR_CUSTOMER_INTERACTION
        elif kind is DCCableCheckReq and since_s < section.cable_check_s:
            processing = Processing.ONGOING
        elif kind is DCCableCheckReq and self.isolation_fault:
            return Statement(failure=ResponseCode.FAILED)
        elif kind is MeteringConfirmationReq:
            self._notification = None
            self.stage.recorder.event(now_ns, self.evse_id, "metering_confirmed", "")
        elif kind is DCPreChargeReq:
            present_v = min(self.secc.said.target_v, section.precharge_v_per_s * since_s)
        elif kind is DCWeldingDetectionReq:
            present_v = max(0.0, car.voltage_v(0.0) * (1.0 - since_s / section.voltage_collapse_s))
        elif kind is ScheduleExchangeReq:
            self._planned_departure_s = self._departure_s()
            self._notification = None
            self.control.hold_at_zero = False
            if self._begun:
                self.control.plan(car.kind, self.secc.said, now_ns)
            return Statement(aside=self._schedule_aside(car, now_ns))
        return Statement(processing=processing, present_v=present_v)

    # --- power on, power off ---

    def _answer_power_delivery(self, progress: ChargeProgress, answer: Answer[Any], car: Car) -> None:
        """PowerDeliveryRes has no Ongoing: the answer waits until contactor or ramp are done."""
        env, section = self.stage.env, self.stage.scenario.evse
        ready_ns = env.now_ns
        granted = self.secc.settings.standby and self.secc.state is not State.STANDBY
        if progress is not ChargeProgress.STANDBY or granted:
            self._obeyed(progress)
        if progress is ChargeProgress.START and not self.contactor_closed:
            pilot_s = min(self.stage.scenario.ev.cp_response_s, PILOT_C_S)
            ready_ns += to_ns(pilot_s + (0.0 if self.is_dc else section.contactor_close_s))
        elif progress is not ChargeProgress.START and progress is not ChargeProgress.SCHEDULE_RENEGOTIATION:
            self._regulating = False
            if self.is_dc and (car.power_w(env.now_ns) != 0.0 or not car.holds_from(env.now_ns)):
                car.ramp_off(env.now_ns)  # drops a setpoint that still waits for its reaction delay, too
            opens = progress is ChargeProgress.STOP and not self.is_dc
            ready_ns = max(ready_ns, car.end_ns) + (to_ns(section.contactor_open_s) if opens else 0)
        if ready_ns > env.now_ns:
            answer.expect()
            secc = self.secc
            At(env, ready_ns, place(DECIDE, self.evse_id), lambda _: self._deliver_power(secc, progress, answer))
        else:
            self._deliver_power(self.secc, progress, answer)

    def _deliver_power(self, secc: SECC, progress: ChargeProgress, answer: Answer[Any]) -> None:
        now_ns = self.stage.env.now_ns
        car = self.car
        if secc.ended is not None or car is None:
            return
        failure = self._switch(progress, car, now_ns)
        statement = Statement(
            failure=failure, notification=self._notification, notification_max_delay_s=self._delay_s(now_ns)
        )
        self._send(secc.respond(statement, now_ns), answer, now_ns)
        if failure is not None:
            self.lose(failure.value)

    def _switch(self, progress: ChargeProgress, car: Car, now_ns: int) -> ResponseCode | None:
        """Power on, down, or off; returns why it cannot be."""
        if progress is ChargeProgress.SCHEDULE_RENEGOTIATION:
            return None
        if progress is ChargeProgress.START:
            if self.stage.scenario.ev.cp_response_s > PILOT_C_S:
                return ResponseCode.FAILED  # V2G20-847
            if self.contactor_stuck and not self.contactor_closed:
                return ResponseCode.FAILED_CONTACTOR_ERROR
            self.contactor_closed = True
            car.energised = True
            return None
        if progress is ChargeProgress.STANDBY and not self.secc.settings.standby:
            return None  # declined: power stays as it is
        self.control.end(now_ns)
        self._begun = False
        if abs(car.power_w(now_ns)) > NO_POWER_W:
            return ResponseCode.FAILED_POWER_DELIVERY_NOT_APPLIED
        if progress is ChargeProgress.STANDBY:
            car.energised = False  # the contactor stays closed
        elif self.contactor_stuck:
            car.energised = False
            return ResponseCode.FAILED_CONTACTOR_ERROR
        else:
            self._open_contactor("stop")
        return None

    def _open_contactor(self, cause: str) -> None:
        """Open; under load only an injected cause makes it legal."""
        now_ns = self.stage.env.now_ns
        car = self.car
        if car is not None:
            power_w = car.power_w(now_ns)
            if abs(power_w) > NO_POWER_W:
                detail = f"EVSE{self.evse_id:03d} at {power_w:.0f} W ({cause})"
                self.stage.recorder.event(now_ns, self.evse_id, "opened_under_load", self.blamed(detail))
                if not self.injected:
                    self.stage.checks.broken("contactor_load", f"{detail} at {now_ns * 1e-9:.3f} s")
                car.cut(now_ns)
            car.energised = False
        self.contactor_closed = False

    # --- when communication ends before its time ---

    def _silence(self, now_ns: int) -> None:
        self.secc.timeout(now_ns)
        if self.secc.ended is not None:
            self.stage.recorder.event(now_ns, self.evse_id, "timer", f"SECC: {self.secc.detail}")
            self.lose(f"SECC: {self.secc.detail or self.secc.ended.value}")

    def lose(self, reason: str) -> None:
        """The session ends without an orderly stop: power down first, then open; forced if that takes too long."""
        now_ns = self.stage.env.now_ns
        if self.lost is not None:
            return
        self.lost = reason = self.blamed(reason)
        self.secc.disconnect(reason)
        self.stage.recorder.event(now_ns, self.evse_id, "session_lost", reason)
        self._regulating = False
        self.control.end(now_ns)
        car = self.car
        if car is None or not self.contactor_closed:
            return
        # DC: the station ramps down itself. AC: the pilot goes off and the vehicle ramps down.
        if self.is_dc or self.car_obeys_pilot:
            car.ramp_off(now_ns)
        forced_ns = now_ns + to_ns(self.stage.scenario.evse.forced_open_s)
        off_ns = car.end_ns if self.is_dc or self.car_obeys_pilot else forced_ns
        At(self.stage.env, min(off_ns, forced_ns), place(DECIDE, self.evse_id), self._open_after_loss)

    def blamed(self, reason: str) -> str:
        """A reason, with the fault that was put in."""
        return f"{reason} [{self.injected}]" if self.injected else reason

    def lose_supply(self, cause: str, for_good: bool) -> None:
        """The feeder is dead, or the station has left the grid: no power from this instant on, and nobody answers.

        Contactors fall open at zero current; the vehicle finds out by its own timer. A feeder stays dead.
        """
        now_ns = self.stage.env.now_ns
        if for_good:
            self.dark = cause
        if self.lost is None:
            self.lost = cause
            self.secc.disconnect(cause)
            self.stage.recorder.event(now_ns, self.evse_id, "supply_lost", cause)
            self._regulating = False
            self.control.end(now_ns)
        car = self.car
        if car is not None and car.energised:
            car.cut(now_ns)
            car.energised = False
        self.contactor_closed = False

    def _open_after_loss(self, _: Moment) -> None:
        if self.contactor_closed and self.lost is not None:
            self._open_contactor("communication lost")

    # --- the charge loop ---

    def _answer_loop(self, answer: Answer[Any], car: Car, now_ns: int) -> None:
        secc, control = self.secc, self.control
        if not self._begun:
            self._begun = True
            assert secc.agreed is not None, "the loop comes after ServiceSelection"
            self._scheduled = secc.agreed.control_mode is ControlMode.SCHEDULED
            car.kind = self._settled(car.kind)
            control.plan(car.kind, secc.said, now_ns)
            if self.is_dc and self.stage.scenario.evse.dc_regulation == "periodic":
                self._begin_regulation(now_ns)
        if self._renegotiate_if_s is not None and self._notification is None:
            self._look_at_departure(now_ns)
        power_w = car.power_w(now_ns)
        changed = not self._regulating and control.decide(car, secc.said, power_w, now_ns)
        if self._scheduled:
            self._follow_vehicle(car, now_ns)
        elif changed and self.is_dc:
            self._command(car, now_ns)
        response = self._say_dc(car, power_w, now_ns) if self.is_dc else self._say_ac(car, power_w, now_ns)
        if self._in_full:
            self._journal.sent(now_ns, self.evse_id, TO_EV, response, secc.session_id)
        else:
            self._journal.counts[response.__class__] += 1
        self._deliver(response, answer, now_ns)
        if changed and self._record_setpoints:
            arrives_in_time = self._arrival_ns < answer.deadline_ns
            self._record_setpoint(now_ns, now_ns if self.is_dc else self._arrival_ns if arrives_in_time else -1)
        if self.loops_every and self.loops % self.loops_every == 0 and is_within(self.stage.recorded_ns, now_ns):
            self._record_loop(car, now_ns)
        self.loops += 1
        car.sums.exchanges += 1

    def _settled(self, kind: Kind) -> Kind:
        """The kind with what both sides have agreed on: ratings at the AC meter, and how powers are said."""
        secc = self.secc
        assert secc.agreed is not None, "the loop comes after ServiceSelection"
        assert secc.said.ratings is not None, "ratings are exchanged before the loop"
        charge_w = min(secc.said.ratings.maximum_charge_w, kind.station_charge_w)
        discharge_w = min(secc.said.ratings.maximum_discharge_w, kind.station_discharge_w)
        settled = kind._replace(
            is_bpt=secc.agreed.service.is_bpt,
            per_phase=secc.agreed.per_phase and not secc.agreed.single_phase,
            rated_w=at_meter_w(kind, charge_w),
            rated_discharge_w=0.0 - at_meter_w(kind, 0.0 - discharge_w),
        )
        return self.stage.kinds.setdefault(settled, settled)

    def _command(self, car: Car, now_ns: int) -> None:
        """DC: tell the converter. Limits of zero announce the end: then it ramps off at once."""
        car.make_room()
        direct(car, car.kind, car.sums, self.secc.said, self.control.plug_w, now_ns)

    def _say_ac(self, car: Car, power_w: float, now_ns: int) -> Any:
        """The setpoint, and the power that is measured."""
        secc, target_w = self.secc, self.control.plug_w
        if self._notification is None and not secc.meter_owed and self.needs is None:
            return secc.answer_ac(target_w, power_w, now_ns)
        return secc.respond(self._with_meter(car, Statement(present_w=power_w, target_w=target_w)), now_ns)

    def _say_dc(self, car: Car, power_w: float, now_ns: int) -> Any:
        """Limits, and the working point. The limits are those of the hardware; no site limits them further yet."""
        secc, limits, reason = self.secc, self._dc_limits, self.control.reason
        voltage_v = car.voltage_v(power_w)  # the battery as it was at the vehicle's last offer
        current_a = power_w / voltage_v
        by_power, by_current = reason in (EV_POWER, STATION_POWER), reason == CURRENT
        if self._notification is None and not secc.meter_owed and self.needs is None:
            return secc.answer_dc(voltage_v, current_a, limits, by_power, by_current, now_ns)
        statement = Statement(Processing.FINISHED, voltage_v, current_a, power_w, 0.0, *limits, by_power, by_current)
        return secc.respond(self._with_meter(car, statement), now_ns)

    def _with_meter(self, car: Car, statement: Statement) -> Statement:
        """What is not said in every loop: the notification that stands, and the meter."""
        return statement._replace(
            notification=self._notification,
            notification_max_delay_s=self._delay_s(self.stage.env.now_ns),
            meter_charged_wh=int(car.charged_ws / 3600.0 * self.meter_factor),
            meter_discharged_wh=int(car.discharged_ws / 3600.0 * self.meter_factor),
            aside=AnswerAside(needs=self._stated_needs(self.stage.env.now_ns)),
        )

    # --- the fleet lane ---

    def disturbance(self, departure_ns: int) -> str | None:
        """What makes the next turn other than plain on the station's side, with a car that departs at `departure_ns`.

        None if nothing does.
        """
        if self.lost is not None or self.troubles or self.injected:
            return "a fault is in force"
        says_more = self._notification is not None or self.needs is not None or self.secc.meter_owed
        if says_more or self.control.hold_at_zero:
            return "the station has something to say"
        tolerance_s = self._renegotiate_if_s
        if tolerance_s is not None and abs(departure_ns * 1e-9 - self._planned_departure_s) > tolerance_s:
            return "the station is about to ask for a new schedule"
        return None

    def hand_over(self) -> None:
        """The fleet lane has the session: timer and clock are its own now."""
        self.secc.deadline_ns = None
        self.regulate_ns = -1

    def take_back(self, deadline_ns: int) -> None:
        """The session is ours again, with the SECC's deadline as it stands."""
        self.secc.deadline_ns = deadline_ns
        self._timer.arm(deadline_ns)
        if self._regulating:
            self._regulate_at(self.regulate_ns)

    # --- schedules and needs ---

    def _schedule_aside(self, car: Car, now_ns: int) -> AnswerAside:
        """What ScheduleExchangeRes carries besides: the schedule in Scheduled mode, needs with MobilityNeedsMode 2.

        The schedule grants what the station wants at the moment, for as long as it reaches: the policy's power in the
        loop, the plan before it.
        """
        secc = self.secc
        assert secc.agreed is not None, "schedules come after ServiceSelection"
        if secc.agreed.control_mode is not ControlMode.SCHEDULED:
            return AnswerAside(needs=self._stated_needs(now_ns))
        if not self._begun:
            car.kind = self._settled(car.kind)
            self.control.plan(car.kind, secc.said, now_ns)
        self._scheduled_ns = now_ns
        wanted_w = self.control.plug_w if self._begun else self.control.scheduled_w
        horizon_s = self.stage.scenario.secc.schedule_horizon_s
        charging = (PowerStep(horizon_s, wanted_w if wanted_w > 0.0 else 0.0),)
        discharging = (PowerStep(horizon_s, wanted_w if wanted_w < 0.0 else 0.0),)
        anchor_s = self.stage.epoch_s + now_ns // NS
        is_bpt = secc.agreed.service.is_bpt
        return AnswerAside(schedules=(Schedule(1, anchor_s, charging, discharging if is_bpt else ()),))

    def _follow_vehicle(self, car: Car, now_ns: int) -> None:
        """Scheduled mode: the vehicle leads, on DC by its current; a schedule that no longer fits is renegotiated."""
        said, secc = self.secc.said, self.secc
        if self.is_dc:
            limit_w = car.kind.station_charge_w if said.target_a > 0.0 else car.kind.station_discharge_w
            asked_w = said.target_a * car.voltage_v(0.0)
            car.make_room()
            direct(car, car.kind, car.sums, said, min(max(asked_w, -limit_w), limit_w), now_ns)
        section = self.stage.scenario.secc
        if self._notification is not None or now_ns - self._scheduled_ns < to_ns(section.reschedule_every_s):
            return
        schedule = secc.schedules[0]
        granted_w = schedule.charging[0].power_w + (schedule.discharging[0].power_w if schedule.discharging else 0.0)
        if abs(self.control.plug_w - granted_w) > section.reschedule_if_w:
            self._notify(EVSENotification.SCHEDULE_RENEGOTIATION, now_ns + section.notification_max_delay_s * NS)
            detail = f"ScheduleRenegotiation: {granted_w:.0f} W granted, {self.control.plug_w:.0f} W wanted"
            self.stage.recorder.event(now_ns, self.evse_id, "notified", detail)

    def _stated_needs(self, now_ns: int) -> MobilityNeeds | None:
        """Departure and charge as the station wants them, for the wire."""
        needs = self.needs
        if needs is None:
            return None
        left_ns = max(needs.departure_ns - now_ns, 0)
        return MobilityNeeds(
            departure_s=None if needs.departure_ns < 0 else -(-left_ns // NS),
            minimum_soc=None if needs.minimum_soc < 0.0 else round(100.0 * needs.minimum_soc),
            target_soc=None if needs.target_soc < 0.0 else round(100.0 * needs.target_soc),
            ack_max_delay_s=ACK_MAX_DELAY_S,
        )

    # --- notifications ---

    def ask(self, kind: EVSENotification, max_delay_s: int, services: tuple[ServiceID, ...] | None = None) -> bool:
        """Notify the vehicle in each response until it obeys; false if there is no session that could hear it."""
        now_ns = self.stage.env.now_ns
        hears = self.secc.ended is None and self.secc.state in HEARS
        detail = f"{kind.value}, within {max_delay_s} s" if hears else f"{kind.value}: nobody hears it"
        self.stage.recorder.event(now_ns, self.evse_id, "notified", detail)
        if hears:
            self.proposed = services
            self.secc.meter_owed = self.secc.meter_owed or kind is EVSENotification.METERING_CONFIRMATION
            self._notify(kind, now_ns + max_delay_s * NS)
            At(self.stage.env, self._notification_until_ns, place(DECIDE, self.evse_id), self._look_whether_obeyed)
        return hears

    def _notify(self, kind: EVSENotification, until_ns: int) -> None:
        self._notification = kind
        self._notification_until_ns = until_ns

    def _obeyed(self, progress: ChargeProgress) -> None:
        """The vehicle does something else than another turn: what was asked for is being done."""
        if self._notification is not EVSENotification.SCHEDULE_RENEGOTIATION or progress is ChargeProgress.STOP:
            self._notification = None

    def _delay_s(self, now_ns: int) -> int:
        """What is left of NotificationMaxDelay, in whole seconds."""
        left_ns = self._notification_until_ns - now_ns
        return left_ns // NS if left_ns > 0 else 0

    def _look_whether_obeyed(self, _: Moment) -> None:
        """A vehicle that does not stop when it is told to loses its session; other requests just stand."""
        now_ns, kind = self.stage.env.now_ns, self._notification
        if kind is None or now_ns < self._notification_until_ns or self.secc.ended is not None:
            return
        self.stage.recorder.event(now_ns, self.evse_id, "notification_ignored", kind.value)
        if kind is EVSENotification.TERMINATE:
            self.lose("Terminate was not obeyed")

    def _look_at_departure(self, now_ns: int) -> None:
        """Notify a schedule renegotiation when the departure, as said, has moved too far from the plan."""
        tolerance_s = self._renegotiate_if_s or 0.0
        departure_s = self._departure_s()
        if abs(departure_s - self._planned_departure_s) > tolerance_s + DEPARTURE_STEP_S:
            max_delay_s = self.stage.scenario.secc.notification_max_delay_s
            self._notify(EVSENotification.SCHEDULE_RENEGOTIATION, now_ns + max_delay_s * NS)
            self.control.hold_at_zero = self.stage.scenario.secc.renegotiation_power == "zero"
            self.stage.recorder.event(
                now_ns,
                self.evse_id,
                "notified",
                f"ScheduleRenegotiation: departure moved to {departure_s:.0f} s",
            )

    def _departure_s(self) -> float:
        """Departure as said [s since the start of the run]; whole seconds on the wire."""
        return self.secc.said.departure_ns * 1e-9 + self.secc.said.departure_s

    # --- periodic regulation: the DC converter has its own clock ---

    def _begin_regulation(self, now_ns: int) -> None:
        self._regulating = True
        phase = uniform(stream_key(self.stage.scenario.seed, "evse.control_phase"), self.evse_id, 0)
        self._regulate_at(now_ns + int(phase * self._period_ns))

    def _regulate_at(self, at_ns: int) -> None:
        self.regulate_ns = at_ns
        At(self.stage.env, at_ns, place(REGULATE, self.evse_id), self._regulate)

    def _regulate(self, _: Moment) -> None:
        now_ns = self.stage.env.now_ns
        if now_ns != self.regulate_ns or not self._regulating or self.car is None:
            return
        # Power is held while a renegotiation is under way.
        in_loop = self.secc.state is State.CHARGE_LOOP
        if in_loop and self.control.decide(self.car, self.secc.said, self.car.power_w(now_ns), now_ns):
            self._command(self.car, now_ns)
            if self._record_setpoints:
                self._record_setpoint(now_ns, now_ns)
        self._regulate_at(now_ns + self._period_ns)

    # --- records ---

    def _record_setpoint(self, decided_ns: int, applied_ns: int) -> None:
        control = self.control
        self.stage.recorder.setpoints.append(
            decided_ns, self.evse_id, applied_ns, control.setpoint_w, control.previous_w, control.reason
        )

    def _record_loop(self, car: Car, now_ns: int) -> None:
        control, said, kind = self.control, self.secc.said, car.kind
        plug_w = car.power_w(now_ns)
        soc, cells_ws = car.peek(now_ns)
        self.stage.recorder.charge_loop.append(
            now_ns, self.evse_id, self.evse_id, self.site.site_id, self.loops,
            control.requested_w, control.setpoint_w, control.reason,
            at_meter_w(kind, plug_w),
            plug_w,
            plug_w - loss_w(plug_w, kind.vehicle_charge, kind.vehicle_discharge),
            soc, cells_ws / 3600.0, control.frequency_hz,
            min(said.maximum_charge_w, kind.station_charge_w), min(said.maximum_discharge_w, kind.station_discharge_w),
        )  # fmt: skip
