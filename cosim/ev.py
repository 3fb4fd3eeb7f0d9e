"""The vehicle: plugs in, agrees, loops at its own phase and gap, leaves.

It drives the cadence; physics bounds what it does. The charge loop is in `ev_loop.py`.
"""

from collections.abc import Generator
from functools import partial
from typing import Any, NamedTuple

from simpy import Event, Interrupt, Process

from cosim.car import Car
from cosim.car_state import NEVER_NS
from cosim.driver import Answer, At, Recurring, Signal
from cosim.ev_loop import ENDED, EvInLoop
from cosim.evse import Station
from cosim.heeding import take_over
from cosim.journal import LOOP_REQUESTS
from cosim.polls import is_precharged, pass_over
from cosim.scenario import to_ns
from cosim.stage import Stage
from cosim.visit import Visit
from protocol.iso20.codes import ChargeProgress, Processing
from protocol.iso20.common import SupportedAppProtocolReq
from protocol.iso20.dc import DCPreChargeReq, DCWeldingDetectionReq
from protocol.iso20.evcc import EVCC, Offer
from protocol.iso20.evcc import Event as Meaning
from protocol.iso20.requests import OFFERED, REQUESTS
from protocol.iso20.sequence import State, Step
from protocol.iso20.session import EndReason

SAFE_V = 60.0  # below it, welding detection is satisfied
NOTHING = Offer()
PATIENT = frozenset({DCPreChargeReq, DCWeldingDetectionReq})  # the vehicle waits for a voltage there
POWERS_DOWN = frozenset({ChargeProgress.STOP, ChargeProgress.STANDBY})
PLAIN = frozenset(REQUESTS) - PATIENT - POWERS_DOWN - OFFERED
_START, _STAND_BY = ChargeProgress.START, ChargeProgress.STANDBY
_ONGOING, _FINISHED = Processing.ONGOING, Processing.FINISHED
_STANDBY = State.STANDBY


class Cut(NamedTuple):
    """What an interrupt of the vehicle's process says: a fault of this kind, and whether the vehicle is gone."""

    kind: str
    unplugged: bool = False
    dead: bool = False  # the controller is: it says nothing more, and begins nothing new


