"""One line that says why a fleet did nothing, and none where it did something."""

from pathlib import Path
from typing import Any

import pytest

from experiments import screen
from experiments.folder import write_json
from experiments.hints import quiet_reason
from experiments.runs import Run
from experiments.show import facts

QUIET = {"maximum_service_w": 0.0, "sessions_reached_loop": 20, "clips": {}, "maximum_deviation_hz": 0.0056}
DROOP = {"name": "droop", "parameters": {"deadband_hz": 0.01}}


def run_with(folder: Path, policy: dict[str, Any], **kpis: Any) -> Run:
    write_json(folder / "manifest.json", {"status": "done", "policy": policy})
    write_json(folder / "kpis.json", {**QUIET, **kpis})
    return Run(folder)


@pytest.mark.parametrize(
    ("policy", "kpis", "told"),
    [
        pytest.param(
            DROOP, {}, "droop never left the plan: frequency at most 5.6 mHz off nominal, dead band 10 mHz", id="inside"
        ),
        pytest.param(
            {"name": "uncontrolled"},
            {"maximum_deviation_hz": 0.504},
            "uncontrolled never left the plan: frequency at most 504 mHz off nominal",
            id="no dead band",
        ),
        pytest.param(
            DROOP,
            {"maximum_deviation_hz": 0.504},
            "no car was asked while the frequency was outside the dead band: 504 mHz against 10 mHz",
            id="too late",
        ),
        pytest.param(
            DROOP,
            {"clips": {"ev_power": 3, "minimum_power": 4000}},
            "setpoints that left the plan were all clipped to it: minimum_power 4,000, ev_power 3",
            id="clipped",
        ),
        pytest.param(
            DROOP,
            {"sessions_reached_loop": 0},
            "no car reached the charge loop, so none could be asked for anything",
            id="no loop",
        ),
        pytest.param(DROOP, {"maximum_service_w": 1.0}, "", id="some service"),
        pytest.param(DROOP, {"maximum_service_w": None}, "", id="no figures"),
    ],
)
def test_a_fleet_that_did_nothing_says_why(
    policy: dict[str, Any], kpis: dict[str, Any], told: str, tmp_path: Path
) -> None:
    run = run_with(tmp_path, policy, **kpis)
    assert quiet_reason(run) == told
    assert len(told) <= 100 - 13, "it stands behind the labels of the summary"
    assert (("note", told) in facts(run)) == bool(told)


def test_the_reason_stands_below_the_service(tmp_path: Path) -> None:
    lines = list(screen.outcome(run_with(tmp_path, DROOP)))
    service = next(number for number, line in enumerate(lines) if "service" in line)
    assert "droop never left the plan" in lines[service + 1]


@pytest.mark.parametrize(
    ("delay", "told"),
    [
        pytest.param(
            {"count": 16, "superseded": 40, "p50_s": 0.25, "p95_s": 0.45, "p99_s": 0.45},
            "p50 250 ms · p95 450 ms for 16 steps of 5 % or more · 40 replaced by newer ones",
            id="both",
        ),
        pytest.param(
            {"count": 28, "superseded": 0, "p50_s": 1.7, "p95_s": 1.8},
            "p50 1.7 s · p95 1.8 s for 28 steps of 5 % or more",
            id="all delivered",
        ),
        pytest.param(
            {"count": 0, "superseded": 3},
            "no setpoint step of 5 % or more was delivered · 3 replaced by newer ones",
            id="none delivered",
        ),
        pytest.param({"count": 0, "superseded": 0}, "no setpoint step of 5 % or more was delivered", id="no step"),
    ],
)
def test_the_response_is_said_plainly(delay: dict[str, Any], told: str, tmp_path: Path) -> None:
    lines = list(screen.outcome(run_with(tmp_path, DROOP, response_delay=delay)))
    (line,) = [line for line in lines if "response" in line]
    assert line.endswith(told)
