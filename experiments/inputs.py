"""What a scenario names and what lies in files, read and checked: policy, vehicles, grid, series, arrivals."""

import math
from pathlib import Path
from typing import Any, NamedTuple

from cosim.inputs import Inputs, LocalPolicy, PlannedVisit, Series, VehicleChoice
from cosim.scenario import Scenario, ServiceName
from cosim.sources import nominal_hz
from experiments.errors import UserError
from experiments.files import DATA, locate, policy_file
from experiments.keys import did_you_mean, mapping_keys
from experiments.policies import Found, chosen, find_policy, local_policy
from experiments.rows import read_rows
from models.car.vehicle import vehicle_from_row
from models.grid.area import GridParams
from models.people.arrivals import ArrivalTables, arrival_tables
from models.policies import schedule

PLACES = {"private": "home", "public": "public", "workplace": "work"}  # the two tables name them differently
QUANTILES = {"p5": 0.05, "p10": 0.1, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99}


class Read(NamedTuple):
    """Inputs of a run, the files they came from by setting, and the policy as it was found."""

    inputs: Inputs
    files: dict[str, Path]
    policy: Found


def read_inputs(scenario: Scenario, policy: Any = None) -> Read:
    """Read what a scenario names. `policy`, a module, class or function, takes the place of the named one.

    Raises UserError, saying which setting or which row of which file does not hold.
    """
    files: dict[str, Path] = {}
    found = find_policy(scenario.policy.name) if policy is None else Found(scenario.policy.name, policy, "given")
    own_file = policy_file(scenario.policy.name)
    if own_file:
        files["policy.name"] = Path(own_file[0])
    files["fleet.vehicles"] = locate("fleet.vehicles", scenario.fleet.vehicles)
    local = local_policy(found, scenario.policy.parameters)
    if getattr(local.params, "follows_signal", 0.0) > 0.0 and scenario.schedule.rule != "signal":
        raise UserError("policy.product follows a signal: set schedule.rule to signal, and schedule.file")
    inputs = Inputs(
        policy=local,
        vehicles=read_vehicles(files["fleet.vehicles"], scenario.fleet.model),
        arrivals=read_arrivals(scenario.fleet.arrival.location)
        if scenario.fleet.arrival.kind == "distribution"
        else None,
        visits=_visits(scenario, files),
        schedule=_schedule(scenario, local, files),
    )
    return Read(_with_grid(inputs, scenario, files), files, chosen(found, scenario.policy.parameters))


def read_vehicles(path: Path, model: str = "") -> tuple[VehicleChoice, ...]:
    """Vehicles of a table and their weights; only `model` if it is given."""
    rows = read_rows(path, ("model", "battery_kwh", "max_ac_charge_kw", "max_dc_charge_kw"))
    if model:
        names = [row.text("model") for row in rows]
        if model not in names:
            raise UserError(f"fleet.model: {path.name} has no '{model}'.{did_you_mean(model, names)}")
        rows = [row for row in rows if row.text("model") == model]
    choices = []
    for row in rows:
        if not row.needed("battery_kwh") > 0.0:
            raise row.error(f"battery_kwh must be above 0, got {row.needed('battery_kwh'):g}")
        weight = row.value("weight", row.value("nl_registrations", 1.0))
        vehicle = vehicle_from_row(
            row.text("model"),
            row.needed("battery_kwh"),
            row.needed("max_ac_charge_kw"),
            row.needed("max_dc_charge_kw"),
            row.value("max_ac_discharge_kw_as_sold", 0.0),
            row.value("max_dc_discharge_kw_as_sold", 0.0),
            row.value("max_discharge_kw_hypothetical_v2g", 0.0),
        )
        choices.append(VehicleChoice(vehicle, weight))
    if not sum(choice.weight for choice in choices) > 0.0 or any(choice.weight < 0.0 for choice in choices):
        raise UserError(f"{path.name}: weights must be at least 0, and one of them above")
    return tuple(choices)


def read_arrivals(location: str) -> ArrivalTables:
    """Arrival statistics of a place and kind of day, such as `private_weekday`."""
    place = location.partition("_")[0]
    folder = DATA / "fleet"
    hours = read_rows(folder / "arrival_hourly.csv", ("hour", location))
    means = read_rows(folder / "session_means_by_arrival_hour.csv", ("hour",))
    curves = {
        row.text("quantity"): row
        for row in read_rows(folder / "session_quantiles.csv", ("quantity", "location", *QUANTILES))
        if row.text("location") == place
    }
    duration, energy = curves["connection_h"], curves["energy_kwh"]
    return arrival_tables(
        [row.needed(location) for row in hours],
        [row.value(f"mean_session_h_{PLACES[place]}") for row in means],
        [row.value(f"mean_energy_kwh_{PLACES[place]}") for row in means],
        [(level, duration.needed(name)) for name, level in QUANTILES.items()],
        [(level, energy.needed(name)) for name, level in QUANTILES.items()],
        duration.needed("mean"),
        energy.needed("mean"),
    )


