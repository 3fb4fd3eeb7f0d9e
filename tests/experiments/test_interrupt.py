"""Stopped runs: Ctrl-C keeps everything up to the tick, a kill costs at most the open part of each table."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from experiments.runs import Run
from experiments.store import parts_of

ROOT = Path(__file__).parents[2]
# A run of a simulated day in parts of 20 s, which nobody waits for.
ENDLESS = ["run", "quickstart", "--out", "run", "--no-report", "--until", "86400", "fleet.n_ev=4", "record.part_s=20"]
STAYING = ["fleet.arrival.plug_in_s=[0,1]", "fleet.arrival.leave_s=[1e6,1e6]"]
PATIENCE_S = 60.0


def started(folder: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "experiments.cli", *ENDLESS, *STAYING]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=pipe, stderr=pipe, text=True)


def wait_for(what: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not what():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end_s
        time.sleep(0.02)


def test_ctrl_c_stops_at_the_next_tick_and_keeps_what_there_is(tmp_path: Path) -> None:
    path = tmp_path / "run"
    with started(tmp_path) as process:
        wait_for(lambda: len(parts_of(path, "grid")) >= 2, process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, err
    assert "stopping at the next grid tick" in err
    assert "interrupted: kept 0" in out
    run = Run(path)
    assert run.status == "interrupted"
    stopped_s = run.manifest["simulated_s"]
    assert 40.0 <= stopped_s < 86_400.0
    # Everything up to the last tick is there, key figures and open sessions too.
    assert run.table("grid")["time_s"].max() == pytest.approx(stopped_s)
    assert run.kpis["sessions"] == 4
    assert len(run.table("sessions")) == 4
    assert all(check["ok"] for check in run.manifest["checks"])


def test_a_killed_run_is_interrupted_and_every_closed_part_reads(tmp_path: Path) -> None:
    path = tmp_path / "run"
    with started(tmp_path) as process:
        wait_for(lambda: len(parts_of(path, "charge_loop")) >= 2, process)
        process.kill()
        process.communicate(timeout=PATIENCE_S)
    assert json.loads((path / "manifest.json").read_text(encoding="utf-8"))["status"] == "running"
    run = Run(path)
    assert run.status == "interrupted"
    assert run.kpis == {}
    for name in run.tables:
        run.table(name)
    parts = len(parts_of(path, "grid"))
    assert len(run.table("grid")) == 200 * parts  # 20 s of ticks of 0.1 s in each
    assert "interrupted" in repr(run)
