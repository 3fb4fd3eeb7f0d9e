"""What is known beforehand to come between a vehicle and its station: changes of plan, requests, faults.

Each entry of a scenario becomes appointments of single vehicles. A pair that runs in a faster way than message by
message must be back before its next appointment: `next_ns` says when that is.
"""

import math
from bisect import bisect_left
from collections.abc import Iterable
from typing import NamedTuple

from cosim.car_state import NEVER_NS
from cosim.scenario import DriverChange, Fault, Scenario, StationAsk, Targets, to_ns
from models.draws import stream_key, uniform

Entry = DriverChange | StationAsk | Fault


class Appointment(NamedTuple):
    """One entry, for one vehicle, at one instant. `place` is its order among the entries."""

    at_ns: int
    ev_id: int
    place: int
    entry: Entry


class Agenda:
    """All appointments of a run, by vehicle and in order of time."""

    def __init__(self, scenario: Scenario, ev_ids: Iterable[int]) -> None:
        self.appointments = sorted(_appointments(scenario, tuple(ev_ids)), key=lambda each: each[:3])
        self._instants: dict[int, list[int]] = {}
        for appointment in self.appointments:
            self._instants.setdefault(appointment.ev_id, []).append(appointment.at_ns)

    def next_ns(self, ev_id: int, now_ns: int) -> int:
        """Instant of the vehicle's next appointment, `now_ns` included; far away if there is none."""
        instants = self._instants.get(ev_id)
        if instants is None:
            return NEVER_NS
        index = bisect_left(instants, now_ns)
        return instants[index] if index < len(instants) else NEVER_NS


def _appointments(scenario: Scenario, ev_ids: tuple[int, ...]) -> Iterable[Appointment]:
    entries: tuple[Entry, ...] = (*scenario.driver, *scenario.station, *scenario.faults)
    known = frozenset(ev_ids)
    for place, entry in enumerate(entries):
        if isinstance(entry, DriverChange):
            if entry.ev_id in known:
                yield Appointment(to_ns(entry.t_s), entry.ev_id, place, entry)
            continue
        for ev_id in _targets(entry, scenario.seed, place, ev_ids):
            for at_ns in _instants(entry, scenario, place, ev_id):
                yield Appointment(at_ns, ev_id, place, entry)


def _targets(entry: Targets, seed: int, place: int, ev_ids: tuple[int, ...]) -> Iterable[int]:
    """The vehicles an entry concerns; each is drawn by itself, so adding one changes no other."""
    key = stream_key(seed, f"agenda.share.{place}")
    wanted = set(entry.ev_ids)
    for ev_id in ev_ids:
        if (not wanted or ev_id in wanted) and (entry.share >= 1.0 or uniform(key, ev_id, 0) < entry.share):
            yield ev_id


def _instants(entry: StationAsk | Fault, scenario: Scenario, place: int, ev_id: int) -> Iterable[int]:
    """The given time, or random times with exponential gaps."""
    if entry.t_s is not None:
        yield to_ns(entry.t_s)
        return
    assert isinstance(entry, Fault), "only a fault has a rate"
    assert entry.rate_per_h is not None, "a fault without a time has a rate"
    key = stream_key(scenario.seed, f"agenda.rate.{place}")
    mean_s = 3600.0 / entry.rate_per_h
    at_s, number = 0.0, 0
    while True:
        at_s -= mean_s * math.log(1.0 - uniform(key, ev_id, number))
        if at_s >= scenario.duration_s:
            return
        yield to_ns(at_s)
        number += 1
