"""The rarer turns of the charge loop: Scheduled mode, powers phase by phase, and a station that settles the needs.

The ordinary turns of Dynamic mode stand in `loop_requests.py` and `loop_answers.py`; what is here wraps them or takes
their place, so that they need not ask what they almost never are.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, Final

from protocol.iso20 import phases
from protocol.iso20.ac import (
    ACChargeLoopReq,
    ACChargeLoopRes,
    BPTScheduledACCLReqControlMode,
    BPTScheduledACCLResControlMode,
    ScheduledACCLReqControlMode,
    ScheduledACCLResControlMode,
)
from protocol.iso20.answers import Answer, evse_status, response_code
from protocol.iso20.common import Header
from protocol.iso20.dc import (
    BPTScheduledDCCLReqControlMode,
    BPTScheduledDCCLResControlMode,
    DCChargeLoopReq,
    DCChargeLoopRes,
    ScheduledDCCLReqControlMode,
    ScheduledDCCLResControlMode,
)
from protocol.iso20.loop import MeterInfo
from protocol.iso20.loop_answers import LoopAnswer
from protocol.iso20.loop_requests import LoopRequest
from protocol.iso20.ratings import EVSERatings
from protocol.iso20.requests import Offer
from protocol.iso20.said import LoopReader, Said
from protocol.schema import ComplexType
from protocol.values import rational

__all__ = [
    "SCHEDULED_ANSWERS",
    "SCHEDULED_READERS",
    "SCHEDULED_REQUESTS",
    "answer_by_phase",
    "answer_with_needs",
    "request_by_phase",
]


# --- Scheduled: the EV asks -------------------------------------------------------------------------------------------


def _energies(offer: Offer) -> dict[str, Any]:
    return {
        "ev_target_energy_request": rational(offer.target_energy_wh),
        "ev_maximum_energy_request": rational(offer.maximum_energy_wh),
        "ev_minimum_energy_request": rational(offer.minimum_energy_wh),
    }


def _ac_request(mode_class: type[ComplexType], is_bpt: bool) -> LoopRequest:
    """Scheduled AC: the EV follows its profile by itself and says what it does."""

    def request(header: Header, offer: Offer, meter_info: bool, sign: float, per_phase: bool) -> ComplexType:
        values = _energies(offer) | {
            "ev_maximum_charge_power": rational(offer.maximum_charge_w),
            "ev_minimum_charge_power": rational(offer.minimum_charge_w),
            "ev_present_active_power": rational(offer.present_active_w),
            "ev_present_reactive_power": rational(offer.present_reactive_var),
        }
        if is_bpt:
            values["ev_maximum_discharge_power"] = rational(sign * offer.maximum_discharge_w)
            values["ev_minimum_discharge_power"] = rational(sign * offer.minimum_discharge_w)
        mode: Any = mode_class(**values)
        return ACChargeLoopReq(
            header=header,
            meter_info_requested=meter_info,
            control_mode=phases.split(mode) if per_phase else mode,
        )

    return request


def _dc_request(mode_class: type[ComplexType], is_bpt: bool) -> LoopRequest:
    """Scheduled DC: the EV commands current and voltage, and states its limits beside them."""

    def request(header: Header, offer: Offer, meter_info: bool, sign: float, per_phase: bool) -> ComplexType:
        values = _energies(offer) | {
            "ev_target_current": rational(0.0 if offer.aside is None else offer.aside.target_a),
            "ev_target_voltage": rational(offer.target_v),
            "ev_maximum_charge_power": rational(offer.maximum_charge_w),
            "ev_minimum_charge_power": rational(offer.minimum_charge_w),
            "ev_maximum_charge_current": rational(offer.maximum_charge_a),
            "ev_maximum_voltage": rational(offer.maximum_v),
            "ev_minimum_voltage": rational(offer.minimum_v),
        }
        if is_bpt:
            values["ev_maximum_discharge_power"] = rational(sign * offer.maximum_discharge_w)
            values["ev_minimum_discharge_power"] = rational(sign * offer.minimum_discharge_w)
            values["ev_maximum_discharge_current"] = rational(sign * offer.maximum_discharge_a)
        mode: Any = mode_class(**values)
        return DCChargeLoopReq(
            header=header,
            meter_info_requested=meter_info,
            ev_present_voltage=rational(offer.present_v),
            control_mode=mode,
        )

    return request


SCHEDULED_REQUESTS: Final[Mapping[type[ComplexType], LoopRequest]] = {
    ScheduledACCLReqControlMode: _ac_request(ScheduledACCLReqControlMode, False),
    BPTScheduledACCLReqControlMode: _ac_request(BPTScheduledACCLReqControlMode, True),
    ScheduledDCCLReqControlMode: _dc_request(ScheduledDCCLReqControlMode, False),
    BPTScheduledDCCLReqControlMode: _dc_request(BPTScheduledDCCLReqControlMode, True),
}


# --- Scheduled: the station hears -------------------------------------------------------------------------------------


def _keep(said: Said, mode: Any, pairs: tuple[tuple[str, str], ...], magnitude: bool = False) -> None:
    """Take over what an optional element says; what is left out leaves the earlier value standing."""
    for attribute, field in pairs:
        if getattr(mode, field) is not None:
            number = phases.total_w(mode, field)
            setattr(said, attribute, abs(number) if magnitude else number)


_NEEDS: Final = (
    ("target_energy_wh", "ev_target_energy_request"),
    ("maximum_energy_wh", "ev_maximum_energy_request"),
    ("minimum_energy_wh", "ev_minimum_energy_request"),
    ("maximum_charge_w", "ev_maximum_charge_power"),
    ("minimum_charge_w", "ev_minimum_charge_power"),
)
_DISCHARGE: Final = (
    ("maximum_discharge_w", "ev_maximum_discharge_power"),
    ("minimum_discharge_w", "ev_minimum_discharge_power"),
)
_AC: Final = (("present_w", "ev_present_active_power"), ("present_var", "ev_present_reactive_power"))
_DC: Final = (
    ("target_a", "ev_target_current"),
    ("target_v", "ev_target_voltage"),
    ("maximum_charge_a", "ev_maximum_charge_current"),
    ("maximum_v", "ev_maximum_voltage"),
    ("minimum_v", "ev_minimum_voltage"),
)


def _reader(values: tuple[tuple[str, str], ...], magnitudes: tuple[tuple[str, str], ...], is_dc: bool) -> LoopReader:
    def hear(said: Said, request: Any, now_ns: int) -> None:
        said.received_ns = now_ns
        _keep(said, request.control_mode, values)
        _keep(said, request.control_mode, magnitudes, magnitude=True)
        if is_dc:
            said.present_v = request.ev_present_voltage.number

    return hear


SCHEDULED_READERS: Final[Mapping[type[ComplexType], LoopReader]] = {
    ScheduledACCLReqControlMode: _reader((*_NEEDS, *_AC), (), False),
    BPTScheduledACCLReqControlMode: _reader((*_NEEDS, *_AC), _DISCHARGE, False),
    ScheduledDCCLReqControlMode: _reader((*_NEEDS, *_DC), (), True),
    BPTScheduledDCCLReqControlMode: _reader(
        (*_NEEDS, *_DC), (*_DISCHARGE, ("maximum_discharge_a", "ev_maximum_discharge_current")), True
    ),
}


# --- Scheduled: the station answers -----------------------------------------------------------------------------------


def _ac_answer(mode_class: type[ScheduledACCLResControlMode]) -> LoopAnswer:
    """Scheduled AC: the schedule says what may be; the station only measures."""

    def answer_loop(
        header: Header, answer: Answer, ratings: EVSERatings, meter: MeterInfo | None, sign: float, per_phase: bool
    ) -> ACChargeLoopRes:
        mode = mode_class(evse_present_active_power=rational(answer.present_w))
        return ACChargeLoopRes(
            header=header,
            response_code=response_code(answer),
            evse_status=evse_status(answer),
            meter_info=meter,
            control_mode=phases.split(mode) if per_phase else mode,
        )

    return answer_loop


def _dc_answer(mode_class: type[ComplexType], is_bpt: bool) -> LoopAnswer:
    """Scheduled DC: present values, and the limits within which the EV's command is followed."""

    def answer_loop(
        header: Header, answer: Answer, ratings: EVSERatings, meter: MeterInfo | None, sign: float, per_phase: bool
    ) -> DCChargeLoopRes:
        values = {
            "evse_maximum_charge_power": rational(min(answer.maximum_charge_w, ratings.maximum_charge_w)),
            "evse_minimum_charge_power": rational(min(answer.minimum_charge_w, ratings.maximum_charge_w)),
            "evse_maximum_charge_current": rational(min(answer.maximum_charge_a, ratings.maximum_charge_a)),
            "evse_maximum_voltage": rational(min(answer.maximum_v, ratings.maximum_v)),
        }
        if is_bpt:
            discharge_w = min(answer.maximum_discharge_w, ratings.maximum_discharge_w)
            least_w = min(answer.minimum_discharge_w, ratings.maximum_discharge_w)
            discharge_a = min(answer.maximum_discharge_a, ratings.maximum_discharge_a)
            values["evse_maximum_discharge_power"] = rational(sign * discharge_w)
            values["evse_minimum_discharge_power"] = rational(sign * least_w)
            values["evse_maximum_discharge_current"] = rational(sign * discharge_a)
            values["evse_minimum_voltage"] = rational(max(answer.minimum_v, ratings.minimum_v))
        mode: Any = mode_class(**values)
        return DCChargeLoopRes(
            header=header,
            response_code=response_code(answer),
            evse_status=evse_status(answer),
            meter_info=meter,
            evse_present_current=rational(answer.present_a),
            evse_present_voltage=rational(answer.present_v),
            evse_power_limit_achieved=answer.power_limit_achieved,
            evse_current_limit_achieved=answer.current_limit_achieved,
            evse_voltage_limit_achieved=answer.voltage_limit_achieved,
            control_mode=mode,
        )

    return answer_loop


