"""One vehicle and the converter that moves its power: closed-form segments and exact energies.

A segment starts at `segment_ns` with `start_w`, ramps to `target_w` and holds. Setpoints wait in a queue until their
reaction delay is over. Nothing is integrated in steps: whoever needs power or energy asks for it at an instant.

The functions below take the state of a car as their first argument: a `Car` here, a row of the same fields in the
compiled lane. So they are written for both: no sequences that grow, no tuples unpacked from a row.
"""

import math

from cosim.kind import Kind
from cosim.sums import Sums, micro
from models.car.battery import open_circuit_v, soc_after, terminal_v
from models.car.converter import Energy, ramp_duration_s, ramp_power_w, segment_energy, start_delay_s
from models.metrics import delay_bin

NEVER_NS = 1 << 62
WAITING = 4  # setpoints that the compiled lane lets wait; one at a time is usual
# A hard bound is looked for this much before it could be reached at full power, at the soonest.
_LEAST_GUARD_NS = 1_000_000
_FARTHEST_GUARD_S = 4e9


class Car:
    """Physical state of one plugged-in vehicle. Energies are counted since plug-in, positive into the vehicle [W s]."""

    __slots__ = (
        "cells_ws",
        "charged_ws",
        "counted_ns",
        "discharged_ws",
        "due_ns",
        "end_ns",
        "energised",
        "ev_id",
        "grid_ws",
        "guard_ns",
        "hold_uj",
        "hold_w",
        "kind",
        "plug_ws",
        "queue_ns",
        "queue_w",
        "ramp_down",
        "ramp_up",
        "segment_ns",
        "settled_ns",
        "soc_start",
        "start_w",
        "station_loss_ws",
        "steady",
        "step_level_w",
        "step_ns",
        "step_target_w",
        "sums",
        "target_w",
        "vehicle_loss_ws",
        "waiting",
        "zero_since_ns",
    )

    def __init__(self, ev_id: int, kind: Kind, sums: Sums, soc: float, now_ns: int) -> None:
        self.ev_id = ev_id
        self.kind = kind
        self.sums = sums
        self.soc_start = soc
        self.segment_ns = self.settled_ns = self.zero_since_ns = self.end_ns = now_ns
        self.counted_ns = now_ns
        self.start_w = self.target_w = 0.0
        self.ramp_up = kind.converter.ramp_up_w_per_s
        self.ramp_down = kind.converter.ramp_down_w_per_s
        self.grid_ws = self.plug_ws = self.cells_ws = self.station_loss_ws = self.vehicle_loss_ws = 0.0
        self.charged_ws = self.discharged_ws = 0.0
        self.energised = False
        self.steady = True  # holds its power: each tick adds `hold_uj`
        self.hold_uj = 0  # energy of a tick at `hold_w`
        self.hold_w = 0.0
        self.step_ns = -1  # decision of a setpoint step whose delivery is awaited; -1: none
        self.step_level_w = 0.0  # 90 % of it
        self.step_target_w = 0.0
        self.waiting = 0  # setpoints in the queue: instants and targets
        self.queue_ns = [0] * WAITING
        self.queue_w = [0.0] * WAITING
        self.guard_ns = NEVER_NS  # no bound of the state of charge is reached before
        self.due_ns = NEVER_NS  # something happens by itself: the guard, or the first setpoint that waits

    def power_w(self, now_ns: int) -> float:
        """Power at the plug [W]."""
        return power_w(self, self.kind, self.sums, now_ns)

    def soc(self, now_ns: int) -> float:
        """State of charge, energies settled up to now."""
        settle(self, self.kind, self.sums, now_ns)
        return settled_soc(self, self.kind)

    def voltage_v(self, power_w: float) -> float:
        """Voltage at the battery's terminals under `power_w` [V], charged as it was when energies were last settled."""
        return voltage_v(self, self.kind, power_w)

    def peek(self, now_ns: int) -> tuple[float, float]:
        """State of charge and energy of the cells since plug-in [W s] without settling, for the record only."""
        return peek(self, self.kind, self.sums, now_ns)

    def settle(self, now_ns: int) -> None:
        """Count energies up to now."""
        settle(self, self.kind, self.sums, now_ns)

    def command(self, now_ns: int, target_w: float) -> None:
        """A setpoint at the plug [W]; takes effect after the reaction delay, later out of zero power."""
        self.make_room()
        command(self, self.kind, self.sums, now_ns, target_w)

    def make_room(self) -> None:
        """See to it that one more setpoint can wait: with long delays and quick loops there may be many."""
        if self.waiting == len(self.queue_ns):
            self.queue_ns.append(0)
            self.queue_w.append(0.0)

    def limit_ramps(self, most_w_per_s: float) -> None:
        """Ramp no faster than this from the next setpoint on; stopping is not a setpoint."""
        converter = self.kind.converter
        self.kind = self.kind._replace(
            converter=converter._replace(
                ramp_up_w_per_s=min(converter.ramp_up_w_per_s, most_w_per_s),
                ramp_down_w_per_s=min(converter.ramp_down_w_per_s, most_w_per_s),
            )
        )

    def ramp_off(self, now_ns: int) -> None:
        """To zero with the off-ramp, at once; setpoints still waiting are dropped."""
        ramp_off(self, self.kind, self.sums, now_ns)

    def cut(self, now_ns: int) -> None:
        """Power is gone at once: a contactor opened."""
        interrupt(self, self.kind, self.sums, now_ns)
        begin(self, self.kind, self.sums, now_ns, 0.0, 0.0, self.ramp_up, self.ramp_down)

    def holds_from(self, now_ns: int) -> bool:
        """Whether nothing is going to change from now on, unless the car is told something."""
        return self.waiting == 0 and self.end_ns <= now_ns


