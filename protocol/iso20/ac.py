"""AC messages. ISO 15118-20:2022, 8.3.4.4 (messages) and 8.3.5.4 (types).

The converter is in the EV: the station states a power, the EV follows within its own limits. Power with its base
element alone is the sum of all phases; with `_l2` and `_l3` beside it, the base element is phase L1.
"""

from protocol.iso20.common import Request, Response
from protocol.iso20.loop import (
    ChargeLoopReq,
    ChargeLoopRes,
    DynamicCLReqControlMode,
    DynamicCLResControlMode,
    ScheduledCLReqControlMode,
    ScheduledCLResControlMode,
)
from protocol.schema import ComplexType, declared, element
from protocol.values import RationalNumber

# --- charge parameter discovery ---------------------------------------------------------------------------------------


@declared("ac:AC_CPDReqEnergyTransferModeType")
class ACCPDReqEnergyTransferMode(ComplexType):
    """Ratings of an EV that only charges."""

    ev_maximum_charge_power: RationalNumber = element("W")
    ev_maximum_charge_power_l2: RationalNumber | None = element("W", default=None)
    ev_maximum_charge_power_l3: RationalNumber | None = element("W", default=None)
    ev_minimum_charge_power: RationalNumber = element("W")
    ev_minimum_charge_power_l2: RationalNumber | None = element("W", default=None)
    ev_minimum_charge_power_l3: RationalNumber | None = element("W", default=None)


@declared("ac:BPT_AC_CPDReqEnergyTransferModeType")
class BPTACCPDReqEnergyTransferMode(ACCPDReqEnergyTransferMode):
    """Ratings of an EV that charges and discharges."""

    ev_maximum_discharge_power: RationalNumber = element("W")
    ev_maximum_discharge_power_l2: RationalNumber | None = element("W", default=None)
    ev_maximum_discharge_power_l3: RationalNumber | None = element("W", default=None)
    ev_minimum_discharge_power: RationalNumber = element("W")
    ev_minimum_discharge_power_l2: RationalNumber | None = element("W", default=None)
    ev_minimum_discharge_power_l3: RationalNumber | None = element("W", default=None)


@declared("ac:AC_ChargeParameterDiscoveryReqType")
class ACChargeParameterDiscoveryReq(Request):
    """The EV states its ratings; the variant is that of the selected service."""

    energy_transfer_mode: ACCPDReqEnergyTransferMode | BPTACCPDReqEnergyTransferMode = element(
        substitutes="AC_CPDReqEnergyTransferMode"
    )


@declared("ac:AC_CPDResEnergyTransferModeType")
class ACCPDResEnergyTransferMode(ComplexType):
    """Hardware ratings of the station; the limits of the moment act in the loop."""

    evse_maximum_charge_power: RationalNumber = element("W")
    evse_maximum_charge_power_l2: RationalNumber | None = element("W", default=None)
    evse_maximum_charge_power_l3: RationalNumber | None = element("W", default=None)
    evse_minimum_charge_power: RationalNumber = element("W")
    evse_minimum_charge_power_l2: RationalNumber | None = element("W", default=None)
    evse_minimum_charge_power_l3: RationalNumber | None = element("W", default=None)
    evse_nominal_frequency: RationalNumber = element("Hz")
    maximum_power_asymmetry: RationalNumber | None = element("W", default=None)
    evse_power_ramp_limitation: RationalNumber | None = element("%/min", default=None)
    evse_present_active_power: RationalNumber | None = element("W", default=None)
    evse_present_active_power_l2: RationalNumber | None = element("W", default=None)
    evse_present_active_power_l3: RationalNumber | None = element("W", default=None)


