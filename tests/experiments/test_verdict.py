"""Several runs of one scenario: one table and one picture of what they are judged by."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from experiments.cli import app
from experiments.load import load
from experiments.report.comparison import comparison_html, write_comparison
from experiments.report.multiples import verdict_svg
from experiments.run import run_variants
from experiments.verdict import Verdict, verdict_of, verdict_table
from experiments.watch import Watch

SVG = "{http://www.w3.org/2000/svg}"
CROSSED = """
extends = "quickstart"
duration_s = 3.0
verdict = [["response_delay.p50_s", "response_delay.p95_s"], "charge_loops"]
[fleet]
n_ev = 1
[grid]
events = []
[axes]
ev.loop_gap_s = [0.2, 0.05]
link.delay_s = [0.0, 0.01]
[variants.AC]
fleet.services = { AC_BPT = 1.0 }
[variants.DC]
fleet.services = { DC_BPT = 1.0 }
"""


@pytest.fixture(scope="module")
def crossed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of eight small runs."""
    folder = tmp_path_factory.mktemp("crossed")
    (folder / "mine.toml").write_text(CROSSED, encoding="utf-8")
    path, runs = run_variants(load(str(folder / "mine.toml")), out=folder / "runs", report=False, watch=Watch())
    (runs[-1].path / "report.html").touch()
    assert write_comparison(path) == path / "report.html"
    return path


@pytest.fixture(scope="module")
def verdict(crossed: Path) -> Verdict:
    """The verdict on them."""
    found = verdict_of(crossed)
    assert found is not None
    return found


def test_each_run_is_a_row_at_its_place_with_its_own_figures(verdict: Verdict) -> None:
    titles, rows = verdict_table(verdict)
    assert titles[:3] == ("variant", "ev.loop_gap_s", "link.delay_s")
    assert titles[3:5] == ("response delay, median", "response delay, 95 %")
    assert [row[:3] for row in rows[:3]] == [("AC", "0.2", "0"), ("AC", "0.2", "0.01"), ("AC", "0.05", "0")]
    assert len(rows) == 8
    assert [row[5] for row in rows] == [f"{run.kpis['charge_loops']:,}" for run in verdict.runs]


def test_the_picture_has_a_dot_for_each_figure_of_each_run(verdict: Verdict) -> None:
    drawn = ElementTree.fromstring(verdict_svg(verdict))
    delays = [found["response_delay.p50_s"] for found in verdict.found]
    dots = list(drawn.iter(f"{SVG}circle"))
    assert len(dots) == len([delay for delay in delays if delay is not None]) + 8
    heights = [float(dot.get("cy", "")) for dot in dots[-8:]]
    counts = [found["charge_loops"] for found in verdict.found]
    # More is higher; panels come one after the other, and in each one colour after the other.
    order = [0, 2, 1, 3, 4, 6, 5, 7]
    ranked = sorted(range(8), key=lambda k: counts[order[k]])
    assert [heights[k] for k in ranked] == sorted(heights, reverse=True)
    words = "".join(drawn.itertext())
    for word in ("charge loops", "AC", "DC", "ev.loop_gap_s", "link.delay_s"):
        assert word in words


def test_the_page_stands_alone_and_leads_to_each_run(verdict: Verdict, crossed: Path) -> None:
    page = (crossed / "report.html").read_text(encoding="utf-8")
    assert page == comparison_html(verdict)
    assert "default-src 'none'" in page
    assert "<script" not in page
    assert page.count('/report.html">open</a>') == page.count("DC%2Cloop_gap_s%3D0.05%2Cdelay_s%3D0.01/") == 1
    assert "8 runs, all invariants hold" in page


def test_run_prints_one_table_and_data_on_request(
    crossed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text(CROSSED.replace("[0.0, 0.01]", "[0.0, 0.01, 0.02]"), encoding="utf-8")
    done = CliRunner().invoke(app, ["run", "mine.toml", "duration_s=0.1"])
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert sum("all 7 invariants hold" in line for line in lines) == 12  # a line each
    head = next(k for k, line in enumerate(lines) if line.startswith("variant"))
    assert lines[head + 12].split()[:3] == ["DC", "0.05", "0.02"]
    assert "open  runs/latest/report.html" in done.stdout
    again = CliRunner().invoke(app, ["compare", "latest"])
    assert again.stdout.splitlines()[0] == lines[head]
    told = json.loads(CliRunner().invoke(app, ["compare", str(crossed), "--json"]).stdout)["verdict"]
    assert told[0]["place"] == {"variant": "AC", "ev.loop_gap_s": 0.2, "link.delay_s": 0.0}
    assert set(told[0]["figures"]) == {"response_delay.p50_s", "response_delay.p95_s", "charge_loops"}


def test_a_single_run_has_no_verdict(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"status": "done"}', encoding="utf-8")
    assert verdict_of(tmp_path) is None
