"""Which lane a run takes: the choice, and the reason given for it."""

from cosim.inputs import Inputs
from cosim.scenario import Scenario

ENOUGH_TO_DO = 150_000  # exchanges: below, compiling costs more than it saves


def why_message_lane(scenario: Scenario, inputs: Inputs) -> str:
    """Why all vehicles stay in the message lane; empty if they need not."""
    if scenario.lane == "message":
        return "the scenario wants it"
    if scenario.record.messages == "all":
        return "every message is recorded"
    if scenario.link.encoding == "bytes":
        return "messages travel as bytes"
    if scenario.lane == "auto" and expected_exchanges(scenario, inputs) < ENOUGH_TO_DO:
        return "there is too little to do for compiling to pay"
    return ""


def expected_exchanges(scenario: Scenario, inputs: Inputs) -> float:
    """About how many charge loops the run will see, if every vehicle stays for as long as it may."""
    cars = len(inputs.visits) or scenario.fleet.n_ev
    stay_s = scenario.duration_s
    if scenario.fleet.arrival.kind == "window":
        (first_s, _), (_, last_s) = scenario.fleet.arrival.plug_in_s, scenario.fleet.arrival.leave_s
        stay_s = max(min(last_s, stay_s) - first_s, 0.0)
    turn_s = scenario.ev.loop_gap_s + 2.0 * scenario.link.delay_s + scenario.link.jitter_s
    return cars * stay_s / turn_s
