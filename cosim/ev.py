"""The vehicle: plugs in, agrees, loops at its own phase and gap, leaves.

It drives the cadence; physics bounds what it does.
"""

import math
from collections.abc import Callable, Generator
from typing import Any, NamedTuple

from simpy import Event, Interrupt, Process

from cosim.car import NEVER_NS, Car, power_in_segment_w, settle, settled_soc, voltage_at_v
from cosim.driver import APPLY, DECIDE, OFFER, Answer, At, Moment, Recurring, Signal, place
from cosim.evse import Station
from cosim.journal import LOOP_REQUESTS, TO_EVSE
from cosim.offer import obey, offer
from cosim.scenario import NS, to_ns
from cosim.stage import Stage
from models.car.vehicle import Vehicle
from models.draws import stream_key, uniform
from protocol.iso20.codes import ChargeProgress, EVSENotification, Processing
from protocol.iso20.evcc import EVCC, Offer, OfferAside
from protocol.iso20.evcc import Event as Meaning
from protocol.iso20.profiles import Profile, Schedule, follow, power_at_w
from protocol.iso20.requests import OFFERED
from protocol.iso20.sequence import State, Step
from protocol.iso20.services import SERVICES
from protocol.iso20.session import EndReason

PRECHARGE_TOLERANCE_V = 20.0  # between station and battery before the contactors close
SAFE_V = 60.0  # below it, welding detection is satisfied
NO_CURRENT_A = 0.5
NOTHING = Offer()
ENDED = Meaning.ENDED  # looking it up in its class costs more than the rest of the comparison


class Visit(NamedTuple):
    """One stay of one vehicle at one charging point, as planned by its driver."""

    ev_id: int
    arrive_ns: int
    leave_ns: int
    soc: float
    target_soc: float
    minimum_soc: float
    maximum_soc: float
    v2x_low_soc: float
    v2x_high_soc: float
    vehicle: Vehicle
    service: str
    charge_w: float  # rating at the plug
    discharge_w: float  # rating at the plug; 0 for charging only


class Cut(NamedTuple):
    """What an interrupt of the vehicle's process says: a fault of this kind, and whether the vehicle is gone."""

    kind: str
    unplugged: bool = False
    dead: bool = False  # the controller is: it says nothing more, and begins nothing new


