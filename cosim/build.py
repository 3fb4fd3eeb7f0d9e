"""Makes a vehicle, its charging point and both ends of their session out of a scenario and one visit."""

import math

from cosim.car import Car, Losses
from cosim.ev import Ev, Visit
from cosim.evse import Station
from cosim.scenario import Evse, Scenario, to_ns
from cosim.site import Site, site_of
from cosim.stage import Stage
from models.car.converter import NO_LOSS, Converter
from models.car.vehicle import DC_STATION_LOSS, vehicle_losses
from protocol.iso20.codes import ServiceID
from protocol.iso20.evcc import EVCC, EVCCSettings
from protocol.iso20.ratings import EVRatings, EVSERatings
from protocol.iso20.secc import SECC, SECCSettings
from protocol.iso20.sequence import State
from protocol.iso20.session import Timers

AC_SERVICES = (ServiceID.AC, ServiceID.AC_BPT)
DC_SERVICES = (ServiceID.DC, ServiceID.DC_BPT)


def couple(stage: Stage, visit: Visit, sites: tuple[Site, ...]) -> Ev:
    """A vehicle arrives at its charging point. Each vehicle has a charging point of its own, of the same number."""
    is_dc = visit.service.startswith("DC")
    car = _car(stage, visit, is_dc)
    secc = SECC(_secc_settings(stage, visit, car.converter, is_dc))
    station = Station(stage, visit.ev_id, site_of(sites, visit.ev_id), secc, is_dc)
    evcc = EVCC(_evcc_settings(stage, visit, car.converter, is_dc))
    return Ev(stage, visit, evcc, station, car)


def _car(stage: Stage, visit: Visit, is_dc: bool) -> Car:
    section = stage.scenario.evse
    station_loss = DC_STATION_LOSS if is_dc else NO_LOSS
    losses = Losses(station_loss, station_loss, *vehicle_losses(visit.vehicle, is_dc))
    converter = dc_converter(section) if is_dc else _onboard_charger(stage.scenario, visit.vehicle.ac_converter)
    return Car(visit.ev_id, stage.fleet, visit.vehicle.battery, converter, losses, visit.soc, stage.env.now_ns)


def dc_converter(section: Evse) -> Converter:
    """The station's own converter."""
    return Converter(
        reaction_delay_s=section.dc_reaction_delay_s,
        ramp_up_w_per_s=section.dc_ramp_w_per_s,
        ramp_down_w_per_s=section.dc_ramp_w_per_s,
        off_ramp_w_per_s=section.dc_off_ramp_w_per_s,
        wake_standby_s=section.dc_wake_s,
        wake_sleep_s=section.dc_wake_s,
        sleep_after_s=0.0,
        minimum_charge_w=section.dc_minimum_w,
        minimum_discharge_w=section.dc_minimum_w,
    )


def _onboard_charger(scenario: Scenario, charger: Converter) -> Converter:
    section = scenario.ev
    if section.reaction_delay_s is not None:
        charger = charger._replace(reaction_delay_s=section.reaction_delay_s)
    if section.ramp_w_per_s is not None:
        charger = charger._replace(ramp_up_w_per_s=section.ramp_w_per_s, ramp_down_w_per_s=section.ramp_w_per_s)
    return charger


def _timers(scenario: Scenario) -> Timers:
    section = scenario.secc
    return Timers(
        secc_sequence_ns=to_ns(section.sequence_timeout_s),
        secc_loop_sequence_ns=to_ns(section.loop_sequence_timeout_s),
        secc_ongoing_ns=to_ns(section.ongoing_limit_s),
    )


def _evcc_settings(stage: Stage, visit: Visit, converter: Converter, is_dc: bool) -> EVCCSettings:
    section, vehicle = stage.scenario.ev, visit.vehicle
    minimum_discharge_w = converter.minimum_discharge_w if visit.discharge_w > 0.0 else 0.0
    from_discovery = section.renegotiate_from == "charge_parameter_discovery"
    return EVCCSettings(
        evcc_id=f"EV{visit.ev_id:03d}",
        ratings=EVRatings(
            maximum_charge_w=visit.charge_w,
            minimum_charge_w=converter.minimum_charge_w,
            maximum_discharge_w=visit.discharge_w,
            minimum_discharge_w=minimum_discharge_w,
            maximum_charge_a=vehicle.maximum_dc_a if is_dc else 0.0,
            maximum_discharge_a=vehicle.maximum_dc_a if is_dc and visit.discharge_w > 0.0 else 0.0,
            maximum_v=vehicle.dc_maximum_v,
            minimum_v=vehicle.dc_minimum_v,
        ),
        services=(ServiceID[visit.service],),
        discharge_limits_negative=section.discharge_limits == "negative",
        per_phase=section.per_phase and vehicle.ac_phases == 3,
        renegotiate_from=State.CHARGE_PARAMETER_DISCOVERY if from_discovery else State.SCHEDULE_EXCHANGE,
        timers=_timers(stage.scenario),
        epoch_s=stage.epoch_s,
    )


def _secc_settings(stage: Stage, visit: Visit, converter: Converter, is_dc: bool) -> SECCSettings:
    section, secc = stage.scenario.evse, stage.scenario.secc
    return SECCSettings(
        evse_id=f"EVSE{visit.ev_id:03d}",
        new_session_id=lambda: (visit.ev_id + 1).to_bytes(8, "big"),
        ratings=EVSERatings(
            maximum_charge_w=section.dc_charge_w if is_dc else section.ac_charge_w,
            minimum_charge_w=converter.minimum_charge_w if is_dc else 0.0,
            maximum_discharge_w=section.dc_discharge_w if is_dc else section.ac_discharge_w,
            minimum_discharge_w=converter.minimum_discharge_w if is_dc else 0.0,
            maximum_charge_a=section.dc_maximum_a,
            maximum_discharge_a=section.dc_maximum_a,
            maximum_v=section.dc_maximum_v,
            minimum_v=section.dc_minimum_v,
            nominal_frequency_hz=stage.grid.nominal_hz,
            nominal_v=section.nominal_v,
            ramp_limit_percent_per_min=section.power_ramp_limit_percent_per_min or math.nan,
        ),
        services=DC_SERVICES if is_dc else AC_SERVICES,
        discharge_limits_negative=secc.discharge_limits == "negative",
        timers=_timers(stage.scenario),
        epoch_s=stage.epoch_s,
    )
