"""What the EVCC says: each request as a function of values. `REQUESTS` finds the function by step."""

import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final, NamedTuple

from protocol.iso20 import phases
from protocol.iso20.ac import (
    ACChargeParameterDiscoveryReq,
    ACCPDReqEnergyTransferMode,
    BPTACCPDReqEnergyTransferMode,
)
from protocol.iso20.codes import (
    Authorization,
    ChargeProgress,
    ChargingSession,
    ControlMode,
    MobilityNeedsMode,
    Processing,
    ServiceID,
)
from protocol.iso20.common import (
    AppProtocol,
    AuthorizationReq,
    AuthorizationSetupReq,
    DynamicEVPPTControlMode,
    DynamicSEReqControlMode,
    EIMAReqAuthorizationMode,
    EVPowerProfile,
    EVPowerProfileEntryList,
    Header,
    PowerDeliveryReq,
    ScheduledSEReqControlMode,
    ScheduleExchangeReq,
    SelectedService,
    ServiceDetailReq,
    ServiceDiscoveryReq,
    ServiceSelectionReq,
    SessionSetupReq,
    SessionStopReq,
    SupportedAppProtocolReq,
)
from protocol.iso20.dc import (
    BPTDCCPDReqEnergyTransferMode,
    DCCableCheckReq,
    DCChargeParameterDiscoveryReq,
    DCCPDReqEnergyTransferMode,
    DCPreChargeReq,
    DCWeldingDetectionReq,
)
from protocol.iso20.errors import LocalProtocolError
from protocol.iso20.loop import MeterInfo
from protocol.iso20.metering import (
    DynamicSMDTControlMode,
    MeteringConfirmationReq,
    ScheduledSMDTControlMode,
    SignedMeteringData,
)
from protocol.iso20.profiles import Profile, power_profile
from protocol.iso20.ratings import EVRatings
from protocol.iso20.schedules import PowerScheduleEntry
from protocol.iso20.sequence import State, Step
from protocol.iso20.services import SERVICES, Agreed
from protocol.iso20.session import Timers
from protocol.schema import ComplexType
from protocol.values import rational

__all__ = [
    "OFFERED",
    "REQUESTS",
    "EVCCSettings",
    "Offer",
    "OfferAside",
    "Topic",
    "app_protocols",
    "departure_time",
    "whole_seconds",
]

_NAN: Final = math.nan
_UNKNOWN_DEPARTURE_S: Final = 2**32 - 1  # ScheduleExchangeReq cannot leave DepartureTime out


class OfferAside(NamedTuple):
    """What an EV says of itself in some sessions only.

    `target_a` is commanded in Scheduled DC. `present_phases_w`: where powers are stated phase by phase and are uneven.
    `profile`: what the EV promises at the next PowerDeliveryReq(Start) in Scheduled mode; without it the first schedule
    offered is followed as far as the limits allow.
    """

    target_a: float = 0.0
    present_phases_w: tuple[float, float, float] | None = None
    profile: Profile | None = None


class Offer(NamedTuple):
    """What the EV says of itself now, unrounded; discharge limits as magnitudes, at the plug.

    Energies are signed distances from the present content of the battery; NaN in the V2X pair means absent. An
    infinite `departure_s` (seconds from now) means unknown. In DC the reactive power is not sent, in AC no current and
    no voltage.
    """

    departure_s: float = math.inf
    target_energy_wh: float = 0.0
    maximum_energy_wh: float = 0.0
    minimum_energy_wh: float = 0.0
    maximum_v2x_energy_wh: float = _NAN
    minimum_v2x_energy_wh: float = _NAN
    maximum_charge_w: float = 0.0
    minimum_charge_w: float = 0.0
    maximum_discharge_w: float = 0.0
    minimum_discharge_w: float = 0.0
    maximum_charge_a: float = 0.0
    maximum_discharge_a: float = 0.0
    maximum_v: float = 0.0
    minimum_v: float = 0.0
    present_active_w: float = 0.0
    present_reactive_var: float = 0.0
    present_v: float = 0.0
    target_v: float = 0.0
    aside: OfferAside | None = None


