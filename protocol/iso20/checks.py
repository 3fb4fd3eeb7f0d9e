"""What a request must satisfy beyond its types and its place in the sequence. A breach raises RemoteProtocolError.

What was agreed in ServiceSelection binds every later message: direction, service and control mode.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, NoReturn

from protocol.iso20.ac import ACChargeParameterDiscoveryReq
from protocol.iso20.codes import ChargeProgress, ChargingSession, ControlMode, ResponseCode, ServiceID
from protocol.iso20.common import (
    DynamicEVPPTControlMode,
    DynamicSEReqControlMode,
    PowerDeliveryReq,
    ScheduleExchangeReq,
    ServiceDetailReq,
    ServiceSelectionReq,
    SessionStopReq,
)
from protocol.iso20.dc import DCChargeParameterDiscoveryReq
from protocol.iso20.errors import RemoteProtocolError
from protocol.iso20.loop import MeterInfo
from protocol.iso20.metering import MeteringConfirmationReq
from protocol.iso20.profiles import Profile, Schedule, excess_w, read_profile
from protocol.iso20.ratings import read_ev_ratings
from protocol.iso20.recall import read_once
from protocol.iso20.services import Agreed, Variant
from protocol.schema import ComplexType
from protocol.values import RationalNumber

__all__ = ["CHECKS", "Known", "breach", "check_energies", "check_v2x"]

_VALUE_ADDED_FROM: Final = 64  # service ids of energy transfer lie below, internet and parking above


class Known(NamedTuple):
    """What a request is checked against."""

    agreed: Agreed | None
    services: tuple[ServiceID, ...]  # on offer with the protocol chosen
    shown: Mapping[tuple[int, int], Variant]  # (service, parameter set) that a ServiceDetailRes of this session carried
    energised: bool = False
    pause_notified: bool = False
    service_renegotiation: bool = False
    schedules: tuple[Schedule, ...] = ()  # offered in Scheduled mode
    tolerance_required: bool = False
    meter_info: MeterInfo | None = None  # as the last loop response carried it


def breach(code: ResponseCode, message: str) -> NoReturn:
    """Report what the peer did wrong."""
    raise RemoteProtocolError(message, response_code=code)


def check_energies(name: str, minimum_wh: float, target_wh: float, maximum_wh: float) -> None:
    """Energy requests are distances to bounds that lie in this order; NaN, not said, fits anywhere."""
    if minimum_wh > target_wh or target_wh > maximum_wh or minimum_wh > maximum_wh:
        breach(
            ResponseCode.FAILED,
            f"{name}: energy requests must satisfy minimum <= target <= maximum, "
            f"got {minimum_wh} Wh, {target_wh} Wh, {maximum_wh} Wh",
        )


def _service_detail(request: ServiceDetailReq, known: Known) -> None:
    if request.service_id not in known.services:
        breach(ResponseCode.FAILED_SERVICE_ID_INVALID, f"service {request.service_id} is not offered")


def _service_selection(request: ServiceSelectionReq, known: Known) -> None:
    """Only what was shown in this session can be selected."""
    selected = request.selected_energy_transfer_service
    pair = (selected.service_id, selected.parameter_set_id)
    if selected.service_id >= _VALUE_ADDED_FROM:
        breach(
            ResponseCode.FAILED_NO_ENERGY_TRANSFER_SERVICE_SELECTED,
            f"service {selected.service_id} transfers no energy",
        )
    if pair not in known.shown:
        breach(
            ResponseCode.FAILED_SERVICE_SELECTION_INVALID,
            f"service {pair[0]} with parameter set {pair[1]} was not offered",
        )
    if request.selected_vas_list is not None:
        breach(ResponseCode.FAILED_SERVICE_SELECTION_INVALID, "no value-added service was offered")


def _discovery(
    request: ACChargeParameterDiscoveryReq | DCChargeParameterDiscoveryReq,
    known: Known,
) -> None:
    assert known.agreed is not None
    service, mode, code = known.agreed.service, request.energy_transfer_mode, ResponseCode.FAILED_WRONG_CHARGE_PARAMETER
    if type(mode) is not service.discovery_request_mode:
        breach(code, f"{mode.wire_name} does not belong to {service.name}")
    unsound = _unsound(mode)
    if unsound:
        breach(code, unsound)


@read_once
def _unsound(mode: ComplexType) -> str:
    """What is wrong with the ratings of an EV, or nothing."""
    ratings = read_ev_ratings(mode)
    for name, maximum, minimum in zip(_RANGES, ratings[::2], ratings[1::2], strict=True):
        if not 0.0 <= minimum <= maximum:
            return f"{mode.wire_name}: {name} from {minimum} to {maximum} is no range"
    return ""


# Pairs of EVRatings, in its order.
_RANGES: Final = ("charge power", "discharge power", "charge current", "discharge current", "voltage")


def _schedule_exchange(request: ScheduleExchangeReq, known: Known) -> None:
    assert known.agreed is not None
    mode = request.control_mode
    control_mode = ControlMode.DYNAMIC if isinstance(mode, DynamicSEReqControlMode) else ControlMode.SCHEDULED
    if control_mode is not known.agreed.control_mode:
        agreed = known.agreed.control_mode.name.capitalize()
        breach(ResponseCode.FAILED, f"{mode.wire_name} in a session that agreed on {agreed} control mode")
    check_energies(
        mode.wire_name,
        _said(mode.ev_minimum_energy_request),
        _said(mode.ev_target_energy_request),
        _said(mode.ev_maximum_energy_request),
    )
    if not isinstance(mode, DynamicSEReqControlMode):
        return
    check_v2x(mode)
    if mode.minimum_soc is not None and mode.target_soc is not None and mode.minimum_soc > mode.target_soc:
        breach(ResponseCode.FAILED, f"MinimumSOC {mode.minimum_soc} lies above TargetSOC {mode.target_soc}")


def _said(value: RationalNumber | None) -> float:
    return math.nan if value is None else value.number


def check_v2x(mode: Any) -> None:
    """The V2X energy requests come both or not at all (V2G20-2681), the minimum not above the maximum."""
    if not hasattr(mode, "ev_maximum_v2x_energy_request"):
        return  # Scheduled mode has none
    maximum, minimum = mode.ev_maximum_v2x_energy_request, mode.ev_minimum_v2x_energy_request
    if (maximum is None) != (minimum is None):
        breach(ResponseCode.FAILED, f"{mode.wire_name}: one of the two V2X energy requests is missing")
    if maximum is not None and minimum.number > maximum.number:
        breach(
            ResponseCode.FAILED,
            f"{mode.wire_name}: V2X energy requests from {minimum.number} to {maximum.number} Wh are no range",
        )


def _power_delivery(request: PowerDeliveryReq, known: Known) -> None:
    """A power profile may be left out in Dynamic mode, and must keep an offered schedule in Scheduled mode."""
    assert known.agreed is not None
    profile, scheduled = request.ev_power_profile, known.agreed.control_mode is ControlMode.SCHEDULED
    if profile is not None and isinstance(profile.control_mode, DynamicEVPPTControlMode) is scheduled:
        found, agreed = ("Dynamic", "Scheduled") if scheduled else ("Scheduled", "Dynamic")
        breach(ResponseCode.FAILED_EV_POWER_PROFILE_INVALID, f"a {found} power profile in a {agreed} session")
    if request.charge_progress is ChargeProgress.START and scheduled:
        if profile is None:
            breach(ResponseCode.FAILED_EV_POWER_PROFILE_INVALID, "no power profile in a Scheduled session")
        _promise(read_profile(profile), known)


def _promise(promise: Profile, known: Known) -> None:
    """The profile belongs to an offered schedule, keeps it slot by slot, and takes its tolerance where it must."""
    schedule = next((offer for offer in known.schedules if offer.tuple_id == promise.tuple_id), None)
    if schedule is None:
        breach(ResponseCode.FAILED_SCHEDULE_SELECTION_INVALID, f"schedule {promise.tuple_id} was not offered")
    if known.tolerance_required and not math.isnan(schedule.tolerance_w) and not promise.tolerance_confirmed:
        breach(ResponseCode.FAILED_POWER_TOLERANCE_NOT_CONFIRMED, f"schedule {promise.tuple_id} demands its tolerance")
    over_w = excess_w(promise, schedule)
    if over_w > 0.0:
        breach(
            ResponseCode.FAILED_EV_POWER_PROFILE_VIOLATION,
            f"the power profile leaves schedule {promise.tuple_id} by {over_w:.0f} W",
        )


def _session_stop(request: SessionStopReq, known: Known) -> None:
    kind, agreed = request.charging_session, known.agreed
    if kind is ChargingSession.PAUSE:
        if known.energised:
            breach(ResponseCode.FAILED_PAUSE_NOT_ALLOWED, "no pause while power may flow")
        if agreed is None:
            breach(ResponseCode.FAILED_PAUSE_NOT_ALLOWED, "no pause before a service is selected")
        if agreed.control_mode is ControlMode.DYNAMIC and not known.pause_notified:  # V2G20-1195
            breach(ResponseCode.FAILED_PAUSE_NOT_ALLOWED, "in Dynamic mode only the station may start a pause")
    if kind is ChargingSession.SERVICE_RENEGOTIATION and not known.service_renegotiation:  # V2G20-1955
        breach(ResponseCode.FAILED_NO_SERVICE_RENEGOTIATION_SUPPORTED, "service renegotiation was not offered")


def _metering_confirmation(request: MeteringConfirmationReq, known: Known) -> None:
    """Only what a loop response showed can be confirmed (V2G20-1083, -1084), and as it was shown."""
    data = request.signed_metering_data
    if known.meter_info is None:
        breach(ResponseCode.FAILED_SEQUENCE_ERROR, f"{request.wire_name} before any MeterInfo")
    if data.session_id != request.header.session_id or data.meter_info != known.meter_info:
        breach(ResponseCode.FAILED_METERING_SIGNATURE_NOT_VALID, "the readings are not those that were shown")


CHECKS: Final[Mapping[type[ComplexType], Callable[[Any, Known], None]]] = {
    ServiceDetailReq: _service_detail,
    ServiceSelectionReq: _service_selection,
    ACChargeParameterDiscoveryReq: _discovery,
    DCChargeParameterDiscoveryReq: _discovery,
    ScheduleExchangeReq: _schedule_exchange,
    PowerDeliveryReq: _power_delivery,
    MeteringConfirmationReq: _metering_confirmation,
    SessionStopReq: _session_stop,
}
