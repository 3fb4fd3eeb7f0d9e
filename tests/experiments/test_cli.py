"""The command line: data on stdout, talk on stderr, and the exit codes."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from experiments import environment
from experiments.cli import app
from experiments.runs import Run, load_run

ROOT = Path(__file__).parents[2]
SHORT = [
    "duration_s=8",
    "fleet.n_ev=2",
    "fleet.services={AC_BPT=1}",
    "fleet.arrival.plug_in_s=[0,0.5]",
    "grid.events=[{t_s=5,power_mw=-6}]",
]
# A policy whose parameters JSON cannot say.
ODD = """
from typing import NamedTuple

class Params(NamedTuple):
    most: float = float("inf")
    kind: type = int

def setpoint_w(view, params):
    return float("nan")
"""


def command(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A current folder with two runs in runs/."""
    folder = tmp_path_factory.mktemp("cli")
    before = Path.cwd()
    os.chdir(folder)
    try:
        assert command("run", "quickstart", *SHORT).exit_code == 0
        assert command("run", "quickstart", *SHORT, "policy.name=uncontrolled", "-q").exit_code == 0
    finally:
        os.chdir(before)
    return folder


@pytest.fixture
def inside(runs: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(runs)
    return runs


def test_help_imports_typer_and_nothing_heavy() -> None:
    script = (
        "import sys\nfrom experiments.cli import app\n"
        "try: app(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'numpy', 'pandas', 'pyarrow', 'simpy', 'pydantic', 'cosim', 'models', 'protocol'}\n"
        "heavy &= set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Begin with: v2g-cosim run quickstart" in done.stdout


def test_run_tells_what_ran_what_came_of_it_and_what_to_do_next(here: Path) -> None:
    done = command("run", "quickstart", *SHORT)
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("quickstart · 2 EVs × 10 cars · droop · 8 s · island, closed loop · seed 1")
    assert "with the fleet" in done.stdout
    assert "all 7 invariants hold" in done.stdout
    assert "runs/latest/report.html" in done.stdout
    assert "v2g-cosim compare latest~1 latest" in done.stdout
    assert (here / "runs" / "latest" / "report.html").is_file()


def test_run_as_json_prints_one_document_and_nothing_else(here: Path) -> None:
    done = command("run", "quickstart", *SHORT, "--json", "--out", "mine", "--seed", "7", "--until", "2", "--no-report")
    document = json.loads(done.stdout)
    assert {"run_dir", "status", "kpis", "checks"} <= set(document)
    assert (document["run_dir"], document["status"]) == ("mine", "done")
    assert done.stderr == ""
    run = Run(here / "mine")
    assert (run.config["seed"], run.config["duration_s"]) == (7, 2.0)
    assert not (here / "mine" / "report.html").exists()
    assert not (here / "runs").exists()


def test_run_of_variants_prints_a_comparison(here: Path) -> None:
    (here / "mine.toml").write_text(
        'extends = "quickstart"\n[variants.with]\n[variants.without]\npolicy.name = "uncontrolled"\n', encoding="utf-8"
    )
    done = command("run", "mine.toml", *SHORT, "--no-report")
    assert done.exit_code == 0, done.stderr
    assert "mine [with]" in done.stdout
    assert "key figure" in done.stdout
    document = json.loads(command("run", "mine.toml", *SHORT, "--no-report", "--json").stdout)
    assert [run["variant"] for run in document["runs"]] == ["with", "without"]
    assert command("show", "latest").exit_code == 0
    assert "without/charge_loop" in command("digest", "latest").stdout
    assert "trace latest/with" in done.stdout
    assert "AC_ChargeLoopReq" in command("trace", "latest/with").stdout
    assert command("trace").stderr == (
        "error: 'latest' holds the variants of a scenario, open one of them: latest/with, latest/without\n"
    )
    assert command("compare", "latest/with", "latest/without").exit_code == 0
    again = command("run", "latest/without", "--no-report")
    assert "mine · 2 EVs × 10 cars · uncontrolled" in again.stdout
    assert command("run", "latest~1").stderr.endswith("repeat one of them: latest~1/with, latest~1/without\n")
    only = command("run", "mine.toml", *SHORT, "--no-report", "--variant", "without")
    assert "mine [without]" in only.stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        pytest.param(["run", "quickstart", "fleet.nev=3"], "Did you mean 'fleet.n_ev'?", id="unknown key"),
        pytest.param(["run", "quickstart", "fleet.n_ev=0"], "must be at least 1, got 0", id="impossible value"),
        pytest.param(["run", "nowhere.toml"], "there is no scenario file 'nowhere.toml'", id="missing file"),
        pytest.param(
            ["run", "quickstart", "grid.model=replay", "grid.file=no.csv"], "there is no file", id="missing input"
        ),
        pytest.param(["run", "quickstart", "ev.loop_gap_s=2"], "every session would be lost", id="impossible timers"),
        pytest.param(["show", "nothing"], "there is no run 'nothing'", id="no such run"),
        pytest.param(["show", "latest", "gird"], "Did you mean 'grid'?", id="no such table"),
        pytest.param(
            ["show", "latest", "grid", "--where", "speed > 3"], "does not fit table grid", id="no such column"
        ),
        pytest.param(["compare", "latest"], "compare needs two runs", id="one run to compare"),
        pytest.param(["trace", "latest", "--ev", "77"], "EV077 has no messages", id="no such vehicle"),
        pytest.param(["schema", "grd"], "Did you mean 'grid'?", id="no such table to describe"),
        pytest.param(["config", "quickstat"], "Did you mean 'quickstart'?", id="no such scenario"),
    ],
)
def test_what_a_user_can_mend_is_one_line_and_exit_2(arguments: list[str], complaint: str, inside: Path) -> None:
    done = command(*arguments)
    assert done.exit_code == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert complaint in line


