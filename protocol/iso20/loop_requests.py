"""What the EVCC says in the charge loop: each request as a function of values.

The functions are written out, variant by variant, as they run a million times.
"""

from collections.abc import Callable, Mapping
from typing import Final

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
from protocol.schema import ComplexType
from protocol.values import rational

__all__ = ["LOOP_REQUESTS", "LoopRequest"]


def ac_loop(header: Header, offer: Offer, meter_info: bool, sign: float, per_phase: bool) -> ACChargeLoopReq:
    """Needs, limits and present power of an EV that charges from AC; `sign` is not used."""
    mode = DynamicACCLReqControlMode(
        departure_time=departure_time(offer.departure_s),
        ev_target_energy_request=rational(offer.target_energy_wh),
        ev_maximum_energy_request=rational(offer.maximum_energy_wh),
        ev_minimum_energy_request=rational(offer.minimum_energy_wh),
        ev_maximum_charge_power=rational(offer.maximum_charge_w),
        ev_minimum_charge_power=rational(offer.minimum_charge_w),
        ev_present_active_power=rational(offer.present_active_w),
        ev_present_reactive_power=rational(offer.present_reactive_var),
    )
    if per_phase:
        mode = phases.split(mode)
    return ACChargeLoopReq(header=header, meter_info_requested=meter_info, control_mode=mode)


def bpt_ac_loop(header: Header, offer: Offer, meter_info: bool, sign: float, per_phase: bool) -> ACChargeLoopReq:
    """The same with discharge; `sign` is that of the discharge limits on the wire."""
    maximum_v2x_energy_wh = offer.maximum_v2x_energy_wh
    v2x = maximum_v2x_energy_wh == maximum_v2x_energy_wh  # both or none (V2G20-2681); NaN in one alone is refused
    mode = BPTDynamicACCLReqControlMode(
        departure_time=departure_time(offer.departure_s),
        ev_target_energy_request=rational(offer.target_energy_wh),
        ev_maximum_energy_request=rational(offer.maximum_energy_wh),
        ev_minimum_energy_request=rational(offer.minimum_energy_wh),
        ev_maximum_charge_power=rational(offer.maximum_charge_w),
        ev_minimum_charge_power=rational(offer.minimum_charge_w),
        ev_present_active_power=rational(offer.present_active_w),
        ev_present_reactive_power=rational(offer.present_reactive_var),
        ev_maximum_discharge_power=rational(sign * offer.maximum_discharge_w),
        ev_minimum_discharge_power=rational(sign * offer.minimum_discharge_w),
        ev_maximum_v2x_energy_request=rational(maximum_v2x_energy_wh) if v2x else None,
        ev_minimum_v2x_energy_request=rational(offer.minimum_v2x_energy_wh) if v2x else None,
    )
    if per_phase:
        mode = phases.split(mode)
    return ACChargeLoopReq(header=header, meter_info_requested=meter_info, control_mode=mode)


def dc_loop(header: Header, offer: Offer, meter_info: bool, sign: float, per_phase: bool) -> DCChargeLoopReq:
    """Needs, limits and present voltage of an EV that charges from DC; `sign` and `per_phase` are not used."""
    return DCChargeLoopReq(
        header=header,
        meter_info_requested=meter_info,
        ev_present_voltage=rational(offer.present_v),
        control_mode=DynamicDCCLReqControlMode(
            departure_time=departure_time(offer.departure_s),
            ev_target_energy_request=rational(offer.target_energy_wh),
            ev_maximum_energy_request=rational(offer.maximum_energy_wh),
            ev_minimum_energy_request=rational(offer.minimum_energy_wh),
            ev_maximum_charge_power=rational(offer.maximum_charge_w),
            ev_minimum_charge_power=rational(offer.minimum_charge_w),
            ev_maximum_charge_current=rational(offer.maximum_charge_a),
            ev_maximum_voltage=rational(offer.maximum_v),
            ev_minimum_voltage=rational(offer.minimum_v),
        ),
    )


def bpt_dc_loop(header: Header, offer: Offer, meter_info: bool, sign: float, per_phase: bool) -> DCChargeLoopReq:
    """The same with discharge; `sign` is that of the discharge limits on the wire."""
    maximum_v2x_energy_wh = offer.maximum_v2x_energy_wh
    v2x = maximum_v2x_energy_wh == maximum_v2x_energy_wh  # both or none (V2G20-2681); NaN in one alone is refused
    return DCChargeLoopReq(
        header=header,
        meter_info_requested=meter_info,
        ev_present_voltage=rational(offer.present_v),
        control_mode=BPTDynamicDCCLReqControlMode(
            departure_time=departure_time(offer.departure_s),
            ev_target_energy_request=rational(offer.target_energy_wh),
            ev_maximum_energy_request=rational(offer.maximum_energy_wh),
            ev_minimum_energy_request=rational(offer.minimum_energy_wh),
            ev_maximum_charge_power=rational(offer.maximum_charge_w),
            ev_minimum_charge_power=rational(offer.minimum_charge_w),
            ev_maximum_charge_current=rational(offer.maximum_charge_a),
            ev_maximum_voltage=rational(offer.maximum_v),
            ev_minimum_voltage=rational(offer.minimum_v),
            ev_maximum_discharge_power=rational(sign * offer.maximum_discharge_w),
            ev_minimum_discharge_power=rational(sign * offer.minimum_discharge_w),
            ev_maximum_discharge_current=rational(sign * offer.maximum_discharge_a),
            ev_maximum_v2x_energy_request=rational(maximum_v2x_energy_wh) if v2x else None,
            ev_minimum_v2x_energy_request=rational(offer.minimum_v2x_energy_wh) if v2x else None,
        ),
    )


LoopRequest = Callable[[Header, Offer, bool, float, bool], ComplexType]

LOOP_REQUESTS: Final[Mapping[type[ComplexType], LoopRequest]] = {
    DynamicACCLReqControlMode: ac_loop,
    BPTDynamicACCLReqControlMode: bpt_ac_loop,
    DynamicDCCLReqControlMode: dc_loop,
    BPTDynamicDCCLReqControlMode: bpt_dc_loop,
}
