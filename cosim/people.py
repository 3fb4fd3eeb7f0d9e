"""Who comes, with which car, when, and how full: the visits of a run, drawn per vehicle.

Every draw is a function of seed, stream and vehicle, so adding a vehicle changes no other, a visit need not be drawn
before it begins, and a part of a fleet can be drawn by itself. What is to be known of all beforehand is counted in
whole numbers, so that the parts add up.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cosim.inputs import Inputs, PlannedVisit
from cosim.scenario import Fleet, Scenario, to_ns
from cosim.sums import micro
from cosim.visit import Visit
from models.car.vehicle import Vehicle
from models.draws import stream_key, uniform
from models.people.arrivals import sample_visit


def spread(number: int) -> float:
    """Evenly spread numbers in [0, 1): the binary van der Corput sequence. Shares are met closely by any first n."""
    digits = f"{number:b}"
    return int(digits[::-1], 2) / (1 << len(digits))


def chosen(weights: Iterable[float], draw: float) -> int:
    """Index whose share of the weights holds `draw` in [0, 1)."""
    ends = list(accumulate(weights))
    return bisect_right(ends, draw * ends[-1])


def n_visits(scenario: Scenario, inputs: Inputs) -> int:
    """How many vehicles come; each once."""
    return len(inputs.visits) if scenario.fleet.arrival.kind == "file" else scenario.fleet.n_ev


def in_order_of_arrival(
    scenario: Scenario, inputs: Inputs, ev_ids: Sequence[int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Vehicles in the order in which they come, those of one instant by id, and their instants [ns]."""
    ids = np.fromiter(ev_ids, np.int64, len(ev_ids))
    instants = (to_ns(_arrive_s(ev_id, scenario, inputs)) for ev_id in ev_ids)
    at_ns = np.fromiter(instants, np.int64, len(ev_ids))
    order = np.lexsort((ids, at_ns))
    return ids[order], at_ns[order]


def visit_of(ev_id: int, scenario: Scenario, inputs: Inputs) -> Visit:
    """The visit of one vehicle, whoever else comes."""
    fleet, seed = scenario.fleet, scenario.seed
    plan = _stay(ev_id, scenario, inputs)
    vehicle, service = _car(ev_id, scenario, inputs, plan.service)
    battery = vehicle.battery
    is_dc, is_bpt = service.startswith("DC"), service.endswith("BPT")
    charge_w = vehicle.maximum_dc_charge_w if is_dc else vehicle.maximum_ac_charge_w
    discharge_w = vehicle.maximum_dc_discharge_w if is_dc else vehicle.maximum_ac_discharge_w

    low, high = fleet.soc
    soc = plan.soc if plan.soc == plan.soc else low + (high - low) * uniform(stream_key(seed, "fleet.soc"), ev_id, 0)
    target_soc = plan.target_soc if plan.target_soc == plan.target_soc else fleet.target_soc
    if plan.energy_wh == plan.energy_wh and plan.soc != plan.soc:
        # A wish in energy: the car arrives as empty as the wish needs, the target stays.
        soc = target_soc - plan.energy_wh / battery.capacity_wh
    return Visit(
        ev_id=ev_id,
        arrive_ns=to_ns(plan.arrive_s),
        leave_ns=to_ns(plan.leave_s),
        soc=min(max(soc, battery.floor_soc), battery.ceiling_soc),
        target_soc=min(target_soc, battery.ceiling_soc),
        minimum_soc=min(fleet.minimum_soc, target_soc),
        maximum_soc=max(min(fleet.maximum_soc, battery.ceiling_soc), target_soc),
        v2x_low_soc=fleet.v2x_soc[0],
        v2x_high_soc=fleet.v2x_soc[1],
        vehicle=vehicle,
        service=service,
        charge_w=charge_w,
        discharge_w=discharge_w if is_bpt else 0.0,
    )


# --- one vehicle ---


