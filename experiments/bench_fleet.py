"""The fleet that benchmarks of the fleet lane step through: a few vehicles really set up, and their rows tiled.

256 vehicles, half AC_BPT and half DC_BPT, are set up message by message until all are rows of the lane. For larger
numbers these rows are tiled: the copies have the numbers of other vehicles, so that noise and delays are their own, but
states and phases repeat. Everything else is what a run does in a grid step: droop, limiter, wire rounding, measurement
with noise, delays with jitter, energy, and the lane's own upkeep in Python.
"""

import copy
import math
from collections.abc import Callable
from typing import Any

SEED_EVS = 256
LOOP_S = 1.0  # with link delays; the sequence timer is relaxed
SETTLED_S = 20.0  # by then every vehicle is in its charge loop
NOMINAL_HZ = 50.0
SWING_RAD_PER_STEP = 0.05


def fleet_world(n_ev: int, tick_s: float, duration_s: float, *settings: str, sink: Any = None) -> Any:
    """A world of so many vehicles that plug in within a second and stay; `sink` takes the parts of its tables."""
    from cosim.world import World
    from experiments.load import load_scenario

    scenario, inputs = load_scenario(
        "quickstart",
        [
            "lane=fleet",
            f"fleet.n_ev={n_ev}",
            "fleet.cars_per_ev=1",
            "fleet.services={AC_BPT = 0.5, DC_BPT = 0.5}",
            "fleet.soc=[0.45, 0.55]",
            "fleet.arrival.plug_in_s=[0.0, 1.0]",
            "fleet.arrival.leave_s=[1e6, 1e6]",
            "ev.loop_gap_s=0.975",
            "link.delay_s=0.005",
            "link.jitter_s=0.015",
            "secc.loop_sequence_timeout_s=60",
            "measurement.noise_hz=0.001",
            f"grid.tick_s={tick_s}",
            "grid.events=[]",
            f"duration_s={duration_s}",
            "record.charge_loop=false",
            "record.setpoints=false",
            "record.trace_evs=[]",
            "policy.deadband_hz=0.0",
            *settings,
        ],
    )
    return World(scenario, inputs, sink or (lambda _: None))


def once_settled(tick_s: float, look: Callable[[Any, int], None]) -> None:
    """Set a fleet up and call `look(stage, now_ns)` when all of it is in the lane."""
    world = fleet_world(SEED_EVS, tick_s, SETTLED_S + 1.0)

    def watch(now_ns: int) -> None:
        if now_ns == round(SETTLED_S * 1e9):
            look(world.stage, now_ns)

    world.run(progress=watch)


def tiled(lane: Any, n_ev: int, first: int = 0) -> Any:
    """A lane of `n_ev` rows, copies of those in `lane`, which stays as it is; their vehicles are numbered from `first`.

    Looks inside on purpose: nothing but a benchmark makes rows that no session stands behind.
    """
    import numpy as np

    from cosim import turns
    from cosim.row import blank_rows

    there = np.flatnonzero(lane._rows["phase"] != turns.AWAY)
    assert there.size > 0.9 * SEED_EVS, "the fleet is in the lane by now"
    chosen = there[np.arange(n_ev) % there.size]
    wide = copy.copy(lane)
    wide._rows, wide._memory, wide._wake_ns = blank_rows(n_ev), lane._memory[chosen], lane._wake_ns[chosen]
    wide._rows[:] = lane._rows[chosen]
    wide._rows["ev_id"] = wide._rows["evse_id"] = np.arange(first, first + n_ev)
    wide._left, wide._status = np.zeros(n_ev, np.int64), lane._status.copy()
    wide._end_ns = 2**62
    wide._evs, wide._free, wide.present = [None] * n_ev, [], n_ev
    wide._sums = lane._sums.copy()
    return wide


def swing(lane: Any, measured: Any, step: int, swing_hz: float, now_ns: int, tick_ns: int) -> Any:
    """One grid step of a tiled lane, in a frequency that swings by so much; what the lane brings to its end."""
    measured.hold(NOMINAL_HZ - swing_hz * math.sin(SWING_RAD_PER_STEP * step), now_ns)
    lane._run(lane._span(now_ns), 0, lane.present)
    return lane.close_tick(now_ns + tick_ns)
