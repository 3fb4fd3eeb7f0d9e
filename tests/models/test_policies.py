"""Each policy's response in closed form."""

import random

import pytest

from models.control.charge_loop import StationView
from models.policies import POLICIES, droop, droop_soc, schedule, uncontrolled
from models.policies.droop_soc import Memory

VIEW = StationView(rated_w=11_000.0, rated_discharge_w=11_000.0, target_energy_wh=10_000.0, elapsed_s=1.0)


def test_every_policy_is_one_function_with_params_that_have_defaults_and_an_ocpp_operation_mode():
    modes = {"ChargingOnly", "CentralSetpoint", "CentralFrequency", "LocalFrequency", "LocalLoadBalancing"}
    for name, module in POLICIES.items():
        assert hasattr(module, "setpoint_w") != hasattr(module, "step"), name
        assert hasattr(module, "step") == hasattr(module, "Memory"), name
        assert module.OPERATION_MODE in modes, name
        module.Params()


def test_uncontrolled_charges_until_the_target():
    assert uncontrolled.setpoint_w(VIEW, uncontrolled.Params()) == 11_000.0
    assert uncontrolled.setpoint_w(VIEW._replace(target_energy_wh=0.0), uncontrolled.Params()) == 0.0
    assert uncontrolled.setpoint_w(VIEW._replace(target_energy_wh=-5.0), uncontrolled.Params()) == 0.0


def test_schedule_passes_on_what_is_scheduled():
    assert schedule.setpoint_w(VIEW._replace(scheduled_w=-3_210.0), schedule.Params()) == -3_210.0


@pytest.mark.parametrize(
    ("frequency_hz", "setpoint_w"),
    [
        # 1 % of 50 Hz is 0.5 Hz for 11 kW: 22 kW per hertz beyond the dead band.
        pytest.param(50.0, 2_000.0, id="nominal"),
        pytest.param(50.009, 2_000.0, id="inside the dead band"),
        pytest.param(50.01, 2_000.0, id="at its edge"),
        pytest.param(50.11, 4_200.0, id="high"),
        pytest.param(49.89, -200.0, id="low"),
        pytest.param(49.49, -9_000.0, id="full droop below"),
    ],
)
def test_droop_is_linear_beyond_the_deadband(frequency_hz, setpoint_w):
    view = VIEW._replace(frequency_hz=frequency_hz, baseline_w=2_000.0)
    assert droop.setpoint_w(view, droop.Params(droop_pu=0.01, deadband_hz=0.01)) == pytest.approx(setpoint_w, abs=1e-6)


def test_droop_on_60_hz_uses_the_nominal_of_the_grid():
    view = VIEW._replace(nominal_hz=60.0, frequency_hz=59.664)  # 0.3 Hz beyond 36 mHz, of the 3 Hz of a 5 % droop
    assert droop.setpoint_w(view, droop.Params(droop_pu=0.05, deadband_hz=0.036)) == pytest.approx(-1_100.0)


def test_below_zero_droop_moves_the_discharge_rating():
    low = VIEW._replace(frequency_hz=49.74, rated_discharge_w=5_000.0)  # half of the droop
    params = droop.Params(droop_pu=0.01, deadband_hz=0.01)
    assert droop.setpoint_w(low, params) == pytest.approx(-2_500.0)
    # From 2.75 kW, a quarter of the rating: down to zero, and a quarter of the discharge rating beyond.
    assert droop.setpoint_w(low._replace(baseline_w=2_750.0), params) == pytest.approx(-1_250.0)


def test_a_car_that_only_charges_reduces_its_charging_and_stops_at_zero():
    params = droop.Params(droop_pu=0.01, deadband_hz=0.01)
    charging = VIEW._replace(rated_discharge_w=0.0, baseline_w=5_500.0)
    assert droop.setpoint_w(charging._replace(frequency_hz=49.89), params) == pytest.approx(3_300.0)
    assert droop.setpoint_w(charging._replace(frequency_hz=49.0), params) == 0.0


