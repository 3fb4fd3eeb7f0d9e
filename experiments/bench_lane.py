"""The fleet lane in the benchmark: exchanges per second and core, what a car takes up, what a logged row costs.

The fleet is that of `bench_fleet`. Frequency swings. By 0.1 Hz it asks most AC cars for less than their least power, so
they rest, while DC cars follow; by 0.5 Hz all follow.
"""

import copy
import gc
import multiprocessing
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from experiments.bench_fleet import LOOP_S, SEED_EVS, SETTLED_S, fleet_world, once_settled, swing, tiled

TICKS_S = (1.0, 0.1)
SWING_HZ, WIDE_SWING_HZ = 0.1, 0.5
LEAST_EXCHANGES = 2_000_000
LOGGED_EVS, LOGGED_S = 1_000, 120.0


class Speed(NamedTuple):
    """One fleet size. Rates are exchanges (request and response) per second of CPU time of one core."""

    n_ev: int
    per_s_at_1_s_tick: float
    per_s_at_100_ms_tick: float
    moving_per_s_at_1_s_tick: float  # in the wide swing
    moving_per_s_at_100_ms_tick: float
    energy_ns: float  # what a row costs in each grid tick beside its exchanges, its energy above all
    cpu_s_per_hour: float  # of simulated time, loop 1 s, tick 0.1 s, without set-up and log


class Connected(NamedTuple):
    """What a connected vehicle takes: all of it is really set up, in a process of its own."""

    n_ev: int
    setup_per_s: float  # sessions per CPU second, from plug-in to the lane
    array_bytes: float  # of the lane's arrays, room for growth not counted
    resident_bytes: float  # growth of the process, arrays and Python objects


class Logged(NamedTuple):
    """A row of `charge_loop` with all its columns, at full rate."""

    rows: int
    bytes: float
    cpu_ns: float | None  # all threads: kernel, buffer, sorting, encoding, file; None: less than two runs differ by


def speeds(sizes: tuple[int, ...], rounds: int = 3) -> list[Speed]:
    """Rates of the lane for each number of vehicles, the best of `rounds`."""
    found: dict[tuple[int, float, float], float] = {}
    for tick_s in TICKS_S:

        def measure(stage: Any, now_ns: int, tick_s: float = tick_s) -> None:
            for n_ev, swing_hz in product(sizes, (SWING_HZ, WIDE_SWING_HZ)):
                found[n_ev, tick_s, swing_hz] = _rate(stage, n_ev, tick_s, swing_hz, now_ns, rounds)

        once_settled(tick_s, measure)
    rows = []
    for n_ev in sizes:
        slow, fast = (found[n_ev, tick_s, SWING_HZ] for tick_s in TICKS_S)
        moving_slow, moving_fast = (found[n_ev, tick_s, WIDE_SWING_HZ] for tick_s in TICKS_S)
        energy_ns = (1e9 / fast - 1e9 / slow) / (LOOP_S / TICKS_S[1] - LOOP_S / TICKS_S[0])
        rows.append(Speed(n_ev, slow, fast, moving_slow, moving_fast, energy_ns, n_ev * 3600.0 / LOOP_S / fast))
    return rows


def _rate(stage: Any, n_ev: int, tick_s: float, swing_hz: float, now_ns: int, rounds: int) -> float:
    lane = tiled(stage.lane, n_ev)
    steps = max(round(3.0 / tick_s), round(LEAST_EXCHANGES / n_ev / tick_s))
    tick_ns = round(tick_s * 1e9)
    best = 0.0
    kept, measured = stage.grid.measured, copy.copy(stage.grid.measured)
    stage.grid.measured = measured
    for _ in range(rounds + 1):  # the first one only warms up
        before, began_s = lane.exchanges, time.process_time()
        for k in range(steps):
            swing(lane, measured, k, swing_hz, now_ns, tick_ns)
            now_ns += tick_ns
        best = max(best, (lane.exchanges - before) / (time.process_time() - began_s))
    stage.grid.measured = kept
    return best


def connected(n_ev: int) -> Connected:
    """Set a fleet up in a fresh process and weigh it."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(_connected, n_ev).result()


def _connected(n_ev: int) -> Connected:
    for warming in (SEED_EVS, n_ev):  # what is made once per process does not count
        world = fleet_world(warming, 1.0, SETTLED_S + 1.0)
        gc.collect()
        before_bytes, began_s = _resident_bytes(), time.process_time()
        weighed: list[tuple[float, int]] = []

        def weigh(now_ns: int, weighed: list[tuple[float, int]] = weighed, began_s: float = began_s) -> None:
            if now_ns == round(SETTLED_S * 1e9):
                weighed.append((time.process_time() - began_s, _resident_bytes()))

        world.run(progress=weigh)
    lane = world.stage.lane
    each = (lane._rows, lane._wake_ns, lane._memory, lane._left)
    array_bytes = sum(array.nbytes / len(array) for array in each)
    spent_s, after_bytes = weighed[0]
    return Connected(n_ev, n_ev / spent_s, array_bytes, (after_bytes - before_bytes) / n_ev)


def _resident_bytes() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:  # only Linux tells the present size
        return 0
    return pages * 4096


def logged() -> Logged:
    """The same small fleet with and without the log; the difference, by row."""
    from experiments.store import Store

    spent, rows, size = [], 0, 0
    for full in (False, True, False, True):
        with tempfile.TemporaryDirectory() as folder:
            began_s = time.process_time()
            with Store(Path(folder)) as store:
                on = ("record.charge_loop=true",) if full else ()
                fleet_world(LOGGED_EVS, 1.0, SETTLED_S + LOGGED_S, *on, sink=store.write).run()
            spent.append(time.process_time() - began_s)
            if full:
                rows, _, size = store.close()["charge_loop"]
    more_ns = (min(spent[1::2]) - min(spent[::2])) / rows * 1e9
    return Logged(rows, size / rows, more_ns if more_ns > 0.0 else None)
