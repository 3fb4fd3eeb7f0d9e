"""What the EVCC says: each request as a function of values. `REQUESTS` finds the function by step."""

import math
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple, Protocol

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
from protocol.schema import ComplexType, maker
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


class Topic(Protocol):
    """What a request outside the loop may speak of, besides the offer: an `EVCC` is one."""

    @property
    def settings(self) -> EVCCSettings:
        """What the EVCC is set to."""
        ...

    @property
    def evcc_id(self) -> str:
        """The id of the EVCC."""
        ...

    @property
    def agreed(self) -> Agreed | None:
        """Service and control mode, once they are."""
        ...

    @property
    def service_id(self) -> ServiceID | None:
        """The service that the EV asks about, or has chosen."""
        ...

    @property
    def parameter_set_id(self) -> int:
        """The parameter set that it has chosen, or 0."""
        ...

    @property
    def processing(self) -> Processing:
        """The EV's own side of this phase."""
        ...

    @property
    def profile(self) -> Profile | None:
        """What it promises in Scheduled mode."""
        ...

    @property
    def meter_info(self) -> MeterInfo | None:
        """The readings shown last."""
        ...

    @property
    def termination_code(self) -> str | None:
        """Why it stops."""
        ...

    @property
    def termination_explanation(self) -> str | None:
        """The same in words."""
        ...


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
# What is said by every session is made by position (`maker`); what equal EVs say in the same words is one object.


def _supported_app_protocol(header: Header, offer: Offer, topic: Topic) -> SupportedAppProtocolReq:
    return _protocols_offered(topic.settings.services)


@cache
def _protocols_offered(services: tuple[ServiceID, ...]) -> SupportedAppProtocolReq:
    return SupportedAppProtocolReq(app_protocol=app_protocols(services))


_session_setup_req: Final = maker(SessionSetupReq, "header", "evccid")


def _session_setup(header: Header, offer: Offer, topic: Topic) -> SessionSetupReq:
    return _session_setup_req(header, topic.evcc_id)


_authorization_setup_req: Final = maker(AuthorizationSetupReq, "header")


def _authorization_setup(header: Header, offer: Offer, topic: Topic) -> AuthorizationSetupReq:
    return _authorization_setup_req(header)


_authorization_req: Final = maker(AuthorizationReq, "header", "selected_authorization_service", "authorization_mode")
_EXTERNALLY: Final = (Authorization.EIM, EIMAReqAuthorizationMode())


def _authorization(header: Header, offer: Offer, topic: Topic) -> AuthorizationReq:
    return _authorization_req(header, *_EXTERNALLY)


_service_discovery_req: Final = maker(ServiceDiscoveryReq, "header")


def _service_discovery(header: Header, offer: Offer, topic: Topic) -> ServiceDiscoveryReq:
    return _service_discovery_req(header)


_service_detail_req: Final = maker(ServiceDetailReq, "header", "service_id")


def _service_detail(header: Header, offer: Offer, topic: Topic) -> ServiceDetailReq:
    assert topic.service_id is not None, "an EV without a service left wishes to stop"
    return _service_detail_req(header, int(topic.service_id))


_service_selection_req: Final = maker(ServiceSelectionReq, "header", "selected_energy_transfer_service")


def _service_selection(header: Header, offer: Offer, topic: Topic) -> ServiceSelectionReq:
    assert topic.service_id is not None, "a service is chosen before it is selected"
    return _service_selection_req(header, _selected(topic.service_id, topic.parameter_set_id))


@cache
def _selected(service_id: ServiceID, parameter_set_id: int) -> SelectedService:
    return SelectedService(service_id=int(service_id), parameter_set_id=parameter_set_id)


_ac_discovery_req: Final = maker(ACChargeParameterDiscoveryReq, "header", "energy_transfer_mode")
_dc_discovery_req: Final = maker(DCChargeParameterDiscoveryReq, "header", "energy_transfer_mode")


def _ac_discovery(header: Header, offer: Offer, topic: Topic) -> ACChargeParameterDiscoveryReq:
    settings = topic.settings
    by_phase = (settings.per_phase, settings.single_phase)
    return _ac_discovery_req(
        header, _ac_energy_mode(settings.ratings, _agreed(topic).service.is_bpt, _sign(settings), *by_phase)
    )


@lru_cache(4096)
def _ac_energy_mode(
    ratings: EVRatings, is_bpt: bool, sign: float, per_phase: bool, single_phase: bool
) -> ACCPDReqEnergyTransferMode:
    """An EV's ratings in AC, as they are said; `sign` is that of the discharge limits on the wire."""
    mode: ACCPDReqEnergyTransferMode
    if is_bpt:
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
    return phases.spread(mode, {}, single_phase) if per_phase else mode


def _dc_discovery(header: Header, offer: Offer, topic: Topic) -> DCChargeParameterDiscoveryReq:
    settings = topic.settings
    return _dc_discovery_req(header, _dc_energy_mode(settings.ratings, _agreed(topic).service.is_bpt, _sign(settings)))


@lru_cache(4096)
def _dc_energy_mode(ratings: EVRatings, is_bpt: bool, sign: float) -> DCCPDReqEnergyTransferMode:
    """The same in DC."""
    charging: dict[str, Any] = {
        "ev_maximum_charge_power": rational(ratings.maximum_charge_w),
        "ev_minimum_charge_power": rational(ratings.minimum_charge_w),
        "ev_maximum_charge_current": rational(ratings.maximum_charge_a),
        "ev_minimum_charge_current": rational(ratings.minimum_charge_a),
        "ev_maximum_voltage": rational(ratings.maximum_v),
        "ev_minimum_voltage": rational(ratings.minimum_v),
    }
    if not is_bpt:
        return DCCPDReqEnergyTransferMode(**charging)
    return BPTDCCPDReqEnergyTransferMode(
        **charging,
        ev_maximum_discharge_power=rational(sign * ratings.maximum_discharge_w),
        ev_minimum_discharge_power=rational(sign * ratings.minimum_discharge_w),
        ev_maximum_discharge_current=rational(sign * ratings.maximum_discharge_a),
        ev_minimum_discharge_current=rational(sign * ratings.minimum_discharge_a),
    )


