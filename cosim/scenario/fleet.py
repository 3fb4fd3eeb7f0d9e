"""Which vehicles there are, when they come and go, and how their side of a session behaves."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from cosim.scenario.section import PositiveSeconds, Seconds, Section, ServiceName, Share, Span


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
    power_tolerance: Literal["confirmed", "refused", "unsaid"] = Field(
        "confirmed", description="Scheduled mode: what the vehicle says of the schedule's PowerTolerance, if it has one"
    )
    profile_warning_answer: Literal["go_on", "renegotiate"] = Field(
        "go_on",
        description="Scheduled mode: what a vehicle does, once for each promise, when it is warned that it breaks it",
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
    power_delivery_s: Annotated[float, Field(ge=0.0, le=60.0)] = Field(
        0.0,
        description="how long PowerDeliveryReq(Start) says EVProcessing Ongoing: the car's own contactors",
    )
    cp_response_s: Seconds = Field(
        0.0, description="PowerDeliveryReq(Start) to pilot state C; later than 0.25 s fails the start"
    )
    pilot_off_response_s: Seconds = Field(1.0, description="AC: time to reach zero power after the pilot goes off")