SCHEDULED_ANSWERS: Final[Mapping[type[ComplexType], LoopAnswer]] = {
    ScheduledACCLReqControlMode: _ac_answer(ScheduledACCLResControlMode),
    BPTScheduledACCLReqControlMode: _ac_answer(BPTScheduledACCLResControlMode),
    ScheduledDCCLReqControlMode: _dc_answer(ScheduledDCCLResControlMode, False),
    BPTScheduledDCCLReqControlMode: _dc_answer(BPTScheduledDCCLResControlMode, True),
}


# --- phase by phase, in either mode -----------------------------------------------------------------------------------


def request_by_phase(plain: LoopRequest, single_phase: bool) -> LoopRequest:
    """The request with powers phase by phase: all on L1, as the offer says, or evenly."""

    def by_phase(header: Header, offer: Offer, meter_info: bool, sign: float, per_phase: bool) -> ComplexType:
        present_w = None if offer.aside is None else offer.aside.present_phases_w
        if not single_phase and present_w is None:
            return plain(header, offer, meter_info, sign, True)
        made: Any = plain(header, offer, meter_info, sign, False)
        spread = {} if present_w is None else {"ev_present_active_power": present_w}
        mode = phases.spread(made.control_mode, spread, single_phase)
        request: ACChargeLoopReq = dataclasses.replace(made, control_mode=mode)
        return request

    return by_phase


