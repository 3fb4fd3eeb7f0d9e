"""Whether a scenario can work: combinations that cannot, and those that deserve a warning. Read before a run starts."""

from itertools import pairwise

from cosim.imbalance import noise_sigma_mw
from cosim.inputs import Inputs
from cosim.loop import ANSWERING, loop_estimate
from cosim.people import Offered, n_visits, offered
from cosim.scenario import Scenario
from models.grid.area import closed_loop_time_s, held_low_mw, initial_rocof_hz_per_s
from models.grid.products import PRODUCTS, Product

STANDARD_LOOP_S = 0.5
STANDARD_GAP_S = 0.25
STANDARD_STEP_S = 40.0  # the vehicle's time to the next request outside the loop
LOOP_ANSWER_S = 0.25  # the station's time to answer in the loop
PILOT_C_S = 0.25  # pilot state C after PowerDeliveryReq(Start), V2G20-847
ANSWER_S = 1.5  # the station's time to answer outside the loop
RIPPLE_HZ = 0.002
ENOUGH_EVS = 20_000  # to know the mean power of a car to a percent


def problems(scenario: Scenario, inputs: Inputs) -> list[str]:
    """What cannot work, one line each."""
    return [
        *_timer_problems(scenario),
        *_contactor_problems(scenario),
        *_off_ramp_problems(scenario, inputs),
        *_entry_problems(scenario, inputs),
        *_reserve_problems(scenario, inputs),
        *_area_problems(scenario, inputs),
        *_product_problems(scenario, inputs),
    ]


def warnings(scenario: Scenario, inputs: Inputs) -> list[str]:
    """What works but should be known, one line each."""
    return [
        *_timer_warnings(scenario),
        *_entry_warnings(scenario),
        *_unused_warnings(scenario),
        *_record_warnings(scenario),
        *_grid_warnings(scenario, inputs),
        *_product_warnings(scenario, inputs),
    ]


def _spans_s(scenario: Scenario) -> tuple[float, float, float, float]:
    """Shortest and longest loop (both ways, gap, processing); shortest and longest answer (both ways, processing)."""
    link, ev, processing_s = scenario.link, scenario.ev, scenario.secc.processing_s
    way_s, slow_way_s = link.delay_s, link.delay_s + link.jitter_s
    return (
        2.0 * way_s + ev.loop_gap_s + processing_s,
        2.0 * slow_way_s + ev.loop_gap_s + ev.loop_gap_jitter_s + processing_s,
        2.0 * way_s + processing_s,
        2.0 * slow_way_s + processing_s,
    )


def _timer_problems(scenario: Scenario) -> list[str]:
    found = []
    fast_loop_s, _, fast_answer_s, _ = _spans_s(scenario)
    timeout_s = scenario.secc.loop_sequence_timeout_s
    if fast_loop_s >= timeout_s:
        found.append(
            f"every session would be lost: link, ev.loop_gap_s and processing take {fast_loop_s:g} s, "
            f"secc.loop_sequence_timeout_s is {timeout_s:g} s (deployed stacks wait 60)"
        )
    if fast_answer_s >= STANDARD_LOOP_S:
        found.append(
            f"every session would be lost: a loop answer takes {fast_answer_s:g} s, "
            f"the vehicle waits {STANDARD_LOOP_S:g} s"
        )
    return found


def _timer_warnings(scenario: Scenario) -> list[str]:
    found = []
    fast_loop_s, slow_loop_s, fast_answer_s, slow_answer_s = _spans_s(scenario)
    timeout_s = scenario.secc.loop_sequence_timeout_s
    if fast_loop_s < timeout_s <= slow_loop_s:
        found.append(
            f"some sessions may be lost: a loop can take {slow_loop_s:g} s, "
            f"secc.loop_sequence_timeout_s is {timeout_s:g} s"
        )
    if fast_answer_s < STANDARD_LOOP_S <= slow_answer_s:
        found.append(
            f"some sessions may be lost: a loop answer can take {slow_answer_s:g} s, "
            f"the vehicle waits {STANDARD_LOOP_S:g} s"
        )
    if scenario.ev.loop_gap_s > STANDARD_GAP_S:
        found.append(f"ev.loop_gap_s {scenario.ev.loop_gap_s:g} s is slower than the standard's {STANDARD_GAP_S:g} s")
    if scenario.secc.processing_s > LOOP_ANSWER_S:
        found.append(
            f"secc.processing_s {scenario.secc.processing_s:g} s is slower than the standard's {LOOP_ANSWER_S:g} s "
            "to answer in the loop"
        )
    steps_s = {"ev.answer_s": scenario.ev.answer_s, "ev.repeat_s": scenario.ev.repeat_s}
    steps_s |= {"ev.standby_poll_s": scenario.ev.standby_poll_s} if scenario.ev.pause_answer == "standby" else {}
    found += [
        f"{name} {span_s:g} s is slower than the standard's {STANDARD_STEP_S:g} s to the next request"
        for name, span_s in steps_s.items()
        if span_s > STANDARD_STEP_S
    ]
    if timeout_s > STANDARD_LOOP_S:
        found.append(
            f"secc.loop_sequence_timeout_s {timeout_s:g} s is longer than the standard's {STANDARD_LOOP_S:g} s"
        )
    return found


