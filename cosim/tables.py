"""What is recorded: every table and column with its type, unit, sign and origin. Files and docs derive from it."""

from typing import NamedTuple

from models.control.limits import REASONS

# What a column occupies in a row and in Parquet. A category is stored as a small integer and read as text.
KINDS = {"int64": "q", "int32": "i", "float64": "d", "float32": "f", "category": "i"}

INTO_VEHICLE = "positive into the vehicle"
LIFTS_FREQUENCY = "positive lifts the frequency"


class Column(NamedTuple):
    """One column; `nullable` integers and categories write -1 for absent, floats write nan."""

    name: str
    kind: str
    unit: str
    meaning: str
    sign: str = ""
    origin: str = "simulation"
    nullable: bool = False
    categories: tuple[str, ...] = ()  # known beforehand; an empty tuple means the vocabulary grows with the run
    derived: bool = False  # from other columns, when a part is closed; only in runs that have it


class Table(NamedTuple):
    """One kind of record. `key` names the columns of the canonical row order, in which digests are computed."""

    name: str
    meaning: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    optional: bool = False  # not there at all when it has no rows


T_NS = Column("t_ns", "int64", "ns", "simulated time since the start of the run")
EV_ID = Column("ev_id", "int32", "1", "vehicle, counted from 0")
EVSE_ID = Column("evse_id", "int32", "1", "charging point, counted from 0")
SITE_ID = Column("site_id", "int32", "1", "site, in the order of the scenario")


def _power(name: str, meaning: str, origin: str = "simulation") -> Column:
    return Column(name, "float32", "W", meaning, INTO_VEHICLE, origin)


def _phases(name: str, meaning: str, origin: str = "simulation") -> list[Column]:
    """Three columns, one for each phase as it is wired; null where a session does not state its phases."""
    return [
        Column(
            f"{name}_l{phase}_w", "float32", "W", meaning.format(f"L{phase}") + "; null where phases are not stated",
            INTO_VEHICLE, origin, nullable=True, derived=True,
        )
        for phase in (1, 2, 3)
    ]  # fmt: skip


MESSAGES = Table(
    "messages",
    "protocol messages at the instant they are sent",
    ("t_ns", "ev_id", "direction"),
    (
        T_NS,
        EV_ID,
        EVSE_ID,
        Column("session_id", "category", "1", "SessionID of the message header, hexadecimal", origin="message"),
        Column("direction", "category", "1", "who sent it", categories=("EV->EVSE", "EVSE->EV")),
        Column("message", "category", "1", "name of the message in the standard", origin="message"),
        Column("response_code", "category", "1", "ResponseCode", origin="message", nullable=True),
        Column("charge_progress", "category", "1", "ChargeProgress", origin="message", nullable=True),
        Column(
            "charging_session",
            "category",
            "1",
            "ChargingSession of SessionStopReq: Pause, Terminate or ServiceRenegotiation",
            origin="message",
            nullable=True,
        ),
        Column("evse_processing", "category", "1", "EVSEProcessing", origin="message", nullable=True),
        Column("evse_notification", "category", "1", "EVSEStatus.EVSENotification", origin="message", nullable=True),
    ),
)

CHARGE_LOOP = Table(
    "charge_loop",
    "one row per charge loop, at the instant the station decides",
    ("t_ns", "ev_id"),
    (
        T_NS,
        EV_ID,
        EVSE_ID,
        SITE_ID,
        Column("loop", "int32", "1", "loops of this session before this one"),
        _power("requested_w", "what the policy asked for, AC meter", "policy"),
        _power(
            "setpoint_w",
            "after limiter and wire rounding, AC meter; in DC the target of the station's converter",
            "station",
        ),
        Column(
            "clip_reason",
            "category",
            "1",
            "the limit that decided the setpoint last",
            origin="limiter",
            categories=REASONS,
        ),
        _power("grid_power_w", "AC side of the station, without its stand-by draw"),
        _power("plug_power_w", "between station and vehicle"),
        _power("battery_power_w", "at the cells"),
        Column("soc", "float64", "1", "state of charge, 0 to 1"),
        Column("energy_wh", "float64", "Wh", "energy taken up by the cells since plug-in", INTO_VEHICLE),
        Column("frequency_hz", "float64", "Hz", "as the station measured it", origin="station"),
        _power("limit_charge_w", "most that may be charged now, plug: the smaller of what both sides said", "message"),
        Column("limit_discharge_w", "float32", "W", "most that may be discharged now, plug", "magnitude", "message"),
        *_phases("setpoint", "of the setpoint, what lies on phase {}", "station"),
        *_phases("plug_power", "of the power at the plug, what lies on phase {}"),
    ),
)

