"""The benchmark: both lanes and a hand-written yardstick in the same run; what vehicles and logged rows take up."""

import gc
import json
import platform
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

from experiments import bench_exi, bench_lane, bench_session, bench_shards
from experiments.errors import UserError
from experiments.yardstick import exchanges as yardstick_exchanges

GAP_S = 0.2
SIZES = (1_000, 10_000, 100_000, 1_000_000)
MOST_OBJECTS = 10_000  # more vehicles as Python objects take minutes, and gigabytes
THROWN_HZ = 0.5  # of noise: each decision is another power between full charge and full discharge
SETTLED_S = 15.0  # by then every vehicle is in its charge loop


class Row(NamedTuple):
    """One fleet size. Rates are exchanges (request and response) per second of CPU time of one core.

    Cars rest, as the yardstick's do; `moving_per_s` is the rate where each decision throws them to another power.
    """

    n_ev: int
    message_lane_per_s: float
    moving_per_s: float
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
        moving, _ = _message_lane(n_ev, max(1.0, 0.25 * measured_s), noise_hz=THROWN_HZ)
        rows.append(Row(n_ev, ours, moving, yard, ours / yard, setup_ms))
    return rows


def _message_lane(n_ev: int, measured_s: float, noise_hz: float = 0.001) -> tuple[float, float]:
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
            "policy.deadband_hz=0.0",  # noise moves every wish; small ones end at minimum powers, so the cars rest
            f"measurement.noise_hz={noise_hz}",
        ],
    )
    world = World(scenario, inputs, lambda _: None)
    marks: list[tuple[float, int]] = []

    def progress(now_ns: int) -> None:
        if now_ns >= SETTLED_S * 1e9:
            marks.append((time.process_time(), world.exchanges))

    gc.collect()
    began_s = time.process_time()
    world.run(progress=progress)
    (settled_s, before), (ended_s, after) = marks[0], marks[-1]
    per_exchange_s = (ended_s - settled_s) / (after - before)
    return 1.0 / per_exchange_s, 1e3 * (settled_s - began_s - before * per_exchange_s) / n_ev


def _yardstick(n_ev: int, measured_s: float) -> float:
    gc.collect()
    done, cpu_s = yardstick_exchanges(n_ev, measured_s, GAP_S, 0.005, 0.015)
    return done / cpu_s


def measure(sizes: tuple[int, ...]) -> dict[str, Any]:
    """Everything, as one document; vehicles as Python objects only up to `MOST_OBJECTS`."""
    began_s = time.process_time()
    small = tuple(n_ev for n_ev in sizes if n_ev <= MOST_OBJECTS) or (min(*sizes, MOST_OBJECTS),)
    fleet = bench_lane.speeds(sizes)
    rows = bench(small)
    yard_per_s = {row.n_ev: row.yardstick_per_s for row in rows}
    found = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "processor": processor(),
        "fleet_lane": [
            row._asdict()
            | {"ratio_to_yardstick": row.per_s_at_100_ms_tick / yard_per_s.get(row.n_ev, yard_per_s[small[-1]])}
            for row in fleet
        ],
        "shards": [row._asdict() for row in bench_shards.speed_ups(sizes)] if bench_shards.is_possible() else [],
        "rows": [row._asdict() for row in rows],
        "connected": [bench_lane.connected(n_ev)._asdict() for n_ev in small],
        "sessions": [session._asdict() for session in bench_session.bench()],
        "logged": bench_lane.logged()._asdict(),
        "exi": [row._asdict() for row in bench_exi.bench()],
    }
    return found | {"cpu_s": time.process_time() - began_s}


def processor() -> str:
    """Model of the processor, as the system names it."""
    try:
        told = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in told if line.startswith("model name")), platform.machine())


def main(as_json: bool = False, sizes: tuple[int, ...] = SIZES) -> None:
    """Print the tables, or one JSON document."""
    if min(sizes) < 1:
        raise UserError(f"--n must be at least 1, got {min(sizes)}")
    found = measure(tuple(sorted(set(sizes))))
    if as_json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return
    out = sys.stdout
    out.write(f"{found['processor']}, Python {found['python']}; everything per second of CPU time of one core\n\n")
    out.write("charge-loop exchanges per second, link delays on, droop, rows tiled from a fleet of 256 really set up\n")
    out.write(f"{'EVs':>9}  {'fleet lane, tick 1 s':>20}  {'tick 0.1 s':>12}  {'all moving, 1 s':>15}  {'0.1 s':>12}  "
              f"{'of the yardstick':>16}  {'a row and tick':>14}  {'CPU for an hour':>15}\n")  # fmt: skip
    for row in found["fleet_lane"]:
        out.write(
            f"{row['n_ev']:>9,}  {row['per_s_at_1_s_tick']:>20,.0f}  {row['per_s_at_100_ms_tick']:>12,.0f}"
            f"  {row['moving_per_s_at_1_s_tick']:>15,.0f}  {row['moving_per_s_at_100_ms_tick']:>12,.0f}"
            f"  {row['ratio_to_yardstick']:>15,.0f}x  {row['energy_ns']:>11.1f} ns  {row['cpu_s_per_hour']:>13,.1f} s\n"
        )
    if found["shards"]:
        out.write("\nexchanges per second on the wall, tick 1 s, one process and two that meet at each tick\n")
        out.write(f"{'EVs':>9}  {'one':>12}  {'two':>12}  {'ratio':>6}\n")
        for row in found["shards"]:
            out.write(f"{row['n_ev']:>9,}  {row['alone_per_s']:>12,.0f}  {row['together_per_s']:>12,.0f}"
                      f"  {row['ratio']:>6.2f}\n")  # fmt: skip
    out.write(f"\n{'EVs':>9}  {'message lane':>12}  {'all moving':>10}  {'yardstick':>10}  {'ratio':>6}  "
              f"{'set-up per session':>18}  {'sessions/s':>10}  {'arrays per EV':>13}  "
              f"{'memory per EV':>13}\n")  # fmt: skip
    for row, weighed in zip(found["rows"], found["connected"], strict=True):
        out.write(
            f"{row['n_ev']:>9,}  {row['message_lane_per_s']:>12,.0f}  {row['moving_per_s']:>10,.0f}"
            f"  {row['yardstick_per_s']:>10,.0f}"
            f"  {row['ratio']:>6.2f}  {row['setup_ms_per_session']:>15.2f} ms  {weighed['setup_per_s']:>10,.0f}"
            f"  {weighed['array_bytes']:>11.0f} B  {weighed['resident_bytes'] / 1024:>9.1f} KiB\n"
        )
    told = [f"{each['service']} {each['ms']:.2f} ms ({each['exchanges']:.0f} exchanges)" for each in found["sessions"]]
    out.write(f"\na session outside the loop, from plug-in to unplugging, without waiting: {', '.join(told)}\n")
    logged = found["logged"]
    cpu = "CPU below what two runs differ by" if logged["cpu_ns"] is None else f"{logged['cpu_ns'] / 1e3:.2f} us of CPU"
    out.write(f"\na row of charge_loop, all columns: {logged['bytes']:.1f} bytes, {cpu} ({logged['rows']:,} rows)\n")
    bench_exi.report([bench_exi.Row(**row) for row in found["exi"]])
    out.write(f"\nall of it took {found['cpu_s']:.0f} s of CPU\n")