# --- what it is now ---


def power_w(car: Car, kind: Kind, sums: Sums, now_ns: int) -> float:
    """Power at the plug [W]."""
    if now_ns >= car.due_ns:
        advance(car, kind, sums, now_ns)
    return power_in_segment_w(car, now_ns)


def power_in_segment_w(car: Car, at_ns: int) -> float:
    """Power of the present segment at an instant at or after its start [W]."""
    if at_ns >= car.end_ns:
        return car.target_w
    return ramp_power_w(car.start_w, car.target_w, car.ramp_up, car.ramp_down, (at_ns - car.segment_ns) * 1e-9)


def settled_soc(car: Car, kind: Kind) -> float:
    """State of charge when energies were last settled: at the last offer, or later."""
    return soc_after(car.soc_start, car.cells_ws, kind.battery.capacity_wh)


def voltage_v(car: Car, kind: Kind, power_w: float) -> float:
    """Voltage at the battery's terminals under `power_w` [V], charged as it was when energies were last settled."""
    return voltage_at_v(kind, settled_soc(car, kind), power_w)


def voltage_at_v(kind: Kind, soc: float, power_w: float) -> float:
    """Voltage at the battery's terminals under `power_w` [V] at a state of charge."""
    battery = kind.battery
    open_v = open_circuit_v(soc, battery.open_circuit_empty_v, battery.open_circuit_full_v)
    return terminal_v(power_w, open_v, battery.resistance_ohm)


def peek(car: Car, kind: Kind, sums: Sums, now_ns: int) -> tuple[float, float]:
    """State of charge and energy of the cells since plug-in [W s] without settling."""
    if now_ns >= car.due_ns:
        advance(car, kind, sums, now_ns)
    from_ns = car.settled_ns
    cells_ws = car.cells_ws + energy(car, kind, power_in_segment_w(car, from_ns), now_ns - from_ns).cells_ws
    return soc_after(car.soc_start, cells_ws, kind.battery.capacity_wh), cells_ws


# --- what it is told ---


