"""The meters of a car: energy at the AC side, the plug and the cells, and what was lost between them."""

from cosim.car_state import CarState
from cosim.kind import Kind
from cosim.segment import power_in_segment_w
from models.car.converter import Energy, hold_energy, ramp_energy


def integrate(car: CarState, kind: Kind, to_ns: int) -> float:
    """Add the energies of the present segment up to `to_ns`, where it ends; returns that of the AC meter [W s]."""
    dt_s = (to_ns - car.segment_ns) * 1e-9
    station_charge, station_discharge = kind.station_charge, kind.station_discharge
    vehicle_charge, vehicle_discharge = kind.vehicle_charge, kind.vehicle_discharge
    if car.steady:
        part = hold_energy(car.target_w, dt_s, station_charge, station_discharge, vehicle_charge, vehicle_discharge)
    else:
        end_w = power_in_segment_w(car, to_ns)
        part = ramp_energy(
            car.start_w, end_w, dt_s, station_charge, station_discharge, vehicle_charge, vehicle_discharge
        )
    add(car, part)
    return part.grid_ws


def add(car: CarState, part: Energy) -> None:
    """Add to all meters."""
    car.grid_ws += part.grid_ws
    car.plug_ws += part.plug_ws
    car.cells_ws += part.cells_ws
    car.station_loss_ws += part.station_loss_ws
    car.vehicle_loss_ws += part.vehicle_loss_ws
    if part.plug_ws >= 0.0:
        car.charged_ws += part.plug_ws
    else:
        car.discharged_ws -= part.plug_ws
