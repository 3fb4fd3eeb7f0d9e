"""The present segment of a car, read at an instant: power, energy of the cells, and what happens next by itself."""

import math

from cosim.car_state import NEVER_NS, CarState
from cosim.kind import Kind
from models.car.converter import TO_CELLS, hold_beyond_ws, ramp_beyond_ws, ramp_duration_s


def power_in_segment_w(car: CarState, at_ns: int) -> float:
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


def cells_in_segment_ws(car: CarState, kind: Kind, at_ns: int) -> float:
    """Energy of the cells since plug-in [W s] at an instant of the present segment."""
    dt_s = (at_ns - car.segment_ns) * 1e-9
    charge, discharge = kind.vehicle_charge, kind.vehicle_discharge
    if car.steady:
        return car.cells_ws + hold_beyond_ws(car.target_w, dt_s, TO_CELLS, charge, discharge)
    power_w = power_in_segment_w(car, at_ns)
    return car.cells_ws + ramp_beyond_ws(car.start_w, power_w, dt_s, TO_CELLS, charge, discharge)


def zero_crossing_ns(car: CarState) -> int:
    """When the present ramp, a reversal, has just passed zero; never if it does not reverse."""
    if car.start_w * car.target_w >= 0.0:
        return NEVER_NS
    ramp_s = ramp_duration_s(car.start_w, 0.0, car.rate_w_per_s, car.rate_w_per_s)
    return car.segment_ns + math.ceil(ramp_s * 1e9)


def plan(car: CarState) -> None:
    """Set the instant of what happens next by itself."""
    due_ns = car.guard_ns
    if not car.steady and car.turn_ns < due_ns:
        due_ns = car.turn_ns
    if car.waiting > 0 and car.queue_ns[0] < due_ns:
        due_ns = car.queue_ns[0]
    car.due_ns = due_ns
