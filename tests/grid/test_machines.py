"""Machine cases against the traces of ANDES, and the command that simulates them.

Tolerances are those that the reference states for an aggregated swing equation with governors: fed with the electrical
power that ANDES produced, only the swing and governor part is judged; fed with the nominal step, the network's losses
and voltages, which such a model does not have, are part of the difference.
"""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from experiments import grid_preset, machine_cases, machine_traces, published_events
from experiments.cli import app
from experiments.errors import UserError
from experiments.grid_commands import Trace, read_electrical_power, simulated
from experiments.machines import MACHINES, read_case

DATA = MACHINES
CASES = ("kundur_loadstep_p200", "ieee14_trip_g2", "ieee39_trip_g8", "wecc_loadstep_p800")


def reference(name: str) -> dict[float, float]:
    """Frequency [Hz] by time [s] of ANDES."""
    with (DATA / f"{name}.csv").open() as lines:
        return {float(row["t_s"]): float(row["f_coi_hz"]) for row in csv.DictReader(lines)}


def by_time(trace: Trace) -> dict[float, float]:
    return {round(t, 2): f for t, f in zip(trace.t_s, trace.f_hz, strict=True)}


@pytest.mark.parametrize(
    ("name", "nadir_share", "rms_mhz"),
    [
        pytest.param("kundur_loadstep_p200", 0.001, 0.1, id="Kundur two areas"),
        pytest.param("ieee14_trip_g2", 0.001, 0.1, id="IEEE 14"),
        pytest.param("ieee39_trip_g8", 0.025, 0.7, id="IEEE 39"),
        pytest.param("wecc_loadstep_p800", 0.08, 1.6, id="WECC"),
    ],
)
def test_fed_with_the_electrical_power_frequency_is_that_of_andes(
    name: str, nadir_share: float, rms_mhz: float
) -> None:
    andes = reference(name)
    knots = read_electrical_power(DATA / f"{name}.csv")
    ours = by_time(simulated(read_case(DATA / f"{name}.params.json"), knots, -1.0, 60.0, 0.02))
    assert min(andes.values()) == pytest.approx(
        min(ours[t] for t in andes), abs=nadir_share * (60.0 - min(andes.values()))
    )
    assert ours[60.0] == pytest.approx(andes[60.0], abs=1e-5)
    errors_mhz = [1e3 * (ours[t] - f) for t, f in andes.items() if round(100 * t) % 10 == 0]
    assert (sum(e * e for e in errors_mhz) / len(errors_mhz)) ** 0.5 < rms_mhz


@pytest.mark.parametrize(
    ("name", "nadir_share"),
    [
        pytest.param("kundur_loadstep_p200", 0.10, id="Kundur two areas"),
        pytest.param("ieee14_trip_g2", 0.01, id="IEEE 14"),
        pytest.param("ieee39_trip_g8", 0.10, id="IEEE 39"),
        pytest.param("wecc_loadstep_p800", 0.20, id="WECC"),
    ],
)
def test_fed_with_the_nominal_step_only_the_network_is_missing(name: str, nadir_share: float) -> None:
    lowest = min(reference(name).values())
    ours = min(simulated(read_case(DATA / f"{name}.params.json"), None, 0.0, 20.0, 0.02).f_hz)
    assert ours == pytest.approx(lowest, abs=nadir_share * (60.0 - lowest))


def test_values_of_governors_are_on_the_system_base() -> None:
    """Kundur: R 5 % of 900 MVA is 900 / (0.05 x 60) = 300 MW/Hz; headroom 29 700 MW less its 727 MW."""
    case = read_case(DATA / "kundur_loadstep_p200.params.json")
    governor = case.params.governors[0]
    assert governor.stiffness_mw_per_hz == pytest.approx(300.0)
    assert governor.valve is not None
    assert governor.valve.up_mw == pytest.approx(29_700.0 - 726.80290787)
    wecc = read_case(DATA / "wecc_loadstep_p800.params.json")
    assert wecc.params.damping_mw_per_hz == pytest.approx(185.0 * 100.0 / 60.0)
    valve = wecc.params.governors[0].valve
    assert valve is not None
    assert (valve.opening_mw_per_s, valve.closing_mw_per_s) == (100.0, 100.0), "UO and UC as given: p.u. of the system"
    assert wecc.params.governors[13].taps == pytest.approx((1.0,)), "a stage without a lag is made where the last is"


def test_the_jump_after_t_0_is_not_a_ramp_over_a_row(tmp_path: Path) -> None:
    file = tmp_path / "power.csv"
    file.write_text("t_s,dpe_mw\n-0.02,0\n0,0\n0.02,200\n0.04,201\n")
    assert read_electrical_power(file) == ((-0.02, 0.0, 0.0, 0.02, 0.04), (0.0, 0.0, 200.0, 200.0, 201.0))
    file.write_text("t_s,dpe_mw\n0,0\n1,10\n2,20\n3,30\n")
    assert read_electrical_power(file).t_s == (0.0, 1.0, 2.0, 3.0), "an even ramp stays one"


def command(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["grid", "simulate", *map(str, arguments)])


