"""The grid: its model, what pushes its frequency, and how a station measures it."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from cosim.scenario.section import PositiveSeconds, Seconds, Section, Share


class GridEvent(Section):
    """A change of the balance of the grid that stays."""

    t_s: Seconds
    power_mw: float = Field(description="positive lifts the frequency; a lost generator is negative")
    ramp_s: Seconds = Field(0.0, description="duration of the change; 0 is a step")
    inertia_lost_mws: Annotated[float, Field(ge=0.0)] = Field(
        0.0, description="kinetic energy that leaves with it [MW s]"
    )
    governor_lost: str = Field("", description="name of a governor block of the grid that loses a unit with it")
    governor_lost_share: Share = Field(0.0, description="share of that block that is lost")
    area: Literal["home", "neighbour"] = Field("home", description="where it happens; the fleet is at home")


class ImbalanceSeries(Section):
    """Power into the grid from a file; positive lifts the frequency."""

    file: str = Field("", description="CSV or Parquet with a column in w, kw or mw; empty: none")
    column: str | None = Field(None, description="which column of the file")
    step_s: PositiveSeconds | None = Field(None, description="sampling step, when the file has no time column")
    unit: Literal["w", "kw", "mw"] | None = Field(None, description="when the column's name does not say")


class Noise(Section):
    """Ornstein-Uhlenbeck noise of the balance: small deviations that last for a while."""

    sigma_hz: Annotated[float, Field(gt=0.0, le=1.0)] | None = Field(
        None, description="standard deviation that frequency shall have without the fleet; the noise is fitted to it"
    )
    sigma_mw: Annotated[float, Field(ge=0.0)] = Field(0.0, description="standard deviation of the noise; 0: none")
    memory_s: PositiveSeconds = Field(300.0, description="time after which 37 % of a deviation are left")
    step_s: PositiveSeconds = Field(1.0, description="between draws; linear in between")

    @model_validator(mode="after")
    def _one_sigma(self) -> "Noise":
        if self.sigma_hz is not None and self.sigma_mw > 0.0:
            raise ValueError("state sigma_hz or sigma_mw, not both")
        return self


class Market(Section):
    """A new power in each market interval: schedules that step while demand moves smoothly."""

    sigma_mw: Annotated[float, Field(ge=0.0)] = Field(0.0, description="standard deviation; 0: none")
    interval_s: PositiveSeconds = Field(900.0, description="on the calendar's clock: quarter-hours, half-hours, hours")
    ramp_s: Seconds = Field(0.0, description="duration of the change, half of it before the boundary")

    @model_validator(mode="after")
    def _ramp_fits(self) -> "Market":
        if self.ramp_s > self.interval_s:
            raise ValueError(f"ramp_s must be at most interval_s, {self.interval_s:g}, got {self.ramp_s:g}")
        return self


class Grid(Section):
    """Grid frequency."""

    model: Literal["closed_loop", "reconstructed", "replay", "nominal"] = Field(
        "closed_loop",
        description="frequency answers the fleet; the same under the imbalance that a recording implies; follows a "
        "recording; or stays nominal",
    )
    preset: str = Field("island", description="parameters of the grid; models closed_loop and reconstructed")
    tick_s: Annotated[float, Field(ge=0.02, le=1.0)] = Field(0.1, description="exchange between fleet and grid")
    nominal_hz: Annotated[float, Field(gt=10.0, le=400.0)] | None = Field(
        None, description="empty: the preset's, or 50 in a replay"
    )
    file: str = Field("", description="recorded frequency, CSV or Parquet; models replay, reconstructed")
    column: str | None = Field(None, description="which column of the file")
    step_s: PositiveSeconds | None = Field(None, description="sampling step, when the file has no time column")
    unit: Literal["hz", "mhz", "dev_hz", "dev_mhz"] | None = Field(
        None, description="unit of the column, when its name does not say; dev: deviation from nominal"
    )
    from_s: Seconds = Field(0.0, description="seconds of the file to leave out at its beginning")
    start_s: Seconds = Field(0.0, description="simulated time of the first sample; it is held before")
    baseline: Literal["declared", "counterfactual", "file", "zero"] = Field(
        "declared", description="what the fleet was expected to draw"
    )
    baseline_file: str = Field("", description="power series of the whole fleet, without cars_per_ev; baseline file")
    events: tuple[GridEvent, ...] = ()
    imbalance: ImbalanceSeries = ImbalanceSeries()
    noise: Noise = Noise()
    market: Market = Market()
    secondary: bool = Field(False, description="use the secondary control that the preset states")
    shedding: bool = Field(True, description="let the preset's stages of load shedding act; never in a reconstruction")
    cars_on_feeders: bool = Field(
        True, description="stations stand on feeders as demand does and are shed with them; false: never shed"
    )
    neighbour: str = Field("", description="preset of a second area behind a tie line; empty: none")
    tie_mw_per_hz_s: Annotated[float, Field(gt=0.0)] = Field(
        1000.0, description="growth of the tie line's power for a difference in frequency, 2 pi T12"
    )

    @model_validator(mode="after")
    def _events_have_their_area(self) -> "Grid":
        if not self.neighbour and any(event.area == "neighbour" for event in self.events):
            raise ValueError("an event in area 'neighbour' needs grid.neighbour, the preset of that area")
        return self


class Measurement(Section):
    """Frequency as a station measures it."""

    time_constant_s: Annotated[float, Field(ge=0.0, le=60.0)] = Field(0.1, description="first-order filter")
    noise_hz: Annotated[float, Field(ge=0.0, le=1.0)] = Field(0.001, description="standard deviation of a sample")
    bias_hz: Annotated[float, Field(ge=0.0, le=1.0)] = Field(
        0.0, description="standard deviation of the stations' fixed offsets"
    )
