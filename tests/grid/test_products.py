"""Product rows: their curves against the reference table, their timing against the published numbers, their names."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest

from models.grid.products import ALIASES, MOST_POINTS, PRODUCTS, corners, product_key, share, shares

SERVICES = Path(__file__).parents[1] / "data" / "services"
# What the reference table calls the products whose names say more than the product.
REFERENCE_NAMES = {
    "IEEE1547_db36mHz_k5pct": "ieee1547",
    "EN50549_LFSMO_50.2_5pct": "lfsm-o",
    "EN50549_LFSMU_49.8_5pct": "lfsm-u",
    "VF_FCAS_raise_droop": "aemo-vf-raise",
}


def static_curves() -> dict[str, list[tuple[float, float]]]:
    """Deviation and share by product key, from the reference table."""
    curves: dict[str, list[tuple[float, float]]] = {}
    with (SERVICES / "static_curves.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            key = product_key(REFERENCE_NAMES.get(row["product"], row["product"]))
            assert key is not None, row["product"]
            assert PRODUCTS[key].nominal_hz == float(row["f_nominal_hz"])
            deviation_hz = float(row["f_hz"]) - float(row["f_nominal_hz"])
            curves.setdefault(key, []).append((deviation_hz, float(row["p_frac_expected"])))
    return curves


def test_every_static_curve_is_the_reference_curve():
    curves = static_curves()
    assert len(curves) == 11
    for key, points in curves.items():
        assert len(points) == 33
        for deviation_hz, expected in points:  # six decimals in the table
            assert share(PRODUCTS[key], deviation_hz) == pytest.approx(expected, abs=6e-7), (key, deviation_hz)


@pytest.mark.parametrize(
    ("key", "start_s", "full_s"),
    [
        pytest.param("fcr", 2.0, 30.0, id="SO GL"),
        pytest.param("fcr-n", math.nan, 180.0, id="Nordic: 95 % in 3 min"),
        pytest.param("fcr-d", math.nan, 7.5, id="Nordic ramp test"),
        pytest.param("fcr-d-up", math.nan, 7.5, id="Nordic, up"),
        pytest.param("fcr-d-down", math.nan, 7.5, id="Nordic, down"),
        pytest.param("ffr", 1.3, 1.3, id="Fingrid, 49.7 Hz"),
        pytest.param("ffr-49.6", 1.0, 1.0, id="Fingrid, 49.6 Hz"),
        pytest.param("ffr-49.5", 0.7, 0.7, id="Fingrid, 49.5 Hz"),
        pytest.param("dc", 0.5, 1.0, id="NESO DC"),
        pytest.param("dm", 0.5, 1.0, id="NESO DM"),
        pytest.param("dr", 2.0, 10.0, id="NESO DR"),
        pytest.param("regd", math.nan, math.nan, id="PJM RegD: a signal, scored by correlation"),
        pytest.param("rega", math.nan, 300.0, id="PJM RegA"),
        pytest.param("afrr", 30.0, 300.0, id="PICASSO: start and full activation time"),
        pytest.param("ieee1547", math.nan, 5.0, id="IEEE 1547: response time"),
        pytest.param("en50549", 0.5, 2.0, id="EN 50549: delay and response"),
        pytest.param("lfsm-o", 0.5, 2.0, id="EN 50549, over"),
        pytest.param("lfsm-u", 0.5, 2.0, id="EN 50549, under"),
        pytest.param("ercot-ffr", 0.25, 0.25, id="ERCOT: 15 cycles"),
        pytest.param("aemo-vf-raise", math.nan, 1.0, id="AEMO: 1 s window"),
        pytest.param("aemo-vf-lower", math.nan, 1.0, id="AEMO, lower"),
    ],
)
def test_start_and_full_times_are_the_published_ones(key, start_s, full_s):
    assert (PRODUCTS[key].start_s, PRODUCTS[key].full_s) == pytest.approx((start_s, full_s), nan_ok=True)


@pytest.mark.parametrize(
    ("key", "data_step_s", "energy_h"),
    [
        pytest.param("dc", 0.05, 0.25, id="20 samples a second; 15 min"),
        pytest.param("dm", 0.05, 0.5, id="20 samples a second; 30 min"),
        pytest.param("dr", 0.5, 1.0, id="2 samples a second; 60 min"),
        pytest.param("fcr", 1.0, 0.25, id="1 s; 15 min"),
        pytest.param("fcr-d", 0.1, 1.0 / 3.0, id="20 min"),
    ],
)
def test_data_rates_and_energies_are_the_published_ones(key, data_step_s, energy_h):
    assert (PRODUCTS[key].data_step_s, PRODUCTS[key].energy_h) == pytest.approx((data_step_s, energy_h))


def test_every_row_names_its_source_version_and_confidence_and_has_a_curve_that_falls():
    for key, product in PRODUCTS.items():
        assert product.source, key
        assert product.version, key
        assert product.confidence in ("S", "M", "S/M"), key
        assert key == product.key == key.lower()
        assert (product.curve == ()) == (product.kind == "signal"), key
        assert len(product.curve) <= MOST_POINTS
        deviations = [point.deviation_hz for point in product.curve]
        assert deviations == sorted(deviations), key
        given = [point.share for point in product.curve]
        if product.kind == "curve":
            assert given == sorted(given, reverse=True), key


def test_aliases_lead_to_one_key_and_hide_none():
    assert not set(ALIASES) & set(PRODUCTS)
    assert product_key("FCR_D up") == "fcr-d-up"
    assert product_key("Dynamic Containment") == "dc"
    assert product_key("pjm") == "regd"
    assert product_key("fast") is None


def test_a_step_is_complete_at_its_level_whatever_the_rounding():
    ffr = PRODUCTS["ffr"]
    assert 49.7 - 50.0 > -0.3  # the trap: the level is missed by 3e-15 Hz
    assert share(ffr, 49.7 - 50.0) == 1.0
    assert share(ffr, 49.7001 - 50.0) == 0.0
    assert share(ffr, 50.4 - 50.0) == 0.0


def test_over_arrays_a_curve_is_the_same():
    deviations_hz = np.linspace(-0.6, 0.6, 481)
    for key, product in PRODUCTS.items():
        single = [share(product, hz) for hz in deviations_hz.tolist()]
        np.testing.assert_allclose(shares(product, deviations_hz), single, atol=1e-8, err_msg=key)


def test_a_short_curve_repeats_its_last_corner():
    assert corners(PRODUCTS["fcr"]) == (-0.2, 1.0, *((0.2, -1.0) * 5))
    assert corners(PRODUCTS["regd"]) == (0.0,) * 12


@pytest.mark.parametrize(
    ("recovery", "keys"),
    [
        pytest.param("baseline", {"fcr", "dc", "dm", "dr"}, id="by settlement period, through the baseline"),
        pytest.param("managed", {"fcr-n", "fcr-d", "fcr-d-up", "fcr-d-down"}, id="NEM and AEM"),
        pytest.param("ready", {"ffr", "ffr-49.6", "ffr-49.5", "ercot-ffr"}, id="to be ready for the next release"),
        pytest.param(
            "none",
            {"regd", "rega", "afrr", "ieee1547", "en50549", "lfsm-o", "lfsm-u", "aemo-vf-raise", "aemo-vf-lower"},
            id="no rule: signals, connection standards, and six seconds that another service takes over",
        ),
    ],
)
def test_each_product_has_its_energy_rule_or_says_that_there_is_none(recovery, keys):
    assert {key for key, row in PRODUCTS.items() if row.recovery == recovery} == keys
    for key in keys:
        row = PRODUCTS[key]
        assert (row.reservoir is not None) == (recovery == "managed")
        assert math.isnan(row.recover_share) == math.isnan(row.settlement_s) == (recovery != "baseline")
        assert math.isnan(row.recover_pu) == math.isnan(row.recover_wait_s) == (recovery != "ready")
        if recovery == "none":
            assert any(word in row.energy_rule for word in ("none", "no rule", "no common rule")), row.energy_rule


@pytest.mark.parametrize(("key", "reserved"), [("dc", 0.1), ("dm", 0.2), ("dr", 0.4)])
def test_what_neso_wants_kept_free_for_recovery_follows_from_the_volume(key, reserved):
    """Response Services Procurement Rules, schedule 1, Reserved Capacity: 10, 20 and 40 % of the offered quantity."""
    row = PRODUCTS[key]
    assert row.recover_share * row.energy_h * 3600.0 / row.settlement_s == pytest.approx(reserved)
    assert f"{100.0 * reserved:g} % of the contract" in row.energy_rule


@pytest.mark.parametrize(
    ("key", "hours"),
    [("fcr", 0.5), ("fcr-n", 2.0), ("fcr-d", 2.0 / 3.0), ("fcr-d-up", 1.0 / 3.0), ("fcr-d-down", 1.0 / 3.0),
     ("dc", 0.5), ("dr", 2.0), ("regd", 0.5), ("ercot-ffr", 0.25)],
)  # fmt: skip
def test_a_reservoir_holds_what_is_owed_in_all_directions_together(key, hours):
    assert PRODUCTS[key].energy_both_h == pytest.approx(hours)
