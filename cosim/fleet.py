"""The fleet as the grid sees it: exact energy per grid tick in integer microjoules, and the sums that follow setpoints.

A car that holds its power adds the same integer each tick, so only cars that move are looked at. Integer sums do not
depend on order, lane or shard.
"""

import heapq
import math

from cosim.car import NEVER_NS, Car
from cosim.checks import Checks
from models.car.converter import segment_energy
from models.metrics import DelayHistogram


def micro(value: float) -> int:
    """Nearest whole millionth: watts to microwatts, joules to microjoules."""
    return math.floor(value * 1e6 + 0.5)


class Fleet:
    """All cars that are plugged in, and their sums."""

    def __init__(self, tick_ns: int, checks: Checks) -> None:
        self.checks = checks
        self.delays = DelayHistogram()
        self.cars: dict[int, Car] = {}
        self.tick_ns = tick_ns
        self.tick_start_ns = 0
        self.standby_uj = 0  # of all stations, per tick
        self.setpoint_uw = 0  # sum of the setpoints in force, AC meter
        self.bounds_reached = 0
        self._moving: dict[int, Car] = {}
        self._steady_uj = 0
        self._tick_uj = 0
        self._alarms: list[tuple[int, int]] = []
        self._baseline_uw = 0
        self._baseline_since_ns = 0
        self._baseline_uj = 0

    # --- who is there ---

    def plug_in(self, car: Car) -> None:
        """A car arrives, at rest."""
        car.counted_ns = self.tick_start_ns
        self.cars[car.ev_id] = car

    def unplug(self, car: Car, now_ns: int) -> None:
        """A car goes; its part of the present tick stays counted."""
        car.settle(now_ns)
        if car.steady:
            self.unsettle(car)
        self.count(car, now_ns)
        del self._moving[car.ev_id]
        del self.cars[car.ev_id]

    # --- energy per tick ---

    def unsettle(self, car: Car) -> None:
        """From now on this car is looked at each tick, because its power is about to change."""
        self._steady_uj -= car.hold_uj
        car.steady = False
        car.counted_ns = self.tick_start_ns if car.counted_ns < self.tick_start_ns else car.counted_ns
        self._moving[car.ev_id] = car

    def count(self, car: Car, to_ns: int) -> None:
        """Add the grid energy of the car's present segment up to `to_ns` to the tick."""
        dt_ns = to_ns - car.counted_ns
        if dt_ns > 0:
            power_w = car.power_in_segment_w(car.counted_ns)
            if power_w != 0.0 or car.target_w != 0.0:
                energy = segment_energy(power_w, car.target_w, car.ramp_up, car.ramp_down, dt_ns * 1e-9, *car.losses)
                self._tick_uj += micro(energy.grid_ws)
            car.counted_ns = to_ns

    def close_tick(self, now_ns: int) -> int:
        """Energy that the fleet drew at the AC side since the last tick [uJ], stations' stand-by included."""
        alarms = self._alarms
        while alarms and alarms[0][0] <= now_ns:
            car = self.cars.get(heapq.heappop(alarms)[1])
            if car is not None and car.steady:
                car.advance(now_ns)
                if car.steady and car.bound_guard_ns < NEVER_NS:
                    heapq.heappush(alarms, (car.bound_guard_ns, car.ev_id))
        at_rest = []
        start_ns = self.tick_start_ns
        for car in self._moving.values():
            if now_ns >= car.due_ns:
                car.advance(now_ns)
            if car.counted_ns == start_ns and car.end_ns <= start_ns:  # waiting: it held its power all through the tick
                self._tick_uj += self._hold_uj(car)
                car.counted_ns = now_ns
            else:
                self.count(car, now_ns)
            if car.holds_from(now_ns):
                at_rest.append(car)
        energy_uj = self._tick_uj + self._steady_uj + self.standby_uj
        for car in at_rest:
            self._rest(car)
        self._tick_uj = 0
        self.tick_start_ns = now_ns
        return energy_uj

    def _rest(self, car: Car) -> None:
        car.steady = True
        self._steady_uj += self._hold_uj(car)
        del self._moving[car.ev_id]
        if car.bound_guard_ns < NEVER_NS:
            heapq.heappush(self._alarms, (car.bound_guard_ns, car.ev_id))

    def _hold_uj(self, car: Car) -> int:
        """Energy of a whole tick at the power the car holds; worked out again only when that has changed."""
        power_w = car.target_w
        if car.hold_w != power_w:
            energy = segment_energy(power_w, power_w, car.ramp_up, car.ramp_down, self.tick_ns * 1e-9, *car.losses)
            car.hold_uj = micro(energy.grid_ws)
            car.hold_w = power_w
        return car.hold_uj

    # --- the declared baseline ---

    def schedule(self, change_uw: int, now_ns: int) -> None:
        """The sum of scheduled powers (AC meter) changes by `change_uw` [uW]."""
        self._baseline_uj += self._baseline_uw * (now_ns - self._baseline_since_ns) // 1_000_000_000
        self._baseline_since_ns = now_ns
        self._baseline_uw += change_uw

    def close_baseline(self, now_ns: int) -> int:
        """Energy that was scheduled since the last tick [uJ], stations' stand-by included."""
        self.schedule(0, now_ns)
        energy_uj, self._baseline_uj = self._baseline_uj + self.standby_uj, 0
        return energy_uj
