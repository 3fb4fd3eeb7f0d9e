"""What an EVCC takes from a response outside the loop: whether it fits, and what later requests depend on.

Both are rows of a table, by the class of the response; most responses have nothing to compare and nothing to keep. The
functions are part of `EVCC`, written apart: they work on its state.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from protocol.iso20.ac import ACChargeParameterDiscoveryRes
from protocol.iso20.choosing import agree, bind, choose, may_rejoin, narrow
from protocol.iso20.codes import ControlMode, EVSENotification, Processing, ResponseCode
from protocol.iso20.common import (
    DynamicSEResControlMode,
    Response,
    ScheduledSEResControlMode,
    ScheduleExchangeRes,
    ServiceDetailRes,
    ServiceDiscoveryRes,
    ServiceSelectionRes,
    SessionSetupRes,
)
from protocol.iso20.dc import DCChargeParameterDiscoveryRes
from protocol.iso20.evcc_loop import settle
from protocol.iso20.needs import read_needs
from protocol.iso20.polling import POLLED
from protocol.iso20.profiles import read_tuples
from protocol.iso20.ratings import read_evse_ratings
from protocol.iso20.sequence import RESPONSES
from protocol.iso20.services import read_variants
from protocol.iso20.session import EndReason
from protocol.iso20.wishes import Notification
from protocol.schema import ComplexType

if TYPE_CHECKING:
    from protocol.iso20.evcc import EVCC

__all__ = ["READ", "Reading"]

_JOINED: Final = ResponseCode.OK_OLD_SESSION_JOINED  # a member costs 70 ns when it is looked up in its class
_SCHEDULE_MODES: Final[Mapping[ControlMode, type[ComplexType]]] = {
    ControlMode.DYNAMIC: DynamicSEResControlMode,
    ControlMode.SCHEDULED: ScheduledSEResControlMode,
}

# --- what is wrong with it --------------------------------------------------------------------------------------------

Wrong = tuple[EndReason, str] | None


def _another_service(evcc: "EVCC", request: Any, response: Any) -> Wrong:
    if response.service_id != request.service_id:
        return EndReason.WRONG_MESSAGE, f"details of service {response.service_id}, not {request.service_id}"
    return None


def _another_session(evcc: "EVCC", request: Any, response: Any) -> Wrong:
    if response.response_code is _JOINED and not may_rejoin(evcc):
        return EndReason.WRONG_MESSAGE, "an old session was joined that this EV did not ask for"
    return None


def _another_schedule_mode(evcc: "EVCC", request: Any, response: Any) -> Wrong:
    assert evcc.agreed is not None
    return _another_mode(response, response.control_mode, _SCHEDULE_MODES[evcc.agreed.control_mode])


def _another_energy_mode(evcc: "EVCC", request: Any, response: Any) -> Wrong:
    assert evcc.agreed is not None
    return _another_mode(response, response.energy_transfer_mode, evcc.agreed.service.discovery_response_mode)


def _another_mode(response: Response, mode: ComplexType, wanted: type[ComplexType]) -> Wrong:
    if mode.__class__ is not wanted:
        return EndReason.WRONG_CONTROL_MODE, f"{response.wire_name} with {mode.wire_name}"
    return None


# What is wrong with a response that has come in its order; None if it fits.
_FAULTS: Final[Mapping[type[ComplexType], Callable[["EVCC", Any, Any], Wrong]]] = {
    SessionSetupRes: _another_session,
    ServiceDetailRes: _another_service,
    ACChargeParameterDiscoveryRes: _another_energy_mode,
    DCChargeParameterDiscoveryRes: _another_energy_mode,
    ScheduleExchangeRes: _another_schedule_mode,
}


# --- what is kept -----------------------------------------------------------------------------------------------------


def _join(evcc: "EVCC", response: SessionSetupRes, now_ns: int) -> None:
    """The paused session is taken up again, or another one begins."""
    if response.response_code is _JOINED:
        assert evcc.paused is not None
        evcc.service_renegotiation = evcc.paused.service_renegotiation
        bind(evcc, evcc.paused.agreed)
    else:
        evcc.paused = None  # another id: everything old is void


def _hear_services(evcc: "EVCC", response: ServiceDiscoveryRes, now_ns: int) -> None:
    evcc.service_renegotiation = response.service_renegotiation_supported
    narrow(evcc, response)


def _hear_variants(evcc: "EVCC", response: ServiceDetailRes, now_ns: int) -> None:
    choose(evcc, read_variants(response.service_parameter_list))


def _selected(evcc: "EVCC", response: ServiceSelectionRes, now_ns: int) -> None:
    agree(evcc)


def _hear_ratings(evcc: "EVCC", response: Any, now_ns: int) -> None:  # AC or DC
    evcc.evse_limits = read_evse_ratings(response.energy_transfer_mode)


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


# What a response says that later requests depend on.
_LESSONS: Final[Mapping[type[ComplexType], Callable[["EVCC", Any, int], None]]] = {
    SessionSetupRes: _join,
    ServiceDiscoveryRes: _hear_services,
    ServiceDetailRes: _hear_variants,
    ServiceSelectionRes: _selected,
    ACChargeParameterDiscoveryRes: _hear_ratings,
    DCChargeParameterDiscoveryRes: _hear_ratings,
    ScheduleExchangeRes: _hear_schedule,
}


class Reading(NamedTuple):
    """How responses of one class are read."""

    find_fault: Callable[["EVCC", Any, Any], Wrong] | None
    keep: Callable[["EVCC", Any, int], None] | None
    is_polled: bool  # the phase may take more than one exchange


READ: Final[Mapping[type[ComplexType], Reading]] = {
    response: Reading(_FAULTS.get(response), _LESSONS.get(response), request in POLLED)
    for request, response in RESPONSES.items()
}
