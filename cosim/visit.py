"""One stay of one vehicle at one charging point."""

from typing import NamedTuple

from models.car.vehicle import Vehicle


class Visit(NamedTuple):
    """One stay of one vehicle at one charging point, as planned by its driver."""

    ev_id: int
    arrive_ns: int
    leave_ns: int
    soc: float
    target_soc: float
    minimum_soc: float
    maximum_soc: float
    v2x_low_soc: float
    v2x_high_soc: float
    vehicle: Vehicle
    service: str
    charge_w: float  # rating at the plug
    discharge_w: float  # rating at the plug; 0 for charging only

    def new_session_id(self) -> bytes:
        """What the station gives to each session of this stay: as unique as the vehicle's number."""
        return (self.ev_id + 1).to_bytes(8, "big")