def _car(ev_id: int, scenario: Scenario, inputs: Inputs, wanted: str) -> tuple[Vehicle, str]:
    """The model of a vehicle and the service it gets."""
    index = 0
    if len(inputs.vehicles) > 1:
        draw = uniform(stream_key(scenario.seed, "fleet.model"), ev_id, 0)
        index = chosen((choice.weight for choice in inputs.vehicles), draw)
    vehicle = inputs.vehicles[index].vehicle
    return vehicle, _service(ev_id, scenario.fleet, scenario.seed, vehicle, wanted)


def _arrive_s(ev_id: int, scenario: Scenario, inputs: Inputs) -> float:
    arrival = scenario.fleet.arrival
    if arrival.kind == "window":
        first_s, last_s = arrival.plug_in_s
        return first_s + (last_s - first_s) * uniform(stream_key(scenario.seed, "fleet.plug_in"), ev_id, 0)
    return _stay(ev_id, scenario, inputs).arrive_s


def _stay(ev_id: int, scenario: Scenario, inputs: Inputs) -> PlannedVisit:
    """Arrival and departure [s] and what else is planned."""
    arrival, seed = scenario.fleet.arrival, scenario.seed
    if arrival.kind == "file":
        return inputs.visits[ev_id]
    if arrival.kind == "distribution":
        assert inputs.arrivals is not None, "arrival tables are read before the run"
        visit = sample_visit(stream_key(seed, "fleet.arrival"), ev_id, inputs.arrivals)
        return PlannedVisit(visit.arrive_s, visit.leave_s, visit.energy_wh)
    arrive_s = _arrive_s(ev_id, scenario, inputs)
    first_s, last_s = arrival.leave_s
    leave_s = first_s + (last_s - first_s) * uniform(stream_key(seed, "fleet.leave"), ev_id, 0)
    return PlannedVisit(arrive_s, max(leave_s, arrive_s))


def _service(ev_id: int, fleet: Fleet, seed: int, vehicle: Vehicle, wanted: str) -> str:
    """The service wanted, or the nearest that the car is capable of."""
    name = wanted or list(fleet.services)[chosen(fleet.services.values(), spread(ev_id))]
    power = "DC" if name.startswith("DC") and vehicle.maximum_dc_charge_w > 0.0 else "AC"
    discharge_w = vehicle.maximum_dc_discharge_w if power == "DC" else vehicle.maximum_ac_discharge_w
    takes_part = fleet.v2g_share >= 1.0 or uniform(stream_key(seed, "fleet.v2g"), ev_id, 0) < fleet.v2g_share
    return f"{power}_BPT" if name.endswith("BPT") and discharge_w > 0.0 and takes_part else power


# --- all of them ---


class Offered(NamedTuple):
    """What the cars of a fleet, or of a part of it, can feed back, in whole numbers: those of parts add up."""

    at_plug_uw: int = 0  # smaller of car and station
    ac_uw: int = 0  # the cars' ratings
    dc_uw: int = 0
    ac_reaction_w_us: int = 0  # rating times reaction delay of the car's own charger

    @property
    def at_plug_w(self) -> float:
        """Discharge power that the simulated cars offer together [W], smaller of car and station."""
        return self.at_plug_uw / 1e6


def offered(scenario: Scenario, inputs: Inputs, ev_ids: Iterable[int]) -> Offered:
    """What these vehicles offer together."""
    section = scenario.evse
    at_plug_uw = ac_uw = dc_uw = ac_reaction_w_us = 0
    for ev_id in ev_ids:
        wanted = inputs.visits[ev_id].service if scenario.fleet.arrival.kind == "file" else ""
        vehicle, service = _car(ev_id, scenario, inputs, wanted)
        if service == "DC_BPT":
            at_plug_uw += micro(min(vehicle.maximum_dc_discharge_w, section.dc_discharge_w))
            dc_uw += micro(vehicle.maximum_dc_discharge_w)
        elif service == "AC_BPT":
            rated_w = vehicle.maximum_ac_discharge_w
            at_plug_uw += micro(min(rated_w, section.ac_discharge_w))
            ac_uw += micro(rated_w)
            ac_reaction_w_us += micro(rated_w * vehicle.ac_converter.reaction_delay_s)
    return Offered(at_plug_uw, ac_uw, dc_uw, ac_reaction_w_us)
