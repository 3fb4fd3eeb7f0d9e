"""The benchmark: charge-loop exchanges per second and core, beside a hand-written yardstick in the same run."""

import gc
import json
import platform
import sys
import time
from typing import Any, NamedTuple

from experiments import bench_exi
from experiments.yardstick import exchanges as yardstick_exchanges

GAP_S = 0.2
SETTLED_S = 15.0  # by then every vehicle is in its charge loop


class Row(NamedTuple):
    """One fleet size. Rates are exchanges (request and response) per second of CPU time of one core."""

    n_ev: int
    message_lane_per_s: float
    yardstick_per_s: float
    ratio: float
    setup_ms_per_session: float


def bench(sizes: tuple[int, ...] = (1_000, 10_000), exchanges: int = 100_000, rounds: int = 2) -> list[Row]:
    """Measure both, one after the other, `rounds` times each, and keep the best of each.

    Parameters
    ----------
    sizes : tuple of int
        Numbers of vehicles.
    exchanges : int
        How many exchanges to time, about.
    rounds : int
        Repetitions.
    """
    rows = []
    for n_ev in sizes:
        measured_s = max(1.0, exchanges / (n_ev * 4.0))
        ours = yard = 0.0
        setup_ms = float("inf")
        for _ in range(rounds):
            rate, session_ms = _message_lane(n_ev, measured_s)
            ours, setup_ms = max(ours, rate), min(setup_ms, session_ms)
            yard = max(yard, _yardstick(n_ev, measured_s))
        rows.append(Row(n_ev, ours, yard, ours / yard, setup_ms))
    return rows


def _message_lane(n_ev: int, measured_s: float) -> tuple[float, float]:
    """Exchanges per CPU second in the steady loop, and CPU milliseconds per session up to there."""
    from cosim.world import World
    from experiments.load import load_scenario

    scenario, inputs = load_scenario(
        "quickstart",
        [
            "lane=message",
            f"fleet.n_ev={n_ev}",
            "fleet.cars_per_ev=1",
            "fleet.arrival.plug_in_s=[0.0, 1.0]",
            "fleet.arrival.leave_s=[1e6, 1e6]",
            f"ev.loop_gap_s={GAP_S}",
            f"duration_s={SETTLED_S + measured_s}",
            "record.charge_loop=false",
            "record.setpoints=false",
            "record.trace_evs=[]",
            "grid.events=[]",
            "policy.deadband_hz=0.0",  # every loop moves power: nothing rests
        ],
    )
    world = World(scenario, inputs, lambda _: None)
    mark: list[tuple[float, int]] = []

    def progress(now_ns: int) -> None:
        if not mark and now_ns >= SETTLED_S * 1e9:
            mark.append((time.process_time(), world.exchanges))

    gc.collect()
    began_s = time.process_time()
    world.run(progress=progress)
    ended_s = time.process_time()
    settled_s, before = mark[0]
    per_exchange_s = (ended_s - settled_s) / (world.exchanges - before)
    return 1.0 / per_exchange_s, 1e3 * (settled_s - began_s - before * per_exchange_s) / n_ev


def _yardstick(n_ev: int, measured_s: float) -> float:
    gc.collect()
    began_s = time.process_time()
    done = yardstick_exchanges(n_ev, measured_s, GAP_S, 0.005, 0.015)
    return done / (time.process_time() - began_s)


def main(as_json: bool = False, sizes: tuple[int, ...] = (1_000, 10_000)) -> None:
    """Print the table, or one JSON document."""
    rows = bench(sizes)
    exi_rows = bench_exi.bench()
    if as_json:
        document: dict[str, Any] = {
            "python": platform.python_version(),
            "machine": platform.machine(),
            "rows": [row._asdict() for row in rows],
            "exi": [row._asdict() for row in exi_rows],
        }
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
        return
    sys.stdout.write("charge-loop exchanges per second of one core, link delays on, droop, tick 0.1 s\n")
    sys.stdout.write(f"{'EVs':>8}  {'message lane':>14}  {'yardstick':>12}  {'ratio':>6}  {'set-up per session':>20}\n")
    for row in rows:
        sys.stdout.write(
            f"{row.n_ev:>8,}  {row.message_lane_per_s:>14,.0f}  {row.yardstick_per_s:>12,.0f}  {row.ratio:>6.2f}"
            f"  {row.setup_ms_per_session:>17.2f} ms\n"
        )
    bench_exi.report(exi_rows)
