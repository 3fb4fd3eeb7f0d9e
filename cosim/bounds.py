"""The hard bounds of the state of charge: until when none can be reached, and when one was."""

import math

from cosim.car_state import NEVER_NS, CarState
from cosim.kind import Kind
from cosim.segment import cells_in_segment_ws, plan

# A hard bound is looked for this much before it could be reached at full power, at the soonest.
_LEAST_GUARD_NS = 1_000_000
_FARTHEST_GUARD_S = 4e9
_ROOMY_S = 60.0  # a guard that holds for any power is worth having if it is at least so far off


def guard(car: CarState, kind: Kind, from_ns: int, cells_ws: float) -> None:
    """Set the instant before which no bound can be reached; the cells have taken `cells_ws` by `from_ns`.

    Far from the bounds it holds for any power within the car's ratings: then new segments need no guard of their own.
    """
    most_w = car.start_w if car.start_w > car.target_w else car.target_w
    least_w = car.start_w if car.start_w < car.target_w else car.target_w
    guard_s = _FARTHEST_GUARD_S
    car.roomy = False
    if most_w <= kind.charge_w and least_w >= -kind.discharge_w:
        guard_s = room_s(car, kind, cells_ws, kind.charge_w, -kind.discharge_w)
        car.roomy = guard_s > _ROOMY_S
    if not car.roomy:
        guard_s = room_s(car, kind, cells_ws, most_w, least_w)
    guard_ns = NEVER_NS
    if guard_s < _FARTHEST_GUARD_S:
        guard_ns = from_ns + math.floor(guard_s * 1e9)
        if guard_ns < from_ns + _LEAST_GUARD_NS:
            guard_ns = from_ns + _LEAST_GUARD_NS
    car.guard_ns = guard_ns
    plan(car)


def room_s(car: CarState, kind: Kind, cells_ws: float, most_w: float, least_w: float) -> float:
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


def bound_ns(car: CarState, kind: Kind) -> int:
    """Last nanosecond of the present segment before a bound was crossed, by the guard; never if none was."""
    if not is_beyond(car, kind, car.guard_ns):
        return NEVER_NS
    inside_ns, outside_ns = car.segment_ns, car.guard_ns  # a segment keeps its sign: energy is monotone
    while outside_ns - inside_ns > 1:
        middle_ns = (inside_ns + outside_ns) // 2
        if is_beyond(car, kind, middle_ns):
            outside_ns = middle_ns
        else:
            inside_ns = middle_ns
    return inside_ns


def is_beyond(car: CarState, kind: Kind, at_ns: int) -> bool:
    """Whether the present segment is beyond a bound at `at_ns`."""
    cells_ws = cells_in_segment_ws(car, kind, at_ns)
    battery = kind.battery
    full_ws = 3600.0 * battery.capacity_wh
    return (
        cells_ws > (battery.ceiling_soc - car.soc_start) * full_ws
        or cells_ws < (battery.floor_soc - car.soc_start) * full_ws
    )
