"""What happens while a scenario runs: drivers change plans, stations ask, things break."""

from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from cosim.scenario.section import PositiveSeconds, Seconds, Section, ServiceName, Share

FaultKind = Literal[
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
    "off_profile",
]
FAULT_KINDS: tuple[str, ...] = get_args(FaultKind)


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


class Fault(Targets):
    """Something goes wrong: at a time, or at random at a rate."""

    kind: FaultKind
    t_s: Seconds | None = Field(None, description="when; instead of a rate")
    rate_per_h: Annotated[float, Field(gt=0.0, le=1e6)] | None = Field(
        None, description="expected number per vehicle and hour, at random times from the run's seed"
    )
    duration_s: PositiveSeconds = Field(10.0, description="of faults that pass")
    delay_s: Seconds = Field(0.3, description="link_delay: added to each message")
    meter_factor: Annotated[float, Field(ge=0.0, le=100.0)] = Field(1.5, description="wrong_meter")
    bias_hz: Annotated[float, Field(ge=-5.0, le=5.0)] = Field(0.1, description="sensor_biased")
    skew_s: int = Field(60, ge=-86400, le=86400, description="clock_skew: the vehicle's clock is ahead by so much")
    profile_factor: Annotated[float, Field(ge=-1.0, le=10.0)] = Field(
        1.5, description="off_profile, Scheduled mode: the vehicle takes so many times what it has promised"
    )

    @model_validator(mode="after")
    def _when(self) -> "Fault":
        if (self.t_s is None) == (self.rate_per_h is None):
            raise ValueError("a fault needs t_s or rate_per_h, one of the two")
        return self
