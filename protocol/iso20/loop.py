"""What the charge loops of AC and DC have in common. ISO 15118-20:2022, 8.3.4.3 and 8.3.5.3."""

from protocol.iso20.common import EVSEStatus, Request, Response
from protocol.schema import ComplexType, declared, element
from protocol.values import (
    Boolean,
    MeterID,
    MeterSignature,
    NumericID,
    PercentValue,
    RationalNumber,
    Short,
    UnsignedInt,
    UnsignedLong,
    UnsignedShort,
)


@declared("ct:DisplayParametersType")
class DisplayParameters(ComplexType):
    """What a station may show to the driver."""

    present_soc: PercentValue | None = element("%", default=None)
    minimum_soc: PercentValue | None = element("%", default=None)
    target_soc: PercentValue | None = element("%", default=None)
    maximum_soc: PercentValue | None = element("%", default=None)
    remaining_time_to_minimum_soc: UnsignedInt | None = element("s", default=None)
    remaining_time_to_target_soc: UnsignedInt | None = element("s", default=None)
    remaining_time_to_maximum_soc: UnsignedInt | None = element("s", default=None)
    charging_complete: Boolean | None = element(default=None)
    battery_energy_capacity: RationalNumber | None = element("Wh", default=None)
    inlet_hot: Boolean | None = element(default=None)


@declared("ct:MeterInfoType")
class MeterInfo(ComplexType):
    """Energy of the service session (V2G20-902), in two registers that never fall."""

    meter_id: MeterID = element()
    charged_energy_reading_wh: UnsignedLong = element("Wh")
    bpt_discharged_energy_reading_wh: UnsignedLong | None = element("Wh", default=None)
    capacitive_energy_reading_varh: UnsignedLong | None = element("varh", default=None)
    bpt_inductive_energy_reading_varh: UnsignedLong | None = element("varh", default=None)
    meter_signature: MeterSignature | None = element(default=None)
    meter_status: Short | None = element(default=None)
    meter_timestamp: UnsignedLong | None = element("s", default=None)


@declared("ct:DetailedCostType")
class DetailedCost(ComplexType):
    """One part of a bill."""

    amount: RationalNumber = element()
    cost_per_unit: RationalNumber = element()


@declared("ct:DetailedTaxType")
class DetailedTax(ComplexType):
    """One tax of a bill."""

    tax_rule_id: NumericID = element()
    amount: RationalNumber = element()


@declared("ct:ReceiptType")
class Receipt(ComplexType):
    """The bill so far."""

    time_anchor: UnsignedLong = element("s")
    energy_costs: DetailedCost | None = element(default=None)
    occupancy_costs: DetailedCost | None = element(default=None)
    additional_services_costs: DetailedCost | None = element(default=None)
    overstay_costs: DetailedCost | None = element(default=None)
    tax_costs: tuple[DetailedTax, ...] = element(default=(), occurs=(0, 10))


@declared("ct:ChargeLoopReqType")
class ChargeLoopReq(Request):
    """What every request of the charge loop begins with."""

    display_parameters: DisplayParameters | None = element(default=None)
    meter_info_requested: Boolean = element()


@declared("ct:ChargeLoopResType")
class ChargeLoopRes(Response):
    """What every response of the charge loop begins with."""

    evse_status: EVSEStatus | None = element(default=None)
    meter_info: MeterInfo | None = element(default=None)
    receipt: Receipt | None = element(default=None)


@declared("ct:CLReqControlModeType")
class CLReqControlMode(ComplexType):
    """Head of the control modes of loop requests; has no content of its own."""


@declared("ct:Dynamic_CLReqControlModeType")
class DynamicCLReqControlMode(CLReqControlMode):
    """The EV's needs as they are now: signed distances from the present content of the battery to its bounds."""

    departure_time: UnsignedInt | None = element("s", default=None)
    ev_target_energy_request: RationalNumber = element("Wh")
    ev_maximum_energy_request: RationalNumber = element("Wh")
    ev_minimum_energy_request: RationalNumber = element("Wh")


@declared("ct:Scheduled_CLReqControlModeType")
class ScheduledCLReqControlMode(CLReqControlMode):
    """The EV's needs while it follows a schedule."""

    ev_target_energy_request: RationalNumber | None = element("Wh", default=None)
    ev_maximum_energy_request: RationalNumber | None = element("Wh", default=None)
    ev_minimum_energy_request: RationalNumber | None = element("Wh", default=None)


@declared("ct:CLResControlModeType")
class CLResControlMode(ComplexType):
    """Head of the control modes of loop responses; has no content of its own."""


@declared("ct:Dynamic_CLResControlModeType")
class DynamicCLResControlMode(CLResControlMode):
    """The station's wishes, where it may have any (MobilityNeedsMode 2)."""

    departure_time: UnsignedInt | None = element("s", default=None)
    minimum_soc: PercentValue | None = element("%", default=None)
    target_soc: PercentValue | None = element("%", default=None)
    ack_max_delay: UnsignedShort | None = element("s", default=None)


@declared("ct:Scheduled_CLResControlModeType")
class ScheduledCLResControlMode(CLResControlMode):
    """Nothing beyond the schedule."""
