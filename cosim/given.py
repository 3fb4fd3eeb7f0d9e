"""What the fleet lane is given: the rules of a run, the grid step, the policy, and where records are written."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.control.limits import LimitParams


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
    planned: bool  # stations may have a baseline or a schedule other than zero
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

    ask: Any  # fills in what is requested on a sheet, from its views, the memories of all rows and the parameters
    params: NDArray[np.float64]


class Series(NamedTuple):
    """The schedule that stations follow, times [s] and powers [W], float arrays; empty without one."""

    t_s: Any
    value: Any
