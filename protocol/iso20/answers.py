"""What the SECC says: each response as a function of values. `ANSWERS` finds the function by request.

A refusal is not made here but in `refusals.py`; what comes here has been checked.
"""

import math
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple, Protocol

from protocol.iso20 import phases
from protocol.iso20.ac import (
    ACChargeParameterDiscoveryReq,
    ACChargeParameterDiscoveryRes,
    ACCPDResEnergyTransferMode,
    BPTACCPDResEnergyTransferMode,
)
from protocol.iso20.codes import (
    ACConnector,
    AppProtocolCode,
    Authorization,
    ChargeProgress,
    ControlMode,
    DCConnector,
    EVSENotification,
    MobilityNeedsMode,
    Processing,
    ResponseCode,
    ServiceID,
)
from protocol.iso20.common import (
    AppProtocol,
    AuthorizationReq,
    AuthorizationRes,
    AuthorizationSetupReq,
    AuthorizationSetupRes,
    DynamicSEResControlMode,
    EIMASResAuthorizationMode,
    EVSEStatus,
    Header,
    OfferedService,
    PowerDeliveryReq,
    PowerDeliveryRes,
    ScheduledEVPPTControlMode,
    ScheduledSEResControlMode,
    ScheduleExchangeReq,
    ScheduleExchangeRes,
    ServiceDetailReq,
    ServiceDetailRes,
    ServiceDiscoveryReq,
    ServiceDiscoveryRes,
    ServiceList,
    ServiceSelectionReq,
    ServiceSelectionRes,
    SessionSetupReq,
    SessionSetupRes,
    SessionStopReq,
    SessionStopRes,
    SupportedAppProtocolRes,
)
from protocol.iso20.dc import (
    BPTDCCPDResEnergyTransferMode,
    DCCableCheckReq,
    DCCableCheckRes,
    DCChargeParameterDiscoveryReq,
    DCChargeParameterDiscoveryRes,
    DCCPDResEnergyTransferMode,
    DCPreChargeReq,
    DCPreChargeRes,
    DCWeldingDetectionReq,
    DCWeldingDetectionRes,
)
from protocol.iso20.errors import LocalProtocolError
from protocol.iso20.metering import MeteringConfirmationReq, MeteringConfirmationRes
from protocol.iso20.needs import MobilityNeeds
from protocol.iso20.profiles import PowerStep, Schedule, read_profile, schedule_tuple
from protocol.iso20.ratings import EVSERatings
from protocol.iso20.services import SERVICES, Agreed, parameter_sets
from protocol.iso20.session import Timers
from protocol.schema import ComplexType, maker
from protocol.values import rational

__all__ = [
    "ANSWERS",
    "NOTHING_ASIDE",
    "Answer",
    "AnswerAside",
    "SECCSettings",
    "Station",
    "evse_status",
    "namespaces",
    "negotiate",
    "offered",
    "response_code",
]


_OK: Final = ResponseCode.OK  # read in every turn of the loop: looking it up in its class takes 70 ns


class AnswerAside(NamedTuple):
    """What a station states in some sessions only.

    `go_to_pause` goes with ScheduleExchangeRes; `needs` are sent where MobilityNeedsMode 2 was agreed, `schedules` in
    Scheduled mode, the powers phase by phase where the EV stated its own so.
    """

    go_to_pause: bool = False
    needs: MobilityNeeds | None = None
    schedules: tuple[Schedule, ...] = ()
    target_phases_w: tuple[float, float, float] | None = None
    present_phases_w: tuple[float, float, float] | None = None


NOTHING_ASIDE: Final = AnswerAside()


