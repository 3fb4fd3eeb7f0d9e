"""From a scenario to a run folder: what lies in it, what is refused, and that it can be run again."""

import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from cosim.scenario import Scenario
from experiments import simulate
from experiments.compare import Difference, compare_config
from experiments.digest import digests
from experiments.errors import UserError
from experiments.folder import read_json
from experiments.load import load
from experiments.run import RunFailedError, counterfactual, run_variants
from experiments.running import exit_code
from experiments.runs import Run
from experiments.watch import LineWatch, Watch


class Params(NamedTuple):
    watts: float = -2000.0


def steady(view: Any, params: Params) -> float:
    return params.watts


class Counted(NamedTuple):
    """Parameters of several kinds, all with defaults."""

    cars: int = 2
    share: float = 0.1
    on: bool = True
    word: str = "fixed"


def counting(view: Any, params: Counted) -> float:
    return -params.share * view.rated_w * len(range(params.cars))  # a range takes whole numbers only


def breaks(view: Any, params: Params) -> float:
    return params.watts / 0.0


def test_a_run_folder_holds_everything(small_run: Run) -> None:
    assert sorted(path.name for path in small_run.path.iterdir()) == [
        "config.toml",
        "inputs",
        "kpis.json",
        "manifest.json",
        "report.html",
        "tables",
    ]
    assert sorted(path.name for path in (small_run.path / "inputs").iterdir()) == ["bidirectional.csv", "island.toml"]


def test_the_manifest_says_what_ran_and_how_it_went(small_run: Run) -> None:
    manifest = small_run.manifest
    assert (manifest["status"], manifest["simulated_s"], manifest["seed"], manifest["lane"]) == (
        "done",
        60.0,
        1,
        "message",
    )
    assert manifest["policy"]["parameters"] == {"droop_pu": 0.01, "deadband_hz": 0.01}
    assert [check["ok"] for check in manifest["checks"]] == [True] * 7
    assert manifest["tables"]["grid"]["rows"] == 600
    assert manifest["versions"]["python"]
    assert manifest["inputs"]["grid.preset"]["source"] == "island.toml"


def test_key_figures_are_those_of_the_run(small_run: Run) -> None:
    assert small_run.kpis["sessions"] == 4
    assert small_run.kpis["nadir_hz"] == small_run.table("grid")["frequency_hz"].min()
    assert small_run.kpis["nadir_without_hz"] == small_run.table("grid")["frequency_without_hz"].min()


def test_a_run_folder_runs_again_with_the_same_tables(small_run: Run, tmp_path: Path) -> None:
    again = simulate(small_run.path, out=tmp_path / "again")
    assert digests(again) == digests(small_run)
    assert again.kpis == small_run.kpis
    assert again.manifest["config_sha256"] == small_run.manifest["config_sha256"]


def test_another_seed_gives_other_tables(small_run: Run, small: dict[str, Any], tmp_path: Path) -> None:
    other = simulate("quickstart", seed=2, out=tmp_path / "other", report=False, **small)
    assert digests(other)["charge_loop"] != digests(small_run)["charge_loop"]
    assert other.config["seed"] == 2


def test_a_policy_file_is_copied_and_runs_again(small: dict[str, Any], here: Path) -> None:
    (here / "mine.py").write_text("def setpoint_w(view, params):\n    return -3000.0\n", encoding="utf-8")
    run = simulate("quickstart", "./mine.py:setpoint_w", out=here / "first", report=False, **small)
    (here / "mine.py").unlink()
    again = simulate(run.path, out=here / "again", report=False)
    assert run.manifest["policy"]["name"] == "mine.py:setpoint_w"
    assert digests(again) == digests(run)


def test_a_policy_given_as_a_function_is_recorded_with_its_file(small: dict[str, Any], tmp_path: Path) -> None:
    run = simulate("quickstart", steady, parameters={"watts": -5000}, out=tmp_path / "a", report=False, **small)
    assert run.manifest["policy"]["parameters"] == {"watts": -5000.0}
    assert run.charge_loop()["requested_w"].unique().tolist() == [-5000.0]
    again = simulate(run.path, out=tmp_path / "b", report=False)
    assert digests(again) == digests(run)


