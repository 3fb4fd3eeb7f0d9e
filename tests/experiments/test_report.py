"""The report: one file that loads nothing, and curves that hide no extreme."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.report import report_html
from experiments.report.charts import charts_of
from experiments.report.sequence import sequence_svg
from experiments.report.series import Chart, Curve, deltas, document, extremes
from experiments.runs import Run
from experiments.trace import Line


class Page(HTMLParser):
    """Tags, attributes and the data of the charts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.data: Any = None
        self._in_data = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self._in_data = ("id", "data") in attrs

    def handle_data(self, data: str) -> None:
        if self._in_data:
            self.data = json.loads(data)
            self._in_data = False


@pytest.fixture(scope="module")
def html(small_run: Run) -> str:
    return report_html(small_run)


def undone(coded: list[int | None], resolution: float) -> list[float]:
    """What the page's script makes of coded values."""
    values, last = [], 0
    for step in coded:
        last += step or 0
        values.append(float("nan") if step is None else last * resolution)
    return values


def test_nothing_is_loaded_from_anywhere(html: str) -> None:
    page = Page(html)
    assert not {"link", "img", "iframe", "object", "embed", "base", "form"} & set(page.tags)
    outside = {"src", "href", "srcset", "action", "data", "poster", "xlink:href"}
    assert not [name for name, _ in page.attributes if name in outside]
    assert not re.findall(r"https?://|url\((?!#)|@import|fetch\(|XMLHttpRequest|WebSocket|import\(", html)


def test_the_policy_of_the_page_forbids_loading(html: str) -> None:
    policy = next(
        value for name, value in Page(html).attributes if name == "content" and value and "default-src" in value
    )
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def test_it_shows_frequency_with_and_without_the_fleet(html: str) -> None:
    charts = {chart["title"]: chart for chart in Page(html).data}
    assert [curve["name"] for curve in charts["Frequency"]["curves"]] == ["without", "with the fleet"]
    assert [curve["name"] for curve in charts["Power of the fleet"]["curves"]] == ["baseline", "requested", "delivered"]
    assert charts["Frequency"]["marks"] == [[30.0, "-6 MW"]]


def test_it_shows_figures_messages_and_settings(html: str, small_run: Run) -> None:
    for text in ("lowest frequency", "supportedAppProtocolReq", "cars_per_ev = 10.0", "all 7 invariants hold"):
        assert text in html
    assert small_run.manifest["config_sha256"] in html


def test_curves_are_those_of_the_tables(html: str, small_run: Run) -> None:
    chart = next(chart for chart in Page(html).data if chart["title"] == "Frequency")
    grid = small_run.table("grid")
    shown = undone(chart["curves"][1]["v"], chart["resolution"])
    assert np.abs(np.array(shown) - grid["frequency_hz"].to_numpy()).max() <= 0.5e-4 + 1e-12
    assert undone(chart["t_ms"], 1e-3) == pytest.approx(grid["time_s"].tolist())


def test_thinning_keeps_every_extreme() -> None:
    values = np.zeros(100_000)
    values[12_345], values[12_346], values[99_999] = 7.0, -3.0, 5.0
    thinned = extremes(values, 2000)
    assert (thinned.max(), thinned.min(), thinned[-1]) == (7.0, -3.0, 5.0)
    assert len(thinned) == 4000
    first, second = np.flatnonzero(thinned == 7.0)[0], np.flatnonzero(thinned == -3.0)[0]
    assert first < second  # in the order in which they came


def test_a_thinned_chart_says_so() -> None:
    time_s = np.arange(100_000.0)
    thin = document(Chart("Many", "W", "About.", time_s, [Curve("a", time_s, "blue")], 1.0))
    assert thin["note"] == "About. Drawn from 100,000 rows: smallest and largest of every 50."
    assert len(thin["t_ms"]) == len(thin["curves"][0]["v"]) == 4000


def test_values_that_are_not_there_are_gaps() -> None:
    assert deltas(np.array([1.0, np.nan, 3.0, 2.0]), 0.5) == [2, None, 4, -2]


def test_a_replay_shows_one_frequency(tmp_path: Path) -> None:
    from experiments import simulate

    run = simulate(
        {"name": "still", "duration_s": 3.0, "fleet": {"n_ev": 1}, "grid": {"model": "nominal"}}, out=tmp_path / "run"
    )
    frequency = charts_of(run)[0]
    assert [curve.name for curve in frequency.curves] == ["as given"]


def test_events_that_move_nothing_are_told_and_leave_no_mark(tmp_path: Path) -> None:
    from experiments import simulate

    run = simulate(
        "quickstart", duration_s=5.0, fleet={"n_ev": 1}, grid={"model": "nominal"}, report=False, out=tmp_path / "run"
    )
    assert run.config["grid"]["events"], "the scenario has one"
    assert run.manifest["warnings"] == ["grid.events has no effect: grid.model is nominal"]
    assert [chart.marks for chart in charts_of(run)] == [[]] * len(charts_of(run))
    assert not run.grid().disturbance_w.any()


def test_the_events_of_the_grid_are_marked(small_run: Run) -> None:
    assert charts_of(small_run)[0].marks == [(30.0, "-6 MW")]


def test_texts_in_the_diagram_are_escaped() -> None:
    svg = sequence_svg(
        [Line(0, False, "SessionStopRes", ("FAILED <why>",)), Line(1, True, "a&b", ("<c>",), "event")], 0
    )
    assert "FAILED &lt;why&gt;" in svg
    assert 'class="failed"' in svg
    assert "a&amp;b: &lt;c&gt;" in svg
