"""When power moves after the grid did, to the microsecond: found in the energy of the ticks."""

import math
from collections.abc import Callable
from typing import Any

import pytest

from cosim.inputs import Series
from models.car.vehicle import Vehicle

S = 1_000_000_000
TICK_S = 0.05
DROOP = {"droop_pu": 0.008, "deadband_hz": 0.0}  # 0.2 Hz below nominal: half of the rating
PARKED = {"target_soc": 0.4, "arrival": {"leave_s": [600.0, 600.0]}}  # full enough: nothing to charge


def falls_at(event_s: float) -> Series:
    """A frequency that drops to 49.8 Hz from one tick to the next."""
    return Series((0.0, event_s - TICK_S, event_s), (50.0, 50.0, 49.8))


def start_s(tick_w: list[float], loss: tuple[float, float], ramp_w_per_s: float) -> float:
    """Instant at which a ramp towards discharging began, out of the mean powers of the ticks.

    With u seconds of the ramp in a tick, the AC side feeds ramp * u^2 / 2 less the losses constant * u and
    linear * ramp * u^2 / 2; the first tick with a whole ramp behind it gives u by bisection.
    """
    first = next(index for index, power_w in enumerate(tick_w) if power_w != 0.0)
    energy_ws = tick_w[first] * TICK_S
    low_s, high_s = 0.0, TICK_S
    constant_w, linear = loss
    for _ in range(80):
        middle_s = 0.5 * (low_s + high_s)
        fed_ws = 0.5 * ramp_w_per_s * middle_s**2 * (1.0 - linear) - constant_w * middle_s
        later_ws = 0.5 * ramp_w_per_s * ((middle_s + TICK_S) ** 2 - middle_s**2) * (1.0 - linear) - constant_w * TICK_S
        # The second tick is monotone in u even where a constant loss makes the first one rise before it falls.
        if later_ws < -tick_w[first + 1] * TICK_S:
            low_s = middle_s
        else:
            high_s = middle_s
    fed_ws = 0.5 * ramp_w_per_s * low_s**2 * (1.0 - linear) - constant_w * low_s
    assert fed_ws == pytest.approx(-energy_ws, abs=2e-6)
    return (first + 1) * TICK_S - low_s