def test_a_policy_typed_in_a_notebook_is_kept_as_text(small: dict[str, Any], tmp_path: Path) -> None:
    typed = SimpleNamespace(setpoint_w=lambda view, params: 0.0)
    run = simulate("quickstart", typed, out=tmp_path / "a", report=False, **small)
    assert run.manifest["policy"]["name"] == "SimpleNamespace"


def test_a_policy_that_raises_leaves_a_readable_run(small: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(RunFailedError, match=r"ZeroDivisionError: float division by zero \(test_run.py line \d+\)"):
        simulate("quickstart", breaks, out=tmp_path / "a", report=False, **small)
    run = Run(tmp_path / "a")
    assert run.status == "failed"
    assert "ZeroDivisionError" in (tmp_path / "a" / "error.txt").read_text(encoding="utf-8")
    assert run.table("grid").shape[0] >= 0


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        pytest.param({"ev": {"loop_gap_s": 3.0}}, "every session would be lost", id="slower than the station waits"),
        pytest.param({"fleet": {"nev": 3}}, "override: unknown key 'fleet.nev'", id="unknown key"),
    ],
)
def test_what_cannot_work_is_refused_before_a_folder_is_made(
    settings: dict[str, Any], complaint: str, here: Path
) -> None:
    with pytest.raises(UserError, match=complaint):
        simulate("quickstart", **settings)
    assert list(here.iterdir()) == []


