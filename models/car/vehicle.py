"""A vehicle: battery, on-board charger and ratings, made from a row of a table of models.

Tables give battery energy and powers. Everything else here is a default with its source, or "assumed" with the reason.
"""

from typing import NamedTuple

from models.car.battery import Battery
from models.car.converter import Converter, Loss

MAINS_V = 230.0
LEAST_AC_A = 6.0  # IEC 61851-1: the smallest current a vehicle is told to draw
SINGLE_PHASE_UP_TO_W = 7_400.0  # 32 A on one phase; stronger chargers use three

# Pack of about 96 cells in series, 3.0 to 4.2 V each; 1 mohm a cell. Assumed: no table gives them.
OPEN_CIRCUIT_EMPTY_V = 290.0
OPEN_CIRCUIT_FULL_V = 400.0
RESISTANCE_OHM = 0.1
PACK_V = 0.5 * (OPEN_CIRCUIT_EMPTY_V + OPEN_CIRCUIT_FULL_V)

# Caldera ICM 1.2.0 (Apache-2.0), class L2_onboard_or_dc_le_20kw over AC power; fitted, worst efficiency error 0.017.
ONBOARD_LOSS = Loss(54.094005, 0.076673673, 0.0)
# Same source, class dc_20_to_100kw over DC power; fitted, worst efficiency error 0.030.
DC_STATION_LOSS = Loss(248.79961, 0.075908117, 0.0)

# Caldera ICM 1.2.0, V2G_default (its own placeholder): 0.2 s, 10 kW/s. A 22 kW ISO 15118-20 bay answered within 1 s
# (doi 10.3390/wevj16110636), which agrees; a 10 kW CHAdeMO charger needed 4 to 7 s and ramped at 3.3 kW/s
# (doi 10.3390/wevj10020021). Off-ramp and wake-up: class L2 of Caldera; stand-by figures are assumed.
BIDIRECTIONAL_CHARGER = Converter(
    reaction_delay_s=0.2,
    ramp_up_w_per_s=10_000.0,
    ramp_down_w_per_s=10_000.0,
    off_ramp_w_per_s=100_000.0,
    wake_standby_s=0.5,
    wake_sleep_s=5.0,
    sleep_after_s=300.0,
    minimum_charge_w=0.0,  # both minima follow from the phases
    minimum_discharge_w=0.0,
)
# Caldera ICM 1.2.0, class L2: 0.15 s then 2 kW/s up, 0.1 s then 3 kW/s down; the longer delay serves both.
CHARGING_ONLY_CHARGER = BIDIRECTIONAL_CHARGER._replace(
    reaction_delay_s=0.15, ramp_up_w_per_s=2_000.0, ramp_down_w_per_s=3_000.0
)


class Vehicle(NamedTuple):
    """One model of car. Discharge powers are magnitudes; 0 for a car that only charges."""

    name: str
    battery: Battery
    ac_phases: int
    maximum_ac_charge_w: float
    maximum_ac_discharge_w: float
    maximum_dc_charge_w: float
    maximum_dc_discharge_w: float
    maximum_dc_a: float
    dc_maximum_v: float
    dc_minimum_v: float
    ac_converter: Converter
    charge_loss: Loss  # on-board charger, of AC power; the cells' loss comes on top (`cell_loss`)
    discharge_loss: Loss
    power_factor: float
    v2g: str  # where the discharge power comes from: "as_sold", "hypothetical" or "none"


def cell_loss(battery: Battery) -> Loss:
    """Loss in the cells' resistance as a function of plug power: R P^2 / V^2 at the pack's middle voltage.

    An approximation that keeps energy a polynomial of power: the voltage is taken as constant, and in AC the power at
    the plug stands for the slightly smaller one behind the charger.
    """
    middle_v = 0.5 * (battery.open_circuit_empty_v + battery.open_circuit_full_v)
    return Loss(0.0, 0.0, battery.resistance_ohm / (middle_v * middle_v))


def in_series(first: Loss, second: Loss) -> Loss:
    """Two losses of the same plug power, added."""
    return Loss(
        first.constant_w + second.constant_w,
        first.linear + second.linear,
        first.quadratic_per_w + second.quadratic_per_w,
    )


