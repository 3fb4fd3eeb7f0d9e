"""The packaged scenarios about the conversation, each judged by the key figure that is its verdict."""

from functools import cache
from typing import Any

import pytest

from cosim.world import World, problems
from experiments.inputs import read_inputs
from experiments.load import load_one


@cache
def kpis(name: str, variant: str, *overrides: str) -> dict[str, Any]:
    loaded = load_one(name, ["record.charge_loop=false", "record.setpoints=false", *overrides], variant)
    read = read_inputs(loaded.scenario)
    assert problems(loaded.scenario, read.inputs) == []
    outcome = World(loaded.scenario, read.inputs, lambda part: None).run()
    assert [check.name for check in outcome.checks if not check.ok] == []
    return outcome.kpis


def delay_s(variant: str, gap_s: float, line_s: float) -> float:
    name = f"{variant},loop_gap_s={gap_s:g},delay_s={line_s:g}"
    found: float = kpis("ac-vs-dc-latency", name, "fleet.n_ev=4", "duration_s=60.0")["response_delay"]["p50_s"]
    return found


def test_the_converter_in_the_station_answers_sooner_and_the_line_delays_the_car_alone() -> None:
    assert delay_s("DC", 0.2, 0.005) < 0.6 < delay_s("AC", 0.2, 0.005)
    assert delay_s("DC", 1.0, 0.2) == delay_s("DC", 1.0, 0.005) == delay_s("DC-own-clock", 1.0, 0.2)
    # The median is told in bins of 10 ms; the line has a jitter of 15 ms.
    assert delay_s("AC", 1.0, 0.2) - delay_s("AC", 1.0, 0.005) == pytest.approx(0.2 - 0.005, abs=0.02)


def test_dynamic_mode_holds_the_frequency_better_than_schedules_and_these_better_than_charging_less() -> None:
    few = ("fleet.n_ev=10", "fleet.cars_per_ev=60.0", "duration_s=180.0")
    nadir = {
        variant: kpis("dynamic-vs-scheduled-vs-v1g", variant, *few)["nadir_hz"]
        for variant in ("dynamic", "scheduled", "v1g", "uncontrolled")
    }
    assert nadir["dynamic"] > nadir["v1g"] + 0.02
    assert nadir["dynamic"] > nadir["scheduled"] + 0.02
    assert min(nadir["v1g"], nadir["scheduled"]) > nadir["uncontrolled"]


@pytest.mark.parametrize(("variant", "most", "least"), [("guaranteed", 1.0, 0.99), ("not-guaranteed", 0.7, 0.0)])
def test_the_departure_guarantee_decides_whose_promise_is_kept(variant: str, most: float, least: float) -> None:
    few = ("fleet.n_ev=12", "fleet.cars_per_ev=20.0", "grid.tick_s=0.5")
    assert least <= kpis("morning-departure", variant, *few)["feasible_target_met_share"] <= most
