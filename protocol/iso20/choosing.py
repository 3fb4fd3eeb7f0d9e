"""How an EVCC comes to its service: protocol, service, parameter set, each the best that both ends know.

The functions are part of `EVCC`, written apart: they work on its state.
"""

from functools import cache
from typing import TYPE_CHECKING

from protocol.iso20.codes import AppProtocolCode, ChargingSession, MobilityNeedsMode, ServiceID
from protocol.iso20.common import ServiceDiscoveryRes, SupportedAppProtocolRes
from protocol.iso20.evcc_loop import NO_TERMS, asking_terms
from protocol.iso20.requests import app_protocols
from protocol.iso20.sequence import SETUP
from protocol.iso20.services import SERVICES, Agreed, Service, Variant
from protocol.iso20.session import EndReason
from protocol.iso20.wishes import Wish

if TYPE_CHECKING:
    from protocol.iso20.evcc import EVCC

__all__ = ["agree", "bind", "choose", "choose_protocol", "forget_service", "may_rejoin", "narrow"]


def choose_protocol(evcc: "EVCC", response: SupportedAppProtocolRes) -> tuple[EndReason, str] | None:
    """The station's choice must be one of ours, named by our own SchemaID; returns what is wrong with it."""
    if response.response_code is AppProtocolCode.FAILED_NO_NEGOTIATION:
        return EndReason.NO_PROTOCOL, "the station speaks none of the protocols offered"
    for entry in app_protocols(evcc.settings.services):
        if entry.schema_id == response.schema_id:
            evcc._namespace = entry.protocol_namespace
            evcc._candidates = _wanted(evcc._services, entry.protocol_namespace)
            return None
    return EndReason.WRONG_MESSAGE, f"SchemaID {response.schema_id} was not offered"


@cache
def _wanted(services: tuple[ServiceID, ...], namespace: str) -> tuple[Service, ...]:
    """Those of an EV's services that go with the protocol chosen, best first."""
    wanted = [SERVICES[service_id] for service_id in services]
    return tuple(service for service in wanted if service.namespace == namespace)


def may_rejoin(evcc: "EVCC") -> bool:
    """Whether the protocol chosen is that of the paused session, so that it can be taken up again."""
    paused = evcc.paused
    return paused is not None and any(service.id is paused.agreed.service.id for service in evcc._candidates)


def narrow(evcc: "EVCC", response: ServiceDiscoveryRes) -> None:
    """Leave out what the station does not have."""
    offered = {service.service_id for service in response.energy_transfer_service_list.service}
    if not all(service.id in offered for service in evcc._candidates):
        evcc._candidates = tuple(service for service in evcc._candidates if service.id in offered)
    if not evcc._candidates:
        evcc.stop("NoCommonService")


def choose(evcc: "EVCC", variants: tuple[Variant, ...]) -> None:
    """Take the best parameter set of the wanted control mode, or turn to the next service.

    An EV that would leave its needs to the station states them itself where the station does not want to.
    """
    service, settings = evcc._candidates[0], evcc.settings
    modes = (settings.mobility_needs_mode, MobilityNeedsMode.EVCC)
    usable = [
        variant
        for variant in variants
        if variant.control_mode is settings.control_mode and variant.mobility_needs_mode in modes
    ]
    if usable:
        best = usable[0]
        if len(usable) > 1:
            best = min(usable, key=lambda variant: modes.index(variant.mobility_needs_mode))
        evcc._choice = (service, best)
        return
    evcc._candidates = evcc._candidates[1:]
    if not evcc._candidates:
        evcc.stop("NoCommonParameterSet")


def agree(evcc: "EVCC") -> None:
    """Service and parameter set are settled; they bind every later message."""
    assert evcc._choice is not None
    service, variant = evcc._choice
    by_phase = evcc.settings.per_phase and not service.is_dc
    bind(evcc, Agreed(service, *variant, by_phase, by_phase and evcc.settings.single_phase))


def bind(evcc: "EVCC", agreed: Agreed) -> None:
    """This holds from now on."""
    evcc._terms = asking_terms(agreed)
    evcc.agreed = evcc._terms.agreed
    evcc._table = agreed.service.transitions


def forget_service(evcc: "EVCC") -> None:
    """Back to the choice of services: link, session id and authorization stay, nothing that was agreed does."""
    evcc.agreed = evcc._choice = evcc.profile = evcc.meter_info = evcc.needs = evcc.evse_limits = None
    evcc.notification = None
    evcc.schedules = ()
    evcc._candidates = _wanted(evcc._services, evcc._namespace)
    evcc._table = SETUP
    evcc._terms = NO_TERMS
    evcc._wish = Wish.GO_ON
    evcc._leave_as = ChargingSession.TERMINATE
