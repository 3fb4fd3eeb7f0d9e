"""Visits drawn from the packaged tables have the statistics of those tables."""

from statistics import fmean

import pytest

from models.draws import stream_key
from models.people.arrivals import arrival_tables, curve, quantile, sample_visit

KEY = stream_key(1, "fleet.arrival")
LEVELS = {"p5": 0.05, "p10": 0.10, "p25": 0.25, "p50": 0.50, "p75": 0.75, "p90": 0.90, "p95": 0.95, "p99": 0.99}
HOME, PUBLIC, WORK = ("private", "home"), ("public", "public"), ("workplace", "work")


def tables_of(fleet_table, place, coupling=0.5):
    """Tables of a location on weekdays; `place` is its name in the quantiles and in the hourly means."""
    location, short = place
    quantiles = {row["quantity"]: row for row in fleet_table("session_quantiles") if row["location"] == location}
    means = fleet_table("session_means_by_arrival_hour")

    def pairs(quantity):
        return [(level, float(quantiles[quantity][name])) for name, level in LEVELS.items()]

    return arrival_tables(
        [float(row[f"{location}_weekday"]) for row in fleet_table("arrival_hourly")],
        [float(row[f"mean_session_h_{short}"] or "nan") for row in means],
        [float(row[f"mean_energy_kwh_{short}"] or "nan") for row in means],
        pairs("connection_h"),
        pairs("energy_kwh"),
        float(quantiles["connection_h"]["mean"]),
        float(quantiles["energy_kwh"]["mean"]),
        coupling,
    )


@pytest.mark.parametrize("place", [HOME, PUBLIC, WORK], ids=["home", "public", "work"])
def test_visits_have_the_hours_stays_and_energies_of_the_tables(place, fleet_table):
    tables = tables_of(fleet_table, place)
    visits = [sample_visit(KEY, ev_id, tables) for ev_id in range(12_000)]
    hours = [int(visit.arrive_s // 3600) for visit in visits]
    start = 0.0
    for hour, end in enumerate(tables.arrival_ends):
        share = end - start
        assert hours.count(hour) / len(visits) == pytest.approx(share, abs=0.002 + 4.0 * (share / 12_000) ** 0.5)
        start = end
    peak = max(range(24), key=hours.count)
    of_peak = [visit for visit, hour in zip(visits, hours, strict=True) if hour == peak]
    stays_s = [visit.leave_s - visit.arrive_s for visit in of_peak]
    assert fmean(stays_s) == pytest.approx(tables.mean_duration_s[peak], rel=0.08)
    assert fmean(visit.energy_wh for visit in of_peak) == pytest.approx(tables.mean_energy_wh[peak], rel=0.08)


def test_a_visit_is_a_function_of_key_and_vehicle(fleet_table):
    tables = tables_of(fleet_table, HOME)
    assert sample_visit(KEY, 7, tables) == sample_visit(KEY, 7, tables)
    assert sample_visit(KEY, 7, tables) != sample_visit(KEY, 8, tables)
    assert sample_visit(KEY, 7, tables) != sample_visit(stream_key(2, "fleet.arrival"), 7, tables)


def test_another_day_is_another_visit_a_day_later(fleet_table):
    tables = tables_of(fleet_table, HOME)
    first, second = sample_visit(KEY, 7, tables, day=0), sample_visit(KEY, 7, tables, day=1)
    assert 0.0 <= first.arrive_s < 86_400.0 <= second.arrive_s < 2 * 86_400.0
    assert second.arrive_s - 86_400.0 != first.arrive_s


@pytest.mark.parametrize(("coupling", "correlation"), [(0.0, 0.0), (1.0, 1.0)])
def test_coupling_ties_energy_to_stay_without_changing_the_curves(coupling, correlation, fleet_table):
    tables = tables_of(fleet_table, HOME, coupling)._replace(mean_duration_s=(1.0,) * 24, mean_energy_wh=(1.0,) * 24)
    visits = [sample_visit(KEY, ev_id, tables) for ev_id in range(3_000)]
    stays = sorted(range(3_000), key=lambda k: visits[k].leave_s - visits[k].arrive_s)
    ranks = sorted(range(3_000), key=lambda k: visits[k].energy_wh)
    place = {k: rank for rank, k in enumerate(ranks)}
    found = 1.0 - 6.0 * sum((rank - place[k]) ** 2 for rank, k in enumerate(stays)) / (3_000 * (3_000**2 - 1))
    assert found == pytest.approx(correlation, abs=0.06)
    assert fmean(visit.energy_wh for visit in visits) == pytest.approx(1.0, rel=0.06)


@pytest.mark.parametrize("quantity", ["connection_h", "energy_kwh"])
@pytest.mark.parametrize("location", ["private", "public", "workplace"])
def test_a_curve_keeps_the_published_quantiles(quantity, location, fleet_table):
    rows = {(row["quantity"], row["location"]): row for row in fleet_table("session_quantiles")}
    row = rows[quantity, location]
    mean = float(row["mean"])
    drawn = curve([(level, float(row[name])) for name, level in LEVELS.items()], mean)
    assert quantile(drawn, 0.5) / quantile(drawn, 0.25) == pytest.approx(float(row["p50"]) / float(row["p25"]))
    # The published mean is met within a few percent although only eight points of the curve are kept.
    assert quantile(drawn, 0.5) * mean == pytest.approx(float(row["p50"]), rel=0.05)


def test_a_curve_is_linear_between_its_points():
    drawn = curve([(0.5, 1.0)], 1.0)  # the mean puts the upper end at 2
    assert [quantile(drawn, level) for level in (0.0, 0.25, 0.5, 0.75)] == [0.0, 0.5, 1.0, 1.5]


@pytest.mark.parametrize(
    "quantiles", [[(0.5, 2.0), (0.9, 1.0)], [(1.0, 2.0)], [(0.0, 1.0)]], ids=["falling", "level 1", "level 0"]
)
def test_quantiles_that_are_no_distribution_are_refused(quantiles):
    with pytest.raises(ValueError, match="quantiles must rise"):
        curve(quantiles, 1.0)


@pytest.mark.parametrize(
    ("share", "message"),
    [([1.0] * 23, "24 numbers, got 23"), ([-1.0, *[1.0] * 23], "at least 0"), ([0.0] * 24, "at least 0")],
    ids=["length", "negative", "nothing"],
)
def test_tables_that_are_no_day_are_refused(share, message):
    with pytest.raises(ValueError, match=message):
        arrival_tables(share, [1.0] * 24, [1.0] * 24, [(0.5, 1.0)], [(0.5, 1.0)], 1.0, 1.0)


def test_an_hour_without_a_mean_gets_the_overall_one():
    hours = [float("nan"), *[2.0] * 23]
    tables = arrival_tables([1.0] * 24, hours, hours, [(0.5, 1.0)], [(0.5, 1.0)], 5.0, 7.0)
    assert tables.mean_duration_s[:2] == (18_000.0, 7_200.0)
    assert tables.mean_energy_wh[:2] == (7_000.0, 2_000.0)