def _contactor_problems(scenario: Scenario) -> list[str]:
    section, processing_s = scenario.evse, scenario.secc.processing_s
    found = []
    if section.contactor_close_s + processing_s >= ANSWER_S:
        found.append(
            f"evse.contactor_close_s {section.contactor_close_s:g} s does not fit "
            f"the station's {ANSWER_S:g} s to answer"
        )
    dc_off_s = max(section.dc_charge_w, section.dc_discharge_w) / section.dc_off_ramp_w_per_s
    for name, off_s in (("evse.contactor_open_s", section.contactor_open_s), ("the DC off-ramp", dc_off_s)):
        if off_s + processing_s > scenario.secc.power_off_deadline_s:
            found.append(
                f"{name} takes {off_s:g} s, secc.power_off_deadline_s is {scenario.secc.power_off_deadline_s:g} s"
            )
    return found


def _off_ramp_problems(scenario: Scenario, inputs: Inputs) -> list[str]:
    """AC after a loss of communication: the vehicle must be at zero before the station opens whatever flows."""
    longest_s = min(scenario.ev.pilot_off_response_s, scenario.evse.forced_open_s)
    found = []
    for vehicle in dict.fromkeys(choice.vehicle for choice in inputs.vehicles):
        strongest_w = max(vehicle.maximum_ac_charge_w, vehicle.maximum_ac_discharge_w)
        off_s = strongest_w / vehicle.ac_converter.off_ramp_w_per_s
        if off_s > longest_s:
            found.append(
                f"{vehicle.name} needs {off_s:.2g} s to reach zero power; "
                f"ev.pilot_off_response_s and evse.forced_open_s allow {longest_s:g} s"
            )
    return found


def _entry_problems(scenario: Scenario, inputs: Inputs) -> list[str]:
    """Entries that could never concern anybody."""
    count = len(inputs.visits) if scenario.fleet.arrival.kind == "file" else scenario.fleet.n_ev
    entries = [("driver", entry.ev_id, entry.t_s) for entry in scenario.driver]
    for name, targets in (("station", scenario.station), ("faults", scenario.faults)):
        entries += [(name, ev_id, entry.t_s or 0.0) for entry in targets for ev_id in entry.ev_ids]
    found = [
        f"[[{name}]] names vehicle {ev_id}, the fleet has 0 to {count - 1}"
        for name, ev_id, _ in entries
        if ev_id >= count
    ]
    times = [("driver", entry.t_s) for entry in scenario.driver]
    times += [("station", entry.t_s) for entry in scenario.station]
    times += [("faults", entry.t_s) for entry in scenario.faults if entry.t_s is not None]
    found += [
        f"[[{name}]] comes at {t_s:g} s, the run ends at {scenario.duration_s:g} s"
        for name, t_s in times
        if t_s >= scenario.duration_s
    ]
    if scenario.ev.cp_response_s > PILOT_C_S:
        found.append(
            f"every start would fail: ev.cp_response_s {scenario.ev.cp_response_s:g} s, "
            f"the station waits {PILOT_C_S:g} s for pilot state C"
        )
    return found


def _entry_warnings(scenario: Scenario) -> list[str]:
    """Entries that will be heard by nobody."""
    found = []
    asks = {entry.ask for entry in scenario.station}
    if "needs" in asks and scenario.ev.mobility_needs == "ev":
        found.append("[[station]] ask needs has no effect: ev.mobility_needs is ev")
    if "service_renegotiation" in asks and not scenario.secc.service_renegotiation:
        found.append("[[station]] ask service_renegotiation will be ignored: secc.service_renegotiation is false")
    if "exit_standby" in asks and (scenario.ev.pause_answer == "pause" or not scenario.secc.standby):
        found.append("[[station]] ask exit_standby has no effect: no vehicle goes into standby")
    if scenario.ev.control_mode == "scheduled" and scenario.ev.mobility_needs == "station":
        found.append("ev.mobility_needs station has no effect in Scheduled mode (V2G20-2663)")
    return found


