"""The vehicle: plugs in, agrees, loops at its own phase and gap, leaves.

It drives the cadence; physics bounds what it does.
"""

import math
from collections.abc import Generator
from typing import Any, NamedTuple

from cosim.car import Car, power_in_segment_w, settle, settled_soc, voltage_at_v
from cosim.driver import APPLY, DECIDE, OFFER, Answer, At, Moment, Recurring, Signal, place
from cosim.evse import Station
from cosim.journal import LOOP_REQUESTS, TO_EVSE
from cosim.offer import obey, offer
from cosim.scenario import to_ns
from cosim.stage import Stage
from models.car.vehicle import Vehicle
from models.draws import stream_key, uniform
from protocol.iso20.codes import ChargeProgress, EVSENotification, Processing
from protocol.iso20.evcc import EVCC, Offer
from protocol.iso20.evcc import Event as Meaning
from protocol.iso20.sequence import State
from protocol.iso20.session import EndReason

PRECHARGE_TOLERANCE_V = 20.0  # between station and battery before the contactors close
SAFE_V = 60.0  # below it, welding detection is satisfied
NO_CURRENT_A = 0.5
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


class Ev:
    """One vehicle from plug-in to unplugging."""

    __slots__ = (
        "_answer",
        "_apply_place",
        "_decide_place",
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
        "_lines",
        "_offer_place",
        "_pause_ns",
        "_repeat_ns",
        "_request_there",
        "_turn_due",
        "car",
        "departure_ns",
        "end_reason",
        "evcc",
        "evse_a",
        "first_loop_ns",
        "in_loop",
        "obeyed_w",
        "offer_ns",
        "offer_soc",
        "offer_v",
        "requests",
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
        self._env, self._journal, self._lines = stage.env, stage.journal, stage.lines
        self._ev_id = visit.ev_id
        self._in_full = stage.journal.in_full(visit.ev_id)
        self.requests = 0
        self._leaving = False
        self.obeyed_w = math.nan
        self.offer_ns = 0
        self.offer_soc = self.offer_v = 0.0  # state of charge and voltage behind the last offer
        self._request_there = Recurring(stage.env, self._decide_place, station.request_arrives)
        self._turn_due = Recurring(stage.env, self._offer_place, self._turn)
        self._answer: Answer[Any] = Answer(stage.env, 0, self._apply_place, self._hear)  # to each request of the loop
        self._left_loop = Signal()
        self._evse_v = 0.0
        self.evse_a = 0.0

    # --- the story ---

    def live(self) -> Generator[Any, Any, None]:
        """Plug in, talk, unplug at departure."""
        stage, visit = self.stage, self.visit
        yield At(stage.env, visit.arrive_ns, self._offer_place)
        self._plug_in()
        self.evcc.connect(stage.env.now_ns)
        while self.evcc.ended is None:
            if self.evcc.next_step in LOOP_REQUESTS:
                yield from self._charge_loop()
            else:
                yield from self._agree()
        self.in_loop = False
        self.end_reason = self._reason()
        if self.car.energised:
            self.station.lose(self.end_reason)
        if stage.env.now_ns < self.departure_ns:
            yield At(stage.env, self.departure_ns, self._offer_place)
        if self.station.contactor_closed:  # the connector stays locked until power is off
            yield At(stage.env, max(self.car.end_ns, stage.env.now_ns), self._offer_place)
        self._unplug(stage.env.now_ns)

    def _agree(self) -> Generator[Any, Any, None]:
        """One exchange outside the loop, and the pause before the next."""
        env, evcc = self.stage.env, self.evcc
        step = evcc.next_step
        processing = Processing.ONGOING if self._needs_time() else Processing.FINISHED
        if step is ChargeProgress.STOP:
            self.stop_ns = env.now_ns
            self.in_loop = False
        response = yield self._ask(env.now_ns, processing)
        if response is None:
            evcc.timeout(env.now_ns)
            return
        if evcc.receive(response, env.now_ns) is Meaning.ENDED:
            return
        present_v = getattr(response, "evse_present_voltage", None)
        if present_v is not None:
            self._evse_v = present_v.number
        pause_ns = self._repeat_ns if evcc.next_step is step else self._pause_ns
        yield At(env, env.now_ns + pause_ns, self._offer_place)

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
            self.evcc.timeout(now_ns)
        elif self.evcc.receive(response, now_ns) is not ENDED:
            self._apply(response, now_ns)
            gap_ns = self._gap_ns
            if self._gap_jitter_ns:
                draw = uniform(self._gap_key, self._ev_id, self.requests)
                gap_ns += math.floor(self._gap_jitter_ns * draw)
            self._turn_due.at(now_ns + gap_ns)
            return
        self._left_loop.happen()

    def _heed_ramp_limitation(self) -> None:
        """EVSEPowerRampLimitation, in percent of the station's rating per minute, binds from the first setpoint on."""
        limits = self.evcc.evse_limits
        if limits is not None and limits.ramp_limit_percent_per_min == limits.ramp_limit_percent_per_min:
            self.car.limit_ramps(limits.ramp_limit_percent_per_min / 100.0 * limits.maximum_charge_w / 60.0)

    def _ask(self, now_ns: int, processing: Processing) -> Answer[Any]:
        """Send the next request outside the loop; the answer, or None for silence, is what the caller waits for."""
        request = self.evcc.request(self._offer(now_ns), now_ns, processing)
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
        arrival_ns = now_ns + self._lines.request_ns(self._ev_id, self.requests)
        if arrival_ns >= answer.deadline_ns:
            answer.expect()  # it will come too late: silence ends at the deadline, not when it arrives
        self._request_there.at(arrival_ns, (request, answer))

    def _reason(self) -> str:
        if self.station.lost is not None:
            return self.station.lost
        assert self.evcc.ended is not None, "the session is over"
        if self.evcc.ended is EndReason.TERMINATED and self._leaving:
            return "departure"
        return self.evcc.detail or self.evcc.ended.value

    # --- plug ---

    def change_departure(self, departure_ns: int) -> None:
        """The driver changes the plan; the next request says so."""
        self.departure_ns = departure_ns

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
        if notification is None or notification.kind is not EVSENotification.SCHEDULE_RENEGOTIATION:
            return False
        self.evcc.renegotiate_schedule()
        return True

    def _leaves(self, now_ns: int) -> bool:
        """AC: the vehicle ramps to zero itself. DC: limits of zero tell the station to. Then PowerDeliveryReq(Stop)."""
        if not self._leaving:
            self._leaving = True
            if not self._is_dc:
                self.car.ramp_off(now_ns)
        at_rest = abs(self.evse_a) < NO_CURRENT_A if self._is_dc else self.car.power_w(now_ns) == 0.0
        if at_rest:
            self.evcc.stop()
        return at_rest

    def _apply(self, response: Any, now_ns: int) -> None:
        """AC: aim at the setpoint, within the vehicle's own limits of this instant. DC: note the working point."""
        if self._is_dc:
            self.evse_a = response.evse_present_current.number
            return
        setpoint_w = self.evcc.target_w
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
        self.offer_ns, self.offer_soc, self.offer_v = now_ns, soc, voltage_v
        said = offer(kind, self.visit.target_soc, soc, self.departure_ns - now_ns, power_w, voltage_v)
        if self._leaving:
            return said._replace(maximum_charge_w=0.0, maximum_discharge_w=0.0, maximum_discharge_a=0.0)
        return said
