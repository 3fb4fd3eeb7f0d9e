"""Numbers for people, and runs side by side."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.compare import compare_config, compare_kpis
from experiments.figures import difference, flat, label, text
from experiments.folder import json_text, write_json
from experiments.runs import Run


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        pytest.param("nadir_hz", 49.41234, "49.412 Hz", id="hertz"),
        pytest.param("maximum_rocof_hz_per_s", 0.3, "0.300 Hz/s", id="rate"),
        pytest.param("charged_wh", 1234.5, "1.23 kWh", id="energy"),
        pytest.param("charged_wh", 0.0, "0 Wh", id="no energy"),
        pytest.param("maximum_service_w", -1.6e6, "-1.60 MW", id="power"),
        pytest.param("target_met_share", 0.947, "94.7 %", id="share"),
        pytest.param("response_delay.p50_s", 0.31, "310 ms", id="short"),
        pytest.param("minimum_power_gap_s", 1234.5, "1,234 s", id="long"),
        pytest.param("charge_loops", 45123, "45,123", id="count"),
        pytest.param("response_delay.p95_s", None, "–", id="nothing"),
    ],
)
def test_values_come_with_units_and_few_digits(key: str, value: Any, told: str) -> None:
    assert text(key, value) == told


@pytest.mark.parametrize(
    ("key", "before", "after", "told"),
    [
        pytest.param("nadir_hz", 49.4, 49.5, "+100.0 mHz", id="frequency"),
        pytest.param("charged_wh", 2000.0, 1000.0, "−1.00 kWh (−50.0 %)", id="energy"),
        pytest.param("target_met_share", 0.5, 0.6, "+10.0 %", id="share"),
        pytest.param("sessions", 0, 3, "+3", id="from nothing"),
        pytest.param("sessions", 3, 3, "", id="no change"),
        pytest.param("nadir_hz", None, 49.0, "", id="not there"),
    ],
)
def test_changes_are_signed(key: str, before: Any, after: Any, told: str) -> None:
    assert difference(key, before, after) == told


def test_nested_figures_are_flat_with_dotted_keys() -> None:
    assert dict(flat({"a": 1, "clips": {"ev_power": 2}})) == {"a": 1, "clips.ev_power": 2}
    assert label("clips.ev_power") == "clips: ev_power"


def test_json_has_no_nan() -> None:
    assert (
        json_text({"a": float("nan"), "b": [1.0, float("inf")]})
        == '{\n  "a": null,\n  "b": [\n    1.0,\n    null\n  ]\n}\n'
    )


def test_json_says_what_it_does_not_know_as_text() -> None:
    assert json_text({"whole": np.int64(3), "share": np.float64(0.5), "place": Path("a")}) == (
        '{\n  "whole": 3,\n  "share": 0.5,\n  "place": "a"\n}\n'
    )


def run_of(path: Path, kpis: dict[str, Any], config: str) -> Run:
    path.mkdir()
    write_json(path / "kpis.json", kpis)
    (path / "config.toml").write_text(config, encoding="utf-8")
    return Run(path)


def test_runs_side_by_side(tmp_path: Path) -> None:
    first = run_of(tmp_path / "a", {"nadir_hz": 49.4, "clips": {"site": 1}}, "seed = 1\n[fleet]\nn_ev = 3\n")
    second = run_of(tmp_path / "b", {"nadir_hz": 49.5}, "seed = 1\n[fleet]\nn_ev = 5\n")
    assert [(row.key, row.values) for row in compare_kpis([first, second])] == [
        ("nadir_hz", (49.4, 49.5)),
        ("clips.site", (1, None)),
    ]
    assert [(row.key, row.values) for row in compare_config([first, second])] == [("fleet.n_ev", (3, 5))]
