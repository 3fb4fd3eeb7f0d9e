"""The converter: how power moves between two setpoints, what is lost, and the energy of a segment.

Power is positive into the vehicle. Between two events the power at the plug is a closed form: a linear ramp, then a
hold. Losses are polynomials of that power, so every energy below is exact; there is no integration step.

Three metering points: grid (AC side of the station), plug, cells. The station's loss lies between grid and plug, the
vehicle's between plug and cells; either may be zero. Both are functions of the plug power, in both directions.
"""

import math
from typing import NamedTuple


class Loss(NamedTuple):
    """Loss of one direction at plug power P: constant + linear |P| + quadratic P^2 [W]; zero while P is zero."""

    constant_w: float
    linear: float
    quadratic_per_w: float


NO_LOSS = Loss(0.0, 0.0, 0.0)

# Which side of a loss an energy is wanted for, see `hold_beyond_ws`.
TO_GRID = 1.0
TO_CELLS = -1.0

_THIRD = 1.0 / 3.0
_TWELFTH = 1.0 / 12.0


class Converter(NamedTuple):
    """How a converter follows a setpoint. Ramps are magnitudes; infinite means at once, zero is not allowed."""

    reaction_delay_s: float  # setpoint known to first movement
    ramp_up_w_per_s: float  # power rising, towards charging
    ramp_down_w_per_s: float  # power falling, towards discharging
    off_ramp_w_per_s: float  # towards zero when the session stops
    wake_standby_s: float  # extra delay from zero power, shortly after the last power
    wake_sleep_s: float  # extra delay from zero power, after `sleep_after_s` without power
    sleep_after_s: float
    minimum_charge_w: float  # between -minimum_discharge_w and +minimum_charge_w only 0 can be held
    minimum_discharge_w: float


class Energy(NamedTuple):
    """Energy of a segment at the three metering points, and what was lost between them [W s].

    grid = plug + station loss and plug = cells + vehicle loss hold to rounding; each of the five comes from its own
    formula, so both are checks.
    """

    grid_ws: float
    plug_ws: float
    cells_ws: float
    station_loss_ws: float
    vehicle_loss_ws: float


def loss_w(power_w: float, charge: Loss, discharge: Loss) -> float:
    """Loss at plug power `power_w` [W]; exactly 0 at 0, where stand-by draw is booked elsewhere."""
    if power_w > 0.0:
        return charge.constant_w + power_w * (charge.linear + charge.quadratic_per_w * power_w)
    if power_w < 0.0:
        return discharge.constant_w - power_w * (discharge.linear - discharge.quadratic_per_w * power_w)
    return 0.0


def grid_for_plug_w(plug_w: float, charge: Loss, discharge: Loss) -> float:
    """Power at the AC meter [W] for power at the plug; `charge` and `discharge` are the station's losses."""
    return plug_w + loss_w(plug_w, charge, discharge)


def plug_for_grid_w(grid_w: float, charge: Loss, discharge: Loss) -> float:
    """Power at the plug [W] for power at the AC meter: the inverse of `grid_for_plug_w`.

    The root of the loss polynomial, in the form without cancellation. Within the constant losses around zero the
    answer is 0: power that would only heat the converter is not worth switching it on. A discharge beyond what the
    polynomial can deliver gives the plug power where the delivery is greatest.
    """
    if grid_w > charge.constant_w:
        beyond_w = grid_w - charge.constant_w
        slope = 1.0 + charge.linear
        return 2.0 * beyond_w / (slope + math.sqrt(slope * slope + 4.0 * charge.quadratic_per_w * beyond_w))
    if grid_w < 0.0 - discharge.constant_w:
        beyond_w = discharge.constant_w - grid_w
        slope = 1.0 - discharge.linear
        under_root = slope * slope - 4.0 * discharge.quadratic_per_w * beyond_w
        if under_root < 0.0:
            under_root = 0.0
            beyond_w = slope * slope / (4.0 * discharge.quadratic_per_w)
        return -2.0 * beyond_w / (slope + math.sqrt(under_root))
    return 0.0


