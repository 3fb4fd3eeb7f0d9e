"""Files that a scenario names: vehicles, sessions, arrival statistics."""

from pathlib import Path

import pytest

from cosim.inputs import Series
from cosim.scenario import Scenario
from experiments.errors import UserError
from experiments.files import locate
from experiments.inputs import read_arrivals, read_inputs, read_vehicles, read_visits
from experiments.load import load_one
from experiments.validate import validate

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


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        pytest.param(["grid.model=nominal"], ["grid.events has no effect: grid.model is nominal"], id="events"),
        pytest.param(
            ["grid.file=recorded-60hz-event"], ["grid.file has no effect: grid.model is closed_loop"], id="file"
        ),
        pytest.param([], [], id="as it is"),
    ],
)
def test_what_is_set_for_another_model_of_the_grid_is_told(overrides: list[str], told: list[str]) -> None:
    assert validate("quickstart", overrides).warnings == told


def replayed(folder: Path, from_s: float) -> Series | None:
    path = csv(folder, "t_s,f_hz", "0,50.00", "10,49.90", "20,49.80")
    grid = {"model": "replay", "file": str(path), "from_s": from_s}
    return read_inputs(Scenario.model_validate({"grid": grid})).inputs.frequency


@pytest.mark.parametrize(
    ("from_s", "times_s", "values_hz"),
    [
        pytest.param(0.0, (0.0, 10.0, 20.0), (50.0, 49.9, 49.8), id="all of it"),
        pytest.param(10.0, (0.0, 10.0), (49.9, 49.8), id="from a sample on"),
        pytest.param(5.0, (0.0, 5.0, 15.0), (49.95, 49.9, 49.8), id="from between two samples on"),
    ],
)
def test_a_recording_begins_where_it_is_wanted(
    from_s: float, times_s: tuple[float, ...], values_hz: tuple[float, ...], tmp_path: Path
) -> None:
    series = replayed(tmp_path, from_s)
    assert series is not None
    assert series.t_s == times_s
    assert series.value == pytest.approx(values_hz)


def test_a_beginning_beyond_the_recording_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        replayed(tmp_path, 20.0)
    assert str(caught.value).startswith("grid.from_s: must be below 20 s, the length of the file, got 20 (rows.csv, ")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("location", ["private_weekday", "public_weekend", "workplace_weekday"])
def test_arrival_statistics_cover_a_day(location: str) -> None:
    tables = read_arrivals(location)
    assert len(tables.arrival_ends) == 24
    assert tables.arrival_ends[-1] == 1.0
    assert all(seconds > 0.0 for seconds in tables.mean_duration_s)


def test_a_signal_is_read_in_shares_and_turned_into_watts_of_a_station(here: Path) -> None:
    (here / "signal.csv").write_text("t_s,signal_pu\n0,0.5\n2,-1\n", encoding="utf-8")
    loaded = load_one(
        "quickstart",
        ["schedule.rule=signal", "schedule.file=signal.csv", "policy.name=product", "policy.product=RegD"],
    )
    series = read_inputs(loaded.scenario).inputs.schedule
    assert series is not None
    assert series.value == (-2_500.0, 5_000.0), "5 kW by policy.capacity_w; positive into the vehicle"
    other = loaded.scenario.model_copy(
        update={"schedule": loaded.scenario.schedule.model_copy(update={"capacity_w": 2_000.0})}
    )
    series = read_inputs(other).inputs.schedule
    assert series is not None
    assert series.value == (-1_000.0, 2_000.0)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        pytest.param(
            ["policy.name=product", "policy.product=afrr"],
            "policy.product follows a signal: set schedule.rule to signal, and schedule.file",
            id="signal product without a signal",
        ),
        pytest.param(
            ["schedule.rule=signal", "schedule.file=signal.csv"],
            "schedule.capacity_w must say how many watts of a station a signal of 1 is worth",
            id="watts of what",
        ),
        pytest.param(
            ["schedule.rule=signal", "schedule.file=wrong.csv", "schedule.capacity_w=1000"],
            "wrong.csv, row 2: column 'signal_pu' is -3, a signal lies within -1 and 1",
            id="no signal",
        ),
        pytest.param(
            ["policy.name=product", "policy.product=fst"],
            "policy.product must name a product, got 'fst'; known are fcr,",
            id="unknown",
        ),
        pytest.param(
            ["policy.name=product", "policy.product=dc", "policy.capcity_w=3"],
            "unknown key 'policy.capcity_w'. Did you mean 'policy.capacity_w'?",
            id="misspelt",
        ),
    ],
)
def test_what_a_product_policy_needs_is_told_in_one_line(here: Path, overrides: list[str], said: str) -> None:
    (here / "signal.csv").write_text("t_s,signal_pu\n0,0.5\n2,-1\n", encoding="utf-8")
    (here / "wrong.csv").write_text("t_s,signal_pu\n0,0.5\n2,-3\n", encoding="utf-8")
    with pytest.raises(UserError) as raised:
        read_inputs(load_one("quickstart", overrides).scenario)
    assert str(raised.value).startswith(said)
