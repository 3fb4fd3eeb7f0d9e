"""What the EVCC says in the charge loop: each request as a function of values.

The functions are written out, variant by variant, as they run a million times. Taking the offer apart once costs a
third of naming its fields one by one; the makers know the order of the elements, and round numbers to the wire.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from protocol.iso20 import phases
from protocol.iso20.ac import (
    ACChargeLoopReq,
    BPTDynamicACCLReqControlMode,
    DynamicACCLReqControlMode,
)
from protocol.iso20.common import (
    Header,
)
from protocol.iso20.dc import (
    BPTDynamicDCCLReqControlMode,
    DCChargeLoopReq,
    DynamicDCCLReqControlMode,
)
from protocol.iso20.requests import Offer, departure_time
from protocol.schema import ComplexType, changer, maker

__all__ = ["AGAIN", "DEPARTING", "LOOP_REQUESTS", "Again", "Departing", "LoopRequest"]

_NEEDS: Final = (
    "departure_time",
    "ev_target_energy_request",
    "ev_maximum_energy_request",
    "ev_minimum_energy_request",
    "ev_maximum_charge_power",
    "ev_minimum_charge_power",
)
_AC: Final = ("ev_present_active_power", "ev_present_reactive_power")
_DC: Final = ("ev_maximum_charge_current", "ev_maximum_voltage", "ev_minimum_voltage")
_DISCHARGE: Final = ("ev_maximum_discharge_power", "ev_minimum_discharge_power")
_V2X: Final = ("ev_maximum_v2x_energy_request", "ev_minimum_v2x_energy_request")

_AC_MODE: Final = (DynamicACCLReqControlMode, *_NEEDS, *_AC)
_BPT_AC_MODE: Final = (BPTDynamicACCLReqControlMode, *_NEEDS, *_AC, *_DISCHARGE, *_V2X)
_DC_MODE: Final = (DynamicDCCLReqControlMode, *_NEEDS, *_DC)
_BPT_DC_MODE: Final = (
    BPTDynamicDCCLReqControlMode, *_NEEDS, *_DC, *_DISCHARGE, "ev_maximum_discharge_current", *_V2X,
)  # fmt: skip
_ac_request: Final = maker(ACChargeLoopReq, "header", "meter_info_requested", control_mode=_AC_MODE)
_bpt_ac_request: Final = maker(ACChargeLoopReq, "header", "meter_info_requested", control_mode=_BPT_AC_MODE)
_DC_REQUEST: Final = ("header", "meter_info_requested", "ev_present_voltage")
_dc_request: Final = maker(DCChargeLoopReq, *_DC_REQUEST, control_mode=_DC_MODE)
_bpt_dc_request: Final = maker(DCChargeLoopReq, *_DC_REQUEST, control_mode=_BPT_DC_MODE)


def ac_loop(header: Header, offer: Offer, meter_info: bool, sign: float, per_phase: bool) -> ACChargeLoopReq:
    """Needs, limits and present power of an EV that charges from AC; `sign` is not used."""
    (
        departure_s, target_wh, maximum_wh, minimum_wh, _, _,
        charge_w, least_w, _, _, _, _, _, _, active_w, var, _, _, _,
    ) = offer  # fmt: skip
    request = _ac_request(
        header,
        meter_info,
        departure_time(departure_s),
        target_wh,
        maximum_wh,
        minimum_wh,
        charge_w,
        least_w,
        active_w,
        var,
    )
    return _by_phase(request) if per_phase else request


def bpt_ac_loop(header: Header, offer: Offer, meter_info: bool, sign: float, per_phase: bool) -> ACChargeLoopReq:
    """The same with discharge; `sign` is that of the discharge limits on the wire."""
    (
        departure_s, target_wh, maximum_wh, minimum_wh, high_wh, low_wh,
        charge_w, least_w, discharge_w, least_discharge_w,
        _, _, _, _, active_w, var, _, _, _,
    ) = offer  # fmt: skip
    v2x = high_wh == high_wh  # both or none (V2G20-2681); NaN in one alone is refused
    request = _bpt_ac_request(
        header,
        meter_info,
        departure_time(departure_s),
        target_wh,
        maximum_wh,
        minimum_wh,
        charge_w,
        least_w,
        active_w,
        var,
        sign * discharge_w,
        sign * least_discharge_w,
        high_wh if v2x else None,
        low_wh if v2x else None,
    )
    return _by_phase(request) if per_phase else request


def _by_phase(request: ACChargeLoopReq) -> ACChargeLoopReq:
    """The same request, its powers spread over three phases."""
    return ACChargeLoopReq(
        header=request.header,
        meter_info_requested=request.meter_info_requested,
        control_mode=phases.split(request.control_mode),
    )


def dc_loop(header: Header, offer: Offer, meter_info: bool, sign: float, per_phase: bool) -> DCChargeLoopReq:
    """Needs, limits and present voltage of an EV that charges from DC; `sign` and `per_phase` are not used."""
    (
        departure_s, target_wh, maximum_wh, minimum_wh, _, _,
        charge_w, least_w, _, _, charge_a, _, maximum_v, minimum_v, _, _, present_v, _, _,
    ) = offer  # fmt: skip
    return _dc_request(
        header,
        meter_info,
        present_v,
        departure_time(departure_s),
        target_wh,
        maximum_wh,
        minimum_wh,
        charge_w,
        least_w,
        charge_a,
        maximum_v,
        minimum_v,
    )


def bpt_dc_loop(header: Header, offer: Offer, meter_info: bool, sign: float, per_phase: bool) -> DCChargeLoopReq:
    """The same with discharge; `sign` is that of the discharge limits on the wire."""
    (
        departure_s, target_wh, maximum_wh, minimum_wh, high_wh, low_wh,
        charge_w, least_w, discharge_w, least_discharge_w,
        charge_a, discharge_a, maximum_v, minimum_v, _, _, present_v, _, _,
    ) = offer  # fmt: skip
    v2x = high_wh == high_wh  # both or none (V2G20-2681); NaN in one alone is refused
    return _bpt_dc_request(
        header,
        meter_info,
        present_v,
        departure_time(departure_s),
        target_wh,
        maximum_wh,
        minimum_wh,
        charge_w,
        least_w,
        charge_a,
        maximum_v,
        minimum_v,
        sign * discharge_w,
        sign * least_discharge_w,
        sign * discharge_a,
        high_wh if v2x else None,
        low_wh if v2x else None,
    )


LoopRequest = Callable[[Header, Offer, bool, float, bool], ComplexType]

LOOP_REQUESTS: Final[Mapping[type[ComplexType], LoopRequest]] = {
    DynamicACCLReqControlMode: ac_loop,
    BPTDynamicACCLReqControlMode: bpt_ac_loop,
    DynamicDCCLReqControlMode: dc_loop,
    BPTDynamicDCCLReqControlMode: bpt_dc_loop,
}

# The same request once more, where all it says still holds, but for its header and perhaps the time to departure.
Again = Callable[[Any, Header, Any], ComplexType]
Departing = Callable[[Any, int | None], ComplexType]

AGAIN: Final[Mapping[type[ComplexType], Again]] = {
    request: changer(request, "header", "control_mode") for request in (ACChargeLoopReq, DCChargeLoopReq)
}
DEPARTING: Final[Mapping[type[ComplexType], Departing]] = {
    mode: changer(mode, "departure_time") for mode in LOOP_REQUESTS
}
