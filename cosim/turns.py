"""All events of rows within a grid step, each at its own exact time: what the fleet lane runs as machine code.

This is ordinary Python, and the numbers are those of `Ev`, `Station` and `Control`: every formula is called, none is
written a second time. Between two grid ticks frequency holds, so that rows do not influence each other and each may run
ahead of the clock until the next tick.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cosim.car import NEVER_NS, WAITING, close_tick, peek, power_w, settle, settled_soc, voltage_at_v
from cosim.chosen import is_within
from cosim.control import at_meter_w, declare, direct, follow, settle_on, view_of, with_dither
from cosim.link import delay_ns, losses
from cosim.offer import Heard, heard, limits_w, obey, offer
from cosim.sums import micro, next_tick
from models.car.converter import loss_w
from models.control.charge_loop import StationView
from models.control.limits import LimitParams
from models.control.measurement import filtered_hz, filtered_rocof, measured_hz
from models.draws import normal, uniform
from models.grid.imbalance import sampled
from protocol.iso20.phases import stated_w
from protocol.values import wire

# Where a row stands: what its next event is.
ENTERS, OFFERS, DECIDES, APPLIES, AWAY = range(5)
# What `turns` returns.
GOES_ON, LEAVES, FULL = range(3)
# Cells of the status that `advance` keeps.
NEXT_ROW, LEFT, LOOPS, SETPOINTS = range(4)


class Rules(NamedTuple):
    """What holds for all rows of a run. Keys are those of the streams of `models/draws.py`."""

    nominal_hz: float
    time_constant_s: float
    noise_hz: float
    noise_key: int
    gap_ns: int
    gap_jitter_ns: int
    gap_key: int
    request_key: int
    response_key: int
    loss_key: int
    shortest_ns: int
    line_jitter_ns: int
    loss: float
    retransmission_ns: int
    processing_ns: int
    message_timeout_ns: int  # EVCC: request to response
    sequence_timeout_ns: int  # SECC: response to next request
    control_period_ns: int  # of a DC converter with its own clock; 0: it acts when it answers
    follows_series: bool
    plans: bool  # the schedule is the baseline
    declared: int  # where the policy's memory holds the baseline that it declares itself; -1: it does not
    setpoints: bool  # whether changes of setpoints are recorded
    limits: LimitParams


class Step(NamedTuple):
    """One grid step: how far to go, and the frequency that holds."""

    until_ns: int
    closes: bool  # a tick ends at `until_ns`
    last: bool  # the run ends at `until_ns`: what happens at that very instant still does
    held_hz: float
    filtered_hz: float
    since_ns: int


class Logs(NamedTuple):
    """Where rows of the tables `charge_loop` and `setpoints` are written."""

    loops: NDArray[Any]
    setpoints: NDArray[Any]
    recorded_ns: NDArray[np.int64]  # spans within which turns of the loop are recorded, shape (n, 2)


class Policy(NamedTuple):
    """The policy of all stations, behind a pointer: another one needs nothing but itself compiled."""

    ask: Any  # power [W] for a view, a memory (both float arrays) and the parameters; rewrites the memory
    params: NDArray[np.float64]
    seen: NDArray[np.float64]  # scratch: the fields of a StationView


class Series(NamedTuple):
    """The schedule that stations follow, times [s] and powers [W], float arrays; empty without one."""

    t_s: Any
    value: Any


def advance(
    rows: NDArray[Any],
    wake_ns: NDArray[np.int64],
    kinds: NDArray[Any],
    memory: NDArray[np.float64],
    sums: NDArray[Any],
    policy: Policy,
    rules: Rules,
    step: Step,
    series: Series,
    logs: Logs,
    left: NDArray[np.int64],
    status: NDArray[np.int64],
) -> None:
    """Take all rows from `status[NEXT_ROW]` on to the end of the step, or as far as the logs have room.

    `wake_ns[i]` says before which instant row i needs no look. Rows that need their state machines are put on `left`.
    """
    for i in range(status[NEXT_ROW], rows.shape[0]):
        if wake_ns[i] > step.until_ns:
            continue
        row = rows[i]
        kind = kinds[row.kind]
        total = sums[row.part]
        outcome = turns(row, kind, memory[i], total, policy, rules, step, series, logs, status)
        if outcome == FULL:
            status[NEXT_ROW] = i
            return
        if outcome == LEAVES:
            row.phase = AWAY
            wake_ns[i] = NEVER_NS
            left[status[LEFT]] = i
            status[LEFT] += 1
            continue
        if step.closes:
            close_tick(row, kind, total, step.until_ns)
        wake_ns[i] = next_look_ns(row, rules)
    status[NEXT_ROW] = rows.shape[0]


def next_look_ns(row: Any, rules: Rules) -> Any:
    """When the row needs a look again: its next event, or at once while its power moves."""
    if not row.steady:
        return 0
    at_ns = row.offer_ns if row.phase == OFFERS else row.decide_ns if row.phase == DECIDES else row.apply_ns
    if rules.control_period_ns > 0 and row.regulate_ns < at_ns:
        at_ns = row.regulate_ns
    return at_ns if at_ns < row.due_ns else row.due_ns


def turns(
    row: Any,
    kind: Any,
    memory: NDArray[np.float64],
    sums: Any,
    policy: Policy,
    rules: Rules,
    step: Step,
    series: Series,
    logs: Logs,
    status: NDArray[np.int64],
) -> int:
    """All events of one row within the step, in their order.

    At one instant vehicles apply before, and stations decide and vehicles offer after, the grid ticks.
    """
    if row.phase == ENTERS:
        schedule_exchange(row, rules)
        if not is_ordinary(row, rules):
            return LEAVES
        row.phase = OFFERS
    while True:
        phase = row.phase
        at_ns = row.offer_ns if phase == OFFERS else row.decide_ns if phase == DECIDES else row.apply_ns
        regulates = (
            kind.is_dc
            and rules.control_period_ns > 0
            and (row.regulate_ns < at_ns or (row.regulate_ns == at_ns and phase != APPLIES))
        )
        if regulates:
            at_ns = row.regulate_ns
        if at_ns > step.until_ns or (
            at_ns == step.until_ns and not (step.last or (phase == APPLIES and not regulates))
        ):
            return GOES_ON
        if status[LOOPS] == logs.loops.shape[0] or status[SETPOINTS] == logs.setpoints.shape[0]:
            return FULL
        if regulates:
            now_w = power_w(row, kind, sums, at_ns)
            said: Any = last_heard(row, kind)
            if decides(row, kind, memory, sums, policy, rules, step, series, said, now_w, at_ns):
                direct(row, kind, sums, said, row.plug_w, at_ns)
                if rules.setpoints:
                    log_setpoint(row, logs, status, at_ns, at_ns)
            row.regulate_ns = at_ns + rules.control_period_ns
        elif phase == OFFERS:
            settle(row, kind, sums, at_ns)
            row.new_soc = settled_soc(row, kind)
            row.new_w = power_w(row, kind, sums, at_ns)
            row.requests += 1
            row.phase = DECIDES
        elif phase == DECIDES:
            answers(row, kind, memory, sums, policy, rules, step, series, logs, status)
            row.phase = APPLIES
        else:
            if not kind.is_dc:
                setpoint_w = stated_w(row.plug_w, kind.per_phase)
                if setpoint_w != row.obeyed_w:
                    row.obeyed_w = obey(row, kind, sums, setpoint_w, at_ns)
            plan(row, rules, at_ns)
            if not is_ordinary(row, rules):
                return LEAVES
            row.phase = OFFERS


def answers(
    row: Any,
    kind: Any,
    memory: NDArray[np.float64],
    sums: Any,
    policy: Policy,
    rules: Rules,
    step: Step,
    series: Series,
    logs: Logs,
    status: NDArray[np.int64],
) -> None:
    """The station hears the offer and answers: the numbers of `Station._answer_loop`."""
    now_ns = row.decide_ns
    row.said_ns = row.offer_ns
    row.heard_ns = now_ns
    row.said_soc = row.new_soc
    row.said_w = row.new_w
    said: Any = last_heard(row, kind)
    now_w = power_w(row, kind, sums, now_ns)
    if not (kind.is_dc and rules.control_period_ns > 0) and decides(
        row, kind, memory, sums, policy, rules, step, series, said, now_w, now_ns
    ):
        if kind.is_dc:
            direct(row, kind, sums, said, row.plug_w, now_ns)
        if rules.setpoints:
            log_setpoint(row, logs, status, now_ns, now_ns if kind.is_dc else row.apply_ns)
    if kind.is_dc:
        row.evse_a = wire(now_w / voltage_at_v(kind, settled_soc(row, kind), now_w))
    row.responses += 1
    row.sequence_deadline_ns = now_ns + rules.sequence_timeout_ns
    if row.loops_every > 0 and row.loops % row.loops_every == 0 and is_within(logs.recorded_ns, now_ns):
        log_loop(row, kind, sums, said, logs, status, now_ns)
    row.loops += 1
    sums.exchanges += 1


def decides(
    row: Any,
    kind: Any,
    memory: NDArray[np.float64],
    sums: Any,
    policy: Policy,
    rules: Rules,
    step: Step,
    series: Series,
    said: Any,
    now_w: float,
    now_ns: int,
) -> bool:
    """One decision of the station: the numbers of `Control.decide`."""
    if rules.follows_series:
        follow(row, sums, rules.plans, sampled(series.t_s, series.value, now_ns * 1e-9), now_ns)
    since_s = (now_ns - step.since_ns) * 1e-9
    filtered = filtered_hz(step.filtered_hz, step.held_hz, rules.time_constant_s, since_s)
    rocof_hz_per_s = filtered_rocof(filtered, step.held_hz, rules.time_constant_s)
    noise = 0.0
    if rules.noise_hz > 0.0:
        noise = normal(rules.noise_key, unsigned(row.evse_id), unsigned(row.samples))
        row.samples += 1
    row.frequency_hz = measured_hz(filtered, rules.noise_hz, noise, row.bias_hz)
    view = view_of(row, said, kind, rules.nominal_hz, rocof_hz_per_s, now_w, now_ns)
    show(view, policy.seen)
    requested_w = policy.ask(policy.seen, memory, policy.params)
    if rules.declared >= 0:
        declare(row, sums, memory[rules.declared], now_ns)
    limits = with_dither(rules.limits, row.dither_threshold)
    return settle_on(row, row, kind, sums, limits, view, requested_w, now_ns)


def show(view: StationView, seen: NDArray[np.float64]) -> None:
    """A view as the array that the policy behind its pointer reads.

    Written out: a loop over the fields compiles to one jump for each, which no processor foresees.
    """
    seen[0] = view.time_s
    seen[1] = view.elapsed_s
    seen[2] = view.nominal_hz
    seen[3] = view.frequency_hz
    seen[4] = view.rocof_hz_per_s
    seen[5] = view.rated_w
    seen[6] = view.rated_discharge_w
    seen[7] = view.target_energy_wh
    seen[8] = view.maximum_energy_wh
    seen[9] = view.minimum_energy_wh
    seen[10] = view.maximum_v2x_energy_wh
    seen[11] = view.minimum_v2x_energy_wh
    seen[12] = view.departure_s
    seen[13] = view.maximum_charge_w
    seen[14] = view.minimum_charge_w
    seen[15] = view.maximum_discharge_w
    seen[16] = view.minimum_discharge_w
    seen[17] = view.voltage_v
    seen[18] = view.present_w
    seen[19] = view.previous_w
    seen[20] = view.station_charge_w
    seen[21] = view.station_discharge_w
    seen[22] = view.maximum_charge_a
    seen[23] = view.maximum_discharge_a
    seen[24] = view.baseline_w
    seen[25] = view.scheduled_w


def last_heard(row: Any, kind: Any) -> Heard:
    """What the station knows of the car: the last offer that has arrived."""
    voltage_v = voltage_at_v(kind, row.said_soc, row.said_w) if kind.is_dc else 0.0
    said = offer(kind, row.target_soc, row.said_soc, row.departure_ns - row.said_ns, row.said_w, voltage_v)
    return heard(kind, said, row.heard_ns)


# --- draws ---


def unsigned(number: int) -> Any:
    """As the draws want their arguments where machine numbers wrap around (`models/draws.py`)."""
    return np.uint64(number)


def drawn(key: int, entity_id: int, counter: int) -> float:
    """Even draw in [0, 1)."""
    return uniform(key, unsigned(entity_id), unsigned(counter))


# --- the next exchange ---


def plan(row: Any, rules: Rules, now_ns: int) -> None:
    """When the next offer, its decision and its application will be, drawn as the message lane draws them."""
    gap_ns = rules.gap_ns
    if rules.gap_jitter_ns > 0:
        gap_ns += math.floor(rules.gap_jitter_ns * drawn(rules.gap_key, row.ev_id, row.requests))
    row.offer_ns = now_ns + gap_ns
    schedule_exchange(row, rules)


def schedule_exchange(row: Any, rules: Rules) -> None:
    """When the exchange that begins at `offer_ns` will be decided and applied."""
    request, response = row.requests + 1, row.responses + 1
    there_ns = delay_ns(rules.shortest_ns, rules.line_jitter_ns, drawn(rules.request_key, row.ev_id, request))
    back_ns = delay_ns(rules.shortest_ns, rules.line_jitter_ns, drawn(rules.response_key, row.evse_id, response))
    if rules.loss > 0.0:
        there_ns += rules.retransmission_ns * losses(rules.loss, drawn(rules.loss_key, row.ev_id, 2 * request))
        back_ns += rules.retransmission_ns * losses(rules.loss, drawn(rules.loss_key, row.evse_id, 2 * response + 1))
    row.decide_ns = row.offer_ns + there_ns + rules.processing_ns
    row.apply_ns = row.decide_ns + back_ns


def is_ordinary(row: Any, rules: Rules) -> Any:
    """Whether the exchange that begins at `offer_ns` is one more plain turn of the loop, to its end.

    Together with `disturbance` in `cosim/lane.py` this is the list of what makes a pair leave the lane, or stay out:
    departure, what the scenario has in store for the car, a timer of either side, a setpoint too many in the queue.
    """
    return (
        row.offer_ns < row.departure_ns
        and row.apply_ns <= row.release_ns
        and row.decide_ns < row.sequence_deadline_ns
        and row.apply_ns < row.offer_ns + rules.message_timeout_ns
        and row.waiting < WAITING
    )


# --- records ---


def log_loop(row: Any, kind: Any, sums: Any, said: Heard, logs: Logs, status: NDArray[np.int64], now_ns: int) -> None:
    """One row of the table `charge_loop`."""
    plug_w = power_w(row, kind, sums, now_ns)
    soc, cells_ws = peek(row, kind, sums, now_ns)
    charge_w, discharge_w = said.maximum_charge_w, said.maximum_discharge_w
    log = logs.loops[status[LOOPS]]
    log.t_ns = now_ns
    log.ev_id = row.ev_id
    log.evse_id = row.evse_id
    log.site_id = row.site_id
    log.loop = row.loops
    log.requested_w = row.requested_w
    log.setpoint_w = row.setpoint_w
    log.clip_reason = row.reason
    log.grid_power_w = at_meter_w(kind, plug_w)
    log.plug_power_w = plug_w
    log.battery_power_w = plug_w - loss_w(plug_w, kind.vehicle_charge, kind.vehicle_discharge)
    log.soc = soc
    log.energy_wh = cells_ws / 3600.0
    log.frequency_hz = row.frequency_hz
    log.limit_charge_w = charge_w if charge_w < kind.station_charge_w else kind.station_charge_w
    log.limit_discharge_w = discharge_w if discharge_w < kind.station_discharge_w else kind.station_discharge_w
    status[LOOPS] += 1


def log_setpoint(row: Any, logs: Logs, status: NDArray[np.int64], decided_ns: int, applied_ns: int) -> None:
    """One row of the table `setpoints`."""
    log = logs.setpoints[status[SETPOINTS]]
    log.t_ns = decided_ns
    log.ev_id = row.evse_id
    log.applied_ns = applied_ns
    log.setpoint_w = row.setpoint_w
    log.previous_w = row.previous_w
    log.clip_reason = row.reason
    status[SETPOINTS] += 1


def census(rows: NDArray[Any], kinds: NDArray[Any], sums: NDArray[Any], now_ns: int) -> tuple[int, ...]:
    """Cars in the lane: their number, how many charge and discharge, room up and down [uW] and [uWh]."""
    present = charging = discharging = up_uw = down_uw = up_uwh = down_uwh = 0
    for i in range(rows.shape[0]):
        row = rows[i]
        if row.phase == AWAY:
            continue
        kind = kinds[row.kind]
        now_w = power_w(row, kind, sums[row.part], now_ns)
        soc, _ = peek(row, kind, sums[row.part], now_ns)
        charge_w, discharge_w = limits_w(kind, soc)
        present += 1
        charging += now_w > 0.0
        discharging += now_w < 0.0
        up_uw += micro(charge_w - now_w)
        down_uw += micro(discharge_w + now_w)
        up_uwh += micro((kind.battery.ceiling_soc - soc) * kind.battery.capacity_wh)
        down_uwh += micro((soc - kind.battery.floor_soc) * kind.battery.capacity_wh)
    return present, charging, discharging, up_uw, down_uw, up_uwh, down_uwh


def end_tick(sums: NDArray[Any], now_ns: int) -> tuple[int, ...]:
    """What the rows add to the tick that ends now: energy [uJ], baseline [uJ], setpoints [uW], energy by phase [uJ]."""
    baseline_uj = setpoint_uw = 0
    for part in range(4):
        baseline_uj += sums[part].baseline_uj + sums[part].scheduled_uj
        setpoint_uw += sums[part].setpoint_uw
    all_uj = sums[0].tick_uj + sums[0].steady_uj
    l1_uj = sums[1].tick_uj + sums[1].steady_uj
    l2_uj = sums[2].tick_uj + sums[2].steady_uj
    l3_uj = sums[3].tick_uj + sums[3].steady_uj
    for part in range(4):
        next_tick(sums[part], now_ns)
    return all_uj + l1_uj + l2_uj + l3_uj, baseline_uj, setpoint_uw, l1_uj, l2_uj, l3_uj
