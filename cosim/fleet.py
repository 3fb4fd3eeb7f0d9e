"""The fleet as the grid sees it: exact energy per grid tick in integer microjoules.

A car that holds its power adds the same integer each tick, so only cars that move are counted piece by piece. Integer
sums do not depend on order, lane or shard.
"""

from operator import add
from typing import TYPE_CHECKING, NamedTuple

from cosim.car import Car
from cosim.checks import Checks
from cosim.motion import catch_up
from cosim.sums import Sums, add_counts, next_tick

if TYPE_CHECKING:
    from cosim.lane import Lane


class Tick(NamedTuple):
    """What the fleet adds to one grid tick; whole numbers, so that parts of a fleet can be added up."""

    energy_uj: int = 0  # drawn at the AC side since the last tick, stations' stand-by included
    baseline_uj: int = 0  # scheduled since the last tick, stations' stand-by included
    setpoint_uw: int = 0  # sum of the setpoints in force at the end, AC meter
    l1_uj: int = 0  # of the energy: what lies on one phase alone
    l2_uj: int = 0
    l3_uj: int = 0
    lost_baseline_uw: int = 0  # expected of cars that have lost their supply

    def __add__(self, other: tuple[int, ...]) -> "Tick":  # type: ignore[override]  # parts add up, they do not join
        return Tick(*map(add, self, other))


class Fleet:
    """All cars that are plugged in and not in the compiled lane, and their sums."""

    def __init__(self, tick_ns: int) -> None:
        self.sums = Sums(tick_ns)
        self.on_phase = (Sums(tick_ns), Sums(tick_ns), Sums(tick_ns))  # of cars that lie on one phase alone
        self.cars: dict[int, Car] = {}
        self.standby_uj = 0  # of all stations, per tick
        self.lane: Lane | None = None  # where the other cars are

    # --- who is there ---

    def plug_in(self, car: Car) -> None:
        """A car arrives."""
        self.cars[car.ev_id] = car

    def unplug(self, car: Car, now_ns: int) -> None:
        """A car goes, without power; its part of the present tick stays counted."""
        car.step_ns = -1  # nothing is delivered any more
        car.cut(now_ns)
        del self.cars[car.ev_id]

    # --- energy per tick ---

    def close_tick(self, now_ns: int) -> Tick:
        """What came together since the last tick, which ends now."""
        if self.lane is not None:
            self.lane.catch_up()
        sums = self.sums
        for car in self.cars.values():
            if now_ns >= car.due_ns:
                catch_up(car, car.kind, car.sums, now_ns)
        single_uj = [phase.tick_uj + phase.running_uj for phase in self.on_phase]
        tick = Tick(
            sums.tick_uj + sums.running_uj + self.standby_uj + sum(single_uj),
            sums.baseline_uj + sums.scheduled_uj + self.standby_uj,
            sums.setpoint_uw + sum(phase.setpoint_uw for phase in self.on_phase),
            *single_uj,
        )
        next_tick(sums, now_ns)
        for phase in self.on_phase:
            next_tick(phase, now_ns)
        return tick if self.lane is None else tick + self.lane.close_tick(now_ns)

    def settle_counts(self) -> None:
        """What was counted on single phases joins what was counted on all."""
        for phase in self.on_phase:
            add_counts(self.sums, phase)

    @property
    def exchanges(self) -> int:
        """Charge loops answered, of all cars."""
        return self.sums.exchanges + sum(phase.exchanges for phase in self.on_phase)


def verify(sums: Sums, checks: Checks) -> None:
    """Report what the functions of `cosim/motion.py` and `cosim/control.py` found to be broken."""
    if sums.outside_window:
        checks.broken("power_window", f"EV{sums.outside_window_ev:03d} moves power outside Start..Stop")
    if sums.beyond_limits:
        detail = f"EVSE{sums.beyond_limits_evse:03d} decides on power beyond what car or station allow"
        checks.broken("power_limits", detail)
