"""A scenario: nested frozen models with defaults, units and ranges. TOML fills it, code reads attributes."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from models.grid.products import PRODUCTS, product_key

NS = 1_000_000_000

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Seconds = Annotated[float, Field(ge=0.0, le=1e9)]
PositiveSeconds = Annotated[float, Field(gt=0.0, le=1e9)]
Watts = Annotated[float, Field(ge=0.0, le=1e9)]
Span = tuple[float, float]
ServiceName = Literal["AC", "AC_BPT", "DC", "DC_BPT"]


def to_ns(seconds: float) -> int:
    """Whole nanoseconds nearest to a span in seconds."""
    return round(seconds * NS)


class Section(BaseModel):
    """A part of a scenario: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=True)


class Arrival(Section):
    """When vehicles plug in and leave."""

    kind: Literal["window", "distribution", "file"] = Field(
        "window", description="drawn within two windows, from a day's distribution, or read from a CSV of sessions"
    )
    plug_in_s: Span = Field((0.0, 60.0), description="window of plug-in [s]; kind window")
    leave_s: Span = Field((1e6, 1e6), description="window of the planned departure [s]; kind window")
    location: Literal["private_weekday", "public_weekday", "workplace_weekday", "private_weekend", "public_weekend"] = (
        Field("private_weekday", description="which hourly distribution; kind distribution")
    )
    file: str = Field(
        "", description="CSV with arrive_s, leave_s and optionally energy_wh, soc, target_soc, service; kind file"
    )


class Fleet(Section):
    """The vehicles."""

    n_ev: int = Field(20, ge=1, le=10_000_000, description="simulated vehicles")
    cars_per_ev: float = Field(
        1.0, gt=0.0, description="real cars that each simulated one stands for, applied at the grid only"
    )
    response: Literal["additional", "replaces_held"] = Field(
        "additional",
        description="whether the fleet adds to the reserve that the grid holds, or replaces as many megawatts of it",
    )
    vehicles: str = Field("bidirectional", description="table of vehicle models")
    model: str = Field("", description="only this model of the table; empty: drawn by registrations")
    v2g_share: Share = Field(
        1.0, description="share of capable vehicles whose discharge power is used; the others charge only"
    )
    services: dict[ServiceName, float] = Field(
        {"DC_BPT": 1.0}, description="energy transfer services by share; a car takes the nearest it is capable of"
    )
    arrival: Arrival = Arrival()
    soc: Span = Field((0.4, 0.7), description="state of charge at plug-in, drawn evenly [-]")
    target_soc: Share = Field(0.8, description="wanted at departure [-]")
    minimum_soc: Share = Field(0.2, description="the driver's reserve: below it the car charges at once [-]")
    maximum_soc: Share = Field(1.0, description="upper bound the driver allows [-]")
    v2x_soc: Span = Field((0.25, 0.95), description="band in which the car may be cycled [-]")

    @model_validator(mode="after")
    def _bounds(self) -> "Fleet":
        for name, (low, high) in {"soc": self.soc, "v2x_soc": self.v2x_soc}.items():
            if not 0.0 <= low <= high <= 1.0:
                raise ValueError(f"{name} must be two shares in rising order within 0 and 1, got [{low:g}, {high:g}]")
        if not self.minimum_soc <= self.target_soc <= self.maximum_soc:
            raise ValueError(
                "minimum_soc <= target_soc <= maximum_soc must hold, "
                f"got {self.minimum_soc:g}, {self.target_soc:g}, {self.maximum_soc:g}"
            )
        if any(share < 0.0 for share in self.services.values()) or sum(self.services.values()) <= 0.0:
            raise ValueError("services must be shares of at least 0, one of them above 0")
        return self


