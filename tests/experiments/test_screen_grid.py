"""The line of a run's summary that tells what the grid went through."""

import pytest

from experiments.screen import grid_line

QUIET = {"maximum_deviation_hz": 0.4, "second_fall_hz": 0.03, "late_swing_hz": 0.001}


@pytest.mark.parametrize(
    ("figures", "line"),
    [
        pytest.param({}, "", id="nothing worth telling"),
        pytest.param(
            {"shed_stages": 1, "shed_w": 350e6, "first_shed_s": 106.96, "sessions_without_supply": 1},
            "1 stage shed, 350 MW net, first at 107.0 s · 1 session lost its supply",
            id="load shed",
        ),
        pytest.param(
            {"maximum_tie_w": 5.17e6, "neighbour_nadir_hz": 49.772},
            "tie line at most 5.17 MW · neighbour at least 49.772 Hz",
            id="two areas",
        ),
        pytest.param({"second_fall_hz": 0.08}, "second fall 0.080 Hz", id="rebound"),
        pytest.param({"late_swing_hz": 1.209}, "still moves by 1.209 Hz in the last tenth", id="ringing"),
    ],
)
def test_the_verdicts_of_the_grid_are_on_the_screen(figures, line):
    assert grid_line(QUIET | figures) == line
