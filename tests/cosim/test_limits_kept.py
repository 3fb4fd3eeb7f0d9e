"""Whatever a policy asks for, limits hold end to end: said by the car, known to the station, kept by physics."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.car.vehicle import Vehicle

S = 1_000_000_000
WISHES_W = st.one_of(
    st.floats(-30_000.0, 80_000.0), st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -0.0, 1e-9, 4_140.0])
)


@settings(max_examples=30, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    wishes_w=st.lists(WISHES_W, min_size=1, max_size=7),
    service=st.sampled_from(["AC", "AC_BPT", "DC", "DC_BPT"]),
    soc=st.sampled_from([0.05, 0.08, 0.2, 0.5, 0.85, 0.999, 1.0]),
    gap_rule=st.sampled_from(["zero", "nearest", "hysteresis", "dither"]),
    regulation=st.sampled_from(["loop", "periodic"]),
)
def test_no_wish_breaks_a_limit(
    play: Callable[..., Any], wishes_w: list[float], service: str, soc: float, gap_rule: str, regulation: str
) -> None:
    turn = iter(range(10**9))
    run = play(
        duration_s=25.0,
        service=service,
        policy=lambda view: wishes_w[next(turn) % len(wishes_w)],
        fleet={"soc": [soc, soc], "arrival": {"leave_s": [20.0, 20.0]}},
        limits={"gap_rule": gap_rule},
        evse={"dc_regulation": regulation},
    )
    assert run.broken() == {}
    loop, sessions = run.tables["charge_loop"], run.tables["sessions"]
    assert np.isfinite(loop["setpoint_w"]).all()
    slack_w = 0.01
    assert (loop["plug_power_w"] <= 50_000.0 + slack_w).all()
    if service.startswith("AC"):
        assert (loop["setpoint_w"] <= loop["limit_charge_w"] + slack_w).all()
        assert (-loop["setpoint_w"] <= loop["limit_discharge_w"] + slack_w).all()
        size_w = abs(loop["setpoint_w"])
        assert ((size_w == 0.0) | (size_w >= 4_140.0)).all(), "nothing between zero and the least power"
    if not service.endswith("BPT"):
        assert (loop["plug_power_w"] >= 0.0).all()
        assert sessions["discharged_wh"].tolist() == [0.0]
    assert 0.05 - 1e-12 <= sessions["soc_end"][0] <= 1.0 + 1e-12
    if soc < 0.2:
        assert sessions["discharged_wh"].tolist() == [0.0], "below the driver's reserve of 0.2 it charges at once"
        if not any(math.isnan(wish_w) for wish_w in wishes_w):  # a wish that is no number is answered with zero
            assert sessions["charged_wh"][0] > 0.0


@pytest.mark.parametrize("service", ["AC_BPT", "DC_BPT"])
def test_charging_ends_at_the_most_and_discharging_at_the_least_that_the_driver_allows(
    play: Callable[..., Any], car: Vehicle, service: str
) -> None:
    """A tenth of the battery, so that the bounds are reached within minutes."""
    small = car._replace(battery=car.battery._replace(capacity_wh=1_500.0))
    socs = {}
    for name, power_w in (("up", 50_000.0), ("down", -50_000.0)):
        run = play(
            service=service,
            duration_s=700.0,
            vehicles=(small,),
            policy=lambda view, power_w=power_w: power_w,
            fleet={
                "soc": [0.6, 0.6],
                "target_soc": 0.6,
                "minimum_soc": 0.3,
                "maximum_soc": 0.9,
                "v2x_soc": [0.4, 0.95],
                "arrival": {"leave_s": [660.0, 660.0]},
            },
            record={"messages": "session"},
        )
        assert run.broken() == {}
        socs[name] = run.tables["sessions"]["soc_end"][0]
    # Minimum power keeps it from the last bit: the gap rule "nearest" stops or goes on, within one loop's energy.
    assert socs["up"] == pytest.approx(0.9, abs=0.02)
    assert socs["down"] == pytest.approx(0.4, abs=0.02)


@pytest.mark.parametrize("service", ["AC", "AC_BPT", "DC", "DC_BPT"])
def test_the_departure_guarantee_charges_in_time_against_the_policy(play: Callable[..., Any], service: str) -> None:
    """0.5 to 0.52 of 60 kWh is 1200 Wh: some 480 s on 11 kW AC, some 100 s on DC; the policy wants none of it."""
    runs = [
        play(
            service=service,
            duration_s=800.0,
            policy=lambda view: -9_000.0 if view.time_s < 60.0 else 0.0,
            fleet={"target_soc": 0.52, "arrival": {"leave_s": [760.0, 760.0]}},
            ev={"loop_gap_s": 1.0},
            secc={"loop_sequence_timeout_s": 60.0},
            limits={"guarantee_departure": guarantee},
            record={"messages": "session"},
        )
        for guarantee in (True, False)
    ]
    kept, left = (run.tables["sessions"] for run in runs)
    assert kept["target"].tolist() == ["met"]
    assert kept["soc_end"][0] >= 0.52 - 0.002
    assert left["target"].tolist() == ["missed"]
    assert left["why_missed"].tolist() == ["policy"]
    assert runs[0].outcome.kpis["clips"]["departure"] > 10
    assert runs[0].outcome.kpis["target_met_share"] == 1.0
    assert runs[1].outcome.kpis["target_met_share"] == 0.0


def test_an_infeasible_wish_is_told_apart_from_the_policy(play: Callable[..., Any]) -> None:
    """30 kWh in a minute."""
    run = play(service="AC", duration_s=90.0, fleet={"target_soc": 1.0, "arrival": {"leave_s": [60.0, 60.0]}})
    assert run.tables["sessions"]["why_missed"].tolist() == ["infeasible"]
    assert run.outcome.kpis["feasible_target_met_share"] is None


def test_a_lost_session_is_a_reason_of_its_own(play: Callable[..., Any]) -> None:
    """Feasible, but the car's request takes longer than its own timer allows, so no loop ever turns."""
    run = play(
        service="AC",
        duration_s=500.0,
        secc={"processing_s": 0.5},
        fleet={"target_soc": 0.51, "arrival": {"leave_s": [460.0, 460.0]}},
    )
    (why,) = run.tables["sessions"]["why_missed"]
    assert why not in (None, "infeasible", "policy")


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_currents_bind_at_low_voltage(play: Callable[..., Any], share: float) -> None:
    run = play(service="DC_BPT", policy=lambda view: 60_000.0, evse={"dc_maximum_a": 100.0 * share})
    loop = run.tables["charge_loop"]
    assert set(loop["clip_reason"][:100]) == {"current"}
    amps = [sent.message.evse_present_current.number for sent in run.said("DC_ChargeLoopRes")]
    # The current is that of the voltage last said, which is the voltage a loop ago.
    assert max(amps) == pytest.approx(100.0 * share, rel=0.03)