def start_delay_s(power_w: float, target_w: float, idle_s: float, converter: Converter) -> float:
    """Time from a setpoint to the first movement [s]: the reaction, and the wake-up if the converter carries nothing.

    `idle_s` is how long the power has been zero.
    """
    if power_w != 0.0 or target_w == 0.0:
        return converter.reaction_delay_s
    if idle_s < converter.sleep_after_s:
        return converter.reaction_delay_s + converter.wake_standby_s
    return converter.reaction_delay_s + converter.wake_sleep_s


def ramp_power_w(
    start_w: float, target_w: float, ramp_up_w_per_s: float, ramp_down_w_per_s: float, dt_s: float
) -> float:
    """Power [W] `dt_s` after a ramp from `start_w` to `target_w` began; the target once it is reached."""
    # An infinite ramp at dt_s = 0 gives nan here, which is not before the target: it acts at once.
    if target_w > start_w:
        power_w = start_w + ramp_up_w_per_s * dt_s
        return power_w if power_w < target_w else target_w
    power_w = start_w - ramp_down_w_per_s * dt_s
    return power_w if power_w > target_w else target_w


def ramp_duration_s(start_w: float, target_w: float, ramp_up_w_per_s: float, ramp_down_w_per_s: float) -> float:
    """Time a ramp takes [s]."""
    if target_w > start_w:
        return (target_w - start_w) / ramp_up_w_per_s
    return (start_w - target_w) / ramp_down_w_per_s


def ramp_energy(
    start_w: float,
    end_w: float,
    dt_s: float,
    station_charge: Loss,
    station_discharge: Loss,
    vehicle_charge: Loss,
    vehicle_discharge: Loss,
) -> Energy:
    """Energy of a plug power that moves linearly from `start_w` to `end_w` within `dt_s`.

    The ramp is cut where it crosses zero, because the two directions lose differently. At an end of a ramp that lies
    at zero the loss is the one-sided limit; only a hold at exactly zero is free of loss.
    """
    if start_w >= 0.0 and end_w >= 0.0:
        return _ramp(start_w, end_w, dt_s, 1.0, station_charge, vehicle_charge)
    if start_w <= 0.0 and end_w <= 0.0:
        return _ramp(start_w, end_w, dt_s, -1.0, station_discharge, vehicle_discharge)
    before_s = start_w / (start_w - end_w) * dt_s
    if start_w > 0.0:
        one = _ramp(start_w, 0.0, before_s, 1.0, station_charge, vehicle_charge)
        two = _ramp(0.0, end_w, dt_s - before_s, -1.0, station_discharge, vehicle_discharge)
    else:
        one = _ramp(start_w, 0.0, before_s, -1.0, station_discharge, vehicle_discharge)
        two = _ramp(0.0, end_w, dt_s - before_s, 1.0, station_charge, vehicle_charge)
    return Energy(
        one.grid_ws + two.grid_ws,
        one.plug_ws + two.plug_ws,
        one.cells_ws + two.cells_ws,
        one.station_loss_ws + two.station_loss_ws,
        one.vehicle_loss_ws + two.vehicle_loss_ws,
    )


def hold_energy(
    power_w: float,
    dt_s: float,
    station_charge: Loss,
    station_discharge: Loss,
    vehicle_charge: Loss,
    vehicle_discharge: Loss,
) -> Energy:
    """Energy of a constant power over `dt_s`."""
    if power_w == 0.0:
        return Energy(0.0, 0.0, 0.0, 0.0, 0.0)
    # Attributes, not unpacking: a compiled caller passes records.
    if power_w > 0.0:
        a, b, c = station_charge.constant_w, station_charge.linear, station_charge.quadratic_per_w
        d, e, f = vehicle_charge.constant_w, vehicle_charge.linear, vehicle_charge.quadratic_per_w
        size_w = power_w
    else:
        a, b, c = station_discharge.constant_w, station_discharge.linear, station_discharge.quadratic_per_w
        d, e, f = vehicle_discharge.constant_w, vehicle_discharge.linear, vehicle_discharge.quadratic_per_w
        size_w = 0.0 - power_w
    return Energy(
        (power_w + (a + size_w * (b + c * size_w))) * dt_s,
        power_w * dt_s,
        (power_w - (d + size_w * (e + f * size_w))) * dt_s,
        a * dt_s + (b * dt_s + c * dt_s * size_w) * size_w,
        d * dt_s + (e * dt_s + f * dt_s * size_w) * size_w,
    )


