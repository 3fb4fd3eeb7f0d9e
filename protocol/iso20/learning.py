"""What an EVCC takes from a response outside the loop: whether it fits, and what later requests depend on.

The functions are part of `EVCC`, written apart: they work on its state.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from protocol.iso20.ac import ACChargeParameterDiscoveryRes
from protocol.iso20.choosing import agree, bind, choose, may_rejoin, narrow
from protocol.iso20.codes import ControlMode, EVSENotification, Processing, ResponseCode
from protocol.iso20.common import (
    DynamicSEResControlMode,
    Response,
    ScheduledSEResControlMode,
    ScheduleExchangeRes,
    ServiceDetailReq,
    ServiceDetailRes,
    ServiceDiscoveryRes,
    ServiceSelectionRes,
    SessionSetupRes,
)
from protocol.iso20.dc import DCChargeParameterDiscoveryRes
from protocol.iso20.evcc_loop import settle
from protocol.iso20.needs import read_needs
from protocol.iso20.profiles import read_tuples
from protocol.iso20.ratings import read_evse_ratings
from protocol.iso20.services import read_variants
from protocol.iso20.session import EndReason
from protocol.iso20.wishes import Notification
from protocol.schema import ComplexType

if TYPE_CHECKING:
    from protocol.iso20.evcc import EVCC

__all__ = ["fault", "learn"]

_SCHEDULE_MODES: Final[Mapping[ControlMode, type[ComplexType]]] = {
    ControlMode.DYNAMIC: DynamicSEResControlMode,
    ControlMode.SCHEDULED: ScheduledSEResControlMode,
}


def fault(evcc: "EVCC", request: ComplexType, response: Response) -> tuple[EndReason, str] | None:
    """What is wrong with the content of a response: it answers something else, or not in the agreed variant."""
    if isinstance(response, ServiceDetailRes):
        assert isinstance(request, ServiceDetailReq)
        if response.service_id != request.service_id:
            return EndReason.WRONG_MESSAGE, f"details of service {response.service_id}, not {request.service_id}"
    mode: ComplexType | None = None
    wanted: type[ComplexType] | None = None
    if isinstance(response, SessionSetupRes):
        joined = response.response_code is ResponseCode.OK_OLD_SESSION_JOINED
        if joined and not may_rejoin(evcc):
            return EndReason.WRONG_MESSAGE, "an old session was joined that this EV did not ask for"
    elif isinstance(response, ScheduleExchangeRes):
        assert evcc.agreed is not None
        mode, wanted = response.control_mode, _SCHEDULE_MODES[evcc.agreed.control_mode]
    elif isinstance(response, (ACChargeParameterDiscoveryRes, DCChargeParameterDiscoveryRes)):
        assert evcc.agreed is not None
        mode, wanted = response.energy_transfer_mode, evcc.agreed.service.discovery_response_mode
    if mode is not None and type(mode) is not wanted:
        return EndReason.WRONG_CONTROL_MODE, f"{response.wire_name} with {mode.wire_name}"
    return None


def learn(evcc: "EVCC", response: Response, now_ns: int) -> None:
    """Keep what later requests depend on."""
    if isinstance(response, SessionSetupRes):
        _join(evcc, response)
    elif isinstance(response, ScheduleExchangeRes):
        _hear_schedule(evcc, response, now_ns)
    elif isinstance(response, ServiceDiscoveryRes):
        evcc.service_renegotiation = response.service_renegotiation_supported
        narrow(evcc, response)
    elif isinstance(response, ServiceDetailRes):
        choose(evcc, read_variants(response.service_parameter_list))
    elif isinstance(response, ServiceSelectionRes):
        agree(evcc)
    elif isinstance(response, (ACChargeParameterDiscoveryRes, DCChargeParameterDiscoveryRes)):
        evcc.evse_limits = read_evse_ratings(response.energy_transfer_mode)


def _join(evcc: "EVCC", response: SessionSetupRes) -> None:
    """The paused session is taken up again, or another one begins."""
    if response.response_code is ResponseCode.OK_OLD_SESSION_JOINED:
        assert evcc.paused is not None
        evcc.service_renegotiation = evcc.paused.service_renegotiation
        bind(evcc, evcc.paused.agreed)
    else:
        evcc.paused = None  # another id: everything old is void


def _hear_schedule(evcc: "EVCC", response: ScheduleExchangeRes, now_ns: int) -> None:
    """Schedules to choose from, or what the station settles; GoToPause is a notification."""
    mode = response.control_mode
    if isinstance(mode, DynamicSEResControlMode):
        if evcc._terms.reads_needs:  # under MobilityNeedsMode 1 the needs are the EV's own, whatever a station says
            settle(evcc, read_needs(mode), now_ns)
    elif response.evse_processing is Processing.FINISHED:
        evcc.schedules = read_tuples(mode.schedule_tuple)
    if response.go_to_pause:
        evcc.notification = Notification(EVSENotification.PAUSE, now_ns)
