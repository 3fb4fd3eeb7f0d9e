"""Three phases: what is said of each, where single-phase cars lie, and the limit on asymmetry."""

import numpy as np
import pytest

from models.car.vehicle import vehicle_from_row

S = 1_000_000_000
SINGLE = vehicle_from_row("Single-phase", 20.0, 7.0, 0.0, 7.0, 0.0)  # on one phase: at most 7.4 kW
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
