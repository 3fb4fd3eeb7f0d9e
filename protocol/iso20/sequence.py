"""The legal sequence, as tables that both ends read.

A state is named after the request the SECC waits for, which is the request the EVCC sends next: a session in good
order has the same state at both ends between two exchanges. `AC[state][step]` and `DC[state][step]` give the state
after a request that was answered OK and has nothing left to do; while a phase is Ongoing, or after a WARNING, the
state stays. A missing key is the sequence error (V2G20-459). `SETUP` is what comes before a service is selected.

PowerDeliveryReq and SessionStopReq mean different steps by what they carry, so the key of a step is the request's
class, or for these two their ChargeProgress or ChargingSession.
"""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Final

from protocol.iso20.ac import (
    ACChargeLoopReq,
    ACChargeLoopRes,
    ACChargeParameterDiscoveryReq,
    ACChargeParameterDiscoveryRes,
)
from protocol.iso20.codes import ChargeProgress, ChargingSession, ResponseCode
from protocol.iso20.common import (
    AuthorizationReq,
    AuthorizationRes,
    AuthorizationSetupReq,
    AuthorizationSetupRes,
    PowerDeliveryReq,
    PowerDeliveryRes,
    ScheduleExchangeReq,
    ScheduleExchangeRes,
    ServiceDetailReq,
    ServiceDetailRes,
    ServiceDiscoveryReq,
    ServiceDiscoveryRes,
    ServiceSelectionReq,
    ServiceSelectionRes,
    SessionSetupReq,
    SessionSetupRes,
    SessionStopReq,
    SessionStopRes,
    SupportedAppProtocolReq,
    SupportedAppProtocolRes,
)
from protocol.iso20.dc import (
    DCCableCheckReq,
    DCCableCheckRes,
    DCChargeLoopReq,
    DCChargeLoopRes,
    DCChargeParameterDiscoveryReq,
    DCChargeParameterDiscoveryRes,
    DCPreChargeReq,
    DCPreChargeRes,
    DCWeldingDetectionReq,
    DCWeldingDetectionRes,
)
from protocol.iso20.errors import RemoteProtocolError
from protocol.iso20.metering import MeteringConfirmationReq, MeteringConfirmationRes
from protocol.schema import ComplexType

__all__ = [
    "AC",
    "DC",
    "NEXT_REQUEST",
    "REJOINED",
    "RESPONSES",
    "SETUP",
    "State",
    "Step",
    "Table",
    "name_of",
    "next_state",
    "step",
]


class State(Enum):
    """What the SECC waits for and the EVCC sends next."""

    __hash__ = object.__hash__  # a key of the tables: Enum's own is a function in Python, ten times slower

    APP_PROTOCOL = auto()
    SESSION_SETUP = auto()
    AUTHORIZATION_SETUP = auto()
    AUTHORIZATION = auto()
    SERVICE_DISCOVERY = auto()
    SERVICE_DETAIL = auto()
    SERVICE_SELECTION = auto()  # further ServiceDetailReq are allowed here (V2G20-1981)
    CHARGE_PARAMETER_DISCOVERY = auto()
    SCHEDULE_EXCHANGE = auto()
    CABLE_CHECK = auto()
    PRE_CHARGE = auto()
    POWER_DELIVERY = auto()
    CHARGE_LOOP = auto()
    STANDBY = auto()  # no power, contactors closed; the EV asks now and then whether it may go on
    SCHEDULE_RENEGOTIATION = auto()  # as SCHEDULE_EXCHANGE, but the contactors are closed
    WELDING_DETECTION = auto()
    SESSION_STOP = auto()
    ENDED = auto()


Step = type[ComplexType] | ChargeProgress | ChargingSession
Table = Mapping[State, Mapping[Step, State]]

# A pause has its place wherever no power flows; whether the EV may take it is checked apart, as the refusal has its own
# code: in Dynamic mode only the station may start one (V2G20-1195). While power may flow only Terminate is a legal
# SessionStopReq, as an abort.
_LEAVE: Final[Mapping[Step, State]] = {
    ChargingSession.TERMINATE: State.ENDED,
    ChargingSession.PAUSE: State.ENDED,
}
_ABORT: Final[Mapping[Step, State]] = {ChargingSession.TERMINATE: State.ENDED}
_START_OVER: Final[Mapping[Step, State]] = {ChargingSession.SERVICE_RENEGOTIATION: State.SERVICE_DISCOVERY}

