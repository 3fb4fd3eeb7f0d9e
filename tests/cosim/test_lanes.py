"""The contract of the lanes: whatever the scenario, tables and key figures are the same, bit for bit.

Each entry of the matrix is a scenario; whatever is new in a turn of the loop gets a line here.
"""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cosim.inputs import Series
from cosim.scenario import FAULT_KINDS
from cosim.sheet import PLACES
from experiments.presets import load_grid
from models.car.vehicle import vehicle_from_row
from models.grid.area import GridParams
from models.grid.shedding import Stage
from models.policies import POLICIES, nordic_fcr, product
from models.policies.droop import Params

NOISY = {"noise_hz": 0.02, "bias_hz": 0.01, "time_constant_s": 0.1}
SWING = Series((0.0, 8.0, 9.0, 15.0, 22.0, 40.0), (50.0, 50.0, 49.7, 49.85, 50.2, 49.98))
RELAXED = {"loop_sequence_timeout_s": 60.0}
ONE_PHASE = vehicle_from_row("One phase", 40.0, 7.4, 50.0, 7.4, 10.0)
LORRY = vehicle_from_row("Lorry", 900.0, 43.0, 400.0, 43.0, 400.0)
STAY = {"plug_in_s": [0.0, 3.0], "leave_s": [25.0, 33.0]}
SILENT = {"record": {"messages": "none"}}
SURPRISES = {
    "service": "DC_BPT",
    "ev": {"retry_after_s": 0.5},
    "grid": {"tick_s": 1.0},
    "faults": [{"kind": kind, "t_s": at_s, "duration_s": 1.3, "delay_s": 0.3, "ev_ids": [ev_id]}
               for kind, at_s, ev_id in (("link_delay", 3.42, 0), ("tcp_reset", 3.61, 1), ("ev_unplugged", 3.77, 2),
                                         ("link_down", 4.55, 3), ("contactor_stuck", 5.0, 1))],
    "driver": [{"t_s": 3.5, "ev_id": 0, "leaves_now": True}, {"t_s": 5.2, "ev_id": 3, "departure_s": 20.0}],
}  # fmt: skip


def compared(prepare: Callable[..., Any], shards: int = 1, **keywords: Any) -> Any:
    """Play a scenario in both lanes, the second in so many parts; the tables agree to the last bit."""
    keywords.setdefault("duration_s", 40.0)
    record = {"messages": "session", "trace_evs": [], **keywords.pop("record", {})}
    message, fleet = (prepare(lane=lane, record=record, **keywords) for lane in ("message", "fleet"))
    message.finish()
    fleet = fleet.finish() if shards == 1 else fleet.finish_in_shards(shards)
    assert fleet.world.lane_note == ""
    assert message.outcome.kpis == fleet.outcome.kpis
    assert message.outcome.checks == fleet.outcome.checks
    assert set(message.tables) == set(fleet.tables)
    for name, table in message.tables.items():
        assert rows(table) == rows(fleet.tables[name]), name
    return fleet


def rows(table: dict[str, Any]) -> list[tuple[str, ...]]:
    """All rows in one order, each value as text that keeps every bit."""
    return sorted(zip(*([repr(value) for value in column.tolist()] for column in table.values()), strict=True))


