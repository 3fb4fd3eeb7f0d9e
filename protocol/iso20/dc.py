"""DC messages. ISO 15118-20:2022, 8.3.4.5 (messages) and 8.3.5.5 (types).

The converter is in the station: the EV states limits, the station moves the power inside them. In Dynamic mode no
message carries a target; what happens shows in EVSEPresentCurrent and EVSEPresentVoltage.
"""

from protocol.iso20.codes import Processing
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
from protocol.values import Boolean, PercentValue, RationalNumber

# --- charge parameter discovery ---------------------------------------------------------------------------------------


@declared("dc:DC_CPDReqEnergyTransferModeType")
class DCCPDReqEnergyTransferMode(ComplexType):
    """Ratings of an EV that only charges."""

    ev_maximum_charge_power: RationalNumber = element("W")
    ev_minimum_charge_power: RationalNumber = element("W")
    ev_maximum_charge_current: RationalNumber = element("A")
    ev_minimum_charge_current: RationalNumber = element("A")
    ev_maximum_voltage: RationalNumber = element("V")
    ev_minimum_voltage: RationalNumber = element("V")
    target_soc: PercentValue | None = element("%", default=None)


@declared("dc:BPT_DC_CPDReqEnergyTransferModeType")
class BPTDCCPDReqEnergyTransferMode(DCCPDReqEnergyTransferMode):
    """Ratings of an EV that charges and discharges."""

    ev_maximum_discharge_power: RationalNumber = element("W")
    ev_minimum_discharge_power: RationalNumber = element("W")
    ev_maximum_discharge_current: RationalNumber = element("A")
    ev_minimum_discharge_current: RationalNumber = element("A")


@declared("dc:DC_ChargeParameterDiscoveryReqType")
class DCChargeParameterDiscoveryReq(Request):
    """The EV states its ratings; the variant is that of the selected service."""

    energy_transfer_mode: BPTDCCPDReqEnergyTransferMode | DCCPDReqEnergyTransferMode = element(
        substitutes="DC_CPDReqEnergyTransferMode"
    )


@declared("dc:DC_CPDResEnergyTransferModeType")
class DCCPDResEnergyTransferMode(ComplexType):
    """Hardware ratings of the station; loop limits only go below them."""

    evse_maximum_charge_power: RationalNumber = element("W")
    evse_minimum_charge_power: RationalNumber = element("W")
    evse_maximum_charge_current: RationalNumber = element("A")
    evse_minimum_charge_current: RationalNumber = element("A")
    evse_maximum_voltage: RationalNumber = element("V")
    evse_minimum_voltage: RationalNumber = element("V")
    evse_power_ramp_limitation: RationalNumber | None = element("%/min", default=None)


@declared("dc:BPT_DC_CPDResEnergyTransferModeType")
class BPTDCCPDResEnergyTransferMode(DCCPDResEnergyTransferMode):
    """Hardware ratings of the station in both directions."""

    evse_maximum_discharge_power: RationalNumber = element("W")
    evse_minimum_discharge_power: RationalNumber = element("W")
    evse_maximum_discharge_current: RationalNumber = element("A")
    evse_minimum_discharge_current: RationalNumber = element("A")


@declared("dc:DC_ChargeParameterDiscoveryResType")
class DCChargeParameterDiscoveryRes(Response):
    """The station states its ratings. There is no Ongoing here."""

    energy_transfer_mode: BPTDCCPDResEnergyTransferMode | DCCPDResEnergyTransferMode = element(
        substitutes="DC_CPDResEnergyTransferMode"
    )


# --- before and after power -------------------------------------------------------------------------------------------


@declared("dc:DC_CableCheckReqType")
class DCCableCheckReq(Request):
    """The EV asks for the isolation test, and again until it is done."""


@declared("dc:DC_CableCheckResType")
class DCCableCheckRes(Response):
    """Whether the isolation test is done."""

    evse_processing: Processing = element()


@declared("dc:DC_PreChargeReqType")
class DCPreChargeReq(Request):
    """The EV asks for its battery voltage on the cable, and says when it is near enough."""

    ev_processing: Processing = element()
    ev_present_voltage: RationalNumber = element("V")
    ev_target_voltage: RationalNumber = element("V")


@declared("dc:DC_PreChargeResType")
class DCPreChargeRes(Response):
    """The voltage at the station."""

    evse_present_voltage: RationalNumber = element("V")


@declared("dc:DC_WeldingDetectionReqType")
class DCWeldingDetectionReq(Request):
    """The EV has opened its contactors and looks whether the voltage falls."""

    ev_processing: Processing = element()


@declared("dc:DC_WeldingDetectionResType")
class DCWeldingDetectionRes(Response):
    """The voltage at the station."""

    evse_present_voltage: RationalNumber = element("V")


# --- charge loop, request ---------------------------------------------------------------------------------------------


@declared("dc:Dynamic_DC_CLReqControlModeType")
class DynamicDCCLReqControlMode(DynamicCLReqControlMode):
    """What the EV needs and allows in this loop; charging only."""

    ev_maximum_charge_power: RationalNumber = element("W")
    ev_minimum_charge_power: RationalNumber = element("W")
    ev_maximum_charge_current: RationalNumber = element("A")
    ev_maximum_voltage: RationalNumber = element("V")
    ev_minimum_voltage: RationalNumber = element("V")


