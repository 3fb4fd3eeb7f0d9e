"""Messages and types shared by AC and DC, and the protocol handshake. ISO 15118-20:2022, 8.3.4.2 and 8.3.4.3.

Plug and Charge is declared only as far as a choice with EIM needs it; no session here uses it.
"""

from protocol.iso20.codes import (
    AppProtocolCode,
    Authorization,
    ChannelSelection,
    ChargeProgress,
    ChargingSession,
    EVSENotification,
    PowerToleranceAcceptance,
    Processing,
    ResponseCode,
)
from protocol.iso20.errors import LocalProtocolError
from protocol.iso20.schedules import (
    AbsolutePriceSchedule,
    EVEnergyOffer,
    PowerScheduleEntry,
    PriceLevelSchedule,
    ScheduleTuple,
)
from protocol.schema import ComplexType, attribute, declared, element
from protocol.values import (
    Boolean,
    Byte,
    Certificate,
    Description,
    GenChallenge,
    Identifier,
    Int,
    MaxSupportingPoints,
    Name,
    NumericID,
    PercentValue,
    Priority,
    ProtocolNamespace,
    RationalNumber,
    SchemaID,
    ServiceNumber,
    SessionID,
    Short,
    UnsignedInt,
    UnsignedLong,
    UnsignedShort,
    XmlID,
)

# --- the frame of every message ---------------------------------------------------------------------------------------


class Signature(ComplexType):
    """The xmldsig signature of a header: it has its place in the grammar, but only Plug and Charge would make one."""

    __slots__ = ()
    xsd = "ds:SignatureType"
    wire_name = "Signature"

    def __init__(self) -> None:
        raise LocalProtocolError("Header.Signature is not supported: sessions use EIM, which signs nothing")


@declared("ct:MessageHeaderType")
class Header(ComplexType):
    """Which session a message belongs to and when it was made, in Unix seconds."""

    session_id: SessionID = element()
    time_stamp: UnsignedLong = element("s")
    signature: Signature | None = element(default=None)


@declared("ct:V2GRequestType")
class Request(ComplexType):
    """What every request of the EVCC begins with."""

    header: Header = element()


@declared("ct:V2GResponseType")
class Response(ComplexType):
    """What every response of the SECC begins with."""

    header: Header = element()
    response_code: ResponseCode = element()


# --- protocol handshake -----------------------------------------------------------------------------------------------


@declared("sap:AppProtocolType")
class AppProtocol(ComplexType):
    """One protocol the EV speaks; priority 1 is what it likes best."""

    protocol_namespace: ProtocolNamespace = element()
    version_number_major: UnsignedInt = element()
    version_number_minor: UnsignedInt = element()
    schema_id: SchemaID = element()
    priority: Priority = element()


@declared("sap:supportedAppProtocolReq")
class SupportedAppProtocolReq(ComplexType):
    """The EV lists the protocols it speaks. The only pair of messages without header."""

    app_protocol: tuple[AppProtocol, ...] = element(occurs=(1, 20))


@declared("sap:supportedAppProtocolRes")
class SupportedAppProtocolRes(ComplexType):
    """The station names the protocol it chose by the EV's own SchemaID."""

    response_code: AppProtocolCode = element()
    schema_id: SchemaID | None = element(default=None)


# --- session and authorisation ----------------------------------------------------------------------------------------


@declared("cm:SessionSetupReqType")
class SessionSetupReq(Request):
    """The EV introduces itself; SessionID zero asks for a new session."""

    evccid: Identifier = element()


@declared("cm:SessionSetupResType")
class SessionSetupRes(Response):
    """The station introduces itself; the header carries the session id from now on."""

    evseid: Identifier = element()


@declared("cm:AuthorizationSetupReqType")
class AuthorizationSetupReq(Request):
    """The EV asks how it may authorise."""


@declared("cm:EIM_ASResAuthorizationModeType")
class EIMASResAuthorizationMode(ComplexType):
    """External means only: nothing further to say."""


@declared("cm:SupportedProvidersListType")
class SupportedProvidersList(ComplexType):
    """Mobility operators whose contracts the station accepts."""

    provider_id: tuple[Name, ...] = element(occurs=(1, 128))


@declared("cm:PnC_ASResAuthorizationModeType")
class PnCASResAuthorizationMode(ComplexType):
    """What a contract certificate has to sign."""

    gen_challenge: GenChallenge = element()
    supported_providers: SupportedProvidersList | None = element(default=None)


@declared("cm:AuthorizationSetupResType")
class AuthorizationSetupRes(Response):
    """The station lists its ways to authorise."""

    authorization_services: tuple[Authorization, ...] = element(occurs=(1, 2))
    certificate_installation_service: Boolean = element()
    authorization_mode: EIMASResAuthorizationMode | PnCASResAuthorizationMode = element()


@declared("cm:EIM_AReqAuthorizationModeType")
class EIMAReqAuthorizationMode(ComplexType):
    """External means: somebody holds a card or an app."""