class Ev(Section):
    """The vehicle's side of a session."""

    loop_gap_s: Annotated[float, Field(gt=0.0, le=3600.0)] = Field(
        0.2, description="from a loop response received to the next request sent; the standard's ceiling is 0.25 s"
    )
    loop_gap_jitter_s: Seconds = Field(
        0.0, description="the gap is drawn evenly between loop_gap_s and loop_gap_s plus this"
    )
    repeat_s: PositiveSeconds = Field(
        0.25, description="pause before a request is repeated while the answer is Ongoing"
    )
    answer_s: Seconds = Field(0.02, description="time between an answer and the next request outside the loop")
    discharge_limits: Literal["positive", "negative"] = Field(
        "positive", description="sign with which discharge limits are written; contested"
    )
    per_phase: bool = Field(False, description="AC: send _L2 and _L3 elements")
    reaction_delay_s: Seconds | None = Field(None, description="instead of the vehicle table's: AC on-board charger")
    ramp_w_per_s: Annotated[float, Field(gt=0.0)] | None = Field(
        None, description="instead of the vehicle table's: AC on-board charger, both directions"
    )
    renegotiate_from: Literal["schedule_exchange", "charge_parameter_discovery"] = Field(
        "schedule_exchange", description="request that follows PowerDelivery(ScheduleRenegotiation)"
    )
    control_mode: Literal["dynamic", "scheduled"] = Field(
        "dynamic", description="the station decides in every loop, or the vehicle follows a schedule it was granted"
    )
    mobility_needs: Literal["ev", "station"] = Field(
        "ev", description="who may state departure and charge in Dynamic mode: MobilityNeedsMode 1 or 2"
    )
    pause_answer: Literal["pause", "standby"] = Field(
        "pause", description="what a vehicle does when its station asks for a pause"
    )
    standby_poll_s: Annotated[float, Field(gt=0.0, lt=60.0)] = Field(
        10.0, description="in standby: how often the vehicle asks whether it may go on"
    )
    wake_after_s: PositiveSeconds | None = Field(
        None, description="a paused vehicle wakes by its own timer after so long; empty: it waits to be woken"
    )
    retry_after_s: PositiveSeconds | None = Field(
        None, description="after a lost session the vehicle begins a new one so much later; empty: it waits to leave"
    )
    cp_response_s: Seconds = Field(
        0.0, description="PowerDeliveryReq(Start) to pilot state C; later than 0.25 s fails the start"
    )
    pilot_off_response_s: Seconds = Field(1.0, description="AC: time to reach zero power after the pilot goes off")