SETUP: Final[Table] = {
    State.APP_PROTOCOL: {SupportedAppProtocolReq: State.SESSION_SETUP},
    State.SESSION_SETUP: {SessionSetupReq: State.AUTHORIZATION_SETUP},
    State.AUTHORIZATION_SETUP: {AuthorizationSetupReq: State.AUTHORIZATION},
    State.AUTHORIZATION: {AuthorizationReq: State.SERVICE_DISCOVERY, **_LEAVE},
    State.SERVICE_DISCOVERY: {ServiceDiscoveryReq: State.SERVICE_DETAIL, **_LEAVE},
    State.SERVICE_DETAIL: {ServiceDetailReq: State.SERVICE_SELECTION, **_LEAVE},
    State.SERVICE_SELECTION: {
        ServiceDetailReq: State.SERVICE_SELECTION,
        ServiceSelectionReq: State.CHARGE_PARAMETER_DISCOVERY,
        **_LEAVE,
    },
    State.ENDED: {},
}

# Both discovery requests have their place in the sequence; the one of the wrong service is a wrong charge parameter.
_DISCOVERY: Final[Mapping[Step, State]] = {
    ACChargeParameterDiscoveryReq: State.SCHEDULE_EXCHANGE,
    DCChargeParameterDiscoveryReq: State.SCHEDULE_EXCHANGE,
    **_LEAVE,
    **_START_OVER,
}
_RENEGOTIATION: Final[Mapping[Step, State]] = {
    ScheduleExchangeReq: State.POWER_DELIVERY,
    ACChargeParameterDiscoveryReq: State.SCHEDULE_RENEGOTIATION,  # tolerated: sources disagree where an EV restarts
    DCChargeParameterDiscoveryReq: State.SCHEDULE_RENEGOTIATION,
    **_ABORT,
}

AC: Final[Table] = {
    **SETUP,
    State.CHARGE_PARAMETER_DISCOVERY: _DISCOVERY,
    State.SCHEDULE_EXCHANGE: {ScheduleExchangeReq: State.POWER_DELIVERY, **_LEAVE, **_START_OVER},
    State.POWER_DELIVERY: {
        ChargeProgress.START: State.CHARGE_LOOP,
        ChargeProgress.STOP: State.SESSION_STOP,  # V2G20-1623
        ChargeProgress.STANDBY: State.STANDBY,
        **_LEAVE,
    },
    State.CHARGE_LOOP: {
        ACChargeLoopReq: State.CHARGE_LOOP,
        MeteringConfirmationReq: State.CHARGE_LOOP,
        ChargeProgress.STOP: State.SESSION_STOP,
        ChargeProgress.STANDBY: State.STANDBY,
        ChargeProgress.SCHEDULE_RENEGOTIATION: State.SCHEDULE_RENEGOTIATION,
        **_ABORT,
    },
    State.STANDBY: {
        ChargeProgress.START: State.CHARGE_LOOP,  # V2G20-1386, as the two below
        ChargeProgress.STOP: State.SESSION_STOP,
        ChargeProgress.SCHEDULE_RENEGOTIATION: State.SCHEDULE_RENEGOTIATION,
        ChargeProgress.STANDBY: State.STANDBY,  # how ExitStandby reaches the EV; no source says another way
        **_LEAVE,
    },
    State.SCHEDULE_RENEGOTIATION: _RENEGOTIATION,
    State.SESSION_STOP: {**_LEAVE, **_START_OVER},
}

DC: Final[Table] = {
    **AC,
    State.SCHEDULE_EXCHANGE: {ScheduleExchangeReq: State.CABLE_CHECK, **_LEAVE, **_START_OVER},
    State.CABLE_CHECK: {DCCableCheckReq: State.PRE_CHARGE, **_LEAVE},
    State.PRE_CHARGE: {DCPreChargeReq: State.POWER_DELIVERY, **_LEAVE},  # after EVProcessing Finished (V2G20-2006)
    State.POWER_DELIVERY: {**AC[State.POWER_DELIVERY], ChargeProgress.STOP: State.WELDING_DETECTION},
    State.CHARGE_LOOP: {
        DCChargeLoopReq: State.CHARGE_LOOP,
        MeteringConfirmationReq: State.CHARGE_LOOP,
        ChargeProgress.STOP: State.WELDING_DETECTION,
        ChargeProgress.STANDBY: State.STANDBY,
        ChargeProgress.SCHEDULE_RENEGOTIATION: State.SCHEDULE_RENEGOTIATION,
        **_ABORT,
    },
    State.STANDBY: {**AC[State.STANDBY], ChargeProgress.STOP: State.WELDING_DETECTION},
    State.WELDING_DETECTION: {DCWeldingDetectionReq: State.SESSION_STOP, **_LEAVE, **_START_OVER},
}

