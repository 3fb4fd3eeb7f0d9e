"""What a run delivered for the products that its scenario names, and what is refused or warned of."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from cosim.scenario import Scenario
from experiments import simulate
from experiments.cli import app
from experiments.delivery import cars
from experiments.load import packaged_scenarios
from experiments.report import report_html
from experiments.runs import Run
from experiments.service import service_of, step_wanted
from experiments.validate import validate
from models.grid.products import PRODUCTS

# Four cars on DC, full power of DC asked for at once: the frequency falls from 50 to 49.5 Hz within a sample.
STEP = "\n".join(["t_s,f_hz", *(f"{0.05 * k:.2f},{50.0 if k < 600 else 49.5}" for k in range(1200))])
QUIET: dict[str, Any] = {
    "duration_s": 60.0,
    "fleet": {
        "n_ev": 4, "cars_per_ev": 10.0, "services": {"DC_BPT": 1.0}, "soc": [0.6, 0.6], "target_soc": 0.5,
        "arrival": {"plug_in_s": [0.0, 1.0], "leave_s": [1e5, 1e5]},
    },
    "measurement": {"noise_hz": 0.0, "time_constant_s": 0.0},
    "grid": {"model": "replay", "file": "step.csv", "tick_s": 0.05, "events": []},
    "policy": "product",
    "parameters": {"product": "dc", "capacity_w": 8_000.0},
    "products": [{"product": "Dynamic Containment", "from_s": 20.0}],
}  # fmt: skip


@pytest.fixture(scope="module")
def dc_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("dc")
    (folder / "step.csv").write_text(STEP + "\n", encoding="utf-8")
    settings = {**QUIET, "grid": {**QUIET["grid"], "file": str(folder / "step.csv")}}
    return simulate("quickstart", out=folder / "run", report=False, **settings)


def test_a_step_of_frequency_is_answered_with_the_figures_of_the_converter(dc_run: Run) -> None:
    """Loop at most 0.235 s, reaction 0.1 s, 25 kW/s: full after at most 0.65 s. NESO's envelope of 1 s is kept."""
    found = dc_run.kpis["products"]["dc"]
    assert found["contract_mw"] == pytest.approx(4 * 10 * 8_000.0 * 1e-6), "what the cars offer"
    assert found["score"]["K"] == 1.0
    assert found["score"]["max_error_1s_avg"] < 0.005
    assert found["score"]["peak_target_frac"] == 1.0
    assert (found["steps"], found["completed"]) == (1, 1)
    assert 0.1 <= found["latency_longest_s"] <= 0.4
    assert 0.1 <= found["ramp_s"] <= 0.6
    assert found["latency_longest_s"] < found["t90_longest_s"] <= 0.7
    assert found["starts_in_time"] is True
    assert found["full_in_time"] is True
    assert found["sustained"] is True
    assert found["unavailability_share"] == 0.0
    assert abs(found["steady_bias_pu"]) < 0.002
    assert found["delivered_mwh"] == pytest.approx(0.32 * 30.0 / 3600.0, rel=0.05)


def test_energy_and_cycles_of_single_cars_are_those_of_the_sessions(dc_run: Run) -> None:
    each = cars(dc_run)
    sessions = dc_run.table("sessions")
    assert each["ev_id"].tolist() == [0, 1, 2, 3]
    assert each["throughput_wh"].sum() == pytest.approx(sessions["charged_wh"].sum() + sessions["discharged_wh"].sum())
    assert (each["steps"] == 1).all()
    assert each["t90_s"].between(0.1, 0.8).all()
    assert each["latency_s"].between(0.0, 0.5).all()
    assert (each["equivalent_full_cycles"] > 0.0).all()
    assert (each["missed_wh"] == 0.0).all()
    assert dc_run.kpis["cars"]["throughput_wh"] == pytest.approx(each["throughput_wh"].sum())


