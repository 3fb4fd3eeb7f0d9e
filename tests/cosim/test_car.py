"""Cars in closed form: energies against an outside quadrature, the energy of ticks, and the hard bounds."""

import math
from dataclasses import replace

import numpy as np
import pytest

from cosim.car import Car
from cosim.checks import Checks
from cosim.delivery import decided
from cosim.fleet import Fleet, verify
from cosim.kind import Kind
from cosim.sums import micro
from models.car.battery import Battery, charge_limit_w
from models.car.converter import Converter, Loss
from models.metrics import delay_summary

S = 1_000_000_000
BATTERY = Battery(
    capacity_wh=60_000.0,
    floor_soc=0.05,
    ceiling_soc=1.0,
    charge_taper_soc=0.8,
    discharge_taper_soc=0.2,
    open_circuit_empty_v=300.0,
    open_circuit_full_v=400.0,
    resistance_ohm=0.1,
)
CONVERTER = Converter(
    reaction_delay_s=0.15,
    ramp_up_w_per_s=2_000.0,
    ramp_down_w_per_s=3_000.0,
    off_ramp_w_per_s=50_000.0,
    wake_standby_s=0.0,
    wake_sleep_s=0.0,
    sleep_after_s=60.0,
    minimum_charge_w=0.0,
    minimum_discharge_w=0.0,
)
KIND = Kind(
    BATTERY,
    CONVERTER,
    station_charge=Loss(60.0, 0.02, 1e-6),
    station_discharge=Loss(50.0, 0.025, 1.2e-6),
    vehicle_charge=Loss(20.0, 0.03, 8e-7),
    vehicle_discharge=Loss(25.0, 0.035, 9e-7),
    is_dc=True,
    charge_w=50_000.0,
    discharge_w=50_000.0,
    cells_w=50_000.0,
    minimum_charge_w=0.0,
    minimum_discharge_w=0.0,
    maximum_dc_a=125.0,
    maximum_v=420.0,
    minimum_v=280.0,
    reactive_share=0.0,
    minimum_soc=0.2,
    maximum_soc=1.0,
    v2x_low_soc=0.25,
    v2x_high_soc=0.95,
    station_charge_w=50_000.0,
    station_discharge_w=50_000.0,
    station_maximum_a=125.0,
)


