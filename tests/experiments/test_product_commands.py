"""`score` and `curve` as a user types them."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from experiments.cli import app

SERVICES = Path(__file__).parents[1] / "data" / "services"
EXPECTED: dict[str, Any] = json.loads((SERVICES / "expected.json").read_text(encoding="utf-8"))
# What one types for each reference file.
CASES = {
    "A_ideal": "pjm pjm_A_ideal.csv",
    "C_delay40s_lag15s_gain0.9": "pjm pjm_C_delay40s_lag15s_gain0.9.csv",
    "E_rega_slow": "pjm pjm_E_rega_slow.csv",
    "G_noise": "pjm pjm_G_noise.csv",
    "neso_1_DC_loss": "dc neso_1_DC_loss.csv --contract-mw 10",
    "neso_3_DM_loss": "dm neso_3_DM_loss.csv --contract-mw 10 --window-s 1",
    "neso_5_DR_noise": "dr neso_5_DR_noise.csv --contract-mw 10 --window-s 10",
    "neso_7_DC_noise": "DC neso_7_DC_noise.csv --contract-mw 10",
    "fcr_ce_2h": "fcr fcr_ce_2h.csv",
    "fcrd_ramp_1": "fcr-d fcrd_ramp_1.csv",
    "fcrd_ramp_3": "fcr-d-up fcrd_ramp_3.csv",
    "ffr_1": "ffr ffr_1.csv",
    "ffr_3": "ffr ffr_3.csv --level-hz 49.5 --max-full-time-s 0.7",
    "afrr_1": "afrr afrr_1.csv",
}


def command(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def score(line: str) -> Result:
    product, file, *options = line.split()
    return command("score", product, str(SERVICES / file), *options, "--json")


def test_every_reference_file_is_among_the_cases():
    files = {path.name for path in SERVICES.glob("*.csv")} - {"static_curves.csv"}
    assert {line.split()[1] for line in CASES.values()} == files
    assert set(CASES) == set(EXPECTED)


@pytest.mark.parametrize("name", CASES)
def test_a_reference_file_scores_as_expected(name):
    done = score(CASES[name])
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert list(found) == list(EXPECTED[name])
    for key, value in EXPECTED[name].items():
        if isinstance(value, str | bool):
            assert found[key] == value
        else:
            np.testing.assert_allclose(found[key], value, rtol=0.0, atol=1e-9, err_msg=key)


def test_a_score_for_people_and_from_parquet(here):
    frame = pd.read_csv(SERVICES / "ffr_3.csv")
    frame.to_parquet(here / "mine.parquet")
    done = command("score", "ffr-49.5", "mine.parquet", "--level-hz", "49.5", "--max-full-time-s", "0.7")
    assert done.exit_code == 0, done.stderr
    assert "Nordic FFR pass rules" in done.stdout
    assert any(line.split() == ["passes", "no"] for line in done.stdout.splitlines())


@pytest.mark.parametrize(
    ("line", "said"),
    [
        pytest.param("zz afrr_1.csv", "there is no product 'zz'. Known: fcr, fcr-n, fcr-d, ", id="nothing like it"),
        pytest.param("dcc afrr_1.csv", "there is no product 'dcc'. Did you mean 'dc'?", id="unknown product"),
        pytest.param("ieee1547 afrr_1.csv", "ieee1547 has no score; those with one: pjm, dc,", id="no score"),
        pytest.param("dc none.csv", "there is no file", id="no file"),
        pytest.param("dc afrr_1.csv", "afrr_1.csv has no column 'f_hz', dc needs it.", id="no column"),
        pytest.param("dc fcr_ce_2h.csv", "fcr_ce_2h.csv has neither column p_frac nor p_mw", id="no response"),
        pytest.param("dc neso_1_DC_loss.csv", "column 'p_mw' needs --contract-mw", id="no contract"),
        pytest.param("dc neso_1_DC_loss.csv --contract-mw -3", "--contract-mw must be above 0, got -3", id="nonsense"),
    ],
)
def test_what_cannot_be_scored_is_told_in_one_line(line, said):
    done = score(line)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_broken_recording_is_told_with_its_row(here):
    rows = ["t_s,f_hz,p_frac", *(f"{0.05 * k:.2f},50.0,{'x' if k == 7 else 0.0}" for k in range(30))]
    (here / "broken.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    done = command("score", "dc", "broken.csv")
    assert done.exit_code == 2
    assert done.stderr == "error: broken.csv, row 8: column 'p_frac' is 'x', a number is needed\n"


def test_a_data_rate_below_the_product_s_and_an_option_without_effect_are_noted(here):
    rows = ["t_s,f_hz,p_frac", *(f"{k},50.0,0.0" for k in range(60))]
    (here / "slow.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    done = command("score", "dc", "slow.csv", "--level-hz", "49.7", "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["K"] == 1.0
    assert "note: --level-hz has no effect on dc" in done.stderr
    assert "note: slow.csv has a step of 1 s, dc needs 0.05 s" in done.stderr


def test_curve_prints_the_corners_and_the_row():
    done = command("curve", "Dynamic Containment")
    assert done.exit_code == 0, done.stderr
    assert "49.8000           -200.0  +0.050000" in done.stdout
    assert "0.25 h of full power each way" in done.stdout
    document = json.loads(command("curve", "dc", "--json").stdout)
    assert (document["key"], document["start_s"], document["full_s"]) == ("dc", 0.5, 1.0)
    assert document["curve"][0] == {"deviation_hz": -0.5, "frequency_hz": 49.5, "share": 1.0}


def test_curve_without_a_product_lists_all():
    assert [row["key"] for row in json.loads(command("curve", "--json").stdout)][:3] == ["fcr", "fcr-n", "fcr-d"]
    assert "aemo-vf-raise" in command("curve").stdout


def test_curve_draws_a_picture_that_stands_alone(here):
    done = command("curve", "ffr", "--svg", "ffr.svg", "--json")
    assert done.exit_code == 0, done.stderr
    drawn = ElementTree.fromstring((here / "ffr.svg").read_text(encoding="utf-8"))
    line = drawn.find("{http://www.w3.org/2000/svg}polyline")
    assert line is not None
    heights = [float(point.split(",")[1]) for point in line.attrib["points"].split()]
    assert len(heights) == 4  # full, full, nothing, nothing
    assert heights[0] == heights[1] < heights[2] == heights[3]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["regd", "--svg", "x.svg"], "regd follows the operator's signal", id="no curve"),
        pytest.param(["dc", "--svg", "no/such/folder.svg"], "--svg no/such/folder.svg: No such file", id="no folder"),
        pytest.param(["--svg", "x.svg"], "--svg needs a product to draw", id="nothing to draw"),
        pytest.param(["fcx"], "there is no product 'fcx'", id="unknown"),
    ],
)
def test_what_cannot_be_drawn_is_told_in_one_line(here, arguments, said):
    done = command("curve", *arguments)
    assert done.exit_code == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
