"""Grid presets: they load, every number has a source, and each behaves as its notes say."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from experiments.errors import UserError
from experiments.presets import DIRECTORY, GridPreset, grid_names, load_grid
from models.grid.area import GridParams, initial_rocof_hz_per_s, steady_deviation_hz
from models.grid.frequency import FrequencyModel
from models.grid.governors import Section
from models.grid.held import CurvePoint, HeldResponse
from models.grid.imbalance import PowerEvent, mean_power_mw


def numbers(table: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every entry of a file that is, or holds, a number, with the table around it."""
    if isinstance(table, dict):
        if "value" in table:
            yield path, table
            return
        for key, entry in table.items():
            yield from numbers(entry, f"{path}.{key}")
    elif isinstance(table, list):
        for entry in table:
            yield from numbers(entry, path)
    elif not isinstance(table, str | bool):
        yield path, table


def nadir(params: GridParams, power_mw: float) -> tuple[float, float]:
    """Lowest frequency [Hz] and its time [s] within a minute."""
    model = FrequencyModel(params)
    trace = [model.step(0.1, power_mw) for _ in range(600)]
    assert model.trips == []
    return min(trace), (trace.index(min(trace)) + 1) * 0.1


def test_the_grids_are_there() -> None:
    assert grid_names() == (
        "continental-europe",
        "ercot",
        "gb-2019-calibrated",
        "gb-low-inertia",
        "ieee39",
        "ireland",
        "island",
        "kundur",
        "nordic",
    )


@pytest.mark.parametrize("name", grid_names())
def test_every_number_of_a_grid_has_a_source(name: str) -> None:
    with (DIRECTORY / f"{name}.toml").open("rb") as file:
        found = list(numbers(tomllib.load(file)))
    assert len(found) >= 10
    for path, entry in found:
        assert isinstance(entry, dict), f"{path} stands without a source"
        assert len(entry["source"]) > 10, path
        assert entry["confidence"] in ("S", "M", "assumed"), path
    figures = load_grid(name).figures
    assert len(figures) == len(found)
    assert len({figure.name for figure in figures}) == len(figures)


@pytest.mark.parametrize(
    ("name", "rocof", "nadir_hz", "nadir_s", "steady_hz"),
    [
        # Slope and rest are closed forms; the dip is what these numbers give, kept so that a change is seen.
        pytest.param("continental-europe", -0.030, 49.823, 11.7, 49.889, id="continental-europe"),
        pytest.param("gb-low-inertia", -0.236, 49.610, 2.7, 49.701, id="gb-low-inertia"),
        pytest.param("island", -0.250, 49.496, 4.2, 49.773, id="island"),
        pytest.param("nordic", -0.201, 49.297, 6.1, 49.691, id="nordic"),
        pytest.param("ireland", -0.543, 49.247, 3.2, 49.544, id="ireland"),
        # These two are checked against traces of ANDES, see test_machines: nadir 59.577 and 59.867 Hz.
        pytest.param("kundur", -0.263, 59.601, 2.9, 59.833, id="kundur"),
        pytest.param("ieee39", -0.107, 59.877, 2.8, 59.903, id="ieee39"),
    ],
)
def test_the_reference_loss_gives_the_known_dip(
    name: str, rocof: float, nadir_hz: float, nadir_s: float, steady_hz: float
) -> None:
    grid = load_grid(name)
    loss_mw = -grid.reference_loss_mw
    assert initial_rocof_hz_per_s(grid.params, loss_mw) == pytest.approx(rocof, abs=5e-4)
    assert nadir(grid.params, loss_mw) == (pytest.approx(nadir_hz, abs=5e-4), pytest.approx(nadir_s, abs=0.1))
    assert grid.params.nominal_hz + steady_deviation_hz(grid.params, loss_mw) == pytest.approx(steady_hz, abs=5e-4)


# Great Britain on 9 August 2019 (published_events.csv): losses [MW] by time after the first [s], and what was seen.
LOSSES_2019 = ((0.2, 150.0), (0.3, 737.0), (0.7, 244.0), (1.0, 350.0), (57.5, 210.0), (84.5, 187.0))