class EVCCSettings(NamedTuple):
    """What an EVCC is set to.

    `services` stand in order of preference. `discharge_limits_negative` writes discharge limits with the sign of
    V2G20-1213 instead of the deployed one. `per_phase` states powers for three phases one by one, with `single_phase`
    all of it on L1. `mobility_needs_mode` SECC lets the station settle departure and charge, where it offers that.
    `renegotiate_from`
    is the state an EV restarts from after PowerDelivery(ScheduleRenegotiation): SCHEDULE_EXCHANGE, or
    CHARGE_PARAMETER_DISCOVERY for an EV that reads the standard otherwise. `epoch_s` is the Unix time of `now_ns` 0.
    """

    evcc_id: str
    ratings: EVRatings
    services: tuple[ServiceID, ...] = (ServiceID.DC_BPT, ServiceID.AC_BPT, ServiceID.DC, ServiceID.AC)
    control_mode: ControlMode = ControlMode.DYNAMIC
    discharge_limits_negative: bool = False
    per_phase: bool = False
    single_phase: bool = False
    mobility_needs_mode: MobilityNeedsMode = MobilityNeedsMode.EVCC
    renegotiate_from: State = State.SCHEDULE_EXCHANGE
    timers: Timers = Timers()
    epoch_s: int = 0


class Topic(NamedTuple):
    """What a request outside the loop may speak of, besides the offer."""

    settings: EVCCSettings
    agreed: Agreed | None = None
    service_id: int = 0
    parameter_set_id: int = 0
    processing: Processing = Processing.FINISHED
    profile: Profile | None = None
    meter_info: MeterInfo | None = None
    termination_code: str | None = None
    termination_explanation: str | None = None


@cache
def app_protocols(services: tuple[ServiceID, ...]) -> tuple[AppProtocol, ...]:
    """The protocols an EV lists: one for each namespace of its services, best first. SchemaID is the place in it."""
    namespaces = dict.fromkeys(SERVICES[service_id].namespace for service_id in services)
    return tuple(
        AppProtocol(
            protocol_namespace=namespace,
            version_number_major=1,
            version_number_minor=0,
            schema_id=place,
            priority=place,
        )
        for place, namespace in enumerate(namespaces, start=1)
    )


# --- set-up -----------------------------------------------------------------------------------------------------------


def _supported_app_protocol(header: Header, offer: Offer, topic: Topic) -> SupportedAppProtocolReq:
    return SupportedAppProtocolReq(app_protocol=app_protocols(topic.settings.services))


def _session_setup(header: Header, offer: Offer, topic: Topic) -> SessionSetupReq:
    return SessionSetupReq(header=header, evccid=topic.settings.evcc_id)


def _authorization_setup(header: Header, offer: Offer, topic: Topic) -> AuthorizationSetupReq:
    return AuthorizationSetupReq(header=header)


def _authorization(header: Header, offer: Offer, topic: Topic) -> AuthorizationReq:
    return AuthorizationReq(
        header=header,
        selected_authorization_service=Authorization.EIM,
        authorization_mode=EIMAReqAuthorizationMode(),
    )


def _service_discovery(header: Header, offer: Offer, topic: Topic) -> ServiceDiscoveryReq:
    return ServiceDiscoveryReq(header=header)


def _service_detail(header: Header, offer: Offer, topic: Topic) -> ServiceDetailReq:
    return ServiceDetailReq(header=header, service_id=topic.service_id)


def _service_selection(header: Header, offer: Offer, topic: Topic) -> ServiceSelectionReq:
    selected = SelectedService(service_id=topic.service_id, parameter_set_id=topic.parameter_set_id)
    return ServiceSelectionReq(header=header, selected_energy_transfer_service=selected)


def _ac_discovery(header: Header, offer: Offer, topic: Topic) -> ACChargeParameterDiscoveryReq:
    ratings = topic.settings.ratings
    mode: ACCPDReqEnergyTransferMode
    if _agreed(topic).service.is_bpt:
        sign = _sign(topic.settings)
        mode = BPTACCPDReqEnergyTransferMode(
            ev_maximum_charge_power=rational(ratings.maximum_charge_w),
            ev_minimum_charge_power=rational(ratings.minimum_charge_w),
            ev_maximum_discharge_power=rational(sign * ratings.maximum_discharge_w),
            ev_minimum_discharge_power=rational(sign * ratings.minimum_discharge_w),
        )
    else:
        mode = ACCPDReqEnergyTransferMode(
            ev_maximum_charge_power=rational(ratings.maximum_charge_w),
            ev_minimum_charge_power=rational(ratings.minimum_charge_w),
        )
    if topic.settings.per_phase:
        mode = phases.spread(mode, {}, topic.settings.single_phase)
    return ACChargeParameterDiscoveryReq(header=header, energy_transfer_mode=mode)