def test_a_mistyped_command_is_told() -> None:
    done = command("rnu", "quickstart")
    assert done.exit_code == 2
    assert "run" in done.stderr


def test_a_policy_that_raises_is_exit_1(here: Path) -> None:
    (here / "mine.py").write_text("def setpoint_w(view, params):\n    return view.rated_w / 0.0\n", encoding="utf-8")
    done = command("run", "quickstart", *SHORT, "policy.name=./mine.py:setpoint_w", "--no-report")
    assert done.exit_code == 1
    assert "ZeroDivisionError: float division by zero (mine.py line 2)" in done.stderr


def test_show_prints_figures_and_tables(inside: Path) -> None:
    text = command("show").stdout
    assert "policy     uncontrolled" in text
    assert "charge_loop" in text
    document = json.loads(command("show", "latest~1", "--json").stdout)
    assert document["tables"]["grid"] == 80


def test_show_prints_rows_of_a_table(inside: Path) -> None:
    done = command("show", "latest", "grid", "-n", "2", "--where", "time_s > 1")
    assert "[Hz]" in done.stdout
    assert "1100000000" in done.stdout
    assert "68 more rows" in done.stderr
    rows = json.loads(command("show", "latest", "messages", "--ev", "0", "-n", "1", "--json").stdout)
    assert rows[0]["message"] == "supportedAppProtocolReq"


