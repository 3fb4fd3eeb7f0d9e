"""The books of a whole run: sessions, grid table, meters and cells must tell the same energy."""

import math
from collections.abc import Callable
from typing import Any

import pytest

FLEET = {
    "n_ev": 12,
    "soc": [0.3, 0.9],
    "services": {"AC": 1.0, "AC_BPT": 1.0, "DC": 1.0, "DC_BPT": 1.0},
    "arrival": {"plug_in_s": [0.0, 10.0], "leave_s": [30.0, 50.0]},
}


def swings(view: Any) -> float:
    """Up and down through both signs, with ramps that never come to rest."""
    return view.rated_w * math.sin(0.7 * view.time_s) if math.sin(0.11 * view.time_s) < 0.5 else 0.3 * view.rated_w


@pytest.mark.parametrize("tick_s", [0.02, 0.1, 1.0])
def test_the_grid_table_adds_up_to_the_sessions(play: Callable[..., Any], tick_s: float) -> None:
    run = play(duration_s=60.0, fleet=FLEET, grid={"tick_s": tick_s}, policy=swings)
    of_ticks_wh = sum(run.world.fleet_power_w) * tick_s / 3600.0
    of_sessions_wh = run.tables["sessions"]["grid_energy_wh"].sum()
    assert len(run.tables["sessions"]["ev_id"]) == 12
    assert of_ticks_wh == pytest.approx(of_sessions_wh, rel=1e-6)
    assert run.tables["grid"]["fleet_power_w"].astype(float).sum() * tick_s / 3600.0 == pytest.approx(
        of_sessions_wh, rel=1e-6
    )
    # Each session is rounded to whole microjoules.
    assert run.outcome.kpis["grid_energy_wh"] == pytest.approx(of_sessions_wh, rel=1e-9)
    assert run.broken() == {}


def test_energies_at_the_three_points_differ_by_the_losses(play: Callable[..., Any]) -> None:
    run = play(duration_s=60.0, fleet=FLEET, policy=swings)
    sessions, kpis = run.tables["sessions"], run.outcome.kpis
    assert sessions["plug_energy_wh"] == pytest.approx(sessions["charged_wh"] - sessions["discharged_wh"], rel=1e-9)
    assert sessions["battery_energy_wh"] == pytest.approx(
        60_000.0 * (sessions["soc_end"] - sessions["soc_start"]), abs=1e-8
    )
    lost_wh = sessions["grid_energy_wh"] - sessions["battery_energy_wh"]
    assert min(lost_wh) > 0.0
    assert kpis["loss_wh"] == pytest.approx(lost_wh.sum(), rel=1e-9)
    is_ac = [name.startswith("AC") for name in sessions["service"]]
    # AC: nothing is lost before the plug.
    assert sessions["grid_energy_wh"][is_ac] == pytest.approx(sessions["plug_energy_wh"][is_ac], rel=1e-12)
    assert (sessions["grid_energy_wh"] > sessions["plug_energy_wh"])[[not ac for ac in is_ac]].all()


def test_the_wire_s_meter_agrees_with_the_session(play: Callable[..., Any]) -> None:
    """MeterInfo is owed with the first loop response only; nothing has flown by then."""
    run = play(service="AC_BPT")
    meters = [sent.message.meter_info for sent in run.said("AC_ChargeLoopRes")]
    assert meters[0] is not None
    assert meters[0].charged_energy_reading_wh == 0
    assert not any(meters[1:])


def test_stand_by_of_stations_adds_exactly(play: Callable[..., Any]) -> None:
    quiet, drawing = (
        play(duration_s=60.0, fleet=FLEET, policy=swings, evse={"standby_w": watts}) for watts in (0.0, 7.5)
    )
    with_it, without = drawing.world.fleet_power_w, quiet.world.fleet_power_w
    assert [round(a - b, 6) for a, b in zip(with_it, without, strict=True)] == [12 * 7.5] * 600
    for column in ("grid_energy_wh", "plug_energy_wh"):
        assert drawing.tables["sessions"][column].tolist() == quiet.tables["sessions"][column].tolist()
    # With the declared baseline stand-by is expected, so it is no service.
    assert drawing.tables["grid"]["service_w"] == pytest.approx(quiet.tables["grid"]["service_w"], abs=0.01)


def test_real_cars_are_counted_at_the_grid_only(play: Callable[..., Any]) -> None:
    one, many = (play(fleet={**FLEET, "cars_per_ev": k}, policy=swings) for k in (1.0, 50.0))
    assert many.tables["grid"]["fleet_power_w"] == pytest.approx(50.0 * one.tables["grid"]["fleet_power_w"], rel=1e-6)
    assert many.tables["grid"]["setpoint_power_w"] == pytest.approx(
        50.0 * one.tables["grid"]["setpoint_power_w"], rel=1e-6
    )
    assert many.tables["fleet"]["headroom_up_w"].tolist() == one.tables["fleet"]["headroom_up_w"].tolist()
    assert many.tables["sessions"]["plug_energy_wh"].tolist() == one.tables["sessions"]["plug_energy_wh"].tolist()
    assert many.outcome.kpis["grid_energy_wh"] == one.outcome.kpis["grid_energy_wh"]


def test_setpoints_in_force_are_those_of_the_setpoint_table(play: Callable[..., Any]) -> None:
    """The sum at the end of each tick equals what the changes add up to; after Stop nothing is asked for."""
    run = play(duration_s=60.0, fleet=FLEET, policy=swings)
    setpoints, grid = run.tables["setpoints"], run.tables["grid"]
    stop_ns = dict(zip(run.tables["sessions"]["ev_id"], run.tables["sessions"]["stop_ns"], strict=True))
    for index in (150, 250, 290):
        t_ns = grid["t_ns"][index]
        assert t_ns < min(stop_ns.values())
        changes = zip(setpoints["t_ns"], setpoints["ev_id"], setpoints["setpoint_w"], strict=True)
        last = {ev_id: power_w for at_ns, ev_id, power_w in changes if at_ns < t_ns}
        assert grid["setpoint_power_w"][index] == pytest.approx(sum(last.values()), abs=0.1)
    assert grid["setpoint_power_w"][-1] == 0.0
