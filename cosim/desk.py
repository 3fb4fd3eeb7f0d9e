"""The desk of the fleet lane: decisions of many stations, worked off together.

What each station knows lies in a column per quantity, and each formula goes down its columns: the numbers of
`Control.decide`, in the same order for each station. Machine code gets short loops whose turns do not wait for one
another, and where a formula has no jumps it takes eight stations at a time.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosim.car import power_w, voltage_at_v
from cosim.control import at_plug_w, follow, view_of, with_dither
from cosim.given import Policy, Rules, Series, Step
from cosim.offer import exact, offer
from models.control.charge_loop import StationView
from models.control.limits import limit
from models.control.measurement import filtered_hz, filtered_rocof, measured_hz
from models.draws import TAIL, centre, chance, inverse_normal
from models.grid.imbalance import sampled
from protocol.values import SMALL, wire, wire_small, wire_small_within, wire_within

PLACES = 64  # decisions on the desk; their columns fit into the first cache
SPAN = 256  # rows that are looked through for due ones at a time

DESK = np.dtype(
    [
        ("row", "u4", (PLACES,)),
        ("now_ns", "i8", (PLACES,)),
        ("now_w", "f8", (PLACES,)),  # at the plug
        ("chance", "f8", (PLACES,)),  # draws of the measurement, even in (0, 1),
        ("noise", "f8", (PLACES,)),  # and as standard normals; 0 without noise
        ("seen", "f8", (len(StationView._fields), PLACES)),  # the views
        ("requested_w", "f8", (PLACES,)),  # by the policy, AC meter
        ("allowed_w", "f8", (PLACES,)),  # by the limiter, at the plug
        ("rounded_w", "f8", (PLACES,)),  # as the wire carries it
        ("reason", "i8", (PLACES,)),
        ("back", "u4", (PLACES,)),  # rows that go on after their decision
        ("due", "u4", (SPAN,)),  # of the span that is being looked at
    ],
    align=True,
)
# Fields of the view that the wire has rounded.
ROUNDED = tuple(
    StationView._fields.index(name)
    for name in (
        "target_energy_wh",
        "maximum_energy_wh",
        "minimum_energy_wh",
        "maximum_v2x_energy_wh",
        "minimum_v2x_energy_wh",
        "voltage_v",
    )
)


def decide(
    desk: Any,
    count: int,
    rows: NDArray[Any],
    kinds: NDArray[Any],
    memory: NDArray[np.float64],
    sums: NDArray[Any],
    policy: Policy,
    rules: Rules,
    step: Step,
    series: Series,
) -> None:
    """Decide for the first `count` places: what each station may ask of its car, and why."""
    if rules.noise_hz > 0.0:
        draw(desk, count, rows, rules.noise_key)
    for k in range(count):
        row = rows[desk.row[k]]
        look(desk, k, row, kinds[row.kind], sums[row.part], rules, step, series)
    for field in ROUNDED:
        to_wire(desk.seen[field], count)
    policy.ask(desk, count, memory, policy.params)
    for k in range(count):
        row = rows[desk.row[k]]
        wanted_w = at_plug_w(kinds[row.kind], desk.requested_w[k])
        limits = with_dither(rules.limits, row.dither_threshold)
        desk.allowed_w[k], desk.reason[k] = limit(wanted_w, seen_by(desk, k), limits)
        desk.rounded_w[k] = desk.allowed_w[k]
    to_wire_within(desk.rounded_w, count)


def draw(desk: Any, count: int, rows: NDArray[Any], key: int) -> None:
    """The noise of the stations' next samples: `normal`, its middle for all and its tails for the few."""
    for k in range(count):
        row = rows[desk.row[k]]
        desk.chance[k] = chance(key, unsigned(row.evse_id), unsigned(row.samples))
        row.samples += 1
    for k in range(count):
        desk.noise[k] = centre(desk.chance[k] - 0.5)
    for k in range(count):
        if desk.chance[k] < TAIL or desk.chance[k] > 1.0 - TAIL:
            desk.noise[k] = inverse_normal(desk.chance[k])


