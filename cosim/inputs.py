"""What a run needs beside its scenario: tables, series and the policy, already read and checked."""

from collections.abc import Callable
from typing import Any, NamedTuple

from models.car.vehicle import Vehicle
from models.grid.frequency import GridParams
from models.people.arrivals import ArrivalTables


class LocalPolicy(NamedTuple):
    """A setpoint policy that runs in the station.

    Exactly one of `setpoint_w(view, params)` and `step(view, memory, params)` is given; `memory` is the state that
    every station starts with.
    """

    name: str
    params: Any
    setpoint_w: Callable[..., float] | None = None
    step: Callable[..., tuple[float, Any]] | None = None
    memory: Any = None
    operation_mode: str = "LocalFrequency"


class VehicleChoice(NamedTuple):
    """A model of the fleet's vehicle table and its weight in the draw."""

    vehicle: Vehicle
    weight: float


class Series(NamedTuple):
    """A sampled quantity: rising times [s] and values, both of length n; `source` says where it came from."""

    t_s: tuple[float, ...]
    value: tuple[float, ...]
    source: str = ""


class PlannedVisit(NamedTuple):
    """One row of a file of sessions; nan and empty text mean: as the scenario says."""

    arrive_s: float
    leave_s: float
    energy_wh: float = float("nan")
    soc: float = float("nan")
    target_soc: float = float("nan")
    service: str = ""


class Inputs(NamedTuple):
    """Everything that a scenario names and that lies in files."""

    policy: LocalPolicy
    vehicles: tuple[VehicleChoice, ...]
    grid: GridParams | None = None
    neighbour: GridParams | None = None  # beyond the tie line
    imbalance: Series | None = None  # power into the home area [W], positive lifts the frequency
    frequency: Series | None = None
    schedule: Series | None = None
    baseline: Series | None = None
    arrivals: ArrivalTables | None = None
    visits: tuple[PlannedVisit, ...] = ()
