"""Several processes in the benchmark: the rows of one run in one process, and in two that meet at each grid tick.

Rows are tiled (`bench_fleet`); each process has its part, and after each step the numbers of a tick cross the border as
in `run --shards 2`. Times are those of a clock on the wall: what counts is when the slowest is done, so they mean
something on an idle machine only.
"""

import os
import time
from multiprocessing import connection, get_all_start_methods, get_context
from typing import Any, NamedTuple

from experiments.bench_fleet import once_settled, swing, tiled
from experiments.border import Border

SHARDS = 2
TICK_S, SWING_HZ = 1.0, 0.1
LEAST_EXCHANGES, LEAST_STEPS = 4_000_000, 6
WARM_STEPS = 2


class SpeedUp(NamedTuple):
    """One fleet size at a loop and a tick of 1 s; exchanges per second on the wall, of all processes together."""

    n_ev: int
    alone_per_s: float
    together_per_s: float
    ratio: float


def is_possible() -> bool:
    """Whether there are cores for it, and processes can be forked."""
    return (os.cpu_count() or 1) >= SHARDS and "fork" in get_all_start_methods()


def speed_ups(sizes: tuple[int, ...], rounds: int = 3) -> list[SpeedUp]:
    """One process and several in turn, the best of `rounds`."""
    found: list[SpeedUp] = []

    def measure(stage: Any, now_ns: int) -> None:
        for n_ev in sizes:
            alone = together = 0.0
            for _ in range(rounds):
                alone = max(alone, _per_s(stage, n_ev, 1, now_ns))
                together = max(together, _per_s(stage, n_ev, SHARDS, now_ns))
            found.append(SpeedUp(n_ev, alone, together, together / alone))

    once_settled(TICK_S, measure)
    return found


def _per_s(stage: Any, n_ev: int, shards: int, now_ns: int) -> float:
    """Exchanges per second of so many processes together."""
    context = get_context("fork")
    border = Border(shards, context)
    pipes = []
    for number in range(shards):
        reader, writer = context.Pipe(duplex=False)
        worker = context.Process(target=_work, args=(stage, n_ev, border, number, shards, now_ns, writer))
        worker.start()
        writer.close()
        pipes.append((worker, reader))
    reports = [reader.recv() for _, reader in pipes]
    for worker, _ in pipes:
        worker.join()
    return float(sum(done for done, _ in reports) / max(spent_s for _, spent_s in reports))


def _work(
    stage: Any,
    n_ev: int,
    border: Border,
    number: int,
    shards: int,
    now_ns: int,
    pipe: "connection.Connection[Any, Any]",
) -> None:
    own = n_ev // shards
    lane = tiled(stage.lane, own, first=number * own)
    measured = stage.grid.measured
    tick_ns, done, began_s = round(TICK_S * 1e9), 0.0, 0.0
    for step in range(WARM_STEPS + max(LEAST_STEPS, LEAST_EXCHANGES // n_ev)):
        if step == WARM_STEPS:
            border.total(number, (0,))  # all begin together
            done, began_s = lane.exchanges, time.perf_counter()
        border.total(number, swing(lane, measured, step, SWING_HZ, now_ns, tick_ns))
        now_ns += tick_ns
    pipe.send((lane.exchanges - done, time.perf_counter() - began_s))
