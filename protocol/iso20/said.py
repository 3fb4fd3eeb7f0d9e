"""What the EV said last, as plain floats: all a station knows of the car.

Powers are sums over the phases, discharge limits are magnitudes (the sign on the wire is contested and dropped here).
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from protocol.iso20 import phases
from protocol.iso20.ac import BPTDynamicACCLReqControlMode, DynamicACCLReqControlMode
from protocol.iso20.common import ScheduledSEReqControlMode, ScheduleExchangeReq
from protocol.iso20.dc import BPTDynamicDCCLReqControlMode, DCPreChargeReq, DynamicDCCLReqControlMode
from protocol.iso20.ratings import EVRatings
from protocol.schema import ComplexType

__all__ = ["LOOP_READERS", "LoopReader", "Said", "hear_pre_charge", "hear_ratings", "hear_schedule"]

_NAN: Final = math.nan


class Said:
    """The EV in its own words. NaN: not said, or not part of this service.

    ratings : from ChargeParameterDiscovery
    *_energy_wh : signed distances from the present content of the battery
    departure_s, departure_ns : seconds to departure, and the instant at which that was said; infinite if unknown
    maximum_..., minimum_... : limits of the moment (W, A, V)
    present_w, present_var : AC; present_v : DC; target_v : DC, in pre-charge; target_a : DC in Scheduled mode
    received_ns : when the last request was received that said any of this
    """

    __slots__ = (
        "departure_ns",
        "departure_s",
        "maximum_charge_a",
        "maximum_charge_w",
        "maximum_discharge_a",
        "maximum_discharge_w",
        "maximum_energy_wh",
        "maximum_v",
        "maximum_v2x_energy_wh",
        "minimum_charge_w",
        "minimum_discharge_w",
        "minimum_energy_wh",
        "minimum_v",
        "minimum_v2x_energy_wh",
        "present_v",
        "present_var",
        "present_w",
        "ratings",
        "received_ns",
        "target_a",
        "target_energy_wh",
        "target_v",
    )

    def __init__(self) -> None:
        self.ratings: EVRatings | None = None
        self.received_ns = 0
        self.departure_s = math.inf
        self.departure_ns = 0
        self.target_energy_wh = _NAN
        self.maximum_energy_wh = _NAN
        self.minimum_energy_wh = _NAN
        self.maximum_v2x_energy_wh = _NAN
        self.minimum_v2x_energy_wh = _NAN
        self.maximum_charge_w = 0.0
        self.minimum_charge_w = 0.0
        self.maximum_discharge_w = 0.0
        self.minimum_discharge_w = 0.0
        self.maximum_charge_a = _NAN
        self.maximum_discharge_a = _NAN
        self.maximum_v = _NAN
        self.minimum_v = _NAN
        self.present_w = _NAN
        self.present_var = _NAN
        self.present_v = _NAN
        self.target_a = _NAN
        self.target_v = _NAN


def hear_ratings(said: Said, ratings: EVRatings, is_dc: bool, now_ns: int) -> None:
    """Ratings are the limits until the loop states others."""
    said.ratings = ratings
    said.received_ns = now_ns
    said.maximum_charge_w = ratings.maximum_charge_w
    said.minimum_charge_w = ratings.minimum_charge_w
    said.maximum_discharge_w = ratings.maximum_discharge_w
    said.minimum_discharge_w = ratings.minimum_discharge_w
    if is_dc:
        said.maximum_charge_a = ratings.maximum_charge_a
        said.maximum_discharge_a = ratings.maximum_discharge_a
        said.maximum_v = ratings.maximum_v
        said.minimum_v = ratings.minimum_v


def hear_schedule(said: Said, request: ScheduleExchangeReq, is_bpt: bool, now_ns: int) -> None:
    """Needs and departure. DepartureTime cannot be left out in Dynamic mode; its largest value means unknown.

    In Scheduled mode all of it may be left out. The V2X pair counts only in a service that discharges, where the loop
    will go on stating it.
    """
    mode: Any = request.control_mode
    said.received_ns = said.departure_ns = now_ns
    unknown = mode.departure_time is None or mode.departure_time == 2**32 - 1
    said.departure_s = math.inf if unknown else float(mode.departure_time)
    if isinstance(mode, ScheduledSEReqControlMode):
        _hear_scheduled_needs(said, mode)
        return
    _hear_needs(said, mode)
    if is_bpt:
        _hear_v2x(said, mode)


def hear_pre_charge(said: Said, request: DCPreChargeReq, now_ns: int) -> None:
    """The voltage the EV has, and the one it wants on the cable."""
    said.received_ns = now_ns
    said.present_v = request.ev_present_voltage.number
    said.target_v = request.ev_target_voltage.number


def _hear_needs(said: Said, mode: Any) -> None:
    said.target_energy_wh = mode.ev_target_energy_request.number
    said.maximum_energy_wh = mode.ev_maximum_energy_request.number
    said.minimum_energy_wh = mode.ev_minimum_energy_request.number


def _hear_scheduled_needs(said: Said, mode: ScheduledSEReqControlMode) -> None:
    """Each may be left out: then the EV wants what it likes, and its schedule is the only bound."""
    target, maximum = mode.ev_target_energy_request, mode.ev_maximum_energy_request
    minimum = mode.ev_minimum_energy_request
    said.target_energy_wh = _NAN if target is None else target.number
    said.maximum_energy_wh = _NAN if maximum is None else maximum.number
    said.minimum_energy_wh = _NAN if minimum is None else minimum.number
    said.maximum_v2x_energy_wh = said.minimum_v2x_energy_wh = _NAN


def _hear_v2x(said: Said, mode: Any) -> None:
    maximum, minimum = mode.ev_maximum_v2x_energy_request, mode.ev_minimum_v2x_energy_request
    said.maximum_v2x_energy_wh = _NAN if maximum is None else maximum.number
    said.minimum_v2x_energy_wh = _NAN if minimum is None else minimum.number


# The readers of the loop are written out, variant by variant, as they run a million times.


def _hear_ac(said: Said, request: Any, now_ns: int) -> None:
    """AC: needs, limits and present power. A DepartureTime left out leaves the earlier one standing."""
    mode = request.control_mode
    said.received_ns = now_ns
    if mode.departure_time is not None:
        said.departure_s = float(mode.departure_time)
        said.departure_ns = now_ns
    said.target_energy_wh = mode.ev_target_energy_request.number
    said.maximum_energy_wh = mode.ev_maximum_energy_request.number
    said.minimum_energy_wh = mode.ev_minimum_energy_request.number
    said.maximum_charge_w = mode.ev_maximum_charge_power.number
    said.minimum_charge_w = mode.ev_minimum_charge_power.number
    said.present_w = mode.ev_present_active_power.number
    said.present_var = mode.ev_present_reactive_power.number
    if mode.ev_present_active_power_l2 is not None or mode.ev_maximum_charge_power_l2 is not None:
        said.maximum_charge_w = phases.total_w(mode, "ev_maximum_charge_power")
        said.minimum_charge_w = phases.total_w(mode, "ev_minimum_charge_power")
        said.present_w = phases.total_w(mode, "ev_present_active_power")
        said.present_var = phases.total_w(mode, "ev_present_reactive_power")


def _hear_bpt_ac(said: Said, request: Any, now_ns: int) -> None:
    """The same with discharge limits, as magnitudes, and the V2X pair."""
    _hear_ac(said, request, now_ns)
    mode = request.control_mode
    maximum, minimum = mode.ev_maximum_v2x_energy_request, mode.ev_minimum_v2x_energy_request
    said.maximum_v2x_energy_wh = _NAN if maximum is None else maximum.number
    said.minimum_v2x_energy_wh = _NAN if minimum is None else minimum.number
    most_w, least_w = mode.ev_maximum_discharge_power.number, mode.ev_minimum_discharge_power.number
    said.maximum_discharge_w = most_w if most_w >= 0.0 else -most_w
    said.minimum_discharge_w = least_w if least_w >= 0.0 else -least_w
    if mode.ev_maximum_discharge_power_l2 is not None:
        said.maximum_discharge_w = abs(phases.total_w(mode, "ev_maximum_discharge_power"))
        said.minimum_discharge_w = abs(phases.total_w(mode, "ev_minimum_discharge_power"))


def _hear_dc(said: Said, request: Any, now_ns: int) -> None:
    """DC: needs, present voltage, and limits of power, current and voltage."""
    mode = request.control_mode
    said.received_ns = now_ns
    if mode.departure_time is not None:
        said.departure_s = float(mode.departure_time)
        said.departure_ns = now_ns
    said.target_energy_wh = mode.ev_target_energy_request.number
    said.maximum_energy_wh = mode.ev_maximum_energy_request.number
    said.minimum_energy_wh = mode.ev_minimum_energy_request.number
    said.maximum_charge_w = mode.ev_maximum_charge_power.number
    said.minimum_charge_w = mode.ev_minimum_charge_power.number
    said.present_v = request.ev_present_voltage.number
    said.maximum_charge_a = mode.ev_maximum_charge_current.number
    said.maximum_v = mode.ev_maximum_voltage.number
    said.minimum_v = mode.ev_minimum_voltage.number


def _hear_bpt_dc(said: Said, request: Any, now_ns: int) -> None:
    """The same with discharge limits, as magnitudes, and the V2X pair."""
    _hear_dc(said, request, now_ns)
    mode = request.control_mode
    maximum, minimum = mode.ev_maximum_v2x_energy_request, mode.ev_minimum_v2x_energy_request
    said.maximum_v2x_energy_wh = _NAN if maximum is None else maximum.number
    said.minimum_v2x_energy_wh = _NAN if minimum is None else minimum.number
    most_w, least_w = mode.ev_maximum_discharge_power.number, mode.ev_minimum_discharge_power.number
    said.maximum_discharge_w = most_w if most_w >= 0.0 else -most_w
    said.minimum_discharge_w = least_w if least_w >= 0.0 else -least_w
    said.maximum_discharge_a = abs(mode.ev_maximum_discharge_current.number)


# The request comes as Any: its control mode was compared with the agreed class before, and each reader fits one class.
LoopReader = Callable[[Said, Any, int], None]

LOOP_READERS: Final[Mapping[type[ComplexType], LoopReader]] = {
    DynamicACCLReqControlMode: _hear_ac,
    BPTDynamicACCLReqControlMode: _hear_bpt_ac,
    DynamicDCCLReqControlMode: _hear_dc,
    BPTDynamicDCCLReqControlMode: _hear_bpt_dc,
}
