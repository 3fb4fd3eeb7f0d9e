"""Energy per grid tick, at the AC side: what the sums over the fleet count of a car's segments.

A car that holds its power adds the same whole number to each tick. One on a ramp adds a quadratic of the tick's number,
which the sums hold as differences. So ticks look at no car; segments are entered when they begin and taken out when
they end.
"""

from cosim.car_state import CarState
from cosim.kind import Kind
from cosim.meters import integrate
from cosim.segment import power_in_segment_w
from cosim.sums import Sums, micro
from models.car.converter import TO_GRID, grid_for_plug_w, ramp_beyond_ws, ramp_ticks


def rest(car: CarState, kind: Kind, sums: Sums, from_ns: int) -> None:
    """The car holds its power from now on: every tick counts the same, the present one its part of it."""
    held_w = car.held_w = grid_for_plug_w(car.target_w, kind.station_charge, kind.station_discharge)
    car.steady = True
    car.counted_uj = micro(held_w * (sums.tick_ns * 1e-9))
    sums.running_uj += car.counted_uj
    sums.tick_uj -= micro(held_w * ((from_ns - sums.tick_start_ns) * 1e-9))


def count_ramp(car: CarState, kind: Kind, sums: Sums) -> None:
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


def count_whole_ticks(car: CarState, kind: Kind, sums: Sums, times: int) -> None:
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


def finish(car: CarState, kind: Kind, sums: Sums, at_ns: int) -> None:
    """The segment ends: what it took goes to the meters, and what no tick has counted of it to the present one."""
    grid_ws = integrate(car, kind, at_ns)
    if car.steady:
        car.steady = False
        sums.running_uj -= car.counted_uj
        sums.tick_uj += micro(car.held_w * ((at_ns - sums.tick_start_ns) * 1e-9))
    else:
        if car.turn_ns > car.whole_ns + sums.tick_ns:
            count_whole_ticks(car, kind, sums, -1)
        sums.tick_uj += micro(grid_ws) - car.counted_uj
    car.counted_uj = 0