def read_visits(path: Path) -> tuple[PlannedVisit, ...]:
    """Planned stays from a CSV: arrive_s, leave_s, and optionally energy_wh, soc, target_soc, service."""
    services = mapping_keys(dict[ServiceName, float])
    visits = []
    for row in read_rows(path, ("arrive_s", "leave_s")):
        visit = PlannedVisit(
            row.needed("arrive_s"),
            row.needed("leave_s"),
            row.value("energy_wh"),
            row.value("soc"),
            row.value("target_soc"),
            row.text("service"),
        )
        if not 0.0 <= visit.arrive_s < visit.leave_s:
            raise row.error(f"0 <= arrive_s < leave_s must hold, got {visit.arrive_s:g} and {visit.leave_s:g}")
        for name in ("soc", "target_soc"):
            share = getattr(visit, name)
            if not (math.isnan(share) or 0.0 <= share <= 1.0):
                raise row.error(f"{name} must be within 0 and 1, got {share:g}")
        if visit.service and visit.service not in services:
            raise row.error(f"service must be one of {', '.join(services)}, got '{visit.service}'")
        visits.append(visit)
    return tuple(visits)


def _visits(scenario: Scenario, files: dict[str, Path]) -> tuple[PlannedVisit, ...]:
    if scenario.fleet.arrival.kind != "file":
        return ()
    return read_visits(_file("fleet.arrival.file", scenario.fleet.arrival.file, files))


def _schedule(scenario: Scenario, policy: LocalPolicy, files: dict[str, Path]) -> Series | None:
    from experiments.series import read_power_series, read_signal_series

    section = scenario.schedule
    if section.rule == "file":
        return read_power_series(_file("schedule.file", section.file, files), section.column, section.step_s)
    if section.rule != "signal":
        return None
    signal = read_signal_series(_file("schedule.file", section.file, files), section.column, section.step_s)
    capacity_w = section.capacity_w
    if capacity_w is None:
        capacity_w = getattr(policy.params, "capacity_w", None)
    if capacity_w is None:
        raise UserError("schedule.capacity_w must say how many watts of a station a signal of 1 is worth")
    # Here the sign turns: the operator's signal supports low frequency, a station's power flows into the vehicle.
    return signal._replace(value=tuple(0.0 - capacity_w * value for value in signal.value))


def _with_grid(inputs: Inputs, scenario: Scenario, files: dict[str, Path]) -> Inputs:
    from experiments.series import read_power_series, read_series, without_beginning

    grid = scenario.grid
    if grid.model in ("closed_loop", "reconstructed"):
        inputs = inputs._replace(grid=_area(scenario, "grid.preset", grid.preset, files))
        if grid.neighbour:
            inputs = inputs._replace(neighbour=_area(scenario, "grid.neighbour", grid.neighbour, files))
        if grid.imbalance.file:
            section = grid.imbalance
            path = _file("grid.imbalance.file", section.file, files)
            inputs = inputs._replace(imbalance=read_power_series(path, section.column, section.step_s, section.unit))
    if grid.model in ("replay", "reconstructed"):
        path = _file("grid.file", grid.file, files)
        series = read_series(path, grid.column, grid.step_s, grid.unit, nominal_hz(scenario, inputs))
        try:
            series = without_beginning(series, grid.from_s)
        except UserError as error:
            raise UserError(f"grid.from_s: {error}") from None
        inputs = inputs._replace(frequency=series)
    if grid.baseline == "file":
        inputs = inputs._replace(baseline=read_power_series(_file("grid.baseline_file", grid.baseline_file, files)))
    return inputs


def _area(scenario: Scenario, name: str, preset: str, files: dict[str, Path]) -> GridParams:
    """A preset with what the scenario uses of it."""
    from experiments.presets import load_grid

    files[name] = locate(name, preset)
    found = load_grid(str(files[name]))
    params = found.params
    if scenario.grid.model == "reconstructed":
        params = params._replace(shedding=())  # what relays did is part of the recording
    elif not scenario.grid.shedding:
        params = params._replace(shedding=tuple(stage for stage in params.shedding if stage.contracted))
    if scenario.grid.secondary:
        if found.secondary is None:
            raise UserError(f"grid.secondary: the grid '{found.name}' states no secondary control")
        params = params._replace(secondary=found.secondary)
    names = [governor.name for governor in params.governors]
    area = "home" if name == "grid.preset" else "neighbour"
    for event in scenario.grid.events:
        if event.governor_lost and event.area == area and event.governor_lost not in names:
            raise UserError(
                f"grid.events: the grid '{found.name}' has no governor '{event.governor_lost}'."
                f"{did_you_mean(event.governor_lost, names)}"
            )
    return params


def _file(name: str, value: str, files: dict[str, Path]) -> Path:
    if not value:
        raise UserError(f"{name} must name a file")
    files[name] = locate(name, value)
    return files[name]


def undisturbed(inputs: Inputs) -> Inputs:
    """The same inputs with the service off: every station keeps to the baseline it declares."""
    keeping = LocalPolicy("baseline", schedule.Params(), schedule.baseline_w, operation_mode=schedule.OPERATION_MODE)
    return inputs._replace(policy=keeping, baseline=None)