def look(desk: Any, k: int, row: Any, kind: Any, sums: Any, rules: Rules, step: Step, series: Series) -> None:
    """What the station of a row knows and measures, except that the wire has not rounded it yet."""
    now_ns = desk.now_ns[k]
    now_w = power_w(row, kind, sums, now_ns)
    if rules.follows_series:
        follow(row, sums, rules.plans, sampled(series.t_s, series.value, now_ns * 1e-9), now_ns)
    since_s = (now_ns - step.since_ns) * 1e-9
    filtered = filtered_hz(step.filtered_hz, step.held_hz, rules.time_constant_s, since_s)
    row.frequency_hz = measured_hz(filtered, rules.noise_hz, desk.noise[k], row.bias_hz)
    rocof_hz_per_s = filtered_rocof(filtered, step.held_hz, rules.time_constant_s)
    voltage_v = voltage_at_v(kind, row.said_soc, row.said_w) if kind.is_dc else 0.0
    offered = offer(kind, row.target_soc, row.said_soc, row.departure_ns - row.said_ns, row.said_w, voltage_v)
    said: Any = exact(kind, offered, row.heard_ns)
    view = view_of(row, said, kind, rules.nominal_hz, rocof_hz_per_s, now_w, now_ns)
    desk.now_w[k] = now_w
    show(view, desk.seen, k)


def unsigned(number: int) -> Any:
    """As the draws want their arguments where machine numbers wrap around (`models/draws.py`)."""
    return np.uint64(number)


def to_wire(numbers: NDArray[np.float64], count: int) -> None:
    """Round the first numbers to the wire. Those that are not small need a loop each, and are seldom."""
    large = 0
    for k in range(count):
        x = numbers[k]
        large += x >= SMALL or x <= -SMALL
        numbers[k] = wire_small(x) if -SMALL < x < SMALL else x
    if large > 0:
        for k in range(count):
            numbers[k] = wire(numbers[k])


def to_wire_within(numbers: NDArray[np.float64], count: int) -> None:
    """The same towards zero."""
    large = 0
    for k in range(count):
        x = numbers[k]
        large += x >= SMALL or x <= -SMALL
        numbers[k] = wire_small_within(x) if -SMALL < x < SMALL else x
    if large > 0:
        for k in range(count):
            numbers[k] = wire_within(numbers[k])


def show(view: StationView, seen: NDArray[np.float64], k: int) -> None:
    """Lay a view on the desk. Written out: a loop over the fields would compile to one jump for each."""
    seen[0, k] = view.time_s
    seen[1, k] = view.elapsed_s
    seen[2, k] = view.nominal_hz
    seen[3, k] = view.frequency_hz
    seen[4, k] = view.rocof_hz_per_s
    seen[5, k] = view.rated_w
    seen[6, k] = view.rated_discharge_w
    seen[7, k] = view.target_energy_wh
    seen[8, k] = view.maximum_energy_wh
    seen[9, k] = view.minimum_energy_wh
    seen[10, k] = view.maximum_v2x_energy_wh
    seen[11, k] = view.minimum_v2x_energy_wh
    seen[12, k] = view.departure_s
    seen[13, k] = view.maximum_charge_w
    seen[14, k] = view.minimum_charge_w
    seen[15, k] = view.maximum_discharge_w
    seen[16, k] = view.minimum_discharge_w
    seen[17, k] = view.voltage_v
    seen[18, k] = view.present_w
    seen[19, k] = view.previous_w
    seen[20, k] = view.station_charge_w
    seen[21, k] = view.station_discharge_w
    seen[22, k] = view.maximum_charge_a
    seen[23, k] = view.maximum_discharge_a
    seen[24, k] = view.baseline_w
    seen[25, k] = view.scheduled_w


def seen_by(desk: Any, k: int) -> StationView:
    """The view on a place of the desk."""
    seen = desk.seen
    return StationView(
        seen[0, k],
        seen[1, k],
        seen[2, k],
        seen[3, k],
        seen[4, k],
        seen[5, k],
        seen[6, k],
        seen[7, k],
        seen[8, k],
        seen[9, k],
        seen[10, k],
        seen[11, k],
        seen[12, k],
        seen[13, k],
        seen[14, k],
        seen[15, k],
        seen[16, k],
        seen[17, k],
        seen[18, k],
        seen[19, k],
        seen[20, k],
        seen[21, k],
        seen[22, k],
        seen[23, k],
        seen[24, k],
        seen[25, k],
    )