MATRIX = {
    "AC": {"service": "AC"},
    "AC_BPT": {"service": "AC_BPT"},
    "DC": {"service": "DC"},
    "DC_BPT": {"service": "DC_BPT"},
    "periodic regulation": {"service": "DC_BPT", "evse": {"dc_regulation": "periodic", "control_period_s": 0.07}},
    "more setpoints wait than a row has room for": {
        "service": "DC_BPT",
        "evse": {"dc_regulation": "periodic", "control_period_s": 0.02, "dc_reaction_delay_s": 0.2},
    },
    "three phases stated": {"service": "AC_BPT", "ev": {"per_phase": True}},
    "one phase": {"service": "AC_BPT", "vehicles": (ONE_PHASE,)},
    "numbers beyond five digits": {"service": "AC_BPT", "vehicles": (LORRY,)},
    "currents of a lorry": {"service": "DC_BPT", "vehicles": (LORRY,), "evse": {"dc_charge_w": 400_000.0}},
    "no filter": {"service": "AC_BPT", "measurement": {"noise_hz": 0.02, "time_constant_s": 0.0}},
    "quick loop": {"service": "AC_BPT", "ev": {"loop_gap_s": 0.05, "loop_gap_jitter_s": 0.04}},
    "slow loop": {"service": "DC_BPT", "ev": {"loop_gap_s": 5.0}, "secc": RELAXED},
    "lost segments": {"service": "AC_BPT", "link": {"loss": 0.1, "jitter_s": 0.015}},
    "a link at its limit": {"service": "AC_BPT", "link": {"delay_s": 0.1, "jitter_s": 0.06}},
    "a link beyond it": {"service": "AC_BPT", "link": {"delay_s": 0.15, "jitter_s": 0.1}},
    "long reaction, many waiting": {"service": "AC_BPT", "ev": {"loop_gap_s": 0.05, "reaction_delay_s": 0.9}},
    "ramps limited": {"service": "DC_BPT", "evse": {"power_ramp_limit_percent_per_min": 300.0}},
    "short ticks": {"service": "AC_BPT", "grid": {"tick_s": 0.02}, "duration_s": 30.0},
    "long ticks": {"service": "DC_BPT", "grid": {"tick_s": 1.0}},
    "ends between ticks": {"service": "AC_BPT", "grid": {"tick_s": 0.1}, "duration_s": 20.05},
    "nearly full": {"fleet": {"soc": [0.97, 0.9999], "target_soc": 1.0}, "service": "DC_BPT", "policy": "uncontrolled"},
    "driver changes": {
        "service": "AC_BPT",
        "driver": [{"t_s": 12.3, "ev_id": 1, "departure_s": 18.0}, {"t_s": 14.0, "ev_id": 2, "departure_s": 90.0}],
    },
    "driver changes, renegotiated": {
        "service": "DC_BPT",
        "driver": [{"t_s": 12.3, "ev_id": 1, "departure_s": 37.0}, {"t_s": 14.0, "ev_id": 2, "departure_s": 20.0}],
        "secc": {"renegotiate_if_s": 2.0, "renegotiation_power": "zero"},
    },
    "driver wants more, or to go": {
        "service": "DC_BPT",
        "driver": [
            {"t_s": 12.3, "ev_id": 1, "target_soc": 0.9},
            {"t_s": 14.0, "ev_id": 2, "leaves_now": True},
            {"t_s": 14.0, "ev_id": 3, "target_soc": 0.3, "departure_s": 30.0},
        ],
    },
    "one phase, each stated": {"service": "AC_BPT", "vehicles": (ONE_PHASE,), "evse": {"phases": "each"}},
    "three phases, each stated": {"service": "AC_BPT", "evse": {"phases": "each"}},
    "asymmetry limited": {
        "service": "AC_BPT", "vehicles": (ONE_PHASE,), "evse": {"phases": "each", "maximum_asymmetry_w": 4_600.0},
    },
    "faults at a rate, tried again": {
        "service": "AC_BPT",
        "ev": {"retry_after_s": 0.5},
        "faults": [{"kind": kind, "rate_per_h": 120.0, "duration_s": 2.0}
                   for kind in ("tcp_reset", "link_delay", "sensor_biased", "lost_segment", "evse_restart")],
    },
    "surprises during set-up, between long ticks": SURPRISES,
    "the same, polls passed over": SURPRISES | SILENT,
    "polls passed over": {"service": "DC_BPT", "grid": {"tick_s": 0.3}, "evse": {"cable_check_s": 3.0}, **SILENT},
    "polls passed over, with a customer who takes her time": {
        "service": "AC_BPT", "evse": {"authorization_s": 4.0}, "link": {"loss": 0.1}, **SILENT,
    },
    "the station settles the needs": {
        "service": "DC_BPT",
        "ev": {"mobility_needs": "station"},
        "station": [{"t_s": 13.0, "ask": "needs", "departure_s": 28.0, "target_soc": 0.6, "ev_ids": [1]}],
    },
    "a schedule from a file": {
        "service": "AC_BPT",
        "policy": "schedule",
        "series": Series((0.0, 15.0, 30.0), (-9_000.0, 9_000.0, 0.0)),
    },
    "spread evenly": {"service": "AC_BPT", "schedule": {"rule": "even"}},
    "every third loop": {"service": "AC_BPT", "record": {"charge_loop_every": 3}},
    "every second car": {"service": "AC_BPT", "record": {"charge_loop_evs_every": 2}},
    "some cars": {"service": "DC_BPT", "record": {"charge_loop_evs": [0, 3], "charge_loop_every": 2}},
    "around events": {
        "service": "AC_BPT",
        "grid": {"events": [{"t_s": 14.05, "power_mw": -1.0}, {"t_s": 20.0, "power_mw": -1.0}]},
        "record": {"around_events_s": [1.0, 1.15]},
    },
    "one car traced": {"service": "DC_BPT", "record": {"trace_evs": [1]}},
    "guaranteed departure": {"service": "AC_BPT", "limits": {"guarantee_departure": True, "departure_margin_s": 10.0}},
    **{f"policy {name}": {"service": "AC_BPT", "policy": name} for name in POLICIES},
    "DC, energy back by settlement periods": {
        "service": "DC_BPT", "policy": "product",
        "params": product.resolved({"product": "dc"}) | {"settlement_s": 6.0, "restore_pu": 0.5},
    },
    "FFR, energy back after a release": {
        "service": "AC_BPT", "policy": "product",
        "params": product.resolved({"product": "ffr"}) | {"hold_s": 1.5, "wait_s": 1.0, "again_s": 15.0},
    },
    **{f"{key}, nearly {state}": {
        "service": "DC_BPT", "policy": nordic_fcr, "params": product.resolved({"product": key}),
        "fleet": {"soc": soc, "minimum_soc": 0.3, "maximum_soc": 0.9, "target_soc": 0.3,
                  "arrival": {"plug_in_s": [0.0, 3.0], "leave_s": [50.0, 50.0]}},
        "duration_s": 52.0,  # longer than a stretch of the five-minute means
        "limits": {"guarantee_departure": False},
    } for key, state, soc in (("fcr-n", "empty", [0.301, 0.33]), ("fcr-d", "full", [0.87, 0.899]))},
    **{f"gap rule {rule}": {"service": "AC_BPT", "limits": {"gap_rule": rule}} for rule in
       ("zero", "nearest", "hysteresis", "dither")},
}  # fmt: skip