def test_the_kpis_agree_with_the_command_that_scores_a_file(dc_run: Run, here: Path) -> None:
    scenario = Scenario.model_validate(dc_run.config)
    service = service_of(dc_run, scenario, 0)
    rows = zip(service.time_s, 50.0 + service.deviation_hz, service.delivered, strict=True)
    text = "\n".join(["t_s,f_hz,p_frac", *(f"{t!r},{f!r},{p!r}" for t, f, p in [map(float, row) for row in rows])])
    (here / "delivered.csv").write_text(text + "\n", encoding="utf-8")
    done = CliRunner().invoke(app, ["score", "dc", "delivered.csv", "--json"])
    told = json.loads(done.stdout)
    for key in ("max_error_1s_avg", "K", "peak_target_frac"):
        assert told[key] == pytest.approx(dc_run.kpis["products"]["dc"]["score"][key], abs=1e-9)


def test_fcr_d_is_scored_by_its_activation_and_as_the_command_scores_the_file(here: Path) -> None:
    """The ramp of the rule as a recording: loops of a quarter second and converters of 25 kW/s pass it."""
    falls_hz = [0.24 * max(0.0, 0.1 * k - 30.0) for k in range(450)]
    ramp = [f"{0.1 * k:.1f},{max(49.0, 49.9 - falls_hz[k]):.6f}" for k in range(450)]
    (here / "ramp.csv").write_text("\n".join(["t_s,f_hz", *ramp]) + "\n", encoding="utf-8")
    settings = {**QUIET, "duration_s": 44.0, "grid": {**QUIET["grid"], "file": "ramp.csv", "tick_s": 0.1}}
    settings |= {"parameters": {"product": "fcr-d-up", "capacity_w": 8_000.0}}
    settings["products"] = [
        {"product": "fcr-d-up", "from_s": 10.0, "until_s": 20.0},
        {"product": "fcrd", "from_s": 25.0},
    ]
    run = simulate("quickstart", out=here / "run", report=False, **settings)
    quiet, found = run.kpis["products"].values()
    assert quiet["note"] == "no excursion beyond 49.9 Hz: nothing to score"
    told = found["score"]
    assert (told["passes"], told["excursions"], told["dPss"]) == (True, 1, 1.0)
    assert told["t0_s"] == pytest.approx(30.0, abs=0.11)
    service = service_of(run, Scenario.model_validate(run.config), 1)
    rows = zip(service.time_s, 50.0 + service.deviation_hz, service.delivered, strict=True)
    text = "\n".join(["t_s,f_hz,p_frac", *(f"{t!r},{f!r},{p!r}" for t, f, p in [map(float, row) for row in rows])])
    (here / "delivered.csv").write_text(text + "\n", encoding="utf-8")
    of_file = json.loads(CliRunner().invoke(app, ["score", "fcr-d", "delivered.csv", "--json"]).stdout)
    for key in ("P_at_7p5s", "E_7p5s", "pass_power", "pass_energy"):
        assert told[key] == pytest.approx(of_file[key], abs=1e-9), key


def test_show_tells_products_and_cars(dc_run: Run) -> None:
    shown = CliRunner().invoke(app, ["show", str(dc_run.path)])
    assert "dc score: K" in shown.stdout
    assert "dc: unavailability" in shown.stdout
    table = CliRunner().invoke(app, ["show", str(dc_run.path), "cars", "--json", "-n", "2"])
    assert [row["ev_id"] for row in json.loads(table.stdout)] == [0, 1]
    assert "equivalent_full_cycles" in CliRunner().invoke(app, ["show", str(dc_run.path), "cars"]).stdout


def test_the_report_begins_with_the_verdict(dc_run: Run) -> None:
    page = report_html(dc_run)
    assert "<span>dc score: K</span><b>1</b>" in page
    assert "<span>dc: starts in time (T0)</span><b>yes</b>" in page
    assert page.index("dc score: K") < page.index('id="data"')


def test_a_run_without_products_tells_nothing_of_them(small_run: Run) -> None:
    assert "products" not in small_run.kpis


