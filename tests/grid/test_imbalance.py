"""Disturbances and sampled series: values at an instant and exact means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.grid.imbalance import PowerEvent, held, mean_power_mw, mean_sampled, power_mw, sampled

TRIP = PowerEvent(300.0, -6.0)
RAMP = PowerEvent(10.0, 4.0, 2.0)


@pytest.mark.parametrize(
    ("time_s", "power"),
    [(0.0, 0.0), (10.0, 0.0), (10.5, 1.0), (12.0, 4.0), (299.999, 4.0), (300.0, -2.0), (1e6, -2.0)],
)
def test_power_of_a_ramp_and_a_trip(time_s: float, power: float) -> None:
    assert power_mw((RAMP, TRIP), time_s) == power


@pytest.mark.parametrize(
    ("start_s", "end_s", "mean"),
    [
        pytest.param(299.9, 300.0, 0.0, id="ends at the step"),
        pytest.param(300.0, 300.1, -6.0, id="begins at the step"),
        pytest.param(299.0, 301.0, -3.0, id="step in the middle"),
        pytest.param(0.0, 400.0, -1.5, id="long"),
    ],
)
def test_mean_of_a_step(start_s: float, end_s: float, mean: float) -> None:
    assert mean_power_mw((TRIP,), start_s, end_s) == pytest.approx(mean, rel=1e-12)


@pytest.mark.parametrize(
    ("start_s", "end_s", "mean"),
    [
        pytest.param(9.0, 10.0, 0.0, id="before"),
        pytest.param(10.0, 12.0, 2.0, id="whole ramp"),
        pytest.param(9.0, 11.0, 0.5, id="first half and before"),
        pytest.param(10.5, 11.5, 2.0, id="inside"),
        pytest.param(11.0, 13.0, 3.5, id="second half and after"),
        pytest.param(8.0, 16.0, 2.5, id="all"),
        pytest.param(20.0, 21.0, 4.0, id="after"),
    ],
)
def test_mean_of_a_ramp(start_s: float, end_s: float, mean: float) -> None:
    assert mean_power_mw((RAMP,), start_s, end_s) == pytest.approx(mean, rel=1e-12)


TIMES_S = (0.0, 1.0, 3.0, 3.0, 4.0)
VALUES = (50.0, 49.0, 51.0, 40.0, 40.0)  # a jump at 3 s


@pytest.mark.parametrize(
    ("time_s", "linear", "stairs"),
    [
        pytest.param(-5.0, 50.0, 50.0, id="first held"),
        pytest.param(0.5, 49.5, 50.0, id="between"),
        pytest.param(1.0, 49.0, 49.0, id="on a sample"),
        pytest.param(2.0, 50.0, 49.0, id="rising"),
        pytest.param(3.0, 40.0, 40.0, id="jump"),
        pytest.param(9.0, 40.0, 40.0, id="last held"),
    ],
)
def test_value_of_a_series(time_s: float, linear: float, stairs: float) -> None:
    assert sampled(TIMES_S, VALUES, time_s) == linear
    assert held(TIMES_S, VALUES, time_s) == stairs


@pytest.mark.parametrize(
    ("start_s", "end_s", "mean"),
    [
        pytest.param(-2.0, -1.0, 50.0, id="before"),
        pytest.param(0.0, 1.0, 49.5, id="one line"),
        pytest.param(0.5, 2.0, (0.5 * 49.25 + 1.0 * 49.5) / 1.5, id="across a sample"),
        pytest.param(2.0, 3.0, 50.5, id="up to a jump"),
        pytest.param(3.0, 4.0, 40.0, id="from a jump"),
        pytest.param(2.0, 4.0, 45.25, id="across a jump"),
        pytest.param(3.5, 10.0, 40.0, id="beyond the end"),
        pytest.param(-1.0, 1.0, 49.75, id="from before the start"),
    ],
)
def test_mean_of_a_series(start_s: float, end_s: float, mean: float) -> None:
    assert mean_sampled(TIMES_S, VALUES, start_s, end_s) == pytest.approx(mean, rel=1e-12)


instants = st.floats(-2.0, 20.0)


@given(instants, st.floats(0.01, 5.0), st.floats(0.01, 5.0))
def test_means_of_neighbouring_spans_add_up(start_s: float, first_s: float, second_s: float) -> None:
    middle_s, end_s = start_s + first_s, start_s + first_s + second_s
    for mean in (
        lambda a, b: mean_power_mw((RAMP, PowerEvent(5.0, -3.0)), a, b),
        lambda a, b: mean_sampled(TIMES_S, VALUES, a, b),
    ):
        parts = mean(start_s, middle_s) * (middle_s - start_s) + mean(middle_s, end_s) * (end_s - middle_s)
        assert parts == pytest.approx(mean(start_s, end_s) * (end_s - start_s), rel=1e-9, abs=1e-9)
