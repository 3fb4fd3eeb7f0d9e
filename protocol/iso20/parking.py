"""Check-in and check-out of a vehicle at a parking space. ISO 15118-20:2022, 8.3.4.3.

Declared because the codec carries them; sessions with a cable have no use for them.
"""

from protocol.iso20.codes import EVCheckInStatus, EVCheckOutStatus, EVSECheckOutStatus, ParkingMethod
from protocol.iso20.common import Request, Response
from protocol.schema import declared, element
from protocol.values import Short, UnsignedLong


@declared("cm:VehicleCheckInReqType")
class VehicleCheckInReq(Request):
    """The EV comes to its place, and says how it finds it."""

    ev_check_in_status: EVCheckInStatus = element()
    parking_method: ParkingMethod = element()
    vehicle_frame: Short | None = element(default=None)
    device_offset: Short | None = element(default=None)
    vehicle_travel: Short | None = element(default=None)


@declared("cm:VehicleCheckInResType")
class VehicleCheckInRes(Response):
    """Where the place is."""

    parking_space: Short | None = element(default=None)
    device_location: Short | None = element(default=None)
    target_distance: Short | None = element(default=None)


@declared("cm:VehicleCheckOutReqType")
class VehicleCheckOutReq(Request):
    """The EV is about to leave."""

    ev_check_out_status: EVCheckOutStatus = element()
    check_out_time: UnsignedLong = element("s")


@declared("cm:VehicleCheckOutResType")
class VehicleCheckOutRes(Response):
    """Whether it may."""

    evse_check_out_status: EVSECheckOutStatus = element()
