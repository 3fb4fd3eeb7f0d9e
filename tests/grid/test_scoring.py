"""Scores against the reference recordings, and against what can be worked out by hand."""

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.grid.alert import FcrAlert, alert_intervals
from models.grid.envelope import envelope, outside_envelope
from models.grid.scoring import SCORERS, Recording, RecordingError, Terms, pjm_hour, slowest_path

SERVICES = Path(__file__).parents[1] / "data" / "services"
EXPECTED: dict[str, Any] = json.loads((SERVICES / "expected.json").read_text(encoding="utf-8"))
SCORER_OF = {"neso_1": "dc", "neso_3": "dm", "neso_5": "dr", "neso_7": "dc", "fcr_ce": "fcr", "fcrd_r": "fcr-d"}


def case(name: str) -> tuple[str, Recording, Terms]:
    """Scorer, recording and terms of a reference case."""
    path = next(path for path in (SERVICES / f"{name}.csv", SERVICES / f"pjm_{name}.csv") if path.exists())
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    columns = {key: np.array([float(row[key]) for row in rows]) for key in rows[0]}
    t_s = columns.pop("t_s")
    scorer = SCORER_OF.get(name[:6], "pjm" if path.name.startswith("pjm") else name.partition("_")[0])
    wanted = EXPECTED[name]
    terms = Terms(
        contract_mw=wanted.get("contract_mw", math.nan),
        level_hz=wanted.get("activation_level_hz", math.nan),
        max_full_time_s=wanted.get("max_full_time_s", math.nan),
    )
    return scorer, Recording(columns, round(float(t_s[1] - t_s[0]), 6)), terms


@pytest.mark.parametrize("name", EXPECTED)
def test_a_reference_case_scores_as_expected_to_1e_9(name):
    scorer, recording, terms = case(name)
    found = SCORERS[scorer].score(recording, terms)
    assert list(found) == list(EXPECTED[name])
    for key, value in EXPECTED[name].items():
        if isinstance(value, str | bool):
            assert found[key] == value, key
        else:
            np.testing.assert_allclose(found[key], value, rtol=0.0, atol=1e-9, err_msg=key)


def test_the_reference_covers_every_scorer():
    assert {case(name)[0] for name in EXPECTED} == set(SCORERS)


def test_a_formula_is_replaced_by_a_row():
    """PJM's redesign of October 2025 weighs precision only; here as one would put it in."""
    row = SCORERS["pjm"]

    def precision_only(recording: Recording, terms: Terms) -> dict[str, Any]:
        return {"score": row.score(recording, terms)["precision_hourly_norm"]}

    _, recording, terms = case("G_noise")
    replaced = row._replace(version="from 2025-10", score=precision_only)
    assert replaced.score(recording, terms) == {"score": pytest.approx(0.7090690707155506)}


def test_pjm_knows_no_response_and_an_inverted_one():
    signal = case("E_rega_slow")[1].columns["signal_pu"]
    still = pjm_hour(signal, np.zeros_like(signal))
    assert (still["accuracy"], still["delay"], still["precision_hourly_norm"]) == (0.0, 0.0, 0.0)
    inverted = pjm_hour(signal, 0.0 - signal)  # shifts to 5 min are searched, so some of it correlates
    assert inverted["precision_hourly_norm"] == 0.0
    assert 0.25 < inverted["score_hourly_norm"] < 0.4, "above PJM's floor: never use the composite alone as a check"


def test_pjm_averages_hours_and_takes_every_tenth_second():
    _, recording, terms = case("G_noise")
    hour = {key: values[:360] for key, values in recording.columns.items()}
    twice = {key: np.concatenate([values, values, recording.columns[key][:30]]) for key, values in hour.items()}
    one = SCORERS["pjm"].score(Recording({k: np.concatenate([v, v[:30]]) for k, v in hour.items()}, 10.0), terms)
    two = SCORERS["pjm"].score(Recording({k: np.repeat(v, 5) for k, v in twice.items()}, 2.0), terms)
    assert len(two["hours"]) == 2
    assert two["score_hourly_norm"] == pytest.approx(one["score_hourly_norm"])