def plugged_in(soc: float = 0.5, tick_ns: int = S // 10, battery: Battery = BATTERY) -> tuple[Car, Fleet]:
    fleet = Fleet(tick_ns)
    car = Car(0, replace(KIND, battery=battery), fleet.sums, soc, 0)
    car.energised = True
    fleet.plug_in(car)
    return car, fleet


def loss(p: np.ndarray, charge: Loss, discharge: Loss) -> np.ndarray:
    up = charge.constant_w + charge.linear * p + charge.quadratic_per_w * p**2
    down = discharge.constant_w - discharge.linear * p + discharge.quadratic_per_w * p**2
    return np.where(p > 0, up, np.where(p < 0, down, 0.0))


def test_power_waits_for_the_reaction_delay_then_ramps_then_holds() -> None:
    car, _ = plugged_in()
    car.command(0, 4_000.0)
    seen = [car.power_w(int(t * S)) for t in (0.0, 0.15, 1.15, 2.15, 9.0)]
    assert seen == pytest.approx([0.0, 0.0, 2_000.0, 4_000.0, 4_000.0])


def test_setpoints_that_wait_are_all_obeyed_in_turn() -> None:
    car, _ = plugged_in()
    car.command(0, 4_000.0)
    car.command(S // 10, 0.0)  # decided before the first has taken effect at 0.15 s
    assert car.power_w(S // 4) == pytest.approx(200.0)  # 0.1 s of 2 kW/s; the second takes effect now
    assert car.power_w(S) == 0.0


def test_energies_equal_an_outside_fine_quadrature_while_ramping_and_reversing() -> None:
    car, _ = plugged_in()
    for at_s, target_w in ((0.0, 7_000.0), (2.0, -6_500.0), (5.0, -1_000.0), (8.0, 3_000.0)):
        car.command(int(at_s * S), target_w)
    # The same by hand: each target counts 0.15 s after it was told, then +2 kW/s or -3 kW/s towards it.
    t = np.linspace(0.0, 12.0, 2_400_001)
    p = np.zeros_like(t)
    dt = t[1] - t[0]
    targets = np.select([t < 0.15, t < 2.15, t < 5.15, t < 8.15], [0.0, 7_000.0, -6_500.0, -1_000.0], 3_000.0)
    for i in range(1, len(t)):
        step = targets[i - 1] - p[i - 1]
        p[i] = p[i - 1] + min(max(step, -3_000.0 * dt), 2_000.0 * dt)
    car.settle(12 * S)
    grid = np.trapezoid(p + loss(p, KIND.station_charge, KIND.station_discharge), t)
    cells = np.trapezoid(p - loss(p, KIND.vehicle_charge, KIND.vehicle_discharge), t)
    assert car.plug_ws == pytest.approx(np.trapezoid(p, t), rel=1e-5)
    assert car.grid_ws == pytest.approx(grid, rel=1e-5)
    assert car.cells_ws == pytest.approx(cells, rel=1e-5)
    assert car.charged_ws == pytest.approx(np.trapezoid(np.maximum(p, 0.0), t), rel=1e-5)
    assert car.discharged_ws == pytest.approx(-np.trapezoid(np.minimum(p, 0.0), t), rel=1e-5)


def test_energies_of_a_taper_limited_charge_equal_an_outside_fine_quadrature() -> None:
    """Every quarter second the car aims at what its cells accept then: 11 kW into the taper, for ten minutes."""
    car, _ = plugged_in(0.8)
    small = BATTERY._replace(capacity_wh=6_000.0)
    car.kind = replace(KIND, battery=small)
    t, dt = 0.0, 1e-3
    p, cells, grid, plug = 0.0, 0.0, 0.0, 0.0
    waiting: list[tuple[float, float]] = []
    target = 0.0
    for step in range(600_000):
        if step % 250 == 0:
            aim = charge_limit_w(car.soc(step * S // 1000), 11_000.0, small.charge_taper_soc, small.ceiling_soc)
            car.command(step * S // 1000, aim)
            waiting.append((t + 0.15, aim))
        while waiting and waiting[0][0] <= t + 1e-9:
            target = waiting.pop(0)[1]
        end = p + min(max(target - p, -3_000.0 * dt), 2_000.0 * dt)
        middle = 0.5 * (p + end)
        if middle > 0.0:
            up, down = KIND.station_charge, KIND.vehicle_charge
            grid += (middle + up.constant_w + up.linear * middle + up.quadratic_per_w * middle**2) * dt
            cells += (middle - down.constant_w - down.linear * middle - down.quadratic_per_w * middle**2) * dt
        plug += middle * dt
        p, t = end, t + dt
    car.settle(600 * S)
    soc = 0.8 + cells / 3600.0 / 6_000.0
    assert soc > 0.95  # deep in the taper
    assert car.soc(600 * S) == pytest.approx(soc, abs=2e-6)
    assert car.grid_ws == pytest.approx(grid, rel=1e-5)
    assert car.plug_ws == pytest.approx(plug, rel=1e-5)
    assert car.cells_ws == pytest.approx(cells, rel=1e-5)


def test_energy_does_not_depend_on_how_often_it_is_asked_for() -> None:
    rare, _ = plugged_in()
    often, _ = plugged_in()
    for car, gap_ns in ((rare, 10 * S), (often, 7_000_001)):
        car.command(0, 7_000.0)
        car.command(3 * S, -7_000.0)
        for now_ns in range(0, 10 * S, gap_ns):
            car.settle(now_ns)
        car.settle(10 * S)
    assert often.cells_ws == pytest.approx(rare.cells_ws, rel=1e-12)
    assert often.grid_ws - often.plug_ws == pytest.approx(often.station_loss_ws, rel=1e-9)


@pytest.mark.parametrize("tick_ns", [20_000_000, 100_000_000, S])
def test_ticks_add_up_to_the_energy_of_the_car(tick_ns: int) -> None:
    car, fleet = plugged_in(tick_ns=tick_ns)
    total_uj = 0
    commands = {3 * S // 10: 6_000.0, 4 * S + 123_456_789: -5_000.0, 9 * S: 500.0, 15 * S: 500.0}
    pending = sorted(commands)
    for now_ns in range(tick_ns, 20 * S + 1, tick_ns):
        while pending and pending[0] <= now_ns:
            at_ns = pending.pop(0)
            car.command(at_ns, commands[at_ns])
        total_uj += fleet.close_tick(now_ns).energy_uj
    car.settle(20 * S)
    assert total_uj == pytest.approx(car.grid_ws * 1e6, abs=2.0 * 20 * S / tick_ns)  # one rounding a tick and piece


def test_each_tick_of_a_ramp_has_its_own_energy_and_no_look() -> None:
    """Six kilowatts up and twelve down at 20 ms: through zero, and over many more ticks than a segment lasts."""
    tick_ns = 20_000_000
    car, fleet = plugged_in(tick_ns=tick_ns)
    car.command(0, 6_000.0)  # from 0.15 s to 3.15 s at 2 kW/s
    looks = 0
    for number in range(1, 450):
        if number == 201:
            car.command(4 * S, -6_000.0)  # from 4.15 s to 8.15 s at -3 kW/s
        looks += car.due_ns <= number * tick_ns
        counted_uj = fleet.close_tick(number * tick_ns).energy_uj
        t = (number - 1 + np.linspace(0.0, 1.0, 2_001)) * 0.02
        p = np.interp(t, [0.15, 3.15, 4.15, 8.15], [0.0, 6_000.0, 6_000.0, -6_000.0])
        exact_ws = np.trapezoid(p + loss(p, KIND.station_charge, KIND.station_discharge), t)
        slack_uj = 1_000.0 if 0.0 not in (p[0], p[-1]) and p[0] * p[-1] > 0.0 else 2e6  # the loss jumps at zero
        assert counted_uj == pytest.approx(exact_ws * 1e6, abs=slack_uj)
    assert looks < 35  # 350 of these ticks end on a ramp


def test_a_steady_car_costs_no_look_and_adds_the_same_integer() -> None:
    car, fleet = plugged_in()
    car.command(0, 5_000.0)
    for now_ns in range(S // 10, 5 * S, S // 10):
        fleet.close_tick(now_ns)
    assert car.steady
    ticks = [fleet.close_tick(5 * S).energy_uj, fleet.close_tick(5 * S + S // 10).energy_uj]
    assert ticks == [car.counted_uj, car.counted_uj]
    assert car.counted_uj > micro(500.0)


@pytest.mark.parametrize(
    ("soc", "target_w", "bound"),
    [pytest.param(0.9999, 8_000.0, 1.0, id="full"), pytest.param(0.0501, -8_000.0, 0.05, id="empty")],
)
def test_power_is_cut_at_the_exact_instant_a_hard_bound_is_reached(soc: float, target_w: float, bound: float) -> None:
    car, fleet = plugged_in(soc)
    car.command(0, target_w)
    for now_ns in range(S // 10, 60 * S, S // 10):
        fleet.close_tick(now_ns)
    assert car.power_w(60 * S) == 0.0
    assert car.soc(60 * S) == pytest.approx(bound, abs=1e-11)
    assert abs(car.soc(60 * S) - bound) < 8_500.0 / 3600.0 / 60_000.0 * 2e-9  # within two nanoseconds at full power
    assert fleet.sums.bounds_reached == 1
    assert math.copysign(1.0, car.plug_ws) == math.copysign(1.0, target_w)


def test_a_reversal_that_passes_a_bound_only_in_between_is_cut_too() -> None:
    """Charging goes on for a while after the setpoint turns negative; the cells fill up on the way."""
    car, _ = plugged_in(1.0 - 1e-7)
    car.command(0, 2_000.0)
    car.command(S, -2_000.0)
    car.settle(10 * S)
    assert car.soc_start + car.cells_ws / 3600.0 / 60_000.0 <= 1.0
    assert car.power_w(10 * S) == -2_000.0


def test_power_outside_its_window_breaks_an_invariant() -> None:
    car, fleet = plugged_in()
    car.energised = False
    car.command(0, 1_000.0)
    car.settle(S)
    checks = Checks()
    verify(fleet.sums, checks)
    assert not next(check.ok for check in checks.verdicts() if check.name == "power_window")


def test_steps_are_timed_from_the_decision_to_nine_tenths_and_superseded_ones_counted_apart() -> None:
    car, fleet = plugged_in()
    decided(car, fleet.sums, 0, car.power_w(0), 4_000.0, 500.0)
    car.command(S // 20, 4_000.0)  # told 50 ms after the decision; reacts after 0.15 s; 1.8 s to 3.6 kW
    car.settle(5 * S)
    decided(car, fleet.sums, 5 * S, car.power_w(5 * S), 0.0, 500.0)
    car.command(5 * S, 0.0)
    decided(car, fleet.sums, 5 * S + S // 2, car.power_w(5 * S + S // 2), 2_000.0, 500.0)
    assert fleet.sums.superseded == 1
    assert delay_summary(fleet.sums.delays, 1)["p50_s"] == pytest.approx(2.0, abs=0.02)