SETPOINTS = Table(
    "setpoints",
    "every change of a setpoint",
    ("t_ns", "ev_id"),
    (
        T_NS._replace(meaning="instant of the decision in the station"),
        EV_ID,
        Column("applied_ns", "int64", "ns", "instant at which the converter was told", nullable=True),
        _power("setpoint_w", "the new setpoint, AC meter", "station"),
        _power("previous_w", "the setpoint before", "station"),
        Column(
            "clip_reason",
            "category",
            "1",
            "the limit that decided the setpoint last",
            origin="limiter",
            categories=REASONS,
        ),
    ),
)

GRID = Table(
    "grid",
    "one row per grid tick, at its end",
    ("t_ns",),
    (
        T_NS,
        Column("frequency_hz", "float64", "Hz", "frequency at the end of the tick"),
        Column("rocof_hz_per_s", "float64", "Hz/s", "rate of change of frequency over the tick"),
        Column(
            "frequency_without_hz",
            "float64",
            "Hz",
            "the same grid and disturbance without the service of the fleet; null in a replay",
            nullable=True,
        ),
        Column(
            "fleet_power_w",
            "float64",
            "W",
            "mean power of the fleet over the tick, times cars_per_ev, stations' stand-by included",
            INTO_VEHICLE,
        ),
        Column("baseline_w", "float64", "W", "what the fleet was expected to draw, times cars_per_ev", INTO_VEHICLE),
        Column("service_w", "float64", "W", "baseline minus fleet power", LIFTS_FREQUENCY),
        Column(
            "setpoint_power_w",
            "float64",
            "W",
            "sum of the setpoints in force at the end of the tick, times cars_per_ev",
            INTO_VEHICLE,
        ),
        Column(
            "disturbance_w", "float64", "W", "imbalance put in by the scenario, mean over the tick", LIFTS_FREQUENCY
        ),
        Column("secondary_w", "float64", "W", "secondary control in force", LIFTS_FREQUENCY, nullable=True),
        Column("shed_w", "float64", "W", "net load shed so far", LIFTS_FREQUENCY, nullable=True),
        Column("tie_w", "float64", "W", "export over the tie line beyond schedule", "out of the area", nullable=True),
        Column("neighbour_hz", "float64", "Hz", "frequency of the area beyond the tie line", nullable=True),
        *(
            Column(
                f"fleet_power_l{phase}_w",
                "float64",
                "W",
                f"of the fleet's power, what lies on phase L{phase}: a third of balanced power, and single-phase cars",
                INTO_VEHICLE,
            )
            for phase in (1, 2, 3)
        ),
    ),
)

FLEET = Table(
    "fleet",
    "the fleet as a whole, sampled at grid ticks, simulated cars only (without cars_per_ev)",
    ("t_ns",),
    (
        T_NS,
        Column("connected", "int32", "1", "vehicles plugged in"),
        Column("in_loop", "int32", "1", "vehicles in the charge loop"),
        Column("charging", "int32", "1", "vehicles with power flowing in"),
        Column("discharging", "int32", "1", "vehicles with power flowing out"),
        Column("headroom_up_w", "float64", "W", "by how much the fleet could draw more, plug", INTO_VEHICLE),
        Column(
            "headroom_down_w", "float64", "W", "by how much the fleet could draw less or feed more, plug", "magnitude"
        ),
        Column("energy_up_wh", "float64", "Wh", "energy the cells in the loop could still take up"),
        Column("energy_down_wh", "float64", "Wh", "energy the cells in the loop could still give"),
    ),
)

