"""The yardstick of the benchmark: the same charge loop as one would write it by hand in SimPy in an afternoon.

An EV process and an EVSE process per car, and between them two cables made as in SimPy's own example of a cable with
latency: a Store, and a process that puts each message into it after a delay. Messages are dicts with the elements of a
BPT_Dynamic charge loop. There are a battery with limits, droop with a dead band and a jittered delay; there are no
checks, no state machine, no timers, no rounding, no records and no grid. Its cars rest, as those of the message lane's
benchmark do. What that lane costs is told as a ratio to this, in the same run.
"""

import random
import time
from collections.abc import Generator
from typing import Any

import simpy

CAPACITY_WH = 60_000.0
RATED_W = 11_000.0


class Cable:
    """One direction of the line."""

    def __init__(self, env: simpy.Environment, delay_s: float, jitter_s: float) -> None:
        self.env = env
        self.delay_s = delay_s
        self.jitter_s = jitter_s
        self.store = simpy.Store(env)

    def latency(self, message: dict[str, Any]) -> Generator[simpy.Event, Any, None]:
        """Carry one message."""
        yield self.env.timeout(self.delay_s + self.jitter_s * random.random())
        self.store.put(message)

    def put(self, message: dict[str, Any]) -> None:
        """Send."""
        self.env.process(self.latency(message))

    def get(self) -> simpy.Event:
        """Wait for a message."""
        return self.store.get()


def exchanges(
    n_ev: int, duration_s: float, gap_s: float, delay_s: float, jitter_s: float, settled_s: float = 1.0
) -> tuple[int, float]:
    """Run `n_ev` pairs; the exchanges (request and response) completed in `duration_s` of simulated time, and their CPU
    seconds. Making the pairs and the first `settled_s` do not count.
    """
    env = simpy.Environment()
    random.seed(1)
    done = [0]
    for number in range(n_ev):
        to_evse, to_ev = Cable(env, delay_s, jitter_s), Cable(env, delay_s, jitter_s)
        env.process(_evse(env, to_evse, to_ev))
        env.process(_ev(env, to_evse, to_ev, gap_s, gap_s * number / n_ev, done))
    env.run(until=settled_s)
    before, began_s = done[0], time.process_time()
    env.run(until=settled_s + duration_s)
    return done[0] - before, time.process_time() - began_s


def _ev(
    env: simpy.Environment, to_evse: Cable, to_ev: Cable, gap_s: float, phase_s: float, done: list[int]
) -> Generator[simpy.Event, Any, None]:
    soc, power_w = 0.6, 0.0
    yield env.timeout(phase_s)
    last_s = env.now
    while True:
        loss_w = 50.0 + 0.08 * abs(power_w)
        soc += (power_w - loss_w if power_w else 0.0) * (env.now - last_s) / 3600.0 / CAPACITY_WH
        last_s = env.now
        to_evse.put(
            {
                "type": "AC_ChargeLoopReq",
                "departure_time": max(0, int(36_000.0 - env.now)),
                "target_energy_request": (0.8 - soc) * CAPACITY_WH,
                "maximum_energy_request": (1.0 - soc) * CAPACITY_WH,
                "minimum_energy_request": (0.3 - soc) * CAPACITY_WH,
                "maximum_v2x_energy_request": (0.9 - soc) * CAPACITY_WH,
                "minimum_v2x_energy_request": (0.3 - soc) * CAPACITY_WH,
                "maximum_charge_power": RATED_W * min(1.0, (1.0 - soc) / 0.2),
                "minimum_charge_power": 0.0,
                "maximum_discharge_power": RATED_W * min(1.0, (soc - 0.1) / 0.1),
                "minimum_discharge_power": 0.0,
                "present_active_power": power_w,
                "present_reactive_power": 0.0,
            }
        )
        response = yield to_ev.get()
        power_w = max(-RATED_W, min(RATED_W, response["target_active_power"]))
        done[0] += 1
        yield env.timeout(gap_s)


def _evse(env: simpy.Environment, to_evse: Cable, to_ev: Cable) -> Generator[simpy.Event, Any, None]:
    while True:
        request = yield to_evse.get()
        error_hz = 0.001 * random.gauss(0.0, 1.0)
        wanted_w = 0.0
        if abs(error_hz) > 0.01:
            wanted_w = RATED_W * (error_hz - (0.01 if error_hz > 0.0 else -0.01)) / 0.5
        highest_w = request["maximum_charge_power"] if request["maximum_energy_request"] > 0.0 else 0.0
        may_discharge = request["minimum_energy_request"] < 0.0 and request["minimum_v2x_energy_request"] < 0.0
        lowest_w = -request["maximum_discharge_power"] if may_discharge else 0.0
        to_ev.put(
            {
                "type": "AC_ChargeLoopRes",
                "response_code": "OK",
                "target_active_power": max(lowest_w, min(highest_w, wanted_w)),
                "present_active_power": request["present_active_power"],
            }
        )