def command(car: Car, kind: Kind, sums: Sums, now_ns: int, target_w: float) -> None:
    """A setpoint at the plug [W]; takes effect after the reaction delay, later out of zero power.

    While the converter wakes up, a newer setpoint replaces the one it wakes up for. There must be room in the queue.
    """
    if now_ns >= car.due_ns:
        advance(car, kind, sums, now_ns)
    last = car.waiting - 1
    if target_w == (car.queue_w[last] if last >= 0 else car.target_w):
        return
    converter = kind.converter
    if last >= 0:  # awake, or waking up already
        delay_s = converter.reaction_delay_s
    else:
        idle_s = (now_ns - car.zero_since_ns) * 1e-9
        delay_s = start_delay_s(power_in_segment_w(car, now_ns), target_w, idle_s, converter)
    at_ns = now_ns + math.floor(delay_s * 1e9 + 0.5)
    if last >= 0 and at_ns <= car.queue_ns[last]:
        car.queue_w[last] = target_w
        return
    unsettle(car, sums)
    car.queue_ns[car.waiting] = at_ns
    car.queue_w[car.waiting] = target_w
    car.waiting += 1
    if at_ns < car.due_ns:
        car.due_ns = at_ns


def ramp_off(car: Car, kind: Kind, sums: Sums, now_ns: int) -> None:
    """To zero with the off-ramp, at once; setpoints still waiting are dropped."""
    interrupt(car, kind, sums, now_ns)
    rate = kind.converter.off_ramp_w_per_s
    begin(car, kind, sums, now_ns, power_in_segment_w(car, now_ns), 0.0, rate, rate)


def interrupt(car: Car, kind: Kind, sums: Sums, now_ns: int) -> None:
    """Drop the setpoints that wait: something else begins at once."""
    advance(car, kind, sums, now_ns)
    car.waiting = 0
    car.due_ns = car.guard_ns
    unsettle(car, sums)


# --- segments ---


def advance(car: Car, kind: Kind, sums: Sums, now_ns: int) -> None:
    """Begin every segment that is due by now; cut at a hard bound of the state of charge."""
    while car.due_ns <= now_ns:
        if car.due_ns == car.guard_ns:
            first_ns = car.queue_ns[0] if car.waiting > 0 else now_ns
            look_for_bound(car, kind, sums, first_ns if first_ns < now_ns else now_ns)
        else:
            at_ns, target_w = car.queue_ns[0], car.queue_w[0]
            car.waiting -= 1
            for k in range(car.waiting):
                car.queue_ns[k] = car.queue_ns[k + 1]
                car.queue_w[k] = car.queue_w[k + 1]
            converter = kind.converter
            start_w = power_in_segment_w(car, at_ns)
            begin(car, kind, sums, at_ns, start_w, target_w, converter.ramp_up_w_per_s, converter.ramp_down_w_per_s)


def begin(
    car: Car, kind: Kind, sums: Sums, at_ns: int, start_w: float, target_w: float, ramp_up: float, ramp_down: float
) -> None:
    """End the present segment and begin the next."""
    integrate(car, kind, at_ns)
    count(car, kind, sums, at_ns)
    watch_step(car, sums, at_ns)
    car.segment_ns = at_ns
    car.start_w = start_w
    car.target_w = target_w
    car.ramp_up = ramp_up
    car.ramp_down = ramp_down
    car.end_ns = at_ns + math.ceil(ramp_duration_s(start_w, target_w, ramp_up, ramp_down) * 1e9)
    if target_w == 0.0:
        car.zero_since_ns = car.end_ns
    if not car.energised and (start_w != 0.0 or target_w != 0.0):
        sums.outside_window += 1
        if car.ev_id > sums.outside_window_ev:
            sums.outside_window_ev = car.ev_id
    guard(car, kind, at_ns)


def energy(car: Car, kind: Kind, power_w: float, dt_ns: int) -> Energy:
    """Energies of the present segment over `dt_ns` from where its power is `power_w`."""
    return segment_energy(
        power_w,
        car.target_w,
        car.ramp_up,
        car.ramp_down,
        dt_ns * 1e-9,
        kind.station_charge,
        kind.station_discharge,
        kind.vehicle_charge,
        kind.vehicle_discharge,
    )


def settle(car: Car, kind: Kind, sums: Sums, now_ns: int) -> None:
    """Count energies up to now."""
    if now_ns >= car.due_ns:
        advance(car, kind, sums, now_ns)
    integrate(car, kind, now_ns)


