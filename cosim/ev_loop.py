"""The vehicle in the charge loop: it offers at its own phase and gap, applies what it hears, and turns away when it
wants something else. `Ev` tells the rest of its story.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from cosim.car import Car, soc_at, voltage_at_v
from cosim.driver import APPLY, DECIDE, OFFER, Answer, At, Recurring, place
from cosim.evse import Station
from cosim.heeding import heeds, take_over
from cosim.journal import TO_EVSE
from cosim.offer import obey, offer
from cosim.promise import aside, promised_w, reconsiders
from cosim.scenario import NS
from cosim.segment import power_in_segment_w
from cosim.stage import Stage
from cosim.visit import Visit
from models.draws import stream_key, uniform
from protocol.iso20.evcc import EVCC, Offer
from protocol.iso20.evcc import Event as Meaning
from protocol.iso20.profiles import Profile

NO_CURRENT_A = 0.5
ENDED = Meaning.ENDED  # looking it up in its class costs more than the rest of the comparison


class EvInLoop(ABC):
    """One vehicle as far as it takes turns; where it turns away, `Ev` goes on."""

    __slots__ = (
        "_answer",
        "_apply_place",
        "_decide_place",
        "_departs",
        "_env",
        "_ev_id",
        "_gap_jitter_ns",
        "_gap_key",
        "_gap_ns",
        "_hears_ahead",
        "_in_full",
        "_journal",
        "_offer_place",
        "_request_there",
        "_said",
        "_same_until_ns",
        "_scheduled",
        "_then",
        "_turn_due",
        "car",
        "departure_ns",
        "evcc",
        "evse_a",
        "first_loop_ns",
        "in_loop",
        "is_dc",
        "leaving",
        "line",
        "needs_ns",
        "obeyed_w",
        "offer_ns",
        "offer_soc",
        "offer_w",
        "profile_factor",
        "requests",
        "row",
        "stage",
        "standby_refused",
        "station",
        "visit",
        "warned",
    )

    def __init__(self, stage: Stage, visit: Visit, evcc: EVCC, station: Station, car: Car) -> None:
        self.stage = stage
        self.visit = visit
        self.evcc = evcc
        self.station = station
        self.car = car
        self.departure_ns = visit.leave_ns
        self.first_loop_ns = -1
        self.in_loop = False
        scenario = stage.scenario
        self.is_dc = station.is_dc
        self._gap_ns, self._gap_jitter_ns = stage.spans.loop_gap_ns, stage.spans.loop_gap_jitter_ns
        self._gap_key = stream_key(scenario.seed, "ev.loop_gap")
        self._offer_place = place(OFFER, visit.ev_id)
        self._apply_place = place(APPLY, visit.ev_id)
        self._decide_place = place(DECIDE, visit.ev_id)
        self._env, self._journal, self.line = stage.env, stage.journal, station.line
        self._ev_id = visit.ev_id
        self._in_full = stage.journal.in_full(visit.ev_id)
        self.requests = 0
        self.leaving = False
        self.obeyed_w = math.nan
        self.offer_ns = 0
        self.offer_soc = self.offer_w = 0.0  # state of charge and power behind the last offer
        self.row = -1  # in the fleet lane; -1: not there
        self.evse_a = 0.0
        self._then: Callable[[], object] = evcc.stop  # what is wished once power is down
        self._departs = False  # it is the driver who wants to go
        self.standby_refused = False
        self._scheduled = scenario.ev.control_mode == "scheduled"
        self._hears_ahead = stage.lane is None and not scenario.faults and not self._scheduled
        self._said: tuple[Any, ...] = ()  # what the last offer at rest was made from
        self._same_until_ns = 0  # until then it has the same whole seconds to departure
        self.profile_factor = 1.0  # of what was promised; a fault makes it another
        self.warned: Profile | None = None  # the promise that the station has warned of
        self.needs_ns = -1  # of what the station has settled and this car has taken over
        self._request_there: Recurring  # the three callbacks of a session, see `Ev._wire_up`
        self._turn_due: Recurring
        self._answer: Answer[Any]

    # --- turn by turn ---

    def _enter_loop(self, now_ns: int) -> None:
        """Take turns until the vehicle wants something else or the session ends; they follow by themselves."""
        if self.first_loop_ns < 0:
            self.first_loop_ns = now_ns
            self._heed_ramp_limitation()
            self.stage.kpis.reached_loop += 1
        self.in_loop = True
        self.leaving = False
        self.obeyed_w = math.nan
        if self._turns_away(now_ns):
            self._leave_loop(now_ns)
        else:
            self._take_turns()
            self.station.attended = True
            self._ask_in_turn(now_ns)

    def _take_turns(self) -> None:
        """What is due from now on is a turn of the loop."""
        self._turn_due.call = self._turn
        self._answer.calls(self._hear, self._hear_ahead if self._hears_ahead else None)

    @abstractmethod
    def _leave_loop(self, now_ns: int) -> None:
        """The next request is another, or the session is over."""

    def _heed_ramp_limitation(self) -> None:
        """EVSEPowerRampLimitation, in percent of the station's rating per minute, binds from the first setpoint on."""
        limits = self.evcc.evse_limits
        if limits is not None and limits.ramp_limit_percent_per_min == limits.ramp_limit_percent_per_min:
            self.car.limit_ramps(limits.ramp_limit_percent_per_min / 100.0 * limits.maximum_charge_w / 60.0)
            self.car.kind = self.stage.kinds.setdefault(self.car.kind, self.car.kind)

    def _turn(self, now_ns: int, _: object) -> None:
        """The next offer is due."""
        evcc = self.evcc
        unasked = evcc.notification is None and evcc.warning is None
        if (unasked and now_ns < self.departure_ns and not self.leaving) or not self._turns_away(now_ns):
            self._send(self._same_again(now_ns) or evcc.request(self._offer(now_ns), now_ns), now_ns, self._in_full)
        else:
            self._turns_end(now_ns)

    def _ask_in_turn(self, now_ns: int) -> None:
        """Send a request of the loop; `_hear` gets the answer."""
        request = self._same_again(now_ns) or self.evcc.request(self._offer(now_ns), now_ns)
        self._send(request, now_ns, self._in_full)

    def _send(self, request: Any, now_ns: int, in_full: bool = True) -> None:
        """Let a request leave, written down `in_full` or only counted; the answer comes to `_answer`."""
        answer, deadline_ns = self._answer, self.evcc.deadline_ns
        assert deadline_ns is not None, "a request is outstanding, so its timer runs"
        answer.deadline_ns = deadline_ns
        if in_full:
            self._journal.sent(now_ns, self._ev_id, TO_EVSE, request, self.evcc.session_id)
        else:
            self._journal.counts[request.__class__] += 1
        self.requests += 1
        if self.stage.wire is not None:
            request = self.stage.wire.carry(now_ns, self._ev_id, TO_EVSE, request)
        arrival_ns = now_ns + self.line.request_ns(self.requests)
        if arrival_ns >= deadline_ns:
            answer.expect()  # it will come too late: silence ends at the deadline, not when it arrives
        station_ns = self.station.secc.deadline_ns
        if station_ns is not None and arrival_ns >= station_ns:
            self.station.watch()
        self._request_there.at(arrival_ns, (request, answer))

    def _turns_end(self, now_ns: int) -> None:
        """Leave the loop: from now on the station looks after its timer itself."""
        self.station.attended = False
        self.station.watch()
        self._leave_loop(now_ns)

    def _hear(self, now_ns: int, response: Any) -> None:
        """A turn ends: hear, apply, and wait for the gap; or silence, or the end of the session."""
        if response is None:
            self._expire(now_ns)
        elif self.evcc.receive(response, now_ns) is not ENDED:
            self._apply(response, now_ns)
            if self.evcc.needs is not None:
                take_over(self)
            self._wait(now_ns)
            return
        self._turns_end(now_ns)

    def _hear_ahead(self, response: Any, at_ns: int) -> bool:
        """Hear a plain response when it is sent, as of `at_ns`, when it will be there; whether it was heard.

        Between the two instants nothing can come that would change what follows from it: no fault, no lane, nothing
        that the car does by itself. So an event is saved.
        """
        if not (self.is_dc or at_ns < self.car.due_ns) or not self.evcc.hear_plain(response, at_ns):
            return False
        self._apply(response, at_ns)
        self._wait(at_ns)
        return True

    def _expire(self, now_ns: int) -> None:
        """No answer has come in time."""
        self.evcc.timeout(now_ns)
        self.stage.recorder.event(now_ns, self._ev_id, "timer", f"EVCC: {self.evcc.detail}")

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
            turn_ns = now_ns + gap_ns
            station_ns = self.station.secc.deadline_ns
            if station_ns is not None and turn_ns >= station_ns:
                self.station.watch()
            self._turn_due.at(turn_ns)

    # --- what it says and does in a turn ---

    def _same_again(self, now_ns: int) -> Any:
        """The last request once more, if the car rests and only the time to departure may have changed; else None."""
        car = self.car
        # The battery is as it was while the segment is the same.
        said = (car.segment_ns, self.departure_ns, car.kind, self.visit)
        if car.target_w != 0.0 or now_ns >= car.due_ns or said != self._said or self.leaving:
            rests = car.target_w == 0.0 and car.end_ns <= now_ns < car.due_ns
            self._said = said if rests and not self.leaving and not self._scheduled else ()
            self._same_until_ns = 0
            return None
        self.offer_ns = now_ns
        if now_ns < self._same_until_ns:
            return self.evcc.request_again(now_ns)
        departure_s = (self.departure_ns - now_ns) * 1e-9
        self._same_until_ns = self.departure_ns - math.floor(departure_s) * NS
        return self.evcc.request_again(now_ns, departure_s)

    def _offer(self, now_ns: int) -> Offer:
        """What the vehicle states of itself now."""
        car = self.car
        kind = car.kind
        soc = car.soc_seen = soc_at(car, kind, car.sums, now_ns)
        power_w = power_in_segment_w(car, now_ns)
        voltage_v = voltage_at_v(kind, soc, power_w) if kind.is_dc else 0.0
        self.offer_ns, self.offer_soc, self.offer_w = now_ns, soc, power_w
        said = offer(kind, self.visit.target_soc, soc, self.departure_ns - now_ns, power_w, voltage_v)
        if self._scheduled:
            said = said._replace(aside=aside(self, said, now_ns))
        if self.leaving:
            return said._replace(maximum_charge_w=0.0, maximum_discharge_w=0.0, maximum_discharge_a=0.0)
        return said

    def _apply(self, response: Any, now_ns: int) -> None:
        """AC: aim at the setpoint, within the vehicle's own limits of this instant. DC: note the working point."""
        if self.is_dc:
            self.evse_a = response.evse_present_current.number
            return
        setpoint_w = self.profile_factor * promised_w(self.evcc, now_ns) if self._scheduled else self.evcc.target_w
        if setpoint_w == self.obeyed_w or self.leaving or self.station.lost is not None:
            return  # the last one: the pilot is off
        self.car.make_room()
        self.obeyed_w = obey(self.car, self.car.kind, self.car.sums, setpoint_w, now_ns)

    # --- what it turns away for ---

    def _turns_away(self, now_ns: int) -> bool:
        """Whether departure or a notification makes the next request another than a loop."""
        if self.leaving or now_ns >= self.departure_ns:
            return self._leaves(now_ns)
        if self._scheduled and reconsiders(self, now_ns):
            return True
        notification = self.evcc.notification
        return notification is not None and heeds(self, notification.kind, now_ns)

    def leaves_for(self, wish: Callable[[], object], now_ns: int) -> bool:
        """Leave the loop to wish this as soon as power is down; whether it is."""
        self._then = wish
        return self._leaves(now_ns)

    def _leaves(self, now_ns: int) -> bool:
        """AC: the vehicle ramps to zero itself. DC: limits of zero tell the station to. Then PowerDeliveryReq(Stop)."""
        if not self.leaving:
            self.leaving = True
            if not self.is_dc:
                self.car.ramp_off(now_ns)
        if now_ns >= self.departure_ns:
            self._departs = True
            self._then = self.evcc.stop
        at_rest = abs(self.evse_a) < NO_CURRENT_A if self.is_dc else self.car.power_w(now_ns) == 0.0
        if at_rest:
            self._then()
        return at_rest

    def change_target(self, soc: float) -> float:
        """The driver wants another state of charge at departure; returns it, within the car's bounds."""
        kind = self.car.kind
        soc = min(max(soc, kind.minimum_soc), kind.maximum_soc)
        self.visit = self.visit._replace(target_soc=soc)
        return soc

    # --- the fleet lane ---

    @property
    def disturbance(self) -> str | None:
        """What makes the next turn of the loop other than plain on the vehicle's side; None if nothing does.

        Each is a reason why a pair cannot run in a faster way than message by message.
        """
        evcc = self.evcc
        if self.line.troubled:
            return "a fault is in force"
        if self._scheduled:
            return "Scheduled mode: the vehicle follows its own promise"
        if self.leaving or not evcc.in_plain_loop:
            return "the vehicle leaves, or wants something else than another turn"
        if evcc.needs is not None:
            return "the station settles departure and charge"
        if evcc.agreed is not None and evcc.agreed.single_phase:
            return "powers lie on one phase"
        return None

    @property
    def in_lane(self) -> bool:
        """Whether the fleet lane has it."""
        return self.row >= 0

    def hand_over(self, row: int) -> None:
        """The lane has it: what only an exchange needs is made anew when it comes back."""
        self.row = row
        del self._request_there, self._turn_due, self._answer
        self.evcc.rest()

    def take_back(self) -> None:
        """It is ours again, between two exchanges of the loop."""
        self.row = -1
        self._wire_up()
        self._take_turns()

    @abstractmethod
    def _wire_up(self) -> None:
        """Make the callbacks of a session."""

    def resume(self, offer_ns: int) -> None:
        """Back from the lane, which has armed the station's timer: the next offer is ours, at `offer_ns`."""
        self._turn_due.at(offer_ns)

    def ask_again(self, offer_ns: int) -> None:
        """The offer made at `offer_ns` is on its way to a station that will not answer any more."""
        self.requests -= 1
        self._ask_in_turn(offer_ns)

    def hear_later(self, apply_ns: int) -> None:
        """An answer arrives at `apply_ns` from a station that is gone by then: there is nothing left to obey."""
        At(self._env, apply_ns, self._apply_place, lambda _: self._wait(apply_ns))