class Evse(Section):
    """The charging station's side: hardware."""

    ac_charge_w: Watts = Field(22_000.0, description="AC rating, charging")
    ac_discharge_w: Watts = Field(22_000.0, description="AC rating, discharging")
    dc_charge_w: Watts = Field(50_000.0, description="DC rating, charging")
    dc_discharge_w: Watts = Field(50_000.0, description="DC rating, discharging")
    dc_maximum_a: Annotated[float, Field(gt=0.0, le=3000.0)] = Field(125.0, description="DC current rating")
    dc_maximum_v: Annotated[float, Field(gt=0.0, le=1500.0)] = Field(920.0, description="DC voltage rating")
    dc_minimum_v: Annotated[float, Field(gt=0.0, le=1500.0)] = Field(150.0, description="lowest DC output voltage")
    dc_minimum_w: Watts = Field(300.0, description="least DC power other than zero; assumed")
    dc_reaction_delay_s: Seconds = Field(0.1, description="setpoint to first change of power; Caldera ICM, class DCFC")
    dc_ramp_w_per_s: Annotated[float, Field(gt=0.0)] = Field(25_000.0, description="Caldera ICM, class DCFC")
    dc_wake_s: Seconds = Field(0.0, description="extra delay out of zero power")
    dc_regulation: Literal["loop", "periodic"] = Field(
        "loop", description="the converter acts when the station answers, or at its own control period"
    )
    control_period_s: PositiveSeconds = Field(0.1, description="dc_regulation periodic")
    standby_w: Watts = Field(0.0, description="drawn by a station at all times, on top of what vehicles draw")
    power_ramp_limit_percent_per_min: Annotated[float, Field(gt=0.0, le=1e6)] | None = Field(
        None, description="EVSEPowerRampLimitation, in percent of the station's rating; empty: not stated"
    )
    nominal_v: Annotated[float, Field(gt=0.0, le=1000.0)] = Field(230.0, description="AC, line to neutral")
    phases: Literal["summed", "each"] = Field(
        "summed",
        description="AC: powers as sums, or phase by phase with single-phase cars on one of them",
    )
    single_phase_on: Literal["rotating", "l1"] = Field(
        "rotating", description="where a single-phase car lies: connectors are wired in turn, or all alike; phases each"
    )
    maximum_asymmetry_w: Annotated[float, Field(gt=0.0, le=1e6)] | None = Field(
        None, description="AC: most that a single-phase car may load its phase; empty: no limit"
    )
    contactor_close_s: Annotated[float, Field(ge=0.0, le=1.4)] = Field(
        1.0, description="AC: between PowerDeliveryReq(Start) and its answer"
    )
    contactor_open_s: Annotated[float, Field(ge=0.0, le=1.4)] = Field(
        0.1, description="AC: between PowerDeliveryReq(Stop) and its answer"
    )
    cable_check_s: Seconds = Field(5.0, description="DC isolation test; assumed")
    voltage_collapse_s: PositiveSeconds = Field(0.3, description="DC output falls to zero in WeldingDetection; assumed")
    dc_off_ramp_w_per_s: Annotated[float, Field(gt=0.0)] = Field(
        140e6, description="to zero at Stop; Caldera ICM, class DCFC, on_to_off"
    )
    precharge_v_per_s: Annotated[float, Field(gt=0.0)] = Field(
        200.0, description="DC voltage ramp in PreCharge; assumed"
    )
    authorization_s: Seconds = Field(0.5, description="EIM authorisation wait; assumed")
    protection: Literal["none", "en50549", "g99", "g59-2018", "ieee1547"] = Field(
        "none", description="frequency at which a station leaves the grid; settings in models/grid/protection.py"
    )
    forced_open_s: Seconds = Field(3.0, description="after loss of communication: contactor opens whatever the power")


class Secc(Section):
    """The charging station's side: communication."""

    processing_s: Seconds = Field(0.005, description="request received to answer sent; assumed")
    loop_sequence_timeout_s: PositiveSeconds = Field(
        0.5, description="a loop response to the next request; 0.5 in the standard, 60 in deployed stacks"
    )
    sequence_timeout_s: PositiveSeconds = Field(60.0, description="any other response to the next request")
    ongoing_limit_s: PositiveSeconds = Field(55.0, description="how long a phase may stay Ongoing")
    authorization_limit_s: PositiveSeconds = Field(
        55.0, description="how long authorisation may take; the vehicle waits 5 s longer"
    )
    schedule_horizon_s: PositiveSeconds = Field(86_400.0, description="how far a schedule reaches; Scheduled mode")
    reschedule_if_w: Watts = Field(
        200.0, description="Scheduled mode: renegotiate when the power wanted differs from the schedule by more"
    )
    reschedule_every_s: PositiveSeconds = Field(
        10.0, description="Scheduled mode: shortest time between two renegotiations of a session"
    )
    standby: bool = Field(True, description="whether the station grants standby")
    service_renegotiation: bool = Field(True, description="whether the station lets the service be chosen anew")
    power_off_deadline_s: Annotated[float, Field(gt=0.0, le=1.5)] = Field(
        1.0, description="ramp and opening after PowerDeliveryReq(Stop)"
    )
    renegotiate_if_s: Seconds | None = Field(
        None, description="notify ScheduleRenegotiation when the departure moves by more; empty: never"
    )
    notification_max_delay_s: int = Field(60, ge=0, le=65535, description="NotificationMaxDelay")
    renegotiation_power: Literal["hold", "zero"] = Field("hold", description="power during a schedule renegotiation")
    discharge_limits: Literal["positive", "negative"] = Field(
        "positive", description="sign with which discharge limits are written; contested"
    )


