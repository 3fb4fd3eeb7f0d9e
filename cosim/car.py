"""One vehicle and the converter that moves its power: closed-form segments and exact energies.

A segment is a ramp from `start_w` at `segment_ns` to `target_w` at `end_ns`, or it holds `target_w`. A ramp that passes
zero goes on as another segment from there, at `turn_ns`; so does one that lasts for many grid ticks. Setpoints wait in
a queue until their reaction delay is over. Nothing is integrated in steps: power and energies are functions of the time
since the segment began, and whoever needs one asks for it at an instant. Meters are added to when a segment ends.

The functions below take the state of a car as their first argument: a `Car` here, a row of the same fields in the
compiled lane. So they are written for both: no sequences that grow, no tuples unpacked from a row.
"""

import math
from dataclasses import replace

from cosim.kind import Kind
from cosim.sums import Sums, micro
from models.car.battery import open_circuit_v, soc_after, terminal_v
from models.car.converter import (
    TO_CELLS,
    TO_GRID,
    Energy,
    grid_for_plug_w,
    hold_beyond_ws,
    hold_energy,
    ramp_beyond_ws,
    ramp_duration_s,
    ramp_energy,
    ramp_ticks,
    start_delay_s,
)
from models.metrics import delay_bin

NEVER_NS = 1 << 62
WAITING = 4  # setpoints that the compiled lane lets wait; one at a time is usual
# A hard bound is looked for this much before it could be reached at full power, at the soonest.
_LEAST_GUARD_NS = 1_000_000
_FARTHEST_GUARD_S = 4e9
RAMP_TICKS = 64  # ticks that a segment of a ramp lasts at most, so that their roundings do not add up
ROOMY_S = 60.0  # a guard that holds for any power is worth having if it is at least so far off


class Car:
    """Physical state of one plugged-in vehicle.

    Energies `..._ws` are meters since plug-in, up to the start of the present segment; positive into the vehicle [W s].
    """

    __slots__ = (
        "cells_ws",
        "charged_ws",
        "counted_uj",
        "discharged_ws",
        "due_ns",
        "end_ns",
        "energised",
        "ev_id",
        "grid_ws",
        "guard_ns",
        "kind",
        "plug_ws",
        "queue_ns",
        "queue_w",
        "rate_w_per_s",
        "roomy",
        "segment_ns",
        "soc_seen",
        "soc_start",
        "start_w",
        "station_loss_ws",
        "steady",
        "step_level_w",
        "step_ns",
        "step_target_w",
        "sums",
        "target_w",
        "turn_ns",
        "vehicle_loss_ws",
        "waiting",
        "whole_ns",
    )

    def __init__(self, ev_id: int, kind: Kind, sums: Sums, soc: float, now_ns: int) -> None:
        self.ev_id = ev_id
        self.kind = kind
        self.sums = sums
        self.soc_start = soc
        self.soc_seen = soc  # as it was at the last offer
        self.segment_ns = self.turn_ns = self.end_ns = now_ns
        self.start_w = self.target_w = 0.0
        self.rate_w_per_s = kind.converter.ramp_up_w_per_s  # of the present segment's ramp, a magnitude
        self.grid_ws = self.plug_ws = self.cells_ws = self.station_loss_ws = self.vehicle_loss_ws = 0.0
        self.charged_ws = self.discharged_ws = 0.0
        self.energised = False
        self.steady = True  # holds its power
        self.counted_uj = 0  # what each tick counts while it does; else what the first tick of the ramp has counted
        self.whole_ns = 0  # when the ramp's second tick began: from there they are whole ones
        self.step_ns = -1  # decision of a setpoint step whose delivery is awaited; -1: none
        self.step_level_w = 0.0  # 90 % of it
        self.step_target_w = 0.0
        self.waiting = 0  # setpoints in the queue: instants and targets
        self.queue_ns = [0] * WAITING
        self.queue_w = [0.0] * WAITING
        self.guard_ns = NEVER_NS  # no bound of the state of charge is reached before
        self.roomy = False  # whatever the car is told within its ratings
        self.due_ns = NEVER_NS  # something happens by itself: the guard, the end of a segment, or a setpoint

    def power_w(self, now_ns: int) -> float:
        """Power at the plug [W]."""
        return power_w(self, self.kind, self.sums, now_ns)

    def soc(self, now_ns: int) -> float:
        """State of charge."""
        return soc_at(self, self.kind, self.sums, now_ns)

    def voltage_v(self, power_w: float) -> float:
        """Voltage at the battery's terminals under `power_w` [V], charged as it was at the last offer."""
        return voltage_at_v(self.kind, self.soc_seen, power_w)

    def settle(self, now_ns: int) -> None:
        """Bring all meters up to now."""
        settle(self, self.kind, self.sums, now_ns)

    def peek(self, now_ns: int) -> tuple[float, float]:
        """State of charge and energy of the cells since plug-in [W s]."""
        return peek(self, self.kind, self.sums, now_ns)

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
        self.kind = replace(
            self.kind,
            converter=converter._replace(
                ramp_up_w_per_s=min(converter.ramp_up_w_per_s, most_w_per_s),
                ramp_down_w_per_s=min(converter.ramp_down_w_per_s, most_w_per_s),
            ),
        )

    def ramp_off(self, now_ns: int) -> None:
        """To zero with the off-ramp, at once; setpoints still waiting are dropped."""
        ramp_off(self, self.kind, self.sums, now_ns)

    def cut(self, now_ns: int) -> None:
        """Power is gone at once: a contactor opened."""
        interrupt(self, self.kind, self.sums, now_ns)
        begin(self, self.kind, self.sums, now_ns, 0.0, 0.0, self.rate_w_per_s)

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
    """Power of the present segment at an instant at or after its start [W]: `ramp_power_w`, written out.

    A car that moves is asked for it ten times an exchange.
    """
    target_w = car.target_w
    if at_ns >= car.end_ns:
        return target_w
    start_w, change_w = car.start_w, car.rate_w_per_s * ((at_ns - car.segment_ns) * 1e-9)
    if target_w > start_w:
        power_w = start_w + change_w
        return power_w if power_w < target_w else target_w
    power_w = start_w - change_w
    return power_w if power_w > target_w else target_w