@declared("ac:BPT_AC_CPDResEnergyTransferModeType")
class BPTACCPDResEnergyTransferMode(ACCPDResEnergyTransferMode):
    """Hardware ratings of the station in both directions."""

    evse_maximum_discharge_power: RationalNumber = element("W")
    evse_maximum_discharge_power_l2: RationalNumber | None = element("W", default=None)
    evse_maximum_discharge_power_l3: RationalNumber | None = element("W", default=None)
    evse_minimum_discharge_power: RationalNumber = element("W")
    evse_minimum_discharge_power_l2: RationalNumber | None = element("W", default=None)
    evse_minimum_discharge_power_l3: RationalNumber | None = element("W", default=None)


@declared("ac:AC_ChargeParameterDiscoveryResType")
class ACChargeParameterDiscoveryRes(Response):
    """The station states its ratings. There is no Ongoing here."""

    energy_transfer_mode: ACCPDResEnergyTransferMode | BPTACCPDResEnergyTransferMode = element(
        substitutes="AC_CPDResEnergyTransferMode"
    )


# --- charge loop, request ---------------------------------------------------------------------------------------------


@declared("ac:Dynamic_AC_CLReqControlModeType")
class DynamicACCLReqControlMode(DynamicCLReqControlMode):
    """What the EV needs, can do and does now; charging only."""

    ev_maximum_charge_power: RationalNumber = element("W")
    ev_maximum_charge_power_l2: RationalNumber | None = element("W", default=None)
    ev_maximum_charge_power_l3: RationalNumber | None = element("W", default=None)
    ev_minimum_charge_power: RationalNumber = element("W")
    ev_minimum_charge_power_l2: RationalNumber | None = element("W", default=None)
    ev_minimum_charge_power_l3: RationalNumber | None = element("W", default=None)
    ev_present_active_power: RationalNumber = element("W")
    ev_present_active_power_l2: RationalNumber | None = element("W", default=None)
    ev_present_active_power_l3: RationalNumber | None = element("W", default=None)
    ev_present_reactive_power: RationalNumber = element("var")
    ev_present_reactive_power_l2: RationalNumber | None = element("var", default=None)
    ev_present_reactive_power_l3: RationalNumber | None = element("var", default=None)


@declared("ac:BPT_Dynamic_AC_CLReqControlModeType")
class BPTDynamicACCLReqControlMode(DynamicACCLReqControlMode):
    """What the EV needs, can do and does now; discharging included."""

    ev_maximum_discharge_power: RationalNumber = element("W")
    ev_maximum_discharge_power_l2: RationalNumber | None = element("W", default=None)
    ev_maximum_discharge_power_l3: RationalNumber | None = element("W", default=None)
    ev_minimum_discharge_power: RationalNumber = element("W")
    ev_minimum_discharge_power_l2: RationalNumber | None = element("W", default=None)
    ev_minimum_discharge_power_l3: RationalNumber | None = element("W", default=None)
    ev_maximum_v2x_energy_request: RationalNumber | None = element("Wh", default=None)
    ev_minimum_v2x_energy_request: RationalNumber | None = element("Wh", default=None)


@declared("ac:Scheduled_AC_CLReqControlModeType")
class ScheduledACCLReqControlMode(ScheduledCLReqControlMode):
    """What the EV does now, following a schedule."""

    ev_maximum_charge_power: RationalNumber | None = element("W", default=None)
    ev_maximum_charge_power_l2: RationalNumber | None = element("W", default=None)
    ev_maximum_charge_power_l3: RationalNumber | None = element("W", default=None)
    ev_minimum_charge_power: RationalNumber | None = element("W", default=None)
    ev_minimum_charge_power_l2: RationalNumber | None = element("W", default=None)
    ev_minimum_charge_power_l3: RationalNumber | None = element("W", default=None)
    ev_present_active_power: RationalNumber = element("W")
    ev_present_active_power_l2: RationalNumber | None = element("W", default=None)
    ev_present_active_power_l3: RationalNumber | None = element("W", default=None)
    ev_present_reactive_power: RationalNumber | None = element("var", default=None)
    ev_present_reactive_power_l2: RationalNumber | None = element("var", default=None)
    ev_present_reactive_power_l3: RationalNumber | None = element("var", default=None)