SESSIONS = Table(
    "sessions",
    "one row per session, when the vehicle is unplugged or the run ends",
    ("t_ns", "ev_id"),
    (
        T_NS._replace(meaning="instant of unplugging, or the end of the run"),
        EV_ID,
        EVSE_ID,
        SITE_ID,
        Column("session_id", "category", "1", "SessionID, hexadecimal", origin="message", nullable=True),
        Column("service", "category", "1", "energy transfer service selected", origin="message"),
        Column("vehicle", "category", "1", "vehicle model", origin="scenario"),
        Column(
            "v2g", "category", "1", "whether the discharge power is as sold, hypothetical, or none", origin="scenario"
        ),
        Column("plug_in_ns", "int64", "ns", "vehicle connected"),
        Column("first_loop_ns", "int64", "ns", "first charge loop request", nullable=True),
        Column("stop_ns", "int64", "ns", "PowerDeliveryReq(Stop) sent", nullable=True),
        Column("unplug_ns", "int64", "ns", "vehicle disconnected", nullable=True),
        Column("loops", "int32", "1", "charge loops completed"),
        Column("soc_start", "float64", "1", "state of charge at plug-in"),
        Column("soc_end", "float64", "1", "state of charge at the end"),
        Column("soc_target", "float64", "1", "state of charge wanted at departure", origin="scenario"),
        Column(
            "grid_energy_wh", "float64", "Wh", "energy at the AC side of the station, without stand-by", INTO_VEHICLE
        ),
        Column("plug_energy_wh", "float64", "Wh", "energy at the plug", INTO_VEHICLE),
        Column("battery_energy_wh", "float64", "Wh", "energy at the cells", INTO_VEHICLE),
        Column("charged_wh", "float64", "Wh", "energy drawn at the plug", "magnitude"),
        Column("discharged_wh", "float64", "Wh", "energy fed back at the plug", "magnitude"),
        Column("end_reason", "category", "1", "why the session ended"),
        Column(
            "target",
            "category",
            "1",
            "whether the energy wanted at departure was there",
            categories=("met", "missed", "open"),
        ),
        Column(
            "why_missed", "category", "1", "why not: infeasible demand, the policy, or a failed session", nullable=True
        ),
    ),
)

EVENTS = Table(
    "events",
    "what happened beside plain messages",
    ("t_ns", "ev_id", "kind"),
    (
        T_NS,
        EV_ID._replace(meaning="vehicle concerned; null for the grid", nullable=True),
        Column("kind", "category", "1", "what happened"),
        Column("detail", "category", "1", "in words"),
    ),
)

WIRE = Table(
    "wire",
    "what went over the line as bytes, per session and kind of message; only where link.encoding is bytes",
    ("t_ns", "ev_id", "message", "direction"),
    (
        T_NS._replace(meaning="instant of unplugging, or the end of the run"),
        EV_ID,
        Column("direction", "category", "1", "who sent it", categories=("EV->EVSE", "EVSE->EV")),
        Column("message", "category", "1", "name of the message in the standard", origin="message"),
        Column("frames", "int32", "1", "how many were sent", origin="message"),
        Column("bytes", "int64", "bytes", "all of them, V2GTP headers included", origin="message"),
        Column("shortest_bytes", "int32", "bytes", "the shortest frame", origin="message"),
        Column("longest_bytes", "int32", "bytes", "the longest frame", origin="message"),
    ),
    optional=True,
)

TABLES = {table.name: table for table in (CHARGE_LOOP, GRID, FLEET, SESSIONS, MESSAGES, SETPOINTS, EVENTS, WIRE)}