def soc_at(car: Car, kind: Kind, sums: Sums, now_ns: int) -> float:
    """State of charge."""
    if now_ns >= car.due_ns:
        advance(car, kind, sums, now_ns)
    return soc_after(car.soc_start, cells_in_segment_ws(car, kind, now_ns), kind.battery.capacity_wh)


def peek(car: Car, kind: Kind, sums: Sums, now_ns: int) -> tuple[float, float]:
    """State of charge and energy of the cells since plug-in [W s]."""
    if now_ns >= car.due_ns:
        advance(car, kind, sums, now_ns)
    cells_ws = cells_in_segment_ws(car, kind, now_ns)
    return soc_after(car.soc_start, cells_ws, kind.battery.capacity_wh), cells_ws


def cells_in_segment_ws(car: Car, kind: Kind, at_ns: int) -> float:
    """Energy of the cells since plug-in [W s] at an instant of the present segment."""
    dt_s = (at_ns - car.segment_ns) * 1e-9
    charge, discharge = kind.vehicle_charge, kind.vehicle_discharge
    if car.steady:
        return car.cells_ws + hold_beyond_ws(car.target_w, dt_s, TO_CELLS, charge, discharge)
    power_w = power_in_segment_w(car, at_ns)
    return car.cells_ws + ramp_beyond_ws(car.start_w, power_w, dt_s, TO_CELLS, charge, discharge)


def voltage_at_v(kind: Kind, soc: float, power_w: float) -> float:
    """Voltage at the battery's terminals under `power_w` [V] at a state of charge."""
    battery = kind.battery
    open_v = open_circuit_v(soc, battery.open_circuit_empty_v, battery.open_circuit_full_v)
    return terminal_v(power_w, open_v, battery.resistance_ohm)


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
        idle_s = (now_ns - car.end_ns) * 1e-9  # where it matters, a hold at zero began then
        delay_s = start_delay_s(power_in_segment_w(car, now_ns), target_w, idle_s, converter)
    at_ns = now_ns + math.floor(delay_s * 1e9 + 0.5)
    if last >= 0 and at_ns <= car.queue_ns[last]:
        car.queue_w[last] = target_w
        return
    car.queue_ns[car.waiting] = at_ns
    car.queue_w[car.waiting] = target_w
    car.waiting += 1
    if at_ns < car.due_ns:
        car.due_ns = at_ns


def ramp_off(car: Car, kind: Kind, sums: Sums, now_ns: int) -> None:
    """To zero with the off-ramp, at once; setpoints still waiting are dropped."""
    interrupt(car, kind, sums, now_ns)
    begin(car, kind, sums, now_ns, power_in_segment_w(car, now_ns), 0.0, kind.converter.off_ramp_w_per_s)