def _reserve_problems(scenario: Scenario, inputs: Inputs) -> list[str]:
    if scenario.fleet.response != "replaces_held" or inputs.grid is None:
        return []
    fleet = offered(scenario, inputs, range(n_visits(scenario, inputs)))
    offered_mw = fleet.at_plug_w * scenario.fleet.cars_per_ev * 1e-6
    held_mw = held_low_mw(inputs.grid)
    if offered_mw <= held_mw:
        return []
    return [
        f"fleet.response replaces_held: the fleet offers {offered_mw:.0f} MW, "
        f"the grid holds {held_mw:.0f} MW; lower fleet.cars_per_ev"
    ]


def _area_problems(scenario: Scenario, inputs: Inputs) -> list[str]:
    """Areas that cannot be joined, and noise that no power can make."""
    found = []
    home, neighbour = inputs.grid, inputs.neighbour
    if home is not None and neighbour is not None and home.nominal_hz != neighbour.nominal_hz:
        found.append(
            f"grid.neighbour: a tie line joins areas of one frequency, got {home.nominal_hz:g} and "
            f"{neighbour.nominal_hz:g} Hz"
        )
    if home is not None and scenario.grid.model in ANSWERING:
        try:
            noise_sigma_mw(scenario, inputs)
        except ValueError as error:
            found.append(f"grid.noise.sigma_hz: {error}")
    return found


def _unused_warnings(scenario: Scenario) -> list[str]:
    """What was set for another model of the grid than the one that is simulated."""
    grid = scenario.grid
    unused = []
    if grid.model not in ANSWERING:
        given = {
            "grid.events": bool(grid.events),
            "grid.imbalance.file": grid.imbalance.file != "",
            "grid.noise": grid.noise.sigma_hz is not None or grid.noise.sigma_mw > 0.0,
            "grid.market": grid.market.sigma_mw > 0.0,
            "grid.secondary": grid.secondary,
            "grid.neighbour": grid.neighbour != "",
        }
        unused += [key for key, there in given.items() if there]
    if grid.file and grid.model not in ("replay", "reconstructed"):
        unused.append("grid.file")
    return [f"{key} has no effect: grid.model is {grid.model}" for key in unused]


def _record_warnings(scenario: Scenario) -> list[str]:
    if not scenario.record.charge_loop or scenario.record.around_events_s is None or scenario.grid.events:
        return []
    return ["no charge loop is recorded: record.around_events_s is set, and there are no grid.events"]


def _grid_warnings(scenario: Scenario, inputs: Inputs) -> list[str]:
    if scenario.grid.model not in ANSWERING or inputs.grid is None:
        return []
    found = []
    grid = inputs.grid
    fleet = _about_offered(scenario, inputs)
    estimate = loop_estimate(scenario, inputs, fleet)
    if estimate is not None and estimate.delay_s > estimate.margin.longest_delay_s:
        found.append(
            f"the loop is likely to ring: power follows frequency after {estimate.delay_s:.2g} s, "
            f"{estimate.gain_mw_per_hz:.3g} MW/Hz on this grid bear {estimate.margin.longest_delay_s:.2g} s"
        )
    fleet_mw = fleet.at_plug_w * scenario.fleet.cars_per_ev * 1e-6
    droop_pu = getattr(inputs.policy.params, "droop_pu", None)
    if droop_pu and fleet_mw > 0.0:
        longest_s = 0.1 * closed_loop_time_s(grid, fleet_mw / (droop_pu * grid.nominal_hz))
        if scenario.grid.tick_s > longest_s:
            found.append(
                f"grid.tick_s {scenario.grid.tick_s:g} s is a delay in the loop; "
                f"for this fleet and droop it should be at most {longest_s:.3g} s"
            )
    if scenario.grid.nominal_hz is not None and scenario.grid.nominal_hz != grid.nominal_hz:
        found.append(
            f"grid.nominal_hz {scenario.grid.nominal_hz:g} differs from the preset's {grid.nominal_hz:g}: "
            "stations measure against the first"
        )
    one_car_mw = fleet_mw / scenario.fleet.n_ev
    ripple_hz = initial_rocof_hz_per_s(grid, one_car_mw) * scenario.ev.loop_gap_s
    if scenario.fleet.cars_per_ev > 1.0 and ripple_hz > RIPPLE_HZ:
        found.append(
            f"one simulated car stands for {scenario.fleet.cars_per_ev:g} and moves the grid by "
            f"{1e3 * ripple_hz:.1f} mHz in one loop: expect ripple; "
            "more cars with a smaller fleet.cars_per_ev are smoother"
        )
    return found


