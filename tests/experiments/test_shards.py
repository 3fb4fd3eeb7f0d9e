"""One run in several processes: the tables are those of one process, and whoever dies takes nothing along."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from experiments import simulate
from experiments.digest import digests
from experiments.errors import UserError
from experiments.load import load
from experiments.run import RunFailedError, run_variants
from experiments.runs import Run
from experiments.store import parts_of
from experiments.watch import Watch

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0
BOTH = {"AC_BPT": 1.0, "DC_BPT": 1.0}

MATRIX: dict[str, dict[str, Any]] = {
    # An island that answers: what six cars do decides on the frequency that each of them sees.
    "closed loop, AC and DC, an event, changes of plan": {
        "scenario": "quickstart",
        "duration_s": 40.0,
        "fleet": {"n_ev": 6, "services": BOTH, "arrival": {"plug_in_s": [0.0, 2.0], "leave_s": [30.0, 45.0]}},
        "grid": {"events": [{"t_s": 15.0, "power_mw": -6.0}]},
        "driver": [{"t_s": 16.0, "ev_id": 1, "departure_s": 22.0}, {"t_s": 18.0, "ev_id": 2, "leaves_now": True}],
        "station": [{"t_s": 17.0, "ask": "schedule_renegotiation", "share": 0.5}],
    },
    # Feeders are shed with the cars on them, whose lost baseline is part of the grid's plan.
    "shedding": {
        "scenario": "ufls-with-v2g",
        "variant": "on-the-feeders",
        "duration_s": 34.0,
        "fleet": {"n_ev": 40, "cars_per_ev": 2500.0},
        "schedule": {"rule": "even"},
    },
}


@pytest.mark.parametrize("entry", MATRIX.values(), ids=MATRIX.keys())
def test_tables_and_figures_do_not_depend_on_the_number_of_processes(tmp_path: Path, entry: dict[str, Any]) -> None:
    one = simulate(**entry, lane="message", out=tmp_path / "one", report=False)
    for lane, shards in (("message", 2), ("fleet", 2), ("fleet", 3)):
        several = simulate(**entry, lane=lane, shards=shards, out=tmp_path / f"{lane}-{shards}", report=False)
        assert digests(several) == digests(one)
        assert several.kpis == one.kpis
        assert several.manifest["checks"] == one.manifest["checks"]
        assert several.manifest["shards"] == shards
        assert len(parts_of(several.path, "sessions")) == shards, "each has written its own"
        assert len(parts_of(several.path, "grid")) == 1, "the first alone has written the grid"
    if "shed_w" in one.kpis:
        assert one.kpis["sessions_without_supply"] > 0


def test_messages_as_bytes_and_a_counterfactual_baseline(tmp_path: Path, small: dict[str, Any]) -> None:
    settings = {**small, "duration_s": 20.0, "link": {"encoding": "bytes"}}
    settings["grid"] = {"events": [{"t_s": 12.0, "power_mw": -6.0}], "baseline": "counterfactual"}
    one, two = (simulate("quickstart", shards=n, out=tmp_path / str(n), report=False, **settings) for n in (1, 2))
    assert digests(one) == digests(two)
    assert one.kpis == two.kpis
    assert one.kpis["wire"]["bytes"] > 0


def test_variants_run_in_several_processes_too(here: Path) -> None:
    here.joinpath("mine.toml").write_text(
        "duration_s = 12.0\n[fleet]\nn_ev = 3\n[fleet.arrival]\nplug_in_s = [0.0, 1.0]\n"
        '[variants.a]\n[variants.b.policy]\nname = "uncontrolled"\n',
        encoding="utf-8",
    )
    _, runs = run_variants(load("mine.toml"), report=False, shards=2, watch=Watch())
    assert [(run.status, run.manifest["shards"], run.kpis["sessions"]) for run in runs] == [("done", 2, 3)] * 2


def breaks_for_some(view: Any, params: None) -> float:
    return 1_000.0 / (0.0 if view.time_s > 15.0 else 1.0)


def test_a_policy_that_raises_breaks_the_run_off_in_one_line(tmp_path: Path, small: dict[str, Any]) -> None:
    with pytest.raises(RunFailedError, match=r"ZeroDivisionError.*test_shards.py line"):
        simulate("quickstart", breaks_for_some, shards=2, out=tmp_path / "run", report=False, **small)
    run = Run(tmp_path / "run")
    assert run.status == "failed"
    assert "breaks_for_some" in (run.path / "error.txt").read_text(encoding="utf-8")
    assert run.table("charge_loop")["time_s"].max() == pytest.approx(15.0, abs=1.0), "what there was is kept"


def test_what_cannot_be_is_refused_in_one_line(here: Path) -> None:
    with pytest.raises(UserError, match="--shards must be at least 1, got 0"):
        simulate("quickstart", shards=0)
    with pytest.raises(UserError, match=r"--pcap writes one capture.* --shards 1, got 2"):
        simulate("quickstart", shards=2, pcap=True)
    assert not (here / "runs").exists()


# --- stopped from outside ---

ENDLESS = ["run", "quickstart", "--out", "run", "--no-report", "--until", "86400", "fleet.n_ev=4", "record.part_s=20",
           "--shards", "2", "fleet.arrival.plug_in_s=[0,1]", "fleet.arrival.leave_s=[1e6,1e6]"]  # fmt: skip


def started(folder: Path) -> "subprocess.Popen[str]":
    """A run of a simulated day, far enough for both processes to have written parts."""
    command = [sys.executable, "-m", "experiments.cli", *ENDLESS]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=pipe, stderr=pipe, text=True)

    def both_wrote() -> bool:
        names = [path.name for path in parts_of(folder / "run", "charge_loop")]
        return any(name.startswith("part-0-") for name in names) and any(name.startswith("part-1-") for name in names)

    wait_for(lambda: both_wrote() or process.poll() is not None)
    assert process.poll() is None, process.communicate()[1]
    return process


def wait_for(what: Callable[[], bool]) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < end_s
        time.sleep(0.02)


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()]


def gone(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"  # ended; whoever is to take note has not yet


needs_proc = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="looks up processes in /proc")


def test_ctrl_c_stops_all_at_the_same_tick_and_keeps_what_there_is(tmp_path: Path) -> None:
    with started(tmp_path) as process:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, err
    assert "interrupted: kept 0" in out
    run = Run(tmp_path / "run")
    assert run.status == "interrupted"
    assert run.table("grid")["time_s"].max() == pytest.approx(run.manifest["simulated_s"])
    assert run.kpis["sessions"] == len(run.table("sessions")) == 4
    assert all(check["ok"] for check in run.manifest["checks"])


@needs_proc
def test_a_worker_that_is_killed_is_reported_and_the_other_does_not_wait_for_it(tmp_path: Path) -> None:
    with started(tmp_path) as process:
        os.kill(children(process.pid)[1], signal.SIGKILL)
        _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert "the process of shard 1 was killed by SIGKILL" in err
    run = Run(tmp_path / "run")
    assert run.status == "failed"
    for name in run.tables:
        run.table(name)


@needs_proc
def test_workers_end_when_the_parent_is_killed(tmp_path: Path) -> None:
    with started(tmp_path) as process:
        workers = children(process.pid)
        process.kill()
        process.wait(timeout=PATIENCE_S)
        wait_for(lambda: all(gone(pid) for pid in workers))
    assert json.loads((tmp_path / "run" / "manifest.json").read_text(encoding="utf-8"))["status"] == "running"
    run = Run(tmp_path / "run")
    assert run.status == "interrupted"
    for name in run.tables:
        run.table(name)