def _ramp(start_w: float, end_w: float, dt_s: float, sign: float, station: Loss, vehicle: Loss) -> Energy:
    """Energy of a linear ramp that keeps its sign.

    Grid and cells from their power half-way and what a quadratic adds to it; losses from the first and second moments
    of |P|.
    """
    a, b, c = station.constant_w, station.linear, station.quadratic_per_w
    d, e, f = vehicle.constant_w, vehicle.linear, vehicle.quadratic_per_w
    middle_w = 0.5 * (start_w + end_w)
    change_w = end_w - start_w
    more_w2 = change_w * change_w * _TWELFTH
    into = 1.0 + sign * b
    out = 1.0 - sign * e
    first_ws = sign * middle_w * dt_s
    second_w2s = (start_w * start_w + start_w * end_w + end_w * end_w) * (dt_s * _THIRD)
    return Energy(
        (a + middle_w * (into + c * middle_w) + c * more_w2) * dt_s,
        middle_w * dt_s,
        (middle_w * (out - f * middle_w) - d - f * more_w2) * dt_s,
        a * dt_s + b * first_ws + c * second_w2s,
        d * dt_s + e * first_ws + f * second_w2s,
    )


def hold_beyond_ws(power_w: float, dt_s: float, side: float, charge: Loss, discharge: Loss) -> float:
    """Energy of a constant power on the other side of a loss [W s], alone and at a fraction of the cost.

    With `TO_GRID` and the station's losses this is the `grid_ws` of `hold_energy`, with `TO_CELLS` and the vehicle's
    its `cells_ws`, bit for bit.
    """
    return (power_w + side * loss_w(power_w, charge, discharge)) * dt_s


def ramp_beyond_ws(start_w: float, end_w: float, dt_s: float, side: float, charge: Loss, discharge: Loss) -> float:
    """The same of a ramp, and of `ramp_energy`."""
    if start_w >= 0.0 and end_w >= 0.0:
        return _ramp_beyond_ws(start_w, end_w, dt_s, side, 1.0, charge)
    if start_w <= 0.0 and end_w <= 0.0:
        return _ramp_beyond_ws(start_w, end_w, dt_s, side, -1.0, discharge)
    before_s = start_w / (start_w - end_w) * dt_s
    if start_w > 0.0:
        before_ws = _ramp_beyond_ws(start_w, 0.0, before_s, side, 1.0, charge)
        return before_ws + _ramp_beyond_ws(0.0, end_w, dt_s - before_s, side, -1.0, discharge)
    before_ws = _ramp_beyond_ws(start_w, 0.0, before_s, side, -1.0, discharge)
    return before_ws + _ramp_beyond_ws(0.0, end_w, dt_s - before_s, side, 1.0, charge)


def _ramp_beyond_ws(start_w: float, end_w: float, dt_s: float, side: float, sign: float, loss: Loss) -> float:
    """The same of a ramp that keeps its sign."""
    a, b, c = side * loss.constant_w, 1.0 + side * sign * loss.linear, side * loss.quadratic_per_w
    middle_w = 0.5 * (start_w + end_w)
    change_w = end_w - start_w
    return (a + middle_w * (b + c * middle_w) + c * (change_w * change_w * _TWELFTH)) * dt_s


class TickEnergies(NamedTuple):
    """Energy at the AC meter in a span of time, how much more in the next, and how much that grows each time [W s]."""

    first_ws: float
    rise_ws: float
    bend_ws: float


def ramp_ticks(start_w: float, slope_w_per_s: float, tick_s: float, sign: float, station: Loss) -> TickEnergies:
    """Energies of a ramp without end in consecutive spans of `tick_s`: a quadratic, so the second difference is fixed.

    `start_w` is the plug power where the first span begins. The loss is that of one direction, on either side of zero.
    """
    a, b, c = station.constant_w, 1.0 + sign * station.linear, station.quadratic_per_w
    change_w = slope_w_per_s * tick_s
    middle_w = start_w + 0.5 * change_w
    return TickEnergies(
        (a + middle_w * (b + c * middle_w) + c * (change_w * change_w * _TWELFTH)) * tick_s,
        (b + c * (2.0 * middle_w + change_w)) * change_w * tick_s,
        2.0 * c * change_w * change_w * tick_s,
    )