def _dc_discovery(header: Header, offer: Offer, topic: Topic) -> DCChargeParameterDiscoveryReq:
    ratings = topic.settings.ratings
    charging: dict[str, Any] = {
        "ev_maximum_charge_power": rational(ratings.maximum_charge_w),
        "ev_minimum_charge_power": rational(ratings.minimum_charge_w),
        "ev_maximum_charge_current": rational(ratings.maximum_charge_a),
        "ev_minimum_charge_current": rational(ratings.minimum_charge_a),
        "ev_maximum_voltage": rational(ratings.maximum_v),
        "ev_minimum_voltage": rational(ratings.minimum_v),
    }
    mode: DCCPDReqEnergyTransferMode
    if _agreed(topic).service.is_bpt:
        sign = _sign(topic.settings)
        mode = BPTDCCPDReqEnergyTransferMode(
            **charging,
            ev_maximum_discharge_power=rational(sign * ratings.maximum_discharge_w),
            ev_minimum_discharge_power=rational(sign * ratings.minimum_discharge_w),
            ev_maximum_discharge_current=rational(sign * ratings.maximum_discharge_a),
            ev_minimum_discharge_current=rational(sign * ratings.minimum_discharge_a),
        )
    else:
        mode = DCCPDReqEnergyTransferMode(**charging)
    return DCChargeParameterDiscoveryReq(header=header, energy_transfer_mode=mode)


def _schedule_exchange(header: Header, offer: Offer, topic: Topic) -> ScheduleExchangeReq:
    departure = departure_time(offer.departure_s)
    agreed = _agreed(topic)
    v2x = agreed.service.is_bpt and not math.isnan(offer.maximum_v2x_energy_wh)
    if not offer.minimum_energy_wh <= offer.target_energy_wh <= offer.maximum_energy_wh:
        raise LocalProtocolError(
            "ScheduleExchangeReq: energy requests must satisfy minimum <= target <= maximum, got "
            f"{offer.minimum_energy_wh} Wh, {offer.target_energy_wh} Wh, {offer.maximum_energy_wh} Wh"
        )
    if agreed.control_mode is ControlMode.SCHEDULED:
        scheduled = ScheduledSEReqControlMode(
            departure_time=departure,
            ev_target_energy_request=rational(offer.target_energy_wh),
            ev_maximum_energy_request=rational(offer.maximum_energy_wh),
            ev_minimum_energy_request=rational(offer.minimum_energy_wh),
        )
        return ScheduleExchangeReq(header=header, maximum_supporting_points=1024, control_mode=scheduled)
    return ScheduleExchangeReq(
        header=header,
        maximum_supporting_points=1024,
        control_mode=DynamicSEReqControlMode(
            departure_time=_UNKNOWN_DEPARTURE_S if departure is None else departure,
            ev_target_energy_request=rational(offer.target_energy_wh),
            ev_maximum_energy_request=rational(offer.maximum_energy_wh),
            ev_minimum_energy_request=rational(offer.minimum_energy_wh),
            ev_maximum_v2x_energy_request=rational(offer.maximum_v2x_energy_wh) if v2x else None,
            ev_minimum_v2x_energy_request=rational(offer.minimum_v2x_energy_wh) if v2x else None,
        ),
    )


# --- power ------------------------------------------------------------------------------------------------------------


def _cable_check(header: Header, offer: Offer, topic: Topic) -> DCCableCheckReq:
    return DCCableCheckReq(header=header)


def _pre_charge(header: Header, offer: Offer, topic: Topic) -> DCPreChargeReq:
    return DCPreChargeReq(
        header=header,
        ev_processing=topic.processing,
        ev_present_voltage=rational(offer.present_v),
        ev_target_voltage=rational(offer.target_v),
    )


def _start(header: Header, offer: Offer, topic: Topic) -> PowerDeliveryReq:
    """In Scheduled mode the profile is a promise, in Dynamic mode a forecast: at most full power until departure."""
    if topic.profile is not None:
        return PowerDeliveryReq(
            header=header,
            ev_processing=topic.processing,
            charge_progress=ChargeProgress.START,
            ev_power_profile=power_profile(topic.profile),
        )
    departure = departure_time(offer.departure_s)
    entry = PowerScheduleEntry(
        duration=_UNKNOWN_DEPARTURE_S if departure is None else departure,
        power=rational(offer.maximum_charge_w),
    )
    return PowerDeliveryReq(
        header=header,
        ev_processing=topic.processing,
        charge_progress=ChargeProgress.START,
        ev_power_profile=EVPowerProfile(
            time_anchor=header.time_stamp,
            control_mode=DynamicEVPPTControlMode(),
            ev_power_profile_entries=EVPowerProfileEntryList(ev_power_profile_entry=(entry,)),
        ),
    )


