"""Scenarios at random: whatever the settings, time goes forwards, invariants hold and the books of energy agree."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cosim.scenario import FAULT_KINDS
from experiments.presets import load_grid
from models.car.vehicle import vehicle_from_row

TWO_WAY = vehicle_from_row("Two-way", 60.0, 11.0, 50.0, 11.0, 10.0)
ONE_WAY = vehicle_from_row("One-way", 60.0, 11.0, 50.0)
ONE_PHASE = vehicle_from_row("One phase", 20.0, 7.0, 0.0, 7.0, 0.0)


def back_and_forth(view: Any) -> float:
    return -10_000.0 if int(view.time_s / 3.0) % 2 else 10_000.0


def one_of(**choices: list[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A section of a scenario, each key drawn from its list."""
    return st.fixed_dictionaries({key: st.sampled_from(values) for key, values in choices.items()})


SCENARIOS = st.fixed_dictionaries(
    {
        "duration_s": st.sampled_from([21.0, 45.0, 90.0]),
        "seed": st.integers(0, 1000),
        "policy": st.sampled_from(["droop", "uncontrolled", "droop-soc", back_and_forth]),
        "vehicles": st.sampled_from([(TWO_WAY,), (ONE_WAY,), (TWO_WAY, ONE_WAY), (ONE_PHASE, TWO_WAY)]),
        "fleet": one_of(
            n_ev=[1, 5, 12],
            soc=[[0.05, 0.1], [0.4, 0.6], [0.9, 1.0]],
            target_soc=[0.2, 0.5, 1.0],
            v2g_share=[1.0, 0.5],
            services=[{"AC": 1.0, "AC_BPT": 1.0, "DC": 1.0, "DC_BPT": 1.0}],
            arrival=[
                {"plug_in_s": plug_in, "leave_s": leave}
                for plug_in in ([0.0, 0.0], [0.0, 20.0])
                for leave in ([0.0, 3.0], [5.0, 40.0], [30.0, 30.0], [500.0, 500.0])
            ],
        ),
        "link": one_of(delay_s=[0.0, 0.005, 0.05], jitter_s=[0.0, 0.015, 0.05], loss=[0.0, 0.02, 0.1]),
        "ev": one_of(
            loop_gap_s=[0.01, 0.2, 0.25, 2.0],
            loop_gap_jitter_s=[0.0, 0.05],
            per_phase=[True, False],
            renegotiate_from=["schedule_exchange", "charge_parameter_discovery"],
            answer_s=[0.0, 0.02],
            discharge_limits=["positive", "negative"],
            control_mode=["dynamic", "dynamic", "scheduled"],
            mobility_needs=["ev", "station"],
            pause_answer=["pause", "standby"],
            standby_poll_s=[1.0, 10.0],
            wake_after_s=[None, 3.0],
            retry_after_s=[None, 1.0],
            power_tolerance=["confirmed", "refused"],
            power_delivery_s=[0.0, 0.6],
            profile_warning_answer=["go_on", "renegotiate"],
        ),
        "secc": one_of(
            standby=[True, False],
            service_renegotiation=[True, False],
            reschedule_every_s=[1.0, 10.0],
            power_tolerance_w=[None, 100.0],
            schedule_exchange_s=[0.0, 1.0],
            profile_breach=["beyond", "either"],
            profile_patience_s=[None, 1.0],
            loop_sequence_timeout_s=[0.5, 60.0],
            processing_s=[0.0, 0.005],
            renegotiate_if_s=[None, 5.0, 60.0],
            renegotiation_power=["hold", "zero"],
            discharge_limits=["positive", "negative"],
        ),
        "evse": one_of(
            dc_regulation=["loop", "periodic"],
            control_period_s=[0.02, 0.1, 1.0],
            standby_w=[0.0, 5.0],
            cable_check_s=[0.0, 1.0],
            phases=["summed", "each"],
            maximum_asymmetry_w=[None, 4_600.0],
        ),
        "limits": one_of(guarantee_departure=[True, False], gap_rule=["zero", "nearest", "hysteresis", "dither"]),
        "measurement": one_of(noise_hz=[0.0, 0.002], time_constant_s=[0.0, 0.1]),
        "driver": st.sampled_from(
            [
                [],
                [{"t_s": 12.0, "ev_id": 0, "departure_s": 14.0}],
                [{"t_s": 12.0, "ev_id": 0, "departure_s": 60.0}, {"t_s": 13.0, "ev_id": 0, "departure_s": 200.0}],
                [{"t_s": 11.0, "ev_id": 0, "target_soc": 0.9}, {"t_s": 18.0, "ev_id": 0, "leaves_now": True}],
            ]
        ),
        "station": st.lists(
            one_of(
                t_s=[8.0, 11.0, 14.5, 19.0],
                ask=[
                    "pause",
                    "exit_standby",
                    "terminate",
                    "schedule_renegotiation",
                    "service_renegotiation",
                    "metering_confirmation",
                    "wake",
                    "needs",
                ],
                max_delay_s=[0, 2, 60],
                services=[(), ("DC_BPT", "AC_BPT"), ("AC", "DC")],
                departure_s=[None, 17.0, 300.0],
                target_soc=[None, 0.4],
                share=[1.0, 0.5],
            ),
            max_size=3,
        ),
        "faults": st.lists(
            st.one_of(
                one_of(
                    kind=list(FAULT_KINDS), t_s=[0.05, 1.0, 4.0, 9.0, 15.0], duration_s=[0.2, 5.0], share=[1.0, 0.5]
                ),
                one_of(kind=list(FAULT_KINDS), rate_per_h=[60.0, 600.0], duration_s=[0.2, 5.0]),
            ),
            max_size=2,
        ),
        "tick_s": st.sampled_from([0.02, 0.1, 0.3, 1.0]),
        "power_mw": st.sampled_from([-3.0, 3.0]),
        "record": st.just({"messages": "session"}),
    }
)


@pytest.mark.timeout(300)
@settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(SCENARIOS)
def test_time_goes_forwards_invariants_hold_and_energies_agree(
    prepare: Callable[..., Any], drawn: dict[str, Any]
) -> None:
    tick_s = drawn.pop("tick_s")
    events = [{"t_s": 10.0, "power_mw": drawn.pop("power_mw")}]
    run = prepare(
        **drawn,
        grid={"model": "closed_loop", "tick_s": tick_s, "events": events},
        grid_params=load_grid("island").params,
    )
    instants = run.finish_watched()
    assert len(instants) > run.outcome.simulated_s / tick_s, "each tick is an event"
    assert instants == sorted(instants)
    assert run.broken() == {}
    if not drawn["faults"]:
        assert "opened_under_load" not in run.tables["events"]["kind"].tolist()
    # The duration is a whole number of ticks, so the ticks hold all the energy that the sessions count.
    ticks_wh = sum(run.world.fleet_power_w) * tick_s / 3600.0
    standby_wh = drawn["evse"]["standby_w"] * drawn["fleet"]["n_ev"] * len(run.world.fleet_power_w) * tick_s / 3600.0
    assert ticks_wh - standby_wh == pytest.approx(run.outcome.kpis["grid_energy_wh"], rel=1e-6, abs=1e-6)
