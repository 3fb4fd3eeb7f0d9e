"""All events of rows within a grid step, each at its own exact time: what the fleet lane runs as machine code.

This is ordinary Python, and the numbers are those of `Ev`, `Station` and `Control`: every formula is called, none is
written a second time. Between two grid ticks frequency holds, so that rows do not influence each other and each may run
ahead of the clock until the next tick. A row goes on up to a decision, for which it waits at the desk of its kind until
there are enough of them (`cosim/desk.py`); then the decision is carried out, and the row goes on.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosim.car import peek, power_w, soc_at
from cosim.car_state import NEVER_NS, WAITING
from cosim.chosen import is_within
from cosim.control import at_meter_w, declare, direct, take
from cosim.desk import decide, gap_ns, lost_ns, way_ns
from cosim.given import Logs, Policy, Rules, Series, Step
from cosim.motion import catch_up
from cosim.offer import exact, limits_w, obey, offer, told_w
from cosim.segment import power_in_segment_w
from cosim.sheet import PLACES, SPAN, seen_by
from cosim.sums import micro, next_tick
from models.car.converter import loss_w
from protocol.iso20.phases import stated_w

# Where a row stands: what its next event is.
ENTERS, OFFERS, DECIDES, APPLIES, AWAY = range(5)
# What `turns` returns: the row is through with the step, needs its state machines, waits for a decision, or for room.
GOES_ON, LEAVES, ASKS, FULL = range(4)
# Cells of the status that `advance` keeps: the next row to look at, and how many have left, are logged, and are back
# from a decision.
NEXT_ROW, LEFT, LOOPS, SETPOINTS, BACK = range(5)
AHEAD = 8  # rows that are fetched before they are needed: as long as memory takes for one


def advance(
    rows: NDArray[Any],
    wake_ns: NDArray[np.int64],
    kinds: NDArray[Any],
    memory: NDArray[np.float64],
    sums: NDArray[Any],
    desks: NDArray[Any],
    sheets: NDArray[Any],
    policy: Policy,
    rules: Rules,
    step: Step,
    series: Series,
    logs: Logs,
    left: NDArray[np.int64],
    status: NDArray[np.int64],
) -> bool:
    """Take all rows to the end of the step; False if the logs need emptying first: then call again.

    `wake_ns[i]` says before which instant row i needs no look. Rows that need their state machines are put on `left`.
    """
    sheet = sheets[0]
    size = rows.shape[0]
    next_row, back = status[NEXT_ROW], status[BACK]
    at = due = 0  # of the rows found to be due, those that have had their turn, and all
    full = full_desk(desks)
    while True:
        if back > 0:
            back -= 1
            i = sheet.row[back]
        elif full < 0 and at < due:
            i = sheet.due[at]
            at += 1
            if at + AHEAD <= due:
                fetch(rows, sheet.due[at + AHEAD - 1])
        elif full < 0 and next_row < size:
            at, due = 0, find_due(wake_ns, next_row, step.until_ns, sheet)
            next_row = next_row + SPAN if next_row + SPAN < size else size
            for k in range(due if due < AHEAD else AHEAD):
                fetch(rows, sheet.due[k])
            continue
        else:
            asks = full if full >= 0 else fullest_desk(desks)
            count = desks[asks].count
            if count == 0 or not has_room(logs, status, count):
                status[NEXT_ROW], status[BACK] = sheet.due[at] if at < due else next_row, 0
                return bool(count == 0)
            take_over(desks[asks], sheet)
            kind = kinds[asks]
            decide(sheet, count, rows, kind, memory, sums, policy, rules, step, series)
            for k in range(count):
                row = rows[sheet.row[k]]
                carry_out(sheet, k, row, kind, memory, sums[row.part], rules, logs, status)
            back, full = count, -1
            continue
        row = rows[i]
        kind = kinds[row.kind]
        total = sums[row.part]
        outcome = turns(row, kind, total, rules, step, logs, status)
        if outcome == ASKS:
            desk = desks[row.kind]
            desk.row[desk.count] = i
            desk.count += 1
            if desk.count == PLACES:
                full = row.kind
        elif outcome == LEAVES:
            row.phase = AWAY
            wake_ns[i] = NEVER_NS
            left[status[LEFT]] = i
            status[LEFT] += 1
        elif outcome == FULL:
            sheet.row[back] = i
            status[NEXT_ROW], status[BACK] = sheet.due[at] if at < due else next_row, back + 1
            return False
        else:
            if step.closes and row.due_ns <= step.until_ns:
                catch_up(row, kind, total, step.until_ns)
            wake_ns[i] = next_look_ns(row, rules)


def find_due(wake_ns: NDArray[np.int64], first: int, until_ns: int, sheet: Any) -> int:
    """Put the rows of one span that are due on the sheet; how many. Written without a jump that depends on the row."""
    span_ns = wake_ns[first : first + SPAN]  # counted from its own start: machine code need not ask for the sign of k
    due = 0
    for k in range(span_ns.shape[0]):
        sheet.due[due] = first + k
        due += span_ns[k] <= until_ns
    return due


def full_desk(desks: NDArray[Any]) -> int:
    """The desk that has no place left, -1 if each has: there is one at most."""
    fullest = fullest_desk(desks)
    return fullest if desks[fullest].count == PLACES else -1


def fullest_desk(desks: NDArray[Any]) -> int:
    """The desk where most rows wait."""
    fullest = 0
    for index in range(desks.shape[0]):
        if desks[index].count > desks[fullest].count:
            fullest = index
    return fullest


def take_over(desk: Any, sheet: Any) -> None:
    """The rows of a desk go to the sheet."""
    for k in range(PLACES):
        sheet.row[k] = desk.row[k]
    desk.count = 0


def fetch(rows: NDArray[Any], i: int) -> None:
    """Row i will be needed soon: machine code has memory bring it near (`cosim/kernel.py`)."""


def fetch_head(rows: NDArray[Any], i: int) -> None:
    """The same, of its first cache line alone: whoever counts cars that hold their power needs no more."""


def has_room(logs: Logs, status: NDArray[np.int64], count: int) -> Any:
    """Whether as many rows of each table can still be written."""
    return status[LOOPS] + count <= logs.loops.shape[0] and status[SETPOINTS] + count <= logs.setpoints.shape[0]


def next_look_ns(row: Any, rules: Rules) -> Any:
    """When the row needs a look again: its next event."""
    at_ns = row.offer_ns if row.phase == OFFERS else row.decide_ns if row.phase == DECIDES else row.apply_ns
    if rules.control_period_ns > 0 and row.regulate_ns < at_ns:
        at_ns = row.regulate_ns
    return at_ns if at_ns < row.due_ns else row.due_ns


def turns(
    row: Any,
    kind: Any,
    sums: Any,
    rules: Rules,
    step: Step,
    logs: Logs,
    status: NDArray[np.int64],
) -> int:
    """The events of one row within the step, in their order, up to a decision.

    At one instant vehicles apply before, and stations decide and vehicles offer after, the grid ticks.
    """
    own_clock = kind.is_dc and rules.control_period_ns > 0
    end_ns = step.until_ns + 1 if step.last else step.until_ns
    phase = row.phase
    if phase == ENTERS:
        schedule_exchange(row, rules)
        row.apply_ns = row.decide_ns + row.back_ns
        if not is_ordinary(row, rules):
            return LEAVES
        phase = row.phase = OFFERS
    while True:
        if phase == APPLIES:
            at_ns = row.apply_ns
            if own_clock and row.regulate_ns < at_ns:
                return asks_by_clock(row, end_ns)
            if at_ns > step.until_ns:
                return GOES_ON
            if not kind.is_dc:
                # A setpoint said as a whole has been rounded when it was decided.
                setpoint_w = stated_w(row.plug_w, True) if kind.per_phase else row.plug_w
                if setpoint_w != row.obeyed_w:
                    row.obeyed_w = obey(row, kind, sums, setpoint_w, at_ns)
            row.apply_ns = row.decide_ns + row.back_ns
            if not is_ordinary(row, rules):
                return LEAVES
            phase = row.phase = OFFERS
        if phase == OFFERS:
            at_ns = row.offer_ns
            if own_clock and row.regulate_ns <= at_ns:
                return asks_by_clock(row, end_ns)
            if at_ns >= end_ns:
                return GOES_ON
            row.soc_seen = soc_at(row, kind, sums, at_ns)
            row.new_w = power_in_segment_w(row, at_ns)
            row.requests += 1
            row.phase = DECIDES
        at_ns = row.decide_ns
        if own_clock and row.regulate_ns <= at_ns:
            return asks_by_clock(row, end_ns)
        if at_ns >= end_ns:
            return GOES_ON
        hear(row)
        if not own_clock:
            return ASKS
        if not has_room(logs, status, 1):
            return FULL
        answer(row, kind, sums, rules, logs, status, power_w(row, kind, sums, at_ns), at_ns)
        plan_exchange(row, rules)
        phase = APPLIES


def asks_by_clock(row: Any, end_ns: int) -> int:
    """A converter with its own clock decides before anything else happens, if it is within the step."""
    return ASKS if row.regulate_ns < end_ns else GOES_ON


def hear(row: Any) -> None:
    """The offer arrives at the station."""
    row.said_ns = row.offer_ns
    row.heard_ns = row.decide_ns
    row.said_soc = row.soc_seen
    row.said_w = row.new_w


def carry_out(
    sheet: Any,
    k: int,
    row: Any,
    kind: Any,
    memory: NDArray[np.float64],
    sums: Any,
    rules: Rules,
    logs: Logs,
    status: NDArray[np.int64],
) -> None:
    """What was decided on a place of the sheet takes effect, and the station answers."""
    now_ns = sheet.now_ns[k]
    if rules.declared >= 0:
        declare(row, sums, memory[sheet.row[k], rules.declared], now_ns)
    view: Any = seen_by(sheet, k)
    row.frequency_hz = view.frequency_hz
    row.samples += rules.noise_hz > 0.0
    power_w, requested_w, plug_w = sheet.now_w[k], sheet.requested_w[k], sheet.plug_w[k]
    if take(row, row, kind, sums, power_w, requested_w, plug_w, sheet.reason[k], sheet.exceeds[k] > 0, now_ns):
        if kind.is_dc:
            direct(row, kind, sums, view, row.plug_w, now_ns)
        if rules.setpoints:
            log_setpoint(row, logs, status, now_ns, now_ns if kind.is_dc else row.apply_ns)
    if kind.is_dc and rules.control_period_ns > 0:
        row.regulate_ns = now_ns + rules.control_period_ns
    else:
        answer(row, kind, sums, rules, logs, status, power_w, now_ns)
        row.offer_ns = row.apply_ns + sheet.gap_ns[k]
        row.decide_ns = row.offer_ns + sheet.there_ns[k] + rules.processing_ns
        row.back_ns = sheet.back_ns[k]


def answer(
    row: Any,
    kind: Any,
    sums: Any,
    rules: Rules,
    logs: Logs,
    status: NDArray[np.int64],
    now_w: float,
    now_ns: int,
) -> None:
    """The response leaves the station; `now_w`: at the plug."""
    row.answered_w = now_w
    row.responses += 1
    row.sequence_deadline_ns = now_ns + rules.sequence_timeout_ns
    if row.loops_every > 0 and row.loops % row.loops_every == 0 and is_within(logs.recorded_ns, now_ns):
        log_loop(row, kind, sums, logs, status, now_ns)
    row.loops += 1
    sums.exchanges += 1
    row.phase = APPLIES


def plan_exchange(row: Any, rules: Rules) -> None:
    """After an answer: when the next offer and its decision will be, and how long its response will take.

    Drawn as the message lane draws them; on a sheet `cosim/desk.py` does the same for many.
    """
    row.offer_ns = row.apply_ns + gap_ns(rules, unsigned(row.ev_id), unsigned(row.requests))
    schedule_exchange(row, rules)


def schedule_exchange(row: Any, rules: Rules) -> None:
    """When the exchange that begins at `offer_ns` will be decided, and how long its response will take."""
    request, response = row.requests + 1, row.responses + 1
    ev_id, evse_id = unsigned(row.ev_id), unsigned(row.evse_id)
    there_ns = way_ns(rules, rules.request_key, ev_id, unsigned(request))
    row.back_ns = way_ns(rules, rules.response_key, evse_id, unsigned(response))
    if rules.loss > 0.0:
        there_ns += lost_ns(rules, ev_id, unsigned(2 * request))
        row.back_ns += lost_ns(rules, evse_id, unsigned(2 * response + 1))
    row.decide_ns = row.offer_ns + there_ns + rules.processing_ns


def unsigned(number: int) -> Any:
    """As the draws want their arguments where machine numbers wrap around (`models/draws.py`)."""
    return np.uint64(number)


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


def log_loop(row: Any, kind: Any, sums: Any, logs: Logs, status: NDArray[np.int64], now_ns: int) -> None:
    """One row of the table `charge_loop`."""
    plug_w = power_w(row, kind, sums, now_ns)
    soc, cells_ws = peek(row, kind, sums, now_ns)
    offered = offer(kind, row.target_soc, row.said_soc, row.departure_ns - row.said_ns, row.said_w, 0.0)
    said = exact(kind, offered, row.heard_ns)
    charge_w = told_w(kind, said.maximum_charge_w, kind.charge_w, kind.told_charge_w)
    discharge_w = told_w(kind, said.maximum_discharge_w, kind.discharge_w, kind.told_discharge_w)
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
    size = rows.shape[0]
    for i in range(size):
        if i + 2 * AHEAD < size:
            fetch_head(rows, i + 2 * AHEAD)
        row = rows[i]
        if row.phase == AWAY:
            continue
        kind = kinds[row.kind]
        now_w = power_w(row, kind, sums[row.part], now_ns)
        soc = soc_at(row, kind, sums[row.part], now_ns)
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
    all_uj = sums[0].tick_uj + sums[0].running_uj
    l1_uj = sums[1].tick_uj + sums[1].running_uj
    l2_uj = sums[2].tick_uj + sums[2].running_uj
    l3_uj = sums[3].tick_uj + sums[3].running_uj
    for part in range(4):
        next_tick(sums[part], now_ns)
    return all_uj + l1_uj + l2_uj + l3_uj, baseline_uj, setpoint_uw, l1_uj, l2_uj, l3_uj
