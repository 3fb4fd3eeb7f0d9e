"""Makes a vehicle, its charging point and both ends of their session out of a scenario and one visit."""

import math
from typing import Any

from cosim.car import Car
from cosim.ev import Ev
from cosim.evse import Station
from cosim.kind import Kind
from cosim.on_phases import wired_phase
from cosim.scenario import Ev as EvSection
from cosim.scenario import Evse, Secc, to_ns
from cosim.site import Site, site_of
from cosim.stage import Stage
from cosim.sums import Sums
from cosim.visit import Visit
from models.car.converter import NO_LOSS, Converter, Loss
from models.car.vehicle import DC_STATION_LOSS, Vehicle, vehicle_losses
from protocol.iso20.codes import ControlMode, MobilityNeedsMode, ServiceID
from protocol.iso20.evcc import EVCC, EVCCSettings
from protocol.iso20.ratings import EVRatings, EVSERatings
from protocol.iso20.secc import SECC, SECCSettings
from protocol.iso20.sequence import State
from protocol.iso20.session import Timers
from protocol.values import wire

AC_SERVICES = (ServiceID.AC, ServiceID.AC_BPT)
MODELS_KEPT = 4096  # where targets make each vehicle a model of its own, keeping them all would help nobody
FourLosses = tuple[Loss, Loss, Loss, Loss]
DC_SERVICES = (ServiceID.DC, ServiceID.DC_BPT)


class Builder:
    """Couples vehicles with charging points; what is the same for many of them is made once."""

    def __init__(self, stage: Stage, sites: tuple[Site, ...]) -> None:
        self._stage = stage
        self._sites = sites
        self._models: dict[tuple[Any, ...], tuple[Kind, EVCCSettings]] = {}  # what vehicles have in common
        self._converters: dict[tuple[Vehicle, bool], tuple[Converter, FourLosses]] = {}
        self._timers = session_timers(stage.scenario.secc)
        self._stationary = {is_dc: self._secc_settings(is_dc) for is_dc in (False, True)}

    def couple(self, visit: Visit) -> Ev:
        """A vehicle arrives at its charging point. Each vehicle has one of its own, of the same number."""
        stage = self._stage
        is_dc = visit.service.startswith("DC")
        kind, settings = self._model(visit, is_dc)
        car = Car(visit.ev_id, kind, self._sums(visit, is_dc), visit.soc, stage.env.now_ns)
        secc = SECC(self._stationary[is_dc], None, f"EVSE{visit.ev_id:03d}", visit.new_session_id)
        station = Station(stage, visit.ev_id, site_of(self._sites, visit.ev_id), secc, is_dc)
        evcc = EVCC(settings, None, f"EV{visit.ev_id:03d}")
        return Ev(stage, visit, evcc, station, car)

    def _sums(self, visit: Visit, is_dc: bool) -> Sums:
        """Where the car's energy is counted: a single-phase car on the phase that its connector is wired to."""
        section, fleet = self._stage.scenario.evse, self._stage.fleet
        if is_dc or section.phases == "summed" or visit.vehicle.ac_phases == 3:
            return fleet.sums
        return fleet.on_phase[wired_phase(section, visit.ev_id)]

    def _model(self, visit: Visit, is_dc: bool) -> tuple[Kind, EVCCSettings]:
        """What the vehicle has in common with others, made once; the settings lack its own id."""
        bounds = (visit.minimum_soc, visit.maximum_soc, visit.v2x_low_soc, visit.v2x_high_soc)
        common = (visit.vehicle, is_dc, visit.charge_w, visit.discharge_w, *bounds)
        model = self._models.get(common)
        if model is None:
            if len(self._models) >= MODELS_KEPT:
                self._models.clear()
            kind = self._kind(visit, is_dc)
            self._models[common] = model = (kind, self._evcc_settings(visit, kind))
        return model

    def _kind(self, visit: Visit, is_dc: bool) -> Kind:
        scenario, vehicle = self._stage.scenario, visit.vehicle
        converter, losses = self._hardware(vehicle, is_dc)
        most_w = math.inf
        if not is_dc and vehicle.ac_phases == 1 and scenario.evse.maximum_asymmetry_w is not None:
            most_w = scenario.evse.maximum_asymmetry_w
        section, reactive = scenario.evse, math.sqrt(1.0 - vehicle.power_factor * vehicle.power_factor)
        kind = Kind(
            vehicle.battery,
            converter,
            *losses,
            is_dc=is_dc,
            charge_w=visit.charge_w,
            discharge_w=visit.discharge_w,
            cells_w=max(vehicle.maximum_dc_charge_w, vehicle.maximum_ac_charge_w),
            minimum_charge_w=converter.minimum_charge_w,
            minimum_discharge_w=converter.minimum_discharge_w if visit.discharge_w > 0.0 else 0.0,
            maximum_dc_a=wire(vehicle.maximum_dc_a),  # as each turn says it
            maximum_v=vehicle.dc_maximum_v,
            minimum_v=vehicle.dc_minimum_v,
            reactive_share=reactive / vehicle.power_factor,
            minimum_soc=visit.minimum_soc,
            maximum_soc=visit.maximum_soc,
            v2x_low_soc=visit.v2x_low_soc,
            v2x_high_soc=visit.v2x_high_soc,
            station_charge_w=min(section.dc_charge_w if is_dc else section.ac_charge_w, most_w),
            station_discharge_w=min(section.dc_discharge_w if is_dc else section.ac_discharge_w, most_w),
            station_maximum_a=section.dc_maximum_a if is_dc else math.inf,
        )
        return self._stage.kinds.setdefault(kind, kind)

    def _hardware(self, vehicle: Vehicle, is_dc: bool) -> tuple[Converter, FourLosses]:
        """Who converts, and what is lost: station charging and discharging, vehicle charging and discharging."""
        found = self._converters.get((vehicle, is_dc))
        if found is None:
            scenario = self._stage.scenario
            station_loss = DC_STATION_LOSS if is_dc else NO_LOSS
            found = (
                dc_converter(scenario.evse) if is_dc else onboard_charger(scenario.ev, vehicle.ac_converter),
                (station_loss, station_loss, *vehicle_losses(vehicle, is_dc)),
            )
            self._converters[vehicle, is_dc] = found
        return found

    def _evcc_settings(self, visit: Visit, kind: Kind) -> EVCCSettings:
        section, vehicle, is_dc = self._stage.scenario.ev, visit.vehicle, kind.is_dc
        discharges = visit.discharge_w > 0.0
        by_phase = not is_dc and self._stage.scenario.evse.phases == "each"
        from_discovery = section.renegotiate_from == "charge_parameter_discovery"
        return EVCCSettings(
            evcc_id="",
            ratings=EVRatings(
                maximum_charge_w=visit.charge_w,
                minimum_charge_w=kind.minimum_charge_w,
                maximum_discharge_w=visit.discharge_w,
                minimum_discharge_w=kind.minimum_discharge_w,
                maximum_charge_a=vehicle.maximum_dc_a if is_dc else 0.0,
                maximum_discharge_a=vehicle.maximum_dc_a if is_dc and discharges else 0.0,
                maximum_v=vehicle.dc_maximum_v,
                minimum_v=vehicle.dc_minimum_v,
            ),
            services=(ServiceID[visit.service],),
            discharge_limits_negative=section.discharge_limits == "negative",
            per_phase=by_phase or (section.per_phase and vehicle.ac_phases == 3),
            single_phase=by_phase and vehicle.ac_phases == 1,
            renegotiate_from=State.CHARGE_PARAMETER_DISCOVERY if from_discovery else State.SCHEDULE_EXCHANGE,
            timers=self._timers,
            control_mode=ControlMode.SCHEDULED if section.control_mode == "scheduled" else ControlMode.DYNAMIC,
            mobility_needs_mode=MobilityNeedsMode.SECC
            if section.mobility_needs == "station"
            else MobilityNeedsMode.EVCC,
            epoch_s=self._stage.epoch_s,
        )

    def _secc_settings(self, is_dc: bool) -> SECCSettings:
        """What stations of one sort have in common, all but the id and who numbers their sessions."""
        return SECCSettings(
            evse_id="",
            new_session_id=bytes,
            ratings=_evse_ratings(self._stage, is_dc),
            services=DC_SERVICES if is_dc else AC_SERVICES,
            discharge_limits_negative=self._stage.scenario.secc.discharge_limits == "negative",
            tolerance_required=self._stage.scenario.secc.tolerance_required,
            settles_needs=self._stage.scenario.ev.mobility_needs == "station",
            standby=self._stage.scenario.secc.standby,
            service_renegotiation=self._stage.scenario.secc.service_renegotiation,
            timers=self._timers,
            epoch_s=self._stage.epoch_s,
        )