@declared("cm:SubCertificatesType")
class SubCertificates(ComplexType):
    """Intermediate certificates of a chain."""

    certificate: tuple[Certificate, ...] = element(occurs=(1, 3))


@declared("cm:ContractCertificateChainType")
class ContractCertificateChain(ComplexType):
    """Contract certificate with its chain."""

    certificate: Certificate = element()
    sub_certificates: SubCertificates = element()


@declared("cm:PnC_AReqAuthorizationModeType")
class PnCAReqAuthorizationMode(ComplexType):
    """The contract certificate, and the challenge it answers."""

    id: XmlID = attribute("Id")
    gen_challenge: GenChallenge = element()
    contract_certificate_chain: ContractCertificateChain = element()


@declared("cm:AuthorizationReqType")
class AuthorizationReq(Request):
    """The EV chooses a way to authorise, and asks again until the station has decided."""

    selected_authorization_service: Authorization = element()
    authorization_mode: EIMAReqAuthorizationMode | PnCAReqAuthorizationMode = element()


@declared("cm:AuthorizationResType")
class AuthorizationRes(Response):
    """Whether the station has decided, and how."""

    evse_processing: Processing = element()


# --- services ---------------------------------------------------------------------------------------------------------


@declared("cm:ServiceIDListType")
class ServiceIDList(ComplexType):
    """Services the EV is interested in."""

    service_id: tuple[ServiceNumber, ...] = element(occurs=(1, 16))


@declared("cm:ServiceDiscoveryReqType")
class ServiceDiscoveryReq(Request):
    """The EV asks what is on offer."""

    supported_service_ids: ServiceIDList | None = element(default=None)


@declared("cm:ServiceType")
class OfferedService(ComplexType):
    """One service on offer."""

    service_id: ServiceNumber = element()
    free_service: Boolean = element()


@declared("cm:ServiceListType")
class ServiceList(ComplexType):
    """Services on offer."""

    service: tuple[OfferedService, ...] = element(occurs=(1, 8))


@declared("cm:ServiceDiscoveryResType")
class ServiceDiscoveryRes(Response):
    """The station's services; whether they may be renegotiated holds for the whole session (V2G20-1932)."""

    service_renegotiation_supported: Boolean = element()
    energy_transfer_service_list: ServiceList = element()
    vas_list: ServiceList | None = element(default=None)


@declared("cm:ServiceDetailReqType")
class ServiceDetailReq(Request):
    """The EV asks for the parameter sets of one service."""

    service_id: ServiceNumber = element()


@declared("cm:ParameterType")
class Parameter(ComplexType):
    """One named parameter of a service, with one value."""

    name: Name = attribute("Name")
    bool_value: Boolean | None = element(default=None, name="boolValue", alternative="value")
    byte_value: Byte | None = element(default=None, name="byteValue", alternative="value")
    short_value: Short | None = element(default=None, name="shortValue", alternative="value")
    int_value: Int | None = element(default=None, name="intValue", alternative="value")
    rational_number: RationalNumber | None = element(default=None, name="rationalNumber", alternative="value")
    finite_string: Name | None = element(default=None, name="finiteString", alternative="value")


@declared("cm:ParameterSetType")
class ParameterSet(ComplexType):
    """One variant of a service, as a whole to be taken or left."""

    parameter_set_id: ServiceNumber = element()
    parameter: tuple[Parameter, ...] = element(occurs=(1, 32))


@declared("cm:ServiceParameterListType")
class ServiceParameterList(ComplexType):
    """The variants of a service."""

    parameter_set: tuple[ParameterSet, ...] = element(occurs=(1, 32))


@declared("cm:ServiceDetailResType")
class ServiceDetailRes(Response):
    """The parameter sets of the service asked for."""

    service_id: ServiceNumber = element()
    service_parameter_list: ServiceParameterList = element()


@declared("cm:SelectedServiceType")
class SelectedService(ComplexType):
    """A service and one of its parameter sets."""

    service_id: ServiceNumber = element()
    parameter_set_id: ServiceNumber = element()


@declared("cm:SelectedServiceListType")
class SelectedServiceList(ComplexType):
    """Value-added services chosen."""

    selected_service: tuple[SelectedService, ...] = element(occurs=(1, 16))


@declared("cm:ServiceSelectionReqType")
class ServiceSelectionReq(Request):
    """The EV commits to a service and a parameter set: direction and control mode are settled here."""

    selected_energy_transfer_service: SelectedService = element()
    selected_vas_list: SelectedServiceList | None = element(default=None)


@declared("cm:ServiceSelectionResType")
class ServiceSelectionRes(Response):
    """The station confirms the choice."""


# --- schedule exchange ------------------------------------------------------------------------------------------------