@pytest.mark.parametrize(
    ("entry", "shards"),
    [(entry, 1 + place % 3) for place, entry in enumerate(MATRIX.values())],
    ids=[f"{name}, in {1 + place % 3}" for place, name in enumerate(MATRIX)],
)
def test_lanes_agree(prepare: Callable[..., Any], entry: dict[str, Any], shards: int) -> None:
    keywords: dict[str, Any] = {"policy": "droop", "frequency": SWING, "measurement": NOISY, **entry}
    keywords["fleet"] = {"n_ev": 4, "arrival": STAY, **entry.get("fleet", {})}
    link = {"jitter_s": 0.015} | entry.get("link", {})
    fleet = compared(prepare, shards, link=link, **without(keywords, "link"))
    assert fleet.outcome.kpis["charge_loops"] > 0


def test_energy_management_was_at_work_where_the_lanes_agree(prepare: Callable[..., Any]) -> None:
    """Else the two entries of it above would compare a plain droop."""
    entry = MATRIX["fcr-n, nearly empty"]
    run = prepare(lane="message", frequency=SWING, record={"trace_evs": []},
                  **{**entry, "fleet": {"n_ev": 4, **entry["fleet"]}}).finish()  # fmt: skip
    baseline_w = run.tables["grid"]["baseline_w"]
    assert 400.0 < baseline_w.max() < 4 * 5_000.0 * 0.34 * 40.0 / 300.0, "NEM ramps, except while frequency is far off"


def test_lanes_agree_on_a_cable_check_that_takes_too_long(prepare: Callable[..., Any]) -> None:
    fleet = compared(
        prepare, duration_s=12.0, service="DC", policy="droop", evse={"cable_check_s": 5.0},
        secc={"cable_check_limit_s": 3.0}, record={"messages": "none"}, fleet={"n_ev": 3, "arrival": STAY},
    )  # fmt: skip
    assert fleet.outcome.kpis["sessions_reached_loop"] == 0


def without(keywords: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in keywords.items() if key != name}


def test_lanes_agree_where_the_grid_answers(prepare: Callable[..., Any]) -> None:
    compared(
        prepare,
        policy="droop",
        params={"droop_pu": 0.008, "deadband_hz": 0.0},
        service="AC_BPT",
        grid_params=load_grid("island").params,
        fleet={"n_ev": 6, "cars_per_ev": 60.0, "arrival": {"leave_s": [600.0, 600.0]}},
        grid={"events": [{"t_s": 15.0, "power_mw": -6.0}]},
    )