def interrupt(car: Car, kind: Kind, sums: Sums, now_ns: int) -> None:
    """Drop the setpoints that wait: something else begins at once."""
    advance(car, kind, sums, now_ns)
    car.waiting = 0
    plan(car)


# --- segments ---


def advance(car: Car, kind: Kind, sums: Sums, now_ns: int) -> None:
    """Begin every segment that is due by now; cut at a hard bound of the state of charge."""
    while car.due_ns <= now_ns:
        if car.due_ns == car.turn_ns and not car.steady:
            if car.turn_ns == car.end_ns:
                arrive(car, kind, sums)
            else:
                carry_on(car, kind, sums, car.turn_ns)
        elif car.due_ns == car.guard_ns:
            look_for_bound(car, kind, sums)
        else:
            obey_next(car, kind, sums)


def obey_next(car: Car, kind: Kind, sums: Sums) -> None:
    """The first setpoint that waits takes effect."""
    at_ns, target_w = car.queue_ns[0], car.queue_w[0]
    car.waiting -= 1
    for k in range(car.waiting):
        car.queue_ns[k] = car.queue_ns[k + 1]
        car.queue_w[k] = car.queue_w[k + 1]
    start_w = power_in_segment_w(car, at_ns)
    up, down = kind.converter.ramp_up_w_per_s, kind.converter.ramp_down_w_per_s
    begin(car, kind, sums, at_ns, start_w, target_w, up if target_w > start_w else down)


def plan(car: Car) -> None:
    """Set the instant of what happens next by itself."""
    due_ns = car.guard_ns
    if not car.steady and car.turn_ns < due_ns:
        due_ns = car.turn_ns
    if car.waiting > 0 and car.queue_ns[0] < due_ns:
        due_ns = car.queue_ns[0]
    car.due_ns = due_ns


def begin(car: Car, kind: Kind, sums: Sums, at_ns: int, start_w: float, target_w: float, rate_w_per_s: float) -> None:
    """End the present segment and begin the next: from `start_w` to `target_w` [W] at a rate, a magnitude."""
    if car.step_ns >= 0:
        watch_step(car, sums, at_ns)
    finish(car, kind, sums, at_ns)
    car.segment_ns = at_ns
    car.start_w = start_w
    car.target_w = target_w
    ramp_ns = math.ceil(ramp_duration_s(start_w, target_w, rate_w_per_s, rate_w_per_s) * 1e9)
    car.end_ns = car.turn_ns = at_ns + ramp_ns
    if ramp_ns > 0:  # so that the end of the ramp is an instant of the clock
        rate_w_per_s = (target_w - start_w if target_w > start_w else start_w - target_w) / (ramp_ns * 1e-9)
    car.rate_w_per_s = rate_w_per_s
    if not car.energised and (start_w != 0.0 or target_w != 0.0):
        sums.outside_window += 1
        if car.ev_id > sums.outside_window_ev:
            sums.outside_window_ev = car.ev_id
    if start_w == target_w:
        rest(car, kind, sums, at_ns)
    else:
        ramp(car, kind, sums)
    if car.roomy and -kind.discharge_w <= target_w <= kind.charge_w:
        plan(car)
    else:
        guard(car, kind, at_ns, car.cells_ws)


def arrive(car: Car, kind: Kind, sums: Sums) -> None:
    """The ramp is over; its target is held from now on."""
    finish(car, kind, sums, car.end_ns)
    car.segment_ns = car.end_ns
    car.start_w = car.target_w
    rest(car, kind, sums, car.end_ns)
    plan(car)


def ramp(car: Car, kind: Kind, sums: Sums) -> None:
    """A segment of a ramp begins: until zero, until its end, or for so many ticks."""
    turn_ns = zero_crossing_ns(car)
    if car.end_ns < turn_ns:
        turn_ns = car.end_ns
    if turn_ns - car.segment_ns > RAMP_TICKS * sums.tick_ns:
        turn_ns = car.segment_ns + RAMP_TICKS * sums.tick_ns
    car.turn_ns = turn_ns
    count_ramp(car, kind, sums)


def zero_crossing_ns(car: Car) -> int:
    """When the present ramp, a reversal, has just passed zero; never if it does not reverse."""
    if car.start_w * car.target_w >= 0.0:
        return NEVER_NS
    ramp_s = ramp_duration_s(car.start_w, 0.0, car.rate_w_per_s, car.rate_w_per_s)
    return car.segment_ns + math.ceil(ramp_s * 1e9)


def settle(car: Car, kind: Kind, sums: Sums, now_ns: int) -> None:
    """Bring all meters up to now."""
    if now_ns >= car.due_ns:
        advance(car, kind, sums, now_ns)
    carry_on(car, kind, sums, now_ns)