def integrate(car: Car, kind: Kind, to_ns: int) -> None:
    """Add the energies of the present segment up to `to_ns`."""
    from_ns = car.settled_ns
    if to_ns <= from_ns:
        return
    power_w = power_in_segment_w(car, from_ns)
    if power_w != 0.0 or car.target_w != 0.0:
        zero_ns = zero_crossing_ns(car, power_w)
        if from_ns < zero_ns < to_ns:  # the two meter registers split where power is zero
            add(car, energy(car, kind, power_w, zero_ns - from_ns))
            from_ns, power_w = zero_ns, power_in_segment_w(car, zero_ns)
        add(car, energy(car, kind, power_w, to_ns - from_ns))
    car.settled_ns = to_ns


def zero_crossing_ns(car: Car, power_w: float) -> int:
    """When a reversal, at `power_w` when energies were last settled, passes zero; never if it does not reverse."""
    if power_w * car.target_w >= 0.0:
        return NEVER_NS
    return car.settled_ns + math.floor(ramp_duration_s(power_w, 0.0, car.ramp_up, car.ramp_down) * 1e9)


def add(car: Car, part: Energy) -> None:
    """Add to all meters."""
    car.grid_ws += part.grid_ws
    car.plug_ws += part.plug_ws
    car.cells_ws += part.cells_ws
    car.station_loss_ws += part.station_loss_ws
    car.vehicle_loss_ws += part.vehicle_loss_ws
    if part.plug_ws >= 0.0:
        car.charged_ws += part.plug_ws
    else:
        car.discharged_ws -= part.plug_ws


# --- the hard bounds of the state of charge ---


def guard(car: Car, kind: Kind, from_ns: int) -> None:
    """Set the instant before which no bound can be reached, from the energy settled at `from_ns`."""
    battery = kind.battery
    full_ws = 3600.0 * battery.capacity_wh
    most_w = car.start_w if car.start_w > car.target_w else car.target_w
    least_w = car.start_w if car.start_w < car.target_w else car.target_w
    guard_s = _FARTHEST_GUARD_S
    if most_w > 0.0:
        room_ws = (battery.ceiling_soc - car.soc_start) * full_ws - car.cells_ws
        if room_ws < most_w * guard_s:
            guard_s = room_ws / most_w
    if least_w < 0.0:
        loss = kind.vehicle_discharge
        drain_w = loss.constant_w - least_w * (1.0 + loss.linear - loss.quadratic_per_w * least_w)
        room_ws = car.cells_ws - (battery.floor_soc - car.soc_start) * full_ws
        if room_ws < drain_w * guard_s:
            guard_s = room_ws / drain_w
    guard_ns = NEVER_NS
    if guard_s < _FARTHEST_GUARD_S:
        guard_ns = from_ns + math.floor(guard_s * 1e9)
        if guard_ns < from_ns + _LEAST_GUARD_NS:
            guard_ns = from_ns + _LEAST_GUARD_NS
    car.guard_ns = guard_ns
    car.due_ns = car.queue_ns[0] if car.waiting > 0 and car.queue_ns[0] < guard_ns else guard_ns


def look_for_bound(car: Car, kind: Kind, sums: Sums, now_ns: int) -> None:
    """Cut the segment at the exact nanosecond where a bound is crossed by `now_ns`, or guard on from there."""
    settled_ns = car.settled_ns
    power_w = power_in_segment_w(car, settled_ns)
    # A reversal is fullest, or emptiest, where power is zero: energy is monotone on either side of that instant.
    turn_ns = zero_crossing_ns(car, power_w)
    if turn_ns > now_ns:
        turn_ns = now_ns
    outside_ns = turn_ns if is_beyond(car, kind, power_w, turn_ns) else now_ns
    if not is_beyond(car, kind, power_w, outside_ns):
        integrate(car, kind, now_ns)
        guard(car, kind, now_ns)
        return
    inside_ns = settled_ns if outside_ns == turn_ns else turn_ns
    while outside_ns - inside_ns > 1:
        middle_ns = (inside_ns + outside_ns) // 2
        if is_beyond(car, kind, power_w, middle_ns):
            outside_ns = middle_ns
        else:
            inside_ns = middle_ns
    unsettle(car, sums)
    begin(car, kind, sums, inside_ns, 0.0, 0.0, car.ramp_up, car.ramp_down)
    sums.bounds_reached += 1