def test_the_command_writes_time_and_frequency(tmp_path: Path) -> None:
    params, out = DATA / "kundur_loadstep_p200.params.json", tmp_path / "f.csv"
    done = command(params, "--until", 5, "--dt", 0.5, "--out", out, "--json")
    assert done.exit_code == 0, done.output
    lines = out.read_text().splitlines()
    assert lines[:2] == ["t_s,f_hz", "0.000000,60.000000000"]
    assert len(lines) == 1 + 11
    summary = json.loads(done.stdout)
    assert summary["initial_rocof_hz_per_s"] == pytest.approx(-0.26298, abs=1e-5)  # andes_vs_sfr_errors.csv
    assert summary["nadir_hz"] == pytest.approx(float(lines[-5].split(",")[1]), abs=1e-9)
    fed = command(params, "--electrical-power", DATA / "kundur_loadstep_p200.csv", "--out", out, "--dt", 0.1)
    assert fed.exit_code == 0, fed.output
    lines = out.read_text().splitlines()
    assert (lines[1].split(",")[0], lines[-1].split(",")[0], len(lines)) == ("-1.000000", "60.000000", 612)
    assert min(float(line.split(",")[1]) for line in lines[1:]) == pytest.approx(59.57708, abs=0.0005)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param('"TGOV1"', '"TGOV2"', "governors.0.type must be one of TGOV1, TGOV1N, IEEEG1", id="type"),
        pytest.param('"R": 0.0', '"R": -0.0', "governors.0.R: Input should be greater than 0, got -0.0", id="droop"),
        pytest.param('"R"', '"droop"', "governors.0.R: Field required", id="missing"),
        pytest.param('"e_kin_mws": 2', '"e_kin_mws": -2', "e_kin_mws: Input should be greater than 0", id="inertia"),
        pytest.param('"VMIN": 3.6', '"VMIN": 400', "governors.0: the lower limit 400 lies above", id="limits"),
        pytest.param('{"name"', "{name", "is not JSON", id="syntax"),
    ],
)
def test_a_broken_parameter_file_is_refused_in_one_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = json.dumps(json.loads((DATA / "kundur_loadstep_p200.params.json").read_text()))
    assert old in text
    file = tmp_path / "mine.params.json"
    file.write_text(text.replace(old, new))
    with pytest.raises(UserError) as refused:
        read_case(file)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(("--dt", 0), "--dt must be above 0 s, got 0", id="dt"),
        pytest.param(("--until", -1), "--until must be later than 0 s, got -1", id="until"),
        pytest.param(("--electrical-power", "no.csv"), "there is no file 'no.csv'", id="power"),
        pytest.param(("--dt", 1e-9), "more than 10,000,000 rows", id="rows"),
    ],
)
def test_wrong_options_are_refused_in_one_line(tmp_path: Path, options: tuple[object, ...], message: str) -> None:
    done = command(DATA / "ieee14_trip_g2.params.json", "--out", tmp_path / "f.csv", *options)
    assert done.exit_code == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_packaged_case_goes_by_its_name(tmp_path: Path) -> None:
    out = tmp_path / "f.csv"
    done = command("kundur_loadstep_p200", "--until", 1, "--out", out)
    assert done.exit_code == 0, done.output
    assert out.read_text().startswith("t_s,f_hz\n0.000000,60.000000000\n")
    wrong = command("kundur_loadstep", "--out", out)
    assert wrong.exit_code == 2
    assert "there is no machine case 'kundur_loadstep'. Did you mean 'kundur_loadstep_p200'?" in wrong.stderr


def test_frames_for_notebooks_hold_reference_and_model_side_by_side() -> None:
    frame = machine_traces("ieee14_trip_g2")
    assert list(frame.columns) == ["reference", "fed", "nominal"]
    assert not frame.isna().any().any()
    assert abs(frame.fed - frame.reference).max() < 0.001
    events = published_events()
    assert events[events.event == "GB_2019-08-09"].loss_mw.max() == 737.0
    assert grid_preset("kundur").params.kinetic_energy_mws == 22_815.0
    assert set(machine_cases()) == set(CASES)


def test_the_presets_are_listed_with_every_number_and_its_source() -> None:
    listed = CliRunner().invoke(app, ["grid", "presets", "--json"])
    assert {row["name"] for row in json.loads(listed.stdout)} >= {"ireland", "gb-2019-calibrated", "kundur"}
    shown = CliRunner().invoke(app, ["grid", "presets", "ireland"])
    assert shown.exit_code == 0
    assert "area.kinetic_energy_mws" in shown.stdout
    figures = json.loads(CliRunner().invoke(app, ["grid", "presets", "ercot", "--json"]).stdout)["figures"]
    (inertia,) = [figure for figure in figures if figure["name"] == "area.kinetic_energy_mws"]
    assert inertia["value"] == 200_000.0
    assert inertia["confidence"] == "M"
    assert len(inertia["source"]) > 10
    unknown = CliRunner().invoke(app, ["grid", "presets", "irelnd"])
    assert unknown.exit_code == 2
    assert "Did you mean 'ireland'?" in unknown.stderr
