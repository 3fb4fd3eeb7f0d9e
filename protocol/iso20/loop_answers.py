"""What the SECC says in the charge loop: each response as a function of values.

The functions are written out, variant by variant, as they run a million times.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

from protocol.iso20 import phases
from protocol.iso20.ac import (
    ACChargeLoopRes,
    BPTDynamicACCLReqControlMode,
    BPTDynamicACCLResControlMode,
    DynamicACCLReqControlMode,
    DynamicACCLResControlMode,
)
from protocol.iso20.answers import Answer, SECCSettings, evse_status, response_code
from protocol.iso20.codes import ResponseCode
from protocol.iso20.common import Header
from protocol.iso20.dc import (
    BPTDynamicDCCLReqControlMode,
    BPTDynamicDCCLResControlMode,
    DCChargeLoopRes,
    DynamicDCCLReqControlMode,
    DynamicDCCLResControlMode,
)
from protocol.iso20.loop import MeterInfo
from protocol.iso20.ratings import EVSERatings
from protocol.schema import ComplexType, maker
from protocol.values import rational

__all__ = [
    "AC_TURNS",
    "DC_LIMITS",
    "LOOP_ANSWERS",
    "AcTurn",
    "DcLimits",
    "LoopAnswer",
    "dc_turn",
    "meter_info",
]

_OK: Final = ResponseCode.OK  # looking it up in its class takes 70 ns

_SAID: Final = ("header", "response_code", "evse_status", "meter_info")
_AC_POWER: Final = ("evse_target_active_power", "evse_present_active_power")
_DC_PRESENT: Final = (
    "evse_present_current",
    "evse_present_voltage",
    "evse_power_limit_achieved",
    "evse_current_limit_achieved",
    "evse_voltage_limit_achieved",
)

_ac_mode: Final = maker(DynamicACCLResControlMode, *_AC_POWER)
_bpt_ac_mode: Final = maker(BPTDynamicACCLResControlMode, *_AC_POWER)
_ac_response: Final = maker(ACChargeLoopRes, *_SAID, "control_mode")
_dc_response: Final = maker(DCChargeLoopRes, *_SAID, *_DC_PRESENT, "control_mode")


def charging_w(target_w: float, ratings: EVSERatings) -> float:
    """The setpoint of an EV that only charges, clamped to the rating."""
    most_w = ratings.maximum_charge_w
    return 0.0 if target_w < 0.0 else target_w if target_w < most_w else most_w


def rated_w(target_w: float, ratings: EVSERatings) -> float:
    """The setpoint, negative to discharge, clamped to the ratings."""
    if target_w < 0.0:
        least_w = -ratings.maximum_discharge_w
        return target_w if target_w > least_w else least_w
    most_w = ratings.maximum_charge_w
    return target_w if target_w < most_w else most_w


def ac_loop(
    header: Header, answer: Answer, ratings: EVSERatings, meter: MeterInfo | None, sign: float, per_phase: bool
) -> ACChargeLoopRes:
    """The setpoint and the power measured, for an EV that only charges."""
    mode = _ac_mode(charging_w(answer.target_w, ratings), answer.present_w)
    return _ac_response(
        header, response_code(answer), evse_status(answer), meter, phases.split(mode) if per_phase else mode
    )


def bpt_ac_loop(
    header: Header, answer: Answer, ratings: EVSERatings, meter: MeterInfo | None, sign: float, per_phase: bool
) -> ACChargeLoopRes:
    """The same in both directions."""
    mode = _bpt_ac_mode(rated_w(answer.target_w, ratings), answer.present_w)
    return _ac_response(
        header, response_code(answer), evse_status(answer), meter, phases.split(mode) if per_phase else mode
    )


def dc_loop(
    header: Header, answer: Answer, ratings: EVSERatings, meter: MeterInfo | None, sign: float, per_phase: bool
) -> DCChargeLoopRes:
    """Present values and the limits of the moment, for an EV that only charges."""
    return _dc_response(
        header,
        response_code(answer),
        evse_status(answer),
        meter,
        answer.present_a,
        answer.present_v,
        answer.power_limit_achieved,
        answer.current_limit_achieved,
        answer.voltage_limit_achieved,
        dc_limits(answer[_LIMITS], ratings, sign),
    )


def bpt_dc_loop(
    header: Header, answer: Answer, ratings: EVSERatings, meter: MeterInfo | None, sign: float, per_phase: bool
) -> DCChargeLoopRes:
    """The same in both directions; `sign` is that of the discharge limits on the wire."""
    return _dc_response(
        header,
        response_code(answer),
        evse_status(answer),
        meter,
        answer.present_a,
        answer.present_v,
        answer.power_limit_achieved,
        answer.current_limit_achieved,
        answer.voltage_limit_achieved,
        bpt_dc_limits(answer[_LIMITS], ratings, sign),
    )


# The limits within an Answer. They change seldom, so the control mode that carries them is made once and shared.
_FIRST_LIMIT: Final = Answer._fields.index("maximum_charge_w")
_LIMITS: Final = slice(_FIRST_LIMIT, Answer._fields.index("minimum_v") + 1)


@lru_cache(maxsize=4096)
def dc_limits(limits: tuple[float, ...], ratings: EVSERatings, sign: float) -> DynamicDCCLResControlMode:
    charge_w, least_w, _, _, charge_a, _, maximum_v, _ = limits
    return DynamicDCCLResControlMode(
        evse_maximum_charge_power=rational(_lower(charge_w, ratings.maximum_charge_w)),
        evse_minimum_charge_power=rational(_lower(least_w, ratings.maximum_charge_w)),
        evse_maximum_charge_current=rational(_lower(charge_a, ratings.maximum_charge_a)),
        evse_maximum_voltage=rational(_lower(maximum_v, ratings.maximum_v)),
    )


@lru_cache(maxsize=4096)
def bpt_dc_limits(limits: tuple[float, ...], ratings: EVSERatings, sign: float) -> BPTDynamicDCCLResControlMode:
    charge_w, least_w, discharge_w, least_discharge_w, charge_a, discharge_a, maximum_v, minimum_v = limits
    return BPTDynamicDCCLResControlMode(
        evse_maximum_charge_power=rational(_lower(charge_w, ratings.maximum_charge_w)),
        evse_minimum_charge_power=rational(_lower(least_w, ratings.maximum_charge_w)),
        evse_maximum_charge_current=rational(_lower(charge_a, ratings.maximum_charge_a)),
        evse_maximum_voltage=rational(_lower(maximum_v, ratings.maximum_v)),
        evse_maximum_discharge_power=rational(sign * _lower(discharge_w, ratings.maximum_discharge_w)),
        evse_minimum_discharge_power=rational(sign * _lower(least_discharge_w, ratings.maximum_discharge_w)),
        evse_maximum_discharge_current=rational(sign * _lower(discharge_a, ratings.maximum_discharge_a)),
        evse_minimum_voltage=rational(minimum_v if minimum_v > ratings.minimum_v else ratings.minimum_v),
    )


LoopAnswer = Callable[[Header, Answer, EVSERatings, MeterInfo | None, float, bool], ACChargeLoopRes | DCChargeLoopRes]

LOOP_ANSWERS: Final[Mapping[type[ComplexType], LoopAnswer]] = {
    DynamicACCLReqControlMode: ac_loop,
    BPTDynamicACCLReqControlMode: bpt_ac_loop,
    DynamicDCCLReqControlMode: dc_loop,
    BPTDynamicDCCLReqControlMode: bpt_dc_loop,
}


# An ordinary turn says OK and nothing beside the loop's own numbers: it needs no Answer to be read from.
AcTurn = Callable[[Header, float, float, EVSERatings], ACChargeLoopRes]
DcLimits = Callable[[tuple[float, ...], EVSERatings, float], DynamicDCCLResControlMode]

_ORDINARY: Final = ("header", "response_code")
_ac_turn: Final = maker(ACChargeLoopRes, *_ORDINARY, control_mode=(DynamicACCLResControlMode, *_AC_POWER))
_bpt_ac_turn: Final = maker(ACChargeLoopRes, *_ORDINARY, control_mode=(BPTDynamicACCLResControlMode, *_AC_POWER))
_dc_turn: Final = maker(DCChargeLoopRes, *_ORDINARY, *_DC_PRESENT, "control_mode")


def ac_turn(header: Header, target_w: float, present_w: float, ratings: EVSERatings) -> ACChargeLoopRes:
    """The response of an ordinary turn in AC, for an EV that only charges."""
    return _ac_turn(header, _OK, charging_w(target_w, ratings), present_w)


def bpt_ac_turn(header: Header, target_w: float, present_w: float, ratings: EVSERatings) -> ACChargeLoopRes:
    """The same in both directions."""
    return _bpt_ac_turn(header, _OK, rated_w(target_w, ratings), present_w)


def dc_turn(
    header: Header,
    present_a: float,
    present_v: float,
    power_limit_achieved: bool,
    current_limit_achieved: bool,
    mode: DynamicDCCLResControlMode,
) -> DCChargeLoopRes:
    """The response of an ordinary turn in DC; the mode carries the limits."""
    return _dc_turn(header, _OK, present_a, present_v, power_limit_achieved, current_limit_achieved, False, mode)


AC_TURNS: Final[Mapping[type[ComplexType], AcTurn]] = {
    DynamicACCLReqControlMode: ac_turn,
    BPTDynamicACCLReqControlMode: bpt_ac_turn,
}
DC_LIMITS: Final[Mapping[type[ComplexType], DcLimits]] = {
    DynamicDCCLReqControlMode: dc_limits,
    BPTDynamicDCCLReqControlMode: bpt_dc_limits,
}


def meter_info(answer: Answer, settings: SECCSettings, is_bpt: bool) -> MeterInfo | None:
    """The registers of the meter [Wh], or None without a meter."""
    if answer.meter_charged_wh < 0:
        return None
    return MeterInfo(
        meter_id=settings.meter_id,
        charged_energy_reading_wh=answer.meter_charged_wh,
        bpt_discharged_energy_reading_wh=answer.meter_discharged_wh
        if is_bpt and answer.meter_discharged_wh >= 0
        else None,
    )


def _lower(limit: float, rating: float) -> float:
    """A limit of the moment, never above the rating that ChargeParameterDiscovery stated."""
    return limit if limit < rating else rating
