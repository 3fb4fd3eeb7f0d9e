"""The yardstick of the benchmark: a charge loop as one would write it by hand in SimPy in an afternoon.

An EV process and an EVSE process per car, a Store in each direction, a delay before each put, messages as dicts, no checks,
no state machine, no battery limits, no records. What our message lane costs is told as a ratio to this, in the same run.
"""

from collections.abc import Generator
from typing import Any

import simpy


def exchanges(n_ev: int, duration_s: float, gap_s: float, delay_s: float) -> int:
    """Run `n_ev` pairs for `duration_s` of simulated time; the number of request-response exchanges completed."""
    env = simpy.Environment()
    done = [0]
    for number in range(n_ev):
        to_evse, to_ev = simpy.Store(env), simpy.Store(env)
        env.process(_evse(env, to_evse, to_ev, delay_s))
        env.process(_ev(env, to_evse, to_ev, gap_s, delay_s, gap_s * number / n_ev, done))
    env.run(until=duration_s)
    return done[0]


def _ev(
    env: simpy.Environment,
    to_evse: simpy.Store,
    to_ev: simpy.Store,
    gap_s: float,
    delay_s: float,
    phase_s: float,
    done: list[int],
) -> Generator[simpy.Event, Any, None]:
    soc, power_w, capacity_wh = 0.5, 0.0, 60_000.0
    yield env.timeout(phase_s)
    last_s = env.now
    while True:
        soc += power_w * (env.now - last_s) / 3600.0 / capacity_wh
        last_s = env.now
        request = {
            "type": "AC_ChargeLoopReq",
            "departure_s": 3600.0,
            "target_energy_wh": (0.8 - soc) * capacity_wh,
            "maximum_energy_wh": (1.0 - soc) * capacity_wh,
            "minimum_energy_wh": (0.2 - soc) * capacity_wh,
            "maximum_charge_w": 11_000.0,
            "maximum_discharge_w": 11_000.0,
            "present_w": power_w,
        }
        yield env.timeout(delay_s)
        yield to_evse.put(request)
        response = yield to_ev.get()
        power_w = response["target_w"]
        done[0] += 1
        yield env.timeout(gap_s)


def _evse(
    env: simpy.Environment, to_evse: simpy.Store, to_ev: simpy.Store, delay_s: float
) -> Generator[simpy.Event, Any, None]:
    while True:
        request = yield to_evse.get()
        error_hz = 0.02 if int(env.now) % 2 else -0.02
        wanted_w = 11_000.0 * error_hz / 0.5
        target_w = max(-request["maximum_discharge_w"], min(request["maximum_charge_w"], wanted_w))
        yield env.timeout(delay_s)
        yield to_ev.put(
            {"type": "AC_ChargeLoopRes", "response_code": "OK", "target_w": target_w, "present_w": request["present_w"]}
        )
