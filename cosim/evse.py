"""The charging station: answers each request, moves its contactor and, in DC, its converter.

What it says comes from `protocol`, what it decides from `cosim/control.py`. It knows of the vehicle only what messages
carried and what it measured itself. Beside the charge loop (`evse_loop.py`) stand what it says before and after it
(`evse_setup.py`), switching power (`evse_power.py`), notifications (`evse_notices.py`) and schedules
(`evse_schedule.py`).
"""

from typing import Any

from cosim.car import Car
from cosim.chosen import loops_every
from cosim.control import Control
from cosim.driver import DECIDE, Answer, At, Moment, Timer, place
from cosim.evse_loop import answer_loop, regulate_at
from cosim.evse_notices import ask
from cosim.evse_power import answer_power_delivery, open_contactor
from cosim.evse_schedule import Needs
from cosim.evse_setup import statement
from cosim.journal import LOOP_REQUESTS, TO_EV
from cosim.scenario import to_ns
from cosim.site import Site
from cosim.stage import Stage
from protocol.iso20.codes import (
    ChargingSession,
    EVSENotification,
    ResponseCode,
    ServiceID,
)
from protocol.iso20.common import PowerDeliveryReq, SessionStopReq
from protocol.iso20.secc import SECC
from protocol.iso20.sequence import State
from protocol.iso20.session import EndReason

ORDERLY = (EndReason.TERMINATED, EndReason.PAUSED)
HEARS = (State.CHARGE_LOOP, State.STANDBY, State.POWER_DELIVERY)  # responses there carry EVSEStatus
NO_POWER_W = 1.0  # below this a contactor may open
PILOT_C_S = 0.25  # pilot state C or D after the first PowerDeliveryReq(Start), V2G20-847
ACK_MAX_DELAY_S = 30  # a guess that a deployed stack marks as one
DEPARTURE_STEP_S = 1.0  # DepartureTime travels in whole seconds


