"""What a SECC does with a request outside the loop: check it, and keep what it says.

The functions are part of `SECC`, written apart: they work on its state. The checks are those of `checks.py`, in the
order that the standard demands: session id, sequence, then what was agreed and the values.
"""

from typing import TYPE_CHECKING

from protocol.iso20.ac import ACChargeParameterDiscoveryReq
from protocol.iso20.answers import negotiate, offered
from protocol.iso20.budgets import SECC_BUDGETS
from protocol.iso20.checks import CHECKS, Known, breach
from protocol.iso20.codes import ResponseCode
from protocol.iso20.common import Request, ScheduleExchangeReq, SessionSetupReq, SupportedAppProtocolReq
from protocol.iso20.dc import DCChargeParameterDiscoveryReq, DCPreChargeReq
from protocol.iso20.ratings import read_ev_ratings, single_phase, split_phases
from protocol.iso20.said import hear_pre_charge, hear_ratings, hear_schedule
from protocol.iso20.sequence import next_state
from protocol.iso20.services import SERVICES
from protocol.schema import ComplexType

if TYPE_CHECKING:
    from protocol.iso20.secc import SECC

__all__ = ["check", "hear"]


def check(secc: "SECC", request: ComplexType) -> None:
    """The checks of any request but an ordinary turn of the loop; raises RemoteProtocolError."""
    if (
        isinstance(request, Request)
        and not isinstance(request, SessionSetupReq)
        and request.header.session_id != secc.session_id  # V2G20-460; zero is as foreign as any other
    ):
        secc._foreign(request)
    if secc.pending is not None:
        breach(ResponseCode.FAILED_SEQUENCE_ERROR, f"{secc.pending.wire_name} has not been answered yet")
    next_state(secc._table, secc.state, request)
    check_content = CHECKS.get(type(request))
    if check_content is not None:
        check_content(request, _known(secc))


def _known(secc: "SECC") -> Known:
    """What a request is checked against."""
    return Known(
        agreed=secc.agreed,
        services=offered(secc.settings.services, secc._namespace),
        shown=secc._shown,
        energised=secc.energised,
        pause_notified=secc.pause_notified,
        service_renegotiation=secc.service_renegotiation,
        schedules=secc.schedules,
        tolerance_required=secc.settings.tolerance_required,
        meter_info=secc.meter_info,
    )


def hear(secc: "SECC", request: ComplexType, now_ns: int) -> None:
    """Keep what an accepted request says."""
    if secc.state in SECC_BUDGETS and secc._ongoing_until_ns is None:
        secc._ongoing_until_ns = now_ns + getattr(secc.timers, SECC_BUDGETS[secc.state])
    if isinstance(request, SupportedAppProtocolReq):
        namespaces = {SERVICES[service_id].namespace for service_id in secc.settings.services}
        secc._app_protocol, secc._namespace = negotiate(request.app_protocol, namespaces)
        if not secc._namespace:
            breach(ResponseCode.FAILED, "none of the EV's protocols is spoken here")
    elif isinstance(request, SessionSetupReq):
        secc.evcc_id = request.evccid
        secc._joins = _knows(secc, request)
    elif isinstance(request, (ACChargeParameterDiscoveryReq, DCChargeParameterDiscoveryReq)):
        assert secc.agreed is not None
        mode = request.energy_transfer_mode
        secc._bind(secc.agreed._replace(per_phase=split_phases(mode), single_phase=single_phase(mode)))
        hear_ratings(secc.said, read_ev_ratings(mode), secc.agreed.service.is_dc, now_ns)
    elif isinstance(request, ScheduleExchangeReq):
        hear_schedule(secc.said, request, secc._terms.is_bpt, now_ns)
    elif isinstance(request, DCPreChargeReq):
        hear_pre_charge(secc.said, request, now_ns)


def _knows(secc: "SECC", request: SessionSetupReq) -> bool:
    """Whether this EV may take up the paused session: its id is not enough, it is sent in the clear."""
    paused = secc.paused
    return (
        paused is not None
        and request.header.session_id == paused.session_id
        and request.evccid == paused.evcc_id
        and paused.agreed.service.namespace == secc._namespace
    )
