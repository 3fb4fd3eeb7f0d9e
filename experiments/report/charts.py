"""Which charts the report shows, from which columns."""

import numpy as np

from experiments.errors import UserError
from experiments.report.series import Chart, Curve, Values, power_unit
from experiments.runs import Run
from experiments.trace import busiest_ev


def charts_of(run: Run) -> list[Chart]:
    """The charts for which the run has rows."""
    made = [*_grid_charts(run), *_beside_charts(run), *_fleet_charts(run), *_vehicle_charts(run)]
    return [chart for chart in made if len(chart.time_s) > 1 and chart.curves]


ANSWERING = ("closed_loop", "reconstructed")  # models whose frequency answers the fleet


def _columns(run: Run, table: str, names: list[str], ev: int | None = None) -> dict[str, Values]:
    rows = run.table(table, columns=["time_s", *names], ev=ev, as_="arrow")
    return {name: rows[name].to_numpy().astype(np.float64) for name in ["time_s", *names]}


def _marks(run: Run) -> list[tuple[float, str]]:
    """The events of the grid, where they had an effect."""
    grid = run.config.get("grid", {})
    if grid.get("model", "closed_loop") not in ANSWERING:
        return []
    return [(event["t_s"], f"{event['power_mw']:+g} MW") for event in grid.get("events", [])]


def _grid_charts(run: Run) -> list[Chart]:
    names = ["frequency_hz", "frequency_without_hz", "fleet_power_w", "baseline_w", "setpoint_power_w"]
    rows = _columns(run, "grid", names)
    model = run.config.get("grid", {}).get("model", "closed_loop")
    frequency = [Curve("with the fleet" if model in ANSWERING else "as given", rows["frequency_hz"], "blue")]
    if not np.isnan(rows["frequency_without_hz"]).all():
        frequency.insert(0, Curve("without", rows["frequency_without_hz"], "orange"))
    unit, watts = power_unit(rows["fleet_power_w"], rows["setpoint_power_w"])
    power = [
        Curve("baseline", rows["baseline_w"] / watts, "grey", "dashed"),
        Curve("requested", rows["setpoint_power_w"] / watts, "orange"),
        Curve("delivered", rows["fleet_power_w"] / watts, "blue"),
    ]
    cars = run.manifest.get("cars_per_ev", 1.0)
    each = f" Each simulated car stands for {cars:g}." if cars != 1.0 else ""
    nominal = run.manifest.get("nominal_hz")
    return [
        Chart("Frequency", "Hz", "", rows["time_s"], frequency, 1e-4, _marks(run), nominal),
        Chart(
            "Power of the fleet",
            unit,
            f"At the grid, mean of each tick; positive flows into the vehicles. Requested: sum of the setpoints.{each}",
            rows["time_s"],
            power,
            1e-3,
            _marks(run),
            0.0,
        ),
    ]


def _beside_charts(run: Run) -> list[Chart]:
    """Secondary control, shed load, tie line and neighbour, where the run had them."""
    names = {"secondary_w": "secondary control", "shed_w": "load shed", "tie_w": "export over the tie line"}
    try:
        rows = _columns(run, "grid", [*names, "neighbour_hz", "frequency_hz"])
    except (KeyError, UserError):  # a run of an earlier version
        return []
    present = [name for name in names if np.nan_to_num(rows[name]).any()]
    charts = []
    if present:
        unit, watts = power_unit(*(rows[name] for name in present))
        colours = ("orange", "green", "blue")
        curves = [
            Curve(names[name], rows[name] / watts, colour) for name, colour in zip(present, colours, strict=False)
        ]
        note = "Positive lifts the frequency, or leaves the area over the line."
        charts.append(Chart("Beside the fleet", unit, note, rows["time_s"], curves, 1e-3, _marks(run), 0.0))
    if not np.isnan(rows["neighbour_hz"]).all():
        both = [Curve("neighbour", rows["neighbour_hz"], "orange"), Curve("home", rows["frequency_hz"], "blue")]
        charts.append(Chart("Frequency of both areas", "Hz", "", rows["time_s"], both, 1e-4, _marks(run)))
    return charts


def _fleet_charts(run: Run) -> list[Chart]:
    rows = _columns(run, "fleet", ["connected", "in_loop", "charging", "discharging"])
    curves = [
        Curve("connected", rows["connected"], "grey"),
        Curve("in the charge loop", rows["in_loop"], "green"),
        Curve("charging", rows["charging"], "blue"),
        Curve("discharging", rows["discharging"], "orange"),
    ]
    return [Chart("Vehicles", "EVs", "Simulated vehicles.", rows["time_s"], curves, 1.0)]


def _vehicle_charts(run: Run) -> list[Chart]:
    ev = busiest_ev(run)
    if ev is None:
        return []
    rows = _columns(run, "charge_loop", ["requested_w", "setpoint_w", "grid_power_w", "soc"], ev)
    unit, watts = power_unit(rows["requested_w"], rows["grid_power_w"])
    power = [
        Curve("asked by the policy", rows["requested_w"] / watts, "grey", "dashed"),
        Curve("setpoint", rows["setpoint_w"] / watts, "orange"),
        Curve("delivered", rows["grid_power_w"] / watts, "blue"),
    ]
    soc = [Curve("state of charge", 100.0 * rows["soc"], "green")]
    note = "At the instants of the station's decisions, AC meter."
    return [
        Chart(f"One vehicle, EV{ev:03d}: power", unit, note, rows["time_s"], power, 1e-3, _marks(run), 0.0),
        Chart(f"One vehicle, EV{ev:03d}: state of charge", "%", "", rows["time_s"], soc, 1e-3),
    ]