def test_the_calibrated_grid_meets_the_milestones_of_the_event_it_was_calibrated_on() -> None:
    """Seen: 49.1 Hz at 24.5 s, 49.2 at 44.5 s, load shed at 48.8 Hz and 75.9 s, minimum 48.787 Hz, some -0.16 Hz/s."""
    model = FrequencyModel(load_grid("gb-2019-calibrated").params)
    events = tuple(PowerEvent(t_s, -loss_mw) for t_s, loss_mw in LOSSES_2019)
    trace = [model.step(0.1, mean_power_mw(events, 0.1 * k, 0.1 * k + 0.1)) for k in range(1100)]
    first_dip_hz = min(trace[:575])
    assert first_dip_hz == pytest.approx(49.1, abs=0.05)
    assert 0.1 * (trace.index(first_dip_hz) + 1) == pytest.approx(24.5, abs=5.0)
    assert trace[444] == pytest.approx(49.2, abs=0.06)
    assert (trace[14] - trace[9]) / 0.5 == pytest.approx(-0.16, abs=0.015)
    (trip,) = model.trips
    assert trip.net_mw == pytest.approx(350.0, abs=1.0)
    assert trip.time_s == pytest.approx(75.9, abs=15.0)
    assert 48.75 <= min(trace) <= 48.80


def test_texas_catches_its_design_loss_above_load_shedding() -> None:
    """2750 MW: batteries at 59.85 Hz and contracted load at 59.70 Hz act, the first stage at 59.3 Hz does not."""
    grid = load_grid("ercot")
    model = FrequencyModel(grid.params)
    trace = [model.step(0.1, -grid.reference_loss_mw) for _ in range(600)]
    assert [grid.params.shedding[trip.stage].contracted for trip in model.trips] == [True, True]
    assert 59.4 < min(trace) < 59.7


@pytest.mark.parametrize(
    ("name", "total", "first_hz"),
    [
        pytest.param("gb-low-inertia", 0.60, 48.8, id="Great Britain"),
        pytest.param("continental-europe", 0.50, 49.0, id="Continental Europe"),
        pytest.param("nordic", 0.30, 48.8, id="Nordic"),
        pytest.param("ireland", 0.60, 48.85, id="Ireland"),
        pytest.param("ercot", 0.25, 59.3, id="ERCOT"),
    ],
)
def test_load_shedding_is_as_large_as_the_rules_ask(name: str, total: float, first_hz: float) -> None:
    stages = [stage for stage in load_grid(name).params.shedding if not stage.contracted]
    assert sum(stage.demand_share for stage in stages) == pytest.approx(total)
    assert max(stage.threshold_hz for stage in stages) == first_hz
    assert [s.threshold_hz for s in stages] == sorted((s.threshold_hz for s in stages), reverse=True)


def test_secondary_control_stands_in_a_preset_and_works_when_asked_for() -> None:
    grid = load_grid("continental-europe")
    assert grid.params.secondary is None
    model = FrequencyModel(grid.params._replace(secondary=grid.secondary))
    for _ in range(900):
        model.step(1.0, -3000.0)
    assert model.frequency_hz == pytest.approx(50.0, abs=2e-3)
    assert model.secondary_mw == pytest.approx(3000.0, rel=0.03)


def test_a_governor_of_each_kind_can_be_stated_with_limits(tmp_path: Path) -> None:
    """An island of hydro: headroom of 4 MW leaves the rest of 6 MW to damping, beyond a dead band."""
    text = (DIRECTORY / "island.toml").read_text().split("[secondary]")[0]  # ends with its governor
    extra = "".join(
        f'{key} = {{ value = {value}, confidence = "assumed", source = "a test" }}\n'
        for key, value in {
            "reset_s": 5.0, "transient_droop_ratio": 7.6, "water_s": 1.0, "deadband_hz": 0.02, "headroom_mw": 4.0,
            "opening_mw_per_s": 1.0,
        }.items()
    )  # fmt: skip
    kept = [line for line in text.splitlines() if not line.startswith(("turbine_lag", "reheat_s", "high_pressure"))]
    file = tmp_path / "hydro.toml"
    file.write_text("\n".join(kept).replace('kind = "reheat"', 'kind = "hydro"') + "\n" + extra)
    (governor,) = load_grid(str(file)).params.governors
    valve = governor.valve
    assert valve is not None
    assert (valve.before, valve.lag_s, valve.deadband_hz, valve.up_mw) == (((5.0, 38.0),), 0.2, 0.02, 4.0)
    assert governor.sections == (Section(-1.0, 0.5),)
    assert steady_deviation_hz(load_grid(str(file)).params, -6.0) == pytest.approx(-2.0 / 2.4)