def test_a_fleet_that_is_not_there_is_unavailable(here: Path) -> None:
    (here / "step.csv").write_text(STEP + "\n", encoding="utf-8")
    absent = {"arrival": {"plug_in_s": [0.0, 1.0], "leave_s": [40.0, 40.0]}}
    settings = {**QUIET, "fleet": {**QUIET["fleet"], **absent}, "products": [{"product": "dc", "from_s": 20.0}]}
    found = simulate("quickstart", out=here / "run", report=False, **settings).kpis["products"]["dc"]
    assert found["unavailability_share"] == pytest.approx(0.5, abs=0.05), "gone for half of the committed time"
    assert found["score"]["K"] == 0.0
    assert found["non_delivery_mwh"] == pytest.approx(0.32 * 19.5 / 3600.0, rel=0.1)
    assert found["energy_ready_down_h"] == 0.0


def test_what_a_released_product_wants_is_held_and_then_given_back() -> None:
    time_s = np.arange(0.0, 20.0, 0.1)
    deviation_hz = np.where((time_s >= 5.0) & (time_s < 5.5), -0.3, 0.0)
    wanted = step_wanted(PRODUCTS["ffr"], time_s, deviation_hz)
    assert wanted[49] == 0.0
    assert set(wanted[50:113]) == {1.0}, "5 s beyond the 1.3 s to full power"
    assert wanted[133] == pytest.approx(0.7, abs=0.016), "then back at 15 % a second"
    assert wanted[181] == 0.0


def test_a_release_of_ffr_passes_its_rules(here: Path) -> None:
    rows = [f"{0.05 * k:.2f},{49.69 if 600 <= k < 700 else 50.0}" for k in range(1200)]
    (here / "step.csv").write_text("\n".join(["t_s,f_hz", *rows]) + "\n", encoding="utf-8")
    ffr = {"parameters": {"product": "ffr", "capacity_w": 8_000.0}, "products": [{"product": "ffr", "from_s": 20.0}]}
    found = simulate("quickstart", out=here / "run", report=False, **{**QUIET, **ffr}).kpis["products"]["ffr"]
    assert found["score"]["passes"] is True
    assert found["score"]["full_time_s"] <= 1.3
    assert found["score"]["max_deactivation_rate_per_s"] <= 0.2
    assert found["score"]["required_duration_s"] == 5.0


@pytest.mark.parametrize(
    ("toml", "errors", "warnings"),
    [
        pytest.param('[[products]]\nproduct = "dcc"', ["there is no product 'dcc'"], [], id="unknown product"),
        pytest.param('[[products]]\nproduct = "dc"\nfrom_s = 5\nuntil_s = 5', ["from_s < until_s"], [], id="no time"),
        pytest.param('[[products]]\nproduct = "dc"', ["dc needs contract_mw"], [], id="no contract"),
        pytest.param(
            '[[products]]\nproduct = "regd"\ncontract_mw = 1',
            ["regd follows a signal, but schedule.rule is zero"],
            [],
            id="no signal",
        ),
        pytest.param(
            '[[products]]\nproduct = "dc"\ncontract_mw = 1\nuntil_s = 50\n'
            '[[products]]\nproduct = "dm"\ncontract_mw = 1\nfrom_s = 40',
            ["dc and dm overlap"],
            ["dc is judged by data every 0.05 s"],
            id="two at once",
        ),
        pytest.param(
            '[[products]]\nproduct = "dc"\ncontract_mw = 1\n[ev]\nloop_gap_s = 1\n[secc]\nloop_sequence_timeout_s = 60',
            [],
            [
                "dc is judged by data every 0.05 s, grid.tick_s x record.grid_every is 0.1 s",
                "dc must start within 0.5 s",
            ],
            id="too coarse",
        ),
        pytest.param(
            '[[products]]\nproduct = "fcr-n"\n[policy]\nname = "product"\nproduct = "fcr-n"\ncapacity_w = 8000\n'
            "[fleet]\nv2x_soc = [0.5, 0.6]",
            [],
            ["fcr-n wants 2 h of the 8000 W that a car offers in its reservoir, 16.0 kWh; Tesla Model Y lends 5.7 kWh"],
            id="a small reservoir",
        ),
        pytest.param(
            '[[products]]\nproduct = "ieee1547"\ncontract_mw = 1',
            [],
            ["ieee1547 is a product of 60 Hz, the grid has 50 Hz"],
            id="another grid",
        ),
        pytest.param(
            '[[products]]\nproduct = "fcr"\n[policy]\nname = "product"\n[grid]\nbaseline = "counterfactual"',
            [],
            ["grid.baseline counterfactual leaves out the baseline that the policy declares"],
            id="another baseline",
        ),
    ],
)
def test_contracts_are_checked_before_a_run(here: Path, toml: str, errors: list[str], warnings: list[str]) -> None:
    (here / "mine.toml").write_text(f'extends = "quickstart"\n{toml}\n', encoding="utf-8")
    found = validate("mine.toml")
    for said, lines in ((errors, found.errors), (warnings, found.warnings)):
        assert len([line for line in lines if any(one in line for one in said)]) == len(said), lines
    assert bool(errors) == bool(found.errors)