@pytest.mark.parametrize("service", ["AC_BPT", "DC_BPT"])
def test_lanes_agree_when_feeders_are_shed_with_the_cars_on_them(prepare: Callable[..., Any], service: str) -> None:
    """Wherever in an exchange the outage finds a pair: the loop is slow and the line long, so that many are on it."""
    half = GridParams(50.0, 1000.0, 5000.0, 0.0, (), (), None, (Stage(49.05, 0.5, 0.0, 0.8),))
    fleet = compared(
        prepare, duration_s=30.0, service=service, policy="droop", grid_params=half, measurement=NOISY,
        fleet={"n_ev": 40, "target_soc": 0.4, "arrival": {"plug_in_s": [0.0, 1.0], "leave_s": [1e5, 1e5]}},
        grid={"events": [{"t_s": 20.0, "power_mw": -100.0}]}, link={"delay_s": 0.08, "jitter_s": 0.05},
    )  # fmt: skip
    assert fleet.outcome.kpis["sessions_without_supply"] > 10


FAULT_MATRIX = {kind: {"t_s": 14.0, "kind": kind, "duration_s": 3.0} for kind in FAULT_KINDS}


@pytest.mark.parametrize("fault", FAULT_MATRIX.values(), ids=FAULT_MATRIX.keys())
@pytest.mark.parametrize(("service", "shards"), [("AC_BPT", 2), ("DC_BPT", 3)])
def test_lanes_agree_through_faults(
    prepare: Callable[..., Any], service: str, shards: int, fault: dict[str, Any]
) -> None:
    compared(
        prepare, shards, service=service, policy="droop", frequency=SWING, measurement=NOISY, link={"jitter_s": 0.015},
        fleet={"n_ev": 3, "arrival": STAY}, faults=[fault | {"ev_ids": [0, 2]}],
    )  # fmt: skip


STATION_MATRIX = {
    "pause": [{"t_s": 14.0, "ask": "pause"}, {"t_s": 20.0, "ask": "wake"}, {"t_s": 20.0, "ask": "exit_standby"}],
    "renegotiation": [{"t_s": 14.0, "ask": "schedule_renegotiation"}],
    "service renegotiation": [{"t_s": 14.0, "ask": "service_renegotiation"}],
    "meter": [{"t_s": 14.0, "ask": "metering_confirmation"}],
    "terminate": [{"t_s": 14.0, "ask": "terminate"}],
}


@pytest.mark.parametrize(
    ("answer", "asks"),
    [("pause", asks) for asks in STATION_MATRIX.values()] + [("standby", STATION_MATRIX["pause"])],
    ids=[*STATION_MATRIX, "standby"],
)
@pytest.mark.parametrize(("service", "shards"), [("AC_BPT", 2), ("DC", 3)])
def test_lanes_agree_through_what_the_station_asks(
    prepare: Callable[..., Any], service: str, shards: int, answer: str, asks: list[dict[str, Any]]
) -> None:
    compared(
        prepare, shards, service=service, policy="droop", ev={"pause_answer": answer, "standby_poll_s": 2.0},
        frequency=SWING, measurement=NOISY, link={"jitter_s": 0.015},
        fleet={"n_ev": 3, "arrival": STAY}, station=[ask | {"ev_ids": [0, 2]} for ask in asks],
    )  # fmt: skip


@pytest.mark.parametrize(("service", "shards"), [("AC", 1), ("AC_BPT", 2), ("DC", 3), ("DC_BPT", 2)])
def test_lanes_agree_in_scheduled_mode(prepare: Callable[..., Any], service: str, shards: int) -> None:
    """One of the cars breaks its promise, so that it is warned."""
    compared(
        prepare, shards, service=service, policy="droop", frequency=SWING, ev={"control_mode": "scheduled"},
        secc={"reschedule_every_s": 2.0, "power_tolerance_w": 100.0}, fleet={"n_ev": 3, "arrival": STAY},
        faults=[{"kind": "off_profile", "t_s": 16.0, "ev_ids": [1], "duration_s": 5.0}],
    )  # fmt: skip