class Link(Section):
    """The line between EVCC and SECC, each way."""

    encoding: Literal["object", "bytes"] = Field(
        "object", description="bytes: each message is encoded as EXI in a V2GTP frame, and decoded again"
    )
    delay_s: Seconds = Field(0.005, description="shortest delay; power line 5 to 20 ms")
    jitter_s: Seconds = Field(0.015, description="evenly drawn on top")
    loss: Share = Field(0.0, description="chance that a segment is lost and sent again")
    retransmission_s: Seconds = Field(0.2, description="delay added by each loss (TCP retransmission timeout)")


class Site(Section):
    """EVSEs behind one grid connection."""

    name: str = "site"
    share: float = Field(1.0, gt=0.0, description="share of the charging points")


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


class Policy(BaseModel):
    """The setpoint policy. Further keys are the policy's own parameters and are checked against its `Params`."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str = Field(
        "droop", description="a packaged policy, module:attribute, ./file.py:attribute, or an entry point"
    )

    @property
    def parameters(self) -> dict[str, Any]:
        """The policy's own keys."""
        return dict(self.model_extra or {})


class Schedule(Section):
    """The power planned for each session, around which a policy works."""

    rule: Literal["zero", "even", "file", "signal"] = Field(
        "zero",
        description="nothing, the target energy spread evenly until departure, a series, or a wish of the operator",
    )
    file: str = Field(
        "",
        description="CSV or Parquet; rule file: power per station; rule signal: -1 to 1, positive supports frequency",
    )
    capacity_w: Watts | None = Field(
        None, description="rule signal: power of each station at a signal of 1; empty: policy.capacity_w"
    )
    column: str | None = None
    step_s: PositiveSeconds | None = None


class Contract(Section):
    """A product that the fleet is paid for: its delivery is scored after the run. It does not set the policy."""

    product: str = Field(description="which product; v2g-cosim curve lists them")
    contract_mw: Annotated[float, Field(gt=0.0)] | None = Field(
        None, description="contracted power; empty: policy.capacity_w of every car, times cars_per_ev"
    )
    from_s: Seconds = Field(0.0, description="begin of the committed time")
    until_s: PositiveSeconds | None = Field(None, description="its end; empty: the end of the run")
    window_s: PositiveSeconds | None = Field(None, description="window of the envelope; empty: the product's T1")

    @field_validator("product")
    @classmethod
    def _known(cls, name: str) -> str:
        key = product_key(name)
        if key is None:
            raise ValueError(f"there is no product '{name}'; known are {', '.join(PRODUCTS)}")
        return key

    @model_validator(mode="after")
    def _rising(self) -> "Contract":
        if self.until_s is not None and not self.from_s < self.until_s:
            raise ValueError(f"from_s < until_s must hold, got {self.from_s:g} and {self.until_s:g}")
        return self


class Limits(Section):
    """The limiter, applied after every policy."""

    guarantee_departure: bool = Field(
        True, description="charge at full power from the latest start that reaches the target"
    )
    assumed_efficiency: Annotated[float, Field(gt=0.0, le=1.0)] = Field(
        0.88, description="plug to cells, for the latest start"
    )
    departure_margin_s: Seconds = Field(60.0, description="start so much earlier")
    gap_rule: Literal["zero", "nearest", "hysteresis", "dither"] = Field(
        "nearest", description="what becomes of a setpoint below the minimum power"
    )


