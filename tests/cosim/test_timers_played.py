"""Each timer on simulated time: what is too slow ends the session when it should, and says so; `problems` knows."""

import pytest

from cosim.feasible import problems, warnings
from models.car.vehicle import vehicle_from_row

S = 1_000_000_000


def lost(run):
    table = run.tables["events"]
    return [
        (t / S, detail) for t, kind, detail in zip(table["t_ns"], table["kind"], table["detail"], strict=True)
        if kind == "session_lost"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("sections", "reason", "after", "span_s"),
    [
        pytest.param(
            {"evse": {"authorization_s": 300.0}}, "SECC: AUTHORIZATION took too long", "AuthorizationReq", 55.0,
            id="authorisation",
        ),
        pytest.param(
            {"evse": {"authorization_s": 300.0}, "secc": {"authorization_limit_s": 175.0}},
            "SECC: AUTHORIZATION took too long", "AuthorizationReq", 175.0, id="authorisation with a human at the plug",
        ),
        pytest.param(
            {"evse": {"cable_check_s": 300.0}}, "SECC: CABLE_CHECK took too long", "DC_CableCheckReq", 38.0,
            id="cable check",
        ),
        pytest.param(
            {"evse": {"precharge_v_per_s": 1.0}}, "SECC: PRE_CHARGE took too long", "DC_PreChargeReq", 9.0,
            id="pre-charge",
        ),
        pytest.param(
            {"evse": {"voltage_collapse_s": 900.0}}, "SECC: WELDING_DETECTION took too long", "DC_WeldingDetectionReq",
            55.0, id="welding detection",
        ),
    ],
)  # fmt: skip
def test_a_phase_that_never_finishes_is_ended_by_the_station(play, sections, reason, after, span_s):
    run = play(
        duration_s=400.0, fleet={"arrival": {"leave_s": [40.0, 40.0]}}, policy=lambda view: 6_000.0, **sections
    )  # fmt: skip
    first_s = run.said(after)[0].t_ns / S
    ((ended_s, detail),) = lost(run)
    assert detail == reason
    assert span_s <= ended_s - first_s <= span_s + 0.3  # the vehicle asks again each 0.25 s
    assert run.broken() == {}


@pytest.mark.parametrize(
    ("delay_s", "reason", "at_s"),
    [
        pytest.param(3.0, "message timeout in APP_PROTOCOL", 2.0, id="2 s for an ordinary message"),
        pytest.param(0.3, "message timeout in CHARGE_LOOP", None, id="0.5 s for a turn of the loop"),
    ],
)
def test_an_answer_that_is_late_ends_the_session_on_the_vehicles_side(play, delay_s, reason, at_s):
    run = play(link={"delay_s": delay_s}, secc={"loop_sequence_timeout_s": 60.0}, duration_s=60.0)
    (end_reason,) = run.tables["sessions"]["end_reason"]
    assert end_reason == reason
    timers = [
        d for k, d in zip(run.tables["events"]["kind"], run.tables["events"]["detail"], strict=True) if k == "timer"
    ]
    assert timers[0] == f"EVCC: {reason}"
    if at_s is not None:
        assert run.messages[0].t_ns + at_s * S == 2 * S


def test_a_slow_set_up_meets_the_communication_timer(play):
    run = play(link={"delay_s": 0.95}, ev={"answer_s": 30.0}, duration_s=120.0)
    (end_reason,) = run.tables["sessions"]["end_reason"]
    assert end_reason == "communication setup timeout in SESSION_SETUP"


def test_a_slow_loop_meets_the_stations_timer_which_says_why(play):
    run = play(ev={"loop_gap_s": 0.6})
    ((_, detail),) = lost(run)
    assert detail == "SECC: sequence timeout in CHARGE_LOOP"
    assert list(run.tables["sessions"]["end_reason"]) == ["SECC: sequence timeout in CHARGE_LOOP"]
    relaxed = play(ev={"loop_gap_s": 0.6}, secc={"loop_sequence_timeout_s": 60.0})
    assert list(relaxed.tables["sessions"]["end_reason"]) == ["departure"]


@pytest.mark.parametrize("service", ["AC_BPT", "DC_BPT"])
def test_a_pilot_that_comes_late_fails_the_start(play, service):
    in_time = play(service=service, ev={"cp_response_s": 0.2})
    assert list(in_time.tables["sessions"]["end_reason"]) == ["departure"]
    late = play(service=service, ev={"cp_response_s": 0.3})
    assert lost(late)[0][1] == "FAILED"
    assert late.tables["sessions"]["charged_wh"][0] == 0.0


# --- found before the run ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        pytest.param(
            {"evse": {"contactor_close_s": 1.4}, "secc": {"processing_s": 0.2}}, "1.4 s does not fit", id="AC on"
        ),
        pytest.param({"evse": {"dc_off_ramp_w_per_s": 10_000.0}}, "the DC off-ramp", id="DC off"),
        pytest.param({"ev": {"cp_response_s": 0.3}}, "every start would fail", id="pilot"),
        pytest.param({"ev": {"loop_gap_s": 0.6}}, "every session would be lost", id="loop"),
        pytest.param({"driver": [{"t_s": 5.0, "ev_id": 7, "wakes": True}]}, "names vehicle 7", id="unknown vehicle"),
        pytest.param({"faults": [{"kind": "tcp_reset", "t_s": 99.0}]}, "comes at 99 s", id="after the end"),
    ],
)
def test_what_cannot_work_is_found_before_the_run(prepare, sections, words):
    run = prepare(duration_s=40.0, **sections)
    assert any(words in line for line in problems(run.scenario, run.inputs)), problems(run.scenario, run.inputs)


def test_a_vehicle_too_slow_for_an_orderly_stop_is_found(prepare):
    sluggish = vehicle_from_row("Sluggish", 60.0, 11.0, 50.0, 11.0, 10.0)
    sluggish = sluggish._replace(ac_converter=sluggish.ac_converter._replace(off_ramp_w_per_s=2_000.0))
    run = prepare(duration_s=40.0, vehicles=(sluggish,))
    (line,) = problems(run.scenario, run.inputs)
    assert line.startswith("Sluggish needs 5.5 s to reach zero power")


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        pytest.param(
            {"station": [{"t_s": 5.0, "ask": "needs", "target_soc": 0.5}]}, "ask needs has no effect", id="needs"
        ),
        pytest.param({"station": [{"t_s": 5.0, "ask": "exit_standby"}]}, "no vehicle goes into standby", id="standby"),
        pytest.param(
            {"station": [{"t_s": 5.0, "ask": "service_renegotiation"}], "secc": {"service_renegotiation": False}},
            "will be ignored",
            id="service",
        ),
    ],
)
def test_what_nobody_would_hear_is_warned_of(prepare, sections, words):
    run = prepare(duration_s=40.0, **sections)
    assert problems(run.scenario, run.inputs) == []
    assert any(words in line for line in warnings(run.scenario, run.inputs))
