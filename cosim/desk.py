"""The desks of the fleet lane: rows of one kind wait there for a decision, and are decided for together.

What each station knows lies in a column of the sheet (`cosim/sheet.py`), and each formula goes down its columns: the
numbers of `Control.decide`, in the same order for each station. All pairs of a desk are of one kind, so that its
constants are read once; loops are short and without jumps that depend on a row, so that machine code takes eight
stations at a time.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cosim.car import power_w, voltage_at_v
from cosim.control import at_plug_w, breaks_limits, follow, sayable_w, view_of, with_dither
from cosim.given import Policy, Rules, Series, Step
from cosim.link import delay_ns, losses
from cosim.offer import exact, offer, told_w
from cosim.row import constants
from cosim.sheet import (
    ENERGIES,
    MAXIMUM_CHARGE,
    MAXIMUM_DISCHARGE,
    PLACES,
    VOLTAGE,
    seen_by,
    show,
    to_wire,
    to_wire_within,
    whole_blocks,
)
from models.control.limits import GAP_RULES, limit
from models.control.measurement import filtered_hz, filtered_rocof, measured_hz
from models.draws import centre, chance, inverse_normal, uniform
from models.grid.imbalance import sampled

DESK = np.dtype([("count", "i8"), ("row", "u4", (PLACES,))], align=True)
DITHER = GAP_RULES["dither"]
ONE = np.uint64(1)  # draws want their arguments without a sign (`models/draws.py`)


class Station(NamedTuple):
    """What a station knows of itself, as `view_of` asks for it."""

    decided_ns: int
    frequency_hz: float
    setpoint_w: float
    baseline_w: float
    scheduled_w: float


def decide(
    sheet: Any,
    count: int,
    rows: NDArray[Any],
    record: Any,
    memory: NDArray[np.float64],
    sums: NDArray[Any],
    policy: Policy,
    rules: Rules,
    step: Step,
    series: Series,
) -> None:
    """Decide for the rows on the first `count` places, all of the kind of `record`: what they may ask, and why."""
    kind = constants(record)
    places = whole_blocks(count)
    own_clock = record.is_dc and rules.control_period_ns > 0
    for k in range(count):
        gather(sheet, k, rows[sheet.row[k]], record, own_clock, sums, rules, series)
    gather_what_is_rare(sheet, count, rows, own_clock, rules)
    measure(sheet, places, count, rules, step)
    learn(sheet, places, kind, rules, step)
    policy.ask(sheet, count, memory, policy.params)
    settle(sheet, places, kind, rules)
    plan(sheet, places, rules)


def gather(
    sheet: Any, k: int, row: Any, record: Any, own_clock: bool, sums: NDArray[Any], rules: Rules, series: Series
) -> None:
    """Lay what the decision depends on from a row onto a place of the sheet."""
    now_ns = row.regulate_ns if own_clock else row.heard_ns
    sheet.now_ns[k] = now_ns
    if rules.follows_series:
        follow(row, sums[row.part], rules.plans, sampled(series.t_s, series.value, now_ns * 1e-9), now_ns)
    sheet.now_w[k] = power_w(row, record, sums[row.part], now_ns)
    sheet.until_departure_ns[k] = row.departure_ns - row.said_ns
    sheet.target_soc[k] = row.target_soc
    sheet.soc[k] = row.said_soc
    sheet.said_w[k] = row.said_w
    sheet.decided_ns[k] = row.decided_ns
    sheet.setpoint_w[k] = row.setpoint_w
    sheet.bias_hz[k] = row.bias_hz
    sheet.ev_id[k] = row.ev_id
    sheet.evse_id[k] = row.evse_id
    sheet.samples[k] = row.samples
    sheet.requests[k] = row.requests
    sheet.responses[k] = row.responses


def gather_what_is_rare(sheet: Any, count: int, rows: NDArray[Any], own_clock: bool, rules: Rules) -> None:
    """The same of what some runs do without; columns that are never gathered hold zeros."""
    for k in range(count):
        sheet.heard_ns[k] = rows[sheet.row[k]].heard_ns if own_clock else sheet.now_ns[k]
    if rules.planned:
        for k in range(count):
            row = rows[sheet.row[k]]
            sheet.baseline_w[k] = row.baseline_w
            sheet.scheduled_w[k] = row.scheduled_w
    if rules.limits.gap_rule == DITHER:
        for k in range(count):
            sheet.dither_threshold[k] = rows[sheet.row[k]].dither_threshold


def measure(sheet: Any, places: int, count: int, rules: Rules, step: Step) -> None:
    """The filtered frequency, and the noise: `normal`, its middle for all and its tails for the few."""
    for k in range(places):
        since_s = (sheet.now_ns[k] - step.since_ns) * 1e-9
        sheet.filtered_hz[k] = filtered_hz(step.filtered_hz, step.held_hz, rules.time_constant_s, since_s)
    if rules.noise_hz > 0.0:
        for k in range(places):
            sheet.chance[k] = chance(rules.noise_key, sheet.evse_id[k], sheet.samples[k])
            sheet.noise[k] = centre(sheet.chance[k] - 0.5)
        few = 0
        for k in range(count):  # written without a jump: which of them are few is not to be guessed
            q = sheet.chance[k] - 0.5
            sheet.few[few] = k
            few += (q if q > 0.0 else 0.0 - q) > 0.475  # every tail, and the edge of it
        for j in range(few):
            sheet.tail[j] = sheet.chance[sheet.few[j]]
        for j in range(whole_blocks(few)):
            sheet.tail[j] = inverse_normal(sheet.tail[j])
        for j in range(few):
            sheet.noise[sheet.few[j]] = sheet.tail[j]


def learn(sheet: Any, places: int, kind: Any, rules: Rules, step: Step) -> None:
    """What the stations know: their views, as the wire has rounded them."""
    seen = sheet.seen
    for k in range(places):
        filtered = sheet.filtered_hz[k]
        frequency_hz = measured_hz(filtered, rules.noise_hz, sheet.noise[k], sheet.bias_hz[k])
        rocof_hz_per_s = filtered_rocof(filtered, step.held_hz, rules.time_constant_s)
        soc, said_w = sheet.soc[k], sheet.said_w[k]
        voltage_v = voltage_at_v(kind, soc, said_w) if kind.is_dc else 0.0
        offered = offer(kind, sheet.target_soc[k], soc, sheet.until_departure_ns[k], said_w, voltage_v)
        said: Any = exact(kind, offered, sheet.heard_ns[k])
        station: Any = Station(
            sheet.decided_ns[k], frequency_hz, sheet.setpoint_w[k], sheet.baseline_w[k], sheet.scheduled_w[k]
        )
        view = view_of(station, said, kind, rules.nominal_hz, rocof_hz_per_s, sheet.now_w[k], sheet.now_ns[k])
        show(view, seen, k)
    for field in ENERGIES:
        to_wire(seen[field], places)
    if kind.is_dc:
        to_wire(seen[VOLTAGE], places)
    tell(seen[MAXIMUM_CHARGE], places, kind, kind.charge_w, kind.told_charge_w)
    if kind.is_bpt:
        tell(seen[MAXIMUM_DISCHARGE], places, kind, kind.discharge_w, kind.told_discharge_w)


def tell(limits_w: NDArray[np.float64], places: int, kind: Any, usual_w: float, told_usual_w: float) -> None:
    """Limits of power as they are told. Only of cars that taper they are others than usual."""
    unusual = 0
    for k in range(places):
        unusual += limits_w[k] != usual_w
    if unusual > 0:
        for k in range(places):
            limits_w[k] = told_w(kind, limits_w[k], usual_w, told_usual_w)
    else:
        for k in range(places):
            limits_w[k] = told_usual_w


def settle(sheet: Any, places: int, kind: Any, rules: Rules) -> None:
    """Make wishes setpoints that may be sent: limits, then the wire."""
    for k in range(places):
        sheet.wanted_w[k] = at_plug_w(kind, sheet.requested_w[k])
    for k in range(places):
        limits = with_dither(rules.limits, sheet.dither_threshold[k])
        sheet.allowed_w[k], sheet.reason[k] = limit(sheet.wanted_w[k], seen_by(sheet, k), limits)
        sheet.plug_w[k] = sheet.allowed_w[k]
    if not kind.is_dc:
        to_wire_within(sheet.plug_w, places)
    for k in range(places):
        sheet.plug_w[k] = sayable_w(kind, sheet.allowed_w[k], sheet.plug_w[k])
    for k in range(places):
        sheet.exceeds[k] = breaks_limits(seen_by(sheet, k), sheet.plug_w[k])


# --- the next exchange ---


def plan(sheet: Any, places: int, rules: Rules) -> None:
    """The delays of the exchange that follows."""
    for k in range(places):
        sheet.gap_ns[k] = gap_ns(rules, sheet.ev_id[k], sheet.requests[k])
        sheet.there_ns[k] = way_ns(rules, rules.request_key, sheet.ev_id[k], sheet.requests[k] + ONE)
        sheet.back_ns[k] = way_ns(rules, rules.response_key, sheet.evse_id[k], sheet.responses[k] + ONE + ONE)
    if rules.loss > 0.0:
        for k in range(places):
            request, response = sheet.requests[k] + ONE, sheet.responses[k] + ONE + ONE
            sheet.there_ns[k] += lost_ns(rules, sheet.ev_id[k], request + request)
            sheet.back_ns[k] += lost_ns(rules, sheet.evse_id[k], response + response + ONE)


def gap_ns(rules: Rules, ev_id: Any, requests: Any) -> int:
    """From the application of a setpoint to the next offer; arguments of this and the next two are unsigned."""
    if not rules.gap_jitter_ns > 0:
        return rules.gap_ns
    return rules.gap_ns + math.floor(rules.gap_jitter_ns * uniform(rules.gap_key, ev_id, requests))


def way_ns(rules: Rules, key: int, entity_id: Any, number: Any) -> int:
    """The line's delay of one message."""
    return delay_ns(rules.shortest_ns, rules.line_jitter_ns, uniform(key, entity_id, number))


def lost_ns(rules: Rules, entity_id: Any, segment: Any) -> int:
    """What its retransmissions add; segments are numbered across both directions."""
    return rules.retransmission_ns * losses(rules.loss, uniform(rules.loss_key, entity_id, segment))