@declared("cm:Dynamic_SEReqControlModeType")
class DynamicSEReqControlMode(ComplexType):
    """What the EV needs by when; energies are signed distances from the present content of the battery."""

    departure_time: UnsignedInt = element("s")
    minimum_soc: PercentValue | None = element("%", default=None)
    target_soc: PercentValue | None = element("%", default=None)
    ev_target_energy_request: RationalNumber = element("Wh")
    ev_maximum_energy_request: RationalNumber = element("Wh")
    ev_minimum_energy_request: RationalNumber = element("Wh")
    ev_maximum_v2x_energy_request: RationalNumber | None = element("Wh", default=None)
    ev_minimum_v2x_energy_request: RationalNumber | None = element("Wh", default=None)


@declared("cm:Scheduled_SEReqControlModeType")
class ScheduledSEReqControlMode(ComplexType):
    """What the EV needs, when it will follow a schedule."""

    departure_time: UnsignedInt | None = element("s", default=None)
    ev_target_energy_request: RationalNumber | None = element("Wh", default=None)
    ev_maximum_energy_request: RationalNumber | None = element("Wh", default=None)
    ev_minimum_energy_request: RationalNumber | None = element("Wh", default=None)
    ev_energy_offer: EVEnergyOffer | None = element(default=None)


@declared("cm:ScheduleExchangeReqType")
class ScheduleExchangeReq(Request):
    """The EV states its needs, in the control mode that was selected."""

    maximum_supporting_points: MaxSupportingPoints = element()
    control_mode: DynamicSEReqControlMode | ScheduledSEReqControlMode = element()


@declared("cm:Dynamic_SEResControlModeType")
class DynamicSEResControlMode(ComplexType):
    """The station's wishes for departure and charge, where it may have any (MobilityNeedsMode 2), and prices."""

    departure_time: UnsignedInt | None = element("s", default=None)
    minimum_soc: PercentValue | None = element("%", default=None)
    target_soc: PercentValue | None = element("%", default=None)
    price_schedule: AbsolutePriceSchedule | PriceLevelSchedule | None = element(default=None)


@declared("cm:Scheduled_SEResControlModeType")
class ScheduledSEResControlMode(ComplexType):
    """The schedules to choose from."""

    schedule_tuple: tuple[ScheduleTuple, ...] = element(occurs=(1, 3))


@declared("cm:ScheduleExchangeResType")
class ScheduleExchangeRes(Response):
    """The station's answer, in kind: Dynamic for Dynamic, Scheduled for Scheduled (V2G20-1600)."""

    evse_processing: Processing = element()
    go_to_pause: Boolean | None = element(default=None)
    control_mode: DynamicSEResControlMode | ScheduledSEResControlMode = element()


# --- power delivery and stop ------------------------------------------------------------------------------------------


@declared("ct:EVSEStatusType")
class EVSEStatus(ComplexType):
    """What the station asks of the EV, to be done within a delay."""

    notification_max_delay: UnsignedShort = element("s")
    evse_notification: EVSENotification = element()


@declared("cm:Dynamic_EVPPTControlModeType")
class DynamicEVPPTControlMode(ComplexType):
    """The power profile is a forecast, not a promise."""


@declared("cm:Scheduled_EVPPTControlModeType")
class ScheduledEVPPTControlMode(ComplexType):
    """The power profile is the EV's choice within a schedule."""

    selected_schedule_tuple_id: NumericID = element()
    power_tolerance_acceptance: PowerToleranceAcceptance | None = element(default=None)


@declared("cm:EVPowerProfileEntryListType")
class EVPowerProfileEntryList(ComplexType):
    """Steps of an EV power profile."""

    ev_power_profile_entry: tuple[PowerScheduleEntry, ...] = element(occurs=(1, 2048))


@declared("cm:EVPowerProfileType")
class EVPowerProfile(ComplexType):
    """The power the EV expects to draw."""

    time_anchor: UnsignedLong = element("s")
    control_mode: DynamicEVPPTControlMode | ScheduledEVPPTControlMode = element()
    ev_power_profile_entries: EVPowerProfileEntryList = element()


@declared("cm:PowerDeliveryReqType")
class PowerDeliveryReq(Request):
    """The EV starts or stops power, or opens a renegotiation of the schedule."""

    ev_processing: Processing = element()
    charge_progress: ChargeProgress = element()
    ev_power_profile: EVPowerProfile | None = element(default=None)
    bpt_channel_selection: ChannelSelection | None = element(default=None)


@declared("cm:PowerDeliveryResType")
class PowerDeliveryRes(Response):
    """The station has closed or opened its contactor, or says why not. There is no Ongoing here."""

    evse_status: EVSEStatus | None = element(default=None)


@declared("cm:SessionStopReqType")
class SessionStopReq(Request):
    """The EV ends or pauses the session, or goes back to the choice of services."""

    charging_session: ChargingSession = element()
    ev_termination_code: Name | None = element(default=None)
    ev_termination_explanation: Description | None = element(default=None)


@declared("cm:SessionStopResType")
class SessionStopRes(Response):
    """The station agrees."""