# --- droop-soc ---

PARAMS = droop_soc.Params(droop_pu=0.01, deadband_hz=0.01, restore_s=900.0, restore_pu=0.1, quiet_hz=0.05)


def test_droop_soc_starts_as_plain_droop():
    view = VIEW._replace(frequency_hz=49.89, baseline_w=1_000.0)
    plain_w = droop.setpoint_w(view, droop.Params(droop_pu=0.01, deadband_hz=0.01))
    assert droop_soc.step(view, Memory(), PARAMS) == (plain_w, Memory(10_000.0, 1_000.0))


@pytest.mark.parametrize(
    ("missing_wh", "frequency_hz", "setpoint_w"),
    [
        pytest.param(100.0, 50.0, 400.0, id="returns in 900 s"),
        pytest.param(-100.0, 50.0, -400.0, id="gives back a surplus"),
        pytest.param(1_000.0, 50.0, 1_100.0, id="at most a tenth of the rating"),
        pytest.param(-1_000.0, 50.0, -1_100.0, id="at most a tenth, downwards"),
        pytest.param(1_000.0, 49.93, -1_320.0, id="waits while frequency needs it"),
        pytest.param(1_000.0, 49.96, 440.0, id="beside a small response"),
    ],
)
def test_droop_soc_returns_energy_while_frequency_is_quiet(missing_wh, frequency_hz, setpoint_w):
    view = VIEW._replace(frequency_hz=frequency_hz, target_energy_wh=10_000.0 + missing_wh)
    asked_w, memory = droop_soc.step(view, Memory(10_000.0, 0.0), PARAMS)
    assert asked_w == pytest.approx(setpoint_w, abs=1e-6)
    assert memory.planned_wh == 10_000.0


def test_droop_soc_does_not_mistake_the_baseline_for_service():
    view = VIEW._replace(baseline_w=7_200.0, elapsed_s=10.0, target_energy_wh=10_000.0 - 18.0)
    asked_w, memory = droop_soc.step(view, Memory(10_000.0, 7_200.0), PARAMS)  # 7.2 kW x 0.9 x 10 s = 18 Wh
    assert memory.planned_wh == pytest.approx(9_982.0)
    assert asked_w == pytest.approx(7_200.0)


def test_after_an_event_droop_soc_brings_the_battery_back():
    target_wh, memory = 10_000.0, Memory()
    for second in range(3 * 3600):
        low = second < 600
        view = VIEW._replace(frequency_hz=49.8 if low else 50.0, target_energy_wh=target_wh)
        power_w, memory = droop_soc.step(view, memory, PARAMS)
        target_wh -= power_w / 3600.0
    assert target_wh == pytest.approx(10_000.0, abs=1.0)


def test_compiled_policies_are_the_same_bits(same_bits):
    draw = random.Random(8)
    views = [
        VIEW._replace(
            frequency_hz=draw.uniform(49.5, 50.5),
            rated_w=draw.choice([0.0, 11e3]),
            rated_discharge_w=draw.choice([0.0, 7e3]),
            baseline_w=draw.choice([0.0, -2e3, 5e3]),
            scheduled_w=draw.uniform(-1e4, 1e4),
            target_energy_wh=draw.uniform(-1e3, 1e4),
        )
        for _ in range(1000)
    ]
    same_bits(droop.setpoint_w, [(view, droop.Params()) for view in views])
    memories = [draw.choice([Memory(), Memory(draw.uniform(0.0, 1e4), draw.uniform(-5e3, 5e3))]) for _ in views]
    same_bits(droop_soc.step, [(view, memory, PARAMS) for view, memory in zip(views, memories, strict=True)])
    for function, params in (
        (uncontrolled.setpoint_w, uncontrolled.Params()),
        (schedule.setpoint_w, schedule.Params()),
    ):
        same_bits(function, [(view, params) for view in views])