# Where an old session goes on when SessionSetupRes says OK_OldSessionJoined: authorization and service survive.
REJOINED: Final = State.CHARGE_PARAMETER_DISCOVERY

# What the EVCC asks in each state when nothing special is wished. Discovery and the loop are rows of the service.
NEXT_REQUEST: Final[Mapping[State, Step]] = {
    State.APP_PROTOCOL: SupportedAppProtocolReq,
    State.SESSION_SETUP: SessionSetupReq,
    State.AUTHORIZATION_SETUP: AuthorizationSetupReq,
    State.AUTHORIZATION: AuthorizationReq,
    State.SERVICE_DISCOVERY: ServiceDiscoveryReq,
    State.SERVICE_DETAIL: ServiceDetailReq,
    State.SERVICE_SELECTION: ServiceSelectionReq,
    State.SCHEDULE_EXCHANGE: ScheduleExchangeReq,
    State.CABLE_CHECK: DCCableCheckReq,
    State.PRE_CHARGE: DCPreChargeReq,
    State.POWER_DELIVERY: ChargeProgress.START,
    State.STANDBY: ChargeProgress.START,
    State.SCHEDULE_RENEGOTIATION: ScheduleExchangeReq,
    State.WELDING_DETECTION: DCWeldingDetectionReq,
    State.SESSION_STOP: ChargingSession.TERMINATE,
}

RESPONSES: Final[Mapping[type[ComplexType], type[ComplexType]]] = {
    SupportedAppProtocolReq: SupportedAppProtocolRes,
    SessionSetupReq: SessionSetupRes,
    AuthorizationSetupReq: AuthorizationSetupRes,
    AuthorizationReq: AuthorizationRes,
    ServiceDiscoveryReq: ServiceDiscoveryRes,
    ServiceDetailReq: ServiceDetailRes,
    ServiceSelectionReq: ServiceSelectionRes,
    ACChargeParameterDiscoveryReq: ACChargeParameterDiscoveryRes,
    DCChargeParameterDiscoveryReq: DCChargeParameterDiscoveryRes,
    ScheduleExchangeReq: ScheduleExchangeRes,
    DCCableCheckReq: DCCableCheckRes,
    DCPreChargeReq: DCPreChargeRes,
    PowerDeliveryReq: PowerDeliveryRes,
    ACChargeLoopReq: ACChargeLoopRes,
    DCChargeLoopReq: DCChargeLoopRes,
    MeteringConfirmationReq: MeteringConfirmationRes,
    DCWeldingDetectionReq: DCWeldingDetectionRes,
    SessionStopReq: SessionStopRes,
}


def step(request: ComplexType) -> Step:
    """The key of a request in the tables."""
    kind = request.__class__
    if kind is PowerDeliveryReq:
        return request.charge_progress  # type: ignore[attr-defined, no-any-return]  # as its class says
    if kind is SessionStopReq:
        return request.charging_session  # type: ignore[attr-defined, no-any-return]
    return kind


def name_of(key: Step) -> str:
    """A step in the words of the standard, such as `PowerDeliveryReq(Stop)`."""
    if isinstance(key, ChargeProgress):
        return f"{PowerDeliveryReq.wire_name}({key.value})"
    if isinstance(key, ChargingSession):
        return f"{SessionStopReq.wire_name}({key.value})"
    return key.wire_name


def next_state(table: Table, state: State, request: ComplexType) -> State:
    """State after `request` is fully answered; raises RemoteProtocolError if the sequence forbids it."""
    try:
        return table[state][step(request)]
    except KeyError:
        raise RemoteProtocolError(
            f"{name_of(step(request))} is not allowed in {state.name}",
            response_code=ResponseCode.FAILED_SEQUENCE_ERROR,
        ) from None