def test_continental_europe_shows_27_gigawatts_per_hertz() -> None:
    params = load_grid("continental-europe").params
    assert -1000.0 / steady_deviation_hz(params, -1000.0) == pytest.approx(27_000.0)


@pytest.mark.parametrize(
    ("fleet_mw", "delay_s", "gain_hz"),
    [
        pytest.param(0.5, 1.0, 0.020, id="half a megawatt within 1.5 s"),
        pytest.param(1.0, 2.0, 0.020, id="one megawatt within 2.5 s"),
        pytest.param(2.0, 1.0, 0.060, id="two megawatts within 1.5 s"),
        pytest.param(4.0, 1.0, 0.100, id="four megawatts within 1.5 s"),
    ],
)
def test_a_fleet_on_the_island_lifts_the_nadir_visibly(fleet_mw: float, delay_s: float, gain_hz: float) -> None:
    grid = load_grid("island")
    droop = (CurvePoint(0.0, 0.0), CurvePoint(0.5, 1.0))  # 1 % of 50 Hz moves full power
    fleet = HeldResponse("fleet", fleet_mw, fleet_mw, droop, delay_s, 0.25)
    without_hz, _ = nadir(grid.params, -grid.reference_loss_mw)
    with_hz, _ = nadir(grid.params._replace(held=(fleet,)), -grid.reference_loss_mw)
    assert with_hz - without_hz > gain_hz


def test_a_grid_knows_what_it_is() -> None:
    grid = load_grid("island")
    assert isinstance(grid, GridPreset)
    assert grid.name == "island"
    assert "not a real island" in grid.notes
    assert grid.reference_loss_mw == 6.0
    assert grid.params.governors[0].stiffness_mw_per_hz == pytest.approx(24.0)
    assert grid.params.damping_mw_per_hz == pytest.approx(2.4)


def test_a_grid_file_of_the_user_loads_by_its_path(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text((DIRECTORY / "nordic.toml").read_text().replace("value = 180000.0", "value = 110000.0"))
    grid = load_grid(str(file))
    assert (grid.name, grid.params.kinetic_energy_mws) == ("mine", 110_000.0)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("islnd", "there is no grid 'islnd'. Did you mean 'island'?"),
        ("no/such.toml", "there is no grid file 'no/such.toml'"),
    ],
)
def test_an_unknown_grid_is_refused_with_the_nearest(name: str, message: str) -> None:
    with pytest.raises(UserError) as refused:
        load_grid(name)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param("droop_pu =", "drop_pu =", "governors.0.drop_pu", id="unknown key"),
        pytest.param("[area]", "[area", "mine.toml: ", id="broken syntax"),
        pytest.param('source = "an island', 'note = "an island', "area.demand_mw.source", id="number without source"),
        pytest.param('confidence = "M"', 'confidence = "sure"', "confidence", id="unknown confidence"),
        pytest.param(
            "value = 600.0", "value = -600.0", "kinetic_energy_mws must be positive, got -600.0", id="negative"
        ),
        pytest.param("value = 0.05,", "value = 0.0,", "droop_pu must be above 0", id="no droop"),
        pytest.param('kind = "reheat"', 'kind = "non_reheat"', "belong to kind reheat", id="kind without reheater"),
        pytest.param("rated_mw =", "stiffness_mw_per_hz =", "needs either", id="stiffness and droop"),
    ],
)
def test_a_broken_grid_file_is_refused_in_one_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = (DIRECTORY / "island.toml").read_text()
    assert old in text
    file = tmp_path / "mine.toml"
    file.write_text(text.replace(old, new))
    with pytest.raises(UserError) as refused:
        load_grid(str(file))
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