@declared("dc:BPT_Dynamic_DC_CLReqControlModeType")
class BPTDynamicDCCLReqControlMode(DynamicDCCLReqControlMode):
    """What the EV needs and allows in this loop, discharging included. ISO 15118-20:2022, 8.3.5.5."""

    ev_maximum_discharge_power: RationalNumber = element("W")
    ev_minimum_discharge_power: RationalNumber = element("W")
    ev_maximum_discharge_current: RationalNumber = element("A")
    ev_maximum_v2x_energy_request: RationalNumber | None = element("Wh", default=None)
    ev_minimum_v2x_energy_request: RationalNumber | None = element("Wh", default=None)


@declared("dc:Scheduled_DC_CLReqControlModeType")
class ScheduledDCCLReqControlMode(ScheduledCLReqControlMode):
    """What the EV commands, following a schedule."""

    ev_target_current: RationalNumber = element("A")
    ev_target_voltage: RationalNumber = element("V")
    ev_maximum_charge_power: RationalNumber | None = element("W", default=None)
    ev_minimum_charge_power: RationalNumber | None = element("W", default=None)
    ev_maximum_charge_current: RationalNumber | None = element("A", default=None)
    ev_maximum_voltage: RationalNumber | None = element("V", default=None)
    ev_minimum_voltage: RationalNumber | None = element("V", default=None)


@declared("dc:BPT_Scheduled_DC_CLReqControlModeType")
class BPTScheduledDCCLReqControlMode(ScheduledDCCLReqControlMode):
    """What the EV commands, following a schedule that may discharge."""

    ev_maximum_discharge_power: RationalNumber | None = element("W", default=None)
    ev_minimum_discharge_power: RationalNumber | None = element("W", default=None)
    ev_maximum_discharge_current: RationalNumber | None = element("A", default=None)


@declared("dc:DC_ChargeLoopReqType")
class DCChargeLoopReq(ChargeLoopReq):
    """One turn of the loop, asked by the EV; it alone sets the pace."""

    ev_present_voltage: RationalNumber = element("V")
    control_mode: (
        BPTDynamicDCCLReqControlMode
        | BPTScheduledDCCLReqControlMode
        | DynamicDCCLReqControlMode
        | ScheduledDCCLReqControlMode
    ) = element(substitutes="CLReqControlMode")


# --- charge loop, response --------------------------------------------------------------------------------------------


@declared("dc:Dynamic_DC_CLResControlModeType")
class DynamicDCCLResControlMode(DynamicCLResControlMode):
    """The limits of the station at this moment: not a target."""

    evse_maximum_charge_power: RationalNumber = element("W")
    evse_minimum_charge_power: RationalNumber = element("W")
    evse_maximum_charge_current: RationalNumber = element("A")
    evse_maximum_voltage: RationalNumber = element("V")


@declared("dc:BPT_Dynamic_DC_CLResControlModeType")
class BPTDynamicDCCLResControlMode(DynamicDCCLResControlMode):
    """The limits of the station at this moment, in both directions."""

    evse_maximum_discharge_power: RationalNumber = element("W")
    evse_minimum_discharge_power: RationalNumber = element("W")
    evse_maximum_discharge_current: RationalNumber = element("A")
    evse_minimum_voltage: RationalNumber = element("V")


@declared("dc:Scheduled_DC_CLResControlModeType")
class ScheduledDCCLResControlMode(ScheduledCLResControlMode):
    """The limits of the station, where they differ from the schedule."""

    evse_maximum_charge_power: RationalNumber | None = element("W", default=None)
    evse_minimum_charge_power: RationalNumber | None = element("W", default=None)
    evse_maximum_charge_current: RationalNumber | None = element("A", default=None)
    evse_maximum_voltage: RationalNumber | None = element("V", default=None)


@declared("dc:BPT_Scheduled_DC_CLResControlModeType")
class BPTScheduledDCCLResControlMode(ScheduledDCCLResControlMode):
    """The limits of the station in both directions, where they differ from the schedule."""

    evse_maximum_discharge_power: RationalNumber | None = element("W", default=None)
    evse_minimum_discharge_power: RationalNumber | None = element("W", default=None)
    evse_maximum_discharge_current: RationalNumber | None = element("A", default=None)
    evse_minimum_voltage: RationalNumber | None = element("V", default=None)


@declared("dc:DC_ChargeLoopResType")
class DCChargeLoopRes(ChargeLoopRes):
    """One turn of the loop, answered by the station."""

    evse_present_current: RationalNumber = element("A")
    evse_present_voltage: RationalNumber = element("V")
    evse_power_limit_achieved: Boolean = element()
    evse_current_limit_achieved: Boolean = element()
    evse_voltage_limit_achieved: Boolean = element()
    control_mode: (
        BPTDynamicDCCLResControlMode
        | BPTScheduledDCCLResControlMode
        | DynamicDCCLResControlMode
        | ScheduledDCCLResControlMode
    ) = element(substitutes="CLResControlMode")