class Ev:
    """One vehicle from plug-in to unplugging."""

    __slots__ = (
        "_answer",
        "_apply_place",
        "_dead",
        "_decide_place",
        "_departs",
        "_doze",
        "_env",
        "_ev_id",
        "_evse_v",
        "_gap_jitter_ns",
        "_gap_key",
        "_gap_ns",
        "_in_full",
        "_is_dc",
        "_journal",
        "_leaving",
        "_left_loop",
        "_needs_ns",
        "_offer_place",
        "_pause_ns",
        "_repeat_ns",
        "_request_there",
        "_scheduled",
        "_standby_refused",
        "_then",
        "_turn_due",
        "car",
        "departure_ns",
        "end_reason",
        "evcc",
        "evse_a",
        "first_loop_ns",
        "in_loop",
        "lines",
        "obeyed_w",
        "offer_ns",
        "offer_soc",
        "offer_w",
        "process",
        "requests",
        "row",
        "stage",
        "station",
        "stop_ns",
        "unplug_ns",
        "visit",
    )

    def __init__(self, stage: Stage, visit: Visit, evcc: EVCC, station: Station, car: Car) -> None:
        self.stage = stage
        self.visit = visit
        self.evcc = evcc
        self.station = station
        self.car = car
        self.departure_ns = visit.leave_ns
        self.first_loop_ns = -1
        self.stop_ns = -1
        self.unplug_ns = -1
        self.end_reason = "running"
        self.in_loop = False
        scenario = stage.scenario
        self._is_dc = station.is_dc
        self._gap_ns = to_ns(scenario.ev.loop_gap_s)
        self._gap_jitter_ns = to_ns(scenario.ev.loop_gap_jitter_s)
        self._gap_key = stream_key(scenario.seed, "ev.loop_gap")
        self._pause_ns = to_ns(scenario.ev.answer_s)
        self._repeat_ns = to_ns(scenario.ev.repeat_s)
        self._offer_place = place(OFFER, visit.ev_id)
        self._apply_place = place(APPLY, visit.ev_id)
        self._decide_place = place(DECIDE, visit.ev_id)
        self._env, self._journal, self.lines = stage.env, stage.journal, stage.lines
        self._ev_id = visit.ev_id
        self._in_full = stage.journal.in_full(visit.ev_id)
        self.requests = 0
        self._leaving = False
        self.obeyed_w = math.nan
        self.offer_ns = 0
        self.offer_soc = self.offer_w = 0.0  # state of charge and power behind the last offer
        self.row = -1  # in the fleet lane; -1: not there
        self._left_loop = Signal()
        self._evse_v = 0.0
        self.evse_a = 0.0
        self._then: Callable[[], object] = evcc.stop  # what is wished once power is down
        self._departs = False  # it is the driver who wants to go
        self._standby_refused = False
        self._scheduled = scenario.ev.control_mode == "scheduled"
        self._needs_ns = -1  # of what the station has settled and this car has taken over
        self._dead = False
        self._doze: Event | None = None
        self.process: Process | None = None
        self._wire_up()

    def _wire_up(self) -> None:
        """The callbacks of one session's loop."""
        env = self.stage.env
        self._request_there = Recurring(env, self._decide_place, self.station.request_arrives)
        self._turn_due = Recurring(env, self._offer_place, self._turn)
        self._answer: Answer[Any] = Answer(env, 0, self._apply_place, self._hear)  # to each request of the loop

    # --- the story ---

    def live(self) -> Generator[Any, Any, None]:
        """Plug in, talk, perhaps sleep and talk again, unplug at departure."""
        env = self.stage.env
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

    def _converse(self) -> Generator[Any, Any, None]:
        """One session, from its first message to its end."""
        evcc = self.evcc
        evcc.connect(self.stage.env.now_ns)
        try:
            while evcc.ended is None:
                step = evcc.next_step
                if step in LOOP_REQUESTS:
                    yield from self._charge_loop()
                else:
                    yield from self._agree(step)
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
        self._dead = cut.dead
        self.in_loop = False

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
        self.evcc = EVCC(self.evcc.settings, paused)
        self.station.reconnect(now_ns)
        self._evse_v = self.evse_a = 0.0
        self._wire_up()

    def _agree(self, step: Step) -> Generator[Any, Any, None]:
        """One exchange outside the loop, and the pause before the next."""
        env, evcc = self.stage.env, self.evcc
        if evcc.state is State.STANDBY:
            self._look_up(env.now_ns)
            step = evcc.next_step
        processing = Processing.ONGOING if self._needs_time() else Processing.FINISHED
        if step is ChargeProgress.STOP:
            self.stop_ns = env.now_ns
        if step in (ChargeProgress.STOP, ChargeProgress.STANDBY):
            self.in_loop = False
        response = yield self._ask(step, env.now_ns, processing)
        if response is None:
            self._expire(env.now_ns)
            return
        meaning = evcc.receive(response, env.now_ns)
        if meaning is ENDED:
            return
        self._take_over()
        if meaning is Meaning.WARNING and step is ChargeProgress.STANDBY:
            self._standby_refused = True
        present_v = getattr(response, "evse_present_voltage", None)
        if present_v is not None:
            self._evse_v = present_v.number
        pause_ns = self._repeat_ns if evcc.next_step is step else self._pause_ns
        if evcc.state is State.STANDBY:
            pause_ns = min(to_ns(self.stage.scenario.ev.standby_poll_s), max(self.departure_ns - env.now_ns, pause_ns))
        yield At(env, env.now_ns + pause_ns, self._offer_place)

    def _look_up(self, now_ns: int) -> None:
        """In standby: whether to go on, to leave, or to wait."""
        if now_ns >= self.departure_ns:
            self._departs = True
            self.evcc.stop()
        elif self.evcc.notification is not None:
            self.evcc.heed()

    def _expire(self, now_ns: int) -> None:
        """No answer has come in time."""
        self.evcc.timeout(now_ns)
        self.stage.recorder.event(now_ns, self._ev_id, "timer", f"EVCC: {self.evcc.detail}")

    def _needs_time(self) -> bool:
        """Whether the vehicle's own side of this phase is not finished."""
        if self.evcc.state is State.PRE_CHARGE:
            return abs(self._evse_v - self.car.voltage_v(0.0)) > PRECHARGE_TOLERANCE_V
        return self.evcc.state is State.WELDING_DETECTION and self._evse_v > SAFE_V

    def _charge_loop(self) -> Generator[Any, Any, None]:
        """Take turns until the vehicle wants something else or the session ends; the turns follow by themselves."""
        now_ns = self._env.now_ns
        if self.first_loop_ns < 0:
            self.first_loop_ns = now_ns
            self._heed_ramp_limitation()
            self.stage.kpis.reached_loop += 1
        self.in_loop = True
        self._leaving = False
        self.obeyed_w = math.nan
        if not self._turns_away(now_ns):
            self._left_loop = Signal()
            self._ask_in_turn(now_ns)
            yield self._left_loop

    def _turn(self, _: Moment) -> None:
        """The next offer is due."""
        now_ns = self._env.now_ns
        if self._turns_away(now_ns):
            self._left_loop.happen()
        else:
            self._ask_in_turn(now_ns)

    def _hear(self, event: Moment) -> None:
        """A turn ends: hear, apply, and wait for the gap; or silence, or the end of the session."""
        response, now_ns = event._value, self._env.now_ns
        if response is None:
            self._expire(now_ns)
        elif self.evcc.receive(response, now_ns) is not ENDED:
            self._apply(response, now_ns)
            if self.evcc.needs is not None:
                self._take_over()
            self._wait(now_ns)
            return
        self._left_loop.happen()

    def _wait(self, now_ns: int) -> None:
        """A turn is over: the next follows after the gap, here or in the fleet lane."""
        gap_ns = self._gap_ns
        if self._gap_jitter_ns:
            draw = uniform(self._gap_key, self._ev_id, self.requests)
            gap_ns += math.floor(self._gap_jitter_ns * draw)
        lane = self.stage.lane
        if lane is not None and lane.takes(self):
            lane.adopt(self, now_ns + gap_ns)
        else:
            self._turn_due.at(now_ns + gap_ns)

    # --- back from the fleet lane ---

    def resume(self, offer_ns: int) -> None:
        """The next offer is ours again, at `offer_ns`."""
        self._turn_due.at(offer_ns)

    def ask_again(self, offer_ns: int) -> None:
        """The offer made at `offer_ns` is on its way to a station that will not answer any more."""
        self.requests -= 1
        self._ask_in_turn(offer_ns)

    def hear_later(self, apply_ns: int) -> None:
        """An answer arrives at `apply_ns` from a station that is gone by then: there is nothing left to obey."""
        At(self._env, apply_ns, self._apply_place, lambda _: self._wait(apply_ns))

    @property
    def in_lane(self) -> bool:
        """Whether the fleet lane has it."""
        return self.row >= 0

    def _heed_ramp_limitation(self) -> None:
        """EVSEPowerRampLimitation, in percent of the station's rating per minute, binds from the first setpoint on."""
        limits = self.evcc.evse_limits
        if limits is not None and limits.ramp_limit_percent_per_min == limits.ramp_limit_percent_per_min:
            self.car.limit_ramps(limits.ramp_limit_percent_per_min / 100.0 * limits.maximum_charge_w / 60.0)

    def _ask(self, step: Step, now_ns: int, processing: Processing) -> Answer[Any]:
        """Send the next request outside the loop; the answer, or None for silence, is what the caller waits for."""
        # Most of the set-up speaks of nothing that the vehicle would have to look up in itself.
        said = self._offer(now_ns) if step in OFFERED or self.first_loop_ns >= 0 else NOTHING
        request = self.evcc.request(said, now_ns, processing)
        deadline_ns = self.evcc.deadline_ns
        assert deadline_ns is not None, "a request is outstanding, so its timer runs"
        answer: Answer[Any] = Answer(self._env, deadline_ns, self._apply_place)
        self._journal.sent(now_ns, self._ev_id, TO_EVSE, request, self.evcc.session_id)
        self._send(request, answer, now_ns)
        return answer

    def _ask_in_turn(self, now_ns: int) -> None:
        """Send a request of the loop; `_hear` gets the answer."""
        evcc, answer = self.evcc, self._answer
        request = evcc.request(self._offer(now_ns), now_ns)
        assert evcc.deadline_ns is not None, "a request is outstanding, so its timer runs"
        answer.renew(evcc.deadline_ns)
        if self._in_full:
            self._journal.sent(now_ns, self._ev_id, TO_EVSE, request, evcc.session_id)
        else:
            self._journal.counts[request.__class__] += 1
        self._send(request, answer, now_ns)

    def _send(self, request: Any, answer: Answer[Any], now_ns: int) -> None:
        self.requests += 1
        if self.stage.wire is not None:
            request = self.stage.wire.carry(now_ns, self._ev_id, TO_EVSE, request)
        arrival_ns = now_ns + self.lines.request_ns(self._ev_id, self.requests)
        if arrival_ns >= answer.deadline_ns:
            answer.expect()  # it will come too late: silence ends at the deadline, not when it arrives
        self._request_there.at(arrival_ns, (request, answer))

    def _reason(self) -> str:
        if self.station.lost is not None:
            return self.station.lost
        assert self.evcc.ended is not None, "the session is over"
        if self.evcc.ended is EndReason.TERMINATED and self._departs:
            return "departure"
        reason = self.evcc.detail or self.evcc.ended.value
        return self.station.blamed(reason) if self.evcc.ended is not EndReason.TERMINATED else reason

    @property
    def disturbance(self) -> str | None:
        """What makes the next turn of the loop other than plain on the vehicle's side; None if nothing does.

        Each is a reason why a pair cannot run in a faster way than message by message.
        """
        evcc = self.evcc
        if self.lines is not self.stage.lines:
            return "a fault is in force"
        if self._scheduled:
            return "Scheduled mode: the vehicle follows its own promise"
        if self._leaving or not evcc.in_plain_loop:
            return "the vehicle leaves, or wants something else than another turn"
        if evcc.needs is not None:
            return "the station settles departure and charge"
        if evcc.agreed is not None and evcc.agreed.single_phase:
            return "powers lie on one phase"
        return None

    # --- plug ---

    def change_departure(self, departure_ns: int) -> None:
        """The driver changes the plan; the next request says so."""
        self.departure_ns = departure_ns
        self.wake(False)

    def change_target(self, soc: float) -> float:
        """The driver wants another state of charge at departure; returns it, within the car's bounds."""
        kind = self.car.kind
        soc = min(max(soc, kind.minimum_soc), kind.maximum_soc)
        self.visit = self.visit._replace(target_soc=soc)
        return soc

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

    # --- what it does in the loop ---

    def _turns_away(self, now_ns: int) -> bool:
        """Whether departure or a notification makes the next request another than a loop."""
        if self._leaving or now_ns >= self.departure_ns:
            return self._leaves(now_ns)
        notification = self.evcc.notification
        return notification is not None and self._heeds(notification.kind, now_ns)

    def _heeds(self, kind: EVSENotification, now_ns: int) -> bool:
        """Obey what the station asks for: at once, or as soon as power is down."""
        evcc = self.evcc
        if kind in (EVSENotification.SCHEDULE_RENEGOTIATION, EVSENotification.METERING_CONFIRMATION):
            return evcc.heed() and evcc.next_step not in LOOP_REQUESTS
        if kind is EVSENotification.EXIT_STANDBY:
            return False
        if kind is EVSENotification.SERVICE_RENEGOTIATION and not evcc.service_renegotiation:
            return False
        stands_by = self.stage.scenario.ev.pause_answer == "standby" and not self._standby_refused
        self._then = evcc.stand_by if kind is EVSENotification.PAUSE and stands_by else evcc.heed
        if kind is EVSENotification.SERVICE_RENEGOTIATION:
            self._then = self._choose_again
        return self._leaves(now_ns)

    def _choose_again(self) -> None:
        """Power is down: go back to the choice of services, with what the car can do in the one that is proposed."""
        services = self.station.proposed
        if services:
            self._can_discharge(any(SERVICES[service_id].is_bpt for service_id in services))
        self.evcc.renegotiate_service(services)

    def _can_discharge(self, wanted: bool) -> None:
        """Take discharging into the car's ratings, or out of them."""
        car, vehicle, settings = self.car, self.visit.vehicle, self.evcc.settings
        rated_w = vehicle.maximum_dc_discharge_w if self._is_dc else vehicle.maximum_ac_discharge_w
        discharge_w = rated_w if wanted else 0.0
        least_w = car.kind.converter.minimum_discharge_w if discharge_w > 0.0 else 0.0
        kind = car.kind._replace(discharge_w=discharge_w, minimum_discharge_w=least_w)
        car.kind = self.stage.kinds.setdefault(kind, kind)
        self.evcc.settings = settings._replace(
            ratings=settings.ratings._replace(
                maximum_discharge_w=discharge_w,
                minimum_discharge_w=least_w,
                maximum_discharge_a=vehicle.maximum_dc_a if self._is_dc and discharge_w > 0.0 else 0.0,
            )
        )

    def _leaves(self, now_ns: int) -> bool:
        """AC: the vehicle ramps to zero itself. DC: limits of zero tell the station to. Then PowerDeliveryReq(Stop)."""
        if not self._leaving:
            self._leaving = True
            if not self._is_dc:
                self.car.ramp_off(now_ns)
        if now_ns >= self.departure_ns:
            self._departs = True
            self._then = self.evcc.stop
        at_rest = abs(self.evse_a) < NO_CURRENT_A if self._is_dc else self.car.power_w(now_ns) == 0.0
        if at_rest:
            self._then()
        return at_rest

    def _apply(self, response: Any, now_ns: int) -> None:
        """AC: aim at the setpoint, within the vehicle's own limits of this instant. DC: note the working point."""
        if self._is_dc:
            self.evse_a = response.evse_present_current.number
            return
        setpoint_w = self._promised_w(now_ns) if self._scheduled else self.evcc.target_w
        if setpoint_w == self.obeyed_w or self._leaving or self.station.lost is not None:
            return  # the last one: the pilot is off
        self.car.make_room()
        self.obeyed_w = obey(self.car, self.car.kind, self.car.sums, setpoint_w, now_ns)

    def _offer(self, now_ns: int) -> Offer:
        """What the vehicle states of itself now."""
        car = self.car
        kind = car.kind
        settle(car, kind, car.sums, now_ns)
        soc, power_w = settled_soc(car, kind), power_in_segment_w(car, now_ns)
        voltage_v = voltage_at_v(kind, soc, power_w) if kind.is_dc else 0.0
        self.offer_ns, self.offer_soc, self.offer_w = now_ns, soc, power_w
        said = offer(kind, self.visit.target_soc, soc, self.departure_ns - now_ns, power_w, voltage_v)
        if self._scheduled:
            said = said._replace(aside=self._aside(said, now_ns))
        if self._leaving:
            return said._replace(maximum_charge_w=0.0, maximum_discharge_w=0.0, maximum_discharge_a=0.0)
        return said

    # --- Scheduled mode: the car follows what it has promised ---

    def _aside(self, said: Offer, now_ns: int) -> OfferAside:
        """The promise for the next start, and on DC the current that keeps the one in force."""
        evcc = self.evcc
        profile = None
        if evcc.schedules and evcc.state is not State.CHARGE_LOOP:
            profile = self._promise(evcc.schedules[0], said, now_ns)
        target_a = 0.0
        if self._is_dc and evcc.profile is not None and not self._leaving and said.present_v > 0.0:
            target_a = self._promised_w(now_ns) / said.present_v
        return OfferAside(target_a=target_a, profile=profile)

    def _promise(self, schedule: Schedule, said: Offer, now_ns: int) -> Profile:
        """Take as much of the schedule as the car can: a station that grants discharging only is helped out."""
        anchor_s = self.evcc.clock_s(now_ns)
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

    def _promised_w(self, now_ns: int) -> float:
        """Power that the promise in force names for now."""
        profile = self.evcc.profile
        if profile is None:
            return 0.0
        return power_at_w(profile.steps, float(self.evcc.clock_s(now_ns) - profile.anchor_s))

    # --- MobilityNeedsMode 2: the station settles departure and charge ---

    def _take_over(self) -> None:
        """What the station has settled becomes the car's own plan."""
        evcc = self.evcc
        needs = evcc.needs
        if needs is None or evcc.needs_ns == self._needs_ns:
            return
        self._needs_ns = evcc.needs_ns
        if needs.departure_s is not None:
            departure_ns = evcc.needs_ns + needs.departure_s * NS
            if abs(departure_ns - self.departure_ns) > 2 * NS:  # whole seconds on the wire
                self.change_departure(departure_ns)
        if needs.minimum_soc is not None and abs(needs.minimum_soc / 100.0 - self.car.kind.minimum_soc) > 0.005:
            floor_soc = min(needs.minimum_soc / 100.0, self.car.kind.maximum_soc)
            kind = self.car.kind._replace(minimum_soc=floor_soc)
            self.car.kind = self.stage.kinds.setdefault(kind, kind)
            self.change_target(self.visit.target_soc)
        if needs.target_soc is not None and abs(needs.target_soc / 100.0 - self.visit.target_soc) > 0.005:
            self.change_target(needs.target_soc / 100.0)
