"""Vehicles from the table of models."""

import math

import pytest

from models.car.converter import Loss, loss_w
from models.car.vehicle import (
    BIDIRECTIONAL_CHARGER,
    CHARGING_ONLY_CHARGER,
    ONBOARD_LOSS,
    cell_loss,
    default_battery,
    in_series,
    vehicle_from_row,
    vehicle_losses,
)


def test_a_model_without_its_own_v2g_gets_the_hypothetical_power_up_to_each_connector():
    car = vehicle_from_row("Kona", 64.0, 11.0, 77.0, 0.0, 0.0, 11.0)
    assert car.battery.capacity_wh == 64_000.0
    assert (car.maximum_ac_charge_w, car.maximum_ac_discharge_w) == (11_000.0, 11_000.0)
    assert (car.maximum_dc_charge_w, car.maximum_dc_discharge_w) == (77_000.0, 11_000.0)
    assert car.v2g == "hypothetical"


@pytest.mark.parametrize(
    ("powers", "hypothetical", "ac_w", "dc_w", "label"),
    [
        pytest.param((3.6, 46.0, 0.0, 7.0, math.nan), True, 0.0, 7_000.0, "as_sold", id="as sold"),
        pytest.param((11.0, 135.0, 0.0, 10.0, 11.0), True, 11_000.0, 10_000.0, "hypothetical", id="sold power kept"),
        pytest.param((11.0, 135.0, 0.0, 10.0, 11.0), False, 0.0, 10_000.0, "as_sold", id="assumption refused"),
        pytest.param((11.0, 77.0, 0.0, 0.0, 11.0), False, 0.0, 0.0, "none", id="nothing sold"),
        pytest.param((3.7, 0.0, 0.0, 0.0, math.nan), True, 0.0, 0.0, "none", id="plug-in hybrid"),
        pytest.param((7.4, 0.0, 0.0, 0.0, 11.0), True, 7_400.0, 0.0, "hypothetical", id="no DC inlet"),
    ],
)
def test_where_the_discharge_power_comes_from(powers, hypothetical, ac_w, dc_w, label):
    car = vehicle_from_row("car", 50.0, *powers, hypothetical=hypothetical)
    assert (car.maximum_ac_discharge_w, car.maximum_dc_discharge_w, car.v2g) == (ac_w, dc_w, label)


@pytest.mark.parametrize(("ac_kw", "phases", "least_w"), [(3.7, 1, 1_380.0), (7.4, 1, 1_380.0), (11.0, 3, 4_140.0)])
def test_the_least_power_is_six_amperes_on_each_phase(ac_kw, phases, least_w):
    car = vehicle_from_row("car", 50.0, ac_kw, 0.0)
    assert car.ac_phases == phases
    assert car.ac_converter.minimum_charge_w == car.ac_converter.minimum_discharge_w == least_w


def test_all_21_models_of_the_packaged_table_make_a_vehicle(fleet_table):
    columns = ("battery_kwh", "max_ac_charge_kw", "max_dc_charge_kw", "max_ac_discharge_kw_as_sold")
    more = ("max_dc_discharge_kw_as_sold", "max_discharge_kw_hypothetical_v2g")
    rows = fleet_table("ev_models")
    cars = [vehicle_from_row(row["model"], *(float(row[name] or "nan") for name in columns + more)) for row in rows]
    assert len(cars) == 21
    assert {car.v2g for car in cars} == {"as_sold", "hypothetical", "none"}
    assert [car.name for car in cars if car.v2g == "as_sold"] == ["Nissan Leaf"]
    assert sum(car.v2g == "hypothetical" for car in cars) == 7
    for car in cars:
        assert 0.0 <= car.battery.floor_soc < car.battery.discharge_taper_soc < car.battery.charge_taper_soc <= 1.0
        assert car.dc_minimum_v < car.battery.open_circuit_empty_v < car.battery.open_circuit_full_v < car.dc_maximum_v


def test_the_converters_follow_the_packaged_transitions(fleet_table):
    rows = {(row["class"], row["transition"]): row for row in fleet_table("power_transitions")}

    def delay_and_ramp(name, transition):
        row = rows[name, transition]
        return float(row["delay_s"]), abs(1e3 * float(row["ramp_kw_per_s"]))

    both, one = BIDIRECTIONAL_CHARGER, CHARGING_ONLY_CHARGER
    assert delay_and_ramp("V2G_default", "any_towards_charge") == (both.reaction_delay_s, both.ramp_up_w_per_s)
    assert delay_and_ramp("V2G_default", "any_towards_discharge") == (both.reaction_delay_s, both.ramp_down_w_per_s)
    assert delay_and_ramp("L2", "setpoint_up") == (one.reaction_delay_s, one.ramp_up_w_per_s)
    assert delay_and_ramp("L2", "setpoint_down")[1] == one.ramp_down_w_per_s
    assert delay_and_ramp("L2", "on_to_off")[1] == both.off_ramp_w_per_s
    assert delay_and_ramp("L2", "off_to_on")[0] == both.wake_sleep_s


def test_the_cells_lose_resistance_times_current_squared():
    loss = cell_loss(default_battery(50_000.0))  # 0.1 ohm at 345 V in the middle
    assert loss_w(34_500.0, loss, loss) == pytest.approx(0.1 * 100.0**2)


def test_in_ac_the_charger_and_the_cells_lose_in_dc_the_cells_alone():
    car = vehicle_from_row("car", 50.0, 11.0, 50.0)
    cells = cell_loss(car.battery)
    assert vehicle_losses(car, is_dc=True) == (cells, cells)
    assert vehicle_losses(car, is_dc=False)[0] == in_series(ONBOARD_LOSS, cells)
    assert in_series(Loss(1.0, 2.0, 3.0), Loss(10.0, 20.0, 30.0)) == (11.0, 22.0, 33.0)


def test_a_round_trip_at_11_kw_keeps_what_the_docstring_says():
    charge, discharge = vehicle_losses(vehicle_from_row("car", 50.0, 11.0, 50.0), is_dc=False)
    into_cells_w = 11_000.0 - loss_w(11_000.0, charge, discharge)
    out_of_cells_w = 11_000.0 + loss_w(-11_000.0, charge, discharge)
    assert into_cells_w / out_of_cells_w == pytest.approx(0.83, abs=0.005)
