"""Three phases: what is said of each, where single-phase cars lie, and the limit on asymmetry."""

import numpy as np
import pytest

from models.car.vehicle import vehicle_from_row

S = 1_000_000_000
CAR = vehicle_from_row("Two-way", 60.0, 11.0, 50.0, 11.0, 10.0)
SINGLE = vehicle_from_row("Single-phase", 20.0, 7.0, 0.0, 7.0, 0.0)  # on one phase: at most 7.4 kW
UNTIL_NS = 29 * S  # before they leave
EACH = {"phases": "each"}


def phases_w(run, from_s=20.0, to_s=29.0):
    grid = run.tables["grid"]
    inside = (grid["t_ns"] > from_s * S) & (grid["t_ns"] <= to_s * S)
    return [float(np.mean(grid[f"fleet_power_l{phase}_w"][inside])) for phase in (1, 2, 3)]


def test_single_phase_cars_load_their_phases_in_turn(play):
    run = play(
        policy=lambda view: 6_000.0, vehicles=(SINGLE,), service="AC_BPT", evse=EACH,
        fleet={"n_ev": 4, "soc": [0.2, 0.2]},
    )  # fmt: skip
    assert run.broken() == {}
    assert phases_w(run) == pytest.approx([12_000.0, 6_000.0, 6_000.0])
    assert np.allclose(
        run.tables["grid"]["fleet_power_w"],
        sum(run.tables["grid"][f"fleet_power_l{phase}_w"] for phase in (1, 2, 3)),
    )
    mode = run.said("AC_ChargeLoopRes")[-1].message.control_mode
    assert (mode.evse_target_active_power_l2.number, mode.evse_target_active_power_l3.number) == (0.0, 0.0)
    discovery = run.said("AC_ChargeParameterDiscoveryReq")[0].message.energy_transfer_mode
    assert discovery.ev_maximum_charge_power.number == 7_000.0
    assert discovery.ev_maximum_charge_power_l2.number == 0.0


def of_phases(run, name, ev_id):
    """A power of the charge loop, phase by phase, shape (rows, 3) [W]."""
    table = run.tables["charge_loop"]
    mine = (table["ev_id"] == ev_id) & (table["t_ns"] < UNTIL_NS)
    return np.stack([table[f"{name}_l{phase}_w"][mine] for phase in (1, 2, 3)], axis=1)


def test_the_charge_loop_says_setpoint_and_power_of_each_phase(play):
    run = play(
        policy=lambda view: 6_000.0, vehicles=(SINGLE, CAR), service="AC_BPT", evse=EACH,
        fleet={"n_ev": 6, "soc": [0.2, 0.2]},
    )  # fmt: skip
    sessions = run.tables["sessions"]
    three = sessions["ev_id"][sessions["vehicle"] == "Two-way"].tolist()
    assert 0 < len(three) < 6
    for ev_id in range(6):
        mine = (run.tables["charge_loop"]["ev_id"] == ev_id) & (run.tables["charge_loop"]["t_ns"] < UNTIL_NS)
        total = run.tables["charge_loop"]["plug_power_w"][mine]
        setpoints, powers = of_phases(run, "setpoint", ev_id), of_phases(run, "plug_power", ev_id)
        share = [1 / 3, 1 / 3, 1 / 3] if ev_id in three else [float(ev_id % 3 == phase) for phase in range(3)]
        assert np.allclose(powers, total[:, None] * share, rtol=1e-6)
        assert setpoints[-1].tolist() == [6_000.0 * part for part in share]
        # What the station said last, on the wire: L1 is the vehicle's own, the only one of a single-phase car.
        answers = [sent for sent in run.said("AC_ChargeLoopRes") if sent.ev_id == ev_id and sent.t_ns < UNTIL_NS]
        mode = answers[-1].message.control_mode
        told = [getattr(mode, f"evse_target_active_power{end}").number for end in ("", "_l2", "_l3")]
        assert sorted(told) == sorted(setpoints[-1].tolist())


def test_phases_are_null_where_they_are_not_stated_and_absent_where_none_can_be(play):
    run = play(policy=lambda view: 6_000.0, service="DC_BPT", evse=EACH)
    assert np.isnan(of_phases(run, "setpoint", 0)).all()
    assert np.isnan(of_phases(run, "plug_power", 0)).all()
    balanced = play(policy=lambda view: 6_000.0, service="AC_BPT")
    assert "setpoint_l1_w" not in balanced.tables["charge_loop"]
    stated = play(policy=lambda view: 6_000.0, service="AC_BPT", ev={"per_phase": True})
    assert of_phases(stated, "setpoint", 0)[-1].tolist() == [2_000.0] * 3


def test_all_on_the_first_phase_where_connectors_are_wired_alike(play):
    run = play(
        policy=lambda view: -5_000.0, vehicles=(SINGLE,), service="AC_BPT", fleet={"n_ev": 3},
        evse={**EACH, "single_phase_on": "l1"},
    )  # fmt: skip
    assert phases_w(run) == pytest.approx([-15_000.0, 0.0, 0.0])


def test_three_phase_cars_and_dc_load_all_phases_alike(play):
    for service in ("AC_BPT", "DC_BPT"):
        run = play(policy=lambda view: 6_000.0, service=service, evse=EACH)
        assert phases_w(run) == pytest.approx([2_000.0, 2_000.0, 2_000.0], rel=1e-3)
        assert run.broken() == {}


def test_the_asymmetry_limit_binds_single_phase_cars_and_is_told(play):
    run = play(
        policy=lambda view: 7_000.0, vehicles=(SINGLE,), service="AC_BPT", fleet={"soc": [0.2, 0.2]},
        evse={**EACH, "maximum_asymmetry_w": 4_600.0, "single_phase_on": "l1"},
    )  # fmt: skip
    assert phases_w(run) == pytest.approx([4_600.0, 0.0, 0.0])
    discovery = run.said("AC_ChargeParameterDiscoveryRes")[0].message.energy_transfer_mode
    assert discovery.maximum_power_asymmetry.number == 4_600.0


def test_phases_change_no_total(play):
    sections = {"policy": lambda view: 6_000.0, "vehicles": (SINGLE,), "service": "AC_BPT", "fleet": {"n_ev": 3}}
    summed, each = play(**sections), play(**sections, evse=EACH)
    assert summed.tables["grid"]["fleet_power_w"].tolist() == each.tables["grid"]["fleet_power_w"].tolist()
    assert summed.outcome.kpis["response_delay"] == each.outcome.kpis["response_delay"]
    assert summed.world.exchanges == each.world.exchanges > 0
    assert summed.tables["grid"]["setpoint_power_w"].tolist() == each.tables["grid"]["setpoint_power_w"].tolist()
