"""One vehicle and the converter that moves its power: closed-form segments and exact energies.

A segment starts at `segment_ns` with `start_w`, ramps to `target_w` and holds. Setpoints wait in a queue until their
reaction delay is over. Nothing is integrated in steps: whoever needs power or energy asks for it at an instant.
"""

import math
from typing import TYPE_CHECKING, NamedTuple

from models.car.battery import Battery, open_circuit_v, soc_after, terminal_v
from models.car.converter import Converter, Energy, Loss, ramp_duration_s, ramp_power_w, segment_energy, start_delay_s

if TYPE_CHECKING:
    from cosim.fleet import Fleet

NEVER_NS = 1 << 62
# A hard bound is looked for this much before it could be reached at full power, at the soonest.
_LEAST_GUARD_NS = 1_000_000


class Losses(NamedTuple):
    """Losses as functions of the power at the plug, per direction: grid to plug, and plug to cells."""

    station_charge: Loss
    station_discharge: Loss
    vehicle_charge: Loss
    vehicle_discharge: Loss


class Step(NamedTuple):
    """A setpoint step whose delivery is still awaited: 90 % of it is there when power crosses `level_w`."""

    decided_ns: int
    level_w: float
    target_w: float
    rising: bool


class Car:
    """Physical state of one plugged-in vehicle. Energies are counted since plug-in, positive into the vehicle [W s]."""

    __slots__ = (
        "_queue",
        "battery",
        "bound_guard_ns",
        "cells_ws",
        "charged_ws",
        "converter",
        "counted_ns",
        "discharged_ws",
        "due_ns",
        "end_ns",
        "energised",
        "ev_id",
        "fleet",
        "grid_ws",
        "hold_uj",
        "hold_w",
        "losses",
        "plug_ws",
        "ramp_down",
        "ramp_up",
        "segment_ns",
        "settled_ns",
        "soc_start",
        "start_w",
        "station_loss_ws",
        "steady",
        "step",
        "target_w",
        "vehicle_loss_ws",
        "zero_since_ns",
    )

    def __init__(
        self,
        ev_id: int,
        fleet: "Fleet",
        battery: Battery,
        converter: Converter,
        losses: Losses,
        soc: float,
        now_ns: int,
    ) -> None:
        self.ev_id = ev_id
        self.fleet = fleet
        self.battery = battery
        self.converter = converter
        self.losses = losses
        self.soc_start = soc
        self.segment_ns = self.settled_ns = self.counted_ns = self.zero_since_ns = self.end_ns = now_ns
        self.start_w = self.target_w = 0.0
        self.ramp_up = converter.ramp_up_w_per_s
        self.ramp_down = converter.ramp_down_w_per_s
        self.grid_ws = self.plug_ws = self.cells_ws = self.station_loss_ws = self.vehicle_loss_ws = 0.0
        self.charged_ws = self.discharged_ws = 0.0
        self.energised = False
        self.steady = True
        self.hold_uj = 0  # energy of a tick at `hold_w`
        self.hold_w = 0.0
        self.step: Step | None = None
        self._queue: list[
            tuple[int, float, float, float]
        ] = []  # seldom more than two wait: a deque is ten times as big
        self.bound_guard_ns = self.due_ns = NEVER_NS

    # --- what it is now ---

    def power_w(self, now_ns: int) -> float:
        """Power at the plug [W]."""
        if now_ns >= self.due_ns:
            self.advance(now_ns)
        if now_ns >= self.end_ns:
            return self.target_w
        return ramp_power_w(
            self.start_w, self.target_w, self.ramp_up, self.ramp_down, (now_ns - self.segment_ns) * 1e-9
        )

    def soc(self, now_ns: int) -> float:
        """State of charge, energies settled up to now."""
        self.settle(now_ns)
        return soc_after(self.soc_start, self.cells_ws, self.battery.capacity_wh)

    def settled_soc(self) -> float:
        """State of charge when energies were last settled: at the last offer, or later."""
        return soc_after(self.soc_start, self.cells_ws, self.battery.capacity_wh)

    def voltage_v(self, power_w: float) -> float:
        """Voltage at the battery's terminals under `power_w` [V], charged as it was when energies were last settled."""
        battery = self.battery
        open_v = open_circuit_v(self.settled_soc(), battery.open_circuit_empty_v, battery.open_circuit_full_v)
        return terminal_v(power_w, open_v, battery.resistance_ohm)

    def peek(self, now_ns: int) -> tuple[float, float]:
        """State of charge and energy of the cells since plug-in [W s] without settling, for the record only."""
        if now_ns >= self.due_ns:
            self.advance(now_ns)
        cells_ws = (
            self.cells_ws + self._energy(self.power_in_segment_w(self.settled_ns), now_ns - self.settled_ns).cells_ws
        )
        return soc_after(self.soc_start, cells_ws, self.battery.capacity_wh), cells_ws

    # --- what it is told ---

    def command(self, now_ns: int, target_w: float) -> None:
        """A setpoint at the plug [W]; takes effect after the reaction delay, later out of zero power."""
        queue = self._queue
        if target_w == (queue[-1][1] if queue else self.target_w):
            return
        converter = self.converter
        power_w = self.target_w if queue else self.power_w(now_ns)
        delay_s = start_delay_s(power_w, target_w, (now_ns - self.zero_since_ns) * 1e-9, converter)
        at_ns = now_ns + math.floor(delay_s * 1e9 + 0.5)
        if queue and at_ns < queue[-1][0]:
            at_ns = queue[-1][0]
        self._enqueue(now_ns, at_ns, target_w, converter.ramp_up_w_per_s, converter.ramp_down_w_per_s)

    def limit_ramps(self, most_w_per_s: float) -> None:
        """Ramp no faster than this from the next setpoint on; stopping is not a setpoint."""
        converter = self.converter
        self.converter = converter._replace(
            ramp_up_w_per_s=min(converter.ramp_up_w_per_s, most_w_per_s),
            ramp_down_w_per_s=min(converter.ramp_down_w_per_s, most_w_per_s),
        )

    def ramp_off(self, now_ns: int) -> None:
        """To zero with the off-ramp, at once; setpoints still waiting are dropped."""
        self.advance(now_ns)
        self._drop_waiting()
        rate = self.converter.off_ramp_w_per_s
        self._enqueue(now_ns, now_ns, 0.0, rate, rate)
        self.advance(now_ns)

    def cut(self, now_ns: int) -> None:
        """Power is gone at once: a contactor opened."""
        self.advance(now_ns)
        self._drop_waiting()
        if self.steady:
            self.fleet.unsettle(self)
        self._begin(now_ns, 0.0, 0.0, self.ramp_up, self.ramp_down)

    def holds_from(self, now_ns: int) -> bool:
        """Whether nothing is going to change from now on, unless the car is told something."""
        return not self._queue and self.end_ns <= now_ns

    def _enqueue(self, now_ns: int, at_ns: int, target_w: float, up: float, down: float) -> None:
        if self.steady:
            self.fleet.unsettle(self)
        self._queue.append((at_ns, target_w, up, down))
        if at_ns < self.due_ns:
            self.due_ns = at_ns

    def _drop_waiting(self) -> None:
        self._queue.clear()
        self.due_ns = self.bound_guard_ns

    # --- segments ---

    def advance(self, now_ns: int) -> None:
        """Begin every segment that is due by now; cut at a hard bound of the state of charge."""
        queue = self._queue
        while self.due_ns <= now_ns:
            if self.due_ns == self.bound_guard_ns:
                self._look_for_bound(min(now_ns, queue[0][0]) if queue else now_ns)
            else:
                at_ns, target_w, up, down = queue.pop(0)
                self._begin(at_ns, self.power_in_segment_w(at_ns), target_w, up, down)

    def power_in_segment_w(self, at_ns: int) -> float:
        """Power of the present segment at an instant at or after its start [W]."""
        if at_ns >= self.end_ns:
            return self.target_w
        return ramp_power_w(self.start_w, self.target_w, self.ramp_up, self.ramp_down, (at_ns - self.segment_ns) * 1e-9)

    def _begin(self, at_ns: int, start_w: float, target_w: float, up: float, down: float) -> None:
        self._integrate(at_ns)
        self.fleet.count(self, at_ns)
        self._watch_step(at_ns)
        self.segment_ns, self.start_w, self.target_w, self.ramp_up, self.ramp_down = at_ns, start_w, target_w, up, down
        self.end_ns = at_ns + math.ceil(ramp_duration_s(start_w, target_w, up, down) * 1e9)
        if target_w == 0.0:
            self.zero_since_ns = self.end_ns
        if not self.energised and (start_w != 0.0 or target_w != 0.0):
            self.fleet.checks.broken(
                "power_window", f"EV{self.ev_id:03d} moves power outside Start..Stop at {at_ns * 1e-9:.3f} s"
            )
        self._guard(at_ns)

    def _energy(self, power_w: float, dt_ns: int) -> Energy:
        """Energies of the present segment over `dt_ns` from where its power is `power_w`."""
        return segment_energy(power_w, self.target_w, self.ramp_up, self.ramp_down, dt_ns * 1e-9, *self.losses)

    def settle(self, now_ns: int) -> None:
        """Count energies up to now."""
        if now_ns >= self.due_ns:
            self.advance(now_ns)
        self._integrate(now_ns)

    def _integrate(self, to_ns: int) -> None:
        from_ns = self.settled_ns
        if to_ns <= from_ns:
            return
        power_w = self.power_in_segment_w(from_ns)
        if power_w != 0.0 or self.target_w != 0.0:
            zero_ns = self._zero_ns(power_w)
            if from_ns < zero_ns < to_ns:  # the two meter registers split where power is zero
                self._add(self._energy(power_w, zero_ns - from_ns))
                from_ns, power_w = zero_ns, self.power_in_segment_w(zero_ns)
            self._add(self._energy(power_w, to_ns - from_ns))
        self.settled_ns = to_ns

    def _zero_ns(self, power_w: float) -> int:
        """When a reversal, at `power_w` now, passes zero; never if it does not reverse."""
        if power_w * self.target_w >= 0.0:
            return NEVER_NS
        return self.settled_ns + math.floor(ramp_duration_s(power_w, 0.0, self.ramp_up, self.ramp_down) * 1e9)

    def _add(self, energy: Energy) -> None:
        self.grid_ws += energy.grid_ws
        self.plug_ws += energy.plug_ws
        self.cells_ws += energy.cells_ws
        self.station_loss_ws += energy.station_loss_ws
        self.vehicle_loss_ws += energy.vehicle_loss_ws
        if energy.plug_ws >= 0.0:
            self.charged_ws += energy.plug_ws
        else:
            self.discharged_ws -= energy.plug_ws

    # --- the hard bounds of the state of charge ---

    def _room_ws(self) -> tuple[float, float]:
        """Energy that the cells may still give and take, both as changes of `cells_ws` seen from plug-in [W s]."""
        battery = self.battery
        full_ws = 3600.0 * battery.capacity_wh
        return (battery.floor_soc - self.soc_start) * full_ws, (battery.ceiling_soc - self.soc_start) * full_ws

    def _guard(self, from_ns: int) -> None:
        """Set the instant before which no bound can be reached, from the energy settled at `from_ns`."""
        low_ws, high_ws = self._room_ws()
        most_w = max(self.start_w, self.target_w)
        least_w = min(self.start_w, self.target_w)
        guard_ns = NEVER_NS
        if most_w > 0.0:
            guard_ns = from_ns + int((high_ws - self.cells_ws) / most_w * 1e9)
        if least_w < 0.0:
            discharge = self.losses.vehicle_discharge
            drain_w = (
                -least_w
                + discharge.constant_w
                - discharge.linear * least_w
                + discharge.quadratic_per_w * least_w * least_w
            )
            guard_ns = min(guard_ns, from_ns + int((self.cells_ws - low_ws) / drain_w * 1e9))
        guard_ns = max(guard_ns, from_ns + _LEAST_GUARD_NS) if guard_ns < NEVER_NS else NEVER_NS
        self.bound_guard_ns = guard_ns
        queue = self._queue
        self.due_ns = queue[0][0] if queue and queue[0][0] < guard_ns else guard_ns

    def _look_for_bound(self, now_ns: int) -> None:
        """Cut the segment at the exact nanosecond where a bound is crossed by `now_ns`, or guard on from there."""
        low_ws, high_ws = self._room_ws()
        settled_ns = self.settled_ns
        power_w = self.power_in_segment_w(settled_ns)

        def beyond(at_ns: int) -> bool:
            cells_ws = self.cells_ws + self._energy(power_w, at_ns - settled_ns).cells_ws
            return cells_ws > high_ws or cells_ws < low_ws

        # A reversal is fullest, or emptiest, where power is zero: energy is monotone on either side of that instant.
        turn_ns = min(self._zero_ns(power_w), now_ns)
        outside_ns = turn_ns if beyond(turn_ns) else now_ns
        if not beyond(outside_ns):
            self._integrate(now_ns)
            self._guard(now_ns)
            return
        inside_ns = settled_ns if outside_ns == turn_ns else turn_ns
        while outside_ns - inside_ns > 1:
            middle_ns = (inside_ns + outside_ns) // 2
            if beyond(middle_ns):
                outside_ns = middle_ns
            else:
                inside_ns = middle_ns
        if self.steady:
            self.fleet.unsettle(self)
        self._begin(inside_ns, 0.0, 0.0, self.ramp_up, self.ramp_down)
        self.fleet.bounds_reached += 1

    # --- how fast setpoint steps are delivered ---

    def decided(self, now_ns: int, target_w: float, step_w: float) -> None:
        """A station decided on `target_w` (plug); follow it if it is a step of at least `step_w` [W]."""
        step = self.step
        if step is not None:
            self._watch_step(now_ns)
            step = self.step
            if step is not None:
                if -step_w < target_w - step.target_w < step_w:
                    return
                self.fleet.delays.superseded += 1
                self.step = None
        power_w = self.power_w(now_ns)
        change_w = target_w - power_w
        if not -step_w < change_w < step_w:
            self.step = Step(now_ns, power_w + 0.9 * change_w, target_w, change_w > 0.0)

    def _watch_step(self, now_ns: int) -> None:
        """Count the step as delivered if the present segment has crossed its level by now."""
        step = self.step
        if step is None:
            return
        power_w = self.power_in_segment_w(now_ns)
        if (power_w >= step.level_w) if step.rising else (power_w <= step.level_w):
            ramp_s = ramp_duration_s(self.start_w, step.level_w, self.ramp_up, self.ramp_down)
            crossed_ns = self.segment_ns + math.ceil(ramp_s * 1e9)
            self.fleet.delays.add(crossed_ns - step.decided_ns)
            self.step = None