def answer_by_phase(plain: LoopAnswer, single_phase: bool) -> LoopAnswer:
    """The response with powers phase by phase; a target that was clamped as a whole is clamped on each phase alike."""

    def answer_loop(
        header: Header, answer: Answer, ratings: EVSERatings, meter: MeterInfo | None, sign: float, per_phase: bool
    ) -> ACChargeLoopRes | DCChargeLoopRes:
        target_w, present_w = answer.aside.target_phases_w, answer.aside.present_phases_w
        if not single_phase and target_w is None and present_w is None:
            return plain(header, answer, ratings, meter, sign, True)
        made: Any = plain(header, answer, ratings, meter, sign, False)
        mode = made.control_mode
        spread: dict[str, tuple[float, float, float]] = {}
        if present_w is not None:
            spread["evse_present_active_power"] = present_w
        whole = getattr(mode, "evse_target_active_power", None)
        if target_w is not None and whole is not None:
            asked_w = math.fsum(target_w)
            share = whole.number / asked_w if asked_w != 0.0 and abs(whole.number) < abs(asked_w) else 1.0
            spread["evse_target_active_power"] = (target_w[0] * share, target_w[1] * share, target_w[2] * share)
        response: ACChargeLoopRes = dataclasses.replace(made, control_mode=phases.spread(mode, spread, single_phase))
        return response

    return answer_loop


# --- the station settles the needs ------------------------------------------------------------------------------------


def answer_with_needs(plain: LoopAnswer) -> LoopAnswer:
    """The Dynamic response that also carries departure and charge as the station wants them (MobilityNeedsMode 2)."""

    def answer_loop(
        header: Header, answer: Answer, ratings: EVSERatings, meter: MeterInfo | None, sign: float, per_phase: bool
    ) -> ACChargeLoopRes | DCChargeLoopRes:
        made: Any = plain(header, answer, ratings, meter, sign, per_phase)
        needs = answer.aside.needs
        if needs is None:
            return made  # type: ignore[no-any-return]  # what `plain` made
        mode = dataclasses.replace(
            made.control_mode,
            departure_time=needs.departure_s,
            minimum_soc=needs.minimum_soc,
            target_soc=needs.target_soc,
            ack_max_delay=needs.ack_max_delay_s,
        )
        response: ACChargeLoopRes | DCChargeLoopRes = dataclasses.replace(made, control_mode=mode)
        return response

    return answer_loop
