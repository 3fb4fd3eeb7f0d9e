"""The fleet lane: pairs of car and station in an undisturbed charge loop live as rows of an array.

One compiled call per grid step takes all rows through their events (`cosim/turns.py`). A pair comes in between two
exchanges and leaves before the exchange that needs its state machines; they then find the timers, counters and views
that they would have had. What a row cannot do is listed in two places: `disturbance` below, asked before a pair comes
in, and `is_ordinary` there, asked before each exchange.
"""

import gc
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosim import turns
from cosim.agenda import Agenda
from cosim.car import voltage_at_v
from cosim.car_state import NEVER_NS, WAITING
from cosim.clock import Clock
from cosim.control import declares_baseline, is_plan
from cosim.desk import DESK
from cosim.ev_loop import EvInLoop
from cosim.fleet import Tick
from cosim.given import Logs, Rules, Series, Step
from cosim.kernel import Machine, entry_point
from cosim.kind import Kind
from cosim.offer import Heard, heard, offer
from cosim.row import CAR, CONTROL, EV, KIND, STATION, SUMS, Own, Values, as_row, blank_rows, writer
from cosim.scenario import to_ns
from cosim.sheet import SHEET
from cosim.stage import Stage
from cosim.sums import Sums, add_counts
from models.draws import stream_key
from protocol.iso20.phases import stated_w
from protocol.iso20.session import Timers
from protocol.values import wire

SPARED = 1 << 13  # so many pairs at a time
LOG_ROWS = 1 << 12  # rows of a table that the kernel writes before they are handed on: they stay in the second cache