def test_a_folder_that_is_in_use_is_refused(small: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(UserError, match="exists and is not an empty folder"):
        simulate("quickstart", out=tmp_path, **small)


def test_runs_get_names_of_their_own_and_latest_is_the_last(small: dict[str, Any], here: Path) -> None:
    short = {**small, "duration_s": 1.0}
    first, second = (simulate("quickstart", report=False, **short) for _ in range(2))
    assert first.path != second.path
    assert first.path.name.startswith("quickstart-2")
    assert first.path.name.split("-")[3][:6] == first.manifest["config_sha256"][:6]
    assert (here / "runs" / "latest").resolve() == second.path.resolve()


def test_settings_alone_make_a_scenario(tmp_path: Path) -> None:
    run = simulate({"duration_s": 1.0, "fleet": {"n_ev": 1}, "name": "mine"}, out=tmp_path / "a", report=False)
    assert run.name == "mine"


def test_a_scenario_made_in_python(tmp_path: Path) -> None:
    scenario = Scenario.model_validate({"duration_s": 1.0, "fleet": {"n_ev": 1}})
    assert simulate(scenario, out=tmp_path / "a", report=False).status == "done"
    with pytest.raises(UserError, match="takes no further settings"):
        simulate(scenario, seed=3)


def test_variants_run_side_by_side_in_one_folder(here: Path) -> None:
    (here / "mine.toml").write_text(
        'extends = "quickstart"\nduration_s = 2.0\n[fleet]\nn_ev = 2\n'
        '[variants.with]\n[variants.without]\npolicy.name = "uncontrolled"\n',
        encoding="utf-8",
    )
    path, runs = run_variants(load("mine.toml"), report=False, watch=Watch())
    assert [run.path for run in runs] == [path / "with", path / "without"]
    assert [run.name for run in runs] == ["mine [with]", "mine [without]"]
    manifest = read_json(path / "manifest.json")
    assert (manifest["status"], manifest["variants"]) == ("done", ["with", "without"])


def test_the_counterfactual_baseline_is_the_fleet_without_the_service(small: dict[str, Any], tmp_path: Path) -> None:
    settings = {**small, "schedule": {"rule": "even"}, "grid": {**small["grid"], "baseline": "counterfactual"}}
    settings["fleet"] = {**small["fleet"], "target_soc": 0.601, "soc": [0.6, 0.6]}  # about 60 Wh in 50 s
    settings["limits"] = {"guarantee_departure": False}
    run = simulate("quickstart", out=tmp_path / "with", report=False, **settings)
    off = simulate("quickstart", "schedule", out=tmp_path / "off", report=False, **settings)
    # With the service off, the fleet draws its own baseline, tick by tick.
    assert off.table("grid")["service_w"].abs().max() == 0.0
    assert run.table("grid")["baseline_w"].tolist() == off.table("grid")["fleet_power_w"].tolist()
    assert run.table("grid")["service_w"].abs().max() > 1000.0


def test_the_counterfactual_stops_with_the_run(small: dict[str, Any]) -> None:
    from experiments.inputs import read_inputs

    scenario = Scenario.model_validate({"duration_s": 5.0, "fleet": {"n_ev": 1}})
    series = counterfactual(scenario, read_inputs(scenario).inputs, lambda: True, Watch())
    assert len(series.t_s) == 1


def test_the_resolved_scenario_names_the_origin_of_what_was_set(small_run: Run) -> None:
    text = (small_run.path / "config.toml").read_text(encoding="utf-8")
    assert "n_ev = 4  # override" in text
    assert 'preset = "inputs/island.toml"  # quickstart.toml' in text
    assert "tick_s = 0.1\n" in text
    assert tomllib.loads(text)["fleet"]["cars_per_ev"] == 10.0


def test_parameters_that_nobody_set_are_written_down_and_run_again(small: dict[str, Any], tmp_path: Path) -> None:
    run = simulate("quickstart", counting, out=tmp_path / "first", report=False, **small)
    text = (run.path / "config.toml").read_text(encoding="utf-8")
    assert "cars = 2  # policy default\nshare = 0.1  # policy default\non = true  # policy default\n" in text
    assert "word" not in text, "no scenario can set it"
    again = simulate(run.path, out=tmp_path / "again", report=False)
    assert digests(again) == digests(run)
    assert again.manifest["config_sha256"] == run.manifest["config_sha256"]
    other = simulate("quickstart", counting, parameters={"cars": 1}, out=tmp_path / "other", report=False, **small)
    assert Difference("policy.cars", (2, 1)) in compare_config([run, other])


@pytest.mark.parametrize(
    ("status", "oks", "code"),
    [
        pytest.param("done", [True, True], 0, id="done"),
        pytest.param("done", [True, False], 4, id="broken invariant"),
        pytest.param("interrupted", [True, True], 130, id="interrupted"),
        pytest.param("interrupted", [False], 130, id="interrupted and broken"),
    ],
)
def test_exit_codes(status: str, oks: list[bool], code: int) -> None:
    run = SimpleNamespace(status=status, manifest={"checks": [{"ok": ok} for ok in oks]})
    assert exit_code([run]) == code  # type: ignore[list-item] # stands for a Run


def test_progress_lines_come_at_tenths_and_not_too_often(capsys: pytest.CaptureFixture[str]) -> None:
    watch = LineWatch()
    watch.EVERY_S = 0.0
    watch.begin("simulate", 100.0)
    for second in range(1, 101):
        watch.progress(second * 10**9, 3, 1200 if second > 50 else 0)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 10
    assert lines[0].startswith("  simulate  t=10/100 s")
    assert lines[0].endswith("3 EVs by message")
    assert lines[-1].endswith("3 EVs by message, 1,200 in the fleet lane")


def test_progress_says_how_many_vehicles_each_lane_has(here: Path) -> None:
    """In one process and in two: at 20 s all cars are rows, but for the one that is traced."""

    class Seen(Watch):
        def __init__(self) -> None:
            self.last = (0, 0, 0)

        def progress(self, now_ns: int, message: int = 0, fleet: int = 0) -> None:
            self.last = (now_ns, message, fleet)

    stay = {"n_ev": 4, "arrival": {"plug_in_s": [0.0, 1.0], "leave_s": [90.0, 90.0]}}
    for shards in (1, 2):
        seen = Seen()
        simulate("quickstart", duration_s=20.0, lane="fleet", fleet=stay, shards=shards, report=False, watch=seen)
        assert seen.last == (20 * 10**9, 1, 3)