def session_timers(section: Secc) -> Timers:
    """The standard's timers, but for those that a scenario may set."""
    return Timers(
        secc_sequence_ns=to_ns(section.sequence_timeout_s),
        secc_loop_sequence_ns=to_ns(section.loop_sequence_timeout_s),
        secc_ongoing_ns=to_ns(section.ongoing_limit_s),
        secc_authorization_ns=to_ns(section.authorization_limit_s),
        secc_cable_check_ns=to_ns(section.cable_check_limit_s),
        secc_pre_charge_ns=to_ns(section.pre_charge_limit_s),
        authorization_ns=to_ns(section.authorization_limit_s + 5.0),
    )


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


def onboard_charger(section: EvSection, charger: Converter) -> Converter:
    """The vehicle's own charger, with what the scenario says instead of the table."""
    if section.reaction_delay_s is not None:
        charger = charger._replace(reaction_delay_s=section.reaction_delay_s)
    if section.ramp_w_per_s is not None:
        charger = charger._replace(ramp_up_w_per_s=section.ramp_w_per_s, ramp_down_w_per_s=section.ramp_w_per_s)
    return charger


def _evse_ratings(stage: Stage, is_dc: bool) -> EVSERatings:
    section = stage.scenario.evse
    return EVSERatings(
        maximum_charge_w=section.dc_charge_w if is_dc else section.ac_charge_w,
        minimum_charge_w=section.dc_minimum_w if is_dc else 0.0,
        maximum_discharge_w=section.dc_discharge_w if is_dc else section.ac_discharge_w,
        minimum_discharge_w=section.dc_minimum_w if is_dc else 0.0,
        maximum_charge_a=section.dc_maximum_a,
        maximum_discharge_a=section.dc_maximum_a,
        maximum_v=section.dc_maximum_v,
        minimum_v=section.dc_minimum_v,
        nominal_frequency_hz=stage.grid.nominal_hz,
        nominal_v=section.nominal_v,
        maximum_asymmetry_w=math.nan if is_dc else section.maximum_asymmetry_w or math.nan,
        ramp_limit_percent_per_min=section.power_ramp_limit_percent_per_min or math.nan,
    )