def test_a_tick_of_50_ms_is_fast_enough_for_dc() -> None:
    assert not [line for line in validate("dc-after-trip").warnings if "judged by data" in line]


@pytest.mark.parametrize("name", ["dc-after-trip", "regd-hour", "fcr-24h-ler"])
def test_packaged_product_scenarios_hold(name: str) -> None:
    assert name in packaged_scenarios()
    assert validate(name).errors == []


def test_dc_after_a_trip_in_short_is_paid_unless_it_is_late(here: Path) -> None:
    short = {"fleet": {"n_ev": 10, "cars_per_ev": 2_500.0}, "duration_s": 50.0}
    for variant, k, in_time in (("loop", 1.0, True), ("late", 0.0, False)):
        run = simulate("dc-after-trip", variant=variant, out=here / variant, report=False, **short)
        found = run.kpis["products"]["dc"]
        assert found["score"]["K"] == k, variant
        assert (found["starts_in_time"], found["full_in_time"]) == (in_time, in_time), "T0 0.5 s, T1 1 s"


def test_regulation_for_an_hour_is_scored(here: Path) -> None:
    short = {"fleet": {"n_ev": 2, "cars_per_ev": 1_000.0}}
    found = simulate("regd-hour", variant="slow", out=here / "slow", report=False, **short).kpis["products"]["regd"]
    assert set(found["score"]) >= {"accuracy", "delay", "precision_hourly_norm", "score_hourly_norm", "mileage_60min"}
    assert found["score"]["mileage_60min"] == pytest.approx(29.09, abs=0.01), "of the reference signal it repeats"
    assert 0.25 < found["score"]["score_hourly_norm"] < 0.99


def test_energy_comes_back_through_the_baseline_and_the_alert_is_seen(here: Path) -> None:
    """Five hours of the day of FCR with one car, from an hour before the split on."""
    short = {"fleet": {"n_ev": 1}, "duration_s": 18_000.0, "ev": {"loop_gap_s": 9.9}, "grid": {"from_s": 43_200.0}}
    record = {"charge_loop_every": 6}
    runs = {
        name: simulate("fcr-24h-ler", variant=name, out=here / name, report=False, record=record, **short)
        for name in ("recovery", "no-recovery")
    }
    found = {name: run.kpis["products"]["fcr"] for name, run in runs.items()}
    assert [round(t, -1) for t in found["recovery"]["alert_intervals_s"][0]] == [3610, 5030]
    assert found["recovery"]["baseline_mwh"] > 0.2
    assert found["no-recovery"]["baseline_mwh"] == 0.0
    assert found["recovery"]["soc_drift"] > found["no-recovery"]["soc_drift"] + 0.01
    assert found["recovery"]["restored_longest_s"] < 7_200.0
    assert found["no-recovery"]["restored_longest_s"] is None, "never"
