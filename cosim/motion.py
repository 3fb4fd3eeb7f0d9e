"""How a car moves: it is told something, segments begin and end, and bounds cut them."""

import math

from cosim.bounds import bound_ns, guard
from cosim.car_state import NEVER_NS, CarState
from cosim.delivery import watch_step
from cosim.kind import Kind
from cosim.meters import integrate
from cosim.segment import cells_in_segment_ws, plan, power_in_segment_w, zero_crossing_ns
from cosim.sums import Sums
from cosim.tick_energy import count_ramp, finish, rest
from models.car.converter import ramp_duration_s, start_delay_s

RAMP_TICKS = 16  # ticks that a segment of a ramp lasts at most: their roundings stay below a thousandth of a joule


# --- what it is told ---


def command(car: CarState, kind: Kind, sums: Sums, now_ns: int, target_w: float) -> None:
    """A setpoint at the plug [W]; takes effect after the reaction delay, later out of zero power.

    While the converter wakes up, a newer setpoint replaces the one it wakes up for. There must be room in the queue.
    """
    if now_ns >= car.due_ns:
        catch_up(car, kind, sums, now_ns)
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


def ramp_off(car: CarState, kind: Kind, sums: Sums, now_ns: int) -> None:
    """To zero with the off-ramp, at once; setpoints still waiting are dropped."""
    interrupt(car, kind, sums, now_ns)
    begin(car, kind, sums, now_ns, power_in_segment_w(car, now_ns), 0.0, kind.converter.off_ramp_w_per_s)


def interrupt(car: CarState, kind: Kind, sums: Sums, now_ns: int) -> None:
    """Drop the setpoints that wait: something else begins at once."""
    catch_up(car, kind, sums, now_ns)
    car.waiting = 0
    plan(car)


# --- what happens by itself ---


def catch_up(car: CarState, kind: Kind, sums: Sums, now_ns: int) -> None:
    """Begin every segment that is due by now; cut at a hard bound of the state of charge."""
    while car.due_ns <= now_ns:
        if car.due_ns == car.turn_ns and not car.steady:
            if car.turn_ns == car.end_ns:
                arrive(car, kind, sums)
            else:
                carry_on(car, kind, sums, car.turn_ns)
        elif car.due_ns == car.guard_ns:
            keep_within_bounds(car, kind, sums)
        else:
            obey_next(car, kind, sums)


def obey_next(car: CarState, kind: Kind, sums: Sums) -> None:
    """The first setpoint that waits takes effect."""
    at_ns, target_w = car.queue_ns[0], car.queue_w[0]
    car.waiting -= 1
    for k in range(car.waiting):
        car.queue_ns[k] = car.queue_ns[k + 1]
        car.queue_w[k] = car.queue_w[k + 1]
    start_w = power_in_segment_w(car, at_ns)
    up, down = kind.converter.ramp_up_w_per_s, kind.converter.ramp_down_w_per_s
    begin(car, kind, sums, at_ns, start_w, target_w, up if target_w > start_w else down)


def keep_within_bounds(car: CarState, kind: Kind, sums: Sums) -> None:
    """The guard is due: cut power where a bound was crossed, or guard on from here."""
    at_ns = bound_ns(car, kind)
    if at_ns == NEVER_NS:
        guard(car, kind, car.guard_ns, cells_in_segment_ws(car, kind, car.guard_ns))
    else:
        begin(car, kind, sums, at_ns, 0.0, 0.0, car.rate_w_per_s)
        sums.bounds_reached += 1


def arrive(car: CarState, kind: Kind, sums: Sums) -> None:
    """The ramp is over; its target is held from now on."""
    finish(car, kind, sums, car.end_ns)
    car.segment_ns = car.end_ns
    car.start_w = car.target_w
    rest(car, kind, sums, car.end_ns)
    plan(car)


# --- segments ---


def begin(
    car: CarState, kind: Kind, sums: Sums, at_ns: int, start_w: float, target_w: float, rate_w_per_s: float
) -> None:
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


def ramp(car: CarState, kind: Kind, sums: Sums) -> None:
    """A segment of a ramp begins: until zero, until its end, or for so many ticks."""
    turn_ns = zero_crossing_ns(car)
    if car.end_ns < turn_ns:
        turn_ns = car.end_ns
    if turn_ns - car.segment_ns > RAMP_TICKS * sums.tick_ns:
        turn_ns = car.segment_ns + RAMP_TICKS * sums.tick_ns
    car.turn_ns = turn_ns
    count_ramp(car, kind, sums)


def carry_on(car: CarState, kind: Kind, sums: Sums, now_ns: int) -> None:
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


def settle(car: CarState, kind: Kind, sums: Sums, now_ns: int) -> None:
    """Bring all meters up to now."""
    if now_ns >= car.due_ns:
        catch_up(car, kind, sums, now_ns)
    carry_on(car, kind, sums, now_ns)
