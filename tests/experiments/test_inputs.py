"""Files that a scenario names: vehicles, sessions, arrival statistics."""

from pathlib import Path

import pytest

from cosim.scenario import Scenario
from experiments.errors import UserError
from experiments.files import locate
from experiments.inputs import read_arrivals, read_inputs, read_vehicles, read_visits

CARS = "model,battery_kwh,max_ac_charge_kw,max_dc_charge_kw"
VISITS = "arrive_s,leave_s,energy_wh,soc,service"


def csv(folder: Path, *lines: str) -> Path:
    path = folder / "rows.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_the_dutch_table_has_21_models_weighed_by_registrations() -> None:
    vehicles = read_vehicles(locate("fleet.vehicles", "nl-2024"))
    assert len(vehicles) == 21
    assert vehicles[0].vehicle.name == "Tesla Model 3"
    assert vehicles[0].weight == 49_955.0


def test_all_bidirectional_cars_discharge_on_ac_and_dc() -> None:
    for choice in read_vehicles(locate("fleet.vehicles", "bidirectional")):
        assert choice.vehicle.maximum_ac_discharge_w > 0.0
        assert choice.vehicle.maximum_dc_discharge_w > 0.0


def test_one_model_of_a_table() -> None:
    scenario = Scenario.model_validate({"fleet": {"vehicles": "nl-2024", "model": "Nissan Leaf"}})
    (choice,) = read_inputs(scenario).inputs.vehicles
    assert choice.vehicle.battery.capacity_wh == 39_000.0


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        pytest.param([CARS], "has no rows of data", id="empty"),
        pytest.param(
            ["model,battery,max_ac_charge_kw,max_dc_charge_kw", "A,5,11,50"], "no column 'battery_kwh'", id="column"
        ),
        pytest.param(
            [CARS, "A,50,11,50", "B,fifty,11,50"], "rows.csv, row 2: column 'battery_kwh' is 'fifty'", id="text"
        ),
        pytest.param([CARS, "A,50,,50"], "row 1: column 'max_ac_charge_kw' is empty", id="empty cell"),
        pytest.param([CARS, "A,0,11,50"], "row 1: battery_kwh must be above 0, got 0", id="no battery"),
        pytest.param([CARS + ",weight", "A,50,11,50,0"], "weights must be at least 0", id="no weight"),
    ],
)
def test_a_vehicle_table_that_does_not_hold_is_refused(lines: list[str], complaint: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        read_vehicles(csv(tmp_path, *lines))
    assert complaint in str(caught.value)


def test_sessions_from_a_file(tmp_path: Path) -> None:
    first, second = read_visits(csv(tmp_path, VISITS, "0,3600,8000,,DC_BPT", "10,20,,0.5,"))
    assert (first.leave_s, first.energy_wh, first.service) == (3600.0, 8000.0, "DC_BPT")
    assert first.soc != first.soc  # as the scenario says
    assert (second.soc, second.service) == (0.5, "")


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        pytest.param("20,10,,,", "row 1: 0 <= arrive_s < leave_s must hold, got 20 and 10", id="leaves before"),
        pytest.param("0,10,,1.5,", "row 1: soc must be within 0 and 1, got 1.5", id="too full"),
        pytest.param("0,10,,,V2H", "service must be one of AC, AC_BPT, DC, DC_BPT, got 'V2H'", id="service"),
    ],
)
def test_a_session_that_does_not_hold_is_refused(row: str, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        read_visits(csv(tmp_path, VISITS, row))
    assert complaint in str(caught.value)


@pytest.mark.parametrize("location", ["private_weekday", "public_weekend", "workplace_weekday"])
def test_arrival_statistics_cover_a_day(location: str) -> None:
    tables = read_arrivals(location)
    assert len(tables.arrival_ends) == 24
    assert tables.arrival_ends[-1] == 1.0
    assert all(seconds > 0.0 for seconds in tables.mean_duration_s)