def carry_on(car: Car, kind: Kind, sums: Sums, now_ns: int) -> None:
    """End the segment at an instant; what is left of it is the next one."""
    power_w = power_in_segment_w(car, now_ns)
    if car.steady:
        integrate(car, kind, now_ns)
    else:
        finish(car, kind, sums, now_ns)
    car.segment_ns = now_ns
    car.start_w = power_w
    if not car.steady:
        ramp(car, kind, sums)
        plan(car)


def integrate(car: Car, kind: Kind, to_ns: int) -> float:
    """Add the energies of the present segment up to `to_ns`, where it ends; returns that of the AC meter [W s]."""
    dt_s = (to_ns - car.segment_ns) * 1e-9
    station_charge, station_discharge = kind.station_charge, kind.station_discharge
    vehicle_charge, vehicle_discharge = kind.vehicle_charge, kind.vehicle_discharge
    if car.steady:
        part = hold_energy(car.target_w, dt_s, station_charge, station_discharge, vehicle_charge, vehicle_discharge)
    else:
        end_w = power_in_segment_w(car, to_ns)
        part = ramp_energy(
            car.start_w, end_w, dt_s, station_charge, station_discharge, vehicle_charge, vehicle_discharge
        )
    add(car, part)
    return part.grid_ws


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


def guard(car: Car, kind: Kind, from_ns: int, cells_ws: float) -> None:
    """Set the instant before which no bound can be reached; the cells have taken `cells_ws` by `from_ns`.

    Far from the bounds it holds for any power within the car's ratings: then new segments need no guard of their own.
    """
    most_w = car.start_w if car.start_w > car.target_w else car.target_w
    least_w = car.start_w if car.start_w < car.target_w else car.target_w
    guard_s = _FARTHEST_GUARD_S
    car.roomy = False
    if most_w <= kind.charge_w and least_w >= -kind.discharge_w:
        guard_s = room_s(car, kind, cells_ws, kind.charge_w, -kind.discharge_w)
        car.roomy = guard_s > ROOMY_S
    if not car.roomy:
        guard_s = room_s(car, kind, cells_ws, most_w, least_w)
    guard_ns = NEVER_NS
    if guard_s < _FARTHEST_GUARD_S:
        guard_ns = from_ns + math.floor(guard_s * 1e9)
        if guard_ns < from_ns + _LEAST_GUARD_NS:
            guard_ns = from_ns + _LEAST_GUARD_NS
    car.guard_ns = guard_ns
    plan(car)


def room_s(car: Car, kind: Kind, cells_ws: float, most_w: float, least_w: float) -> float:
    """Time before which no power between `least_w` and `most_w` takes the cells to a bound [s]."""
    battery = kind.battery
    full_ws = 3600.0 * battery.capacity_wh
    least_s = _FARTHEST_GUARD_S
    if most_w > 0.0:
        room_ws = (battery.ceiling_soc - car.soc_start) * full_ws - cells_ws
        if room_ws < most_w * least_s:
            least_s = room_ws / most_w
    if least_w < 0.0:
        loss = kind.vehicle_discharge
        drain_w = loss.constant_w - least_w * (1.0 + loss.linear - loss.quadratic_per_w * least_w)
        room_ws = cells_ws - (battery.floor_soc - car.soc_start) * full_ws
        if room_ws < drain_w * least_s:
            least_s = room_ws / drain_w
    return least_s


def look_for_bound(car: Car, kind: Kind, sums: Sums) -> None:
    """At the guard: cut the segment at the exact nanosecond where a bound was crossed, or guard on from here."""
    now_ns = car.guard_ns
    if not is_beyond(car, kind, now_ns):
        guard(car, kind, now_ns, cells_in_segment_ws(car, kind, now_ns))
        return
    inside_ns, outside_ns = car.segment_ns, now_ns  # a segment keeps its sign: energy is monotone
    while outside_ns - inside_ns > 1:
        middle_ns = (inside_ns + outside_ns) // 2
        if is_beyond(car, kind, middle_ns):
            outside_ns = middle_ns
        else:
            inside_ns = middle_ns
    begin(car, kind, sums, inside_ns, 0.0, 0.0, car.rate_w_per_s)
    sums.bounds_reached += 1