def _stop(header: Header, offer: Offer, topic: Topic) -> PowerDeliveryReq:
    return PowerDeliveryReq(header=header, ev_processing=topic.processing, charge_progress=ChargeProgress.STOP)


def _renegotiate(header: Header, offer: Offer, topic: Topic) -> PowerDeliveryReq:
    return PowerDeliveryReq(
        header=header,
        ev_processing=topic.processing,
        charge_progress=ChargeProgress.SCHEDULE_RENEGOTIATION,
    )


def _standby(header: Header, offer: Offer, topic: Topic) -> PowerDeliveryReq:
    return PowerDeliveryReq(header=header, ev_processing=topic.processing, charge_progress=ChargeProgress.STANDBY)


def _confirm_meter(header: Header, offer: Offer, topic: Topic) -> MeteringConfirmationReq:
    """The readings go back as they came; nothing is signed under external authorisation."""
    assert topic.meter_info is not None, "a confirmation is wished only after a reading"
    mode: DynamicSMDTControlMode | ScheduledSMDTControlMode = DynamicSMDTControlMode()
    if topic.profile is not None:
        mode = ScheduledSMDTControlMode(selected_schedule_tuple_id=topic.profile.tuple_id)
    return MeteringConfirmationReq(
        header=header,
        signed_metering_data=SignedMeteringData(
            id="metering", session_id=header.session_id, meter_info=topic.meter_info, control_mode=mode
        ),
    )


def _welding_detection(header: Header, offer: Offer, topic: Topic) -> DCWeldingDetectionReq:
    return DCWeldingDetectionReq(header=header, ev_processing=topic.processing)


def _session_stop(kind: ChargingSession) -> Callable[[Header, Offer, Topic], SessionStopReq]:
    def request(header: Header, offer: Offer, topic: Topic) -> SessionStopReq:
        return SessionStopReq(
            header=header,
            charging_session=kind,
            ev_termination_code=topic.termination_code,
            ev_termination_explanation=topic.termination_explanation,
        )

    return request


REQUESTS: Final[Mapping[Step, Callable[[Header, Offer, Topic], ComplexType]]] = {
    SupportedAppProtocolReq: _supported_app_protocol,
    SessionSetupReq: _session_setup,
    AuthorizationSetupReq: _authorization_setup,
    AuthorizationReq: _authorization,
    ServiceDiscoveryReq: _service_discovery,
    ServiceDetailReq: _service_detail,
    ServiceSelectionReq: _service_selection,
    ACChargeParameterDiscoveryReq: _ac_discovery,
    DCChargeParameterDiscoveryReq: _dc_discovery,
    ScheduleExchangeReq: _schedule_exchange,
    DCCableCheckReq: _cable_check,
    DCPreChargeReq: _pre_charge,
    ChargeProgress.START: _start,
    ChargeProgress.STOP: _stop,
    ChargeProgress.STANDBY: _standby,
    ChargeProgress.SCHEDULE_RENEGOTIATION: _renegotiate,
    MeteringConfirmationReq: _confirm_meter,
    DCWeldingDetectionReq: _welding_detection,
    **{kind: _session_stop(kind) for kind in ChargingSession},
}


# The steps outside the loop whose request says anything of an offer.
OFFERED: Final = frozenset({ScheduleExchangeReq, DCPreChargeReq, ChargeProgress.START})


def departure_time(departure_s: float) -> int | None:
    """DepartureTime [s] for a span from now; None when it is unknown, 0 when it is past."""
    if departure_s < _UNKNOWN_DEPARTURE_S:
        return int(whole_seconds(departure_s))
    return None


def whole_seconds(departure_s: float) -> float:
    """A span to departure [s] as the wire carries it; 0 when it is past."""
    return math.floor(departure_s) * 1.0 if departure_s > 0.0 else 0.0


def _sign(settings: EVCCSettings) -> float:
    return -1.0 if settings.discharge_limits_negative else 1.0


def _agreed(topic: Topic) -> Agreed:
    assert topic.agreed is not None, "a service is agreed before its parameters are discovered"
    return topic.agreed
