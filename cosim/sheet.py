"""The sheet of the fleet lane: where decisions of one kind of pair are worked out, a column for each quantity.

Columns are worked on in full blocks of `WIDTH` places: machine code takes so many at a time and has nothing left over.
Places without a decision keep old numbers, which nobody reads.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.control.charge_loop import StationView
from protocol.values import SMALL, wire, wire_small, wire_small_within, wire_within

PLACES = 64  # decisions on the sheet; its columns stay in the first cache
SPAN = 256  # rows that are looked through for due ones at a time
WIDTH = 8  # numbers in the widest register

FIELDS = StationView._fields
_SHEET: dict[str, Any] = {
    "row": "u4",  # whose decision it is
    "now_ns": "i8",
    # Taken from the row: what the station heard last,
    "heard_ns": "i8",
    "until_departure_ns": "i8",  # from when it was said
    "target_soc": "f8",
    "soc": "f8",
    "said_w": "f8",
    # what it remembers,
    "decided_ns": "i8",
    "setpoint_w": "f8",
    "baseline_w": "f8",
    "scheduled_w": "f8",
    "bias_hz": "f8",
    "dither_threshold": "f8",
    # and what its draws depend on.
    "ev_id": "u8",
    "evse_id": "u8",
    "samples": "u8",
    "requests": "u8",
    "responses": "u8",
    # What it measures.
    "now_w": "f8",  # at the plug
    "filtered_hz": "f8",
    "chance": "f8",  # draws of the noise, even in (0, 1),
    "noise": "f8",  # and as standard normals; 0 without noise
    "few": "u4",  # places of draws in the tails,
    "tail": "f8",  # and these draws
    # What is decided.
    "requested_w": "f8",  # by the policy, AC meter
    "wanted_w": "f8",  # the same at the plug
    "allowed_w": "f8",  # by the limiter, at the plug
    "plug_w": "f8",  # as it can be said
    "reason": "i8",
    "exceeds": "i8",  # 1: beyond what car or station allow, which may not happen
    # The next exchange.
    "gap_ns": "i8",
    "there_ns": "i8",
    "back_ns": "i8",
}
SHEET = np.dtype(
    [(name, of, (PLACES,)) for name, of in _SHEET.items()]
    + [("seen", "f8", (len(FIELDS), PLACES))]  # the views
    + [("due", "u4", (SPAN,))],  # rows of the span that is being looked at
    align=True,
)
# Fields of the view that are the same for all pairs of a kind: machine code reads them once.
OF_KIND = (
    *("nominal_hz", "rated_w", "rated_discharge_w", "minimum_charge_w", "minimum_discharge_w"),
    *("station_charge_w", "station_discharge_w"),
)
# Fields of the view that the wire has rounded to the nearest; powers are told otherwise.
ENERGIES = tuple(
    FIELDS.index(name)
    for name in (
        "target_energy_wh",
        "maximum_energy_wh",
        "minimum_energy_wh",
        "maximum_v2x_energy_wh",
        "minimum_v2x_energy_wh",
    )
)
VOLTAGE = FIELDS.index("voltage_v")
MAXIMUM_CHARGE = FIELDS.index("maximum_charge_w")
MAXIMUM_DISCHARGE = FIELDS.index("maximum_discharge_w")


def whole_blocks(count: int) -> int:
    """Places of the blocks that hold the first `count`."""
    return (count + (WIDTH - 1)) // WIDTH * WIDTH


def to_wire(numbers: NDArray[np.float64], places: int) -> None:
    """Round the first numbers to the wire. Those that are not small need a loop each, and are seldom."""
    large = 0
    for k in range(places):
        x = numbers[k]
        large += x >= SMALL or x <= -SMALL
        numbers[k] = wire_small(x) if -SMALL < x < SMALL else x
    if large > 0:
        for k in range(places):
            numbers[k] = wire(numbers[k])


def to_wire_within(numbers: NDArray[np.float64], places: int) -> None:
    """The same towards zero."""
    large = 0
    for k in range(places):
        x = numbers[k]
        large += x >= SMALL or x <= -SMALL
        numbers[k] = wire_small_within(x) if -SMALL < x < SMALL else x
    if large > 0:
        for k in range(places):
            numbers[k] = wire_within(numbers[k])


def show(view: StationView, seen: NDArray[np.float64], k: int) -> None:
    """Lay a view on the sheet. Written out: a loop over the fields would compile to one jump for each."""
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


def seen_by(sheet: Any, k: int) -> StationView:
    """The view on a place of the sheet."""
    seen = sheet.seen
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
