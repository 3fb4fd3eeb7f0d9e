"""What a session costs outside the charge loop: everything from plug-in to unplugging, but for the turns of the loop.

A fleet plugs in, agrees, is taken into the fleet lane, given back and stops. The few turns that a vehicle takes outside
the lane are paid with the price of a turn in the message lane; what is left is set-up and tear-down, the two doors of
the lane among them. No station makes anybody wait: authorisation and cable check are done at once. A DC session still
polls for its voltages, twice up and twice down.
"""

import gc
import time
from typing import Any, NamedTuple

ARRIVAL_S = 1.0
STAY_S = 20.0  # from the last plug-in to the first departure; set-up takes some four seconds
SHORT_S, LONG_S = 10.0, 20.0  # what the longer stay costs more are turns


class Session(NamedTuple):
    """One service; CPU milliseconds of a session outside the loop, and how many exchanges those are."""

    service: str
    ms: float
    exchanges: float


class Played(NamedTuple):
    """One run: CPU seconds, turns taken message by message, and all exchanges of the message lane."""

    cpu_s: float
    turns: int
    exchanges: float


def bench(n_ev: int = 500, rounds: int = 3) -> list[Session]:
    """Both ends of the scale: AC has the fewest messages, DC the most. The best of `rounds`."""
    return [_session(service, n_ev, rounds) for service in ("AC_BPT", "DC_BPT")]


def _session(service: str, n_ev: int, rounds: int) -> Session:
    few = min(100, n_ev)
    _played(service, few, STAY_S, "fleet")  # what is made once per process does not count
    short, long = (_best(service, few, stay_s, "message", rounds) for stay_s in (SHORT_S, LONG_S))
    turn_s = (long.cpu_s - short.cpu_s) / (long.turns - short.turns)
    fleet = _best(service, n_ev, STAY_S, "fleet", rounds)
    return Session(service, 1e3 * (fleet.cpu_s - fleet.turns * turn_s) / n_ev, (fleet.exchanges - fleet.turns) / n_ev)


def _best(service: str, n_ev: int, stay_s: float, lane: str, rounds: int) -> Played:
    return min(_played(service, n_ev, stay_s, lane) for _ in range(rounds))


def _played(service: str, n_ev: int, stay_s: float, lane: str) -> Played:
    world = _world(service, n_ev, ARRIVAL_S + stay_s, lane)
    gc.collect()
    began_s = time.process_time()
    outcome = world.run()
    spent_s = time.process_time() - began_s
    assert outcome.kpis["sessions"] == n_ev, "everybody has come and gone"
    messages = sum(world.stage.journal.counts.values())
    return Played(spent_s, world.exchanges - world.lane_exchanges, messages / 2 - world.lane_exchanges)


def _world(service: str, n_ev: int, leave_s: float, lane: str) -> Any:
    from cosim.world import World
    from experiments.load import load_scenario

    scenario, inputs = load_scenario(
        "quickstart",
        [
            f"lane={lane}",
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
    return World(scenario, inputs, lambda _: None)
