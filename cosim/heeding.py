"""What a vehicle does about what its station says: notifications are obeyed, needs that it settles are taken over."""

from dataclasses import replace
from typing import TYPE_CHECKING

from cosim.journal import LOOP_REQUESTS
from cosim.scenario import NS
from protocol.iso20.codes import EVSENotification
from protocol.iso20.services import SERVICES

if TYPE_CHECKING:
    from cosim.ev_loop import EvInLoop


def heeds(ev: "EvInLoop", kind: EVSENotification, now_ns: int) -> bool:
    """Obey a notification, at once or as soon as power is down; whether the next request is another than a loop."""
    evcc = ev.evcc
    if kind in (EVSENotification.SCHEDULE_RENEGOTIATION, EVSENotification.METERING_CONFIRMATION):
        return evcc.heed() and evcc.next_step not in LOOP_REQUESTS
    if kind is EVSENotification.EXIT_STANDBY:
        return False
    if kind is EVSENotification.SERVICE_RENEGOTIATION and not evcc.service_renegotiation:
        return False
    stands_by = ev.stage.scenario.ev.pause_answer == "standby" and not ev.standby_refused
    wish = evcc.stand_by if kind is EVSENotification.PAUSE and stands_by else evcc.heed
    if kind is EVSENotification.SERVICE_RENEGOTIATION:
        return ev.leaves_for(lambda: _choose_again(ev), now_ns)
    return ev.leaves_for(wish, now_ns)


def _choose_again(ev: "EvInLoop") -> None:
    """Power is down: go back to the choice of services, with what the car can do in the one that is proposed."""
    services = ev.station.proposed
    if services:
        _can_discharge(ev, any(SERVICES[service_id].is_bpt for service_id in services))
    ev.evcc.renegotiate_service(services)


def _can_discharge(ev: "EvInLoop", wanted: bool) -> None:
    """Take discharging into the car's ratings, or out of them."""
    car, vehicle, settings = ev.car, ev.visit.vehicle, ev.evcc.settings
    rated_w = vehicle.maximum_dc_discharge_w if ev.is_dc else vehicle.maximum_ac_discharge_w
    discharge_w = rated_w if wanted else 0.0
    least_w = car.kind.converter.minimum_discharge_w if discharge_w > 0.0 else 0.0
    kind = replace(car.kind, discharge_w=discharge_w, minimum_discharge_w=least_w)
    car.kind = ev.stage.kinds.setdefault(kind, kind)
    ev.evcc.settings = settings._replace(
        ratings=settings.ratings._replace(
            maximum_discharge_w=discharge_w,
            minimum_discharge_w=least_w,
            maximum_discharge_a=vehicle.maximum_dc_a if ev.is_dc and discharge_w > 0.0 else 0.0,
        )
    )


def take_over(ev: "EvInLoop") -> None:
    """MobilityNeedsMode 2: what the station has settled becomes the car's own plan."""
    evcc = ev.evcc
    needs = evcc.needs
    if needs is None or evcc.needs_ns == ev.needs_ns:
        return
    ev.needs_ns = evcc.needs_ns
    if needs.departure_s is not None:
        departure_ns = evcc.needs_ns + needs.departure_s * NS
        if abs(departure_ns - ev.departure_ns) > 2 * NS:  # whole seconds on the wire
            ev.departure_ns = departure_ns
    if needs.minimum_soc is not None and abs(needs.minimum_soc / 100.0 - ev.car.kind.minimum_soc) > 0.005:
        floor_soc = min(needs.minimum_soc / 100.0, ev.car.kind.maximum_soc)
        kind = replace(ev.car.kind, minimum_soc=floor_soc)
        ev.car.kind = ev.stage.kinds.setdefault(kind, kind)
        ev.change_target(ev.visit.target_soc)
    if needs.target_soc is not None and abs(needs.target_soc / 100.0 - ev.visit.target_soc) > 0.005:
        ev.change_target(needs.target_soc / 100.0)