class Answer(NamedTuple):
    """What the station states now; discharge as magnitudes, power positive into the vehicle, at the plug.

    `processing` answers the phases that may be Ongoing. `target_w` is the AC setpoint. The limits are those of the
    moment; above the ratings they are clamped. `failure` declines the request: a FAILED code ends the session, a
    WARNING code does not. A meter reading of -1 means there is no meter.
    """

    processing: Processing = Processing.FINISHED
    present_v: float = 0.0
    present_a: float = 0.0
    present_w: float = 0.0
    target_w: float = 0.0
    maximum_charge_w: float = math.inf
    minimum_charge_w: float = 0.0
    maximum_discharge_w: float = math.inf
    minimum_discharge_w: float = 0.0
    maximum_charge_a: float = math.inf
    maximum_discharge_a: float = math.inf
    maximum_v: float = math.inf
    minimum_v: float = 0.0
    power_limit_achieved: bool = False
    current_limit_achieved: bool = False
    voltage_limit_achieved: bool = False
    notification: EVSENotification | None = None
    notification_max_delay_s: int = 0
    failure: ResponseCode | None = None
    meter_charged_wh: int = -1
    meter_discharged_wh: int = -1
    aside: AnswerAside = NOTHING_ASIDE


class SECCSettings(NamedTuple):
    """What a SECC is set to.

    `standby` and `service_renegotiation` say whether the station has them; `settles_needs` whether it offers parameter
    sets with MobilityNeedsMode 2; `tolerance_required` whether it turns an EV away that does not confirm the tolerance
    of its schedule.

    `new_session_id` gives eight bytes, not all zero, for each session set up. `discharge_limits_negative` writes
    discharge limits with the sign of V2G20-1213 instead of the deployed one. `epoch_s` is the Unix time of `now_ns` 0.
    """

    evse_id: str
    ratings: EVSERatings
    new_session_id: Callable[[], bytes]
    services: tuple[ServiceID, ...] = (ServiceID.AC, ServiceID.DC, ServiceID.AC_BPT, ServiceID.DC_BPT)
    ac_connector: ACConnector = ACConnector.THREE_PHASE
    dc_connector: DCConnector = DCConnector.EXTENDED
    discharge_limits_negative: bool = False
    standby: bool = False
    service_renegotiation: bool = False
    settles_needs: bool = False
    tolerance_required: bool = False
    meter_id: str = "meter"
    timers: Timers = Timers()
    epoch_s: int = 0


# --- set-up -----------------------------------------------------------------------------------------------------------


def negotiate(entries: tuple[AppProtocol, ...], spoken: frozenset[str]) -> tuple[SupportedAppProtocolRes, str]:
    """Choose a protocol: what we speak first, then the EV's priority; returns the response and the namespace.

    Another major version is no match, another minor version is one with a deviation.
    """
    known = [e for e in entries if e.protocol_namespace in spoken and e.version_number_major == 1]
    if not known:
        return _negotiated(AppProtocolCode.FAILED_NO_NEGOTIATION, None), ""
    best = min(known, key=lambda entry: entry.priority)
    code = AppProtocolCode.OK_SUCCESSFUL_NEGOTIATION
    if best.version_number_minor != 0:
        code = AppProtocolCode.OK_SUCCESSFUL_NEGOTIATION_WITH_MINOR_DEVIATION
    return _negotiated(code, best.schema_id), best.protocol_namespace


@cache
def _negotiated(code: AppProtocolCode, schema_id: int | None) -> SupportedAppProtocolRes:
    return SupportedAppProtocolRes(response_code=code, schema_id=schema_id)


@cache
def namespaces(services: tuple[ServiceID, ...]) -> frozenset[str]:
    """The protocols of a station's services."""
    return frozenset(SERVICES[service_id].namespace for service_id in services)


@cache
def offered(services: tuple[ServiceID, ...], namespace: str) -> tuple[ServiceID, ...]:
    """Those of a station's services that go with the protocol chosen."""
    return tuple(service_id for service_id in services if SERVICES[service_id].namespace == namespace)


@cache
def _service_list(services: tuple[ServiceID, ...]) -> ServiceList:
    return ServiceList(
        service=tuple(OfferedService(service_id=int(service_id), free_service=True) for service_id in services)
    )


class Station(Protocol):
    """What an answer outside the loop may speak of, besides the request and the answer: a `SECC` is one."""

    @property
    def settings(self) -> SECCSettings:
        """What the SECC is set to."""
        ...

    @property
    def evse_id(self) -> str:
        """The id of the EVSE."""
        ...

    @property
    def namespace(self) -> str:
        """The protocol chosen."""
        ...

    @property
    def agreed(self) -> Agreed | None:
        """Service and control mode, once they are."""
        ...

    @property
    def joins(self) -> bool:
        """Whether an old session is taken up again."""
        ...

    @property
    def schedules(self) -> tuple[Schedule, ...]:
        """What was offered in Scheduled mode."""
        ...