@declared("ac:BPT_Scheduled_AC_CLReqControlModeType")
class BPTScheduledACCLReqControlMode(ScheduledACCLReqControlMode):
    """What the EV does now, following a schedule that may discharge."""

    ev_maximum_discharge_power: RationalNumber | None = element("W", default=None)
    ev_maximum_discharge_power_l2: RationalNumber | None = element("W", default=None)
    ev_maximum_discharge_power_l3: RationalNumber | None = element("W", default=None)
    ev_minimum_discharge_power: RationalNumber | None = element("W", default=None)
    ev_minimum_discharge_power_l2: RationalNumber | None = element("W", default=None)
    ev_minimum_discharge_power_l3: RationalNumber | None = element("W", default=None)


@declared("ac:AC_ChargeLoopReqType")
class ACChargeLoopReq(ChargeLoopReq):
    """One turn of the loop, asked by the EV; it alone sets the pace."""

    control_mode: (
        BPTDynamicACCLReqControlMode
        | BPTScheduledACCLReqControlMode
        | DynamicACCLReqControlMode
        | ScheduledACCLReqControlMode
    ) = element(substitutes="CLReqControlMode")


# --- charge loop, response --------------------------------------------------------------------------------------------


@declared("ac:Dynamic_AC_CLResControlModeType")
class DynamicACCLResControlMode(DynamicCLResControlMode):
    """The power the EV shall take now, positive into the vehicle."""

    evse_target_active_power: RationalNumber = element("W")
    evse_target_active_power_l2: RationalNumber | None = element("W", default=None)
    evse_target_active_power_l3: RationalNumber | None = element("W", default=None)
    evse_target_reactive_power: RationalNumber | None = element("var", default=None)
    evse_target_reactive_power_l2: RationalNumber | None = element("var", default=None)
    evse_target_reactive_power_l3: RationalNumber | None = element("var", default=None)
    evse_present_active_power: RationalNumber | None = element("W", default=None)
    evse_present_active_power_l2: RationalNumber | None = element("W", default=None)
    evse_present_active_power_l3: RationalNumber | None = element("W", default=None)


@declared("ac:BPT_Dynamic_AC_CLResControlModeType")
class BPTDynamicACCLResControlMode(DynamicACCLResControlMode):
    """The power the EV shall take now, negative to discharge."""


@declared("ac:Scheduled_AC_CLResControlModeType")
class ScheduledACCLResControlMode(ScheduledCLResControlMode):
    """Deviations from the schedule."""

    evse_target_active_power: RationalNumber | None = element("W", default=None)
    evse_target_active_power_l2: RationalNumber | None = element("W", default=None)
    evse_target_active_power_l3: RationalNumber | None = element("W", default=None)
    evse_target_reactive_power: RationalNumber | None = element("var", default=None)
    evse_target_reactive_power_l2: RationalNumber | None = element("var", default=None)
    evse_target_reactive_power_l3: RationalNumber | None = element("var", default=None)
    evse_present_active_power: RationalNumber | None = element("W", default=None)
    evse_present_active_power_l2: RationalNumber | None = element("W", default=None)
    evse_present_active_power_l3: RationalNumber | None = element("W", default=None)


@declared("ac:BPT_Scheduled_AC_CLResControlModeType")
class BPTScheduledACCLResControlMode(ScheduledACCLResControlMode):
    """Deviations from a schedule that may discharge."""


@declared("ac:AC_ChargeLoopResType")
class ACChargeLoopRes(ChargeLoopRes):
    """One turn of the loop, answered by the station."""

    evse_target_frequency: RationalNumber | None = element("Hz", default=None)
    control_mode: (
        BPTDynamicACCLResControlMode
        | BPTScheduledACCLResControlMode
        | DynamicACCLResControlMode
        | ScheduledACCLResControlMode
    ) = element(substitutes="CLResControlMode")
