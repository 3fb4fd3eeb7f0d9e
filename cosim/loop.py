"""The loop through grid and fleet: how long from frequency to power, how steep the response, and whether that rings."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from cosim.ev import Visit
from cosim.inputs import Inputs
from cosim.people import offered_w
from cosim.scenario import Scenario
from models.grid.stability import LoopMargin, loop_margin

AROUND_HZ = 0.1  # deviation for which curves of the grid are averaged


class LoopEstimate(NamedTuple):
    """What the fleet looks like from the grid, on average, before anything is simulated."""

    gain_mw_per_hz: float
    delay_s: float  # pure
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
    delay_s, lag_s = mean_delay_s(scenario, visits), scenario.measurement.time_constant_s
    around_hz = min(AROUND_HZ, 0.5 * droop_pu * inputs.grid.nominal_hz)
    return LoopEstimate(gain, delay_s, lag_s, loop_margin(inputs.grid, gain, delay_s, lag_s, around_hz))


def mean_delay_s(scenario: Scenario, visits: Sequence[Visit]) -> float:
    """Mean dead time from frequency to a car's power [s].

    Half a tick (the frequency is held), half a loop (a setpoint is held until the next decision), the way of the answer
    to an AC car, and the converter's reaction delay; weighted by discharge power.
    """
    link, evse = scenario.link, scenario.evse
    way_s = link.delay_s + 0.5 * link.jitter_s
    loop_s = 2.0 * way_s + scenario.ev.loop_gap_s + 0.5 * scenario.ev.loop_gap_jitter_s + scenario.secc.processing_s
    dc_loop_s = loop_s if evse.dc_regulation == "loop" else evse.control_period_s
    own_w = own_s = 0.0
    for visit in visits:
        if visit.service.startswith("DC"):
            car_s = 0.5 * dc_loop_s + evse.dc_reaction_delay_s
        else:
            reaction_s = scenario.ev.reaction_delay_s
            if reaction_s is None:
                reaction_s = visit.vehicle.ac_converter.reaction_delay_s
            car_s = 0.5 * loop_s + way_s + reaction_s
        own_w += visit.discharge_w
        own_s += visit.discharge_w * car_s
    return 0.5 * scenario.grid.tick_s + (own_s / own_w if own_w > 0.0 else math.nan)


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