@pytest.mark.parametrize(
    ("scorer", "columns", "step_s", "complaint"),
    [
        pytest.param("pjm", {"signal_pu": 360, "response_pu": 360}, 10.0, "390 samples at 10 s are needed", id="short"),
        pytest.param("pjm", {"signal_pu": 900, "response_pu": 900}, 4.0, "PJM scores samples of 10 s", id="step"),
        pytest.param("dc", {"f_hz": 100, "p_mw": 100}, 0.05, "needs contract_mw", id="megawatts of what"),
        pytest.param("fcr-d", {"f_hz": 100, "p_frac": 100}, 0.1, "no ramp to test", id="no ramp"),
        pytest.param("ffr", {"f_hz": 100, "p_frac": 100}, 0.05, "never falls to 49.7 Hz", id="never released"),
        pytest.param("dc", {"f_hz": 19, "p_frac": 19}, 0.05, "at least one second of samples", id="less than a second"),
    ],
)
def test_a_recording_that_cannot_be_judged_is_refused(scorer, columns, step_s, complaint):
    recording = Recording({name: np.full(count, 50.0) for name, count in columns.items()}, step_s)
    with pytest.raises(RecordingError, match=complaint):
        SCORERS[scorer].score(recording, Terms())


def test_the_envelope_holds_the_targets_of_the_window():
    low, high = envelope(np.array([0.0, 1.0, 2.0, 1.0, 0.0]), 2)
    assert low.tolist() == [0.0, 0.0, 0.0, 1.0, 0.0]
    assert high.tolist() == [0.0, 1.0, 2.0, 2.0, 2.0]
    distance = outside_envelope(np.array([0.0, 1.0, 2.0, 1.0, 0.0]), np.array([0.5, 1.0, -0.5, 2.0, 2.5]), 2)
    assert distance.tolist() == [0.5, 0.0, 0.5, 0.0, 0.5]


def test_dc_is_free_of_error_when_late_by_less_than_its_window_and_not_when_later():
    f_hz = np.concatenate([np.full(40, 50.0), np.full(200, 49.5)])
    for late, error, k in ((20, 0.0, 1.0), (21, 0.05, 0.5), (22, 0.1, 0.0), (60, 1.0, 0.0)):  # samples of 50 ms
        p = np.concatenate([np.zeros(40 + late), np.full(200 - late, 1.0)])
        document = SCORERS["dc"].score(Recording({"f_hz": f_hz, "p_frac": p}, 0.05), Terms())
        assert document["max_error_1s_avg"] == pytest.approx(error)
        assert document["K"] == pytest.approx(k)


def test_the_slowest_path_waits_and_then_ramps_to_full_in_five_minutes():
    path = slowest_path(np.full(100, 1.0), 7, 4.0 / 300.0)
    assert path[6] == 0.0
    assert path[7] == pytest.approx(4.0 / 300.0)
    assert path[6 + 75] == pytest.approx(1.0)
    assert path[-1] == pytest.approx(1.0)


def test_fcr_with_a_response_tells_the_share_of_time_inside_and_the_energy_missing():
    f_hz = np.concatenate([np.full(60, 50.0), np.full(540, 49.9)])  # half of full power
    p = np.concatenate([np.zeros(60), np.full(540, 0.4)])
    document = SCORERS["fcr"].score(Recording({"f_hz": f_hz, "p_frac": p}, 1.0), Terms(contract_mw=2.0))
    assert document["fraction_inside"] == pytest.approx(90.0 / 600.0)  # 60 s before, 30 s of grace
    assert document["missing_mwh"] == pytest.approx(510.0 * 0.1 * 2.0 / 3600.0)


@pytest.mark.parametrize(
    ("deviations_hz", "intervals"),
    [
        pytest.param([0.0] * 10 + [0.2] * 5 + [0.0] * 5, [[10, 15]], id="at once from 200 mHz on"),
        pytest.param([50.2 - 50.0] * 3, [[0, 3]], id="200 mHz with rounding above"),
        pytest.param([49.8 - 50.0] * 3, [[0, 3]], id="200 mHz with rounding below"),
        pytest.param([0.11] * 400, [[300, 400]], id="100 mHz for more than 5 min"),
        pytest.param([0.06] * 1000, [[900, 1000]], id="50 mHz for more than 15 min"),
        pytest.param([0.06] * 899 + [0.05] + [0.06] * 899, [], id="interrupted in time"),
        pytest.param([50.05 - 50.0] * 2000, [], id="50 mHz is inside the standard range"),
        pytest.param([0.2] * 5 + [0.06] * 5 + [0.04] * 5, [[0, 10]], id="lasts until the standard range"),
    ],
)
def test_alert_state_begins_and_ends_by_the_rule(deviations_hz, intervals):
    assert alert_intervals(np.array(deviations_hz), FcrAlert()) == intervals


def test_alert_state_is_counted_in_seconds_whatever_the_step():
    deviations_hz = np.repeat([0.0, 0.11, 0.0], [10, 400, 5])
    assert alert_intervals(deviations_hz, FcrAlert()) == [[310, 410]]
    assert alert_intervals(np.repeat(deviations_hz, 10), FcrAlert(), 0.1) == [[310, 410]]
