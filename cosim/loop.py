"""The loop through grid and fleet: how long from frequency to power, how steep the response, and whether that rings."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from cosim.inputs import Inputs
from cosim.people import offered_w
from cosim.scenario import Scenario
from cosim.visit import Visit
from models.grid.stability import LoopMargin, loop_margin

AROUND_HZ = 0.1  # deviation for which curves of the grid are averaged


class LoopEstimate(NamedTuple):
    """What the fleet looks like from the grid, on average, before anything is simulated."""

    gain_mw_per_hz: float
    delay_s: float  # mean: dead times and half of each hold
    lag_s: float  # of the measuring filter
    margin: LoopMargin


def loop_estimate(scenario: Scenario, inputs: Inputs, visits: Sequence[Visit]) -> LoopEstimate | None:
    """The estimate for a policy with a droop on a grid that answers; None for anything else.

    The fleet is taken as proportional over its whole power, discharging included, all cars in the loop; the home area
    stands alone. Ramps and the fleet's own limits and dead band are left out: they bound a swing, they do not begin it.
    """
    droop_pu = getattr(inputs.policy.params, "droop_pu", None)
    if inputs.grid is None or not droop_pu:
        return None
    fleet_mw = offered_w(scenario, inputs, visits) * scenario.fleet.cars_per_ev * 1e-6
    if fleet_mw <= 0.0:
        return None
    gain = fleet_mw / (droop_pu * inputs.grid.nominal_hz)
    dead_s, hold_s = mean_delays_s(scenario, visits)
    lag_s = scenario.measurement.time_constant_s
    around_hz = min(AROUND_HZ, 0.5 * droop_pu * inputs.grid.nominal_hz)
    margin = loop_margin(inputs.grid, gain, dead_s, hold_s, lag_s, around_hz)
    return LoopEstimate(gain, dead_s + 0.5 * hold_s, lag_s, margin)


def mean_delays_s(scenario: Scenario, visits: Sequence[Visit]) -> tuple[float, float]:
    """Mean dead time from frequency to a car's power, and for how long a decision is held [s].

    Dead: half a tick (the frequency is held for all alike), the way of the answer to an AC car, the converter's
    reaction delay. Held: until the car's next decision. Weighted by discharge power.
    """
    link, evse = scenario.link, scenario.evse
    way_s = link.delay_s + 0.5 * link.jitter_s
    loop_s = 2.0 * way_s + scenario.ev.loop_gap_s + 0.5 * scenario.ev.loop_gap_jitter_s + scenario.secc.processing_s
    dc_loop_s = loop_s if evse.dc_regulation == "loop" else evse.control_period_s
    all_w = dead_ws = held_ws = 0.0
    for visit in visits:
        if visit.service.startswith("DC"):
            dead_s, held_s = evse.dc_reaction_delay_s, dc_loop_s
        else:
            reaction_s = scenario.ev.reaction_delay_s
            if reaction_s is None:
                reaction_s = visit.vehicle.ac_converter.reaction_delay_s
            dead_s, held_s = way_s + reaction_s, loop_s
        all_w += visit.discharge_w
        dead_ws += visit.discharge_w * dead_s
        held_ws += visit.discharge_w * held_s
    if all_w <= 0.0:
        return math.nan, math.nan
    return 0.5 * scenario.grid.tick_s + dead_ws / all_w, held_ws / all_w


def loop_figures(estimate: LoopEstimate | None) -> dict[str, Any]:
    """The estimate as key figures; a margin that no delay uses up is left out."""
    if estimate is None:
        return {}
    figures = {
        "loop_gain_w_per_hz": estimate.gain_mw_per_hz * 1e6,
        "loop_delay_s": estimate.delay_s,
        "loop_longest_delay_s": estimate.margin.longest_delay_s,
        "loop_phase_margin_deg": estimate.margin.phase_margin_deg,
    }
    return {key: value for key, value in figures.items() if math.isfinite(value)}
