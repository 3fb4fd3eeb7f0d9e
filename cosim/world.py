"""The table of contents of a run: builds everything that a scenario names, lets it play, and says what came of it."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from cosim.account import Account, Outcome, outcome_of
from cosim.agenda import Agenda, Appointment
from cosim.build import Builder, session_timers
from cosim.checks import Check, Checks
from cosim.chosen import windows_ns
from cosim.clock import Clock
from cosim.control import limit_params
from cosim.driver import OFFER, At, Moment, place, seldom_collected
from cosim.ev import Ev
from cosim.evse_schedule import Needs
from cosim.faults import strike
from cosim.feasible import problems, warnings
from cosim.fleet import Fleet, Tick
from cosim.grid import Grid
from cosim.inputs import Inputs
from cosim.journal import Journal
from cosim.kpis import Kpis
from cosim.ledger import Ledger
from cosim.link import Lines
from cosim.loop import is_estimated, loop_estimate, loop_figures
from cosim.offer import limits_w
from cosim.on_phases import OnPhases, states_phases
from cosim.people import Offered, in_order_of_arrival, n_visits, offered, visit_of
from cosim.recorder import Part, Recorder
from cosim.scenario import DriverChange, Fault, Scenario, to_ns
from cosim.shard import ALONE, Shard
from cosim.site import lay_out, shard_of
from cosim.sources import nominal_hz
from cosim.stage import Stage
from cosim.sums import micro
from cosim.supply import Outage, Supply
from cosim.which_lane import why_message_lane
from cosim.wire import Tap, Wire
from protocol.iso20.codes import EVSENotification, ServiceID

__all__ = ["Check", "Outcome", "World", "problems", "warnings"]

ASKS = {
    "pause": EVSENotification.PAUSE,
    "exit_standby": EVSENotification.EXIT_STANDBY,
    "terminate": EVSENotification.TERMINATE,
    "schedule_renegotiation": EVSENotification.SCHEDULE_RENEGOTIATION,
    "service_renegotiation": EVSENotification.SERVICE_RENEGOTIATION,
    "metering_confirmation": EVSENotification.METERING_CONFIRMATION,
}
FORESEEN = 64  # so many vehicles before they come
END = OFFER + 1  # rank of the end of a run: after everything else of its instant


class World:
    """One run of one scenario, or a shard of it. `sink` receives the recorded parts as they close.

    Vehicles, stations and sessions are made when the vehicle arrives and forgotten when it leaves.
    """

    def __init__(
        self,
        scenario: Scenario,
        inputs: Inputs,
        sink: Callable[[Part], None],
        tap: Tap | None = None,
        shard: Shard = ALONE,
    ) -> None:
        """With messages as bytes, `tap` gets every frame."""
        self._scenario = scenario
        self._shard = shard
        self.lane_note = why_message_lane(scenario, inputs)  # why the fleet lane is not used
        env = Clock(_events_per_s(scenario, bool(self.lane_note)))
        checks = Checks(lambda: env.now_ns)
        kpis = Kpis(nominal_hz(scenario, inputs), scenario.fleet.cars_per_ev)
        fleet = Fleet(to_ns(scenario.grid.tick_s))
        count = n_visits(scenario, inputs)
        phases = OnPhases(count) if states_phases(scenario) else None
        recorder = Recorder(sink, scenario.record.part_rows, to_ns(scenario.record.part_s), phases)
        own = [ev_id for ev_id in range(count) if shard_of(ev_id, shard.shards) == shard.number]
        replaces_held = scenario.fleet.response == "replaces_held"
        all_offer = Offered()
        if replaces_held or is_estimated(scenario, inputs):
            all_offer = Offered(*shard.total(offered(scenario, inputs, own)))
        held_back_mw = all_offer.at_plug_w * scenario.fleet.cars_per_ev * 1e-6 if replaces_held else 0.0
        wire = Wire(recorder, tap) if scenario.link.encoding == "bytes" else None
        self._stage = Stage(
            env=env,
            scenario=scenario,
            policy=inputs.policy,
            schedule=inputs.schedule,
            recorded_ns=windows_ns(scenario),
            limits=limit_params(scenario),
            epoch_s=int(datetime.fromisoformat(scenario.start_utc).timestamp()),
            fleet=fleet,
            grid=Grid(
                env,
                scenario,
                inputs,
                held_back_mw,
                fleet,
                recorder if shard.leads else None,
                kpis,
                checks if shard.leads else Checks(),
                self._total,
            ),
            lines=Lines(scenario.link, scenario.seed, scenario.secc.processing_s),
            recorder=recorder,
            journal=Journal(scenario.record, recorder),
            ledger=Ledger(recorder, kpis, checks, wire),
            kpis=kpis,
            checks=checks,
            wire=wire,
        )
        self._present: dict[int, Ev] = {}
        self._leaves = self._leave  # one callback for all vehicles
        self._end = env.event()
        self._fleet_every_ns = to_ns(scenario.record.fleet_every_s)
        self._loop = loop_estimate(scenario, inputs, all_offer)
        stages = inputs.grid.shedding if inputs.grid is not None else ()
        self._supply = Supply(scenario, stages, scenario.grid.tick_s, nominal_hz(scenario, inputs))
        self.supply_lost = 0  # sessions
        self._builder = Builder(self._stage, lay_out(scenario.sites, count))
        self.agenda = Agenda(scenario, own)
        self._inputs = inputs
        self._coming, self._coming_ns = in_order_of_arrival(scenario, inputs, own)
        self._have_come = 0
        fleet.standby_uj = len(own) * micro(scenario.evse.standby_w * scenario.grid.tick_s)
        self.lane_exchanges = 0  # of all, those that rows took; known at the end
        self._set_up_lane(inputs)
        self._should_stop: Callable[[], bool] = lambda: False
        self._progress: Callable[[int], None] = lambda _: None
        self._all_stop = False  # some shard wants to

    def _set_up_lane(self, inputs: Inputs) -> None:
        """The fleet lane, where the scenario wants it and the policy can be compiled; else `lane_note` says why not."""
        if self.lane_note:
            return
        from cosim.kernel import NotCompilableError, machine_for  # numba takes its time
        from cosim.lane import Lane

        end_ns, timers = to_ns(self._scenario.duration_s), session_timers(self._scenario.secc)
        try:
            lane = Lane(self._stage, self.agenda, end_ns, machine_for(inputs.policy), timers)
        except NotCompilableError as reason:
            self.lane_note = f"policy {inputs.policy.name} cannot be compiled: {reason}"
            return
        self._stage.lane = self._stage.fleet.lane = lane

    @property
    def stage(self) -> Stage:
        """What all actors share."""
        return self._stage

    @property
    def builder(self) -> Builder:
        """Who makes vehicles and stations."""
        return self._builder

    @property
    def fleet_power_w(self) -> Sequence[float]:
        """Mean power of the simulated cars over each grid tick so far [W], without cars_per_ev."""
        return self._stage.grid.fleet_power_w

    @property
    def in_lanes(self) -> tuple[int, int]:
        """Vehicles that are plugged in: in the message lane, and in the fleet lane."""
        lane = self._stage.lane
        rows = lane.present if lane is not None else 0
        return len(self._present) - rows, rows

    @property
    def exchanges(self) -> int:
        """Charge loops answered so far."""
        lane = self._stage.lane
        return self._stage.fleet.exchanges + (lane.exchanges if lane is not None else 0)

    def run(
        self, should_stop: Callable[[], bool] = lambda: False, progress: Callable[[int], None] = lambda _: None
    ) -> Outcome:
        """Play the scenario. Both callables are asked at grid ticks; `progress` gets the simulated time [ns]."""
        return outcome_of([self.play(should_stop, progress)])

    def play(self, should_stop: Callable[[], bool], progress: Callable[[int], None]) -> Account:
        """Play the scenario as `run` does, for an account that can be put together with those of other shards."""
        self._should_stop, self._progress = should_stop, progress
        env = self._stage.env
        At(env, to_ns(self._scenario.duration_s), place(END), lambda _: self._end.succeed("done"))
        env.process(self._stage.grid.run(self._each_tick))
        self._await_next()
        for each in self.agenda.appointments:
            At(env, each.at_ns, place(OFFER, each.ev_id), self._keep, each)
        stage = self._stage
        try:
            with seldom_collected():
                status = env.run(until=self._end)
                self._close_all()
        finally:
            stage.recorder.close()  # a policy that raises stops the run, and nothing recorded so far is lost
        stage.fleet.settle_counts()
        return Account(
            status=str(status),
            simulated_ns=env.now_ns,
            kpis=stage.kpis,
            sums=stage.fleet.sums,
            messages=dict(stage.journal.counts),
            found=stage.checks.found,
            grid=stage.grid.figures() | loop_figures(self._loop) if self._shard.leads else {},
            wire=stage.wire.totals() if stage.wire is not None else None,
            supply_lost=self.supply_lost,
            events=next(env._eid),
            lane_note=self.lane_note,
            lane_exchanges=self.lane_exchanges,
        )

    def _close_all(self) -> None:
        """The run ends with vehicles still there. They are forgotten before the collector could look at them."""
        stage = self._stage
        if stage.lane is not None:
            stage.lane.return_all()
            self.lane_exchanges = stage.lane.exchanges
            stage.lane.settle_accounts()
        for ev_id in list(self._present):
            stage.ledger.close(self._present.pop(ev_id), stage.env.now_ns)
        stage.fleet.cars.clear()

    # --- who comes and goes ---

    def _await_next(self) -> None:
        come = self._have_come
        if come < len(self._coming):
            if come % FORESEEN == 0 and self._stage.lane is not None:
                self._stage.lines.foresee(self._coming[come : come + FORESEEN].tolist())
            ev_id, at_ns = int(self._coming[come]), int(self._coming_ns[come])
            At(self._stage.env, at_ns, place(OFFER, ev_id), self._arrive, ev_id)

    def _arrive(self, moment: Moment) -> None:
        visit = visit_of(moment.value, self._scenario, self._inputs)
        self._have_come += 1
        ev = self._builder.couple(visit)
        self._present[visit.ev_id] = ev
        cause = self._supply.dark(visit.ev_id)
        if cause:
            ev.station.lose_supply(cause, for_good=True)
        ev.process = process = self._stage.env.process(ev.live())
        assert process.callbacks is not None, "the process has just begun"
        process.callbacks.append(self._leaves)
        self._await_next()

    def _leave(self, gone: Any) -> None:
        del self._present[gone.value]

    def _keep(self, event: Moment) -> None:
        """An appointment has come: a change of plan, a request of the station, or a fault."""
        appointment: Appointment = event.value
        entry, now_ns = appointment.entry, self._stage.env.now_ns
        ev = self._present.get(appointment.ev_id)
        if isinstance(entry, DriverChange):
            detail = self._changed(ev, entry, now_ns) if ev else "not plugged in: no effect"
            self._stage.recorder.event(now_ns, appointment.ev_id, "driver_change", detail)
        elif ev is None:
            return
        elif isinstance(entry, Fault):
            strike(self._stage, ev, entry)
        elif entry.ask == "wake":
            self._stage.recorder.event(now_ns, appointment.ev_id, "pilot_toggled", "")
            ev.wake()
        elif entry.ask == "needs":
            ev.station.needs = Needs(
                -1 if entry.departure_s is None else to_ns(entry.departure_s),
                -1.0 if entry.target_soc is None else entry.target_soc,
                -1.0 if entry.minimum_soc is None else entry.minimum_soc,
            )
            self._stage.recorder.event(now_ns, appointment.ev_id, "needs", "the station settles departure and charge")
        else:
            services = tuple(ServiceID[name] for name in entry.services) or None
            ev.station.ask(ASKS[entry.ask], entry.max_delay_s, services)

    def _changed(self, ev: Ev, change: DriverChange, now_ns: int) -> str:
        """Change the plan of a vehicle that is plugged in; what was changed, in words."""
        done = []
        if change.target_soc is not None:
            done.append(f"target moved to {100.0 * ev.change_target(change.target_soc):g} %")
        if change.leaves_now:
            ev.change_departure(now_ns)
            done.append("leaves now")
        elif change.departure_s is not None:
            ev.change_departure(max(to_ns(change.departure_s), now_ns))
            done.append(f"departure moved to {change.departure_s:g} s")
        if change.wakes:
            ev.wake()
            done.append("wakes")
        return ", ".join(done)

    # --- each grid tick ---

    def _total(self, tick: Tick) -> Tick:
        """From the tick of this shard to that of all. Shards stop together: who wants to tells the others so."""
        if self._shard.shards == 1:
            return tick
        *numbers, wishes = self._shard.total((*tick, int(self._should_stop())))
        self._all_stop = wishes > 0
        return Tick(*numbers)

    def _each_tick(self, now_ns: int) -> None:
        grid = self._stage.grid
        for outage in self._supply.tick(now_ns // grid.tick_ns, grid.frequencies_hz, grid.stages_tripped()):
            self._lose_supply(outage)
        if now_ns % self._fleet_every_ns < self._stage.grid.tick_ns:
            self._take_census(now_ns)
        self._stage.recorder.advance(now_ns)
        self._progress(now_ns)
        stops = self._should_stop() if self._shard.shards == 1 else self._all_stop
        if stops and not self._end.triggered:
            self._end.succeed("interrupted")
        elif self._stage.lane is not None:
            self._stage.lane.run()

    def _lose_supply(self, outage: Outage) -> None:
        """Every vehicle at a station without supply, by id."""
        grid = self._stage.grid
        for ev_id in sorted(self._present):
            if outage.stage is not None and self._supply.stage_of(ev_id) != outage.stage:
                continue
            ev = self._present[ev_id]
            if ev.in_lane and self._stage.lane is not None:
                self._stage.lane.let_go(ev)
            station = ev.station
            if station.secc.ended is None:
                grid.lose_baseline(station.control.baseline_w)
                self.supply_lost += 1
            station.lose_supply(outage.cause, outage.stage is not None)

    def _take_census(self, now_ns: int) -> None:
        """One row of the fleet table, from the true state of each car."""
        in_loop = charging = discharging = 0
        up_uw = down_uw = up_uwh = down_uwh = 0  # whole millionths: the sum does not depend on the order
        if self._stage.lane is not None:
            in_loop, charging, discharging, up_uw, down_uw, up_uwh, down_uwh = self._stage.lane.census(now_ns)
        for ev_id in self._stage.fleet.cars:  # all that are not in the lane
            ev = self._present[ev_id]
            car, kind = ev.car, ev.car.kind
            power_w = car.power_w(now_ns)
            charging += power_w > 0.0
            discharging += power_w < 0.0
            if not ev.in_loop:
                continue
            in_loop += 1
            soc = car.peek(now_ns)[0]
            charge_w, discharge_w = limits_w(kind, soc)
            up_uw += micro(charge_w - power_w)
            down_uw += micro(discharge_w + power_w)
            up_uwh += micro((kind.battery.ceiling_soc - soc) * kind.battery.capacity_wh)
            down_uwh += micro((soc - kind.battery.floor_soc) * kind.battery.capacity_wh)
        own = (len(self._present), in_loop, charging, discharging, up_uw, down_uw, up_uwh, down_uwh)
        *cars, up_uw, down_uw, up_uwh, down_uwh = self._shard.total(own)
        if self._shard.leads:
            energies = (up_uw * 1e-6, down_uw * 1e-6, up_uwh * 1e-6, down_uwh * 1e-6)
            self._stage.recorder.fleet.append(now_ns, *cars, *energies)


def _events_per_s(scenario: Scenario, by_message: bool) -> float:
    """About how many events the clock has to expect: two a turn, or, where rows take the turns, those of set-up."""
    cars = scenario.fleet.n_ev
    if by_message:  # the request is there, the next turn is due
        return 2.0 * cars / (scenario.ev.loop_gap_s + 2.0 * scenario.link.delay_s)
    return 15.0 * cars / scenario.duration_s
