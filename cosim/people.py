"""Who comes, with which car, when, and how full: the visits of a run, drawn per vehicle.

Every draw is a function of seed, stream and vehicle, so adding a vehicle changes no other.
"""

from collections.abc import Sequence
from itertools import accumulate

from cosim.inputs import Inputs, PlannedVisit
from cosim.scenario import Fleet, Scenario, to_ns
from cosim.visit import Visit
from models.car.vehicle import Vehicle
from models.draws import stream_key, uniform
from models.people.arrivals import sample_visit

HALF = 0.5


def spread(number: int) -> float:
    """Evenly spread numbers in [0, 1): the binary van der Corput sequence. Shares are met closely by any first n."""
    value, weight = 0.0, HALF
    while number:
        value += weight * (number & 1)
        number >>= 1
        weight *= HALF
    return value


def chosen(weights: list[float], draw: float) -> int:
    """Index whose share of the weights holds `draw` in [0, 1)."""
    ends = list(accumulate(weights))
    level = draw * ends[-1]
    return next(index for index, end in enumerate(ends) if level < end)


def draw_visits(scenario: Scenario, inputs: Inputs) -> list[Visit]:
    """One visit per vehicle, by vehicle number."""
    count = len(inputs.visits) if scenario.fleet.arrival.kind == "file" else scenario.fleet.n_ev
    return [_visit(ev_id, scenario, inputs) for ev_id in range(count)]


def _visit(ev_id: int, scenario: Scenario, inputs: Inputs) -> Visit:
    fleet, seed = scenario.fleet, scenario.seed
    vehicle = _vehicle(ev_id, seed, inputs)
    arrive_s, leave_s, plan = _stay(ev_id, scenario, inputs)
    service = _service(ev_id, fleet, seed, vehicle, plan.service)
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
        arrive_ns=to_ns(arrive_s),
        leave_ns=to_ns(leave_s),
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


def _vehicle(ev_id: int, seed: int, inputs: Inputs) -> Vehicle:
    draw = uniform(stream_key(seed, "fleet.model"), ev_id, 0)
    return inputs.vehicles[chosen([choice.weight for choice in inputs.vehicles], draw)].vehicle


def _stay(ev_id: int, scenario: Scenario, inputs: Inputs) -> tuple[float, float, PlannedVisit]:
    """Arrival and departure [s] and what else the plan says."""
    arrival, seed = scenario.fleet.arrival, scenario.seed
    if arrival.kind == "file":
        plan = inputs.visits[ev_id]
        return plan.arrive_s, plan.leave_s, plan
    if arrival.kind == "distribution":
        assert inputs.arrivals is not None, "arrival tables are read before the run"
        visit = sample_visit(stream_key(seed, "fleet.arrival"), ev_id, inputs.arrivals)
        return visit.arrive_s, visit.leave_s, PlannedVisit(visit.arrive_s, visit.leave_s, visit.energy_wh)
    (first_in, last_in), (first_out, last_out) = arrival.plug_in_s, arrival.leave_s
    arrive_s = first_in + (last_in - first_in) * uniform(stream_key(seed, "fleet.plug_in"), ev_id, 0)
    leave_s = first_out + (last_out - first_out) * uniform(stream_key(seed, "fleet.leave"), ev_id, 0)
    return arrive_s, max(leave_s, arrive_s), PlannedVisit(arrive_s, leave_s)


def _service(ev_id: int, fleet: Fleet, seed: int, vehicle: Vehicle, wanted: str) -> str:
    """The service wanted, or the nearest that the car is capable of."""
    name = wanted or list(fleet.services)[chosen(list(fleet.services.values()), spread(ev_id))]
    power = "DC" if name.startswith("DC") and vehicle.maximum_dc_charge_w > 0.0 else "AC"
    discharge_w = vehicle.maximum_dc_discharge_w if power == "DC" else vehicle.maximum_ac_discharge_w
    takes_part = uniform(stream_key(seed, "fleet.v2g"), ev_id, 0) < fleet.v2g_share
    return f"{power}_BPT" if name.endswith("BPT") and discharge_w > 0.0 and takes_part else power


def offered_w(scenario: Scenario, inputs: Inputs, visits: Sequence[Visit] = ()) -> float:
    """Discharge power that the simulated cars offer together [W at the plug], smaller of car and station."""
    section = scenario.evse
    total_w = 0.0
    for visit in visits or draw_visits(scenario, inputs):
        station_w = section.dc_discharge_w if visit.service.startswith("DC") else section.ac_discharge_w
        total_w += min(visit.discharge_w, station_w)
    return total_w
