"""Metering confirmation: the EV confirms what the station's meter says. ISO 15118-20:2022, 8.3.4.3.

Travels beside the charge loop. The signature that makes it worth something is Plug and Charge and stays out.
"""

from protocol.iso20.common import Request, Response
from protocol.iso20.loop import MeterInfo, Receipt
from protocol.schema import ComplexType, attribute, declared, element
from protocol.values import NumericID, SessionID, XmlID


@declared("cm:Dynamic_SMDTControlModeType")
class DynamicSMDTControlMode(ComplexType):
    """In Dynamic mode no schedule belongs to the reading."""


@declared("cm:Scheduled_SMDTControlModeType")
class ScheduledSMDTControlMode(ComplexType):
    """The schedule that was followed while the meter ran."""

    selected_schedule_tuple_id: NumericID = element()


@declared("cm:SignedMeteringDataType")
class SignedMeteringData(ComplexType):
    """The reading as the station sent it, and perhaps the bill."""

    id: XmlID = attribute("Id")
    session_id: SessionID = element()
    meter_info: MeterInfo = element()
    receipt: Receipt | None = element(default=None)
    control_mode: DynamicSMDTControlMode | ScheduledSMDTControlMode = element()


@declared("cm:MeteringConfirmationReqType")
class MeteringConfirmationReq(Request):
    """The EV confirms a meter reading."""

    signed_metering_data: SignedMeteringData = element()


@declared("cm:MeteringConfirmationResType")
class MeteringConfirmationRes(Response):
    """The station takes note."""
