"""Who is in the fleet: services by share, cars that only charge, sites, and the census."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from cosim.inputs import PlannedVisit
from cosim.people import Offered, in_order_of_arrival, offered
from cosim.site import shard_of
from models.car.vehicle import Vehicle

S = 1_000_000_000


@pytest.mark.parametrize(
    ("shares", "count"),
    [
        pytest.param({"DC_BPT": 0.5, "AC_BPT": 0.5}, {"DC_BPT": 10, "AC_BPT": 10}, id="halves"),
        pytest.param(
            {"AC": 1, "AC_BPT": 1, "DC": 1, "DC_BPT": 1}, {"AC": 5, "AC_BPT": 5, "DC": 5, "DC_BPT": 5}, id="4"
        ),
        pytest.param({"DC": 0.25, "AC_BPT": 0.75}, {"DC": 5, "AC_BPT": 15}, id="a quarter"),
        pytest.param({"DC_BPT": 0.0, "AC": 1.0}, {"AC": 20}, id="a share of nothing"),
    ],
)
def test_services_are_dealt_by_their_shares(
    play: Callable[..., Any], shares: dict[str, float], count: dict[str, int]
) -> None:
    run = play(duration_s=35.0, fleet={"n_ev": 20, "services": shares})
    assert Counter(run.tables["sessions"]["service"]) == count


@pytest.mark.parametrize("service", ["AC_BPT", "DC_BPT"])
def test_a_car_that_only_charges_gets_the_service_without_discharging(
    play: Callable[..., Any], one_way_car: Vehicle, service: str
) -> None:
    run = play(service=service, vehicles=(one_way_car,), policy=lambda view: -5_000.0, fleet={"n_ev": 3})
    assert set(run.tables["sessions"]["service"]) == {service[:2]}
    assert run.tables["sessions"]["discharged_wh"].tolist() == [0.0] * 3
    assert run.tables["charge_loop"]["requested_w"].min() == -5_000.0
    assert run.tables["charge_loop"]["plug_power_w"].min() == 0.0
    assert set(run.tables["charge_loop"]["clip_reason"]) == {"ev_power"}


@pytest.mark.parametrize(("share", "least", "most"), [(0.0, 0, 0), (0.5, 12, 28), (1.0, 40, 40)])
def test_v2g_share_says_how_many_take_part(play: Callable[..., Any], share: float, least: int, most: int) -> None:
    run = play(
        duration_s=33.0,
        service="AC_BPT",
        policy=lambda view: -8_000.0,
        fleet={"n_ev": 40, "v2g_share": share},
        record={"messages": "session"},
    )
    sessions = run.tables["sessions"]
    takes_part = sessions["service"] == "AC_BPT"
    assert least <= takes_part.sum() <= most
    assert ((sessions["discharged_wh"] > 0.0) == takes_part).all()


def test_sites_take_charging_points_in_order_by_their_shares(play: Callable[..., Any]) -> None:
    run = play(
        service="AC",
        fleet={"n_ev": 8},
        sites=[{"name": "depot", "share": 3.0}, {"name": "street", "share": 1.0}],
    )
    for table in ("sessions", "charge_loop"):
        rows = run.tables[table]
        assert dict(zip(rows["evse_id"].tolist(), rows["site_id"].tolist(), strict=True)) == {
            **dict.fromkeys(range(6), 0),
            6: 1,
            7: 1,
        }


def test_the_census_counts_who_is_there_and_what_they_do(play: Callable[..., Any]) -> None:
    """Four come at 0, 5, 10 and 15 s and leave from 30 s on; two charge, two discharge."""
    visits = tuple(
        PlannedVisit(5.0 * ev_id, 30.0 + 5.0 * ev_id, soc=0.5, service="AC_BPT" if ev_id < 2 else "DC_BPT")
        for ev_id in range(4)
    )
    run = play(
        duration_s=60.0,
        visits=visits,
        policy=lambda view: 10_000.0 if view.voltage_v != view.voltage_v else -8_000.0,
    )
    census = run.tables["fleet"]
    seconds = (census["t_ns"] / S).round(3)
    assert seconds.tolist() == list(range(1, 61))

    def row(t_s: int) -> dict[str, float]:
        (index,) = (seconds == t_s).nonzero()[0]
        return {name: values[index] for name, values in census.items()}

    assert [row(t_s)["connected"] for t_s in (1, 6, 11, 16, 29, 34, 39, 44, 55)] == [1, 2, 3, 4, 4, 3, 2, 1, 0]
    full = row(29)
    assert (full["in_loop"], full["charging"], full["discharging"]) == (4, 2, 2)
    # Two AC cars at 10 of 11 kW both ways, two DC cars at -8992 W of 50 kW and 10 kW.
    plug_w = run.tables["charge_loop"]["plug_power_w"].min()
    assert full["headroom_up_w"] == pytest.approx(2 * 1_000.0 + 2 * (50_000.0 - plug_w), abs=0.01)
    assert full["headroom_down_w"] == pytest.approx(2 * 21_000.0 + 2 * (10_000.0 + plug_w), abs=0.01)
    assert full["energy_up_wh"] == pytest.approx(4 * 30_000.0, abs=200.0)
    assert full["energy_up_wh"] + full["energy_down_wh"] == pytest.approx(4 * 0.95 * 60_000.0, abs=0.01)
    assert all(value == 0 for name, value in row(60).items() if name != "t_ns")


def test_a_planned_visit_is_kept(play: Callable[..., Any]) -> None:
    visits = (
        PlannedVisit(3.0, 31.5, soc=0.61, target_soc=0.7, service="AC"),
        PlannedVisit(4.25, 40.0, energy_wh=12_000.0, target_soc=0.9, service="DC"),
    )
    sessions = play(duration_s=60.0, visits=visits).tables["sessions"]
    assert sessions["plug_in_ns"].tolist() == [3 * S, 4_250_000_000]
    assert sessions["soc_start"].tolist() == pytest.approx([0.61, 0.7])
    assert sessions["soc_target"].tolist() == [0.7, 0.9]
    assert sessions["service"].tolist() == ["AC", "DC"]
    assert (sessions["stop_ns"] >= [31.5 * S, 40 * S]).all()


@pytest.mark.parametrize("power_w", [10_000.0, -10_000.0])
def test_three_phases_written_one_by_one_give_the_same_totals(play: Callable[..., Any], power_w: float) -> None:
    together, apart = (
        play(service="AC_BPT", policy=lambda view: power_w, ev={"per_phase": flag}) for flag in (False, True)
    )
    modes = [run.said("AC_ChargeLoopRes")[40].message.control_mode for run in (together, apart)]
    assert modes[0].evse_target_active_power_l2 is None
    assert modes[0].evse_target_active_power.number == power_w
    parts = [getattr(modes[1], f"evse_target_active_power{phase}").number for phase in ("", "_l2", "_l3")]
    assert parts == pytest.approx([power_w / 3.0] * 3, abs=0.7)
    # A phase is said in whole watts here, so the sum may be 2 W off.
    assert apart.tables["charge_loop"]["setpoint_w"][40] == pytest.approx(sum(parts), abs=2.0)
    for column in ("plug_energy_wh", "battery_energy_wh"):
        assert apart.tables["sessions"][column] == pytest.approx(together.tables["sessions"][column], rel=3e-4)
    assert apart.broken() == {}


@pytest.mark.parametrize("shards", [2, 3])
def test_parts_of_a_fleet_offer_what_the_whole_does(
    prepare: Callable[..., Any], car: Vehicle, one_way_car: Vehicle, shards: int
) -> None:
    """So each process draws its own vehicles only. A car offers 11 kW on AC and 10 kW on DC, the other one nothing."""
    run = prepare(vehicles=(car, one_way_car), fleet={"n_ev": 60, "services": {"AC_BPT": 0.5, "DC_BPT": 0.5}})
    scenario, inputs = run.scenario, run.inputs
    parts = [[ev_id for ev_id in range(60) if shard_of(ev_id, shards) == number] for number in range(shards)]
    whole = offered(scenario, inputs, range(60))
    each_offers = [offered(scenario, inputs, part) for part in parts]
    assert Offered(*(sum(column) for column in zip(*each_offers, strict=True))) == whole
    assert 60 * 0.25 * 10_000.0 < whole.at_plug_w < 60 * 0.75 * 11_000.0
    assert whole.at_plug_w == 1e-6 * (whole.ac_uw + whole.dc_uw)
    assert whole.ac_reaction_w_us == pytest.approx(0.2 * whole.ac_uw), "0.2 s, see conftest"
    ids, at_ns = in_order_of_arrival(scenario, inputs, parts[0])
    assert sorted(ids) == parts[0]
    assert (at_ns[1:] >= at_ns[:-1]).all()