class Lane:
    """All rows, and the doors in and out."""

    def __init__(self, stage: Stage, agenda: Agenda, end_ns: int, machine: Machine, timers: Timers) -> None:
        self._stage = stage
        self._env: Clock = stage.env
        self._end_ns = end_ns
        self._machine = machine
        self._rules = rules_of(stage, timers)
        self._evs: list[EvInLoop | None] = []
        self._free: list[int] = []
        self._entered: list[int] = []  # rows, since the step began
        self._kinds: dict[int, int] = {}
        self._kind_rows = np.zeros(16, KIND)
        self._desks = np.zeros(16, DESK)  # one for each kind
        self._sums = np.zeros(4, SUMS)  # of cars on all phases, and on each alone, as the fleet has them
        self._sums["tick_ns"] = to_ns(stage.scenario.grid.tick_s)
        fleet = stage.fleet
        self._part_of = {id(sums): index for index, sums in enumerate((fleet.sums, *fleet.on_phase))}
        series = stage.schedule
        self._series = Series(
            np.array(series.t_s if series else (), np.float64), np.array(series.value if series else (), np.float64)
        )
        recorder = stage.recorder
        self._logs = Logs(
            np.zeros(LOG_ROWS, recorder.charge_loop.dtype),
            np.zeros(LOG_ROWS, recorder.setpoints.dtype),
            np.array(stage.recorded_ns, np.int64).reshape(-1, 2),
        )
        self._status = np.zeros(5, np.int64)
        self._sheet = np.zeros(1, SHEET)
        self._rows, self._wake_ns, self._memory, self._left = self._arrays(0)
        self._agenda = agenda
        self._traced = frozenset(stage.scenario.record.trace_evs)
        self.present = 0
        self._tick_ns = to_ns(stage.scenario.grid.tick_s)
        self._tick_start_ns = 0
        self._step = self._span(0)
        advanced = self._arguments(self._step, 0, 0)
        counted = (self._rows, self._kind_rows, self._sums, 0)
        ended = (self._sums, 0)
        machine.advance(*advanced)  # compiles, or loads what was compiled before
        machine.census(*counted)
        machine.end_tick(*ended)
        self._machine = machine._replace(
            advance=entry_point(machine.advance, *advanced),
            census=entry_point(machine.census, *counted),
            end_tick=entry_point(machine.end_tick, *ended),
        )

    def _arrays(self, size: int) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
        rows = blank_rows(size)
        rows["phase"] = turns.AWAY
        width = max(len(self._machine.memory), 1)
        return rows, np.full(size, NEVER_NS), np.zeros((size, width)), np.zeros(max(size, 1), np.int64)

    @property
    def exchanges(self) -> int:
        """Charge loops answered by rows so far."""
        return int(self._sums["exchanges"].sum())

    def alone_until_ns(self, ev: EvInLoop) -> int:
        """Until when nothing but its own messages can reach a pair outside the loop: the pair may run ahead.

        As rows do, to the next tick at most: there, supply may be lost, or the run may stop.
        """
        station = ev.station
        if station.disturbed or station.regulating or station.notification is not None:
            return 0  # something else of theirs may be due
        until_ns = min(self._step.until_ns, self._agenda.next_ns(ev.visit.ev_id, self._env.now_ns))
        wake_ns = station.wake_ns
        return until_ns if wake_ns is None or wake_ns > until_ns else wake_ns

    # --- in ---

    def takes(self, ev: EvInLoop) -> bool:
        """Whether a pair between two exchanges may come in."""
        return ev.visit.ev_id not in self._traced and disturbance(ev, self._rules.control_period_ns) is None

    def adopt(self, ev: EvInLoop, offer_ns: int) -> None:
        """Take over a pair whose next offer would be at `offer_ns`; `ev.resume` is called when it leaves again."""
        slot = self._free.pop() if self._free else self._grow()
        station, car = ev.station, ev.car
        release_ns = self._agenda.next_ns(ev.visit.ev_id, self._env.now_ns)
        self._rows[slot] = as_row(self._values(ev, offer_ns, release_ns))
        if self._machine.memory:
            self._memory[slot] = tuple(station.control.memory)
        self._wake_ns[slot] = 0
        self._evs[slot] = ev
        leaves_ns = min(offer_ns, release_ns, station.secc.deadline_ns or offer_ns)  # not before, whatever happens
        station.hand_over()
        del self._stage.fleet.cars[car.ev_id]
        self.present += 1
        if self.present % SPARED == 0:
            gc.freeze()  # the collector need not look at them, see `seldom_collected`
        ev.hand_over(slot)
        if leaves_ns > self._step.until_ns:
            self._entered.append(slot)  # to be taken to the end of the step with all others that come
        else:
            self._run(self._step, slot, slot + 1)

    def catch_up(self) -> None:
        """Take the rows that have entered within this step to its end; some may come back."""
        if self._entered:
            first, last = min(self._entered), max(self._entered)
            self._entered.clear()
            self._run(self._step, first, last + 1)

    def _values(self, ev: EvInLoop, offer_ns: int, release_ns: int) -> tuple[Any, ...]:
        station, car = ev.station, ev.car
        own = Own(
            target_soc=ev.visit.target_soc,
            offer_ns=offer_ns,
            release_ns=release_ns,
            sequence_deadline_ns=station.secc.deadline_ns,
            said_ns=ev.offer_ns,
            heard_ns=station.secc.said.departure_ns,
            said_soc=ev.offer_soc,
            said_w=ev.offer_w,
            kind=self._kind(car.kind),
            part=self._part_of[id(car.sums)],
            site_id=station.site.site_id,
            phase=turns.ENTERS,
        )
        return (
            *_CAR(car),
            *_CONTROL(station.control),
            *_EV(ev),
            *_STATION(station),
            *own,
            car.queue_ns[:WAITING],
            car.queue_w[:WAITING],
        )

    def _kind(self, kind: Kind) -> int:
        index = self._kinds.get(id(kind))  # equal kinds are one object, see `Stage`: a hash of all they hold takes 5 us
        if index is None:
            index = self._kinds[id(kind)] = len(self._kinds)
            if index == len(self._kind_rows):
                self._kind_rows = np.concatenate([self._kind_rows, np.zeros(index, KIND)])
                self._desks = np.zeros(2 * index, DESK)  # nobody waits there between two steps
            self._kind_rows[index] = tuple(getattr(kind, name) for name in KIND.fields or ())
        return index

    def _grow(self) -> int:
        size = len(self._evs)
        more = max(1024, size // 2)
        before = (self._rows, self._wake_ns, self._memory)
        self._rows, self._wake_ns, self._memory, self._left = self._arrays(size + more)
        for old, new in zip(before, (self._rows, self._wake_ns, self._memory), strict=True):
            new[:size] = old
        self._evs.extend([None] * more)
        self._free.extend(range(size + more - 1, size, -1))
        return size

    # --- one grid step ---

    def run(self) -> None:
        """The grid has ticked: take all rows to the end of the next step."""
        self._step = self._span(self._env.now_ns)
        if self.present:
            self._run(self._step, 0, len(self._evs))

    def _span(self, now_ns: int) -> Step:
        tick_end_ns = self._tick_start_ns + self._tick_ns
        measured = self._stage.grid.measured
        if now_ns >= self._end_ns or tick_end_ns > self._end_ns:
            until_ns, closes, last = self._end_ns, False, True
        else:
            until_ns, closes, last = tick_end_ns, True, False
        return Step(until_ns, closes, last, measured.held_hz, measured.state_hz, measured.since_ns)

    def _run(self, step: Step, first: int, end: int) -> None:
        status = self._status
        status[turns.NEXT_ROW] = status[turns.LEFT] = 0
        done = False
        while not done:
            done = self._machine.advance(*self._arguments(step, first, end))
            self._hand_on(self._stage.recorder.charge_loop, self._logs.loops, turns.LOOPS)
            self._hand_on(self._stage.recorder.setpoints, self._logs.setpoints, turns.SETPOINTS)
        if left := int(status[turns.LEFT]):
            for slot in np.sort(self._left[:left]).tolist():
                self._release(first + slot)

    def _arguments(self, step: Step, first: int, end: int) -> tuple[Any, ...]:
        """What `turns.advance` takes for a step of these rows."""
        return (
            self._rows[first:end],
            self._wake_ns[first:end],
            self._kind_rows,
            self._memory[first:end],
            self._sums,
            self._desks,
            self._sheet,
            self._machine.policy,
            self._rules,
            step,
            self._series,
            self._logs,
            self._left,
            self._status,
        )

    def _hand_on(self, buffer: Any, log: NDArray[Any], cell: int) -> None:
        if written := int(self._status[cell]):
            buffer.extend(log[:written])
            self._status[cell] = 0

    def close_tick(self, now_ns: int) -> Tick:
        """What the rows add to the tick that ends now."""
        self._tick_start_ns = now_ns
        return Tick(*self._machine.end_tick(self._sums, now_ns))

    def census(self, now_ns: int) -> tuple[int, ...]:
        """Cars in the lane, charging, discharging, room up and down [uW], then [uWh]."""
        return tuple(self._machine.census(self._rows, self._kind_rows, self._sums, now_ns))

    # --- out ---

    def return_all(self) -> None:
        """The run ends: the objects know again what has become of them, and nobody goes on."""
        self.catch_up()
        for slot, ev in enumerate(self._evs):
            if ev is not None:
                self._restore(slot, ev)
                self._evs[slot] = None
        self.present = 0

    def let_go(self, ev: EvInLoop) -> None:
        """Give a pair back at once, wherever it stands: the tick that ended has brought something upon it."""
        slot = ev.row
        phase, offer_ns, apply_ns = (int(self._rows[slot][name]) for name in ("phase", "offer_ns", "apply_ns"))
        self._rows[slot]["phase"] = turns.AWAY
        self._wake_ns[slot] = NEVER_NS
        self._give_back(slot, ev)
        if phase == turns.DECIDES:
            self._count(ev, -1, 0)
            ev.ask_again(offer_ns)
        elif phase == turns.APPLIES:
            ev.hear_later(apply_ns)
        else:
            ev.resume(offer_ns)

    def _release(self, slot: int) -> None:
        """The next offer needs the state machine: it will be made by the message lane, at its instant."""
        ev = self._evs[slot]
        assert ev is not None, "a row that leaves has a vehicle"
        offer_ns = int(self._rows[slot]["offer_ns"])
        self._give_back(slot, ev)
        ev.resume(offer_ns)

    def _give_back(self, slot: int, ev: EvInLoop) -> None:
        station, car = ev.station, ev.car
        responses = station.responses
        values = self._restore(slot, ev)
        if station.responses > responses:
            self._remind(ev, values)
        station.take_back(values.sequence_deadline_ns)
        self._stage.fleet.cars[car.ev_id] = car
        self._evs[slot] = None
        self._free.append(slot)
        self.present -= 1
        ev.take_back()

    def _restore(self, slot: int, ev: EvInLoop) -> Any:
        """Write the values of a row back to where they were taken from; returns them."""
        station, car = ev.station, ev.car
        row = self._rows[slot]
        values = Values._make(row.item())
        requests, responses = ev.requests, station.responses
        _write_car(car, values)
        _write_control(station.control, values)
        _write_ev(ev, values)
        _write_station(station, values)
        if values.waiting:
            car.queue_ns[:WAITING] = row["queue_ns"].tolist()
            car.queue_w[:WAITING] = row["queue_w"].tolist()
        if self._machine.memory:
            station.control.memory = type(station.control.memory)(*self._memory[slot].tolist())
        ev.offer_ns, ev.offer_soc, ev.offer_w = values.said_ns, values.said_soc, values.said_w
        self._count(ev, ev.requests - requests, station.responses - responses)
        return values

    def _remind(self, ev: EvInLoop, values: Any) -> None:
        """Both ends as if they had exchanged the messages themselves: what was said last."""
        kind, station = ev.car.kind, ev.station
        voltage_v = voltage_at_v(kind, values.said_soc, values.said_w) if kind.is_dc else 0.0
        until_ns = values.departure_ns - values.said_ns
        said = offer(kind, values.target_soc, values.said_soc, until_ns, values.said_w, voltage_v)
        _write_said(station.secc.said, heard(kind, said, values.heard_ns))
        station.secc.said.received_ns = values.heard_ns
        if kind.is_dc:
            now_w = values.answered_w
            ev.evse_a = wire(now_w / voltage_at_v(kind, values.said_soc, now_w))
        else:
            station.secc.target_w = ev.evcc.target_w = stated_w(station.control.plug_w, kind.per_phase)

    def _count(self, ev: EvInLoop, requests: int, responses: int) -> None:
        agreed = ev.evcc.agreed
        assert agreed is not None, "there is no loop without a service"
        counts = self._stage.journal.counts
        counts[agreed.service.loop_request] += requests
        counts[agreed.service.loop_response] += responses

    def settle_accounts(self) -> None:
        """Add what the rows have counted to the sums of the run."""
        for part in self._sums:
            counted = Sums(int(part["tick_ns"]))
            for name in Sums.__slots__:
                value = part[name]
                setattr(counted, name, value.tolist() if isinstance(value, np.ndarray) else int(value))
            add_counts(self._stage.fleet.sums, counted)
        self._sums["exchanges"] = 0


_CAR, _CONTROL, _EV, _STATION = (attrgetter(*fields) for fields in (CAR, CONTROL, EV, STATION))
_write_car, _write_control, _write_ev, _write_station = map(writer, (CAR, CONTROL, EV, STATION))
_write_said = writer(Heard._fields)


def disturbance(ev: EvInLoop, control_period_ns: int) -> str | None:
    """What keeps a pair between two exchanges of the loop out of the lane; None if nothing does."""
    most = ev.car.waiting
    if control_period_ns > 0 and ev.car.kind.is_dc:  # one a period, and the one that the converter wakes up for
        most = max(most, to_ns(ev.car.kind.converter.reaction_delay_s) // control_period_ns + 2)
    waiting = "more setpoints wait than a row has room for" if most > WAITING else None
    return ev.disturbance or ev.station.disturbance(ev.departure_ns) or waiting


def rules_of(stage: Stage, timers: Timers) -> Rules:
    """The scenario in the numbers of the turns."""
    scenario = stage.scenario
    link, record, measurement = scenario.link, scenario.record, scenario.measurement
    periodic = scenario.evse.dc_regulation == "periodic"

    def key(stream: str) -> Any:
        return np.uint64(stream_key(scenario.seed, stream))

    return Rules(
        nominal_hz=stage.grid.nominal_hz,
        time_constant_s=measurement.time_constant_s,
        noise_hz=measurement.noise_hz,
        noise_key=key("measurement.noise"),
        gap_ns=to_ns(scenario.ev.loop_gap_s),
        gap_jitter_ns=to_ns(scenario.ev.loop_gap_jitter_s),
        gap_key=key("ev.loop_gap"),
        request_key=key("link.request"),
        response_key=key("link.response"),
        loss_key=key("link.loss"),
        shortest_ns=to_ns(link.delay_s),
        line_jitter_ns=to_ns(link.jitter_s),
        loss=link.loss,
        retransmission_ns=to_ns(link.retransmission_s),
        processing_ns=to_ns(scenario.secc.processing_s),
        message_timeout_ns=timers.charge_loop_ns,
        sequence_timeout_ns=timers.secc_loop_sequence_ns,
        control_period_ns=to_ns(scenario.evse.control_period_s) if periodic else 0,
        planned=scenario.schedule.rule != "zero" or declares_baseline(stage.policy),
        follows_series=stage.schedule is not None,
        plans=is_plan(scenario, stage.policy),
        declared=stage.policy.memory._fields.index("declared_w") if declares_baseline(stage.policy) else -1,
        setpoints=record.setpoints,
        limits=stage.limits,
    )
