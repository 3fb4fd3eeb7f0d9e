"""One row of the fleet lane: the state of a car, its station and their session between two turns of the loop.

The fields bear the names of the attributes they are taken from, so that the same functions work on both.
"""

from collections import namedtuple
from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosim.car_state import WAITING
from cosim.kind import Kind
from cosim.sums import Sums
from models.car.battery import Battery
from models.car.converter import Converter, Loss
from models.control.limits import REASONS
from models.metrics import BINS

CAR = {
    "soc_start": "f8",
    "soc_seen": "f8",
    "segment_ns": "i8",
    "turn_ns": "i8",
    "end_ns": "i8",
    "guard_ns": "i8",
    "due_ns": "i8",
    "start_w": "f8",
    "target_w": "f8",
    "rate_w_per_s": "f8",
    "grid_ws": "f8",
    "plug_ws": "f8",
    "cells_ws": "f8",
    "station_loss_ws": "f8",
    "vehicle_loss_ws": "f8",
    "charged_ws": "f8",
    "discharged_ws": "f8",
    "counted_uj": "i8",
    "held_w": "f8",
    "whole_ns": "i8",
    "step_ns": "i8",
    "step_level_w": "f8",
    "step_target_w": "f8",
    "ev_id": "i4",
    "waiting": "i1",
    "steady": "?",
    "energised": "?",
    "roomy": "?",
}
CONTROL = {
    "setpoint_w": "f8",
    "plug_w": "f8",
    "previous_w": "f8",
    "requested_w": "f8",
    "frequency_hz": "f8",
    "scheduled_w": "f8",
    "baseline_w": "f8",
    "bias_hz": "f8",
    "dither_threshold": "f8",
    "decided_ns": "i8",
    "reason": "i1",
    "samples": "i4",
    "evse_id": "i4",
}
EV = {"departure_ns": "i8", "obeyed_w": "f8", "requests": "i4"}
STATION = {"regulate_ns": "i8", "responses": "i4", "loops": "i4", "loops_every": "i4"}
# What the row has of its own: the plan of the next exchange, and what was offered and heard last.
OWN = {
    "target_soc": "f8",
    "offer_ns": "i8",
    "decide_ns": "i8",
    "apply_ns": "i8",
    "release_ns": "i8",  # no exchange may end after this
    "sequence_deadline_ns": "i8",  # the SECC's timer
    "new_w": "f8",
    "back_ns": "i8",  # of the response on its way to the car
    "said_ns": "i8",
    "heard_ns": "i8",
    "said_soc": "f8",
    "said_w": "f8",
    "answered_w": "f8",  # behind the EVSEPresentCurrent of the last response, in DC
    "kind": "u4",  # indices without a sign: machine code need not ask whether they count from the end
    "part": "u1",  # which sums it counts in: 0 all phases, 1 to 3 one phase alone
    "site_id": "i4",
    "phase": "i1",
}
QUEUE = {"queue_ns": ("i8", (WAITING,)), "queue_w": ("f8", (WAITING,))}
FIELDS: dict[str, Any] = CAR | CONTROL | EV | STATION | OWN | QUEUE

# Fields by cache lines of 64 bytes: first what a look, a tick's end and the census read, last what is seldom read.
CACHE_LINES = (
    *("kind", "part", "phase", "steady", "waiting"),
    *("due_ns", "segment_ns", "end_ns", "cells_ws", "soc_start", "start_w", "target_w"),
    *("rate_w_per_s", "turn_ns", "guard_ns", "whole_ns", "counted_uj", "offer_ns", "decide_ns", "apply_ns"),
    *("ev_id", "requests", "evse_id", "responses"),
    *("back_ns", "soc_seen", "new_w", "plug_w", "obeyed_w", "departure_ns"),
    *("said_ns", "heard_ns", "said_soc", "said_w", "target_soc", "setpoint_w", "decided_ns", "bias_hz"),
    *("samples", "loops", "dither_threshold"),
    *("requested_w", "frequency_hz", "answered_w", "sequence_deadline_ns", "release_ns", "step_ns"),
    *("queue_ns", "queue_w"),
    *("grid_ws", "plug_ws", "station_loss_ws", "vehicle_loss_ws", "charged_ws", "discharged_ws"),
    *("step_level_w", "step_target_w"),
    *("previous_w", "scheduled_w", "baseline_w", "regulate_ns", "held_w"),
    *("loops_every", "site_id", "reason", "energised", "roomy"),
)
CACHE_LINE = 64  # bytes
_BYTES = sum(np.dtype(FIELDS[name]).itemsize for name in CACHE_LINES)
_LAYOUT: Any = {
    "names": CACHE_LINES,
    "formats": [FIELDS[name] for name in CACHE_LINES],
    "itemsize": -(-_BYTES // CACHE_LINE) * CACHE_LINE,
}
ROW = np.dtype(_LAYOUT, align=True)


def blank_rows(size: int) -> NDArray[Any]:
    """So many rows of zeros, each at the beginning of a cache line."""
    memory = np.zeros(size * ROW.itemsize + CACHE_LINE, np.uint8)
    first = -memory.ctypes.data % CACHE_LINE
    return memory[first : first + size * ROW.itemsize].view(ROW)


# Puts values in the order of FIELDS into that of a row.
as_row = itemgetter(*(list(FIELDS).index(name) for name in ROW.names or ()))


def _record(name: str, fields: Iterable[str], **keywords: Any) -> Any:
    """A named tuple whose fields only the tables above know."""
    return namedtuple(name, tuple(fields), **keywords)


Values = _record("Values", ROW.names or ())  # those of one row
Own = _record("Own", OWN, defaults=(0,) * len(OWN))


def writer(fields: Iterable[str]) -> Callable[[Any, Any], None]:
    """A function that copies these attributes to its first argument from its second, in a third of a loop's time."""
    lines = [f"    to.{name} = source.{name}" for name in fields]
    names: dict[str, Any] = {}
    exec("\n".join(["def write(to, source):", *lines]), names)
    return names["write"]  # type: ignore[no-any-return]


_PARTS = {Battery: Battery._fields, Converter: Converter._fields, Loss: Loss._fields}


def _kind_field(name: str, of: Any) -> tuple[str, Any]:
    if of in _PARTS:
        return name, np.dtype([(part, "f8") for part in _PARTS[of]])
    return name, "?" if of is bool else "f8"


KIND = np.dtype([_kind_field(name, of) for name, of in Kind.__annotations__.items()])
Constants = namedtuple("Constants", tuple(Kind.__annotations__))  # type: ignore[misc]  # the fields are those of Kind


def _constants() -> Callable[[Any], Any]:
    """Makes the function below: machine code needs every field named."""

    def read(name: str, of: Any) -> str:
        parts = (f"kind.{name}.{part}" for part in _PARTS.get(of, ()))
        return f"{of.__name__}({', '.join(parts)})" if of in _PARTS else f"kind.{name}"

    fields = ", ".join(read(name, of) for name, of in Kind.__annotations__.items())
    names: dict[str, Any] = {"Constants": Constants} | {part.__name__: part for part in _PARTS}
    exec(f"def constants(kind):\n    return Constants({fields})", names)
    return names["constants"]  # type: ignore[no-any-return]


constants = _constants()
"""A record of `KIND` as a tuple: unlike a record in memory it cannot change while machine code writes to a sheet."""

_LISTS = {"clips": len(REASONS), "delays": BINS + 1}
SUMS = np.dtype([(name, "i8", (_LISTS[name],)) if name in _LISTS else (name, "i8") for name in Sums.__slots__])
