"""Every row of the timing table: which parameter or constant it is here, and which test shows it."""

import ast
import csv
import importlib
from functools import cache
from pathlib import Path

import pytest

from cosim.feasible import problems, warnings
from cosim.scenario import Scenario
from protocol.iso20.codes import ChargingSession, ResponseCode
from protocol.iso20.common import (
    AuthorizationSetupReq,
    Header,
    SessionStopReq,
)
from protocol.iso20.secc import SECC, EVSERatings, SECCSettings
from protocol.iso20.session import SECOND, Timers

ROOT = Path(__file__).parents[2]
S = 1_000_000_000
with (ROOT / "tests" / "data" / "timers" / "timing.csv").open(encoding="utf-8", newline="") as _file:
    ROWS = list(csv.DictReader(_file))


def ours(name):
    """The value of a parameter or constant [s]; None for a setting that is empty by default."""
    if name.startswith("timers."):
        return getattr(Timers(), name.removeprefix("timers.")) / S
    if name.startswith("scenario."):
        value = Scenario()
        for part in name.split(".")[1:]:
            value = getattr(value, part)
        return value
    module, _, constant = name.partition(":")
    return getattr(importlib.import_module(module), constant)


@cache
def functions_in(file):
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("row", ROWS, ids=[row["name"] for row in ROWS])
def test_a_row_has_its_parameter_its_value_and_its_tests(row):
    assert row["ours"] or row["reason"]
    values = row["ours_s"].split(";") if row["ours"] else []
    for name, value in zip(row["ours"].split(";"), values, strict=True):
        assert ours(name) == (float(value) if value else None), name
    for shown in row["shown_by"].split(";"):
        file, _, function = shown.partition("::")
        assert function in functions_in(file), shown


def test_no_row_is_missing_and_every_timer_is_a_row():
    assert len(ROWS) == len({row["name"] for row in ROWS}) == 25
    named = {name for row in ROWS for name in row["ours"].split(";")}
    assert {f"timers.{field}" for field in Timers._fields} <= named


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        pytest.param({"ev": {"loop_gap_s": 0.3}}, "ev.loop_gap_s 0.3 s is slower than the standard's 0.25 s", id="gap"),
        pytest.param({"ev": {"answer_s": 41.0}}, "ev.answer_s 41 s is slower than the standard's 40 s", id="a step"),
        pytest.param({"ev": {"repeat_s": 41.0}}, "ev.repeat_s 41 s is slower than the standard's 40 s", id="a repeat"),
        pytest.param(
            {"ev": {"standby_poll_s": 50.0, "pause_answer": "standby"}},
            "ev.standby_poll_s 50 s is",
            id="standby",
        ),
        pytest.param({"secc": {"processing_s": 0.26}}, "secc.processing_s 0.26 s is slower than the", id="an answer"),
    ],
)
def test_what_is_slower_than_a_performance_time_is_warned_of(prepare, sections, words):
    run = prepare(duration_s=40.0, **sections)
    assert problems(run.scenario, run.inputs) == []
    assert any(words in line for line in warnings(run.scenario, run.inputs))
    usual = prepare(duration_s=40.0)
    assert not any("standard" in line for line in warnings(usual.scenario, usual.inputs))


def test_budgets_without_a_source_are_settings(play):
    def lost_s(**sections):
        run = play(duration_s=60.0, fleet={"arrival": {"leave_s": [50.0, 50.0]}}, **sections)
        first = {"cable_check_limit_s": "DC_CableCheckReq", "pre_charge_limit_s": "DC_PreChargeReq"}
        events = run.tables["events"]
        (at_ns,) = events["t_ns"][events["kind"] == "session_lost"]
        return (at_ns - run.said(first[next(iter(sections["secc"]))])[0].t_ns) / S

    assert lost_s(evse={"cable_check_s": 99.0}, secc={"cable_check_limit_s": 7.0}) == pytest.approx(7.1, abs=0.3)
    assert lost_s(evse={"precharge_v_per_s": 1.0}, secc={"pre_charge_limit_s": 3.0}) == pytest.approx(3.1, abs=0.3)


def test_the_stations_needs_carry_their_delay(play):
    run = play(
        service="AC_BPT", ev={"mobility_needs": "station"}, secc={"ack_max_delay_s": 12},
        station=[{"t_s": 12.0, "ask": "needs", "target_soc": 0.6}],
    )  # fmt: skip
    assert {sent.message.control_mode.ack_max_delay for sent in run.said("AC_ChargeLoopRes")} == {None, 12}


def test_the_link_stays_open_for_five_seconds_after_the_last_response():
    """After FAILED an EV may say goodbye and gets its answer, until the link is closed."""
    secc = SECC(SECCSettings(evse_id="E", ratings=EVSERatings(11_000.0, 0.0), new_session_id=lambda: bytes(7) + b"\1"))
    secc.connect(0)
    foreign = AuthorizationSetupReq(header=Header(session_id=b"\7" * 8, time_stamp=0))
    refusal = secc.receive(foreign, SECOND)
    assert refusal is not None
    assert refusal.response_code is ResponseCode.FAILED_UNKNOWN_SESSION
    assert secc.closes_ns == 6 * SECOND
    goodbye = SessionStopReq(
        header=Header(session_id=secc.session_id, time_stamp=0), charging_session=ChargingSession.TERMINATE
    )
    answered = secc.receive(goodbye, 6 * SECOND - 1)
    assert answered is not None
    assert answered.response_code is ResponseCode.OK
    assert secc.receive(goodbye, 6 * SECOND) is None