def _about_offered(scenario: Scenario, inputs: Inputs) -> Offered:
    """What the fleet offers; of a large one as much as its first vehicles say, which is enough for a warning."""
    count = n_visits(scenario, inputs)
    some = min(count, ENOUGH_EVS)
    return Offered(*(part * count // some for part in offered(scenario, inputs, range(some))))


def _product_problems(scenario: Scenario, inputs: Inputs) -> list[str]:
    """Contracts whose delivery could not be told."""
    found = []
    capacity_w = getattr(inputs.policy.params, "capacity_w", None)
    spans = []
    for contract in scenario.products:
        product = PRODUCTS[contract.product]
        if contract.contract_mw is None and capacity_w is None:
            found.append(f"products: {product.key} needs contract_mw, as the policy does not say what a car offers")
        if product.kind == "signal" and scenario.schedule.rule != "signal":
            found.append(f"products: {product.key} follows a signal, but schedule.rule is {scenario.schedule.rule}")
        if contract.from_s >= scenario.duration_s:
            found.append(f"products: {product.key} begins at {contract.from_s:g} s, after the end of the run")
        spans.append((contract.from_s, contract.until_s or scenario.duration_s, product.key))
    spans.sort()
    for (_, end_s, first), (begin_s, _, second) in pairwise(spans):
        if begin_s < end_s:
            found.append(f"products: {first} and {second} overlap, so the fleet's service cannot be told apart")
    return found


def _product_warnings(scenario: Scenario, inputs: Inputs) -> list[str]:
    """Where the run is too coarse for what its products ask."""
    found = []
    named = [PRODUCTS[contract.product] for contract in scenario.products]
    if named and scenario.grid.baseline != "declared" and hasattr(inputs.policy.memory, "declared_w"):
        found.append(
            f"grid.baseline {scenario.grid.baseline} leaves out the baseline that the policy declares: "
            "energy that it returns will count as service"
        )
    data_step_s = scenario.grid.tick_s * scenario.record.grid_every
    _, slow_loop_s, _, _ = _spans_s(scenario)
    for product in dict.fromkeys(named):
        if data_step_s > product.data_step_s * (1.0 + 1e-9):
            found.append(
                f"{product.key} is judged by data every {product.data_step_s:g} s, "
                f"grid.tick_s x record.grid_every is {data_step_s:g} s"
            )
        if slow_loop_s > product.start_s:
            found.append(f"{product.key} must start within {product.start_s:g} s, a loop can take {slow_loop_s:g} s")
        nominal_hz = scenario.grid.nominal_hz or (inputs.grid.nominal_hz if inputs.grid else 50.0)
        if product.kind != "signal" and product.nominal_hz != nominal_hz:
            found.append(f"{product.key} is a product of {product.nominal_hz:g} Hz, the grid has {nominal_hz:g} Hz")
        found += _reservoir_warning(scenario, inputs, product)
    return found


def _reservoir_warning(scenario: Scenario, inputs: Inputs, product: Product) -> list[str]:
    """Where a car lends less energy than the product wants held ready for what the car offers."""
    capacity_w = getattr(inputs.policy.params, "capacity_w", None)
    if capacity_w is None or product.recovery == "none" or not inputs.vehicles:
        return []
    fleet = scenario.fleet
    band = min(fleet.maximum_soc, fleet.v2x_soc[1]) - max(fleet.minimum_soc, fleet.v2x_soc[0])
    smallest = min((choice.vehicle for choice in inputs.vehicles), key=lambda vehicle: vehicle.battery.capacity_wh)
    lends_wh = max(0.0, band) * smallest.battery.capacity_wh
    wants_wh = product.energy_both_h * capacity_w
    if lends_wh >= wants_wh:
        return []
    return [
        f"{product.key} wants {product.energy_both_h:g} h of the {capacity_w:g} W that a car offers in its reservoir, "
        f"{1e-3 * wants_wh:.1f} kWh; {smallest.name} lends {1e-3 * lends_wh:.1f} kWh"
    ]