@pytest.mark.parametrize("event_s", [20.0, 20.05, 20.1, 20.15, 20.2])
def test_an_ac_car_hears_of_a_grid_event_only_with_its_next_loop_response(
    play: Callable[..., Any], event_s: float
) -> None:
    """Gap 0.2 s, 5 ms a way, 5 ms processing: a loop every 0.215 s. Charger: 0.5 s to wake up, 0.2 s, then 10 kW/s."""
    run = play(
        duration_s=24.0,
        service="AC_BPT",
        policy="droop",
        params=DROOP,
        frequency=falls_at(event_s),
        fleet=PARKED,
        grid={"tick_s": TICK_S},
    )
    sent_ns = [sent.t_ns for sent in run.said("AC_ChargeLoopReq")]
    decided_ns = next(t_ns + S // 100 for t_ns in sent_ns if t_ns + S // 100 >= round(event_s * S))
    assert 0 <= decided_ns - round(event_s * S) < 0.215 * S
    setpoints = run.tables["setpoints"]
    assert setpoints["t_ns"].tolist() == [decided_ns]
    assert setpoints["applied_ns"].tolist() == [decided_ns + 5_000_000]
    assert setpoints["setpoint_w"].tolist() == [-5_500.0]
    carried = [
        (sent.t_ns, sent.message.control_mode.evse_target_active_power.number) for sent in run.said("AC_ChargeLoopRes")
    ]
    assert {number for t_ns, number in carried if t_ns < decided_ns} == {0.0}
    assert {number for t_ns, number in carried if t_ns >= decided_ns} == {-5_500.0}

    power_w = run.world.fleet_power_w
    moves_s = decided_ns / S + 0.005 + 0.7
    assert not any(power_w[: math.floor(moves_s / TICK_S)])
    assert start_s(power_w, (0.0, 0.0), 10_000.0) == pytest.approx(moves_s, abs=1e-6)
    assert power_w[-1] == -5_500.0


def test_events_between_the_same_two_loops_reach_an_ac_car_at_the_same_instant(play: Callable[..., Any]) -> None:
    """Requests are decided upon at 20.115 and 20.33 s."""
    starts = {}
    for event_s in (20.05, 20.1, 20.15, 20.3, 20.35):
        run = play(
            duration_s=22.0,
            service="AC_BPT",
            policy="droop",
            params=DROOP,
            frequency=falls_at(event_s),
            fleet=PARKED,
            grid={"tick_s": TICK_S},
        )
        starts[event_s] = round(start_s(run.world.fleet_power_w, (0.0, 0.0), 10_000.0), 6)
    assert starts[20.05] == starts[20.1]
    assert starts[20.15] == starts[20.3] == pytest.approx(starts[20.1] + 0.215, abs=1e-6)
    assert starts[20.35] == pytest.approx(starts[20.3] + 0.215, abs=1e-6)


@pytest.mark.parametrize("regulation", ["loop", "periodic"])
@pytest.mark.parametrize("event_s", [20.0, 20.1])
def test_a_dc_station_acts_when_it_answers_or_at_its_own_control_period(
    play: Callable[..., Any], regulation: str, event_s: float
) -> None:
    """Converter: 0.1 s, then 25 kW/s. Control period 0.07 s, so that it differs from the loop's 0.215 s."""
    run = play(
        duration_s=24.0,
        service="DC_BPT",
        policy="droop",
        params=DROOP,
        frequency=falls_at(event_s),
        fleet=PARKED,
        grid={"tick_s": TICK_S},
        evse={"dc_regulation": regulation, "control_period_s": 0.07},
    )
    answered_ns = [sent.t_ns for sent in run.said("DC_ChargeLoopRes")]
    setpoints = run.tables["setpoints"]
    decided_ns = int(setpoints["t_ns"][0])
    since_s = decided_ns / S - event_s
    if regulation == "loop":
        assert decided_ns == next(t_ns for t_ns in answered_ns if t_ns >= event_s * S)
    else:
        assert 0.0 <= since_s < 0.07
        assert decided_ns not in answered_ns
    assert setpoints["applied_ns"][0] == decided_ns
    # Rated -10 kW at the plug, so at the meter 10000 - 248.80 - 759.08; half of it.
    assert setpoints["setpoint_w"].tolist() == pytest.approx([-4_496.06], abs=0.01)
    power_w = run.world.fleet_power_w
    assert start_s(power_w, (248.79961, 0.075908117), 25_000.0) == pytest.approx(decided_ns / S + 0.1, abs=1e-6)


def test_control_periods_have_a_phase_of_their_own_per_station(play: Callable[..., Any]) -> None:
    run = play(
        duration_s=24.0,
        service="DC_BPT",
        policy=lambda view: 5_000.0 + 100.0 * (math.floor(view.time_s / 0.03) % 7),  # new at every period
        fleet={"n_ev": 8, "arrival": {"leave_s": [600.0, 600.0]}},
        evse={"dc_regulation": "periodic", "control_period_s": 0.1},
    )
    setpoints = run.tables["setpoints"]
    phases = {}
    for ev_id in range(8):
        t_ns = setpoints["t_ns"][setpoints["ev_id"] == ev_id]
        assert len(set((t_ns % (S // 10)).tolist())) == 1, "every 0.1 s to the nanosecond"
        assert set(((t_ns[1:] - t_ns[:-1]) // (S // 10)).tolist()) == {1}
        phases[ev_id] = int(t_ns[0] % (S // 10))
    assert len(set(phases.values())) == 8


def test_a_periodic_station_stays_within_the_limits_last_said_not_the_present_ones(
    play: Callable[..., Any], car: Vehicle
) -> None:
    """In the taper the car's limit falls while it charges; between two loops the station knows the last one only."""
    run = play(
        duration_s=25.0,
        service="DC_BPT",
        policy=lambda view: 60_000.0,
        vehicles=(car,),
        fleet={"soc": [0.95, 0.95], "target_soc": 1.0, "v2x_soc": [0.1, 1.0], "arrival": {"leave_s": [600.0, 600.0]}},
        ev={"loop_gap_s": 3.0},
        secc={"loop_sequence_timeout_s": 60.0},
        evse={"dc_regulation": "periodic"},
    )
    # 50 kW fall to zero from 0.8 to 1.0, so 12.5 kW at 0.95, less with each loop.
    limits = [sent.message.control_mode.ev_maximum_charge_power.number for sent in run.said("DC_ChargeLoopReq")]
    assert limits[0] == 12_500.0
    assert limits == sorted(limits, reverse=True)
    setpoints = run.tables["setpoints"]
    assert len(setpoints["t_ns"]) == len(limits), "one change per loop although it regulates every 0.1 s"
    plug_w = (setpoints["setpoint_w"] - 248.79961) / 1.075908117
    assert plug_w.tolist() == pytest.approx(limits, abs=0.01)
    assert run.broken() == {}