@pytest.mark.parametrize("columns", [100, 30])
def test_a_table_too_wide_for_the_line_has_a_line_per_column(
    columns: int, inside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = command("show", "latest", "charge_loop", "-n", "4").stdout.splitlines()
    assert max(map(len, lines)) <= max(columns, len("limit_discharge_w [W]   1100000000"))
    assert lines[1].split()[:2] == ["time_s", "[s]"]
    heads = [line.split()[0] for line in lines if line]
    assert set(heads) == set(load_run("latest").charge_loop().columns), "no heading is broken"


def test_whole_numbers_stay_whole_where_some_are_absent(inside: Path) -> None:
    rows = json.loads(command("show", "latest", "sessions", "--json").stdout)
    assert [row["stop_ns"] for row in rows] == [None, None]
    assert all(type(row["first_loop_ns"]) is int for row in rows)


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


@pytest.mark.parametrize(
    "arguments",
    [
        ["show"],
        ["show", "latest", "grid"],
        ["show", "latest", "sessions"],
        ["show", "latest", "grid", "--where", "t_ns < 0"],
        ["compare", "latest~1", "latest"],
        ["trace"],
        ["digest"],
        ["scenarios"],
        ["policies"],
        ["config", "quickstart", "policy.name=./odd.py"],
        ["validate", "quickstart"],
        ["schema"],
        ["schema", "scenario"],
        ["doctor"],
        ["run", "quickstart", *SHORT, "policy.name=./odd.py", "grid.model=nominal", "--no-report", "--out", "odd"],
    ],
    ids=lambda arguments: " ".join(arguments[:3]),
)
def test_what_is_printed_as_json_is_strict_json(arguments: list[str], inside: Path) -> None:
    (inside / "odd.py").write_text(ODD, encoding="utf-8")
    done = command(*arguments, "--json")
    assert done.exit_code == 0, done.stderr
    json.loads(done.stdout, parse_constant=refuse)
    for name in ("odd/kpis.json", "odd/manifest.json") if "odd" in arguments else ():
        json.loads((inside / name).read_text(encoding="utf-8"), parse_constant=refuse)


def test_trace_says_where_loop_messages_were_left_out(inside: Path) -> None:
    assert "exchanges, not recorded; record.trace_evs=[1] records them" in command("trace", "--ev", "1").stdout
    assert "not recorded" not in command("trace", "--ev", "0").stdout


def test_trace_prints_messages(inside: Path) -> None:
    assert "EV000 -> EVSE000 AC_ChargeLoopReq" in command("trace").stdout
    assert "more like this" not in command("trace", "--all").stdout
    assert json.loads(command("trace", "--json", "-n", "2").stdout)[1]["message"] == "supportedAppProtocolReq"


def test_compare_prints_what_differs(inside: Path) -> None:
    text = command("compare", "latest~1", "latest").stdout
    assert "policy.name" in text
    assert json.loads(command("compare", "latest~1", "latest", "--json").stdout)["config"]["policy.name"] == [
        "droop",
        "uncontrolled",
    ]
    assert "all key figures are equal" in command("compare", "latest", "latest").stdout


def test_digest_prints_a_hash_per_table(inside: Path) -> None:
    lines = command("digest", "latest").stdout.splitlines()
    assert [line.split()[1] for line in lines][:2] == ["charge_loop", "grid"]
    assert all(len(line.split()[0]) == 32 for line in lines)
    assert json.loads(command("digest", "--json").stdout)["grid"] == lines[1].split()[0]


def test_report_is_made_again(inside: Path) -> None:
    report = inside / "runs" / "latest" / "report.html"
    report.unlink(missing_ok=True)
    assert command("report").stdout.strip().endswith("report.html")
    assert report.is_file()


def test_scenarios_and_policies_are_listed() -> None:
    assert "quickstart" in command("scenarios").stdout
    assert {row["name"] for row in json.loads(command("policies", "--json").stdout)} >= {"droop", "schedule"}
    assert "policy.droop_pu = 0.01" in command("policies").stdout


def test_config_prints_each_value_with_its_origin() -> None:
    text = command("config", "quickstart", "fleet.n_ev=3").stdout
    assert "n_ev = 3  # override 1" in text
    assert "duration_s = 600.0  # quickstart.toml" in text
    assert "tick_s = 0.1  # default" in text
    assert tomllib.loads(text)["fleet"]["n_ev"] == 3
    assert json.loads(command("config", "quickstart", "--json").stdout)["origins"]["fleet.n_ev"] == "quickstart.toml"


def test_config_shows_what_a_policy_takes_when_nothing_is_set() -> None:
    arguments = ("config", "quickstart", "policy.name=droop-soc", "policy.restore_s=600")
    text = command(*arguments).stdout
    assert "droop_pu = 0.01  # policy default" in text
    assert "restore_s = 600.0  # override 2" in text
    document = json.loads(command(*arguments, "--json").stdout)
    assert document["settings"]["policy"]["restore_pu"] == 0.1
    assert document["origins"]["policy.restore_pu"] == "policy default"
    assert document["origins"]["policy.name"] == "override 1"


def test_validate_checks_without_running(here: Path) -> None:
    (here / "bad.toml").write_text("[fleet]\nnev = 3\n", encoding="utf-8")
    assert command("validate", "quickstart", "trip-gb").exit_code == 0
    done = command("validate", "quickstart", "bad.toml")
    assert done.exit_code == 2
    assert "error: bad.toml line 2: unknown key 'fleet.nev'" in done.stderr
    verdicts = json.loads(command("validate", "trip-gb", "--json").stdout)
    assert verdicts[0]["runs"] == 2
    assert any("slower than the standard" in text for text in verdicts[0]["warnings"])
    assert list(here.iterdir()) == [here / "bad.toml"]


def test_schema_describes_tables_and_settings() -> None:
    assert "requested_w" in command("schema", "charge_loop").stdout
    assert "fleet.cars_per_ev" in command("schema", "scenario").stdout
    assert json.loads(command("schema", "grid", "--json").stdout)["key"] == ["t_ns"]
    assert "properties" in json.loads(command("schema", "--json-schema").stdout)


def test_doctor_is_content_here(here: Path) -> None:
    done = command("doctor")
    assert done.exit_code == 0
    assert "packages" in done.stdout


def test_a_package_that_hides_ours_is_exit_3(tmp_path: Path) -> None:
    (tmp_path / "models.py").write_text("", encoding="utf-8")
    script = "from experiments.cli import main; main()"
    paths = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-c", script, "doctor"],
        env={**os.environ, "PYTHONPATH": paths},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert "another package hides ours: 'models' is" in done.stderr
    assert environment.shadowed() == []