def vehicle_losses(vehicle: Vehicle, is_dc: bool) -> tuple[Loss, Loss]:
    """Losses between plug and cells, charging and discharging: the cells, and in AC the on-board charger."""
    cells = cell_loss(vehicle.battery)
    if is_dc:
        return cells, cells
    return in_series(vehicle.charge_loss, cells), in_series(vehicle.discharge_loss, cells)


def vehicle_from_row(
    model: str,
    battery_kwh: float,
    max_ac_charge_kw: float,
    max_dc_charge_kw: float,
    max_ac_discharge_kw_as_sold: float = 0.0,
    max_dc_discharge_kw_as_sold: float = 0.0,
    max_discharge_kw_hypothetical_v2g: float = 0.0,
    *,
    hypothetical: bool = True,
    onboard_loss: Loss = ONBOARD_LOSS,
) -> Vehicle:
    """A vehicle from a row of `ev_models.csv`; nan counts as 0.

    A discharge power as sold comes first; where there is none and `hypothetical` is set, the assumed one is used, up
    to the charging power of the same connector. `v2g` says "hypothetical" as soon as one of the two powers is.
    Discharging loses as much as charging at the same power: no table of the other direction exists. The default gives
    83 % for a round trip at 11 kW; field tests found 79 to 88 %, 87 on average (Schram et al. 2020).
    """
    ac_charge_w, dc_charge_w = 1e3 * max_ac_charge_kw, 1e3 * max_dc_charge_kw
    assumed_w = 1e3 * _known(max_discharge_kw_hypothetical_v2g) if hypothetical else 0.0
    ac_sold_w, dc_sold_w = 1e3 * _known(max_ac_discharge_kw_as_sold), 1e3 * _known(max_dc_discharge_kw_as_sold)
    ac_discharge_w = ac_sold_w if ac_sold_w > 0.0 else min(assumed_w, ac_charge_w)
    dc_discharge_w = dc_sold_w if dc_sold_w > 0.0 else min(assumed_w, dc_charge_w)
    if assumed_w > 0.0:
        v2g = "hypothetical" if ac_sold_w == 0.0 or dc_sold_w == 0.0 else "as_sold"
    else:
        v2g = "as_sold" if ac_discharge_w > 0.0 or dc_discharge_w > 0.0 else "none"
    phases = 1 if ac_charge_w <= SINGLE_PHASE_UP_TO_W else 3
    least_w = LEAST_AC_A * MAINS_V * phases
    charger = BIDIRECTIONAL_CHARGER if ac_discharge_w > 0.0 else CHARGING_ONLY_CHARGER
    strongest_w = dc_charge_w if dc_charge_w > dc_discharge_w else dc_discharge_w
    return Vehicle(
        name=model,
        battery=default_battery(1e3 * battery_kwh),
        ac_phases=phases,
        maximum_ac_charge_w=ac_charge_w,
        maximum_ac_discharge_w=ac_discharge_w,
        maximum_dc_charge_w=dc_charge_w,
        maximum_dc_discharge_w=dc_discharge_w,
        maximum_dc_a=strongest_w / PACK_V,
        dc_maximum_v=OPEN_CIRCUIT_FULL_V + 20.0,  # room for charging through the resistance; assumed
        dc_minimum_v=OPEN_CIRCUIT_EMPTY_V - 20.0,
        ac_converter=charger._replace(minimum_charge_w=least_w, minimum_discharge_w=least_w),
        charge_loss=onboard_loss,
        discharge_loss=onboard_loss,
        power_factor=1.0,  # reactive power follows it; assumed
        v2g=v2g,
    )


def default_battery(capacity_wh: float) -> Battery:
    """A battery of which only the energy is known. Bounds and tapers are assumed: full power from 15 to 80 %."""
    return Battery(
        capacity_wh=capacity_wh,
        floor_soc=0.05,
        ceiling_soc=1.0,
        charge_taper_soc=0.8,
        discharge_taper_soc=0.15,
        open_circuit_empty_v=OPEN_CIRCUIT_EMPTY_V,
        open_circuit_full_v=OPEN_CIRCUIT_FULL_V,
        resistance_ohm=RESISTANCE_OHM,
    )


def _known(value: float) -> float:
    return value if value == value else 0.0