_NEEDS: Final = (
    "departure_time",
    "ev_target_energy_request",
    "ev_maximum_energy_request",
    "ev_minimum_energy_request",
)
_V2X: Final = ("ev_maximum_v2x_energy_request", "ev_minimum_v2x_energy_request")
_schedule_exchange_req: Final = maker(ScheduleExchangeReq, "header", "maximum_supporting_points", "control_mode")
_scheduled_needs: Final = maker(ScheduledSEReqControlMode, *_NEEDS)
_dynamic_needs: Final = maker(DynamicSEReqControlMode, *_NEEDS, *_V2X)
_MOST_POINTS: Final = 1024


def _schedule_exchange(header: Header, offer: Offer, topic: Topic) -> ScheduleExchangeReq:
    departure = departure_time(offer.departure_s)
    agreed = _agreed(topic)
    target_wh, maximum_wh, minimum_wh = offer.target_energy_wh, offer.maximum_energy_wh, offer.minimum_energy_wh
    if not minimum_wh <= target_wh <= maximum_wh:
        raise LocalProtocolError(
            "ScheduleExchangeReq: energy requests must satisfy minimum <= target <= maximum, got "
            f"{minimum_wh} Wh, {target_wh} Wh, {maximum_wh} Wh"
        )
    mode: ScheduledSEReqControlMode | DynamicSEReqControlMode
    if agreed.control_mode is ControlMode.SCHEDULED:
        mode = _scheduled_needs(departure, target_wh, maximum_wh, minimum_wh)
    else:
        v2x = agreed.service.is_bpt and not math.isnan(offer.maximum_v2x_energy_wh)
        mode = _dynamic_needs(
            _UNKNOWN_DEPARTURE_S if departure is None else departure,
            target_wh,
            maximum_wh,
            minimum_wh,
            offer.maximum_v2x_energy_wh if v2x else None,
            offer.minimum_v2x_energy_wh if v2x else None,
        )
    return _schedule_exchange_req(header, _MOST_POINTS, mode)


# --- power ------------------------------------------------------------------------------------------------------------

_cable_check_req: Final = maker(DCCableCheckReq, "header")
_pre_charge_req: Final = maker(DCPreChargeReq, "header", "ev_processing", "ev_present_voltage", "ev_target_voltage")
_power_delivery_req: Final = maker(PowerDeliveryReq, "header", "ev_processing", "charge_progress", "ev_power_profile")
_welding_detection_req: Final = maker(DCWeldingDetectionReq, "header", "ev_processing")


def _cable_check(header: Header, offer: Offer, topic: Topic) -> DCCableCheckReq:
    return _cable_check_req(header)


def _pre_charge(header: Header, offer: Offer, topic: Topic) -> DCPreChargeReq:
    return _pre_charge_req(header, topic.processing, offer.present_v, offer.target_v)


_forecast_entry: Final = maker(PowerScheduleEntry, "duration", "power")
_forecast: Final = maker(EVPowerProfile, "time_anchor", "control_mode", "ev_power_profile_entries")
_DYNAMICALLY: Final = DynamicEVPPTControlMode()


def _start(header: Header, offer: Offer, topic: Topic) -> PowerDeliveryReq:
    """In Scheduled mode the profile is a promise, in Dynamic mode a forecast: at most full power until departure."""
    if topic.profile is not None:
        profile = power_profile(topic.profile)
    else:
        departure = departure_time(offer.departure_s)
        entry = _forecast_entry(_UNKNOWN_DEPARTURE_S if departure is None else departure, offer.maximum_charge_w)
        entries = EVPowerProfileEntryList(ev_power_profile_entry=(entry,))
        profile = _forecast(header.time_stamp, _DYNAMICALLY, entries)
    return _power_delivery_req(header, topic.processing, ChargeProgress.START, profile)


def _stop(header: Header, offer: Offer, topic: Topic) -> PowerDeliveryReq:
    return _power_delivery_req(header, topic.processing, ChargeProgress.STOP, None)


def _renegotiate(header: Header, offer: Offer, topic: Topic) -> PowerDeliveryReq:
    return _power_delivery_req(header, topic.processing, ChargeProgress.SCHEDULE_RENEGOTIATION, None)


def _standby(header: Header, offer: Offer, topic: Topic) -> PowerDeliveryReq:
    return _power_delivery_req(header, topic.processing, ChargeProgress.STANDBY, None)


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
    return _welding_detection_req(header, topic.processing)


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
        return math.floor(departure_s) if departure_s > 0.0 else 0  # `whole_seconds`, as an integer
    return None


def whole_seconds(departure_s: float) -> float:
    """A span to departure [s] as the wire carries it; 0 when it is past."""
    return math.floor(departure_s) * 1.0 if departure_s > 0.0 else 0.0


def _sign(settings: EVCCSettings) -> float:
    return -1.0 if settings.discharge_limits_negative else 1.0


def _agreed(topic: Topic) -> Agreed:
    assert topic.agreed is not None, "a service is agreed before its parameters are discovered"
    return topic.agreed