def is_beyond(car: Car, kind: Kind, at_ns: int) -> bool:
    """Whether the present segment is beyond a bound at `at_ns`."""
    cells_ws = cells_in_segment_ws(car, kind, at_ns)
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
    """Count the awaited step as delivered if the present ramp, or the last one, has crossed its level by now."""
    power_w = power_in_segment_w(car, now_ns)
    level_w = car.step_level_w
    if (power_w >= level_w) if car.step_target_w > level_w else (power_w <= level_w):
        rest_s = ramp_duration_s(level_w, car.target_w, car.rate_w_per_s, car.rate_w_per_s)
        crossed_ns = car.end_ns - math.floor(rest_s * 1e9)
        sums.delays[delay_bin(crossed_ns - car.step_ns)] += 1
        car.step_ns = -1


# --- energy per grid tick ---


def rest(car: Car, kind: Kind, sums: Sums, from_ns: int) -> None:
    """The car holds its power from now on: every tick counts the same, the present one its part of it."""
    held_w = grid_for_plug_w(car.target_w, kind.station_charge, kind.station_discharge)
    car.steady = True
    car.counted_uj = micro(held_w * (sums.tick_ns * 1e-9))
    sums.running_uj += car.counted_uj
    sums.tick_uj -= micro(held_w * ((from_ns - sums.tick_start_ns) * 1e-9))


def finish(car: Car, kind: Kind, sums: Sums, at_ns: int) -> None:
    """The segment ends: what it took goes to the meters, and what no tick has counted of it to the present one."""
    grid_ws = integrate(car, kind, at_ns)
    if car.steady:
        held_w = grid_for_plug_w(car.target_w, kind.station_charge, kind.station_discharge)
        car.steady = False
        sums.running_uj -= car.counted_uj
        sums.tick_uj += micro(held_w * ((at_ns - sums.tick_start_ns) * 1e-9))
    else:
        if car.turn_ns > car.whole_ns + sums.tick_ns:
            count_whole_ticks(car, kind, sums, -1)
        sums.tick_uj += micro(grid_ws) - car.counted_uj
    car.counted_uj = 0


def count_ramp(car: Car, kind: Kind, sums: Sums) -> None:
    """A segment of a ramp begins: count what the present tick gets of it, and have the next ones count it.

    Nobody looks at the car before the segment ends. If that is within the present tick, nothing is counted until then.
    """
    whole_ns = car.whole_ns = sums.tick_start_ns + sums.tick_ns
    if car.turn_ns > whole_ns:
        part_s = (whole_ns - car.segment_ns) * 1e-9
        power_w = power_in_segment_w(car, whole_ns)
        part_ws = ramp_beyond_ws(car.start_w, power_w, part_s, TO_GRID, kind.station_charge, kind.station_discharge)
        car.counted_uj = micro(part_ws)
        sums.tick_uj += car.counted_uj
        if car.turn_ns > whole_ns + sums.tick_ns:
            count_whole_ticks(car, kind, sums, 1)


def count_whole_ticks(car: Car, kind: Kind, sums: Sums, times: int) -> None:
    """From now on ticks count the present segment of a ramp by themselves (`times` is 1), or no longer (-1).

    Energies of equal ticks are a quadratic of their number, so the sums hold it as differences in whole numbers. What
    has been counted is known to the last of them: so nothing is lost or counted twice when the segment ends.
    """
    rises = car.target_w > car.start_w
    charges = car.start_w > 0.0 or (car.start_w == 0.0 and rises)
    slope_w_per_s = car.rate_w_per_s if rises else -car.rate_w_per_s
    sign, loss = (1.0, kind.station_charge) if charges else (-1.0, kind.station_discharge)
    whole_w = car.start_w + slope_w_per_s * ((car.whole_ns - car.segment_ns) * 1e-9)
    tick = ramp_ticks(whole_w, slope_w_per_s, sums.tick_ns * 1e-9, sign, loss)
    first_uj, rise_uj, bend_uj = micro(tick.first_ws), micro(tick.rise_ws), micro(tick.bend_ws)
    k = (sums.tick_start_ns - car.whole_ns) // sums.tick_ns  # of the present tick; -1 when the segment begins
    pairs = k * (k - 1) // 2
    sums.running_uj += times * (first_uj + k * rise_uj + pairs * bend_uj)
    sums.rise_uj += times * (rise_uj + k * bend_uj)
    sums.bend_uj += times * bend_uj
    sums.tick_uj += times * (k * first_uj + pairs * rise_uj + pairs * (k - 2) // 3 * bend_uj)


def close_tick(car: Car, kind: Kind, sums: Sums, now_ns: int) -> None:
    """What has happened by the end of a tick is counted in it."""
    if now_ns >= car.due_ns:
        advance(car, kind, sums, now_ns)
