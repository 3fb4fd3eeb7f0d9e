"""Sums over the fleet: whole numbers, so that they depend neither on order, nor on lane, nor on shard."""

import math

from models.control.limits import REASONS
from models.metrics import BINS


def micro(value: float) -> int:
    """Nearest whole millionth: watts to microwatts, joules to microjoules."""
    return math.floor(value * 1e6 + 0.5)


class Sums:
    """What cars and stations count as they go.

    The compiled lane keeps a record with the same fields (`cosim/kernel.py`), so that the same functions count in both.
    """

    __slots__ = (
        "baseline_uj",
        "bend_uj",
        "beyond_limits",
        "beyond_limits_evse",
        "bounds_reached",
        "clips",
        "delays",
        "exchanges",
        "gap_ns",
        "outside_window",
        "outside_window_ev",
        "rescheduled_uj",
        "rise_uj",
        "running_uj",
        "scheduled_uj",
        "setpoint_uw",
        "superseded",
        "tick_ns",
        "tick_start_ns",
        "tick_uj",
    )

    def __init__(self, tick_ns: int) -> None:
        self.tick_ns = tick_ns
        self.tick_start_ns = 0
        self.tick_uj = 0  # energy counted in the present tick, AC side, beside
        self.running_uj = 0  # what the present tick gets of cars that hold their power or are on a ramp,
        self.rise_uj = 0  # how much more the next one does,
        self.bend_uj = 0  # and by how much that grows with each tick
        self.baseline_uj = 0  # changes of scheduled power within the present tick, each until the end of the tick
        self.scheduled_uj = 0  # energy per tick that was scheduled when the tick began
        self.rescheduled_uj = 0  # what the next tick begins with, less that
        self.setpoint_uw = 0  # of the setpoints in force, AC meter
        self.exchanges = 0  # charge loops answered
        self.gap_ns = 0  # time with a setpoint moved out of the minimum-power gap
        self.bounds_reached = 0  # power cut at a hard bound of the state of charge
        self.superseded = 0  # setpoint steps that a newer one replaced before they were delivered
        self.outside_window = 0  # broken invariant: power outside Start..Stop
        self.outside_window_ev = -1
        self.beyond_limits = 0  # broken invariant: a setpoint beyond what car or station allow
        self.beyond_limits_evse = -1
        self.clips = [0] * len(REASONS)  # by reason code
        self.delays = [0] * (BINS + 1)  # delivered setpoint steps by delay, see models/metrics.py


def add_counts(sums: Sums, other: Sums) -> None:
    """Add what `other` has counted beside energy per tick: at the end of a run, for what is said of all cars."""
    for name in ("exchanges", "gap_ns", "bounds_reached", "superseded", "outside_window", "beyond_limits"):
        setattr(sums, name, getattr(sums, name) + getattr(other, name))
        setattr(other, name, 0)
    sums.outside_window_ev = max(sums.outside_window_ev, other.outside_window_ev)
    sums.beyond_limits_evse = max(sums.beyond_limits_evse, other.beyond_limits_evse)
    for index, count in enumerate(other.clips):
        sums.clips[index] += count
    for index, count in enumerate(other.delays):
        sums.delays[index] += count
    other.clips = [0] * len(other.clips)
    other.delays = [0] * len(other.delays)


def schedule(sums: Sums, before_w: float, power_w: float, now_ns: int) -> None:
    """A station's scheduled power (AC meter) changes [W]. Each is rounded by itself, so their order does not matter."""
    until_s = (sums.tick_start_ns + sums.tick_ns - now_ns) * 1e-9
    tick_s = sums.tick_ns * 1e-9
    sums.baseline_uj += micro((power_w - before_w) * until_s)
    sums.rescheduled_uj += micro(power_w * tick_s) - micro(before_w * tick_s)


def next_tick(sums: Sums, now_ns: int) -> None:
    """A tick has been closed; the next begins."""
    sums.tick_start_ns = now_ns
    sums.tick_uj = 0
    sums.running_uj += sums.rise_uj
    sums.rise_uj += sums.bend_uj
    sums.baseline_uj = 0
    sums.scheduled_uj += sums.rescheduled_uj
    sums.rescheduled_uj = 0
