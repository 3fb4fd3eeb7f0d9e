"""What a SECC does with a request outside the loop: check it, and keep what it says.

The functions are part of `SECC`, written apart: they work on its state. The checks are those of `checks.py`, in the
order that the standard demands: session id, sequence, then what was agreed and the values.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from protocol.iso20.ac import ACChargeParameterDiscoveryReq
from protocol.iso20.answers import namespaces, negotiate, offered
from protocol.iso20.budgets import SECC_BUDGETS
from protocol.iso20.checks import CHECKS, Known, breach
from protocol.iso20.codes import ResponseCode
from protocol.iso20.common import ScheduleExchangeReq, SessionSetupReq, SupportedAppProtocolReq
from protocol.iso20.dc import DCChargeParameterDiscoveryReq, DCPreChargeReq
from protocol.iso20.ratings import read_ev_ratings, single_phase, split_phases
from protocol.iso20.said import hear_pre_charge, hear_ratings, hear_schedule
from protocol.iso20.sequence import RESPONSES, next_state
from protocol.schema import ComplexType

if TYPE_CHECKING:
    from protocol.iso20.secc import SECC

__all__ = ["hear"]


class _Row(NamedTuple):
    """How requests of one class are heard."""

    in_session: bool  # they carry the id of an established session
    check: Callable[[Any, Known], None] | None
    keep: Callable[["SECC", Any, int], None] | None


def hear(secc: "SECC", request: Any, now_ns: int) -> None:
    """Check any request but an ordinary turn of the loop, and keep what it says; raises RemoteProtocolError.

    Keeps as well the state that follows once the request is answered.
    """
    in_session, check_content, keep = _ROWS[request.__class__]
    if in_session and request.header.session_id != secc.session_id:
        secc._foreign(request)  # V2G20-460; zero is as foreign as any other
    if secc.pending is not None:
        breach(ResponseCode.FAILED_SEQUENCE_ERROR, f"{secc.pending.wire_name} has not been answered yet")
    secc._next_state = next_state(secc._table, secc.state, request)
    if check_content is not None:
        check_content(request, _known(secc))
    if secc._ongoing_until_ns is None and secc.state in SECC_BUDGETS:
        secc._ongoing_until_ns = now_ns + getattr(secc.timers, SECC_BUDGETS[secc.state])
    if keep is not None:
        keep(secc, request, now_ns)


def _known(secc: "SECC") -> Known:
    """What a request is checked against."""
    return Known(
        secc.agreed,
        offered(secc.settings.services, secc.namespace),
        secc._shown,
        secc.energised,
        secc.pause_notified,
        secc.service_renegotiation,
        secc.schedules,
        secc.settings.tolerance_required,
        secc.meter_info,
    )


def _hear_protocols(secc: "SECC", request: SupportedAppProtocolReq, now_ns: int) -> None:
    secc._app_protocol, secc.namespace = negotiate(request.app_protocol, namespaces(secc.settings.services))
    if not secc.namespace:
        breach(ResponseCode.FAILED, "none of the EV's protocols is spoken here")


def _hear_evcc(secc: "SECC", request: SessionSetupReq, now_ns: int) -> None:
    """Who it is, and whether it may take up the paused session: its id is not enough, it is sent in the clear."""
    secc.evcc_id = request.evccid
    paused = secc.paused
    secc.joins = (
        paused is not None
        and request.header.session_id == paused.session_id
        and request.evccid == paused.evcc_id
        and paused.agreed.service.namespace == secc.namespace
    )


def _hear_ratings(secc: "SECC", request: Any, now_ns: int) -> None:  # AC or DC
    """How the EV is built, and whether it states its phases one by one."""
    assert secc.agreed is not None
    mode = request.energy_transfer_mode
    if split_phases(mode) or secc.agreed.per_phase:
        secc._bind(secc.agreed._replace(per_phase=split_phases(mode), single_phase=single_phase(mode)))
    hear_ratings(secc.said, read_ev_ratings(mode), secc.agreed.service.is_dc, now_ns)


def _hear_schedule(secc: "SECC", request: ScheduleExchangeReq, now_ns: int) -> None:
    hear_schedule(secc.said, request, secc._terms.is_bpt, now_ns)


def _hear_pre_charge(secc: "SECC", request: DCPreChargeReq, now_ns: int) -> None:
    hear_pre_charge(secc.said, request, now_ns)


_HEARD: Final[Mapping[type[ComplexType], Callable[["SECC", Any, int], None]]] = {
    SupportedAppProtocolReq: _hear_protocols,
    SessionSetupReq: _hear_evcc,
    ACChargeParameterDiscoveryReq: _hear_ratings,
    DCChargeParameterDiscoveryReq: _hear_ratings,
    ScheduleExchangeReq: _hear_schedule,
    DCPreChargeReq: _hear_pre_charge,
}

_ROWS: Final[Mapping[type[ComplexType], _Row]] = {
    kind: _Row(kind not in (SupportedAppProtocolReq, SessionSetupReq), CHECKS.get(kind), _HEARD.get(kind))
    for kind in RESPONSES
}
