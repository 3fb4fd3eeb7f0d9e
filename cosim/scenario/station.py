"""Charging stations, the line to the vehicle, and the sites they stand on."""

from typing import Annotated, Literal

from pydantic import Field

from cosim.scenario.section import PositiveSeconds, Seconds, Section, Share, Watts


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
    schedule_exchange_s: Seconds = Field(
        0.0, description="how long ScheduleExchange stays Ongoing; after ongoing_limit_s the plan at hand is taken"
    )
    cable_check_limit_s: Annotated[float, Field(gt=0.0, lt=40.0)] = Field(
        38.0, description="how long CableCheck may stay Ongoing; as in ISO 15118-2, below the vehicle's 40 s"
    )
    pre_charge_limit_s: Annotated[float, Field(gt=0.0, lt=10.0)] = Field(
        9.0, description="how long PreCharge may stay Ongoing; assumed, below the vehicle's 10 s"
    )
    ack_max_delay_s: int = Field(
        30, ge=0, le=65535, description="AckMaxDelay beside needs that the station settles; a deployed stack's guess"
    )
    schedule_horizon_s: PositiveSeconds = Field(86_400.0, description="how far a schedule reaches; Scheduled mode")
    reschedule_if_w: Watts = Field(
        200.0, description="Scheduled mode: renegotiate when the power wanted differs from the schedule by more"
    )
    reschedule_every_s: PositiveSeconds = Field(
        10.0, description="Scheduled mode: shortest time between two renegotiations of a session"
    )
    power_tolerance_w: Watts | None = Field(
        None, description="Scheduled mode: PowerTolerance of the schedules; empty: none is stated"
    )
    tolerance_required: bool = Field(False, description="turn a vehicle away that does not confirm PowerTolerance")
    profile_breach: Literal["beyond", "either"] = Field(
        "beyond",
        description="Scheduled mode: a violation is more power than was promised, or the other direction; either: "
        "less as well",
    )
    profile_tolerance_w: Watts = Field(
        500.0, description="Scheduled mode: allowed beside the promise where no PowerTolerance was agreed; assumed"
    )
    profile_grace_s: Seconds = Field(
        5.0, description="Scheduled mode: after each step of the promise, for reaction, wake-up and ramp; assumed"
    )
    profile_patience_s: Seconds | None = Field(
        None, description="Scheduled mode: a violation that lasts longer ends the session; empty: it is a warning only"
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