_session_setup_res: Final = maker(SessionSetupRes, "header", "response_code", "evseid")


def _session_setup(header: Header, request: SessionSetupReq, answer: Answer, station: Station) -> SessionSetupRes:
    code = ResponseCode.OK_OLD_SESSION_JOINED if station.joins else ResponseCode.OK_NEW_SESSION_ESTABLISHED
    return _session_setup_res(header, code, station.evse_id)


_authorization_setup_res: Final = maker(
    AuthorizationSetupRes,
    "header",
    "response_code",
    "authorization_services",
    "certificate_installation_service",
    "authorization_mode",
)
_EXTERNALLY: Final = ((Authorization.EIM,), False, EIMASResAuthorizationMode())


def _authorization_setup(
    header: Header, request: AuthorizationSetupReq, answer: Answer, station: Station
) -> AuthorizationSetupRes:
    return _authorization_setup_res(header, response_code(answer), *_EXTERNALLY)


_authorization_res: Final = maker(AuthorizationRes, "header", "response_code", "evse_processing")


def _authorization(header: Header, request: AuthorizationReq, answer: Answer, station: Station) -> AuthorizationRes:
    """A refusal by the operator is a WARNING that is Finished (V2G20-2230), and so is a way not offered (-2226)."""
    code, processing = response_code(answer), answer.processing
    if request.selected_authorization_service is not Authorization.EIM:
        code = ResponseCode.WARNING_AUTHORIZATION_SELECTION_INVALID
    if code is not _OK:
        processing = Processing.FINISHED
    elif processing is Processing.ONGOING:
        processing = Processing.ONGOING_WAITING_FOR_CUSTOMER_INTERACTION  # what waiting for a card is called
    return _authorization_res(header, code, processing)


_service_discovery_res: Final = maker(
    ServiceDiscoveryRes,
    "header",
    "response_code",
    "service_renegotiation_supported",
    "energy_transfer_service_list",
)


def _service_discovery(
    header: Header, request: ServiceDiscoveryReq, answer: Answer, station: Station
) -> ServiceDiscoveryRes:
    services = _service_list(offered(station.settings.services, station.namespace))
    return _service_discovery_res(header, response_code(answer), station.settings.service_renegotiation, services)


_service_detail_res: Final = maker(ServiceDetailRes, "header", "response_code", "service_id", "service_parameter_list")


def _service_detail(header: Header, request: ServiceDetailReq, answer: Answer, station: Station) -> ServiceDetailRes:
    settings = station.settings
    sets = parameter_sets(
        request.service_id,
        settings.ac_connector,
        settings.dc_connector,
        round(settings.ratings.nominal_v),
        settings.settles_needs,
    )
    return _service_detail_res(header, response_code(answer), request.service_id, sets)


_service_selection_res: Final = maker(ServiceSelectionRes, "header", "response_code")


def _service_selection(
    header: Header, request: ServiceSelectionReq, answer: Answer, station: Station
) -> ServiceSelectionRes:
    return _service_selection_res(header, response_code(answer))


# --- parameters and schedule ------------------------------------------------------------------------------------------

_ac_discovery_res: Final = maker(ACChargeParameterDiscoveryRes, "header", "response_code", "energy_transfer_mode")
_dc_discovery_res: Final = maker(DCChargeParameterDiscoveryRes, "header", "response_code", "energy_transfer_mode")


def _ac_discovery(
    header: Header, request: ACChargeParameterDiscoveryReq, answer: Answer, station: Station
) -> ACChargeParameterDiscoveryRes:
    agreed, settings = _agreed(station), station.settings
    mode = _ac_energy_mode(settings.ratings, agreed.service.is_bpt, _sign(settings), agreed.per_phase)
    return _ac_discovery_res(header, response_code(answer), mode)


