"""What a run writes, and how often."""

from typing import Literal

from pydantic import Field

from cosim.scenario.section import PositiveSeconds, Seconds, Section


class Record(Section):
    """What is written, and how often."""

    messages: Literal["none", "session", "all"] = Field(
        "session", description="session: loop messages for trace_evs only; none: all messages for trace_evs only"
    )
    trace_evs: tuple[int, ...] = Field((0,), description="vehicles whose loop messages are written too")
    charge_loop: bool = True
    charge_loop_every: int = Field(1, ge=1, description="every n-th loop of a vehicle")
    charge_loop_evs_every: int = Field(1, ge=1, description="loops of every n-th vehicle only, counted from 0")
    charge_loop_evs: tuple[int, ...] = Field((), description="loops of these vehicles only; empty: see above")
    around_events_s: tuple[Seconds, Seconds] | None = Field(
        None, description="loops within [before, after] of the events of the grid only [s]; empty: always"
    )
    setpoints: bool = True
    grid_every: int = Field(1, ge=1, description="every n-th grid tick")
    fleet_every_s: PositiveSeconds = 1.0
    part_rows: int = Field(
        250_000,
        ge=1000,
        le=10_000_000,
        description="rows per Parquet part at most; a kill costs the open part of each table, and one on its way",
    )
    part_s: PositiveSeconds = Field(3600.0, description="simulated time per Parquet part at most")
