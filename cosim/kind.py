"""What many cars have in common: constants of one model of car in one service at one sort of station."""

from dataclasses import dataclass

from models.car.battery import Battery
from models.car.converter import Converter, Loss


@dataclass(slots=True, unsafe_hash=True)  # never changed after it is made; read thirty times a turn, see DECISIONS.md
class Kind:
    """Constants of a pair of car and station. Powers at the plug unless said otherwise; magnitudes.

    The last fields are settled when the charge loop begins, by what both sides have said.
    """

    battery: Battery
    converter: Converter
    station_charge: Loss  # grid to plug, as functions of the power at the plug
    station_discharge: Loss
    vehicle_charge: Loss  # plug to cells
    vehicle_discharge: Loss
    is_dc: bool
    charge_w: float  # the car's rating
    discharge_w: float
    cells_w: float  # most the cells take, by their strongest connector: their taper starts from here
    minimum_charge_w: float
    minimum_discharge_w: float
    maximum_dc_a: float  # the car's current and voltage limits
    maximum_v: float
    minimum_v: float
    reactive_share: float  # of the active power
    minimum_soc: float  # bounds of the energy requests
    maximum_soc: float
    v2x_low_soc: float
    v2x_high_soc: float
    station_charge_w: float
    station_discharge_w: float
    station_maximum_a: float  # infinite in AC
    is_bpt: bool = False
    per_phase: bool = False  # powers are said phase by phase
    rated_w: float = 0.0  # smaller of car and station, at the AC meter
    rated_discharge_w: float = 0.0
    told_charge_w: float = 0.0  # the car's ratings as the wire tells them to the station
    told_discharge_w: float = 0.0
    told_minimum_charge_w: float = 0.0
    told_minimum_discharge_w: float = 0.0
    told_maximum_a: float = 0.0