def is_beyond(car: Car, kind: Kind, power_w: float, at_ns: int) -> bool:
    """Whether the present segment, at `power_w` when energies were last settled, is beyond a bound at `at_ns`."""
    cells_ws = car.cells_ws + energy(car, kind, power_w, at_ns - car.settled_ns).cells_ws
    battery = kind.battery
    full_ws = 3600.0 * battery.capacity_wh
    return (
        cells_ws > (battery.ceiling_soc - car.soc_start) * full_ws
        or cells_ws < (battery.floor_soc - car.soc_start) * full_ws
    )


# --- how fast setpoint steps are delivered ---


def decided(car: Car, kind: Kind, sums: Sums, now_ns: int, target_w: float, step_w: float) -> None:
    """A station decided on `target_w` (plug); follow it if it is a step of at least `step_w` [W]."""
    if car.step_ns >= 0:
        watch_step(car, sums, now_ns)
        if car.step_ns >= 0:
            if -step_w < target_w - car.step_target_w < step_w:
                return
            sums.superseded += 1
            car.step_ns = -1
    from_w = power_w(car, kind, sums, now_ns)
    change_w = target_w - from_w
    if not -step_w < change_w < step_w:
        car.step_ns = now_ns
        car.step_level_w = from_w + 0.9 * change_w
        car.step_target_w = target_w


def watch_step(car: Car, sums: Sums, now_ns: int) -> None:
    """Count the step as delivered if the present segment has crossed its level by now."""
    if car.step_ns < 0:
        return
    power_w = power_in_segment_w(car, now_ns)
    level_w = car.step_level_w
    if (power_w >= level_w) if car.step_target_w > level_w else (power_w <= level_w):
        ramp_s = ramp_duration_s(car.start_w, level_w, car.ramp_up, car.ramp_down)
        crossed_ns = car.segment_ns + math.ceil(ramp_s * 1e9)
        sums.delays[delay_bin(crossed_ns - car.step_ns)] += 1
        car.step_ns = -1


# --- energy per grid tick ---


def unsettle(car: Car, sums: Sums) -> None:
    """From now on this car is counted piece by piece, because its power is about to change."""
    if car.steady:
        sums.steady_uj -= car.hold_uj
        car.steady = False
        if car.counted_ns < sums.tick_start_ns:
            car.counted_ns = sums.tick_start_ns


def count(car: Car, kind: Kind, sums: Sums, to_ns: int) -> None:
    """Add the grid energy of the present segment up to `to_ns` to the tick."""
    if to_ns > car.counted_ns:
        power_w = power_in_segment_w(car, car.counted_ns)
        if power_w != 0.0 or car.target_w != 0.0:
            sums.tick_uj += micro(energy(car, kind, power_w, to_ns - car.counted_ns).grid_ws)
        car.counted_ns = to_ns


def close_tick(car: Car, kind: Kind, sums: Sums, now_ns: int) -> None:
    """Count up to the end of a tick. A car that holds its power then adds the same to each tick from the next on."""
    if now_ns >= car.due_ns:
        advance(car, kind, sums, now_ns)
    if car.steady:
        return
    start_ns = sums.tick_start_ns
    if car.counted_ns == start_ns and car.end_ns <= start_ns:  # waiting: it held its power all through the tick
        sums.tick_uj += hold_uj(car, kind, sums.tick_ns)
        car.counted_ns = now_ns
    else:
        count(car, kind, sums, now_ns)
    if car.waiting == 0 and car.end_ns <= now_ns:
        car.steady = True
        sums.resting_uj += hold_uj(car, kind, sums.tick_ns)


def hold_uj(car: Car, kind: Kind, tick_ns: int) -> int:
    """Energy of a whole tick at the power the car holds; worked out again only when that has changed."""
    if car.hold_w != car.target_w:
        car.hold_uj = micro(energy(car, kind, car.target_w, tick_ns).grid_ws)
        car.hold_w = car.target_w
    return car.hold_uj