class DriverChange(Section):
    """A driver changes the plan while plugged in."""

    t_s: Seconds
    ev_id: int = Field(ge=0)
    departure_s: Seconds | None = Field(None, description="new departure [s since the start of the run]")
    target_soc: Share | None = Field(None, description="new state of charge wanted at departure [-]")
    leaves_now: bool = Field(False, description="the driver is back and wants to go: departure is now")
    wakes: bool = Field(False, description="a paused vehicle wakes by its own timer")

    @model_validator(mode="after")
    def _changes_something(self) -> "DriverChange":
        if self.departure_s is None and self.target_soc is None and not self.leaves_now and not self.wakes:
            raise ValueError("a change needs departure_s, target_soc, leaves_now or wakes")
        return self


class Targets(Section):
    """Which pairs of vehicle and station an entry concerns."""

    ev_ids: tuple[int, ...] = Field((), description="numbers of the vehicles; empty: all")
    share: Share = Field(1.0, description="share of those, drawn per vehicle")


class StationAsk(Targets):
    """A station asks something of its vehicle while the session runs."""

    t_s: Seconds
    ask: Literal[
        "pause",
        "exit_standby",
        "terminate",
        "schedule_renegotiation",
        "service_renegotiation",
        "metering_confirmation",
        "wake",
        "needs",
    ] = Field(description="EVSENotification; wake toggles the pilot of a paused vehicle; needs states them from now on")
    max_delay_s: int = Field(60, ge=0, le=65535, description="NotificationMaxDelay")
    services: tuple[ServiceName, ...] = Field(
        (), description="service_renegotiation: what the vehicle would take next, best first; empty: what it has"
    )
    departure_s: Seconds | None = Field(None, description="needs: departure [s since the start of the run]")
    target_soc: Share | None = Field(None, description="needs: state of charge at departure [-]")
    minimum_soc: Share | None = Field(None, description="needs: state of charge to keep [-]")


FAULT_KINDS = (
    "link_delay",
    "lost_segment",
    "link_down",
    "tcp_reset",
    "evse_restart",
    "contactor_stuck",
    "isolation_fault",
    "ev_silent",
    "ev_unplugged",
    "ev_mute",
    "wrong_meter",
    "sensor_stuck",
    "sensor_biased",
    "clock_skew",
)


class Fault(Targets):
    """Something goes wrong: at a time, or at random at a rate."""

    kind: Literal[
        "link_delay",
        "lost_segment",
        "link_down",
        "tcp_reset",
        "evse_restart",
        "contactor_stuck",
        "isolation_fault",
        "ev_silent",
        "ev_unplugged",
        "ev_mute",
        "wrong_meter",
        "sensor_stuck",
        "sensor_biased",
        "clock_skew",
    ]
    t_s: Seconds | None = Field(None, description="when; instead of a rate")
    rate_per_h: Annotated[float, Field(gt=0.0, le=1e6)] | None = Field(
        None, description="expected number per vehicle and hour, at random times from the run's seed"
    )
    duration_s: PositiveSeconds = Field(10.0, description="of faults that pass")
    delay_s: Seconds = Field(0.3, description="link_delay: added to each message")
    meter_factor: Annotated[float, Field(ge=0.0, le=100.0)] = Field(1.5, description="wrong_meter")
    bias_hz: Annotated[float, Field(ge=-5.0, le=5.0)] = Field(0.1, description="sensor_biased")
    skew_s: int = Field(60, ge=-86400, le=86400, description="clock_skew: the vehicle's clock is ahead by so much")

    @model_validator(mode="after")
    def _when(self) -> "Fault":
        if (self.t_s is None) == (self.rate_per_h is None):
            raise ValueError("a fault needs t_s or rate_per_h, one of the two")
        return self


class Record(Section):
    """What is written, and how often."""

    messages: Literal["session", "all"] = Field("session", description="session: loop messages for trace_evs only")
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
    part_rows: int = Field(250_000, ge=1000, le=10_000_000, description="rows per Parquet part at most")
    part_s: PositiveSeconds = Field(3600.0, description="simulated time per Parquet part at most")


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
