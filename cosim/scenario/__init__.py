"""A scenario: nested frozen models with defaults, units and ranges. TOML fills it, code reads attributes."""

from typing import Literal

from pydantic import Field

from cosim.scenario.control import Contract, Limits, Policy, Schedule
from cosim.scenario.entries import FAULT_KINDS, DriverChange, Fault, StationAsk, Targets
from cosim.scenario.fleet import Arrival, Ev, Fleet
from cosim.scenario.grid import Grid, GridEvent, ImbalanceSeries, Market, Measurement, Noise
from cosim.scenario.record import Record
from cosim.scenario.section import NS, PositiveSeconds, Seconds, Section, ServiceName, Share, Span, Watts, to_ns
from cosim.scenario.station import Evse, Link, Secc, Site

__all__ = [
    "FAULT_KINDS",
    "NS",
    "Arrival",
    "Contract",
    "DriverChange",
    "Ev",
    "Evse",
    "Fault",
    "Fleet",
    "Grid",
    "GridEvent",
    "ImbalanceSeries",
    "Limits",
    "Link",
    "Market",
    "Measurement",
    "Noise",
    "Policy",
    "PositiveSeconds",
    "Record",
    "Scenario",
    "Schedule",
    "Secc",
    "Seconds",
    "Section",
    "ServiceName",
    "Share",
    "Site",
    "Span",
    "StationAsk",
    "Targets",
    "Watts",
    "to_ns",
]


class Scenario(Section):
    """Everything that decides a run besides its inputs' files."""

    name: str = "scenario"
    description: str = ""
    seed: int = Field(1, ge=0, lt=2**63)
    duration_s: PositiveSeconds = 600.0
    start_utc: str = Field("2026-01-05T00:00:00Z", description="calendar time of the start of the run")
    lane: Literal["auto", "message", "fleet"] = Field(
        "auto",
        description="message: every turn of every loop as messages; fleet: undisturbed loops as compiled rows, with "
        "the same results; auto: fleet where it can and where there is enough to do",
    )
    fleet: Fleet = Fleet()
    ev: Ev = Ev()
    evse: Evse = Evse()
    secc: Secc = Secc()
    link: Link = Link()
    sites: tuple[Site, ...] = (Site(),)
    grid: Grid = Grid()
    measurement: Measurement = Measurement()
    policy: Policy = Policy()
    schedule: Schedule = Schedule()
    products: tuple[Contract, ...] = ()
    limits: Limits = Limits()
    driver: tuple[DriverChange, ...] = ()
    station: tuple[StationAsk, ...] = ()
    faults: tuple[Fault, ...] = ()
    record: Record = Record()
