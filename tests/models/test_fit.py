"""Loss polynomials against the efficiency tables they are fitted to."""

from collections import defaultdict

import pytest

from models.car.converter import Loss, grid_for_plug_w, loss_w
from models.car.fit import fit_loss
from models.car.vehicle import DC_STATION_LOSS, ONBOARD_LOSS


def converter_rows(fleet_table, name, power_at):
    """Power [W] and efficiency of a converter class, at its DC or its AC side."""
    rows = [row for row in fleet_table("converter_efficiency_by_power") if row["converter_class"] == name]
    pairs = [(1e3 * float(row["dc_power_kw"]), float(row["efficiency"])) for row in rows]
    return pairs if power_at == "dc" else [(power_w / efficiency, efficiency) for power_w, efficiency in pairs]


def onboard_rows(fleet_table):
    """Power [W] and efficiency by (model, phases)."""
    rows = defaultdict(list)
    for row in fleet_table("obc_efficiency_by_current"):
        power_w = 230.0 * float(row["current_a"]) * int(row["phases"])
        rows[row["model"], row["phases"]].append((power_w, float(row["charge_efficiency_pct"]) / 100.0))
    return rows


def test_a_polynomial_is_found_again():
    loss = Loss(100.0, 0.03, 2e-6)
    rows = [(power_w, power_w / grid_for_plug_w(power_w, loss, loss)) for power_w in (500.0, 2e3, 5e3, 1e4, 2e4)]
    fit = fit_loss(rows, upstream=True)
    assert list(fit.loss) == pytest.approx(list(loss), rel=1e-6)
    assert fit.worst_efficiency_error < 1e-9


def test_no_coefficient_is_negative():
    # Efficiency falling with power and ever more slowly: without the bound the constant would be -20 W.
    rows = [(power_w, 1.0 - (0.1 + 1e-6 * power_w - 20.0 / power_w)) for power_w in (1e3, 2e3, 5e3, 1e4)]
    fit = fit_loss(rows, upstream=False)
    assert fit.loss.constant_w == 0.0
    assert fit.loss.linear > 0.0
    assert 0.0 < fit.worst_efficiency_error < 0.02


@pytest.mark.parametrize("rows", [[], [(0.0, 0.9)], [(1e3, 0.0)]], ids=["empty", "no power", "no efficiency"])
def test_a_table_without_positive_rows_is_refused(rows):
    with pytest.raises(ValueError, match="positive power and efficiency"):
        fit_loss(rows, upstream=True)


def test_the_packaged_fits_and_their_errors_follow_from_the_tables(fleet_table):
    onboard = onboard_rows(fleet_table)
    for row in fleet_table("loss_fits"):
        if row["table"] == "obc_efficiency_by_current":
            rows = onboard[row["name"], row["phases"]]
        else:
            rows = converter_rows(fleet_table, row["name"], row["power_at"])
        fit = fit_loss(rows, upstream=row["power_at"] == "dc")
        stated = [float(row[column]) for column in ("constant_w", "linear", "quadratic_per_w")]
        assert stated == pytest.approx(list(fit.loss), rel=1e-5, abs=1e-9), row["name"]
        assert float(row["worst_efficiency_error"]) == pytest.approx(fit.worst_efficiency_error, abs=5e-5)
        assert int(row["rows"]) == len(rows)


@pytest.mark.parametrize(
    ("name", "power_at", "loss", "error"),
    [
        pytest.param("L2_onboard_or_dc_le_20kw", "ac", ONBOARD_LOSS, 0.017, id="on-board charger"),
        pytest.param("dc_20_to_100kw", "dc", DC_STATION_LOSS, 0.030, id="DC station"),
    ],
)
def test_the_default_losses_are_the_fits_and_stay_this_near_to_the_table(name, power_at, loss, error, fleet_table):
    rows = converter_rows(fleet_table, name, power_at)
    assert list(loss) == pytest.approx(list(fit_loss(rows, upstream=power_at == "dc").loss), rel=1e-6, abs=1e-12)
    for power_w, efficiency in rows:
        lost_w = loss_w(power_w, loss, loss)
        fitted = power_w / (power_w + lost_w) if power_at == "dc" else 1.0 - lost_w / power_w
        assert fitted == pytest.approx(efficiency, abs=error)
