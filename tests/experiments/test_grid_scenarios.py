"""The packaged scenarios about the grid, each judged by the key figure that is its verdict."""

from functools import cache
from typing import Any

import pytest

from cosim.world import World, problems
from experiments.inputs import read_inputs
from experiments.load import load, load_one


@cache
def kpis(name: str, variant: str) -> dict[str, Any]:
    loaded = load_one(name, ["record.charge_loop=false", "record.part_rows=10000"], variant)
    read = read_inputs(loaded.scenario)
    assert problems(loaded.scenario, read.inputs) == []
    outcome = World(loaded.scenario, read.inputs, lambda part: None).run()
    assert [check.name for check in outcome.checks if not check.ok] == []
    return outcome.kpis


def test_gain_and_delay_decide_whether_a_response_rings_and_the_estimate_knows() -> None:
    """Loops of 1, 2 and 4 s at 8.5 GW/Hz: the estimate gives 36, 13 and -8 degrees of phase margin."""
    calm, near, ringing = (kpis("gain-delay", f"loop-{seconds}s") for seconds in (1, 2, 4))
    assert calm["late_swing_hz"] < 0.005
    assert near["late_swing_hz"] < 0.02
    assert ringing["late_swing_hz"] > 0.3
    assert calm["second_fall_hz"] < near["second_fall_hz"] < ringing["second_fall_hz"]
    assert calm["loop_phase_margin_deg"] > 30.0
    assert 0.0 < near["loop_phase_margin_deg"] < 20.0
    assert ringing["loop_phase_margin_deg"] < 0.0
    assert ringing["loop_delay_s"] > ringing["loop_longest_delay_s"]


def test_a_fleet_helps_a_neighbour_through_the_line() -> None:
    helped, alone = kpis("two-areas", "loss-beyond"), kpis("two-areas", "loss-beyond-alone")
    assert helped["neighbour_nadir_hz"] > alone["neighbour_nadir_hz"] + 0.04
    assert helped["maximum_tie_w"] > alone["maximum_tie_w"]
    assert alone["nadir_hz"] == alone["nadir_without_hz"]


def test_a_fleet_at_home_relieves_the_line() -> None:
    helped, alone = kpis("two-areas", "loss-at-home"), kpis("two-areas", "loss-at-home-alone")
    assert helped["nadir_hz"] > alone["nadir_hz"] + 0.04
    assert helped["maximum_tie_w"] < alone["maximum_tie_w"]


def test_taking_back_at_once_makes_a_second_fall() -> None:
    at_once, gently = (
        World(one.scenario, read_inputs(one.scenario).inputs, lambda part: None).run().kpis
        for one in load("rebound", ["duration_s=220", "record.charge_loop=false"])
    )
    assert at_once["second_fall_hz"] > 0.03
    assert gently["second_fall_hz"] < 0.005
    assert at_once["nadir_hz"] == pytest.approx(gently["nadir_hz"], abs=1e-3), "the event itself is the same"