class Ev(EvInLoop):
    """One vehicle from plug-in to unplugging."""

    __slots__ = (
        "_dead",
        "_doze",
        "_over",
        "_pause_ns",
        "_start_ns",
        "_step",
        "end_reason",
        "evse_v",
        "process",
        "repeat_ns",
        "stop_ns",
        "unplug_ns",
    )

    def __init__(self, stage: Stage, visit: Visit, evcc: EVCC, station: Station, car: Car) -> None:
        super().__init__(stage, visit, evcc, station, car)
        self._pause_ns, self.repeat_ns = stage.spans.answer_ns, stage.spans.repeat_ns
        self.stop_ns = -1
        self.unplug_ns = -1
        self.end_reason = "running"
        self.evse_v = 0.0
        self._start_ns = -1  # when the first start of a row was asked for; -1: none is under way
        self._dead = False
        self._doze: Event | None = None
        self._over = Signal()  # the session is
        self._step: Step = SupportedAppProtocolReq  # the last one asked for
        self.process: Process | None = None
        self._wire_up()

    # --- the story ---

    def live(self) -> Generator[Any, Any, int]:
        """Plug in, talk, perhaps sleep and talk again, unplug at departure; the process ends with the vehicle's id."""
        env = self.stage.env
        if self.visit.arrive_ns > env.now_ns:
            yield At(env, self.visit.arrive_ns, self._offer_place)
        self._plug_in()
        try:
            yield from self._converse()
            while (yield from self._comes_back()):
                self._reconnect()
                yield from self._converse()
            if self.station.contactor_closed:  # the connector stays locked until power is off
                self.station.lose("unlocked by the driver")  # unless it is lost already
                yield At(env, max(self.car.end_ns, env.now_ns), self._offer_place)
        except Interrupt as interrupt:
            cut: Any = interrupt.cause
            self.end_reason = cut.kind
        self._unplug(env.now_ns)
        return self._ev_id

    def _converse(self) -> Generator[Any, Any, None]:
        """One session, from its first message to its end."""
        env = self._env
        self.evcc.connect(env.now_ns)
        self._over = Signal()
        try:
            self._turn_due.at(env.now_ns)
            yield self._over
        except Interrupt as interrupt:
            cut: Any = interrupt.cause
            self._sever(cut)
            if cut.unplugged:
                raise
        self.in_loop = False
        self.end_reason = self._reason()
        if self.station.contactor_closed and not self._dead:
            self.station.lose(self.end_reason)

    def _sever(self, cut: Cut) -> None:
        """A fault ends the conversation on this side: nothing that is on its way is sent or heard any more."""
        self._turn_due.stop()
        self._request_there.stop()
        self._answer.stop()
        self.evcc.disconnect(cut.kind)
        self.station.attended = False
        self.station.watch()
        self._dead = cut.dead
        self.in_loop = False

    # --- step by step, outside the loop ---

    def _wire_up(self) -> None:
        """The callbacks of one session."""
        env = self._env
        self._request_there = Recurring(env, self._decide_place, self.station.request_arrives)
        self._turn_due = Recurring(env, self._offer_place, self._step_due)
        self._answer: Answer[Any] = Answer(env, 0, self._apply_place, self._hear_step)

    def _leave_loop(self, now_ns: int) -> None:
        self._turn_due.call = self._step_due
        self._answer.calls(self._hear_step)
        self._go_on(now_ns)

    def _step_due(self, now_ns: int, step: Step | None) -> None:
        """The pause between two exchanges is over; what comes next was known when it began.

        Beside a fleet lane, whose rows run ahead of the clock, this pair does so, too, while nobody can reach it.
        Polls that say nothing new are passed over then.
        """
        env = self._env
        if env.alone_until_ns == 0:
            lane = self.stage.lane
            until_ns = 0 if lane is None else lane.alone_until_ns(self)
            if until_ns > now_ns:
                env.run_ahead(until_ns, partial(self._step_due, now_ns, step))
                return
        elif step is self._step:
            due_ns = pass_over(self, step, now_ns, env.alone_until_ns)
            if due_ns > now_ns:
                self._turn_due.at(due_ns, step)
                return
        self._go_on(now_ns, step)

    def _go_on(self, now_ns: int, step: Step | None = None) -> None:
        """Whatever comes next: a step, the loop, or the end of the session."""
        evcc = self.evcc
        if evcc.ended is not None:
            self._over.happen()
            return
        if evcc.state is _STANDBY:
            self._look_up(now_ns)
            step = None
        step = step or evcc.next_step
        if step in LOOP_REQUESTS:
            self._enter_loop(now_ns)
        else:
            self._ask(step, now_ns)

    def _look_up(self, now_ns: int) -> None:
        """In standby: whether to go on, to leave, or to wait."""
        if now_ns >= self.departure_ns:
            self._departs = True
            self.evcc.stop()
        elif self.evcc.notification is not None:
            self.evcc.heed()

    def _ask(self, step: Step, now_ns: int) -> None:
        """Send the next request; `_hear_step` gets the answer."""
        said, processing = NOTHING, _FINISHED
        if step in PLAIN:  # most requests speak of nothing that the vehicle would have to look up in itself
            if self.first_loop_ns >= 0:
                self.car.soc_seen = self.car.soc(now_ns)
        else:
            said, processing = self._looked_up(step, now_ns)
        self._step = step
        self._send(self.evcc.request(said, now_ns, processing), now_ns)

    def _looked_up(self, step: Step, now_ns: int) -> tuple[Offer, Processing]:
        """What the vehicle says of itself in a step that is not plain, and whether its own side is finished."""
        if step in POWERS_DOWN:
            self.in_loop = False
            if step is ChargeProgress.STOP:
                self.stop_ns = now_ns
        takes_time = self._needs_time() if step in PATIENT else step is _START and self._switches(now_ns)
        said = NOTHING
        if step is DCPreChargeReq:
            voltage_v = self.car.voltage_v(0.0)
            said = Offer(present_v=voltage_v, target_v=voltage_v)
        elif step in OFFERED:
            said = self._offer(now_ns)
        elif self.first_loop_ns >= 0:
            self.car.soc_seen = self.car.soc(now_ns)
        return said, _ONGOING if takes_time else _FINISHED

    def _needs_time(self) -> bool:
        """Whether the vehicle's own side of this phase is not finished."""
        if self.evcc.state is State.PRE_CHARGE:
            return not is_precharged(self.evse_v, self.car.voltage_v(0.0))
        return self.evcc.state is State.WELDING_DETECTION and self.evse_v > SAFE_V

    def _switches(self, now_ns: int) -> bool:
        """Whether the vehicle's own contactors are still on their way; the next start finds them anew."""
        if self._start_ns < 0:
            self._start_ns = now_ns
        if now_ns - self._start_ns < to_ns(self.stage.scenario.ev.power_delivery_s):
            return True
        self._start_ns = -1
        return False

    def _hear_step(self, now_ns: int, response: Any) -> None:
        """An exchange outside the loop ends: hear, and pause before the next; or silence, or the end of the session."""
        evcc, step = self.evcc, self._step
        if self._answer.expected:  # its wake-up is still to come
            self._answer = Answer(self._env, 0, self._apply_place, self._hear_step)
        if response is None:
            self._expire(now_ns)
            self._over.happen()
            return
        meaning = evcc.receive(response, now_ns)
        if meaning is ENDED:
            self._over.happen()
            return
        if evcc.needs is not None:
            take_over(self)
        if step in PATIENT:
            self.evse_v = response.evse_present_voltage.number
        elif step is _STAND_BY and meaning is Meaning.WARNING:
            self.standby_refused = True
        following = evcc.next_step
        pause_ns = self.repeat_ns if following is step else self._pause_ns
        if evcc.state is _STANDBY:
            pause_ns = min(to_ns(self.stage.scenario.ev.standby_poll_s), max(self.departure_ns - now_ns, pause_ns))
        self._turn_due.at(now_ns + pause_ns, following)

    def _reason(self) -> str:
        if self.station.lost is not None:
            return self.station.lost
        assert self.evcc.ended is not None, "the session is over"
        if self.evcc.ended is EndReason.TERMINATED and self._departs:
            return "departure"
        reason = self.evcc.detail or self.evcc.ended.value
        return self.station.blamed(reason) if self.evcc.ended is not EndReason.TERMINATED else reason

    # --- between two sessions ---

    def _comes_back(self) -> Generator[Any, Any, bool]:
        """Wait until departure; true if the session is to be taken up again, or another begun, before."""
        env, section = self.stage.env, self.stage.scenario.ev
        after_s: float | None = None
        if self.evcc.ended is EndReason.PAUSED:
            after_s = section.wake_after_s
        elif self.evcc.ended is not EndReason.TERMINATED and not self._dead and section.retry_after_s is not None:
            after_s = max(section.retry_after_s, self.stage.scenario.evse.forced_open_s + 0.1)
        wake_ns = NEVER_NS if after_s is None else env.now_ns + to_ns(after_s)
        sleeps = self.evcc.ended is EndReason.PAUSED
        while env.now_ns < self.departure_ns:
            woken = yield from self._sleep_until(min(wake_ns, self.departure_ns))
            if env.now_ns < self.departure_ns and ((woken and sleeps) or env.now_ns >= wake_ns):
                return True
        return False

    def _sleep_until(self, at_ns: int) -> Generator[Any, Any, bool]:
        """Wait; true if somebody has woken the vehicle before its time."""
        self._doze = doze = Event(self.stage.env)
        At(self.stage.env, at_ns, self._offer_place, lambda _: doze.triggered or doze.succeed(False))
        woken: bool = yield doze
        self._doze = None
        return woken

    def wake(self, woken: bool = True) -> None:
        """The pilot toggles, or the vehicle's own timer rings; not `woken`: look at the plan again."""
        if self._doze is not None and not self._doze.triggered:
            self._doze.succeed(woken)

    def _reconnect(self) -> None:
        """A new link: the paused session is taken up again, or another one begun."""
        now_ns = self.stage.env.now_ns
        paused = self.evcc.suspended
        self.stage.recorder.event(now_ns, self._ev_id, "reconnected", "to the paused session" if paused else "anew")
        self.evcc = EVCC(self.evcc.settings, paused, self.evcc.evcc_id)
        self.station.reconnect(now_ns)
        self.evse_v = self.evse_a = 0.0
        self._start_ns = -1
        self._wire_up()

    # --- plug ---

    def change_departure(self, departure_ns: int) -> None:
        """The driver changes the plan; the next request says so."""
        self.departure_ns = departure_ns
        self.wake(False)

    def _plug_in(self) -> None:
        stage = self.stage
        stage.fleet.plug_in(self.car)
        self.station.couple(self.car)
        stage.recorder.event(stage.env.now_ns, self.visit.ev_id, "plug_in", self.visit.vehicle.name)

    def _unplug(self, now_ns: int) -> None:
        stage = self.stage
        self.station.uncouple()
        stage.fleet.unplug(self.car, now_ns)
        self.unplug_ns = now_ns
        stage.recorder.event(now_ns, self.visit.ev_id, "unplug", self.end_reason)
        stage.ledger.close(self, now_ns)
        self._forget()

    def _forget(self) -> None:
        """It is gone: what may still be due holds on to nobody, so that memory comes back at once."""
        self._turn_due.stop()
        self._answer.stop()
        self._then = self.evcc.stop
        self.process = None