@lru_cache(256)
def _ac_energy_mode(ratings: EVSERatings, is_bpt: bool, sign: float, per_phase: bool) -> ACCPDResEnergyTransferMode:
    """A station's ratings in AC, as they are said; `sign` is that of the discharge limits on the wire."""
    ramp, asymmetry_w = ratings.ramp_limit_percent_per_min, ratings.maximum_asymmetry_w
    charging: dict[str, Any] = {
        "evse_maximum_charge_power": rational(ratings.maximum_charge_w),
        "evse_minimum_charge_power": rational(ratings.minimum_charge_w),
        "evse_nominal_frequency": rational(ratings.nominal_frequency_hz),
        "maximum_power_asymmetry": None if math.isnan(asymmetry_w) else rational(asymmetry_w),
        "evse_power_ramp_limitation": None if math.isnan(ramp) else rational(ramp),
    }
    mode: ACCPDResEnergyTransferMode
    if is_bpt:
        mode = BPTACCPDResEnergyTransferMode(
            **charging,
            evse_maximum_discharge_power=rational(sign * ratings.maximum_discharge_w),
            evse_minimum_discharge_power=rational(sign * ratings.minimum_discharge_w),
        )
    else:
        mode = ACCPDResEnergyTransferMode(**charging)
    return phases.split(mode) if per_phase else mode


def _dc_discovery(
    header: Header, request: DCChargeParameterDiscoveryReq, answer: Answer, station: Station
) -> DCChargeParameterDiscoveryRes:
    settings = station.settings
    mode = _dc_energy_mode(settings.ratings, _agreed(station).service.is_bpt, _sign(settings))
    return _dc_discovery_res(header, response_code(answer), mode)


@lru_cache(256)
def _dc_energy_mode(ratings: EVSERatings, is_bpt: bool, sign: float) -> DCCPDResEnergyTransferMode:
    """The same in DC."""
    ramp = ratings.ramp_limit_percent_per_min
    charging: dict[str, Any] = {
        "evse_maximum_charge_power": rational(ratings.maximum_charge_w),
        "evse_minimum_charge_power": rational(ratings.minimum_charge_w),
        "evse_maximum_charge_current": rational(ratings.maximum_charge_a),
        "evse_minimum_charge_current": rational(ratings.minimum_charge_a),
        "evse_maximum_voltage": rational(ratings.maximum_v),
        "evse_minimum_voltage": rational(ratings.minimum_v),
        "evse_power_ramp_limitation": None if math.isnan(ramp) else rational(ramp),
    }
    if not is_bpt:
        return DCCPDResEnergyTransferMode(**charging)
    return BPTDCCPDResEnergyTransferMode(
        **charging,
        evse_maximum_discharge_power=rational(sign * ratings.maximum_discharge_w),
        evse_minimum_discharge_power=rational(sign * ratings.minimum_discharge_w),
        evse_maximum_discharge_current=rational(sign * ratings.maximum_discharge_a),
        evse_minimum_discharge_current=rational(sign * ratings.minimum_discharge_a),
    )


_schedule_exchange_res: Final = maker(
    ScheduleExchangeRes, "header", "response_code", "evse_processing", "go_to_pause", "control_mode"
)
_NOTHING_SETTLED: Final = DynamicSEResControlMode()


def _schedule_exchange(
    header: Header, request: ScheduleExchangeReq, answer: Answer, station: Station
) -> ScheduleExchangeRes:
    """In kind. With MobilityNeedsMode 1 departure and target are the EV's to state, and the Dynamic answer is empty.

    A schedule cannot be left out while Ongoing, so a station that has none yet sends the least one: nothing, for a
    second.
    """
    agreed, needs, schedules = _agreed(station), answer.aside.needs, answer.aside.schedules
    mode: DynamicSEResControlMode | ScheduledSEResControlMode
    if agreed.control_mode is ControlMode.SCHEDULED:
        finished = answer.processing is Processing.FINISHED
        if finished and not schedules:
            raise LocalProtocolError("ScheduleExchangeRes in Scheduled mode needs a schedule once it is Finished")
        none_yet = Schedule(1, header.time_stamp, (PowerStep(1.0, 0.0),))
        mode = ScheduledSEResControlMode(
            schedule_tuple=tuple(schedule_tuple(offer) for offer in schedules or (none_yet,))
        )
    elif needs is not None and agreed.mobility_needs_mode is MobilityNeedsMode.SECC:
        mode = DynamicSEResControlMode(
            departure_time=needs.departure_s, minimum_soc=needs.minimum_soc, target_soc=needs.target_soc
        )
    else:
        mode = _NOTHING_SETTLED
    go_to_pause = True if answer.aside.go_to_pause else None
    return _schedule_exchange_res(header, response_code(answer), answer.processing, go_to_pause, mode)


