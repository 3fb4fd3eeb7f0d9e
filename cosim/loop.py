"""The loop through grid and fleet: how long from frequency to power, how steep the response, and whether that rings."""

import math
from typing import Any, NamedTuple

from cosim.inputs import Inputs
from cosim.people import Offered
from cosim.scenario import Scenario
from models.grid.stability import LoopMargin, loop_margin

ANSWERING = ("closed_loop", "reconstructed")  # models of the grid whose frequency answers the fleet
AROUND_HZ = 0.1  # deviation for which curves of the grid are averaged


class LoopEstimate(NamedTuple):
    """What the fleet looks like from the grid, on average, before anything is simulated."""

    gain_mw_per_hz: float
    delay_s: float  # mean: dead times and half of each hold
    lag_s: float  # of the measuring filter
    margin: LoopMargin


def is_estimated(scenario: Scenario, inputs: Inputs) -> bool:
    """Whether there is a loop: a policy with a droop, on a grid that answers."""
    answers = scenario.grid.model in ANSWERING and inputs.grid is not None
    return answers and bool(getattr(inputs.policy.params, "droop_pu", None))


def loop_estimate(scenario: Scenario, inputs: Inputs, fleet: Offered) -> LoopEstimate | None:
    """The estimate for a policy with a droop on a grid that answers; None for anything else.

    The fleet is taken as proportional over its whole power, discharging included, all cars in the loop; the home area
    stands alone. Ramps and the fleet's own limits and dead band are left out: they bound a swing, they do not begin it.
    """
    if inputs.grid is None or not is_estimated(scenario, inputs):
        return None
    droop_pu: float = inputs.policy.params.droop_pu
    fleet_mw = fleet.at_plug_w * scenario.fleet.cars_per_ev * 1e-6
    if fleet_mw <= 0.0:
        return None
    gain = fleet_mw / (droop_pu * inputs.grid.nominal_hz)
    dead_s, hold_s = mean_delays_s(scenario, fleet)
    lag_s = scenario.measurement.time_constant_s
    around_hz = min(AROUND_HZ, 0.5 * droop_pu * inputs.grid.nominal_hz)
    margin = loop_margin(inputs.grid, gain, dead_s, hold_s, lag_s, around_hz)
    return LoopEstimate(gain, dead_s + 0.5 * hold_s, lag_s, margin)


def mean_delays_s(scenario: Scenario, fleet: Offered) -> tuple[float, float]:
    """Mean dead time from frequency to a car's power, and for how long a decision is held [s].

    Dead: half a tick (the frequency is held for all alike), the way of the answer to an AC car, the converter's
    reaction delay. Held: until the car's next decision. Weighted by discharge power.
    """
    link, evse = scenario.link, scenario.evse
    way_s = link.delay_s + 0.5 * link.jitter_s
    loop_s = 2.0 * way_s + scenario.ev.loop_gap_s + 0.5 * scenario.ev.loop_gap_jitter_s + scenario.secc.processing_s
    dc_loop_s = loop_s if evse.dc_regulation == "loop" else evse.control_period_s
    if fleet.ac_uw + fleet.dc_uw == 0:
        return math.nan, math.nan
    ac_share = fleet.ac_uw / (fleet.ac_uw + fleet.dc_uw)
    reaction_s = scenario.ev.reaction_delay_s
    if reaction_s is None:
        reaction_s = fleet.ac_reaction_w_us / fleet.ac_uw if fleet.ac_uw else 0.0
    dead_s = ac_share * (way_s + reaction_s) + (1.0 - ac_share) * evse.dc_reaction_delay_s
    held_s = ac_share * loop_s + (1.0 - ac_share) * dc_loop_s
    return 0.5 * scenario.grid.tick_s + dead_s, held_s


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