class Station:
    """One charging point. A vehicle is coupled to it from plug-in to unplugging."""

    __slots__ = (
        "_timer",
        "arrival_ns",
        "attended",
        "began_ns",
        "begun",
        "car",
        "car_obeys_pilot",
        "contactor_closed",
        "contactor_stuck",
        "control",
        "dark",
        "dc_limits",
        "evse_id",
        "in_full",
        "injected",
        "is_dc",
        "isolation_fault",
        "journal",
        "line",
        "loops",
        "loops_every",
        "lost",
        "meter_factor",
        "needs",
        "notification",
        "notification_until_ns",
        "period_ns",
        "planned_departure_s",
        "proposed",
        "record_setpoints",
        "regulate_ns",
        "regulating",
        "renegotiate_if_s",
        "responses",
        "scheduled",
        "scheduled_ns",
        "secc",
        "site",
        "stage",
        "troubles",
        "verdict",
        "violated_ns",
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
        self.attended = False  # see `watch`
        self._timer = Timer(stage.env, place(DECIDE, evse_id), self)
        self.began_ns: dict[type, int] | None = None  # first request of each polled phase, until power is on
        self.journal = stage.journal
        self.line = stage.lines.line(evse_id, long=stage.lane is None)  # rows of the fleet lane draw for themselves
        self.in_full = stage.journal.in_full(evse_id)
        self.responses = 0
        self.arrival_ns = 0
        self.planned_departure_s = 0.0
        self.notification: EVSENotification | None = None
        self.notification_until_ns = 0
        self.begun = False  # the loop, since power was last off
        self.scheduled = False  # the session is in Scheduled mode
        self.scheduled_ns = 0  # when the schedule in force was granted
        self.verdict: ResponseCode | None = None  # on the promise in force; None: it is kept
        self.violated_ns = -1  # since when it is broken; -1: it is not
        self.needs: Needs | None = None  # what the station states of them, see `Needs`
        self.proposed: tuple[ServiceID, ...] | None = None  # for a service renegotiation
        self.troubles = 0  # faults in force
        self.injected = ""  # fault in force, named when a session ends by it
        self.contactor_stuck = self.isolation_fault = False
        self.car_obeys_pilot = True
        self.meter_factor = 1.0
        self.regulating = False
        self.regulate_ns = -1  # next step of the converter's own clock; -1: none of ours
        self.period_ns = stage.spans.control_period_ns
        record = stage.scenario.record
        self.loops_every = loops_every(record, evse_id)  # which turns are recorded; 0: none
        self.record_setpoints = record.setpoints
        self.renegotiate_if_s = stage.scenario.secc.renegotiate_if_s
        self.dc_limits = stage.dc_limits

    def couple(self, car: Car) -> None:
        """A vehicle is plugged in."""
        self.car = car
        self.secc.connect(self.stage.env.now_ns)
        self._timer.arm(self.secc.deadline_ns)

    def reconnect(self, now_ns: int) -> None:
        """The vehicle comes back on a new link; a paused session is still known."""
        secc = self.secc
        self.secc = SECC(secc.settings, secc.suspended, secc.evse_id, secc.new_session_id)
        self.lost = None
        self.notification = None
        self.begun = False
        self.verdict, self.violated_ns = None, -1
        self.began_ns = None
        self.secc.connect(now_ns)
        self._timer.arm(self.secc.deadline_ns)
        if self.dark:
            self.lose_supply(self.dark, for_good=True)

    def uncouple(self) -> None:
        """The vehicle is unplugged; a contactor still closed then opens, whatever flows."""
        if self.contactor_closed:
            open_contactor(self, "unplugged")
        self.car = None
        self._forget_if_over()

    # --- requests ---

    def request_arrives(self, now_ns: int, asked: tuple[Any, Answer[Any]]) -> None:
        """A request is to be answered now: line and processing time have passed."""
        request, answer = asked
        secc, car = self.secc, self.car
        if secc.pending is not None:
            self.stage.checks.broken(
                "one_outstanding", f"EVSE{self.evse_id:03d} got {request.wire_name} before it answered"
            )
        refusal = secc.receive(request, now_ns)
        kind = request.__class__
        if secc.pending is None or car is None:
            self._turn_down(refusal, answer)
        elif kind in LOOP_REQUESTS:
            answer_loop(self, answer, car, now_ns)
        elif kind is PowerDeliveryReq:
            answer_power_delivery(self, request.charge_progress, answer, car)
        else:
            self._send(secc.respond(statement(self, kind, car, now_ns), now_ns), answer, now_ns)
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
            self.began_ns = None
            self.stage.recorder.event(now_ns, self.evse_id, "service_renegotiation", "back to the choice of services")

    def _send(self, response: Any, answer: Answer[Any], now_ns: int, in_full: bool = True) -> None:
        """Let a response leave, written down `in_full` or only counted."""
        if in_full:
            self.journal.sent(now_ns, self.evse_id, TO_EV, response, self.secc.session_id)
        else:
            self.journal.counts[response.__class__] += 1
        self.responses += 1
        if self.stage.wire is not None:
            response = self.stage.wire.carry(now_ns, self.evse_id, TO_EV, response)
        self.arrival_ns = arrival_ns = now_ns + self.line.response_ns(self.responses)
        deadline_ns, ahead = self.secc.deadline_ns, answer.ahead
        if deadline_ns is None or arrival_ns >= deadline_ns or not self.attended:
            answer.arrive(response, arrival_ns)
            self._timer.arm(deadline_ns)
        elif ahead is None or arrival_ns >= answer.deadline_ns or not ahead(response, arrival_ns):
            answer.arrive(response, arrival_ns)

    def watch(self) -> None:
        """See to it that silence is noticed at its instant.

        While it is `attended`, the vehicle knows when it will speak next, and calls whenever that may be too late: so
        the timer of the loop, which nearly never runs out, costs nothing in a turn.
        """
        self._timer.arm(self.secc.deadline_ns)

    # --- when communication ends before its time ---

    @property
    def deadline_ns(self) -> int | None:
        """When the SECC has waited long enough."""
        return self.secc.deadline_ns

    def silence(self, now_ns: int) -> None:
        """The SECC's deadline has passed."""
        self.secc.timeout(now_ns)
        if self.secc.ended is not None:
            self.stage.recorder.event(now_ns, self.evse_id, "timer", f"SECC: {self.secc.detail}")
            self.lose(f"SECC: {self.secc.detail or self.secc.ended.value}")
            self._forget_if_over()

    def _forget_if_over(self) -> None:
        """Without vehicle and session nothing is waited for: the timer lets go, so that nothing keeps the station."""
        if self.car is None and self.secc.ended is not None:
            self._timer.stop()

    def lose(self, reason: str) -> None:
        """The session ends without an orderly stop: power down first, then open; forced if that takes too long."""
        now_ns = self.stage.env.now_ns
        if self.lost is not None:
            return
        self.lost = reason = self.blamed(reason)
        self.secc.disconnect(reason)
        self.stage.recorder.event(now_ns, self.evse_id, "session_lost", reason)
        self.regulating = False
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
            self.regulating = False
            self.control.end(now_ns)
        car = self.car
        if car is not None and car.energised:
            car.cut(now_ns)
            car.energised = False
        self.contactor_closed = False

    def _open_after_loss(self, _: Moment) -> None:
        if self.contactor_closed and self.lost is not None:
            open_contactor(self, "communication lost")

    def ask(self, kind: EVSENotification, max_delay_s: int, services: tuple[ServiceID, ...] | None = None) -> bool:
        """Notify the vehicle in each response until it obeys; false if there is no session that could hear it."""
        return ask(self, kind, max_delay_s, services)

    # --- the fleet lane ---

    @property
    def disturbed(self) -> bool:
        """Whether a fault is in force, or the session was lost: what is due of it waits on the clock."""
        return self.lost is not None or self.troubles > 0 or self.injected != ""

    @property
    def wake_ns(self) -> int | None:
        """When its timer looks at the deadline next, if ever."""
        return self._timer.wake_ns

    def disturbance(self, departure_ns: int) -> str | None:
        """What makes the next turn other than plain on the station's side, with a car that departs at `departure_ns`.

        None if nothing does.
        """
        if self.disturbed:
            return "a fault is in force"
        says_more = self.notification is not None or self.needs is not None or self.secc.meter_owed
        if says_more or self.control.hold_at_zero:
            return "the station has something to say"
        tolerance_s = self.renegotiate_if_s
        if tolerance_s is not None and abs(departure_ns * 1e-9 - self.planned_departure_s) > tolerance_s:
            return "the station is about to ask for a new schedule"
        return None

    def hand_over(self) -> None:
        """The fleet lane has the session: timer and clock are its own now."""
        self.secc.deadline_ns = None
        self.secc.rest()
        self.line.rest()
        self.regulate_ns = -1

    def take_back(self, deadline_ns: int) -> None:
        """The session is ours again, with the SECC's deadline as it stands."""
        self.secc.deadline_ns = deadline_ns
        self._timer.arm(deadline_ns)
        if self.regulating:
            regulate_at(self, self.regulate_ns)