# --- power ------------------------------------------------------------------------------------------------------------

_cable_check_res: Final = maker(DCCableCheckRes, "header", "response_code", "evse_processing")
_pre_charge_res: Final = maker(DCPreChargeRes, "header", "response_code", "evse_present_voltage")
_power_delivery_res: Final = maker(PowerDeliveryRes, "header", "response_code", "evse_status")
_welding_detection_res: Final = maker(DCWeldingDetectionRes, "header", "response_code", "evse_present_voltage")
_session_stop_res: Final = maker(SessionStopRes, "header", "response_code")


def _cable_check(header: Header, request: DCCableCheckReq, answer: Answer, station: Station) -> DCCableCheckRes:
    return _cable_check_res(header, response_code(answer), answer.processing)


def _pre_charge(header: Header, request: DCPreChargeReq, answer: Answer, station: Station) -> DCPreChargeRes:
    return _pre_charge_res(header, response_code(answer), answer.present_v)


def _power_delivery(header: Header, request: PowerDeliveryReq, answer: Answer, station: Station) -> PowerDeliveryRes:
    code = response_code(answer)
    if request.charge_progress is ChargeProgress.STANDBY and not station.settings.standby:
        code = ResponseCode.WARNING_STANDBY_NOT_ALLOWED
    elif request.charge_progress is ChargeProgress.START and code is _OK:
        code = _tolerance_code(request, station)
    return _power_delivery_res(header, code, evse_status(answer))


def _tolerance_code(request: PowerDeliveryReq, station: Station) -> ResponseCode:
    """What the station makes of the EV's word on the tolerance of the schedule it selected."""
    profile = request.ev_power_profile
    if profile is None or not isinstance(profile.control_mode, ScheduledEVPPTControlMode):
        return ResponseCode.OK
    promise = read_profile(profile)
    asked = any(
        schedule.tuple_id == promise.tuple_id and not math.isnan(schedule.tolerance_w) for schedule in station.schedules
    )
    if not asked:
        return ResponseCode.OK
    if promise.tolerance_confirmed:
        return ResponseCode.OK_POWER_TOLERANCE_CONFIRMED
    return ResponseCode.WARNING_POWER_TOLERANCE_NOT_CONFIRMED


def _metering_confirmation(
    header: Header, request: MeteringConfirmationReq, answer: Answer, station: Station
) -> MeteringConfirmationRes:
    return MeteringConfirmationRes(header=header, response_code=response_code(answer))


def _welding_detection(
    header: Header, request: DCWeldingDetectionReq, answer: Answer, station: Station
) -> DCWeldingDetectionRes:
    return _welding_detection_res(header, response_code(answer), answer.present_v)


def _session_stop(header: Header, request: SessionStopReq, answer: Answer, station: Station) -> SessionStopRes:
    return _session_stop_res(header, response_code(answer))


ANSWERS: Final[Mapping[type[ComplexType], Callable[[Header, Any, Answer, Station], ComplexType]]] = {
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
    PowerDeliveryReq: _power_delivery,
    MeteringConfirmationReq: _metering_confirmation,
    DCWeldingDetectionReq: _welding_detection,
    SessionStopReq: _session_stop,
}


def evse_status(answer: Answer) -> EVSEStatus | None:
    kind = answer.notification
    if kind is None:
        return None
    return EVSEStatus(notification_max_delay=answer.notification_max_delay_s, evse_notification=kind)


def response_code(answer: Answer) -> ResponseCode:
    return _OK if answer.failure is None else answer.failure


def _sign(settings: SECCSettings) -> float:
    return -1.0 if settings.discharge_limits_negative else 1.0


def _agreed(station: Station) -> Agreed:
    assert station.agreed is not None, "a service is agreed before its parameters are discovered"
    return station.agreed
