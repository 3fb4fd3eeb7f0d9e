"""What a station asks of its vehicle: notifications, said in each response until they are obeyed or too late.

The functions are part of `Station`, written apart: they work on its state.
"""

from typing import TYPE_CHECKING

from cosim.driver import DECIDE, At, place
from cosim.scenario import NS
from protocol.iso20.codes import ChargeProgress, EVSENotification, ServiceID
from protocol.iso20.sequence import State

if TYPE_CHECKING:
    from cosim.evse import Station

HEARS = (State.CHARGE_LOOP, State.STANDBY, State.POWER_DELIVERY)  # responses there carry EVSEStatus
DEPARTURE_STEP_S = 1.0  # DepartureTime travels in whole seconds


def ask(
    station: "Station", kind: EVSENotification, max_delay_s: int, services: tuple[ServiceID, ...] | None = None
) -> bool:
    """Notify the vehicle in each response until it obeys; false if there is no session that could hear it."""
    now_ns = station.stage.env.now_ns
    hears = station.secc.ended is None and station.secc.state in HEARS
    detail = f"{kind.value}, within {max_delay_s} s" if hears else f"{kind.value}: nobody hears it"
    station.stage.recorder.event(now_ns, station.evse_id, "notified", detail)
    if hears:
        station.proposed = services
        station.secc.meter_owed = station.secc.meter_owed or kind is EVSENotification.METERING_CONFIRMATION
        notify(station, kind, now_ns + max_delay_s * NS)
        At(
            station.stage.env,
            station.notification_until_ns,
            place(DECIDE, station.evse_id),
            lambda _: _look_whether_obeyed(station),
        )
    return hears


def notify(station: "Station", kind: EVSENotification, until_ns: int) -> None:
    """Say so from the next response on, and until then how long is left."""
    station.notification = kind
    station.notification_until_ns = until_ns


def obeyed(station: "Station", progress: ChargeProgress) -> None:
    """The vehicle does something else than another turn: what was asked for is being done."""
    if station.notification is not EVSENotification.SCHEDULE_RENEGOTIATION or progress is ChargeProgress.STOP:
        station.notification = None


def delay_s(station: "Station", now_ns: int) -> int:
    """What is left of NotificationMaxDelay, in whole seconds."""
    left_ns = station.notification_until_ns - now_ns
    return left_ns // NS if left_ns > 0 else 0


def _look_whether_obeyed(station: "Station") -> None:
    """A vehicle that does not stop when it is told to loses its session; other requests just stand."""
    now_ns, kind = station.stage.env.now_ns, station.notification
    if kind is None or now_ns < station.notification_until_ns or station.secc.ended is not None:
        return
    station.stage.recorder.event(now_ns, station.evse_id, "notification_ignored", kind.value)
    if kind is EVSENotification.TERMINATE:
        station.lose("Terminate was not obeyed")


def look_at_departure(station: "Station", now_ns: int) -> None:
    """Notify a schedule renegotiation when the departure, as said, has moved too far from the plan."""
    tolerance_s = station.renegotiate_if_s or 0.0
    departure_s = said_departure_s(station)
    if abs(departure_s - station.planned_departure_s) > tolerance_s + DEPARTURE_STEP_S:
        max_delay_s = station.stage.scenario.secc.notification_max_delay_s
        notify(station, EVSENotification.SCHEDULE_RENEGOTIATION, now_ns + max_delay_s * NS)
        station.control.hold_at_zero = station.stage.scenario.secc.renegotiation_power == "zero"
        station.stage.recorder.event(
            now_ns,
            station.evse_id,
            "notified",
            f"ScheduleRenegotiation: departure moved to {departure_s:.0f} s",
        )


def said_departure_s(station: "Station") -> float:
    """Departure as said [s since the start of the run]; whole seconds on the wire."""
    return station.secc.said.departure_ns * 1e-9 + station.secc.said.departure_s
