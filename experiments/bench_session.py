"""What a session costs outside the charge loop: everything from plug-in to unplugging, but for the turns of the loop.

The same vehicles stay for a short and for a long while. What the long stay costs more are turns, so their price is
known, and what is left of the short stay once its turns are paid is set-up and tear-down. No station makes anybody
wait: authorisation and cable check are done at once. A DC session still polls for its voltages, twice up and twice
down.
"""

import gc
import time
from typing import NamedTuple

SHORT_S, LONG_S = 8.0, 20.0  # from the last plug-in to the first departure; set-up takes some four seconds
ARRIVAL_S = 1.0


class Session(NamedTuple):
    """One service; CPU milliseconds of a session outside the loop, and how many exchanges those are."""

    service: str
    ms: float
    exchanges: float


def bench(n_ev: int = 500, rounds: int = 3) -> list[Session]:
    """Both ends of the scale: AC has the fewest messages, DC the most. The best of `rounds`."""
    return [_session(service, n_ev, rounds) for service in ("AC_BPT", "DC_BPT")]


def _session(service: str, n_ev: int, rounds: int) -> Session:
    _played(service, min(50, n_ev), SHORT_S)  # what is made once per process does not count
    short, long = [], []
    for _ in range(rounds):
        short.append(_played(service, n_ev, SHORT_S))
        long.append(_played(service, n_ev, LONG_S))
    short_s, short_turns, messages = min(short)
    long_s, long_turns, _ = min(long)
    turn_s = (long_s - short_s) / (long_turns - short_turns)
    return Session(service, 1e3 * (short_s - short_turns * turn_s) / n_ev, (messages / 2 - short_turns) / n_ev)


def _played(service: str, n_ev: int, stay_s: float) -> tuple[float, int, int]:
    """CPU seconds, turns of the loop, and all messages of a run in the message lane."""
    from cosim.world import World
    from experiments.load import load_scenario

    leave_s = ARRIVAL_S + stay_s
    scenario, inputs = load_scenario(
        "quickstart",
        [
            "lane=message",
            f"fleet.n_ev={n_ev}",
            "fleet.cars_per_ev=1",
            f"fleet.services={{{service} = 1.0}}",
            f"fleet.arrival.plug_in_s=[0.0, {ARRIVAL_S}]",
            f"fleet.arrival.leave_s=[{leave_s}, {leave_s + 1.0}]",
            "evse.authorization_s=0.0",
            "evse.cable_check_s=0.0",
            "evse.precharge_v_per_s=1e6",
            "evse.voltage_collapse_s=0.01",
            f"duration_s={leave_s + 15.0}",
            "grid.tick_s=1.0",
            "grid.events=[]",
            "record.charge_loop=false",
            "record.setpoints=false",
            "record.trace_evs=[]",
        ],
    )
    world = World(scenario, inputs, lambda _: None)
    gc.collect()
    began_s = time.process_time()
    outcome = world.run()
    spent_s = time.process_time() - began_s
    assert outcome.kpis["sessions"] == n_ev, "everybody has come and gone"
    return spent_s, world.exchanges, sum(world.stage.journal.counts.values())
