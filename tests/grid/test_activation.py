"""Activation of Nordic FCR-D: the rule on its own ramp, and what it becomes for other frequencies."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from models.grid.activation import activations, missing_energy_s, score, why_none
from models.grid.products import PRODUCTS, shares

SERVICES = Path(__file__).parents[1] / "data" / "services"
EXPECTED = json.loads((SERVICES / "expected.json").read_text(encoding="utf-8"))
UP = PRODUCTS["fcr-d-up"]


def ramp(deepest_hz: float, hz_per_s: float, step_s: float = 0.01) -> tuple[np.ndarray, np.ndarray]:
    """Time and deviation: at 49.9 Hz until 5 s, then falling, then held; 40 s."""
    t_s = np.arange(0.0, 40.0, step_s)
    return t_s, np.maximum(-0.1 - hz_per_s * np.clip(t_s - 5.0, 0.0, None), deepest_hz)


@pytest.mark.parametrize("name", ["fcrd_ramp_1", "fcrd_ramp_3"])
def test_the_reference_ramps_score_as_the_rule_has_it(name):
    with (SERVICES / f"{name}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    t_s, f_hz, p = (np.array([float(row[column]) for row in rows]) for column in ("t_s", "f_hz", "p_frac"))
    told, expected = score(t_s, f_hz - 50.0, p, UP), EXPECTED[name]
    for key, value in expected.items():
        assert told[key] == pytest.approx(value, abs=1e-9), key
    assert told["P_needed"] == pytest.approx(0.93)
    assert told["E_needed"] == pytest.approx(3.2, abs=0.005), "3.2 s but for the kink between samples"
    assert (told["excursions"], told["passed"]) == (1, int(expected["pass_power"] and expected["pass_energy"]))


def test_what_may_lack_is_what_the_test_ramp_lets_lack():
    """Of the ramp the curve asks 7.5 s less half of the 1.67 s to 49.5 Hz: 6.67 s; the rule wants 3.2 s of them."""
    assert missing_energy_s() == pytest.approx(6.0 + 2.0 / 3.0 - 3.2)


@pytest.mark.parametrize(
    ("deepest_hz", "late_s", "gain", "passes_power", "passes_energy"),
    [
        pytest.param(-0.3, 0.0, 1.0, True, True, id="half of the power, at once"),
        pytest.param(-0.3, 3.4, 1.0, True, True, id="late by less than the test lets pass"),
        pytest.param(-0.3, 3.6, 1.0, True, False, id="late by more"),
        pytest.param(-0.3, 0.0, 0.92, False, True, id="too little"),
        pytest.param(-0.9, 3.4, 1.0, True, True, id="the whole power, late"),
        pytest.param(-0.9, 8.0, 1.0, False, False, id="not there when it is looked at"),
    ],
)
def test_a_response_that_is_late_is_judged_alike_at_any_depth(deepest_hz, late_s, gain, passes_power, passes_energy):
    t_s, deviation_hz = ramp(deepest_hz, 0.24)
    late = gain * np.interp(t_s - late_s, t_s, shares(UP, deviation_hz))
    (found,) = activations(t_s, deviation_hz, late, UP)
    assert found.t0_s == pytest.approx(5.0, abs=0.011)
    assert found.wanted == pytest.approx(min(1.0, (-deepest_hz - 0.1) / 0.4))
    assert (found.passes_power, found.passes_energy) == (passes_power, passes_energy)


def test_both_directions_are_judged_and_only_those_of_the_product():
    t_s = np.arange(0.0, 60.0, 0.1)
    deviation_hz = np.where((t_s > 5.0) & (t_s < 20.0), -0.4, np.where((t_s > 30.0) & (t_s < 50.0), 0.4, 0.0))
    given = shares(PRODUCTS["fcr-d"], deviation_hz)
    assert [one.upwards for one in activations(t_s, deviation_hz, given, PRODUCTS["fcr-d"])] == [True, False]
    assert [one.upwards for one in activations(t_s, deviation_hz, given, UP)] == [True]
    assert [one.upwards for one in activations(t_s, deviation_hz, given, PRODUCTS["fcr-d-down"])] == [False]
    assert score(t_s, deviation_hz, given, PRODUCTS["fcr-d"])["passes"] is True


def test_without_an_excursion_the_reason_is_told():
    t_s = np.arange(0.0, 60.0, 0.1)
    quiet, brief = np.full(600, -0.09), np.where((t_s > 10.0) & (t_s < 12.0), -0.4, 0.0)
    assert score(t_s, quiet, quiet, UP) == score(t_s, brief, quiet, UP) == {}
    assert why_none(quiet, UP) == "no excursion beyond 49.9 Hz: nothing to score"
    assert why_none(quiet, PRODUCTS["fcr-d"]) == "no excursion beyond 49.9 Hz or 50.1 Hz: nothing to score"
    assert why_none(brief, UP) == "no excursion beyond 49.9 Hz asks for 20 % of the contract 7.5 s after it began"
