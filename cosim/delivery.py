"""How fast setpoint steps are delivered: from the decision to nine tenths of the change."""

import math

from cosim.car_state import CarState
from cosim.segment import power_in_segment_w
from cosim.sums import Sums
from models.car.converter import ramp_duration_s
from models.metrics import delay_bin


def decided(car: CarState, sums: Sums, now_ns: int, from_w: float, target_w: float, step_w: float) -> None:
    """A station decided on `target_w` while `from_w` flows (plug): followed if a step of at least `step_w` [W]."""
    if car.step_ns >= 0:
        watch_step(car, sums, now_ns)
        if car.step_ns >= 0:
            if -step_w < target_w - car.step_target_w < step_w:
                return
            sums.superseded += 1
            car.step_ns = -1
    change_w = target_w - from_w
    if not -step_w < change_w < step_w:
        car.step_ns = now_ns
        car.step_level_w = from_w + 0.9 * change_w
        car.step_target_w = target_w


def watch_step(car: CarState, sums: Sums, now_ns: int) -> None:
    """Count the awaited step as delivered if the present ramp, or the last one, has crossed its level by now."""
    power_w = power_in_segment_w(car, now_ns)
    level_w = car.step_level_w
    if (power_w >= level_w) if car.step_target_w > level_w else (power_w <= level_w):
        rest_s = ramp_duration_s(level_w, car.target_w, car.rate_w_per_s, car.rate_w_per_s)
        crossed_ns = car.end_ns - math.floor(rest_s * 1e9)
        sums.delays[delay_bin(crossed_ns - car.step_ns)] += 1
        car.step_ns = -1