@pytest.mark.parametrize("entry", [{"service": "AC_BPT"}, MATRIX["periodic regulation"]], ids=["loop", "periodic"])
def test_lanes_agree_when_there_are_more_decisions_than_fit_and_logs_run_full(
    prepare: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, entry: dict[str, Any]
) -> None:
    monkeypatch.setattr("cosim.lane.LOG_ROWS", PLACES + 1)
    compared(
        prepare, duration_s=18.0, policy="droop", frequency=SWING, measurement=NOISY, grid={"tick_s": 1.0},
        fleet={"n_ev": PLACES + 11, "arrival": {"plug_in_s": [0.0, 1.0], "leave_s": [16.0, 20.0]}}, **entry,
    )  # fmt: skip


def test_rows_do_take_the_loops(prepare: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the two lanes would agree for want of a second one."""
    run = prepare(
        lane="fleet", policy="droop", service="AC_BPT", frequency=SWING, measurement=NOISY, duration_s=25.0,
        record={"messages": "session", "trace_evs": []},
    )  # fmt: skip
    run.finish()
    assert run.outcome.lane_exchanges == run.world.exchanges - 1 > 50  # all but the first, which owes the meter
    assert run.outcome.kpis["messages"]["AC_ChargeLoopReq"] == run.world.exchanges


def test_a_policy_that_does_not_compile_runs_in_the_message_lane_and_the_run_says_so(
    prepare: Callable[..., Any],
) -> None:
    limit = 3_000.0
    run = prepare(lane="fleet", policy=lambda view: limit, service="AC_BPT", record={"messages": "session"})
    assert "cannot be compiled" in run.world.lane_note
    assert run.finish().outcome.status == "done"


@settings(
    max_examples=15,
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_lanes_agree_in_random_scenarios(prepare: Callable[..., Any], data: st.DataObject) -> None:
    def some(name: str, *values: Any) -> Any:
        return data.draw(st.sampled_from(values), label=name)

    gap_s = some("gap", 0.05, 0.2, 0.237, 1.0, 5.0)
    leave_s = data.draw(st.floats(8.0, 70.0), label="leave")
    compared(
        prepare,
        shards=some("shards", 1, 2, 3),
        duration_s=some("duration", 20.0, 33.33, 47.05),
        seed=data.draw(st.integers(0, 10_000), label="seed"),
        policy=some("policy", *POLICIES),
        service=some("service", "AC", "AC_BPT", "DC", "DC_BPT"),
        frequency=SWING,
        measurement={"noise_hz": some("noise", 0.0, 0.01, 0.1), "time_constant_s": some("filter", 0.0, 0.1, 2.0)},
        link={"delay_s": some("delay", 0.0, 0.005, 0.08), "jitter_s": some("jitter", 0.0, 0.015, 0.1),
              "loss": some("loss", 0.0, 0.02)},
        ev={"loop_gap_s": gap_s, "loop_gap_jitter_s": some("gap jitter", 0.0, 0.03),
            "per_phase": some("phases", True, False)},
        secc=RELAXED if gap_s > 0.25 or some("relaxed", True, False) else {},
        evse={"dc_regulation": some("regulation", "loop", "periodic"),
              "control_period_s": some("period", 0.05, 0.1, 0.7)},
        grid={"tick_s": some("tick", 0.02, 0.1, 0.25, 1.0)},
        limits={"gap_rule": some("gap rule", "zero", "nearest", "hysteresis", "dither"),
                "guarantee_departure": some("guarantee", True, False), "departure_margin_s": 5.0},
        fleet={"n_ev": 3, "soc": some("soc", [0.4, 0.6], [0.05, 0.3], [0.9, 1.0]),
               "arrival": {"plug_in_s": [0.0, 5.0], "leave_s": [leave_s, leave_s + 5.0]}},
        driver=[{"t_s": some("change at", 9.0, 14.5), "ev_id": 1, "departure_s": some("to", 10.0, 16.0, 44.0)}],
    )  # fmt: skip


def test_the_parameters_of_a_policy_are_not_compiled_in(prepare: Callable[..., Any]) -> None:
    """Change one number, run again: the other one counts."""
    requested = []
    for droop_pu in (0.01, 0.02):
        run = compared(
            prepare, policy="droop", params=Params(droop_pu=droop_pu)._asdict(), service="AC_BPT", frequency=SWING,
            duration_s=25.0,
        )  # fmt: skip
        requested.append(min(run.tables["charge_loop"]["requested_w"]))
    assert requested[0] == pytest.approx(2.0 * requested[1], rel=0.05)
